# Predicts with classifier.onnx, which lies beside this file. Needs the R package
# reticulate and the Python package onnxruntime (reticulate::py_install("onnxruntime")),
# and for files of images the Python package pillow:
#
#   source("predict.R", chdir = TRUE)
#   predict_images(c("one.jpg", "two.jpg"))  # files, or an array (n, height, width,
#                                            # channels) of whole numbers, 0 to 255
Sys.setenv(ORT_DISABLE_TELEMETRY = "1")  # It would tell its makers of what it is given.
runtime <- reticulate::import("onnxruntime")
numpy <- reticulate::import("numpy", convert = FALSE)
session <- runtime$InferenceSession("classifier.onnx")
facts <- session$get_modelmeta()$custom_metadata_map
json <- reticulate::import("json")
classes <- unlist(json$loads(facts$class_names))
shape <- json$loads(facts$image_shape)  # height, width, channels; NULL where any will do

# An image of Pillow's with its central part, on a black ground, or stretched, as were
# the training images: interpolated between two pixels each way, and softened first where
# it shrinks to a third or less.
resized <- function(image, height, width) {
  sides <- c(image$width, image$height)
  target <- c(width, height)
  scale <- switch(facts$resize, crop = min(sides / target), pad = max(sides / target), 1)
  inner <- switch(facts$resize, pad = pmax(1, round(sides / scale)), target)
  part <- switch(facts$resize, crop = pmax(1, round(target * scale)), sides)
  start <- (sides - part) %/% 2
  ratio <- part / inner
  integers <- function(...) reticulate::tuple(as.list(as.integer(c(...))))
  image <- image$crop(integers(start, start + part))
  if (max(ratio) >= 3) {
    radius <- integers(ifelse(ratio >= 3, ratio %/% 2, 0))
    image <- image$filter(reticulate::import("PIL.ImageFilter")$BoxBlur(radius))
  }
  pillow <- reticulate::import("PIL.Image")
  image <- image$transform(integers(inner), pillow$Transform$AFFINE,
    c(ratio[1], 0, 0, 0, ratio[2], 0), pillow$Resampling$BILINEAR)
  whole <- pillow$new(image$mode, integers(target))
  whole$paste(image, integers((target - inner) %/% 2))
  whole
}

# One file as an array: upright, what is transparent on white. Pillow rounds a little
# differently from reticnn: probabilities may differ in the second digit.
read_image <- function(file) {
  pillow <- reticulate::import("PIL.Image")
  # Read by R: without a locale, Python finds no file whose name is not in ASCII.
  bytes <- readBin(file, "raw", file.size(file))
  tryCatch(
    {
      image <- pillow$open(reticulate::import("io")$BytesIO(bytes))
      format <- image$format
      image <- reticulate::import("PIL.ImageOps")$exif_transpose(image)
    },
    error = function(e) stop(file, " cannot be read: ", conditionMessage(e), call. = FALSE)
  )
  # Pillow does not say how many bits colours of these formats had.
  may_be_deep <- facts$values != "8 bits, 0 to 255" && format %in% c("PNG", "TIFF")
  if (facts$files != "photos" || grepl("^[IF]", image$mode) || may_be_deep) {
    stop(file, " is read otherwise than a photo of 8 bits. Give its pixels as an array, ",
      "scaled to 0 to 255 as those of the training images were.", call. = FALSE)
  }
  with_alpha <- image$mode %in% c("LA", "La", "PA", "RGBA", "RGBa")
  if (with_alpha || "transparency" %in% names(image$info)) {
    image <- image$convert("RGBA")
    image <- pillow$alpha_composite(pillow$new("RGBA", image$size, "white"), image)
  }
  image <- image$convert("RGB")$convert(if (shape[[3]] == 1) "L" else "RGB")
  if (!is.null(shape[[1]]) && !is.null(shape[[2]])) {
    image <- resized(image, shape[[1]], shape[[2]])
  }
  numpy$array(image, dtype = "uint8")$reshape(1L, image$height, image$width, -1L)
}

as_pixels <- function(images) {
  images <- if (inherits(images, "python.builtin.object")) images else numpy$array(images)
  ends <- c(reticulate::py_to_r(images$min()), reticulate::py_to_r(images$max()))
  if (anyNA(ends) || ends[1] < 0 || ends[2] > 255 || ends[2] > 0 && ends[2] <= 1) {
    stop("`images` must be whole numbers from 0 to 255, not ", ends[1], " to ", ends[2],
      call. = FALSE)
  }
  numpy$ascontiguousarray(images$round()$astype("uint8"))
}

predict_images <- function(images) {
  is_files <- is.character(images)
  parts <- if (is_files) lapply(images, read_image) else list(as_pixels(images))
  outputs <- vapply(session$get_outputs(), function(output) output$name, "")
  # Far from all prototypes, all probabilities are too small to be told apart.
  to_compare <- if ("distances" %in% outputs) "distances" else "probabilities"
  rows <- lapply(parts, function(part) {
    session$run(list("probabilities", to_compare), list(images = part))
  })
  probabilities <- do.call(rbind, lapply(rows, `[[`, 1))
  values <- do.call(rbind, lapply(rows, `[[`, 2))
  best <- max.col(if (to_compare == "distances") -values else values, "first")
  colnames(probabilities) <- classes
  data.frame(class = classes[best], probabilities, check.names = FALSE)
}
