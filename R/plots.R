#' Plot the training history of a classifier
#'
#' @param x Classifier from [fit_classifier()] or [load_classifier()].
#' @param ... Not used; must be empty.
#' @return A ggplot: loss and accuracy by epoch, of the training and, where there are
#'   any, the validation images.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' data <- shape_images(400)
#' classifier <- fit_classifier(build_cnn(), data, validation = 0.25, epochs = 3)
#' plot(classifier)
plot.reticnn_classifier <- function(x, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a classifier")
  history <- long_history(x$history)
  ggplot2::ggplot(history, ggplot2::aes(.data$epoch, .data$value, colour = .data$data)) +
    ggplot2::geom_line() +
    ggplot2::geom_point() +
    ggplot2::facet_wrap(~metric, ncol = 1, scales = "free_y", strip.position = "left") +
    ggplot2::scale_x_continuous(breaks = whole_breaks) +
    ggplot2::scale_colour_manual(values = c(training = "#0072B2", validation = "#D55E00")) +
    ggplot2::labs(x = "Epoch", y = NULL, colour = NULL) +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      legend.position = if (any(history$data == "validation")) "top" else "none",
      strip.placement = "outside", panel.grid.minor = ggplot2::element_blank()
    )
}

# One row an epoch, a metric and a data set.
long_history <- function(history) {
  metrics <- setdiff(names(history), "epoch")
  rows <- lapply(metrics, function(name) {
    data.frame(
      epoch = history$epoch,
      metric = sub("^val_", "", name),
      data = if (startsWith(name, "val_")) "validation" else "training",
      value = history[[name]]
    )
  })
  do.call(rbind, rows)
}

whole_breaks <- function(limits) {
  unique(round(pretty(limits)))
}

#' Show images in a grid
#'
#' With their classes, and with what a classifier takes them for.
#'
#' @param images Image data, or an array `c(n, height, width, channels)`, 0 to 255.
#' @param predictions Tibble of predictions of these images, from [predict_images()], or
#'   `NULL`. Default `NULL`.
#' @param n Whole number of images shown, the first ones. Default 16.
#' @return A ggplot. With predictions of labelled images, the frame of an image is blue
#'   if its prediction is right, and orange if it is not.
#' @section Errors: A `reticnn_error` if there are fewer predictions than images.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_images(shape_images(12, 6), n = 12)
plot_images <- function(images, predictions = NULL, n = 16) {
  check_installed("ggplot2", "Plotting images")
  if (!inherits(images, "reticnn.data.images.ImageData")) {
    images <- image_arrays(images)
  }
  if (!is.null(predictions) && nrow(predictions) != length(images)) {
    abort_text(
      paste0("`predictions` has ", nrow(predictions), " rows for ", length(images),
        " images. Predict the same images that are shown."),
      call = rlang::current_env()
    )
  }
  shown <- seq_len(min(n, length(images)))
  loaded <- load_images(images[shown])
  captions <- image_captions(loaded$labels, predictions[shown, ])
  ggplot2::ggplot(pixel_table(loaded$images)) +
    ggplot2::geom_raster(ggplot2::aes(.data$x, .data$y, fill = .data$colour)) +
    ggplot2::geom_rect(
      data = captions, fill = NA, linewidth = 1.2,
      ggplot2::aes(xmin = 0, xmax = 1, ymin = 0, ymax = 1, colour = .data$frame)
    ) +
    ggplot2::facet_wrap(~image, labeller = ggplot2::as_labeller(
      stats::setNames(captions$text, captions$image)
    )) +
    ggplot2::scale_fill_identity() +
    ggplot2::scale_colour_identity() +
    ggplot2::coord_fixed(ratio = dim(loaded$images)[[2]] / dim(loaded$images)[[3]],
      expand = FALSE) +
    ggplot2::theme_void() +
    ggplot2::theme(
      strip.text = ggplot2::element_text(margin = ggplot2::margin(3, 0, 3, 0)),
      panel.spacing = grid::unit(6, "pt"),
      plot.margin = ggplot2::margin(6, 6, 6, 6)
    )
}

# The text over each image, and the colour of its frame.
image_captions <- function(labels, predictions) {
  n <- max(length(labels), NROW(predictions))
  if (is.null(predictions)) {
    text <- if (is.null(labels)) "" else as.character(labels)
    frame <- NA_character_
  } else {
    guess <- as.character(predictions$.pred_class)
    chance <- vapply(seq_along(guess), function(i) {
      predictions[[paste0(".pred_", guess[[i]])]][[i]]
    }, numeric(1))
    right <- if (is.null(labels)) NA else guess == as.character(labels)
    text <- paste0(guess, " ", round(100 * chance), "%",
      ifelse(right %in% FALSE, paste0("\n(is ", labels, ")"), ""))
    frame <- ifelse(right, "#0072B2", "#D55E00")
  }
  data.frame(image = seq_len(max(n, 1)), text = text, frame = frame)
}

# One row a pixel with its place, from 0 to 1, and its colour. More than about a hundred
# pixels across are not seen in a grid, and would take long to draw.
pixel_table <- function(images, most = 112) {
  size <- dim(images)
  rows <- unique(round(seq(1, size[[2]], length.out = min(size[[2]], most))))
  columns <- unique(round(seq(1, size[[3]], length.out = min(size[[3]], most))))
  images <- images[, rows, columns, , drop = FALSE]
  images <- pmin(pmax(images, 0), 255)
  channel <- function(number) as.vector(images[, , , min(number, size[[4]])])
  places <- expand.grid(
    image = seq_len(size[[1]]),
    y = 1 - (seq_along(rows) - 0.5) / length(rows),
    x = (seq_along(columns) - 0.5) / length(columns)
  )
  places$colour <- grDevices::rgb(channel(1), channel(2), channel(3),
    maxColorValue = 255)
  places
}
