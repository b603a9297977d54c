#' @eval said("describe_model")
#' @return It is a `reticnn_description`, which has a [plot()][plot.reticnn_description()].
#' @export
#' @examplesIf reticnn::reticnn_available()
#' describe_model(build_cnn())
describe_model <- function(model) {
  table <- as_table(call_core("describe_model", model = as_core(model)))
  class(table) <- c("reticnn_description", class(table))
  table
}

#' @eval said("layer_table")
#' @seealso [freeze()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' layer_table(build_cnn())
#' layer_table(build_cnn(), layer_decay = 0.7)
layer_table <- function(model, layer_decay = NULL) {
  as_table(call_core("layer_table", model = as_core(model), layer_decay = layer_decay))
}

#' @eval said("architecture")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' architecture(build_cnn())$boxes
architecture <- function(model, most = 16, show = NULL, columns = NULL) {
  diagram <- call_core("architecture", model = as_core(model), most = most,
    show = as_strings(show), columns = columns)
  diagram$boxes <- as_table(diagram$boxes)
  diagram$arrows <- as_table(diagram$arrows)
  diagram
}

#' @eval said("layer_filters")
#' @seealso [plot_feature_maps()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' dim(layer_filters(build_cnn())$weights)
layer_filters <- function(model, layer = NULL) {
  call_core("layer_filters", model = as_core(model), layer = layer)
}

#' @eval said("feature_maps")
#' @seealso [plot_filters()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' maps <- feature_maps(build_cnn(), shape_images(2), "block2_conv1")
#' dim(maps$block2_conv1)
feature_maps <- function(model, images, layers = NULL) {
  call_core("feature_maps", model = as_core(model), images = images,
    layers = as_strings(layers))
}

#' @eval said("separable_costs")
#' @seealso [separable_block()], [landmark_model()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' separable_costs(c(32, 64, 128), c(64, 128, 128))
#' separable_costs(width = c(1, 0.75, 0.75), resolution = c(1, 1, 0.714))
separable_costs <- function(in_channels = 512, out_channels = 512, kernel_size = 3, size = 14,
                            width = 1, resolution = 1) {
  as_table(call_core("separable_costs", in_channels = in_channels,
    out_channels = out_channels, kernel_size = kernel_size, size = size, width = width,
    resolution = resolution))
}
