#' @eval said("evaluate_classifier")
#' @return In R, this is a `reticnn_evaluation`, which prints its measures. What is NaN in
#'   Python is `NA`. `class` is a factor, and `confusion` has the true classes in rows and
#'   the predicted ones in columns. [plot_confusion()] draws it, [glance()]
#'   gives the measures as a tibble with one row, and [tidy()] those of each class.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' scores <- evaluate_classifier(classifier, shape_images(100))
#' scores
#' scores$accuracy
evaluate_classifier <- function(classifier, data, class_names = NULL, batch_size = 32,
                                progress = "auto", output = "auto", summarise = NULL) {
  new_evaluation(call_core("evaluate_classifier", classifier = as_core(classifier),
    data = data, class_names = as_strings(class_names), batch_size = batch_size,
    progress = step_reporter(progress, "Evaluating"), output = output,
    summarise = summarise))
}

new_evaluation <- function(scores) {
  classes <- as.character(scores$per_class$class)
  measures <- setdiff(names(scores), c("n", "per_class", "confusion"))
  scores[measures] <- lapply(scores[measures], nan_as_na)
  rates <- intersect(c("precision", "recall", "f1"), names(scores$per_class))
  scores$per_class[rates] <- lapply(scores$per_class[rates], nan_as_na)
  scores$per_class <- as_table(scores$per_class)
  scores$per_class$class <- factor(classes, levels = classes)
  scores$confusion <- as.table(matrix(
    as.integer(scores$confusion$n), length(classes), byrow = TRUE,
    dimnames = list(truth = classes, predicted = classes)
  ))
  structure(scores, class = "reticnn_evaluation")
}

#' @export
print.reticnn_evaluation <- function(x, most = 10, ...) {
  measures <- glance(x)[-1]
  lines <- paste(measure_names(names(measures)), sprintf("%.3f", unlist(measures)))
  table <- as.data.frame(x$per_class)
  cat("<reticnn_evaluation> ", format(x$n, big.mark = ",", decimal.mark = "."),
    " images, ", nrow(table), " classes\n", sep = "")
  cat(paste(lines[1:4], collapse = ", "), paste(lines[5:7], collapse = ", "), sep = "\n")
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
  invisible(x)
}

# The measures under the names that people use.
measure_names <- function(names) {
  names <- gsub("_", " ", names)
  sub("brier", "Brier", sub("roc auc", "ROC AUC", names))
}

#' Evaluations as tibbles
#'
#' @param x Evaluation from [evaluate_classifier()].
#' @param ... Not used; must be empty.
#' @return `glance()`: a tibble with one row, the measures over all images. `tidy()`:
#'   one row per class, with its number of images, precision, recall and F1.
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
  tibble::as_tibble(unclass(x)[setdiff(names(x), c("per_class", "confusion"))])
}

#' @rdname evaluation_tibbles
#' @export
tidy.reticnn_evaluation <- function(x, ...) {
  rlang::check_dots_empty()
  x$per_class
}
