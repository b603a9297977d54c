#' Predict the class of images
#'
#' Files are read batch by batch, so that any number of them takes the same memory.
#'
#' @param classifier Classifier from [fit_classifier()] or [load_classifier()], or a
#'   Keras model from images to classes.
#' @param images Image data; an array `c(n, height, width, channels)` or one image
#'   `c(height, width, channels)`, 0 to 255; the path of an image file or of a folder of
#'   images; or several paths. Files are read at the model's size, and arrays resized to
#'   it, in the way the classifier's training images were. Grey images are repeated for a
#'   model that takes RGB; RGB images whose channels are the same go to a grey one;
#'   opaque RGBA images to both.
#' @param class_names For a Keras model, the names of its classes in the order of its
#'   outputs, or `NULL` to call them class_1, class_2 and so on. Default `NULL`.
#' @param batch_size Whole number of images at a time. Default 32.
#' @param tta Test-time augmentation, the whole number of changed copies of each image
#'   whose probabilities are averaged with its own. They are made by the policy the
#'   classifier was trained with; where there is none, or it crops to a number of pixels,
#'   they are mirrored and shifted by up to 5 %. All images are changed in the same ways,
#'   always the same. Default 0.
#' @param crops 1; 5, the probabilities are averaged over crops of the model's size at the
#'   corners and in the centre of a larger image; or 10, over these and their mirror
#'   images. Arrays larger than the model takes are cut as they are. Other images are
#'   brought to 8/7 of the model's size first: 256 pixels for 224. Default 1.
#' @param scales Whole number of pixels, or several, to which the shorter side of each
#'   image is brought, without changing its aspect; the probabilities are averaged over
#'   them. The network is applied to the whole of the image: global pooling goes over all
#'   of it, dense layers behind a flattened map become convolutions, and the class scores
#'   are averaged over the places. With `crops` of 5 or 10, it sees crops of its own size
#'   at each scale instead. `NULL` for the model's own size. Default `NULL`. With `tta`,
#'   every crop or scale is also seen in the changed ways.
#' @param progress `"bar"`, `"none"`, or `"auto"`: a bar in an interactive session, if it
#'   takes more than two seconds. Or a function to call with a list of `step`, `steps`
#'   (batches) and `done`. Default `"auto"`.
#' @return A tibble with one row an image, in the order given: `.pred_class`, a factor,
#'   the most probable class; `.pred_<class>`, the probability of each class; and for
#'   files `.file`, the path.
#' @section Errors: A `reticnn_error` if a path does not exist or a file cannot be read,
#'   if there are no images, if the model takes channels that they cannot be converted to
#'   without a loss, or if it has a layer that cannot be applied to images of other sizes,
#'   or to the smallest of the `scales`. A `reticnn_warning` if an array is resized other
#'   than for `scales`, or image data are of files resized in another way than in training.
#' @references Crops: Krizhevsky, Sutskever and Hinton (2012), NIPS 25. Scales: Simonyan
#'   and Zisserman (2014), arXiv:1409.1556, section 3.2.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' predict_images(classifier, shape_images(5))
#' larger <- shape_images(5, image_size = 40)
#' predict_images(classifier, larger, crops = 10)
#' predict_images(classifier, larger, scales = c(32, 48))
predict_images <- function(classifier, images, class_names = NULL, batch_size = 32,
                           tta = 0, crops = 1, scales = NULL, progress = "auto") {
  table <- as_table(call_core("predict_images", classifier = as_core(classifier),
    images = images, class_names = as_strings(class_names), batch_size = batch_size,
    tta = tta, crops = crops, scales = scales, progress = step_reporter(progress)))
  probabilities <- setdiff(names(table), c(".pred_class", ".file"))
  table$.pred_class <- factor(table$.pred_class, levels = sub("^\\.pred_", "", probabilities))
  table
}

#' Predict with a classifier
#'
#' The method of [predict()] for classifiers: [predict_images()] under its R name.
#'
#' @param object Classifier from [fit_classifier()] or [load_classifier()].
#' @param new_data,batch_size,tta,crops,scales As `images`, `batch_size`, `tta`, `crops`
#'   and `scales` of [predict_images()].
#' @param ... Not used; must be empty.
#' @return A tibble, as from [predict_images()].
#' @section Errors: A `reticnn_error` as for [predict_images()].
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' predict(classifier, shape_images(5))
#' @export
predict.reticnn_classifier <- function(object, new_data, batch_size = 32, tta = 0,
                                       crops = 1, scales = NULL, ...) {
  rlang::check_dots_empty()
  predict_images(object, new_data, batch_size = batch_size, tta = tta, crops = crops,
    scales = scales)
}
