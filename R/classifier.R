# The fitted classifier in R: plain R data, beside the Python classifier they came from.
new_classifier <- function(core_classifier) {
  structure(
    list(
      model = core_classifier$model,
      class_names = as.character(core_classifier$class_names),
      image_shape = core_classifier$image_shape,
      history = as_table(core_classifier$history),
      stopped = core_classifier$stopped,
      name = core_classifier$model$name,
      core = core_classifier
    ),
    class = "reticnn_classifier"
  )
}

# What the core gets of a classifier, or of anything else.
as_core <- function(x, call = rlang::caller_env()) {
  if (!inherits(x, "reticnn_classifier")) {
    return(x)
  }
  if (reticulate::py_is_null_xptr(x$core)) {
    abort_text(
      paste(
        "The classifier's model is gone: it lived in the R session that made it, and",
        "saveRDS() and saved workspaces do not keep it. Save classifiers with",
        "`save_classifier()` and load them with `load_classifier()`."
      ),
      call = call
    )
  }
  x$core
}

# A dict of equal-length lists as a tibble.
as_table <- function(columns) {
  tibble::as_tibble(lapply(columns, function(column) {
    if (length(column) == 0) numeric() else unlist(column)
  }))
}

#' @export
print.reticnn_classifier <- function(x, ...) {
  size <- vapply(x$image_shape, function(side) {
    if (is.null(side)) "any" else format(side)
  }, "")
  metrics <- x$history[nrow(x$history), names(x$history) != "epoch"]
  values <- sprintf("%s %.3f", names(metrics), unlist(metrics))
  cat(
    "<reticnn_classifier> ", x$name, ", ", length(x$class_names), " classes: ",
    paste(x$class_names, collapse = ", "), "\n",
    "input    ", paste(size, collapse = " x "), ", values 0 to 255\n",
    "trained  ", paste(c(paste(nrow(x$history), "epochs"), values), collapse = ", "), "\n",
    sep = ""
  )
  invisible(x)
}

#' @export
summary.reticnn_classifier <- function(object, ...) {
  as_core(object)
  print(object)
  cat("\n")
  print(object$history)
  cat("\n")
  # Keras prints to Python's own output, which knitr and sink() do not see.
  lines <- character()
  object$model$summary(print_fn = function(line, ...) {
    lines <<- c(lines, line)
    NULL
  })
  cat(lines, sep = "\n")
  invisible(object)
}

#' Predict with a classifier
#'
#' The method of [predict()] for classifiers: [predict_images()] under its R name.
#'
#' @param object Classifier from [fit_classifier()] or [load_classifier()].
#' @param new_data,batch_size As `images` and `batch_size` of [predict_images()].
#' @param ... Not used; must be empty.
#' @return A tibble, as from [predict_images()].
#' @export
predict.reticnn_classifier <- function(object, new_data, batch_size = 32, ...) {
  rlang::check_dots_empty()
  predict_images(object, new_data, batch_size = batch_size)
}
