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
  history <- history_points(x$history, x$kept_epoch)
  drawn <- attributes(history)
  # Named in the first panel alone.
  stages <- data.frame(epoch = drawn$stages, name = drawn$stage_names,
    metric = rep(min(history$metric, "loss"), length(drawn$stages)))
  ggplot2::ggplot(history, ggplot2::aes(.data$epoch, .data$value, colour = .data$data)) +
    ggplot2::geom_vline(xintercept = drawn$stages, colour = "grey60", linetype = "dashed") +
    (if (nrow(stages) > 0) {
      ggplot2::geom_text(ggplot2::aes(.data$epoch, Inf, label = .data$name), stages,
        colour = "grey40", hjust = -0.1, vjust = -0.4, size = 3.2, inherit.aes = FALSE)
    }) +
    (if (length(drawn$kept) > 0) {
      ggplot2::geom_point(data = history[history$epoch == drawn$kept, ], shape = 21, size = 4.5,
        stroke = 0.8, na.rm = TRUE, show.legend = FALSE)
    }) +
    # A single epoch has no line, and ggplot2 would say so.
    (if (nrow(x$history) > 1) ggplot2::geom_line(linewidth = 0.8, na.rm = TRUE)) +
    ggplot2::geom_point(size = 2, na.rm = TRUE) +
    ggplot2::facet_wrap(~metric, ncol = 1, scales = "free_y", strip.position = "left") +
    ggplot2::scale_x_continuous(breaks = whole_breaks) +
    ggplot2::scale_colour_manual(values = c(training = "#0072B2", validation = "#D55E00")) +
    ggplot2::labs(x = "Epoch", y = NULL, colour = NULL, caption = drawn$caption) +
    ggplot2::coord_cartesian(clip = "off") +
    theme_of_charts() +
    ggplot2::theme(
      legend.position = if (any(history$data == "validation")) "top" else "none",
      panel.spacing = grid::unit(12, "pt"), strip.placement = "outside",
      # Room for the names of stages.
      plot.margin = ggplot2::margin(if (nrow(stages) > 0) 16 else 6, 6, 6, 6),
      panel.grid.minor = ggplot2::element_blank()
    )
}

#' @rdname plot.reticnn_classifier
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_classifier <- function(object, ...) {
  rlang::check_dots_empty()
  plot(object)
}

# On white, so that a saved plot can be read on any page.
theme_of_charts <- function() {
  ggplot2::theme_minimal(base_size = 13) + on_white()
}

on_white <- function() {
  ggplot2::theme(
    plot.background = ggplot2::element_rect(fill = "white", colour = NA),
    plot.caption = ggplot2::element_text(colour = "grey40")
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
  check_all_given(rlang::current_env())
  if (!inherits(evaluation, "reticnn_evaluation")) {
    abort_text(
      paste0("`evaluation` must come from `evaluate_classifier()`, not be an object of ",
        "class ", class(evaluation)[[1]], "."),
      call = rlang::current_env()
    )
  }
  fields <- as.data.frame(evaluation$confusion, responseName = "n")
  confused <- call_core("pairs_of_confusion", confusion = as_columns(fields))
  if (!is.null(confused)) {
    return(plot_pairs(as_table(confused$pairs), confused$caption))
  }
  drawn <- call_core("cells_of_confusion", confusion = as_columns(fields))
  fields <- cbind(fields, as_table(drawn$cells))
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
      x = "Predicted", y = "Truth", caption = drawn$caption
    ) +
    theme_of_charts() +
    ggplot2::theme(
      panel.grid = ggplot2::element_blank(),
      axis.text = ggplot2::element_text(colour = "grey20"),
      axis.title.x.top = ggplot2::element_text(margin = ggplot2::margin(b = 8))
    )
}

# A bar for each pair of classes, the most frequent on top.
plot_pairs <- function(pairs, caption) {
  pairs$pair <- factor(pairs$pair, rev(pairs$pair))
  ggplot2::ggplot(pairs, ggplot2::aes(.data$n, .data$pair)) +
    ggplot2::geom_col(fill = "#D55E00", width = 0.7) +
    ggplot2::geom_text(ggplot2::aes(label = .data$text), hjust = -0.1, size = 3.2,
      colour = "grey30") +
    ggplot2::scale_x_continuous(breaks = whole_breaks,
      expand = ggplot2::expansion(c(0, 0.2))) +
    ggplot2::labs(x = "Images", y = NULL, caption = caption) +
    theme_of_charts() +
    ggplot2::theme(
      panel.grid.major.y = ggplot2::element_blank(),
      panel.grid.minor = ggplot2::element_blank(),
      plot.caption.position = "plot"
    )
}

#' @rdname plot_confusion
#' @param x As `evaluation`.
#' @param type What to plot: `"confusion"`, one of the curves of [plot_curve()], or `"by"`,
#'   as in [plot_by()]. Default `"confusion"`.
#' @param ... Not used; must be empty.
#' @export
plot.reticnn_evaluation <- function(x, type = c("confusion", "roc", "precision_recall",
                                                "calibration", "by"), ...) {
  rlang::check_dots_empty()
  type <- rlang::arg_match(type)
  switch(type, confusion = plot_confusion(x), by = plot_by(x), plot_curve(x, type))
}

#' @rdname plot_confusion
#' @param object As `evaluation`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_evaluation <- function(object, type = c("confusion", "roc",
                                        "precision_recall", "calibration", "by"), ...) {
  rlang::check_dots_empty()
  plot(object, rlang::arg_match(type))
}

#' @eval said("plot_curve")
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' classifier <- fit_classifier(build_cnn(num_classes = 3), shape_images(300, 3), epochs = 2)
#' scores <- evaluate_classifier(classifier, shape_images(150, 3))
#' plot_curve(scores)
#' plot_curve(scores, "calibration")
plot_curve <- function(evaluation, kind = "roc") {
  check_installed("ggplot2", "Plotting an evaluation")
  kind <- kind %||% "roc"
  drawn <- call_core("lines_of_curve", evaluation = core_evaluation(evaluation), kind = kind)
  points <- as_table(drawn$points)
  colours <- unlist(drawn$colours)
  ggplot2::ggplot(points, ggplot2::aes(.data$x, .data$y)) +
    (if (kind != "precision_recall") {
      ggplot2::geom_abline(colour = "grey60", linetype = "dashed")
    }) +
    (if (kind == "calibration") {
      list(
        ggplot2::geom_linerange(ggplot2::aes(ymin = .data$lower, ymax = .data$upper),
          colour = "#0072B2"),
        ggplot2::geom_point(colour = "#0072B2", size = 2)
      )
    } else {
      list(
        ggplot2::geom_path(ggplot2::aes(colour = .data$line), linewidth = 0.8),
        ggplot2::scale_colour_manual(values = colours, breaks = names(colours))
      )
    }) +
    ggplot2::coord_fixed(1 - drawn$low, xlim = c(drawn$low, 1), ylim = c(0, 1)) +
    ggplot2::labs(x = drawn$axes[[1]], y = drawn$axes[[2]], colour = NULL,
      caption = drawn$caption) +
    theme_of_charts() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank())
}

#' @eval said("plot_by")
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' data <- shape_images(100)
#' plot_by(evaluate_classifier(classifier, data, by = rep(c("north", "south"), 50)))
plot_by <- function(evaluation) {
  check_installed("ggplot2", "Plotting an evaluation")
  plot_dots(call_core("dots_by", evaluation = core_evaluation(evaluation)))
}

#' @eval said("plot_comparison", rename = c(comparison = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' data <- shape_images(200, seed = 1)
#' fits <- list(one = fit_classifier(build_cnn(), data, epochs = 1),
#'   other = fit_classifier(build_mlp(), data, epochs = 1))
#' plot(compare_classifiers(fits, shape_images(100, seed = 2)))
plot.reticnn_comparison <- function(x, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a comparison")
  given <- list(differences = as_columns(x$differences), level = x$level)
  plot_dots(call_core("dots_of_comparison", comparison = given), columns = 3, widest = 12)
}

#' @rdname plot.reticnn_comparison
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_comparison <- function(object, ...) {
  rlang::check_dots_empty()
  plot(object)
}

#' @eval said("plot_stress", rename = c(stress = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' plot(stress_test(classifier, shape_images(50), changes = c("shift", "noise")))
plot.reticnn_stress <- function(x, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a stress test")
  drawn <- call_core("lines_of_stress", stress = as_columns(x))
  points <- as_limits(drawn$points)
  points$panel <- factor(points$panel, unlist(drawn$panels))
  colours <- unlist(drawn$colours)
  # A strength is a step of its panel, and has its place there by its level.
  steps <- paste(points$panel, points$level)
  points$step <- factor(steps, unique(steps))
  labels <- stats::setNames(points$label, steps)
  # As one often is the other.
  beside <- ggplot2::position_dodge(0.3)
  ggplot2::ggplot(points, ggplot2::aes(.data$step, .data$estimate, colour = .data$measure,
    group = .data$measure)) +
    (if (!is.null(drawn$unchanged)) {
      ggplot2::geom_hline(yintercept = drawn$unchanged, colour = "grey60", linetype = "dashed")
    }) +
    ggplot2::geom_linerange(ggplot2::aes(ymin = .data$lower, ymax = .data$upper),
      position = beside, na.rm = TRUE) +
    ggplot2::geom_line(position = beside, na.rm = TRUE) +
    ggplot2::geom_point(position = beside, size = 1.6, na.rm = TRUE) +
    ggplot2::facet_wrap(~panel, scales = "free_x", ncol = 3,
      labeller = ggplot2::as_labeller(function(titles) broken(titles, 30))) +
    ggplot2::scale_x_discrete(labels = labels) +
    ggplot2::scale_y_continuous(breaks = c(0, 0.5, 1)) +
    ggplot2::coord_cartesian(ylim = c(0, 1)) +
    ggplot2::scale_colour_manual(values = colours) +
    ggplot2::labs(x = NULL, y = NULL, colour = NULL, caption = drawn$caption) +
    theme_of_charts() +
    ggplot2::theme(legend.position = "top", panel.grid.minor = ggplot2::element_blank(),
      strip.text = ggplot2::element_text(vjust = 0, size = 9), strip.clip = "off")
}

#' @rdname plot.reticnn_stress
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_stress <- function(object, ...) {
  rlang::check_dots_empty()
  plot(object)
}

# Estimates with their limits, a row each, in panels whose titles have lines of at most so
# many characters.
plot_dots <- function(drawn, columns = 2, widest = 30) {
  points <- as_limits(drawn$points)
  points$row <- factor(points$row, rev(unlist(drawn$rows)))
  points$panel <- factor(points$panel, unlist(drawn$panels))
  ggplot2::ggplot(points, ggplot2::aes(.data$estimate, .data$row)) +
    (if (!is.null(drawn$line)) {
      ggplot2::geom_vline(xintercept = drawn$line, colour = "grey60", linetype = "dashed")
    }) +
    ggplot2::geom_linerange(ggplot2::aes(xmin = .data$lower, xmax = .data$upper),
      colour = "#0072B2", linewidth = 0.8, na.rm = TRUE) +
    ggplot2::geom_point(colour = "#0072B2", size = 2, na.rm = TRUE) +
    ggplot2::facet_wrap(~panel, ncol = columns, scales = "free_x",
      labeller = ggplot2::as_labeller(function(titles) broken(titles, widest))) +
    ggplot2::scale_x_continuous(n.breaks = 4,
      guide = ggplot2::guide_axis(check.overlap = TRUE)) +
    ggplot2::scale_y_discrete(labels = function(rows) broken(rows, 24)) +
    ggplot2::labs(x = NULL, y = NULL, caption = drawn$caption) +
    theme_of_charts() +
    ggplot2::theme(
      strip.text = ggplot2::element_text(vjust = 0), strip.clip = "off",
      panel.grid.major.y = ggplot2::element_blank(),
      panel.grid.minor = ggplot2::element_blank(),
      panel.spacing = grid::unit(14, "pt"), plot.caption.position = "plot"
    )
}

#' @eval said("plot_cross_validation", rename = c(cross_validation = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' build <- function() build_cnn(c(16, 16, 3), filters = 4, n_blocks = 1, units = 8)
#' plot(cross_validate(build, shape_images(60, image_size = 16), 3, epochs = 1))
plot.reticnn_cross_validation <- function(x, measures = NULL, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a cross-validation")
  drawn <- call_core("points_of_folds", cross_validation = x, measures = as_strings(measures),
    .names = c(cross_validation = "x"))
  points <- as_table(drawn$points)
  points$colour <- ifelse(points$fold == "all", "#D55E00", "#0072B2")
  points$fold <- factor(points$fold, rev(unlist(drawn$folds)))
  points$measure <- factor(unlist(drawn$names)[points$measure], unlist(drawn$names))
  ggplot2::ggplot(points, ggplot2::aes(.data$estimate, .data$fold, colour = .data$colour)) +
    ggplot2::geom_linerange(ggplot2::aes(xmin = .data$lower, xmax = .data$upper),
      linewidth = 0.8, na.rm = TRUE) +
    ggplot2::geom_point(size = 2, na.rm = TRUE) +
    ggplot2::facet_wrap(~measure, nrow = 1, scales = "free_x", strip.position = "bottom") +
    ggplot2::scale_colour_identity() +
    ggplot2::labs(x = NULL, y = "Fold") +
    theme_of_charts() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank(), strip.placement = "outside",
      panel.spacing = grid::unit(16, "pt"))
}

#' @rdname plot.reticnn_cross_validation
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_cross_validation <- function(object, measures = NULL, ...) {
  rlang::check_dots_empty()
  plot(object, measures)
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
    theme_of_charts() +
    # Room for half of the last label of the axis.
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank(),
      plot.margin = ggplot2::margin(6, 24, 6, 6))
}

#' @rdname plot.reticnn_rates
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_rates <- function(object, ...) {
  rlang::check_dots_empty()
  plot(object)
}

#' @eval said("plot_ladder", rename = c(ladder = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot(convnext_ladder())
plot.reticnn_ladder <- function(x, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting the steps")
  drawn <- call_core("bars_of_ladder", ladder = as_columns(x))
  steps <- unlist(drawn$steps)
  bars <- do.call(rbind, lapply(drawn$measures, function(measure) {
    data.frame(step = steps, measure = measure$title, value = unlist(measure$values),
      label = unlist(measure$labels), start = measure$start)
  }))
  bars$step <- factor(bars$step, rev(steps))
  bars$measure <- factor(bars$measure, unique(bars$measure))
  ggplot2::ggplot(bars, ggplot2::aes(.data$value, .data$step)) +
    ggplot2::geom_segment(ggplot2::aes(x = .data$start, xend = .data$value,
      yend = .data$step, colour = .data$measure), linewidth = 4, show.legend = FALSE) +
    ggplot2::geom_text(ggplot2::aes(label = .data$label), hjust = -0.2, size = 3.4) +
    ggplot2::facet_wrap(~measure, scales = "free_x") +
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(c(0, 0.15))) +
    ggplot2::scale_colour_manual(values = c("#0072B2", "#999999")) +
    ggplot2::labs(x = NULL, y = NULL, caption = drawn$caption) +
    theme_of_charts() +
    ggplot2::theme(
      panel.grid.major.y = ggplot2::element_blank(),
      panel.grid.minor = ggplot2::element_blank(),
      strip.text = ggplot2::element_text(hjust = 0)
    )
}

#' @rdname plot.reticnn_ladder
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_ladder <- function(object, ...) {
  rlang::check_dots_empty()
  plot(object)
}

#' @eval said("plot_description", rename = c(description = "x"))
#' @return As many layers are labelled with their names as there is room for.
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot(describe_model(build_cnn()))
plot.reticnn_description <- function(x, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a model's layers")
  drawn <- call_core("bars_of_description", description = as_columns(x))
  names <- unlist(drawn$names)
  rows <- length(names)
  titles <- vapply(drawn$measures, function(measure) measure$title, "")
  long <- data.frame(
    # By number, as a layer that is used twice has two rows with the same name.
    layer = factor(seq_len(rows), rev(seq_len(rows))),
    measure = factor(rep(titles, each = rows), titles),
    value = unlist(lapply(drawn$measures, function(measure) measure$values))
  )
  # Many names, or long ones, are small.
  size <- max(6, min(10.4, 300 / rows, 240 / max(1, nchar(names))))
  ggplot2::ggplot(long, ggplot2::aes(.data$value, .data$layer)) +
    ggplot2::geom_col(fill = "#0072B2", width = 0.7, na.rm = TRUE) +
    ggplot2::facet_wrap(~measure, scales = "free_x") +
    ggplot2::scale_x_continuous(n.breaks = 4, labels = short_numbers) +
    ggplot2::scale_y_discrete(labels = function(rows) names[as.integer(rows)],
      guide = ggplot2::guide_axis(check.overlap = TRUE)) +
    ggplot2::labs(x = NULL, y = NULL) +
    theme_of_charts() +
    ggplot2::theme(
      panel.grid.major.y = ggplot2::element_blank(),
      panel.grid.minor = ggplot2::element_blank(),
      panel.spacing = grid::unit(14, "pt"),
      axis.text.y = ggplot2::element_text(size = size),
      strip.text = ggplot2::element_text(vjust = 0), strip.clip = "off"
    )
}

#' @rdname plot.reticnn_description
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_description <- function(object, ...) {
  rlang::check_dots_empty()
  plot(object)
}

#' @eval said("plot_images")
#' @return Longer captions are wrapped and made smaller, to fit a page of 7 by 5 inches.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_images(shape_images(12, 6), n = 12)
plot_images <- function(images, predictions = NULL, n = 16) {
  check_installed("ggplot2", "Plotting images")
  if (is.data.frame(predictions)) predictions <- as_columns(predictions)
  if (is.factor(predictions)) predictions <- as.character(predictions)
  picture_grid(call_core("pictures_of_images", images = images, predictions = predictions,
    n = n))
}

#' @eval said("plot_review", rename = c(review = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' data <- shape_images(100, seed = 1)
#' data <- c(data, data[1:3])
#' plot(review_images(data), data)
plot.reticnn_review <- function(x, data, kind = NULL, n = 6, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a review")
  check_all_given(rlang::current_env())
  picture_grid(call_core("pictures_of_review", review = review_columns(x), data = data,
    kind = kind, n = n))
}

#' @rdname plot.reticnn_review
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_review <- function(object, data, kind = NULL, n = 6, ...) {
  rlang::check_dots_empty()
  check_all_given(rlang::current_env())
  plot(object, data, kind, n)
}

#' @eval said("plot_explanation", rename = c(explanation = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' plot(explain_prediction(classifier, shape_images(3)))
plot.reticnn_explanation <- function(x, images = NULL, n = 4, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting an explanation")
  grid <- call_core("pictures_of_explanation", explanation = core_explanation(x),
    images = images, n = n, .names = c(explanation = "x"))
  scale <- lapply(grid$scale, unlist)
  ends <- data.frame(share = scale$limits)
  picture_grid(grid) +
    # Only for the scale: the pictures have their colours already.
    ggplot2::geom_rect(ggplot2::aes(fill = .data$share), ends, xmin = 0, xmax = 0,
      ymin = 0, ymax = 0, inherit.aes = FALSE) +
    ggplot2::scale_fill_gradientn(colours = scale$colours, limits = scale$limits,
      breaks = scale$breaks, labels = scale$labels, name = NULL)
}

#' @rdname plot.reticnn_explanation
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_explanation <- function(object, images = NULL, n = 4, ...) {
  rlang::check_dots_empty()
  plot(object, images, n)
}

#' @eval said("plot_explanation_scores", rename = c(explanation_scores = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' explanation <- explain_prediction(classifier, shape_images(3))
#' plot(explanation_scores(explanation, classifier))
plot.reticnn_explanation_scores <- function(x, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting scores of an explanation")
  drawn <- call_core("lines_of_scores", explanation_scores = core_explanation_scores(x),
    .names = c(explanation_scores = "x"))
  points <- as_limits(drawn$points)
  points$panel <- factor(points$panel, unlist(drawn$panels))
  colours <- unlist(drawn$colours)
  points$line <- factor(points$line, names(colours))
  ggplot2::ggplot(points, ggplot2::aes(.data$x, .data$y, colour = .data$line,
    linetype = .data$line == "random")) +
    ggplot2::geom_line(linewidth = 0.8, na.rm = TRUE) +
    ggplot2::facet_wrap(~panel, nrow = 1, scales = "free_y") +
    ggplot2::scale_colour_manual(values = colours) +
    ggplot2::guides(linetype = "none") +
    ggplot2::labs(x = NULL, y = NULL, colour = NULL) +
    theme_of_charts() +
    ggplot2::theme(legend.position = "top", panel.grid.minor = ggplot2::element_blank())
}

#' @rdname plot.reticnn_explanation_scores
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_explanation_scores <- function(object, ...) {
  rlang::check_dots_empty()
  plot(object)
}

#' @eval said("plot_similar_images", rename = c(similar = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' data <- shape_images(200, seed = 1)
#' classifier <- fit_classifier(build_cnn(), data, epochs = 1)
#' plot(similar_images(classifier, data[1:3], data), data[1:3], data)
plot.reticnn_similar <- function(x, images, among, n = 4, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting similar images")
  check_all_given(rlang::current_env())
  picture_grid(call_core("pictures_of_similar_images", similar = core_similar_images(x),
    images = images, among = among, n = n, .names = c(similar = "x")))
}

#' @rdname plot.reticnn_similar
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_similar <- function(object, images, among, n = 4, ...) {
  rlang::check_dots_empty()
  check_all_given(rlang::current_env())
  plot(object, images, among, n)
}

#' @eval said("plot_class_images", rename = c(class_images = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' plot(class_image(classifier, steps = 16))
plot.reticnn_class_images <- function(x, n = 16, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting images")
  picture_grid(call_core("pictures_of_class_images", class_images = core_class_images(x),
    n = n, .names = c(class_images = "x")))
}

#' @rdname plot.reticnn_class_images
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_class_images <- function(object, n = 16, ...) {
  rlang::check_dots_empty()
  plot(object, n)
}

#' @eval said("plot_embedding")
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' data <- shape_images(100, seed = 2)
#' plot_embedding(embed_images(classifier, data), data, predict(classifier, data),
#'   thumbnails = 10)
plot_embedding <- function(embedding, data = NULL, predictions = NULL, method = "pca",
                           thumbnails = 0, seed = NULL) {
  check_installed("ggplot2", "Plotting an embedding")
  check_all_given(rlang::current_env())
  if (is.data.frame(predictions)) predictions <- as_columns(predictions)
  if (is.factor(predictions)) predictions <- as.character(predictions)
  if (is.factor(data)) data <- as.character(data)
  embedding <- as_rows(embedding)
  drawn <- call_core("points_of_embedding", embedding = embedding, data = data,
    predictions = predictions, method = method, thumbnails = thumbnails,
    places = placed_in_r(embedding, method, seed))
  points <- as_table(drawn$points)
  colours <- stats::setNames(unlist(drawn$legend$colour), unlist(drawn$legend$name))
  has_classes <- length(colours) > 0
  points$class <- factor(if (has_classes) points$class else "all", names(colours) %||% "all")
  if (!has_classes) colours <- c(all = "#0072B2")
  ggplot2::ggplot(points, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$class), size = 2) +
    (if (any(points$wrong)) {
      list(
        ggplot2::geom_point(ggplot2::aes(shape = drawn$ring), points[points$wrong, ],
          size = 4, stroke = 0.8),
        ggplot2::scale_shape_manual(values = 21, name = NULL)
      )
    }) +
    thumbnails_at(drawn$thumbnails, drawn$side, points) +
    ggplot2::scale_colour_manual(values = colours, name = NULL,
      guide = if (has_classes) "legend" else "none") +
    ggplot2::labs(x = drawn$axes[[1]], y = drawn$axes[[2]]) +
    theme_of_charts() +
    ggplot2::theme(aspect.ratio = 1, panel.grid.minor = ggplot2::element_blank())
}

# Points that packages of R's find, or NULL where the core does. They are not among the
# suggested packages, which would all be installed with this one.
placed_in_r <- function(embedding, method, seed, call = rlang::caller_env()) {
  packages <- c(tsne = "Rtsne", umap = "uwot")
  if (!is.character(method) || !isTRUE(method %in% names(packages))) return(NULL)
  package <- packages[[method]]
  check_installed(package, paste0("`method = \"", method, "\"`"), call)
  rows <- call_core("rows_to_place", embedding = embedding, .call = call)
  count <- nrow(rows)
  # The core says that there are too few.
  if (count < 5) return(NULL)
  with_random_state({
    set.seed(seed_or_draw(seed))
    if (method == "tsne") {
      place <- getExportedValue(package, "Rtsne")
      place(rows, perplexity = min(30, (count - 1) / 3), check_duplicates = FALSE,
        pca = ncol(rows) > 50)$Y
    } else {
      place <- getExportedValue(package, "umap")
      place(rows, n_neighbors = min(15, count - 1), n_threads = 1)
    }
  })
}

# Images with their middle on their points.
thumbnails_at <- function(thumbnails, side, points) {
  half <- side / 2 * c(diff(range(points$x)), diff(range(points$y)))
  lapply(seq_along(thumbnails$picture), function(i) {
    x <- thumbnails$x[[i]]
    y <- thumbnails$y[[i]]
    ggplot2::annotation_raster(as_picture(thumbnails$picture[[i]]), x - half[[1]],
      x + half[[1]], y - half[[2]], y + half[[2]])
  })
}

#' @eval said("plot_tiles")
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' file <- tempfile(fileext = ".png")
#' png(file, width = 400, height = 300)
#' plot(1)
#' dev.off()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' plot_tiles(predict_images(classifier, image_tiles(file, 32)))
plot_tiles <- function(predictions, file = NULL, class_name = NULL) {
  check_installed("ggplot2", "Plotting a map of tiles")
  if (is.data.frame(predictions)) predictions <- as_columns(predictions)
  drawn <- call_core("map_of_tiles", predictions = predictions, file = file,
    class_name = class_name)
  keys <- data.frame(name = factor(unlist(drawn$legend$name), unlist(drawn$legend$name)),
    x = drawn$width / 2, y = drawn$height / 2)
  ggplot2::ggplot(keys, ggplot2::aes(.data$x, .data$y)) +
    # Only for the legend: the map lies over them.
    ggplot2::geom_point(ggplot2::aes(colour = .data$name), shape = 15, size = 0.1) +
    ggplot2::annotation_raster(as_picture(drawn$picture), 0, drawn$width, 0,
      -drawn$height) +
    ggplot2::scale_colour_manual(values = unlist(drawn$legend$colour), drop = FALSE) +
    ggplot2::guides(colour = ggplot2::guide_legend(override.aes = list(size = 5))) +
    ggplot2::scale_y_reverse() +
    ggplot2::coord_fixed(xlim = c(0, drawn$width), ylim = c(drawn$height, 0),
      expand = FALSE) +
    ggplot2::labs(x = NULL, y = NULL, colour = drawn$legend_title, title = drawn$title) +
    theme_of_charts() +
    ggplot2::theme(panel.grid = ggplot2::element_blank())
}

#' @eval said("plot_augmentation")
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' policy <- augmentation(rotation = 0.1, color_jitter = 0.3, erasing = 0.5)
#' plot_augmentation(shape_images(1), policy, seed = 1)
plot_augmentation <- function(image, policy, n = 8, seed = NULL) {
  check_installed("ggplot2", "Plotting images")
  picture_grid(call_core("pictures_of_augmentation", image = image, policy = policy, n = n,
    seed = seed_or_draw(seed)))
}

#' @eval said("plot_filters")
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_filters(build_cnn())
plot_filters <- function(model, layer = NULL, n = 32) {
  check_installed("ggplot2", "Plotting filters")
  grid <- call_core("pictures_of_filters", model = as_core(model), layer = layer, n = n)
  picture_grid(grid, frame_width = 0.5)
}

#' @eval said("plot_feature_maps")
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_feature_maps(build_cnn(), shape_images(1))
#' plot_feature_maps(build_cnn(), shape_images(1), c("block1_conv1", "block3_conv1"), n = 8)
plot_feature_maps <- function(model, image, layers = NULL, n = 15) {
  check_installed("ggplot2", "Plotting feature maps")
  grid <- call_core("pictures_of_feature_maps", model = as_core(model), image = image,
    layers = as_strings(layers), n = n)
  if (is.null(grid$title)) picture_rows(grid) else picture_grid(grid)
}

# Pictures that the core has prepared, in as many columns as it says.
picture_grid <- function(grid, frame_width = 1.6) {
  pictures <- lapply(grid$pictures, as_picture)
  captions <- captions_of(grid)
  fitted <- fit_captions(captions$text, grid$columns,
    ceiling(length(pictures) / grid$columns), nrow(pictures[[1]]) / ncol(pictures[[1]]))
  texts <- stats::setNames(fitted$text, captions$image)
  picture_plot(pictures, captions, frame_width) +
    ggplot2::facet_wrap(~image, ncol = grid$columns,
      labeller = ggplot2::as_labeller(texts)) +
    ggplot2::labs(title = grid$title) +
    ggplot2::theme(strip.text = ggplot2::element_text(size = fitted$size))
}

captions_of <- function(grid) {
  data.frame(
    image = seq_along(grid$pictures), text = unlist(grid$text),
    frame = as.character(none_as_na(grid$frame))
  )
}

# Colours of 0 to 255, or a map of 0, dark, to 1, bright, as a raster.
as_picture <- function(pixels) {
  if (length(dim(pixels)) == 3) {
    return(grDevices::as.raster(pixels / 255))
  }
  colours <- grDevices::hcl.colors(256, "viridis")
  grDevices::as.raster(matrix(colours[1 + round(255 * pixels)], nrow(pixels)))
}

# Captions with line breaks, and their size in points, such that they are no wider than
# the pictures on a page of 7 by 5 inches: its size is known only when it is drawn. Lines
# that are too short would leave no room for the pictures. Words are broken only where
# they would be too small to read.
fit_captions <- function(texts, columns, rows, shape) {
  texts <- as.character(texts)
  readable <- floor(498 / columns / (0.6 * 5))
  shortest <- min(max(14, nchar(unlist(words_of(texts)), "width")), max(14, readable))
  ways <- lapply(max(shortest, nchar(texts, "width")):shortest, function(most) {
    broken(texts, most)
  })
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

# The parts of texts that a line break does not divide: words, and parts of names such as
# `golden_retriever`.
words_of <- function(texts) {
  regmatches(texts, gregexpr("[^\\s_-]+[_-]*|[_-]+", texts, perl = TRUE))
}

# Texts wrapped to lines of at most that many characters.
broken <- function(texts, most) {
  # A mark for where a line may be broken without a blank, and longer words in pieces.
  word <- sprintf("([^\\s\001]{%d})(?=[^\\s\001])", most)
  texts <- gsub("([_-])(?=[^_\\s-])", "\\1\001", texts, perl = TRUE)
  texts <- gsub(word, "\\1\001", texts, perl = TRUE)
  vapply(strsplit(texts, "\n", fixed = TRUE), function(lines) {
    paste(unlist(lapply(lines, filled, most)), collapse = "\n")
  }, character(1))
}

# A line as several, as full as they can be.
filled <- function(line, most) {
  pieces <- regmatches(line, gregexpr("[^\\s\001]+[\\s\001]*", line, perl = TRUE))[[1]]
  lines <- ""
  for (piece in gsub("\001", "", pieces)) {
    last <- length(lines)
    joined <- paste0(lines[[last]], piece)
    if (nchar(trimws(joined, "right"), "width") > most && nzchar(lines[[last]])) {
      lines[[last + 1]] <- piece
    } else {
      lines[[last]] <- joined
    }
  }
  trimws(lines, "right")
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
    on_white() +
    ggplot2::theme(
      strip.text = ggplot2::element_text(vjust = 0, margin = ggplot2::margin(4, 0, 5, 0)),
      strip.clip = "off",
      panel.spacing = grid::unit(6, "pt"),
      plot.title = ggplot2::element_text(margin = ggplot2::margin(0, 0, 6, 0)),
      plot.margin = ggplot2::margin(6, 6, 6, 6)
    )
}

# One row per layer, with its name beside it; the image before the first one.
picture_rows <- function(grid) {
  captions <- captions_of(grid)
  captions$row <- factor(unlist(grid$layer), unique(unlist(grid$layer)))
  captions$column <- factor(captions$text, unique(captions$text))
  picture_plot(lapply(grid$pictures, as_picture), captions) +
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

#' @eval said("plot_architecture")
#' @return The text fits the boxes at any size.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_architecture(build_cnn())
plot_architecture <- function(model, most = 16, show = NULL, columns = NULL) {
  check_installed("ggplot2", "Plotting an architecture")
  diagram <- architecture(model, most, show, columns)
  boxes <- diagram$boxes
  half <- c(diagram$box_width, diagram$box_height) / 2
  texts <- call_core("labels_of_boxes", boxes = as_columns(boxes))
  boxes <- cbind(boxes, as_table(texts))
  of_kinds <- boxes[!duplicated(boxes$kind), ]
  kinds <- stats::setNames(of_kinds$colour, of_kinds$kind)
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
    ggplot2::scale_fill_manual(values = stats::setNames(of_kinds$ground, of_kinds$kind)) +
    ggplot2::scale_colour_manual(values = kinds) +
    ggplot2::coord_fixed(
      xlim = c(-0.1, diagram$width + 0.1), ylim = c(0, diagram$height), expand = FALSE,
      clip = "off"
    ) +
    ggplot2::labs(fill = NULL, colour = NULL,
      caption = "Last line: shape of the output \u00b7 number of parameters") +
    ggplot2::theme_void(base_size = 12) +
    on_white() +
    ggplot2::theme(
      legend.position = "bottom",
      legend.text = ggplot2::element_text(margin = ggplot2::margin(0, 12, 0, 4)),
      plot.margin = ggplot2::margin(6, 6, 6, 6)
    ) +
    ggplot2::guides(fill = ggplot2::guide_legend(nrow = 1 + (length(kinds) > 4)))
}

# Labels of three lines, as large as all names and shapes fit into their boxes; what is
# longer in between is smaller.
geom_box_label <- function(half) {
  geom <- ggplot2::ggproto(NULL, ggplot2::Geom,
    required_aes = c("x", "y", "label"),
    draw_panel = function(data, panel_params, coord) {
      corners <- data.frame(
        x = data$x[[1]] + c(-1, 1) * half[[1]], y = data$y[[1]] + c(-1, 1) * half[[2]]
      )
      corners <- coord$transform(corners, panel_params)
      positions <- coord$transform(data, panel_params)
      grid::gTree(x = positions$x, y = positions$y, label = data$label,
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
  widths <- grid::convertWidth(grid::stringWidth(lines), "points", valueOnly = TRUE) /
    grid::get.gpar("fontsize")$fontsize
  # The name is bold, which is a little wider.
  fitting <- matrix(0.9 * width / (1.06 * widths), ncol = 3)
  size <- min(fitting[, c(1, 3)], height / 3.9, 14)
  grobs <- lapply(1:3, function(line) {
    grid::textGrob(
      lines[, line], x$x,
      grid::unit(x$y, "npc") + grid::unit((2 - line) * 1.2 * size, "points"),
      gp = grid::gpar(fontsize = pmin(size, fitting[, line]),
        fontface = if (line == 1) "bold" else "plain",
        col = if (line == 3) "grey25" else "black")
    )
  })
  grid::setChildren(x, do.call(grid::gList, grobs))
}

#' @eval said("plot_window", rename = c(window = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot(sliding_window(5, 3, padding = "same"))
plot.reticnn_window <- function(x, step = NULL, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a window")
  plot_scene(call_core("drawing_of_window", window = core_mechanics(x), step = step))
}

#' @rdname plot.reticnn_window
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_window <- function(object, step = NULL, ...) {
  rlang::check_dots_empty()
  plot(object, step)
}

#' @eval said("plot_receptive_field", rename = c(field = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot(receptive_field(build_cnn()), shape_images(1))
plot.reticnn_field <- function(x, image = NULL, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a receptive field")
  plot_scene(call_core("drawing_of_field", field = core_mechanics(x), image = image))
}

#' @rdname plot.reticnn_field
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_field <- function(object, image = NULL, ...) {
  rlang::check_dots_empty()
  plot(object, image)
}

#' @eval said("plot_shift_response", rename = c(shifts = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot(shift_response(build_cnn(), shape_images(1), "block1_pool"))
plot.reticnn_shifts <- function(x, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting shifts")
  plot_scene(call_core("drawing_of_shifts", shifts = core_mechanics(x)))
}

#' @rdname plot.reticnn_shifts
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_shifts <- function(object, ...) {
  rlang::check_dots_empty()
  plot(object)
}

#' @eval said("save_animation")
#' @return In R, the path is a `reticnn_animation`: when a chunk of R Markdown or Quarto
#'   prints it, the film appears on the page, with the chunk's `fig.alt`.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' save_animation(sliding_window(5, 3, padding = "same"), tempfile(fileext = ".svg"))
save_animation <- function(x, path = NULL, image = NULL, seconds = NULL, most = 64) {
  path <- path %||% tempfile(fileext = ".svg")
  path <- call_core("save_animation", x = core_mechanics(x), path = path, image = image,
    seconds = seconds, most = most)
  structure(path, class = "reticnn_animation")
}

#' @export
print.reticnn_animation <- function(x, ...) {
  cat("<reticnn_animation> '", x, "'\n", sep = "")
  invisible(x)
}

# On the page of a document that is knitted.
#' @exportS3Method knitr::knit_print
knit_print.reticnn_animation <- function(x, ...) {
  film <- knitr::fig_path(sub("^.*[.]", ".", x))
  dir.create(dirname(film), showWarnings = FALSE, recursive = TRUE)
  file.copy(x, film, overwrite = TRUE)
  knitr::include_graphics(film)
}

# What the core drew of, as it gave it.
core_mechanics <- function(x) {
  kinds <- c("reticnn_window", "reticnn_field", "reticnn_shifts")
  if (!inherits(x, kinds)) return(x)
  x <- unclass(x)
  for (name in intersect(c("steps", "table"), names(x))) x[[name]] <- as_columns(x[[name]])
  for (name in c("padding", "strides", "dilation_rate", "position", "image_size")) {
    if (!is.null(x[[name]])) x[[name]] <- as.list(x[[name]])
  }
  x
}

# Boxes, texts and pictures that the core has placed, in pixels from the upper left corner.
plot_scene <- function(drawn) {
  shapes <- drawn$frames[[1]]
  boxes <- as_table(shapes$box)
  texts <- as_table(shapes$text)
  order <- sort(unique(c(boxes$order, texts$order, unlist(shapes$picture$order))))
  ggplot2::ggplot(data.frame(x = 0, y = 0), ggplot2::aes(.data$x, .data$y)) +
    geom_scene(drawn$width, boxes, texts, shapes$picture, order) +
    ggplot2::coord_fixed(xlim = c(0, drawn$width), ylim = c(0, drawn$height),
      expand = FALSE, clip = "off") +
    ggplot2::theme_void() +
    on_white() +
    ggplot2::theme(plot.margin = ggplot2::margin(2, 2, 2, 2))
}

geom_scene <- function(width, boxes, texts, pictures, order) {
  geom <- ggplot2::ggproto(NULL, ggplot2::Geom,
    required_aes = c("x", "y"),
    draw_panel = function(data, panel_params, coord) {
      grid::gTree(scene = list(width = width, boxes = boxes, texts = texts,
        pictures = pictures, order = order), cl = "reticnn_scene")
    }
  )
  ggplot2::layer(geom = geom, stat = "identity", position = "identity", show.legend = FALSE)
}

#' @exportS3Method grid::makeContent
makeContent.reticnn_scene <- function(x) {
  scene <- x$scene
  points <- grid::convertWidth(grid::unit(1, "npc"), "points", valueOnly = TRUE)
  # Points per pixel of the scene; lines are measured in 1/96 of an inch.
  scale <- points / scene$width
  across <- function(n) grid::unit(n * scale, "points")
  down <- function(n) grid::unit(1, "npc") - across(n)
  left_top <- c("left", "top")
  draw <- function(at) {
    i <- match(at, scene$boxes$order)
    if (!is.na(i)) {
      one <- scene$boxes[i, ]
      look <- grid::gpar(fill = one$fill, col = one$line, linejoin = "mitre",
        lwd = one$thick * scale * 96 / 72.27)
      return(grid::rectGrob(across(one$x), down(one$y), across(one$width),
        across(one$height), just = left_top, gp = look))
    }
    i <- match(at, scene$texts$order)
    if (!is.na(i)) {
      one <- scene$texts[i, ]
      side <- c(middle = "centre", start = "left", end = "right")[[one$anchor]]
      look <- grid::gpar(col = one$colour, fontsize = one$size * scale,
        fontface = if (one$bold) "bold" else "plain")
      return(grid::textGrob(one$text, across(one$x), down(one$y), just = c(side, "centre"),
        gp = look))
    }
    i <- match(at, unlist(scene$pictures$order))
    one <- lapply(scene$pictures, `[[`, i)
    grid::rasterGrob(as_picture(one$pixels), across(one$x), down(one$y), across(one$width),
      across(one$height), just = left_top, interpolate = FALSE)
  }
  grid::setChildren(x, do.call(grid::gList, lapply(scene$order, draw)))
}
