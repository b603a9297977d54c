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
                              output = "auto") {
  path <- call_core("report_classifier", classifier = as_core(classifier), data = data,
    path = path, class_names = as_strings(class_names), batch_size = batch_size,
    session = c(r_session(), as.list(session)), progress = step_reporter(progress),
    output = output)
  path <- as_paths(path)
  cli::cli_inform("Report: {.file {path}}")
  invisible(path)
}

# What Python does not know about the session.
r_session <- function() {
  list(
    R = R.version.string,
    reticulate = format(utils::packageVersion("reticulate"))
  )
}
