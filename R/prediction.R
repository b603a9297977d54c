#' Predict the class of images
#'
#' @param classifier Classifier from [fit_classifier()] or [load_classifier()].
#' @param images Image data; an array `c(n, height, width, channels)` or one image
#'   `c(height, width, channels)`, 0 to 255; the path of an image file or of a folder of
#'   images; or several paths. Files are read at the model's size.
#' @param batch_size Whole number of images at a time. Default 32.
#' @return A tibble with one row an image, in the order given: `.pred_class`, a factor,
#'   the most probable class; `.pred_<class>`, the probability of each class; and for
#'   files `.file`, the path.
#' @section Errors: A `reticnn_error` if a path does not exist or a file cannot be read,
#'   or an array has another image size than the model takes.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' predict_images(classifier, shape_images(5))
predict_images <- function(classifier, images, batch_size = 32) {
  table <- as_table(call_core("predict_images", classifier = as_core(classifier),
    images = images, batch_size = batch_size))
  table$.pred_class <- factor(table$.pred_class, levels = classifier$class_names)
  table
}

#' Measure a classifier on labelled images
#'
#' @inheritParams predict_images
#' @param data Image data with labels, of the classifier's classes.
#' @return A tibble with one row: `n`, the number of images; `accuracy`, the fraction
#'   predicted right; `log_loss`, the mean of -log(probability of the right class).
#' @section Errors: A `reticnn_error` if the data have no labels, or a class the
#'   classifier has not.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' evaluate_classifier(classifier, shape_images(100))
evaluate_classifier <- function(classifier, data, batch_size = 32) {
  as_table(call_core("evaluate_classifier", classifier = as_core(classifier),
    data = data, batch_size = batch_size))
}
