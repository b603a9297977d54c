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

# In R, random things follow set.seed().
seed_or_draw <- function(seed) {
  if (is.null(seed)) sample.int(.Machine$integer.max, 1L) else seed
}
