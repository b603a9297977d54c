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
#'   Keras's own names. Default `NULL`.
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

#' Convolve, and add the input to the result
#'
#' Two convolutions of 3 x 3; or with `bottleneck` one of 1 x 1 that narrows, one of
#' 3 x 3, and one of 1 x 1 that widens to `4 * filters`. Each is normalised; an
#' activation follows all but the last, and the sum.
#'
#' @inheritParams conv_block
#' @param filters Whole number of filters of the 3 x 3 convolutions. Default 64.
#' @param strides Whole number, the step of the first convolution in pixels. Default 1.
#' @param bottleneck `TRUE` for three convolutions in place of two. Default `FALSE`.
#' @param shortcut How the input comes to the shape of the result where they differ:
#'   `"projection"`, a convolution of 1 x 1 with weights, or `"padding"`, every
#'   `strides`-th pixel and channels of zeros, without weights. Default `"projection"`.
#' @param conv_bias `TRUE` for a bias in the convolutions, as `keras.applications` has
#'   it. Default `FALSE`, as in the paper.
#' @return Keras tensor, (batch, height / strides, width / strides, filters), with
#'   `bottleneck` four times as many channels.
#' @section Errors: A `reticnn_error` if `x` is not a Keras tensor, an argument is
#'   outside its range, or `shortcut = "padding"` would have to take channels away.
#' @references He, Zhang, Ren and Sun (2015), Deep Residual Learning for Image
#'   Recognition, \doi{10.48550/arXiv.1512.03385}.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(56L, 56L, 64L)) |> residual_block(128, strides = 2)
residual_block <- function(x, filters = 64, strides = 1, bottleneck = FALSE,
                           shortcut = "projection", conv_bias = FALSE, name = NULL) {
  call_core("residual_block", x = x, filters = filters, strides = strides,
    bottleneck = bottleneck, shortcut = shortcut, conv_bias = conv_bias, name = name)
}

#' Look at the image at several scales at once
#'
#' Four branches, put side by side: a convolution of 1 x 1; one of 1 x 1 that narrows,
#' then one of 3 x 3; the same with 5 x 5; and a maximum over 3 x 3, then a convolution
#' of 1 x 1. Every convolution is followed by ReLU. The defaults are those of
#' GoogLeNet's first module.
#'
#' @inheritParams conv_block
#' @param conv1 Whole number of filters of the 1 x 1 branch. Default 64.
#' @param conv3 Two whole numbers of filters, of the narrowing convolution and of the
#'   3 x 3 one. Default `c(96, 128)`.
#' @param conv5 The same for the 5 x 5 branch. Default `c(16, 32)`.
#' @param pool Whole number of filters after the maximum. Default 32.
#' @return Keras tensor, (batch, height, width, channels of the four branches together),
#'   256 channels with the defaults.
#' @section Errors: A `reticnn_error` if `x` is not a Keras tensor, or an argument is
#'   outside its range.
#' @references Szegedy et al. (2014), Going Deeper with Convolutions,
#'   \doi{10.48550/arXiv.1409.4842}.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(28L, 28L, 192L)) |> inception_module()
inception_module <- function(x, conv1 = 64, conv3 = c(96, 128), conv5 = c(16, 32),
                             pool = 32, name = NULL) {
  call_core("inception_module", x = x, conv1 = conv1, conv3 = conv3, conv5 = conv5,
    pool = pool, name = name)
}

#' Convolve on all results so far
#'
#' `n_layers` layers, each on the results of all before it, side by side. A layer is
#' normalisation, ReLU and a convolution of 3 x 3 with `growth_rate` filters, before it
#' with `bottleneck` normalisation, ReLU and one of 1 x 1 that narrows to four times as
#' many. Convolutions have no bias.
#'
#' @inheritParams conv_block
#' @param n_layers Whole number of layers. Default 6.
#' @param growth_rate Whole number of channels that each layer adds. Default 32.
#' @param bottleneck `TRUE` for convolutions of 1 x 1 before those of 3 x 3. Default
#'   `TRUE`.
#' @param dropout Number in `[0, 1)`, fraction of values dropped after each convolution
#'   while training. Default 0, no such layer.
#' @return Keras tensor, (batch, height, width, channels + n_layers * growth_rate).
#' @section Errors: A `reticnn_error` if `x` is not a Keras tensor, or an argument is
#'   outside its range.
#' @references Huang, Liu, van der Maaten and Weinberger (2017), Densely Connected
#'   Convolutional Networks, \doi{10.48550/arXiv.1608.06993}.
#' @seealso [transition_block()], which goes between two of them.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(56L, 56L, 64L)) |>
#'   dense_block() |>
#'   transition_block()
dense_block <- function(x, n_layers = 6, growth_rate = 32, bottleneck = TRUE,
                        dropout = 0, name = NULL) {
  call_core("dense_block", x = x, n_layers = n_layers, growth_rate = growth_rate,
    bottleneck = bottleneck, dropout = dropout, name = name)
}

#' Narrow the channels and halve height and width
#'
#' What stands between two dense blocks: normalisation, ReLU, a convolution of 1 x 1
#' without bias, and the average over 2 x 2 pixels.
#'
#' @inheritParams conv_block
#' @param reduction Number in `(0, 1]`, share of the channels that is left, rounded
#'   down. Default 0.5.
#' @return Keras tensor, (batch, height / 2, width / 2, reduction * channels).
#' @section Errors: A `reticnn_error` if `x` is not a Keras tensor, or an argument is
#'   outside its range.
#' @references Huang, Liu, van der Maaten and Weinberger (2017), Densely Connected
#'   Convolutional Networks, \doi{10.48550/arXiv.1608.06993}.
#' @seealso [dense_block()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(56L, 56L, 256L)) |> transition_block()
transition_block <- function(x, reduction = 0.5, name = NULL) {
  call_core("transition_block", x = x, reduction = reduction, name = name)
}

#' Filter each channel by itself, then mix the channels
#'
#' A cheap convolution: a depthwise one of 3 x 3 and one of 1 x 1, both without bias,
#' each normalised and activated. For K x K filters and a result of n pixels this is
#' `n * (K * K * channels + channels * filters)` multiplications, where one convolution
#' needs `n * K * K * channels * filters`.
#'
#' @inheritParams conv_block
#' @param filters Whole number, output channels. Default 64.
#' @param strides Whole number, the step of the depthwise convolution in pixels. Default
#'   1.
#' @param activation Name of a Keras activation, or `NULL` for none;
#'   `keras.applications` has `"relu6"`. Default `"relu"`, as in the paper.
#' @return Keras tensor, (batch, height / strides, width / strides, filters).
#' @section Errors: A `reticnn_error` if `x` is not a Keras tensor, or an argument is
#'   outside its range.
#' @references Howard et al. (2017), MobileNets, \doi{10.48550/arXiv.1704.04861}.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(56L, 56L, 128L)) |> separable_block(256, strides = 2)
separable_block <- function(x, filters = 64, strides = 1, activation = "relu",
                            name = NULL) {
  call_core("separable_block", x = x, filters = filters, strides = strides,
    activation = activation, name = name)
}

#' Filter each channel over a wide field, mix the channels, and add the input
#'
#' A depthwise convolution, layer normalisation, a dense layer on each pixel that widens
#' `expansion` times, GELU, one that narrows again, layer scale, stochastic depth, and
#' the sum with the input.
#'
#' @inheritParams conv_block
#' @param expansion Whole number, how many times wider it is inside. Default 4.
#' @param drop_rate Number in `[0, 1)`, share of the images for which the block is left
#'   out while training. Default 0, no such layer.
#' @param layer_scale Number above 0, what the learned factor of each channel is at
#'   first, or `NULL` for no factors. Default 1e-6.
#' @param kernel_size Whole number, side of the depthwise filters in pixels. Default 7.
#' @return Keras tensor of the shape of `x`.
#' @section Errors: A `reticnn_error` if `x` is not a Keras tensor, or an argument is
#'   outside its range.
#' @references Liu, Mao, Wu, Feichtenhofer, Darrell and Xie (2022), A ConvNet for the
#'   2020s, \doi{10.48550/arXiv.2201.03545}.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(56L, 56L, 96L)) |> convnext_block()
convnext_block <- function(x, expansion = 4, drop_rate = 0, layer_scale = 1e-6,
                           kernel_size = 7, name = NULL) {
  call_core("convnext_block", x = x, expansion = expansion, drop_rate = drop_rate,
    layer_scale = layer_scale, kernel_size = kernel_size, name = name)
}
