#' Convolve and activate, then pool
#'
#' The layers are `n_conv` times `Conv2D`, `BatchNormalization` where asked for, and the
#' activation; then the pooling layer, then `Dropout` where asked for.
#'
#' @param x Keras tensor, (batch, height, width, channels), as `keras$Input()`, a layer
#'   or another block gives it.
#' @param filters Whole number, output channels of each convolution. Default 32.
#' @param n_conv Whole number, convolutions before the pooling. Default 1.
#' @param kernel_size Whole number or `c(height, width)`, the filter's size in pixels.
#'   Default 3.
#' @param strides Whole number or `c(height, width)`, the step of the first convolution
#'   in pixels; the others have step 1. Default 1.
#' @param padding `"same"` (the output is as large as the input) or `"valid"` (no
#'   padding). Default `"same"`.
#' @param activation Name of a Keras activation, or `NULL` for none. Default `"relu"`.
#' @param batch_norm `TRUE` to normalise between convolution and activation. Default
#'   `FALSE`.
#' @param pool `"max"`, `"average"`, or `NULL` for no pooling. Default `"max"`.
#' @param pool_size Whole number or `c(height, width)`, the pooling window and its step
#'   in pixels. Default 2.
#' @param dropout Number in `[0, 1)`, fraction of values dropped after the pooling while
#'   training. Default 0, no such layer.
#' @param name String, prefix of the layers' names (`<name>_conv1`, ...), or `NULL` for
#'   Keras's own names.
#' @return Keras tensor, (batch, height / 2, width / 2, filters) with the defaults.
#' @section Errors: A `reticnn_error` if `x` is not a Keras tensor, an argument is
#'   outside its range, or the image is smaller than the pooling window.
#' @references Keras's `Conv2D`, `BatchNormalization`, `MaxPooling2D` and `Dropout`.
#'   Several convolutions to a pooling: Simonyan and Zisserman (2015),
#'   \doi{10.48550/arXiv.1409.1556}. Normalisation before the activation: Ioffe and
#'   Szegedy (2015), \doi{10.48550/arXiv.1502.03167}.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(32L, 32L, 3L)) |>
#'   conv_block(64, n_conv = 2, batch_norm = TRUE)
conv_block <- function(x, filters = 32, n_conv = 1, kernel_size = 3, strides = 1,
                       padding = "same", activation = "relu", batch_norm = FALSE,
                       pool = "max", pool_size = 2, dropout = 0, name = NULL) {
  call_core("conv_block", x = x, filters = filters, n_conv = n_conv,
    kernel_size = kernel_size, strides = strides, padding = padding,
    activation = activation, batch_norm = batch_norm, pool = pool,
    pool_size = pool_size, dropout = dropout, name = name)
}

#' Reduce each feature map to one number
#'
#' @param x Keras tensor, (batch, height, width, channels).
#' @param kind `"average"` or `"max"`, over height and width. Default `"average"`.
#' @return Keras tensor, (batch, channels).
#' @section Errors: A `reticnn_error` if `x` is not a Keras tensor with height and width,
#'   or `kind` is another word.
#' @references Keras's `GlobalAveragePooling2D` and `GlobalMaxPooling2D`. Lin, Chen and
#'   Yan (2014), Network in Network, \doi{10.48550/arXiv.1312.4400}.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(8L, 8L, 64L)) |> global_pool()
global_pool <- function(x, kind = "average") {
  call_core("global_pool", x = x, kind = kind)
}

#' Map features to class probabilities
#'
#' Dense layers from features to one output for the classes.
#'
#' @param x Keras tensor, (batch, features), as [global_pool()] gives it.
#' @param num_classes Whole number of classes, at least 2. Default 2.
#' @param units Whole number of units of the hidden layer, or one for each of several
#'   hidden layers, or `NULL` for none. Default 256.
#' @param activation Name of a Keras activation of the hidden layers, or `NULL`. Default
#'   `"relu"`.
#' @param dropout Number in `[0, 1)`, fraction of units dropped after each hidden layer
#'   while training (without hidden layers, of the features). Default 0.
#' @param output `"auto"`, one sigmoid unit for two classes and softmax for more;
#'   `"softmax"`, one softmax unit a class; `"sigmoid"`, for two classes only;
#'   `"logits"`, one unit a class with no activation. Default `"auto"`.
#' @return Keras tensor, (batch, 1) for sigmoid, the probability of the second class;
#'   else (batch, num_classes).
#' @section Errors: A `reticnn_error` if `x` still has height and width, or an argument
#'   is outside its range.
#' @references Keras's `Dense` and `Dropout`.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(8L, 8L, 64L)) |>
#'   global_pool() |>
#'   classifier_head(num_classes = 10)
classifier_head <- function(x, num_classes = 2, units = 256, activation = "relu",
                            dropout = 0, output = "auto") {
  call_core("classifier_head", x = x, num_classes = num_classes, units = units,
    activation = activation, dropout = dropout, output = output)
}

#' Turn images of another kind into images for a pretrained network
#'
#' The layers are, for each number of `filters`, a convolution, normalisation where asked
#' for, and ReLU; then a convolution to the channels wanted. Height and width stay.
#' [transfer_model()] with `adapter = TRUE` puts it before its backbone.
#'
#' @param x Keras tensor, (batch, height, width, channels), of any number of channels.
#' @param filters Whole number of filters, or one for each of several convolutions.
#'   Default `c(32, 32)`.
#' @param out_channels Whole number of channels of the result. Default 3.
#' @param kernel_size Whole number or `c(height, width)`, the filters' size in pixels.
#'   Default 3.
#' @param batch_norm `TRUE` to normalise between convolution and activation. Default
#'   `TRUE`.
#' @return Keras tensor, (batch, height, width, out_channels).
#' @section Errors: A `reticnn_error` if `x` is not a Keras tensor with height and width,
#'   or an argument is outside its range.
#' @references Deep Learning and Computer Vision in R: A Practical Introduction
#'   (BIBC2025, Patrick Li), exercise 2.2.2.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' x <- keras$Input(c(32L, 32L, 3L))
#' keras$Model(x, domain_adapter(x))$count_params()
domain_adapter <- function(x, filters = c(32, 32), out_channels = 3, kernel_size = 3,
                           batch_norm = TRUE) {
  call_core("domain_adapter", x = x, filters = filters, out_channels = out_channels,
    kernel_size = kernel_size, batch_norm = batch_norm)
}
