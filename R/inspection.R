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

#' @eval said("sliding_window", without = "returns")
#' @return A `reticnn_window`, a list that prints what it contains.
#'   [plot()][plot.reticnn_window()] draws a step, and [save_animation()] makes a film of
#'   all.
#'   - `steps`: tibble with a row for each position of the window: `step`; `row` and
#'     `column` of the result; `top` and `left`, the numbers of rows and columns of the
#'     image before the window, below 0 if it starts outside; and `result`.
#'   - `windows`: array `c(steps, height, width, channels)` of the values under the
#'     window, 0 outside the image in a convolution, and `NaN` in pooling, which leaves
#'     them out.
#'   - `kernel`: array `c(height, width, channels)`, or `NULL` for pooling; `bias`, which is
#'     added.
#'   - `image`: array `c(height, width, channels)`; `result`: matrix.
#'   - `padding`: the numbers of rows and columns added at the `top`, `bottom`, `left` and
#'     `right`; `strides` and `dilation_rate`, two numbers each; `kind`; and `layer` and
#'     `activation`, which are `NULL` here.
#' @seealso [layer_window()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' sliding_window(5, 3, strides = 2, padding = "same")
#' edges <- matrix(c(-1, -2, -1, 0, 0, 0, 1, 2, 1), 3)
#' sliding_window(volcano[1:8, 1:8], edges)$result
#' sliding_window(4, 2, kind = "max")$result
sliding_window <- function(image = 6, kernel = 3, kind = "convolution", strides = NULL,
                           padding = "valid", dilation_rate = 1) {
  new_window(call_core("sliding_window", image = image, kernel = kernel, kind = kind,
    strides = strides, padding = padding, dilation_rate = dilation_rate))
}

#' @eval said("layer_window", without = "returns")
#' @return A `reticnn_window`, as from [sliding_window()], for what the layer computes:
#'   `image` is the layer's input, with the channels that the filter sees, `layer` its
#'   full name, `activation` its activation, or `NULL`, and `result` is after the
#'   activation.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' layer_window(build_cnn(), shape_images(1), "block1_pool")
layer_window <- function(model, image, layer = NULL, filter = 1) {
  new_window(call_core("layer_window", model = as_core(model), image = image, layer = layer,
    filter = filter))
}

new_window <- function(found) {
  found$steps <- as_table(found$steps)
  for (name in c("strides", "dilation_rate", "padding")) found[[name]] <- unlist(found[[name]])
  structure(found, class = "reticnn_window")
}

#' @export
print.reticnn_window <- function(x, ...) {
  size <- function(sides) paste(sides, collapse = " x ")
  around <- if (any(x$padding > 0)) {
    added <- x$padding[x$padding > 0]
    paste0(", with ", paste(added, names(added), collapse = ", "), " added")
  }
  cat("<reticnn_window> ", x$kind, if (!is.null(x$layer)) paste0(" of '", x$layer, "'"), "\n",
    "image   ", size(dim(x$image)), around, "\n",
    "window  ", size(dim(x$windows)[2:3]), ", strides ", size(x$strides), "\n",
    "result  ", size(dim(x$result)), "\n\n", sep = "")
  print(x$steps, ...)
  invisible(x)
}

#' @eval said("receptive_field")
#' @return It is a `reticnn_field`, which prints its table and has a
#'   [plot()][plot.reticnn_field()].
#' @seealso [describe_model()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' receptive_field(build_cnn(), "block2_conv1")
receptive_field <- function(model, layer = NULL, position = NULL, image_size = NULL) {
  found <- call_core("receptive_field", model = as_core(model), layer = layer,
    position = position, image_size = image_size)
  found$table <- as_table(found$table)
  for (name in c("position", "image_size")) found[[name]] <- unlist(found[[name]])
  structure(found, class = "reticnn_field")
}

#' @export
print.reticnn_field <- function(x, ...) {
  cat("<reticnn_field> of unit (", paste(x$position, collapse = ", "), ") of '", x$layer,
    "', image ", paste(x$image_size, collapse = " x "), "\n", sep = "")
  print(x$table, ...)
  invisible(x)
}

#' @eval said("shift_response")
#' @return It is a `reticnn_shifts`, which prints its table and has a
#'   [plot()][plot.reticnn_shifts()].
#' @export
#' @examplesIf reticnn::reticnn_available()
#' shift_response(build_cnn(), shape_images(1), "block1_pool")
shift_response <- function(model, image, layer = NULL, shifts = c(0, 1, 2, 3, 4, 5, 6, 7, 8),
                           direction = "right") {
  found <- call_core("shift_response", model = as_core(model), image = image, layer = layer,
    shifts = shifts, direction = direction)
  found$table <- as_table(found$table)
  structure(found, class = "reticnn_shifts")
}

#' @export
print.reticnn_shifts <- function(x, ...) {
  stride <- if (!is.null(x$stride)) paste0(", ", x$stride, " pixels per unit")
  cat("<reticnn_shifts> of '", x$layer, "', image shifted ",
    if (x$direction == "right") "to the right" else "down", stride, "\n", sep = "")
  print(x$table, ...)
  invisible(x)
}
