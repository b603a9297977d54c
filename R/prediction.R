#' @eval said("predict_images", prior = "A named vector is accepted too.")
#' @return `.pred_class` is a factor, `.pred_set` a list of character vectors, and None or
#'   NaN in Python is `NA`.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' predict_images(classifier, shape_images(5))
#' larger <- shape_images(5, image_size = 40)
#' predict_images(classifier, larger, crops = 10)
#' predict_images(classifier, larger, crops = 2, scales = c(32, 48))
predict_images <- function(classifier, images, class_names = NULL, batch_size = 32,
                           tta = 0, crops = 1, scales = NULL, on_bad_image = "error",
                           progress = "auto", output = "auto", summarise = NULL,
                           prior = NULL, type = "class") {
  predictions(classifier = classifier, images = images, class_names = class_names,
    batch_size = batch_size, tta = tta, crops = crops, scales = scales,
    on_bad_image = on_bad_image, progress = progress, output = output,
    summarise = summarise, prior = as_prior(prior), type = type)
}

# `names` are those that the user's function has for the arguments of predict_images().
predictions <- function(classifier, images, class_names = NULL, progress = "auto", ...,
                        names = character()) {
  columns <- call_core("predict_images", classifier = as_core(classifier),
    images = images, class_names = as_strings(class_names),
    progress = step_reporter(progress), ..., .names = names)
  columns$.pred_class <- none_as_na(columns$.pred_class)
  sets <- NULL
  if (identical(names(columns)[1], ".pred_set")) {
    # An image without a prediction has no set, not an empty one.
    sets <- lapply(columns$.pred_set, function(set) {
      if (is.null(set)) NA_character_ else as.character(unlist(set))
    })
    columns$.pred_set <- NULL
  }
  probabilities <- setdiff(grep("^[.]pred_", names(columns), value = TRUE), ".pred_class")
  columns[probabilities] <- lapply(columns[probabilities], nan_as_na)
  if (!is.null(columns$.file)) columns$.file <- as_paths(unlist(columns$.file))
  table <- as_table(columns)
  table$.pred_class <- factor(table$.pred_class, levels = sub("^\\.pred_", "", probabilities))
  if (is.null(sets)) table else tibble::add_column(table, .pred_set = sets, .before = 1)
}

#' @eval said("write_predictions", prior = "A named vector is accepted too.")
#' @return Returned invisibly. Read it with [read.csv()], for example with
#'   `read.csv(path, check.names = FALSE)`, which keeps the names of the columns.
#' @seealso [predict_images()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' folder <- tempfile()
#' dir.create(folder)
#' for (i in 1:3) {
#'   keras$utils$save_img(file.path(folder, paste0(i, ".png")), array(i / 3, c(32, 32, 3)))
#' }
#' path <- tempfile(fileext = ".csv")
#' write_predictions(classifier, folder, path)
#' read.csv(path)
write_predictions <- function(classifier, images, path, class_names = NULL, batch_size = 32,
                              tta = 0, crops = 1, scales = NULL, part = NULL,
                              progress = "auto", output = "auto", prior = NULL,
                              type = "class") {
  path <- call_core("write_predictions", classifier = as_core(classifier), images = images,
    path = path, class_names = as_strings(class_names), batch_size = batch_size, tta = tta,
    crops = crops, scales = scales, part = part, progress = step_reporter(progress),
    output = output, prior = as_prior(prior), type = type)
  invisible(as_paths(path))
}

#' Predict with a classifier
#'
#' The method of [predict()] for classifiers: [predict_images()] under its R name.
#'
#' @param object Classifier from [fit_classifier()] or [load_classifier()].
#' @param new_data,batch_size,tta,crops,scales,on_bad_image,summarise,prior,type As `images`,
#'   `batch_size`, `tta`, `crops`, `scales`, `on_bad_image`, `summarise`, `prior` and `type` of
#'   [predict_images()].
#' @param ... Not used; must be empty.
#' @return A tibble, as from [predict_images()].
#' @section Errors: A `reticnn_error` as for [predict_images()].
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' predict(classifier, shape_images(5))
#' @export
predict.reticnn_classifier <- function(object, new_data, batch_size = 32, tta = 0,
                                       crops = 1, scales = NULL, on_bad_image = "error",
                                       summarise = NULL, prior = NULL, type = "class",
                                       ...) {
  if ("newdata" %in% ...names()) {
    abort_text("The images to predict are `new_data` here, not `newdata`.",
      call = rlang::current_env())
  }
  rlang::check_dots_empty()
  predictions(object, new_data, batch_size = batch_size, tta = tta, crops = crops,
    scales = scales, on_bad_image = on_bad_image, summarise = summarise,
    prior = as_prior(prior), type = type,
    names = c(classifier = "object", images = "new_data"))
}
