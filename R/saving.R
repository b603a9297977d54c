#' Save a classifier to a file, and load it
#'
#' One file holds the model in Keras's own format and the class names, the image shape,
#' the history and the versions in use as JSON. It replaces an older file only when it is
#' complete. Loading it runs no code from the file, and works on another backend of Keras
#' too. A classifier cannot be kept with [saveRDS()] or in a workspace: its model lives in
#' Python.
#'
#' @param classifier Classifier from [fit_classifier()].
#' @param path File, by custom with the ending `.reticnn`. `~` is expanded.
#' @return `save_classifier()`: the path, invisibly. `load_classifier()`: a classifier
#'   with the same predictions as the one saved.
#' @section Errors: A `reticnn_error` if the folder or the file does not exist, if the
#'   file to write is a folder, or ends in `.keras` or `.h5`, which promise another
#'   format, or if the file to read is damaged, is not a saved classifier, was saved by a
#'   newer version with another format, or holds code, as Lambda layers do.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' path <- tempfile(fileext = ".reticnn")
#' save_classifier(classifier, path)
#' load_classifier(path)
save_classifier <- function(classifier, path) {
  invisible(call_core("save_classifier", classifier = as_core(classifier), path = path))
}

#' @rdname save_classifier
#' @export
load_classifier <- function(path) {
  new_classifier(call_core("load_classifier", path = path))
}
