#' Plot the training history of a classifier
#'
#' @param x Classifier from [fit_classifier()] or [load_classifier()].
#' @param ... Not used; must be empty.
#' @return A ggplot: loss and accuracy by epoch, of the training and, where there are
#'   any, the validation images, with a line where a new stage of training begins.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' data <- shape_images(400)
#' classifier <- fit_classifier(build_cnn(), data, validation = 0.25, epochs = 3)
#' plot(classifier)
plot.reticnn_classifier <- function(x, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a classifier")
  history <- long_history(x$history)
  stage <- x$history[["stage"]]
  begins <- x$history$epoch[-1][which(diff(stage) != 0)] - 0.5
  ggplot2::ggplot(history, ggplot2::aes(.data$epoch, .data$value, colour = .data$data)) +
    ggplot2::geom_vline(xintercept = begins, colour = "grey60", linetype = "dashed") +
    # A single epoch has no line, about which ggplot2 would tell.
    (if (nrow(x$history) > 1) ggplot2::geom_line(linewidth = 0.8)) +
    ggplot2::geom_point(size = 2) +
    ggplot2::facet_wrap(~metric, ncol = 1, scales = "free_y", strip.position = "left") +
    ggplot2::scale_x_continuous(breaks = whole_breaks) +
    ggplot2::scale_colour_manual(values = c(training = "#0072B2", validation = "#D55E00")) +
    ggplot2::labs(x = "Epoch", y = NULL, colour = NULL) +
    ggplot2::theme_minimal(base_size = 13) +
    ggplot2::theme(
      legend.position = if (any(history$data == "validation")) "top" else "none",
      panel.spacing = grid::unit(12, "pt"), strip.placement = "outside",
      panel.grid.minor = ggplot2::element_blank()
    )
}

# One row an epoch, a metric and a data set; none where no epoch was finished.
long_history <- function(history) {
  metrics <- metric_names(history)
  each <- function(values) rep(as.character(values), each = nrow(history))
  tibble::tibble(
    epoch = rep(as.integer(history$epoch), length(metrics)),
    metric = each(sub("^val_", "", metrics)),
    data = each(ifelse(startsWith(metrics, "val_"), "validation", "training")),
    value = as.numeric(unlist(history[metrics], use.names = FALSE))
  )
}

metric_names <- function(history) {
  setdiff(names(history), c("epoch", "stage"))
}

whole_breaks <- function(limits) {
  unique(round(pretty(limits)))
}

#' Plot which classes are taken for which
#'
#' @param evaluation,x Evaluation from [evaluate_classifier()].
#' @param ... Not used; must be empty.
#' @return A ggplot: the true classes in rows, the predicted ones in columns, in each
#'   field the number of images and their share of the row. Right ones are blue, wrong
#'   ones orange, the darker the larger the share.
#' @section Errors: A `reticnn_error` if `evaluation` is none.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' classifier <- fit_classifier(build_cnn(num_classes = 3), shape_images(300, 3), epochs = 2)
#' plot_confusion(evaluate_classifier(classifier, shape_images(150, 3)))
plot_confusion <- function(evaluation) {
  check_installed("ggplot2", "Plotting an evaluation")
  if (!inherits(evaluation, "reticnn_evaluation")) {
    abort_text(
      paste0("`evaluation` must be what `evaluate_classifier()` gives, not an object of ",
        "class ", class(evaluation)[[1]], "."),
      call = rlang::current_env()
    )
  }
  fields <- confusion_fields(evaluation$confusion)
  classes <- nrow(evaluation$confusion)
  # Names that stand upright over many columns have one line.
  names <- rownames(evaluation$confusion)
  labels <- if (classes > 6) names else broken(names, 20)
  widest <- max(nchar(unlist(strsplit(labels, "\n")), "width"))
  labels <- stats::setNames(labels, names)
  ggplot2::ggplot(fields, ggplot2::aes(.data$predicted, .data$truth)) +
    ggplot2::geom_tile(ggplot2::aes(fill = .data$fill), colour = "white", linewidth = 0.8) +
    ggplot2::geom_text(
      ggplot2::aes(label = .data$text, colour = .data$ink),
      size = min(4.5, 32 / classes), lineheight = 0.95
    ) +
    ggplot2::scale_fill_identity() +
    ggplot2::scale_colour_identity() +
    ggplot2::scale_x_discrete(position = "top", drop = FALSE,
      labels = labels, guide = ggplot2::guide_axis(angle = if (widest * classes > 40) 90)) +
    ggplot2::scale_y_discrete(limits = rev, labels = labels, drop = FALSE) +
    ggplot2::coord_fixed(expand = FALSE) +
    ggplot2::labs(
      x = "Predicted", y = "Truth",
      caption = sprintf("%s images, %.1f%% right", format(evaluation$n, big.mark = ","),
        100 * evaluation$accuracy)
    ) +
    ggplot2::theme_minimal(base_size = 13) +
    ggplot2::theme(
      panel.grid = ggplot2::element_blank(),
      axis.text = ggplot2::element_text(colour = "grey20"),
      axis.title.x.top = ggplot2::element_text(margin = ggplot2::margin(b = 8)),
      plot.caption = ggplot2::element_text(colour = "grey40")
    )
}

#' @rdname plot_confusion
#' @export
plot.reticnn_evaluation <- function(x, ...) {
  rlang::check_dots_empty()
  plot_confusion(x)
}

# One row a pair of classes, with the text and the colours of its field.
confusion_fields <- function(confusion) {
  shares <- as.vector(confusion / pmax(rowSums(confusion), 1))
  fields <- as.data.frame(confusion, responseName = "n")
  right <- as.character(fields$truth) == as.character(fields$predicted)
  fields$share <- shares
  fields$fill <- ifelse(right, shade(shares, "#0072B2"), shade(shares, "#D55E00"))
  fields$ink <- ifelse(shares > 0.5, "white", "grey20")
  # In a large table, zeros only hide the rest.
  shown <- fields$n > 0 | nrow(confusion) <= 6
  fields$text <- ifelse(shown, sprintf("%d\n%.0f%%", fields$n, 100 * shares), "")
  fields
}

# From nearly white to the colour, by a share from 0 to 1.
shade <- function(shares, colour) {
  rgb <- grDevices::colorRamp(c("#F4F4F4", colour))(shares)
  grDevices::rgb(rgb, maxColorValue = 255)
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
#'   if its prediction is right, and orange if it is not. Longer captions are broken and
#'   made smaller, as a page of 7 by 5 inches needs it.
#' @section Errors: A `reticnn_error` if there are fewer predictions than images.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_images(shape_images(12, 6), n = 12)
plot_images <- function(images, predictions = NULL, n = 16) {
  check_installed("ggplot2", "Plotting images")
  if (!inherits(images, "reticnn.data.image_data.ImageData")) {
    images <- image_arrays(images)
  }
  if (!is.null(predictions) && nrow(predictions) != length(images)) {
    abort_text(
      paste0("`predictions` has ", nrow(predictions), " rows for ", length(images),
        " images. Predict the same images that are shown."),
      call = rlang::current_env()
    )
  }
  shown <- seq_len(min(as_count(n), length(images)))
  loaded <- load_images(images[shown])
  captions <- image_captions(loaded$labels, predictions[shown, ], length(shown))
  image_grid(as_pictures(loaded$images), captions)
}

as_count <- function(n, call = rlang::caller_env()) {
  if (!is.numeric(n) || length(n) != 1 || is.na(n) || n < 1 || n != round(n)) {
    abort_text(
      paste0("`n` must be a whole number of at least 1, not ", deparse(n)[[1]], "."),
      call = call
    )
  }
  n
}

# Pictures, each with the text and in the frame of its row in `captions`.
image_grid <- function(pictures, captions, frame_width = 1.6) {
  columns <- grid_columns(length(pictures))
  fitted <- fit_captions(captions$text, columns, ceiling(length(pictures) / columns),
    nrow(pictures[[1]]) / ncol(pictures[[1]]))
  texts <- stats::setNames(fitted$text, captions$image)
  picture_plot(pictures, captions, frame_width) +
    ggplot2::facet_wrap(~image, ncol = columns,
      labeller = ggplot2::as_labeller(texts)) +
    ggplot2::theme(strip.text = ggplot2::element_text(size = fitted$size))
}

# Captions with line breaks, and their size in points, such that they are no wider than
# the pictures on a page of 7 by 5 inches: its size is known only when it is drawn. Lines
# that are too short would leave no room for the pictures.
fit_captions <- function(texts, columns, rows, shape) {
  texts <- as.character(texts)
  ways <- lapply(max(14, nchar(texts, "width")):14, function(most) broken(texts, most))
  sizes <- vapply(ways, function(way) {
    lines <- strsplit(way, "\n", fixed = TRUE)
    # Width and height of a caption, as multiples of its size.
    width <- 0.6 * max(1, nchar(unlist(lines), "width"))
    height <- max(lengths(lines))
    min(498 / columns / width, (354 / rows - 15) / (shape * width + height))
  }, numeric(1))
  best <- which.max(pmin(sizes, 9.6))
  list(text = ways[[best]], size = max(5, min(sizes[[best]], 9.6)))
}

# Texts with lines of at most so many characters.
broken <- function(texts, most) {
  # A longer word becomes several.
  word <- sprintf("(\\S{%d})(?=\\S)", most)
  vapply(strsplit(texts, "\n", fixed = TRUE), function(lines) {
    lines <- strwrap(gsub(word, "\\1 ", lines, perl = TRUE), most + 1)
    paste(lines, collapse = "\n")
  }, character(1))
}

# How many pictures beside each other leave the fewest places empty.
grid_columns <- function(number) {
  square <- ceiling(sqrt(number))
  columns <- seq(square, 2 * square - 1)
  columns[[which.min(-number %% columns)]]
}

# Pictures in panels of their shape, to be set out in facets by the columns of `captions`.
picture_plot <- function(pictures, captions, frame_width = 1.6) {
  captions$picture <- seq_along(pictures)
  ggplot2::ggplot(captions) +
    geom_picture(pictures) +
    ggplot2::geom_rect(
      fill = NA, linewidth = frame_width,
      ggplot2::aes(xmin = 0, xmax = 1, ymin = 0, ymax = 1, colour = .data$frame)
    ) +
    ggplot2::scale_colour_identity() +
    ggplot2::coord_fixed(ratio = nrow(pictures[[1]]) / ncol(pictures[[1]]),
      expand = FALSE, clip = "off") +
    ggplot2::theme_void(base_size = 12) +
    ggplot2::theme(
      strip.text = ggplot2::element_text(vjust = 0, margin = ggplot2::margin(4, 0, 5, 0)),
      strip.clip = "off",
      panel.spacing = grid::unit(6, "pt"),
      plot.title = ggplot2::element_text(margin = ggplot2::margin(0, 0, 6, 0)),
      plot.margin = ggplot2::margin(6, 6, 6, 6)
    )
}

# A picture that fills its panel, each with its own number of pixels.
geom_picture <- function(pictures) {
  geom <- ggplot2::ggproto(NULL, ggplot2::Geom,
    required_aes = "picture",
    draw_panel = function(data, panel_params, coord) {
      grid::rasterGrob(pictures[[data$picture]], width = 1, height = 1,
        interpolate = FALSE)
    }
  )
  ggplot2::layer(geom = geom, stat = "identity", position = "identity",
    mapping = ggplot2::aes(picture = .data$picture))
}

# Images, `c(n, height, width, channels)` of 0 to 255, as a list of rasters.
as_pictures <- function(images) {
  size <- dim(images)
  images <- pmin(pmax(images, 0), 255) / 255
  lapply(seq_len(size[[1]]), function(number) {
    image <- array(images[number, , , ], size[-1])
    grDevices::as.raster(if (size[[4]] == 1) image[, , 1] else image)
  })
}

# The text over each image, and the colour of its frame.
image_captions <- function(labels, predictions, n) {
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
  data.frame(image = seq_len(n), text = text, frame = frame)
}
