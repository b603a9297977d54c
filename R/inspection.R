#' What each layer of a model costs, and how much of the image it sees
#'
#' @param model Keras model of images, or a classifier.
#' @return A `reticnn_description`: a tibble with one row a layer, those of nested
#'   models one by one, and the columns
#'   * `name`, with those of the models it is in: `"backbone/conv1"`;
#'   * `type`, the layer's class;
#'   * `output_shape`, such as `"112 x 112 x 64"`; `"any"` for an open side;
#'   * `parameters`, trainable or not; a layer used again has none there;
#'   * `mult_adds`, multiplications with addition for one image, of convolutions and
#'     dense layers; `NaN` where the image's size is open, and for other layers with
#'     weights that do more than scale and shift, such as attention;
#'   * `receptive_field`, the side, in pixels of the model's input, of the square that a
#'     value of the output depends on, the longer side where it is none, not cut at the
#'     image's border. Where maps have been enlarged, values depend on more or fewer
#'     pixels in turn, and it is their mean, which may be a fraction. `NaN` where it is
#'     the whole image of open size, or behind layers whose `mult_adds` are not known for
#'     their weights.
#'
#'   It has a [plot()], of the layers that have weights, with as many of their names as
#'   there is room for.
#' @section Errors: A `reticnn_error` if `model` is not a Keras model or a classifier,
#'   does not take images, or is not built from layers.
#' @references Receptive fields: Araujo, Norris and Sim (2019), Computing Receptive
#'   Fields of Convolutional Neural Networks, \doi{10.23915/distill.00021}.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' describe_model(build_cnn())
describe_model <- function(model) {
  table <- as_table(call_core("describe_model", model = as_core(model)))
  class(table) <- c("reticnn_description", class(table))
  table
}

#' @rdname describe_model
#' @param x What `describe_model()` gives.
#' @param ... Not used; must be empty.
#' @export
plot.reticnn_description <- function(x, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a model's layers")
  measures <- c(
    parameters = "Parameters",
    mult_adds = "Mult-adds",
    receptive_field = "Receptive field\n(pixels)"
  )
  shown <- x[which(x$parameters > 0 | x$mult_adds > 0), ]
  rows <- nrow(shown)
  long <- data.frame(
    # By number, as a layer that is used twice has two rows of one name.
    layer = factor(seq_len(rows), rev(seq_len(rows))),
    measure = factor(rep(measures, each = rows), measures),
    value = unlist(shown[names(measures)], use.names = FALSE)
  )
  # Many names, or long ones, are small.
  size <- max(6, min(10.4, 300 / rows, 240 / max(1, nchar(shown$name))))
  ggplot2::ggplot(long, ggplot2::aes(.data$value, .data$layer)) +
    ggplot2::geom_col(fill = "#0072B2", width = 0.7, na.rm = TRUE) +
    ggplot2::facet_wrap(~measure, scales = "free_x") +
    ggplot2::scale_x_continuous(n.breaks = 4, labels = short_numbers) +
    ggplot2::scale_y_discrete(labels = function(rows) shown$name[as.integer(rows)],
      guide = ggplot2::guide_axis(check.overlap = TRUE)) +
    ggplot2::labs(x = NULL, y = NULL) +
    ggplot2::theme_minimal(base_size = 13) +
    ggplot2::theme(
      panel.grid.major.y = ggplot2::element_blank(),
      panel.grid.minor = ggplot2::element_blank(),
      panel.spacing = grid::unit(14, "pt"),
      axis.text.y = ggplot2::element_text(size = size),
      strip.text = ggplot2::element_text(vjust = 0), strip.clip = "off"
    )
}

#' What a depthwise separable convolution saves
#'
#' A convolution has \eqn{K^2 C_{in} C_{out}} weights. A depthwise separable one in its
#' place has \eqn{K^2 C_{in}} that look around, one channel each, and \eqn{C_{in} C_{out}}
#' that mix the channels. Each weight is multiplied once at each place of the output.
#' Biases are not counted. Each argument may be a vector, for one row an element; those of
#' length one are used for all rows. The defaults are the layer of the paper's table 3.
#'
#' @param in_channels Whole number of channels, \eqn{C_{in}}. Default 512.
#' @param out_channels Whole number of filters, \eqn{C_{out}}. Default 512.
#' @param kernel_size Whole number, the side of the kernel, \eqn{K}. Default 3.
#' @param size Whole number, the side of the output's maps; 1 gives the costs a place.
#'   Default 14.
#' @param width Number above 0, the width multiplier: factor of both numbers of channels,
#'   rounded down. Default 1.
#' @param resolution Number above 0, the resolution multiplier: factor of `size`, rounded.
#'   Default 1.
#' @return A tibble: `kernel_size`, `in_channels`, `out_channels` and `size`, after both
#'   multipliers; `standard_parameters` and `separable_parameters`; `standard_mult_adds`
#'   and `separable_mult_adds`, multiplications with addition for one image; and `ratio`,
#'   what the separable one costs as a part of the other,
#'   \eqn{1 / C_{out} + 1 / K^2}.
#' @section Errors: A `reticnn_error` if a number is outside its range, or vectors differ
#'   in length.
#' @references Howard et al. (2017), MobileNets, arXiv:1704.04861, sections 3.1 to 3.4.
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

# 2500000 as 2.5M, so that axes have room for it.
short_numbers <- function(values) {
  power <- pmin(pmax(floor(log10(pmax(abs(values), 1, na.rm = TRUE)) / 3), 0), 3)
  paste0(format(values / 1000^power, digits = 3, trim = TRUE, drop0trailing = TRUE),
    c("", "k", "M", "G")[power + 1])
}
