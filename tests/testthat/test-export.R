skip_if_no_onnx_runtime <- function() {
  skip_if_no_core()
  found <- reticulate::import("importlib.util")$find_spec("onnxruntime")
  skip_if(is.null(found), "No onnxruntime found")
}

test_that("the folder for R predicts without the package", {
  skip_if_quick()
  skip_if_no_onnx_runtime()
  folder <- file.path(withr::local_tempdir(), "handed-on")
  fit <- tiny_classifier()
  said <- NULL
  expect_message(said <- export_classifier(fit, folder, "r"), "Exported")
  expect_lt(said$difference, 1e-5)
  expect_setequal(list.files(folder), c("classifier.onnx", "predict.R"))
  alone <- new.env(parent = globalenv())
  sys.source(file.path(folder, "predict.R"), alone, chdir = TRUE)
  images <- load_images(shape_images(5, image_size = 16, seed = 3))$images
  expected <- predict(fit, images)
  found <- alone$predict_images(images)
  expect_identical(found$class, as.character(expected$.pred_class))
  expect_equal(found$circle, expected$.pred_circle, tolerance = 1e-5)
  file <- withr::local_tempfile(fileext = ".png")
  write_png(file, "grey", 16, 16)
  expect_equal(alone$predict_images(file)$circle, predict(fit, file)$.pred_circle,
    tolerance = 1e-5)
})

test_that("what 8 bits cost is a tibble", {
  skip_if_quick()
  skip_if_no_onnx_runtime()
  file <- withr::local_tempfile(fileext = ".onnx")
  images <- shape_images(40, image_size = 16, seed = 3)
  expect_message(
    said <- export_classifier(tiny_classifier(), file, images = images, quantize = "int8"),
    "int8.*bytes"
  )
  expect_s3_class(said$quantized, "tbl_df")
  expect_identical(said$quantized$network, c("float32", "int8"))
  expect_identical(said$path, file)
  expect_error(export_classifier(tiny_classifier(), file, quantize = "int8"),
    class = "reticnn_error")
})
