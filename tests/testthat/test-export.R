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
  for (wrong in list(images - 1L, images + 200L, images / 255)) {
    expect_error(alone$predict_images(wrong), "0 to 255")
  }
})

test_that("the script reads files as the package does", {
  skip_if_quick()
  skip_if_no_onnx_runtime()
  pillow <- reticulate::import("PIL.Image")
  pixels <- load_images(shape_images(1, image_size = 64, seed = 3))$images[1, 1:40, , ]
  photo <- pillow$fromarray(reticulate::np_array(pixels, dtype = "uint8"))
  clear <- photo$copy()
  clear$putalpha(pillow$linear_gradient("L")$resize(clear$size))
  tags <- photo$getexif()
  reticulate::py_set_item(tags, 274L, 6L)
  names <- c("photo \u00e4, 'b'.png", "clear.png", "palette.png", "grey.png", "turned.png")
  files <- file.path(withr::local_tempdir(), names)
  photo$save(files[[1]])
  clear$save(files[[2]])
  photo$convert("P")$save(files[[3]])
  photo$convert("L")$save(files[[4]])
  photo$save(files[[5]], exif = tags)
  deep <- withr::local_tempfile(fileext = ".png")
  pillow$new("I;16", c(20L, 20L), 40000L)$save(deep)

  damaged <- withr::local_tempfile(fileext = ".jpg", lines = "no image")

  photos <- photo_folder()
  for (resize in c("stretch", "crop", "pad")) {
    model <- build_cnn(c(16, 24, 3), n_blocks = 1, filters = 4, units = 4, seed = 1,
      rescale = c(120, 20))
    data <- image_folder(photos, image_size = c(16, 24), resize = resize)
    fit <- fit_classifier(model, data, epochs = 1, seed = 1)
    folder <- file.path(withr::local_tempdir(), "handed-on")
    suppressMessages(export_classifier(fit, folder, "r"))
    alone <- new.env(parent = globalenv())
    sys.source(file.path(folder, "predict.R"), alone, chdir = TRUE)
    expect_equal(alone$predict_images(files)$dark, predict(fit, files)$.pred_dark,
      tolerance = 0.02)
    expect_error(alone$predict_images(deep), "8 bits")
    expect_error(alone$predict_images(c(files, damaged)), damaged, fixed = TRUE)
  }
})

test_that("the script refuses colours of 16 bits that have a range of their own", {
  skip_if_quick()
  skip_if_no_onnx_runtime()
  skip_if_not(reticulate::py_module_available("tifffile"))
  folder <- withr::local_tempdir()
  numpy <- reticulate::import("numpy", convert = FALSE)
  values <- numpy$full(c(16L, 16L, 3L), 4000L, "uint16")
  files <- file.path(folder, c("dark", "light"), "1.tif")
  for (file in files) {
    dir.create(dirname(file))
    reticulate::import("tifffile")$imwrite(file, values, photometric = "rgb")
  }
  model <- build_cnn(c(16, 16, 3), n_blocks = 1, filters = 4, units = 4, seed = 1)
  data <- image_folder(folder, image_size = 16, value_range = c(0, 4095))
  fit <- fit_classifier(model, data, epochs = 1, seed = 1)
  handed_on <- file.path(folder, "handed-on")
  suppressMessages(export_classifier(fit, handed_on, "r"))
  alone <- new.env(parent = globalenv())
  sys.source(file.path(handed_on, "predict.R"), alone, chdir = TRUE)
  expect_error(alone$predict_images(files), "scaled to 0 to 255")
  pixels <- array(round(4000 / 4095 * 255), c(1, 16, 16, 3))
  expect_equal(alone$predict_images(pixels)$dark, predict(fit, files[1])$.pred_dark,
    tolerance = 1e-3)
})

test_that("the script finds files of any name in a process without a locale", {
  skip_if_quick()
  skip_on_os("windows")
  skip_if_no_onnx_runtime()
  folder <- withr::local_tempdir()
  handed_on <- file.path(folder, "f\u00fcr dich")
  suppressMessages(export_classifier(tiny_classifier(), handed_on, "r"))
  write_png(file.path(folder, "images", "\u00e4 b.png"), "grey", 16, 16)
  code <- paste0("source('", handed_on, "/predict.R', chdir = TRUE); cat(nrow(",
    "predict_images(list.files('", folder, "/images', full.names = TRUE))))")
  said <- system2(file.path(R.home("bin"), "Rscript"), c("-e", shQuote(code)),
    env = "LC_ALL=C", stdout = TRUE, stderr = FALSE)
  expect_identical(utils::tail(said, 1), "1")
})

test_that("a classifier from an ONNX file has a summary and maps without layers", {
  skip_if_quick()
  skip_if_no_onnx_runtime()
  file <- withr::local_tempfile(fileext = ".onnx")
  fit <- tiny_classifier()
  suppressMessages(export_classifier(fit, file))
  alone <- load_classifier(file)
  expect_output(summary(alone), "trained.*The layers are not known")
  images <- shape_images(1, image_size = 16, seed = 3)
  expect_equal(explain_prediction(alone, images, method = "occlusion")$maps,
    explain_prediction(fit, images, method = "occlusion")$maps, tolerance = 1e-4)
  expect_error(explain_prediction(alone, images), "'occlusion'", class = "reticnn_error")
})

test_that("what 8 bits cost is a tibble", {
  skip_if_quick()
  skip_if_no_onnx_runtime()
  file <- withr::local_tempfile(fileext = ".onnx")
  images <- shape_images(100, image_size = 16, seed = 3)
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
