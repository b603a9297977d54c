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
