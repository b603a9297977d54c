#' @eval said("evaluate_classifier",
#'   groups = "A factor is accepted too.",
#'   costs = "The names of the rows and columns of a matrix are those of the classes.",
#'   prior = "A named vector is accepted too.",
#'   by = "The rows of a factor are in the order of its levels.")
#' @return In R, this is a `reticnn_evaluation`, which prints its measures with their
#'   intervals. NaN in Python is `NA`. `class`, `truth` and `predicted` are factors, and
#'   `confusion` has the true classes in rows and the predicted ones in columns.
#'   [plot_confusion()] draws it, [glance()] returns the measures as a tibble with one
#'   row, and [tidy()] those of each class or, with `type = "intervals"`, all intervals.
#'   With `by`, `tidy(scores, "by")` returns that table, and `plot(scores, "by")` or
#'   [plot_by()] draws it. `predictions` is a tibble with a row per image, `truth`,
#'   `.pred_class` and `.pred_<class>`, as yardstick takes it.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' scores <- evaluate_classifier(classifier, shape_images(100))
#' scores
#' scores$accuracy
#' tidy(scores, "intervals")
#' # Where a missed square is five times as bad as a false alarm:
#' costs <- matrix(c(0, 5, 1, 0), 2, dimnames = list(c("circle", "square"), c("circle", "square")))
#' evaluate_classifier(classifier, shape_images(100), costs = costs)$mean_cost
#' # Where squares are rare:
#' evaluate_classifier(classifier, shape_images(100), prior = c(square = 0.02, circle = 0.98))
evaluate_classifier <- function(classifier, data, class_names = NULL, batch_size = 32,
                                progress = "auto", output = "auto", summarise = NULL,
                                intervals = 0.95, groups = NULL, top_k = NULL,
                                threshold = NULL, costs = NULL, prior = NULL,
                                by = NULL) {
  scores <- new_evaluation(call_core("evaluate_classifier", classifier = as_core(classifier),
    data = data, class_names = as_strings(class_names), batch_size = batch_size,
    progress = step_reporter(progress, "Evaluating"), output = output,
    summarise = summarise, intervals = intervals, groups = one_per_image(groups),
    top_k = top_k, threshold = threshold, costs = as_costs(costs), prior = as_prior(prior),
    by = one_per_image(by)))
  if (is.factor(by)) scores$by <- scores$by[order(match(scores$by$value, levels(by))), ]
  scores
}

# A vector with the names of the classes says which is which.
as_prior <- function(prior) {
  if (is.null(names(prior))) prior else as.list(prior)
}

# A matrix with the names of the classes says which is which.
as_costs <- function(costs, call = rlang::caller_env()) {
  if (!is.matrix(costs) || is.null(dimnames(costs))) return(costs)
  if (is.null(rownames(costs)) || is.null(colnames(costs))) {
    abort_text(paste("`costs` has names of its rows or of its columns alone, which leaves open",
      "what the others are. Give both, as in `dimnames(costs) <- list(classes, classes)`, or none,",
      "for the order of the classifier's classes."), call = call)
  }
  rows <- lapply(rownames(costs), function(truth) as.list(costs[truth, ]))
  stats::setNames(rows, rownames(costs))
}

new_evaluation <- function(scores) {
  classes <- as.character(scores$per_class$class)
  as_classes <- function(names) factor(unlist(none_as_na(as.list(names))), levels = classes)
  measures <- setdiff(names(scores), c("n", "per_class", "confusion", "intervals", "predictions",
    "prior", "by"))
  scores[measures] <- lapply(scores[measures], nan_as_na)
  rates <- setdiff(names(scores$per_class), c("class", "n"))
  scores$per_class[rates] <- lapply(scores$per_class[rates], nan_as_na)
  scores$per_class <- as_table(scores$per_class)
  scores$per_class$class <- as_classes(classes)
  scores$confusion <- as.table(matrix(
    as.integer(scores$confusion$n), length(classes), byrow = TRUE,
    dimnames = list(truth = classes, predicted = classes)
  ))
  if (!is.null(scores$intervals)) {
    intervals <- scores$intervals
    intervals$class <- as_classes(intervals$class)
    scores$intervals <- as_limits(intervals)
  }
  if (!is.null(scores$by)) scores$by <- as_limits(scores$by)
  chances <- scores$predictions$probabilities
  colnames(chances) <- paste0(".pred_", classes)
  scores$predictions <- tibble::tibble(truth = as_classes(scores$predictions$truth),
    .pred_class = as_classes(scores$predictions$predicted), tibble::as_tibble(chances))
  if (!is.null(scores$prior)) scores$prior <- unlist(scores$prior)
  structure(scores, class = "reticnn_evaluation")
}

# A table of estimates with their limits, what is NaN in Python being NA.
as_limits <- function(table) {
  limits <- intersect(c("estimate", "lower", "upper", "p_value", "adjusted"), names(table))
  table[limits] <- lapply(table[limits], nan_as_na)
  as_table(table)
}

#' @export
print.reticnn_evaluation <- function(x, most = 10, ...) {
  measures <- glance(x)[-1]
  table <- as.data.frame(x$per_class)
  level <- if (!is.null(x$level)) paste0(", ", format(100 * x$level), " % intervals")
  cat("<reticnn_evaluation> ", format(x$n, big.mark = ",", decimal.mark = "."),
    " images, ", nrow(table), " classes", level, "\n", sep = "")
  if (!is.null(x$prior)) {
    cat("probabilities for shares of ",
      paste(names(x$prior), format(x$prior, digits = 3, trim = TRUE), collapse = ", "), "\n",
      sep = "")
  }
  print_measures(measures, x$intervals)
  if (nrow(table) > most) {
    # Classes that are not in the data have no F1.
    table <- utils::head(table[order(table$f1, na.last = NA), ], most)
    cat("\nThe ", nrow(table), " classes with the lowest F1:\n", sep = "")
  } else {
    cat("\n")
  }
  print(table, digits = 3, row.names = FALSE)
  if (length(x$confusion) <= most^2) {
    cat("\n")
    print(x$confusion)
  }
  if (!is.null(x$by)) print_by(x$by, most)
  invisible(x)
}

# A line for each value, with the intervals of both measures.
print_by <- function(by, most) {
  measures <- split(as.data.frame(by), factor(by$measure, unique(by$measure)))
  shown <- measures[[1]][c("value", "n")]
  names(shown)[[1]] <- by$column[[1]]
  for (measure in names(measures)) {
    own <- measures[[measure]]
    limits <- if (!is.null(own$lower)) {
      ifelse(is.na(own$lower), "", sprintf(" [%.3f, %.3f]", own$lower, own$upper))
    }
    shown[[measure_names(measure)]] <- paste0(sprintf("%.3f", own$estimate), limits)
  }
  cat("\n")
  print(utils::head(shown, most), row.names = FALSE)
  if (nrow(shown) > most) cat(nrow(shown) - most, "more values: tidy(x, \"by\")\n")
}

# A line for each measure, with its interval if there is one.
print_measures <- function(measures, intervals) {
  names <- names(measures)
  numbers <- sprintf("%.3f", unlist(measures))
  limits <- character(length(names))
  if (!is.null(intervals)) {
    own <- intervals[is.na(intervals$class), ]
    own <- own[match(names, own$measure), ]
    known <- !is.na(own$lower)
    limits[known] <- sprintf("  [%.3f, %.3f]", own$lower[known], own$upper[known])
  }
  cat(paste0(format(measure_names(names)), "  ", format(numbers, justify = "right"), limits, "\n"),
    sep = "")
}

# The measures under the names that people use.
measure_names <- function(names) {
  names <- gsub("_", " ", names)
  names <- sub("brier", "Brier", sub("roc auc", "ROC AUC", sub("pr auc", "PR AUC", names)))
  sub("mcc", "Matthews correlation", sub("kappa", "Cohen's kappa", names))
}

#' @eval said("evaluation_curve")
#' @return In R, this is a tibble. [plot_curve()] draws it.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' evaluation_curve(evaluate_classifier(classifier, shape_images(100)))
evaluation_curve <- function(evaluation, kind = "roc") {
  curve <- call_core("evaluation_curve", evaluation = core_evaluation(evaluation), kind = kind)
  as_table(curve)
}

# An evaluation as the core has it, as far as curves need it.
core_evaluation <- function(evaluation) {
  if (!inherits(evaluation, "reticnn_evaluation")) return(evaluation)
  predictions <- evaluation$predictions
  list(
    per_class = as_columns(evaluation$per_class),
    predictions = list(truth = as.list(as.character(predictions$truth)),
      probabilities = as.matrix(predictions[-(1:2)])),
    level = evaluation$level,
    by = as_columns(evaluation$by)
  )
}

#' Evaluations as tibbles
#'
#' @param x Evaluation from [evaluate_classifier()].
#' @param type What each row describes: `"class"`, a class; `"intervals"`, a measure, or a
#'   measure of a class; or `"by"`, a measure of the images with the same value. Default
#'   `"class"`.
#' @param ... Not used; must be empty.
#' @return `glance()`: a tibble with one row, the measures over all images. `tidy()`: one
#'   row per class, with its number of images and its measures; or one row per measure,
#'   and per class and measure of a class (`class` is `NA` for measures over all images),
#'   with `estimate`, `lower` and `upper`; or the table requested with `by` of
#'   [evaluate_classifier()].
#' @name evaluation_tibbles
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' scores <- evaluate_classifier(classifier, shape_images(100))
#' glance(scores)
#' tidy(scores)
NULL

#' @rdname evaluation_tibbles
#' @export
glance.reticnn_evaluation <- function(x, ...) {
  rlang::check_dots_empty()
  tables <- c("per_class", "confusion", "intervals", "predictions", "level", "prior", "by")
  tibble::as_tibble(unclass(x)[setdiff(names(x), tables)])
}

#' @rdname evaluation_tibbles
#' @export
tidy.reticnn_evaluation <- function(x, type = c("class", "intervals", "by"), ...) {
  rlang::check_dots_empty()
  type <- rlang::arg_match(type)
  if (type == "class") {
    return(x$per_class)
  }
  if (type == "by") {
    if (is.null(x$by)) {
      abort_text("`x` has no results by a column of the data. Evaluate with `by`.",
        call = rlang::current_env())
    }
    return(x$by)
  }
  if (is.null(x$intervals)) {
    abort_text("`x` has no intervals. Evaluate with `intervals = 0.95`.",
      call = rlang::current_env())
  }
  x$intervals
}

#' @eval said("calibrate_classifier",
#'   groups = "A factor is accepted too.")
#' @return In R, `measures` is a tibble, and NaN in Python is `NA`.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' parts <- split_images(shape_images(600), c(0.6, 0.2, 0.2), seed = 1)
#' classifier <- fit_classifier(build_cnn(), parts$train, epochs = 3)
#' calibrated <- calibrate_classifier(classifier, parts$validation, method = "vector")
#' calibrated
#' calibrated$calibration$measures
calibrate_classifier <- function(classifier, data, method = "temperature", batch_size = 32,
                                 progress = "auto", intervals = 0.95, groups = NULL) {
  new_classifier(call_core("calibrate_classifier", classifier = as_core(classifier),
    data = data, method = method, batch_size = batch_size,
    progress = step_reporter(progress, "Calibrating"), intervals = intervals,
    groups = one_per_image(groups)))
}

#' @eval said("novelty_scores")
#' @return In R, this is a tibble, with `NA` for NaN and None.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' data <- shape_images(300)
#' classifier <- fit_classifier(build_cnn(), data, epochs = 1)
#' noise <- array(sample(0:255, 5 * 32 * 32 * 3, replace = TRUE), c(5, 32, 32, 3))
#' novelty_scores(classifier, noise, reference = data)
#' novelty_scores(classifier, data[1:5], method = "energy")
novelty_scores <- function(classifier, images, method = NULL, reference = NULL,
                           batch_size = 32, on_bad_image = "error", progress = "auto") {
  scores <- call_core("novelty_scores", classifier = as_core(classifier), images = images,
    method = method, reference = reference, batch_size = batch_size,
    on_bad_image = on_bad_image, progress = step_reporter(progress, "Looking"))
  scores$.novelty <- nan_as_na(scores$.novelty)
  if (!is.null(scores$.file)) scores$.file <- as_paths(unlist(scores$.file))
  as_table(scores)
}

#' @eval said("novelty_threshold")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' parts <- split_images(shape_images(600), c(0.6, 0.2, 0.2), seed = 1)
#' classifier <- fit_classifier(build_cnn(), parts$train, epochs = 1)
#' careful <- novelty_threshold(classifier, parts$validation, reference = parts$train)
#' noise <- array(sample(0:255, 5 * 32 * 32 * 3, replace = TRUE), c(5, 32, 32, 3))
#' predict(careful, noise)
novelty_threshold <- function(classifier, data, share = 0.05, method = "neighbours",
                              reference = NULL, batch_size = 32, progress = "auto") {
  new_classifier(call_core("novelty_threshold", classifier = as_core(classifier),
    data = data, share = share, method = method, reference = reference,
    batch_size = batch_size, progress = step_reporter(progress, "Looking")))
}

#' @eval said("prediction_sets")
#' @return In R, `thresholds` is a tibble, and `class` is `NA` if there is one for all.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' parts <- split_images(shape_images(600), c(0.6, 0.2, 0.2), seed = 1)
#' classifier <- fit_classifier(build_cnn(), parts$train, epochs = 3)
#' with_sets <- prediction_sets(classifier, parts$validation, method = "adaptive")
#' predict(with_sets, parts$test, type = "set")
#' glance(evaluate_classifier(with_sets, parts$test))[c("coverage", "set_size")]
#' # From a cross-validation, without images set aside:
#' validated <- cross_validate(function() build_cnn(filters = 4), parts$train, 3, epochs = 1)
#' with_sets <- prediction_sets(ensemble_classifiers(validated), validated)
#' predict(with_sets, parts$test[1:3], type = "set")
prediction_sets <- function(classifier, data, coverage = 0.9, method = "threshold",
                            by_class = FALSE, batch_size = 32, tta = 0, crops = 1,
                            scales = NULL, progress = "auto") {
  new_classifier(call_core("prediction_sets", classifier = as_core(classifier),
    data = as_core(data), coverage = coverage, method = method, by_class = by_class,
    batch_size = batch_size, tta = tta, crops = crops, scales = scales,
    progress = step_reporter(progress, "Predicting")))
}

#' @eval said("compare_classifiers",
#'   classifiers = "In R, a named list.",
#'   groups = "A factor is accepted too.",
#'   costs = "The names of the rows and columns of a matrix are those of the classes.",
#'   prior = "A named vector is accepted too.")
#' @return In R, this is a `reticnn_comparison`, which prints the differences and the
#'   test. [tidy()] returns each of the three tables as a tibble, and `plot()` or
#'   `autoplot()` draws the differences. NaN in Python is `NA`.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' data <- shape_images(200, seed = 1)
#' small <- fit_classifier(build_cnn(filters = 4), data, epochs = 1)
#' large <- fit_classifier(build_cnn(), data, epochs = 1)
#' found <- compare_classifiers(list(small = small, large = large), shape_images(100, seed = 2))
#' found
#' tidy(found, "mcnemar")
compare_classifiers <- function(classifiers, data = NULL, class_names = NULL, batch_size = 32,
                                progress = "auto", output = "auto", intervals = 0.95,
                                groups = NULL, top_k = NULL, threshold = NULL, costs = NULL,
                                prior = NULL) {
  if (is.list(classifiers) && !is.object(classifiers)) classifiers[] <- lapply(classifiers, as_core)
  found <- call_core("compare_classifiers", classifiers = classifiers, data = data,
    class_names = as_strings(class_names), batch_size = batch_size,
    progress = step_reporter(progress, "Comparing"), output = output, intervals = intervals,
    groups = one_per_image(groups), top_k = top_k, threshold = threshold,
    costs = as_costs(costs), prior = as_prior(prior))
  tables <- intersect(c("measures", "differences", "mcnemar"), names(found))
  found[tables] <- lapply(found[tables], as_limits)
  if (!is.null(found$thresholds)) found$thresholds <- unlist(found$thresholds)
  structure(found, class = "reticnn_comparison")
}

#' @export
print.reticnn_comparison <- function(x, most = 10, ...) {
  names <- unique(x$measures$classifier)
  cat("<reticnn_comparison> ", paste(names, collapse = ", "), ": ",
    format(x$n, big.mark = ",", decimal.mark = "."), " images, ",
    if (!is.null(x$folds)) paste0(x$folds, " folds, "), format(100 * x$level),
    " % intervals\n", sep = "")
  pairs <- unique(x$differences[c("first", "second")])
  for (i in seq_len(min(nrow(pairs), most))) {
    own <- merge_pair(x$differences, pairs[i, ])
    test <- merge_pair(x$mcnemar, pairs[i, ])
    cat("\n", pairs$first[[i]], " - ", pairs$second[[i]], "\n", sep = "")
    cat(paste0("  ", format(measure_names(own$measure)), "  ",
      format(signed(own$estimate), justify = "right"), signed_limits(own),
      p_values("  p", own[["p_value"]]), "\n"), sep = "")
    if (!is.null(test)) {
      cat("  only ", test$first, " right ", test$only_first, ", only ", test$second, " right ",
        test$only_second, p_values("; McNemar's p", test$p_value),
        if (nrow(pairs) > 1) p_values(", adjusted p", test$adjusted), "\n", sep = "")
    }
  }
  if (nrow(pairs) > most) cat("\n", nrow(pairs) - most, " more pairs: tidy(x)\n", sep = "")
  invisible(x)
}

# The rows of a table about a pair of classifiers.
merge_pair <- function(table, pair) {
  if (!is.null(table)) table[table$first == pair$first & table$second == pair$second, ]
}

signed_limits <- function(table) {
  limits <- paste0("  [", signed(table$lower), ", ", signed(table$upper), "]")
  ifelse(is.na(table$lower), "", limits)
}

# Differences with their sign, which 0 has not.
signed <- function(values) {
  ifelse(!is.na(values) & values == 0, "0.000", sprintf("%+.3f", values))
}

# Each with its own digits, and nothing where there is none.
p_values <- function(name, values) {
  if (is.null(values)) return("")
  shown <- vapply(values, function(value) {
    if (is.na(value)) return("")
    if (value < 1e-4) "< 0.0001" else paste("=", format(value, digits = 2, scientific = FALSE))
  }, "")
  ifelse(nzchar(shown), paste(name, shown), "")
}

#' Comparisons as tibbles
#'
#' @param x Comparison from [compare_classifiers()].
#' @param type What each row describes: `"differences"`, a measure of a pair of
#'   classifiers; `"measures"`, a measure of a classifier; or `"mcnemar"`, the test of a
#'   pair. Default `"differences"`.
#' @param ... Not used; must be empty.
#' @return A tibble, as [compare_classifiers()] describes it.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' data <- shape_images(200, seed = 1)
#' fits <- list(one = fit_classifier(build_cnn(), data, epochs = 1),
#'   other = fit_classifier(build_mlp(), data, epochs = 1))
#' tidy(compare_classifiers(fits, shape_images(100, seed = 2)))
tidy.reticnn_comparison <- function(x, type = c("differences", "measures", "mcnemar"), ...) {
  rlang::check_dots_empty()
  type <- rlang::arg_match(type)
  if (is.null(x[[type]])) {
    abort_text(paste("`x` compares cross-validations, by the t-test in its differences,",
      "and has no McNemar's test."), call = rlang::current_env())
  }
  x[[type]]
}

#' @eval said("stress_test", groups = "A factor is accepted too.")
#' @return In R, this is a tibble of class `reticnn_stress`, which prints one row per
#'   change; `plot()` or `autoplot()` draws it. NaN in Python is `NA`.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' stress_test(classifier, shape_images(50), changes = c("shift", "noise"))
stress_test <- function(classifier, data, changes = NULL, class_names = NULL, batch_size = 32,
                        progress = "auto", output = "auto", intervals = 0.95, groups = NULL) {
  table <- call_core("stress_test", classifier = as_core(classifier), data = data,
    changes = as_strings(changes), class_names = as_strings(class_names),
    batch_size = batch_size, progress = step_reporter(progress, "Testing"), output = output,
    intervals = intervals, groups = one_per_image(groups))
  table <- as_limits(table)
  class(table) <- c("reticnn_stress", class(table))
  table
}

#' @export
print.reticnn_stress <- function(x, ...) {
  rows <- as.data.frame(x)
  # Of some of its columns it is a tibble like any other.
  if (!all(c("change", "level", "measure", "n", "estimate", "lower", "upper") %in% names(rows))) {
    return(NextMethod())
  }
  cat("<reticnn_stress> ", format(max(rows$n, 0), big.mark = ",", decimal.mark = "."),
    " images\n", sep = "")
  plain <- rows[rows$change == "none", ]
  if (nrow(plain) == 1) {
    cat("unchanged images: accuracy ", sprintf("%.3f", plain$estimate), limits_of(plain), "\n",
      sep = "")
  }
  changed <- rows[rows$change != "none", ]
  for (measure in unique(changed$measure)) {
    cat("\n", measure, " by level\n", sep = "")
    print_levels(changed[changed$measure == measure, ])
  }
  cat("\nStrengths and intervals are in the columns of the tibble.\n")
  invisible(x)
}

# A row for each change, a column for each level.
print_levels <- function(rows) {
  changes <- unique(rows$change)
  levels <- sort(unique(rows$level))
  cells <- matrix("", length(changes), length(levels), dimnames = list(changes, levels))
  cells[cbind(match(rows$change, changes), match(rows$level, levels))] <-
    sprintf("%.3f", rows$estimate)
  print(cells, quote = FALSE, right = TRUE)
}

limits_of <- function(table) {
  ifelse(is.na(table$lower), "", sprintf("  [%.3f, %.3f]", table$lower, table$upper))
}
