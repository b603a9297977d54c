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
#'     dense layers; `NaN` where the image's size is open;
#'   * `receptive_field`, the side, in pixels of the model's input, of the square that a
#'     value of the output depends on, the longer side where it is none, not cut at the
#'     image's border; `NaN` where it is the whole image of open size.
#'
#'   It has a [plot()].
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
    receptive_field = "Receptive field (pixels)"
  )
  shown <- x[x$parameters > 0 | x$mult_adds > 0, ]
  long <- data.frame(
    layer = factor(shown$name, rev(shown$name)),
    measure = factor(rep(measures, each = nrow(shown)), measures),
    value = unlist(shown[names(measures)], use.names = FALSE)
  )
  ggplot2::ggplot(long, ggplot2::aes(.data$value, .data$layer)) +
    ggplot2::geom_col(fill = "#0072B2", na.rm = TRUE) +
    ggplot2::facet_wrap(~measure, scales = "free_x") +
    ggplot2::scale_x_continuous(n.breaks = 3, labels = short_numbers) +
    ggplot2::labs(x = NULL, y = NULL) +
    ggplot2::theme_minimal()
}

# 2500000 as 2.5M, so that axes have room for it.
short_numbers <- function(values) {
  power <- pmin(pmax(floor(log10(pmax(abs(values), 1, na.rm = TRUE)) / 3), 0), 3)
  paste0(format(values / 1000^power, digits = 3, trim = TRUE, drop0trailing = TRUE),
    c("", "k", "M", "G")[power + 1])
}
