#' @eval said("plot_history", rename = c(classifier = "x"))
#' @param ... Not used; must be empty.
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

whole_breaks <- function(limits) {
  unique(round(pretty(limits)))
}

#' @eval said("plot_confusion")
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
#' @param x As `evaluation`.
#' @param ... Not used; must be empty.
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

#' @eval said("plot_rates", rename = c(rates = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot(find_learning_rate(build_cnn(batch_norm = TRUE), shape_images(300)))
plot.reticnn_rates <- function(x, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting learning rates")
  ggplot2::ggplot(x, ggplot2::aes(.data$learning_rate, .data$loss)) +
    ggplot2::geom_vline(xintercept = attr(x, "suggestion"), colour = "#D55E00",
      linetype = "dashed", na.rm = TRUE) +
    ggplot2::geom_line(colour = "#0072B2", linewidth = 0.8) +
    ggplot2::scale_x_log10() +
    ggplot2::labs(
      x = "Learning rate", y = "Loss (smoothed)",
      title = if (!is.na(attr(x, "suggestion"))) {
        paste("Suggested:", format(attr(x, "suggestion"), digits = 2))
      }
    ) +
    ggplot2::theme_minimal(base_size = 13) +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank())
}

#' @eval said("plot_description", rename = c(description = "x"))
#' @return Of the layers' names there are as many as there is room for.
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot(describe_model(build_cnn()))
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

#' @eval said("plot_images")
#' @return Longer captions are broken and made smaller, as a page of 7 by 5 inches needs it.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_images(shape_images(12, 6), n = 12)
plot_images <- function(images, predictions = NULL, n = 16) {
  check_installed("ggplot2", "Plotting images")
  if (!is_image_data(images)) {
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

#' @eval said("plot_augmentation")
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' policy <- augmentation(rotation = 0.1, color_jitter = 0.3, erasing = 0.5)
#' plot_augmentation(shape_images(1), policy, seed = 1)
plot_augmentation <- function(image, policy, n = 8, seed = NULL) {
  check_installed("ggplot2", "Plotting images")
  n <- as_count(n)
  if (!is_image_data(image)) {
    image <- image_arrays(one_image(image))
  }
  before <- load_images(image[1])$images
  after <- load_images(augment(image[1], policy, copies = n, seed = seed))$images
  image_grid(c(as_pictures(before), as_pictures(after)), data.frame(
    image = seq_len(n + 1), text = rep(c("before", "after"), c(1, n)),
    frame = rep(c("#0072B2", NA), c(1, n))
  ))
}

#' @eval said("plot_filters")
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_filters(build_cnn())
plot_filters <- function(model, layer = NULL, n = 32) {
  check_installed("ggplot2", "Plotting filters")
  n <- as_count(n)
  filters <- layer_filters(model, layer)
  size <- dim(filters$weights)
  shown <- seq_len(min(n, size[[1]]))
  pictures <- lapply(shown, function(number) {
    kernel <- array(filters$weights[number, , , ], size[-1])
    if (filters$rgb) colour_kernel(kernel) else signed_kernel(kernel)
  })
  image_grid(pictures, data.frame(image = shown, text = shown, frame = "grey60"),
    frame_width = 0.5) +
    ggplot2::labs(title = paste0(
      filters$layer, ": ", counted(length(shown), size[[1]], "filters"), " of ",
      paste(size[-1], collapse = " \u00d7 ")
    ))
}

#' @eval said("plot_feature_maps")
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_feature_maps(build_cnn(), shape_images(1))
#' plot_feature_maps(build_cnn(), shape_images(1), c("block1_conv1", "block3_conv1"), n = 8)
plot_feature_maps <- function(model, image, layers = NULL, n = 15) {
  check_installed("ggplot2", "Plotting feature maps")
  n <- as_count(n)
  if (!is_image_data(image)) {
    image <- image_arrays(one_image(image))
  }
  maps <- feature_maps(model, image[1], layers)
  shown <- lapply(maps, function(map) seq_len(min(n, dim(map)[[4]])))
  pictures <- c(as_pictures(load_images(image[1])$images), unlist(
    Map(map_pictures, maps, shown), recursive = FALSE, use.names = FALSE
  ))
  places <- data.frame(
    row = rep(names(maps), lengths(shown)), text = unlist(shown, use.names = FALSE)
  )
  places <- rbind(data.frame(row = names(maps)[[1]], text = "image"), places)
  places$frame <- c("#0072B2", rep(NA, nrow(places) - 1))
  if (length(maps) > 1) {
    return(picture_rows(pictures, places, maps))
  }
  image_grid(pictures, cbind(places, image = seq_along(pictures))) +
    ggplot2::labs(title = map_title(names(maps), maps[[1]], length(shown[[1]])))
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

# One row per layer, with its name beside it; the image before the first one.
picture_rows <- function(pictures, places, maps) {
  places$row <- factor(places$row, names(maps))
  places$column <- factor(places$text, unique(c("image", places$text)))
  sizes <- vapply(maps, function(map) {
    paste(dim(map)[2:3], collapse = " \u00d7 ")
  }, character(1))
  levels(places$row) <- paste0(names(maps), "\n", sizes)
  picture_plot(pictures, places) +
    ggplot2::facet_grid(row ~ column, switch = "y") +
    ggplot2::theme(strip.text.y.left = ggplot2::element_text(
      angle = 0, hjust = 1, vjust = 0.5, margin = ggplot2::margin(0, 6, 0, 0)
    ))
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

# Weights of red, green and blue as a colour, from the kernel's lowest to its highest one.
colour_kernel <- function(kernel) {
  range <- range(kernel)
  grDevices::as.raster((kernel - range[[1]]) / max(diff(range), 1e-12))
}

# The mean over the channels, from blue over white, which is 0, to orange.
signed_kernel <- function(kernel) {
  means <- apply(kernel, 1:2, mean)
  shares <- (means / max(abs(means), 1e-12) + 1) / 2
  as_colours(shares, grDevices::colorRampPalette(c("#0072B2", "white", "#D55E00"))(255))
}

# A matrix of 0 to 1 as a raster of colours.
as_colours <- function(shares, colours) {
  places <- 1 + round(shares * (length(colours) - 1))
  grDevices::as.raster(matrix(colours[places], nrow(shares)))
}

# The maps of one image as pictures, each from its lowest to its highest value.
map_pictures <- function(maps, shown) {
  colours <- grDevices::hcl.colors(256, "viridis")
  lapply(shown, function(number) {
    map <- matrix(maps[1, , , number], dim(maps)[[2]])
    range <- range(map)
    as_colours((map - range[[1]]) / max(diff(range), 1e-12), colours)
  })
}

map_title <- function(name, maps, shown) {
  size <- dim(maps)
  paste0(name, ": ", counted(shown, size[[4]], "feature maps"), " of ",
    paste(size[2:3], collapse = " \u00d7 "))
}

# "32 of 64 filters", or "6 filters" for all of them.
counted <- function(shown, all, things) {
  paste0(if (shown < all) paste(shown, "of "), all, " ", things)
}

#' @eval said("plot_architecture")
#' @return The text fits the boxes at any size.
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
