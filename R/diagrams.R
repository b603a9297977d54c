#' The block diagram of a model
#'
#' `plot_architecture()` draws the layers of a model as boxes, `architecture()` gives
#' what is in them and where they stand.
#'
#' A box is a layer where that makes at most `most` boxes. Otherwise it is the first of
#' these that does: a layer with the normalisation, activation and dropout behind it; a
#' block, which is branches up to where they meet, and layers whose names begin alike; a
#' stage of blocks whose names begin alike and whose feature maps are of one size; all
#' that has feature maps of one size. A model within the model is one box: its own
#' diagram is that of `model$get_layer(name)`.
#'
#' @param model Keras model built from layers, or a classifier.
#' @param most Whole number of boxes of the diagram, at least 2. Default 16.
#' @return `architecture()`: a list of
#'   * `boxes`, a tibble with one row a box: `name`; `kind`, `"convolution"`, `"pooling"`
#'     and so on; `text`, what it does; `output_shape`, such as `"32 x 32 x 64"`;
#'     `parameters`; `layers`, their number; `colour` of the kind; and `x`, `y`, the place
#'     of its middle;
#'   * `arrows`, a tibble with one row a point of an arrow: `arrow`, its number; `x` and
#'     `y`, from its start to its tip;
#'   * `width` and `height` of the diagram, `box_width` and `box_height`, in the unit of
#'     all places, a box's height; y goes up.
#'
#'   `plot_architecture()`: a ggplot. The text fits the boxes at any size.
#' @section Errors: A `reticnn_error` if `model` is not a Keras model or a classifier, or
#'   is not built from layers, or `most` is below 2.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' architecture(build_cnn())$boxes
architecture <- function(model, most = 16) {
  diagram <- call_core("architecture", model = as_core(model), most = most)
  diagram$boxes <- as_table(diagram$boxes)
  diagram$arrows <- as_table(diagram$arrows)
  diagram
}

#' @rdname architecture
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_architecture(build_cnn())
plot_architecture <- function(model, most = 16) {
  check_installed("ggplot2", "Plotting an architecture")
  diagram <- architecture(model, most)
  boxes <- diagram$boxes
  half <- c(diagram$box_width, diagram$box_height) / 2
  kinds <- stats::setNames(unique(boxes$colour), unique(boxes$kind))
  boxes$label <- box_labels(boxes)
  boxes$kind <- factor(boxes$kind, names(kinds))
  ggplot2::ggplot(boxes, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_path(
      data = diagram$arrows, ggplot2::aes(group = .data$arrow), colour = "grey45",
      linewidth = 0.5, linejoin = "mitre",
      arrow = grid::arrow(length = grid::unit(5, "pt"), type = "closed")
    ) +
    ggplot2::geom_tile(
      ggplot2::aes(fill = .data$kind, colour = .data$kind), linewidth = 0.7,
      width = 2 * half[[1]], height = 2 * half[[2]]
    ) +
    geom_box_label(half) +
    ggplot2::scale_fill_manual(values = vapply(kinds, tint, character(1))) +
    ggplot2::scale_colour_manual(values = kinds) +
    ggplot2::coord_fixed(
      xlim = c(-0.1, diagram$width + 0.1), ylim = c(0, diagram$height), expand = FALSE,
      clip = "off"
    ) +
    ggplot2::labs(fill = NULL, colour = NULL) +
    ggplot2::theme_void(base_size = 12) +
    ggplot2::theme(
      legend.position = "bottom",
      legend.text = ggplot2::element_text(margin = ggplot2::margin(0, 12, 0, 4)),
      plot.margin = ggplot2::margin(6, 6, 6, 6)
    ) +
    ggplot2::guides(fill = ggplot2::guide_legend(nrow = 1 + (length(kinds) > 4)))
}

# Three lines a box: its name, what it does, and what comes out of it.
box_labels <- function(boxes) {
  number <- ifelse(boxes$parameters < 1e6,
    formatC(boxes$parameters, format = "d", big.mark = ","),
    vapply(boxes$parameters, short_numbers, character(1)))
  parameters <- ifelse(boxes$parameters == 0, "", paste0(" \u00b7 ", number, " parameters"))
  times <- function(text) gsub(" x ", " \u00d7 ", text, fixed = TRUE)
  paste0(boxes$name, "\n", times(boxes$text), "\n", times(boxes$output_shape), parameters)
}

# A colour as a light ground for dark text.
tint <- function(colour) {
  grDevices::colorRampPalette(c("white", colour))(100)[[22]]
}

# Labels of three lines, as large as all of them fit into their boxes.
geom_box_label <- function(half) {
  geom <- ggplot2::ggproto(NULL, ggplot2::Geom,
    required_aes = c("x", "y", "label"),
    draw_panel = function(data, panel_params, coord) {
      corners <- data.frame(
        x = data$x[[1]] + c(-1, 1) * half[[1]], y = data$y[[1]] + c(-1, 1) * half[[2]]
      )
      corners <- coord$transform(corners, panel_params)
      places <- coord$transform(data, panel_params)
      grid::gTree(x = places$x, y = places$y, label = data$label,
        width = diff(corners$x), height = diff(corners$y), cl = "reticnn_box_labels")
    }
  )
  ggplot2::layer(geom = geom, stat = "identity", position = "identity",
    mapping = ggplot2::aes(label = .data$label), show.legend = FALSE)
}

#' @exportS3Method grid::makeContent
makeContent.reticnn_box_labels <- function(x) {
  width <- grid::convertWidth(grid::unit(x$width, "npc"), "points", valueOnly = TRUE)
  height <- grid::convertHeight(grid::unit(x$height, "npc"), "points", valueOnly = TRUE)
  lines <- do.call(rbind, strsplit(x$label, "\n", fixed = TRUE))
  widest <- grid::convertWidth(
    max(grid::stringWidth(lines)), "points", valueOnly = TRUE
  ) / grid::get.gpar("fontsize")$fontsize
  # The name is bold, which is a little wider.
  size <- min(0.9 * width / (1.06 * widest), height / 3.9, 14)
  grobs <- lapply(1:3, function(line) {
    grid::textGrob(
      lines[, line], x$x,
      grid::unit(x$y, "npc") + grid::unit((2 - line) * 1.2 * size, "points"),
      gp = grid::gpar(fontsize = size, fontface = if (line == 1) "bold" else "plain",
        col = if (line == 3) "grey25" else "black")
    )
  })
  grid::setChildren(x, do.call(grid::gList, grobs))
}
