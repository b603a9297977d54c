#' @eval said("save_classifier")
#' @return Returned invisibly.
#' @details
#' A classifier cannot be saved with [saveRDS()] or in a workspace: its model lives in Python.
#' @seealso [load_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' path <- tempfile(fileext = ".reticnn")
#' save_classifier(classifier, path)
save_classifier <- function(classifier, path) {
  invisible(call_core("save_classifier", classifier = as_core(classifier), path = path))
}

#' @eval said("load_classifier")
#' @seealso [save_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' path <- tempfile(fileext = ".reticnn")
#' save_classifier(fit_classifier(build_cnn(), shape_images(200), epochs = 1), path)
#' load_classifier(path)
load_classifier <- function(path) {
  new_classifier(call_core("load_classifier", path = path))
}
