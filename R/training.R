#' Train a model on labelled images
#'
#' The loss follows from the model's output: binary cross-entropy for one unit,
#' categorical cross-entropy for one unit a class. A model that is compiled already
#' keeps its own loss, metrics and optimizer.
#'
#' @param model Keras model from images (batch, height, width, channels), 0 to 255, to
#'   classes, such as [build_cnn()] makes. It is trained in place. Or a classifier, to
#'   train it further.
#' @param data Image data with labels. Files are read at the model's size.
#' @param validation Image data to measure after each epoch, or the fraction of `data`,
#'   in (0, 1), to set apart for that, or `NULL`. Default `NULL`.
#' @param epochs Whole number of passes over the data. Default 10.
#' @param batch_size Whole number of images a step. Default 32.
#' @param optimizer Name of a Keras optimizer, or a Keras optimizer. `NULL` means
#'   `"adam"`, or the model's own if it is compiled. Default `NULL`.
#' @param learning_rate Number above 0, or `NULL` for the optimizer's own. Default
#'   `NULL`.
#' @param progress `"bar"`, `"epoch"` (a line an epoch), `"none"`, or `"auto"`: a bar in
#'   an interactive session, nothing in knitted pages and tests, else a line an epoch;
#'   or a function that is called with a list of the epoch, the step and the metrics so
#'   far. Default `"auto"`.
#' @param seed Whole number of at least 0 that fixes the order of the images, the
#'   validation part and the dropout. The same seed gives the same order whatever the
#'   batch size. Default `NULL`: one is drawn from R's random numbers, so that
#'   [set.seed()] fixes them.
#' @return A `reticnn_classifier`: a list with `model` (the Keras model), `class_names`,
#'   `image_shape` and `history`, a tibble with one row an epoch. It has methods for
#'   [print()], [summary()], [plot()] and [predict()].
#' @section Errors: A `reticnn_error` if the data have no labels, model and data differ
#'   in the number of classes or, for images in memory, in size, `validation` has other
#'   classes, or an argument is outside its range.
#' @references Keras's `Model$fit()`.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' set.seed(1)
#' data <- split_images(shape_images(600))
#' classifier <- fit_classifier(build_cnn(), data$train, epochs = 2)
#' classifier
#' evaluate_classifier(classifier, data$test)
fit_classifier <- function(model, data, validation = NULL, epochs = 10, batch_size = 32,
                           optimizer = NULL, learning_rate = NULL, progress = "auto",
                           seed = NULL) {
  fitted <- call_core("fit_classifier", model = as_core(model), data = data,
    validation = validation, epochs = epochs, batch_size = batch_size,
    optimizer = optimizer, learning_rate = learning_rate,
    progress = progress_reporter(progress), seed = seed_or_draw(seed))
  new_classifier(fitted)
}
