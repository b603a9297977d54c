# Images of more than 8 bits and of any number of bands.

# A folder of dark and light TIFF files of 5 bands, and the values of one of them.
many_bands <- function(env = parent.frame()) {
  tifffile <- reticulate::import("tifffile", convert = FALSE)
  folder <- withr::local_tempdir(.local_envir = env)
  values <- array(sample(0:4095, 8 * 10 * 5, replace = TRUE), c(8, 10, 5))
  for (class in c("dark", "light")) {
    dir.create(file.path(folder, class))
    for (i in 1:4) {
      part <- if (class == "dark") values %/% 4 else values
      tifffile$imwrite(file.path(folder, class, paste0(i, ".tif")),
        reticulate::np_array(part, "uint16"), photometric = "minisblack",
        planarconfig = "contig")
    }
  }
  list(path = folder, values = values)
}

skip_if_no_tifffile <- function() {
  skip_if_no_core()
  skip_if_not(reticulate::py_module_available("tifffile"), "no tifffile")
}

test_that("bands are counted from 1, and all their values are there", {
  skip_if_no_tifffile()
  files <- many_bands()
  wanted <- files$values / 4095 * 255
  all <- image_folder(files$path, c(8, 10), channels = 5, value_range = c(0, 4095))
  expect_equal(all[[8]], wanted, tolerance = 1e-5)
  some <- image_folder(files$path, c(8, 10), bands = c(4, 1),
    value_range = list(c(0, 4095), c(100L, 2000L)))
  expect_equal(some[[8]][, , 1], wanted[, , 4], tolerance = 1e-5)
  other <- pmin(pmax((files$values[, , 1] - 100) / 1900, 0), 1) * 255
  expect_equal(some[[8]][, , 2], other, tolerance = 1e-5)
  expect_output(print(some), "read by bands c(4, 1), values", fixed = TRUE)
  expect_error(image_folder(files$path, 8, bands = 0), "at least 1, not 0",
    class = "reticnn_error")
  expect_error(load_images(image_folder(files$path, 8)), "`channels = 5`", fixed = TRUE)
  expect_error(image_table(all$files[1], NULL, 8, page = 0), "`page`",
    class = "reticnn_error")
  expect_warning(load_images(image_folder(files$path, 8, bands = 2)),
    "`value_range = c(0, 4095)`", fixed = TRUE, class = "reticnn_warning")
})

test_that("a classifier reads new files as those that it was trained on", {
  skip_if_quick()
  skip_if_no_tifffile()
  files <- many_bands()
  data <- image_folder(files$path, 8, bands = c(5, 2), value_range = c(0, 4095))
  model <- build_cnn(c(8, 8, 2), 2, n_blocks = 1, filters = 4, units = 4)
  trained <- fit_classifier(model, data, epochs = 1, batch_size = 4, progress = "none",
    seed = 1)
  expect_output(print(trained), "read by bands c(5, 2), values 0 to 4095", fixed = TRUE)
  path <- withr::local_tempfile(fileext = ".reticnn")
  loaded <- load_classifier(save_classifier(trained, path))
  expect_output(print(loaded), "read by bands c(5, 2), values 0 to 4095", fixed = TRUE)
  by_path <- predict_images(loaded, files$path)
  expect_equal(by_path$.pred_light, predict_images(trained, data)$.pred_light,
    tolerance = 1e-5)
  expect_warning(
    predict_images(trained, image_folder(files$path, 8, bands = c(3, 1))),
    "`bands = c(3, 1)`", fixed = TRUE
  )
})
