#' @eval said("export_classifier")
#' @return A list with these elements, invisibly; `quantized` is a tibble.
#' @seealso [save_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' path <- tempfile(fileext = ".keras")
#' export_classifier(classifier, path, format = "keras")
export_classifier <- function(classifier, path, format = "onnx", images = NULL,
                              quantize = NULL) {
  exported <- call_core("export_classifier", classifier = as_core(classifier), path = path,
    format = format, images = images, quantize = quantize)
  exported$path <- as_paths(exported$path)
  if (!is.null(exported$quantized)) {
    exported$quantized <- as_table(exported$quantized)
    exported$quantized$accuracy <- nan_as_na(exported$quantized$accuracy)
  }
  said_to_be_exported(exported)
  invisible(exported)
}

said_to_be_exported <- function(exported) {
  cli::cli_inform(c(
    "Exported: {.file {exported$path}} ({format(structure(exported$bytes, class = 'object_size'), units = 'auto')})",
    "i" = "Probabilities of {exported$images} images differ from the classifier's by at most {signif(exported$difference, 2)}."
  ))
  table <- exported$quantized
  if (!is.null(table)) {
    # Rows of a table, which cli would break.
    rlang::inform(paste0(
      format(table$network), "  ", format(table$bytes, big.mark = ","), " bytes, ",
      format(round(table$images_per_second), big.mark = ","),
      " images per second, accuracy ",
      ifelse(is.na(table$accuracy), "not known", format(round(table$accuracy, 3))),
      ", same class as before ", format(round(table$agreement, 3)), collapse = "\n"
    ))
  }
}
