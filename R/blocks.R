#' @eval said("conv_block")
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

#' @eval said("global_pool")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(8L, 8L, 64L)) |> global_pool()
global_pool <- function(x, kind = "average") {
  call_core("global_pool", x = x, kind = kind)
}

#' @eval said("classifier_head")
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

#' @eval said("domain_adapter")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' x <- keras$Input(c(32L, 32L, 3L))
#' keras$Model(x, domain_adapter(x))$count_params()
domain_adapter <- function(x, filters = c(32, 32), out_channels = 3, kernel_size = 3,
                           batch_norm = TRUE) {
  call_core("domain_adapter", x = x, filters = filters, out_channels = out_channels,
    kernel_size = kernel_size, batch_norm = batch_norm)
}

#' @eval said("residual_block")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(56L, 56L, 64L)) |> residual_block(128, strides = 2)
residual_block <- function(x, filters = 64, strides = 1, bottleneck = FALSE,
                           shortcut = "projection", conv_bias = FALSE, stride_in = "1x1",
                           zero_gamma = FALSE, name = NULL) {
  call_core("residual_block", x = x, filters = filters, strides = strides,
    bottleneck = bottleneck, shortcut = shortcut, conv_bias = conv_bias,
    stride_in = stride_in, zero_gamma = zero_gamma, name = name)
}

#' @eval said("inception_module")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(28L, 28L, 192L)) |> inception_module()
inception_module <- function(x, conv1 = 64, conv3 = c(96, 128), conv5 = c(16, 32),
                             pool = 32, name = NULL) {
  call_core("inception_module", x = x, conv1 = conv1, conv3 = conv3, conv5 = conv5,
    pool = pool, name = name)
}

#' @eval said("dense_block")
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

#' @eval said("transition_block")
#' @seealso [dense_block()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(56L, 56L, 256L)) |> transition_block()
transition_block <- function(x, reduction = 0.5, dropout = 0, name = NULL) {
  call_core("transition_block",
    x = x, reduction = reduction, dropout = dropout, name = name)
}

#' @eval said("separable_block")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(56L, 56L, 128L)) |> separable_block(256, strides = 2)
separable_block <- function(x, filters = 64, strides = 1, activation = "relu",
                            name = NULL) {
  call_core("separable_block", x = x, filters = filters, strides = strides,
    activation = activation, name = name)
}

#' @eval said("convnext_block")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(56L, 56L, 96L)) |> convnext_block()
convnext_block <- function(x, expansion = 4, drop_rate = 0, layer_scale = 1e-6,
                           kernel_size = 7, name = NULL) {
  call_core("convnext_block", x = x, expansion = expansion, drop_rate = drop_rate,
    layer_scale = layer_scale, kernel_size = kernel_size, name = name)
}
