#' Write a page about a classifier
#'
#' One HTML file to open in a browser, print or send: how good the classifier is, where
#' it fails, and what it is. The page needs nothing else, asks nothing of any server, and
#' stays below 3 MB whatever the number of images.
#'
#' It has the measures of [evaluate_classifier()]; the confusion matrix, or with more than
#' 30 classes the pairs confused most; images that the classifier is surest, wrong and
#' unsure about; the calibration of its probabilities; the training, the layers and the
#' data; and the versions in use. A click on a field of the confusion matrix shows its
#' images among them, one on a column's name sorts a table.
#'
#' The images are predicted once, batch by batch; those shown, at most 60, are read again.
#'
#' @inheritParams evaluate_classifier
#' @param data Image data with labels, of the classifier's classes or some of them, in
#'   any order; best images that were not trained on.
#' @param path File to write. An older one is replaced when the page is complete. `~` is
#'   expanded. Default `"report.html"`.
#' @param session Named list or vector of more to say about the session, such as
#'   `c(Project = "pets")`, or `NULL`. The versions of R, reticulate and reticnn's Python
#'   side are there without it. Default `NULL`.
#' @return The path, invisibly.
#' @section Errors: A `reticnn_error` if the folder to write in does not exist or `path` is
#'   a folder, if `session` has a value without a name, or if the data have no images, no
#'   labels, a class the classifier has not, or images that the model does not take. A
#'   `reticnn_warning` if images in memory are resized to what the model takes.
#' @references Reliability diagrams: Guo et al. (2017), arXiv:1706.04599.
#' @seealso [plot_confusion()], [plot_images()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' path <- tempfile(fileext = ".html")
#' report_classifier(classifier, shape_images(100), path)
#' if (interactive()) browseURL(path)
report_classifier <- function(classifier, data, path = "report.html", class_names = NULL,
                              batch_size = 32, session = NULL, progress = "auto") {
  path <- call_core("report_classifier", classifier = as_core(classifier), data = data,
    path = path, class_names = as_strings(class_names), batch_size = batch_size,
    session = c(r_session(), as.list(session)), progress = step_reporter(progress))
  cli::cli_inform("Report: {.file {path}}")
  invisible(path)
}

# What Python does not know of the session.
r_session <- function() {
  list(
    R = R.version.string,
    reticulate = format(utils::packageVersion("reticulate"))
  )
}
