#' @eval said("save_classifier")
#' @return Returned invisibly.
#' @details R's own methods keep a classifier too: [saveRDS()], workspaces, knitr's cache,
#' and sending it to workers of the packages parallel and future. A classifier carries the
#' bytes of its file, as it was when its training ended or it was loaded, and its model is
#' restored from them when it is first used. For classifiers of more than 100 MB, and for
#' models with code of your own that no file keeps, R keeps everything except the model:
#' use `save_classifier()`.
#' @seealso [load_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' path <- tempfile(fileext = ".reticnn")
#' save_classifier(classifier, path)
save_classifier <- function(classifier, path, fast_start = NULL) {
  invisible(call_core("save_classifier", classifier = as_core(classifier), path = path,
    fast_start = fast_start))
}

#' @eval said("load_classifier")
#' @seealso [save_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' path <- tempfile(fileext = ".reticnn")
#' save_classifier(fit_classifier(build_cnn(), shape_images(200), epochs = 1), path)
#' load_classifier(path)
load_classifier <- function(path, class_names = NULL, output = "auto") {
  new_classifier(call_core("load_classifier", path = path, class_names = class_names,
    output = output))
}
