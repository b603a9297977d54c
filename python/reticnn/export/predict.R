# Predicts with classifier.onnx, which lies beside this file. Needs the R package
# reticulate and the Python package onnxruntime (reticulate::py_install("onnxruntime")),
# and for files of images the Python package pillow:
#
#   source("predict.R", chdir = TRUE)
#   predict_images(c("one.jpg", "two.jpg"))  # files, or an array (n, height, width,
#                                            # channels) of whole numbers, 0 to 255
runtime <- reticulate::import("onnxruntime")
numpy <- reticulate::import("numpy", convert = FALSE)
session <- runtime$InferenceSession(normalizePath("classifier.onnx"))
facts <- session$get_modelmeta()$custom_metadata_map
json <- reticulate::import("json")
classes <- unlist(json$loads(facts$class_names))
shape <- json$loads(facts$image_shape)  # height, width, channels; NULL where any will do

# One file as an array, resized by the rule of the training images. Pillow interpolates a
# little differently from reticnn: probabilities may differ in the second digit.
read_image <- function(file) {
  image <- reticulate::import("PIL.Image")$open(path.expand(file))
  image <- reticulate::import("PIL.ImageOps")$exif_transpose(image)
  image <- image$convert(if (shape[[3]] == 1) "L" else "RGB")
  if (!is.null(shape[[1]]) && !is.null(shape[[2]])) {
    size <- reticulate::tuple(as.integer(shape[[2]]), as.integer(shape[[1]]))
    resize <- switch(facts$resize, crop = "fit", pad = "pad", stretch = NULL)
    image <- if (is.null(resize)) image$resize(size) else
      reticulate::import("PIL.ImageOps")[[resize]](image, size)
  }
  numpy$array(image, dtype = "uint8")$reshape(1L, image$height, image$width, -1L)
}

predict_images <- function(images) {
  parts <- if (is.character(images)) lapply(images, read_image) else
    list(numpy$array(images)$round()$astype("uint8"))
  rows <- lapply(parts, function(part) {
    session$run(list("probabilities"), list(images = part))[[1]]
  })
  probabilities <- do.call(rbind, rows)
  colnames(probabilities) <- classes
  data.frame(class = classes[max.col(probabilities, "first")], probabilities,
    check.names = FALSE)
}
