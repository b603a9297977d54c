#' Build a fully connected network
#'
#' Dense layers on the flattened pixels.
#'
#' @param input_shape `c(height, width, channels)` of the images. Default
#'   `c(32, 32, 3)`.
#' @param num_classes Whole number of classes, at least 2. Default 2.
#' @param units Whole number of units of the hidden layer, or one for each of several
#'   hidden layers. Default 256.
#' @param dropout Number in `[0, 1)`, fraction of units dropped after each hidden layer
#'   while training. Default 0.
#' @param output `"auto"`, `"softmax"`, `"sigmoid"` or `"logits"`, as in
#'   [classifier_head()]. Default `"auto"`.
#' @param rescale `TRUE` divides the pixels, 0 to 255, by 255 inside the model. Default
#'   `TRUE`.
#' @param seed Whole number of at least 0 that fixes the initial weights. Default
#'   `NULL`: one is drawn from R's random numbers, so that [set.seed()] fixes them.
#' @return A Keras model, not compiled, from images (n, height, width, channels), 0 to
#'   255, to probabilities as [classifier_head()] gives them. It has Keras's methods,
#'   such as `model$summary()`.
#' @section Errors: A `reticnn_error` if an argument is outside its range.
#' @references Keras's `Flatten` and `Dense`.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' build_mlp(c(64, 64, 3), 2, 256, output = "softmax")$count_params()
build_mlp <- function(input_shape = c(32, 32, 3), num_classes = 2, units = 256,
                      dropout = 0, output = "auto", rescale = TRUE, seed = NULL) {
  call_core("build_mlp", input_shape = input_shape, num_classes = num_classes,
    units = units, dropout = dropout, output = output, rescale = rescale,
    seed = seed_or_draw(seed))
}

#' Build a convolutional network
#'
#' Blocks of convolutions, global average pooling, dense layers. With the defaults it is
#' the simple CNN of the workshop that the package comes from: 28,097 parameters.
#'
#' @inheritParams build_mlp
#' @param filters Whole number of filters in every block, or one number a block, which
#'   then also says how many blocks there are. Default 32.
#' @param n_blocks Whole number of blocks, for one number of `filters`. Default 3.
#' @param n_conv Whole number of convolutions a block. Default 1.
#' @param units Whole number of units of the hidden dense layer, or one for each of
#'   several, or `NULL` for none. Default 256.
#' @param batch_norm `TRUE` for batch normalisation after every convolution. Default
#'   `FALSE`.
#' @param block_dropout Number in `[0, 1)`, dropout after each block's pooling. Default
#'   0.
#' @param dropout Number in `[0, 1)`, dropout after each hidden dense layer. Default 0.
#' @return A Keras model, not compiled, from images (n, height, width, channels), 0 to
#'   255, to probabilities as [classifier_head()] gives them. Layers are named by block,
#'   `block1_conv1` and so on.
#' @section Errors: A `reticnn_error` if an argument is outside its range, or the images
#'   are too small for so many blocks.
#' @references Deep Learning and Computer Vision in R: A Practical Introduction
#'   (BIBC2025, Patrick Li), session 2.2.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' model <- build_cnn()
#' model$count_params()
#' build_cnn(c(64, 64, 1), 10, filters = c(16, 32, 64, 128))
build_cnn <- function(input_shape = c(32, 32, 3), num_classes = 2, filters = 32,
                      n_blocks = 3, n_conv = 1, units = 256, batch_norm = FALSE,
                      block_dropout = 0, dropout = 0, output = "auto", rescale = TRUE,
                      seed = NULL) {
  call_core("build_cnn", input_shape = input_shape, num_classes = num_classes,
    filters = filters, n_blocks = n_blocks, n_conv = n_conv, units = units,
    batch_norm = batch_norm, block_dropout = block_dropout, dropout = dropout,
    output = output, rescale = rescale, seed = seed_or_draw(seed))
}

#' Build a landmark architecture
#'
#' @param name Name of the architecture, one of `landmark_architectures()$name`.
#' @param input_shape `c(height, width, channels)` of the images, or `NULL` for the
#'   paper's. Default `NULL`.
#' @param num_classes Whole number of classes, at least 2, or `NULL` for the paper's.
#'   Default `NULL`.
#' @param weights `NULL` for random ones; the path of a file with the network's weights
#'   (`.keras`, `.h5` as Keras distributes them, a saved classifier, or `.weights.h5` of
#'   this very model); a Keras model or classifier that has them; or `"imagenet"`, those of
#'   the same network in `keras.applications`, downloaded once and kept. The top, or its
#'   last layer, stays random where the weights have none, or one for other classes.
#'   Keras's are those of `conv_bias = TRUE` for a ResNet, and of `activation = "relu6"`
#'   for a MobileNet. Default `NULL`.
#' @param rescale `TRUE` brings the pixels, 0 to 255, to the scale of the paper inside
#'   the model. Default `TRUE`.
#' @param ... Options of the family, by name:
#'   * AlexNet: `groups`, 2 (default), the second, fourth and fifth convolutions see half
#'     of the channels each, as on the paper's two GPUs; or 1.
#'   * GoogLeNet: `auxiliary`, `TRUE` (default) for two further classifiers on the way,
#'     whose losses count 0.3 while training; predictions and saved files are without
#'     them.
#'   * ResNet: `stem`, `"standard"` (default), or `"small"` for small images, a
#'     convolution of 3 x 3 with a step of 1 and no pooling, as the paper has it for
#'     32 x 32; `shortcut` and `conv_bias` as in [residual_block()].
#'   * DenseNet: `stem` as in ResNet; `dropout` as in [dense_block()].
#'   * MobileNet: `width`, factor of the number of filters (default 1); `activation`,
#'     `"relu"` (default), or `"relu6"` as in `keras.applications`.
#'   * ConvNeXt: `drop_rate`, share of the images for which the last block is left out
#'     while training, less for those before it, `NULL` (default) for the paper's;
#'     `layer_scale` as in [convnext_block()].
#' @inheritParams build_mlp
#' @return A Keras model, not compiled, from images (n, height, width, channels), 0 to
#'   255, to probabilities as [classifier_head()] gives them.
#' @section Errors: A `reticnn_error` if there is no such architecture or option, the
#'   images are too small for it, an argument is outside its range, the weights do not
#'   fit, with the layer and the shapes, or if ImageNet weights are not on this machine
#'   and cannot be downloaded, within 15 seconds where there is no network.
#' @references See the column `reference` of [landmark_architectures()].
#' @seealso [landmark_architectures()], [training_recipe()], [describe_model()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' model <- landmark_model("mobilenet", c(32, 32, 3), 2, width = 0.25)
#' model$count_params()
landmark_model <- function(name, input_shape = NULL, num_classes = NULL, weights = NULL,
                           output = "auto", rescale = TRUE, seed = NULL, ...) {
  call_core("landmark_model", name = name, input_shape = input_shape,
    num_classes = num_classes, weights = as_core(weights), output = output, rescale = rescale,
    seed = seed_or_draw(seed), ...)
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
