#' The pretrained networks
#'
#' Those that [transfer_model()] can start from.
#'
#' @return A tibble with one row a network: `name`; `family`; `parameters`, without the
#'   top; `input_size`, the height and width in pixels it was made for; `min_size`, the
#'   smallest it takes; `preprocessing`, what [transfer_model()] does to pixels from 0 to
#'   255; `weights`, the weights that there are for it, `"imagenet"` from Keras, or `"none"`
#'   but one's own for the landmark models that Keras does not have; `cached`, whether
#'   they are on this machine already.
#' @references The networks are those of Keras's `keras.applications`, and of
#'   [landmark_architectures()].
#' @export
#' @examplesIf reticnn::reticnn_available()
#' backbones()
backbones <- function() {
  as_table(call_core("backbones"))
}

#' Build a classifier on a pretrained network
#'
#' Images, 0 to 255, go through the backbone's own preprocessing, the backbone, pooling
#' and a new head. The backbone is one layer of the model, under its name:
#' `model$get_layer("vgg16")`. It runs as in inference, also while it is fine-tuned: its
#' batch normalisation keeps the means and variances that it has, and it drops nothing.
#' Only a backbone without weights, which has none worth keeping, learns them where it is
#' trained.
#'
#' @param backbone Name that [backbones()] lists (in any case, and in Keras's spelling),
#'   or a Keras model from images to feature maps, which takes pixels as they are. A top
#'   that such a model has is left off; its layers are shared, not copied. Default
#'   `"vgg16"`.
#' @param input_shape `c(height, width, channels)` of the images. Grey images for a
#'   backbone of three channels are repeated; other numbers of channels need `adapter`.
#'   Default `c(224, 224, 3)`.
#' @param num_classes Whole number of classes, at least 2. Default 2.
#' @param weights `"imagenet"`, downloaded once through Keras and kept, or without a
#'   network those of another size of images, with a warning; the path of a file with the
#'   backbone's weights, with or without its top (`.keras`, `.weights.h5` without the top,
#'   `.h5` as Keras distributes them, or a saved classifier); a Keras model or classifier
#'   that has them, in itself or as its backbone; or `NULL` for random ones. A Keras model
#'   as `backbone` keeps its own with `"imagenet"` or `NULL`. Default `"imagenet"`.
#' @param train What of the backbone is trained with the head: `"head"`, nothing of it;
#'   `"last_block"`; the name of the layer, or block, to start from; a whole number of
#'   layers from its end; or `"all"`. Default `"head"`.
#' @param pooling `"avg"` or `"max"` of each feature map, or `"flatten"`. Default
#'   `"avg"`.
#' @param adapter `TRUE` for a [domain_adapter()] before the backbone, a list of its
#'   arguments, or `NULL` for none. It is always trained. Default `NULL`.
#' @param units Whole number of units of a hidden dense layer, or one for each of
#'   several, or `NULL` for none. Default `NULL`.
#' @param dropout Number in `[0, 1)`, as in [classifier_head()]. Default 0.
#' @param output `"auto"`, `"softmax"`, `"sigmoid"` or `"logits"`, as in
#'   [classifier_head()]. Default `"auto"`.
#' @param resize_to Height and width in pixels, or one number for both, to which the
#'   model itself resizes the images first, or `NULL`. Default `NULL`.
#' @param seed Whole number of at least 0 that fixes the initial weights of what is new.
#'   Default `NULL`: one is drawn from R's random numbers, so that [set.seed()] fixes
#'   them.
#' @return A Keras model, not compiled, from images (n, height, width, channels), 0 to
#'   255, to probabilities as [classifier_head()] gives them.
#' @section Errors: A `reticnn_error` if an argument is outside its range, the images are
#'   smaller than the backbone takes, the number of channels does not fit, the weights do
#'   not, with the layer and the shapes, or if ImageNet weights are not on this machine
#'   and cannot be downloaded, within 15 seconds where there is no network.
#' @references Yosinski et al. (2014), How transferable are features in deep neural
#'   networks?, \doi{10.48550/arXiv.1411.1792}. The networks are those of Keras's
#'   `keras.applications`.
#' @seealso [freeze()] and [unfreeze()] to change what is trained, [layer_table()].
#' @export
#' @examplesIf reticnn::reticnn_available()
#' # Random weights here; leave `weights` out for ImageNet's.
#' model <- transfer_model("mobilenet_0.25", c(32, 32, 3), weights = NULL)
#' unfreeze(model, "last_block")
#' tail(layer_table(model))
transfer_model <- function(backbone = "vgg16", input_shape = c(224, 224, 3),
                           num_classes = 2, weights = "imagenet", train = "head",
                           pooling = "avg", adapter = NULL, units = NULL, dropout = 0,
                           output = "auto", resize_to = NULL, seed = NULL) {
  call_core("transfer_model", backbone = as_core(backbone), input_shape = input_shape,
    num_classes = num_classes, weights = as_core(weights), train = train,
    pooling = pooling, adapter = adapter, units = units, dropout = dropout,
    output = output, resize_to = resize_to, seed = seed_or_draw(seed))
}

#' Choose which layers are trained
#'
#' `freeze()` keeps layers from being trained, `unfreeze()` lets them be trained. Models
#' within the model, such as the backbone of [transfer_model()], are looked into: what is
#' counted and chosen are the layers in them.
#'
#' The batch normalisation of a backbone of [transfer_model()] keeps its means and
#' variances also where it is trained; see there. A model compiled before needs
#' `model$compile()` again for Keras's own `model$fit()`; [fit_classifier()] sees to that
#' by itself: it gives the model a fresh optimizer with the same settings where other
#' weights are trained than before, and keeps the one that it has where they are the same.
#'
#' @section Python's slices in R:
#' The workshop goes over `vgg16$layers[-5:-2]`, and means Python's slice: from the fifth
#' layer from the end to the third from the end. What R makes of these words depends on how
#' Keras was imported.
#'
#' * Here, and after `reticulate::import("keras")`, `vgg16$layers` is an R list, and
#'   `[-5:-2]` is that list without its elements 2 to 5, with no error. The slice is
#'   `reticulate::py_get_attr(vgg16, "layers")[-5:-2]`, a list for R's `for`; or
#'   `unfreeze(vgg16, c(-5, -2))`, without a loop.
#' * After `reticulate::import("keras", convert = FALSE)`, `vgg16$layers[-5:-2]` is the
#'   slice. R's `for` cannot go over Python objects: use [reticulate::iterate()], or
#'   `for (layer in reticulate::py_to_r(vgg16$layers[-5:-2]))`.
#'
#' In both, a model whose own `trainable` is `FALSE` trains none of its layers, whatever a
#' loop says of them; `freeze(vgg16)` leaves that to each layer.
#'
#' @param model Keras model, or classifier.
#' @param layers Which of them: `NULL` for all; a name of a layer, of a model within, or
#'   of a block (`"block5"` for `block5_conv1` and so on); a pattern with `*` and `?`;
#'   `"last_block"` of a known backbone; several names; a whole number of layers from
#'   the end; `c(start, stop)` as in a Python slice, counted from 0 or from the end and
#'   without `stop`, `list(-4, NULL)` up to the end; a layer or a list of them; or a
#'   function from a layer to `TRUE` or `FALSE`. Default `NULL`.
#' @return The same model or classifier, changed in place, invisibly.
#' @section Errors: A `reticnn_error` if `model` is not a Keras model or classifier, or no
#'   layer is chosen.
#' @references Keras's `Layer.trainable`.
#' @seealso [layer_table()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' model <- build_cnn()
#' freeze(model)
#' unfreeze(model, "block3")
#' unfreeze(model, 2)
#' unfreeze(model, \(layer) inherits(layer, "keras.src.layers.core.dense.Dense"))
#' layer_table(model)
#'
#' # The workshop's block5_conv1 to 3 of VGG16, in three ways
#' vgg16 <- keras$applications$VGG16(
#'   weights = NULL, include_top = FALSE, input_shape = c(32L, 32L, 3L), pooling = "avg"
#' )
#' freeze(vgg16)
#' unfreeze(vgg16, "last_block")
#' unfreeze(vgg16, c(-5, -2))
#' for (layer in reticulate::py_get_attr(vgg16, "layers")[-5:-2]) {
#'   layer$trainable <- TRUE
#' }
#' length(vgg16$trainable_weights)
freeze <- function(model, layers = NULL) {
  call_core("freeze", model = as_core(model), layers = layers)
  invisible(model)
}

#' @rdname freeze
#' @export
unfreeze <- function(model, layers = NULL) {
  call_core("unfreeze", model = as_core(model), layers = layers)
  invisible(model)
}

#' The layers of a model
#'
#' Those of models within it included, such as the backbone of [transfer_model()].
#'
#' @param model Keras model, or classifier.
#' @return A tibble with one row a layer in the model's order, a model within before its
#'   layers: `name`; `type`; `output_shape`, as text without the batch, `"7 x 7 x 512"`;
#'   `parameters`; `trainable`, whether anything of it is trained; `parent`, the name of
#'   the model within that it is in, or `""`.
#' @section Errors: A `reticnn_error` if `model` is not a Keras model or classifier, or a
#'   layer of it has no weights yet.
#' @seealso [freeze()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' layer_table(build_cnn())
layer_table <- function(model) {
  as_table(call_core("layer_table", model = as_core(model)))
}
