#' @eval said(
#'   "report_classifier",
#'   session = "A named vector is accepted too. The versions of R, reticulate and the Python packages are always listed."
#' )
#' @return Returned invisibly.
#' @seealso [plot_confusion()], [plot_images()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' path <- tempfile(fileext = ".html")
#' report_classifier(classifier, shape_images(100), path)
#' if (interactive()) browseURL(path)
report_classifier <- function(classifier, data, path = "report.html", class_names = NULL,
                              batch_size = 32, session = NULL, progress = "auto",
                              output = "auto", explanations = NULL) {
  path <- call_core("report_classifier", classifier = as_core(classifier), data = data,
    path = path, class_names = as_strings(class_names), batch_size = batch_size,
    session = c(r_session(), as.list(session)), progress = step_reporter(progress),
    output = output, explanations = explanations)
  said_to_be_at(path)
}

said_to_be_at <- function(path) {
  path <- as_paths(path)
  cli::cli_inform("Report: {.file {path}}")
  invisible(path)
}

#' @eval said("report_explanation")
#' @return Returned invisibly.
#' @seealso [report_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' path <- tempfile(fileext = ".html")
#' report_explanation(explain_prediction(classifier, shape_images(5)), path)
#' if (interactive()) browseURL(path)
report_explanation <- function(explanation, path = "explanation.html", images = NULL,
                               n = 100) {
  said_to_be_at(call_core("report_explanation", explanation = core_explanation(explanation),
    path = path, images = images, n = n))
}

# What Python does not know about the session.
r_session <- function() {
  list(
    R = R.version.string,
    reticulate = format(utils::packageVersion("reticulate"))
  )
}
