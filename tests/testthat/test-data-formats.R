# Files of every kind that is no ordinary photo.

test_that("files of other kinds are counted by their endings", {
  skip_if_no_core()
  folder <- photo_folder()
  file.create(file.path(folder, "dark", c("1.nef", "2.NEF", "notes.txt")))
  said <- "3 files of other kinds are left out: 2 .nef, 1 .txt"
  expect_warning(data <- image_folder(folder, 8), paste0("In `path`, ", said),
    fixed = TRUE, class = "reticnn_warning")
  expect_output(print(data), said, fixed = TRUE)
  expect_identical(basename(data$left_out), c("1.nef", "2.NEF", "notes.txt"))
  expect_no_match(capture.output(print(data[1:3])), "left out")
  expect_warning(table <- check_images(folder), said, fixed = TRUE)
  expect_identical(nrow(table), 4L)
})

# Files of the user's own: a line of numbers each, of 4 x 6 pixels.
own_files <- function(values, env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  files <- file.path(folder, sprintf("%02d.grid", seq_along(values)))
  for (i in seq_along(files)) writeLines(as.character(values[[i]]), files[[i]])
  files
}

read_grid <- function(path) {
  matrix(as.numeric(readLines(path)), 4, 6, byrow = TRUE)
}

test_that("a function of R's reads files, each once and on R's own thread", {
  skip_if_no_core()
  values <- lapply(1:8, function(i) (i * 3 + 0:23) %% 200)
  files <- own_files(values)
  read <- character()
  reader <- function(path) {
    read <<- c(read, path)
    read_grid(path)
  }
  labels <- rep(c("calm", "storm"), 4)
  data <- image_table(files, labels, c(4, 6), channels = 1, reader = reader, cache = "disk")
  expect_identical(normalizePath(read), normalizePath(files))
  images <- load_images(data)$images
  for (i in seq_along(files)) expect_equal(images[i, , , 1], read_grid(files[[i]]))
  data <- image_table(files, labels, 16, reader = reader)
  read <- character()
  model <- build_cnn(c(16, 16, 3), n_blocks = 1, filters = 2, units = 4, seed = 1)
  classifier <- fit_classifier(model, data, epochs = 3, batch_size = 2, seed = 1)
  expect_identical(nrow(predict(classifier, data)), 8L)
  expect_identical(read, character())
  # Crops are cut from images of another size.
  expect_identical(nrow(predict_images(classifier, data, crops = 5)), 8L)
  expect_identical(normalizePath(read), normalizePath(files))
  expect_error(predict_images(classifier, files), "were read by your `reader`",
    class = "reticnn_error")
})

test_that("what a reader does wrong is said with the file, in R's own words", {
  skip_if_no_core()
  files <- own_files(list(0:23, 0:23))
  said <- function(value, ...) {
    reader <- function(path) if (endsWith(path, "02.grid")) eval(value) else read_grid(path)
    cnd <- expect_error(image_table(files, image_size = 4, reader = reader, ...),
      "1 of 2 files cannot be read", class = "reticnn_error")
    strsplit(conditionMessage(cnd), "\n")[[1]][[2]]
  }
  expect_match(said(quote(stop("the shutter of camera 7 was shut: \u00e9"))),
    "02.grid: `reader` fails: the shutter of camera 7 was shut: \u00e9", fixed = TRUE)
  expect_match(said(quote(suppressWarnings(read_grid("nowhere")))), "cannot open")
  expect_match(said(quote(rlang::abort("no {light}"))), "no {light}", fixed = TRUE)
  expect_match(said(quote(NULL)), "returns nothing")
  expect_match(said(quote(1:5)), "returns an array of")
  expect_match(said(quote(array(1, c(2, 2, 2, 2)))), "returns an array of")
  expect_match(said(quote("text")), "not an array")
  expect_match(said(quote(data.frame(a = 1))), "not an array")
  expect_match(said(quote(matrix(c(NA, 1, 2, 3), 2))), "1 of 4 values .*missing")
  expect_match(said(quote(matrix(c(NA, 1L, 2L, 3L), 2))), "1 of 4 values .*missing")
  expect_match(said(quote(matrix(c(Inf, 1, 2, 3), 2))), "1 of 4 values .*missing")
  expect_match(said(quote(matrix(c(0, 1, 2, 300), 2))), "value_range = c(0, 300)",
    fixed = TRUE)
  expect_match(said(quote(matrix(c(0, 0.5, 1, 1), 2))), "value_range = c(0, 1)",
    fixed = TRUE)
  expect_match(said(quote(array(1, c(2, 2, 5)) * 9)), "has 5 bands")
  expect_warning(
    data <- image_table(files, image_size = 4, on_bad_image = "skip",
      reader = function(path) if (endsWith(path, "02.grid")) stop("gone") else read_grid(path)),
    "02.grid: `reader` fails: gone"
  )
  expect_identical(length(data), 1L)
  no_argument <- expect_error(image_table(files, reader = function() 1),
    "`reader` must .* one argument, the path of a file, .* takes none", class = "reticnn_error")
  expect_identical(conditionCall(no_argument)[[1]], quote(image_table))
  expect_error(image_folder(dirname(files[[1]]), groups = function() "a"),
    "`groups` must .* takes none", class = "reticnn_error")
  expect_error(image_table("a.rds", reader = ~ readRDS(.x)),
    "`reader` must .* the path of a file, .* not a formula", class = "reticnn_error")
  expect_error(image_table(files, reader = "read_grid"), "`reader` must be a function",
    class = "reticnn_error")
  expect_error(image_table(files, reader = read_grid, cache = "none"), "`cache`",
    class = "reticnn_error")
})

test_that("arrays of every R type are read as what they mean", {
  skip_if_no_core()
  files <- own_files(list(0:23))
  pixels <- function(value, ...) {
    data <- image_table(files, image_size = c(2, 3), channels = 1, reader = function(path) {
      value
    }, ...)
    load_images(data)$images[1, , , 1]
  }
  x <- matrix(c(0, 50, 100, 150, 200, 250), 2)
  expect_equal(pixels(x), x)
  expect_equal(pixels(matrix(as.integer(x), 2)), x)
  expect_equal(pixels(array(as.raw(x), dim(x))), x)
  expect_equal(pixels(x > 100), 255 * (x > 100))
  expect_equal(pixels(x / 250, value_range = c(0, 1)), x / 250 * 255, tolerance = 1e-6)
})

test_that("in a folder, a reader gets every file that is not hidden", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  for (class in c("calm", "storm")) {
    dir.create(file.path(folder, class))
    writeLines(as.character(0:23), file.path(folder, class, "1.grid"))
    writeLines("x", file.path(folder, class, ".hidden"))
  }
  data <- image_folder(folder, 4, channels = 1, reader = read_grid)
  expect_identical(data$class_counts, c(calm = 1L, storm = 1L))
})

test_that("DICOM and NumPy files are read by their values", {
  skip_if_no_core()
  testthat::skip_if_not(reticulate::py_module_available("pydicom"), "No pydicom")
  folder <- withr::local_tempdir()
  values <- matrix(as.integer(0:23 * 100), 4, 6, byrow = TRUE)
  np <- reticulate::import("numpy", convert = FALSE)
  np$save(file.path(folder, "a.npy"), np$asarray(values)$astype("uint16"))
  reticulate::py_run_string("
def write_dicom(path, values):
    from pydicom.dataset import FileDataset, FileMetaDataset
    import numpy as np
    values = np.asarray(values).astype('<u2')
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.7'
    meta.MediaStorageSOPInstanceUID = '1.2.3'
    meta.TransferSyntaxUID = '1.2.840.10008.1.2.1'
    data = FileDataset(path, {}, b'\\0' * 128, meta, False, True)
    data.PatientName = 'Byron^Ada'
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, '1.2.3'
    data.Rows, data.Columns = values.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, 'MONOCHROME2'
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelRepresentation, data.RescaleSlope, data.RescaleIntercept = 0, 1, -1024
    data.WindowCenter, data.WindowWidth = 76, 2201
    data.PixelData = values.tobytes()
    data['PixelData'].VR = 'OW'
    data.save_as(path, enforce_file_format=True)
")
  reticulate::py$write_dicom(file.path(folder, "b.dcm"), values)
  pixels <- function(file, ...) {
    data <- image_table(file.path(folder, file), image_size = c(4, 6), channels = 1, ...)
    load_images(data)$images[1, , , 1]
  }
  expect_equal(pixels("a.npy", value_range = c(0, 2300)), values / 2300 * 255,
    tolerance = 1e-5)
  # The window is from -1024.5 to 1175.5, the units from -1024 to 1276.
  window <- pmin(pmax((values - 1024 + 1024.5) / 2200 * 255, 0), 255)
  expect_equal(pixels("b.dcm"), window, tolerance = 1e-5)
  expect_equal(pixels("b.dcm", value_range = c(-1024, 976)), pmin(values / 2000, 1) * 255,
    tolerance = 1e-5)
  expect_warning(table <- check_images(folder), "1 .npy", fixed = TRUE)
  expect_identical(table$format, "DICOM")
  cnd <- expect_error(image_table(file.path(folder, "b.dcm"), page = 2) |> load_images(),
    "has 1 frame, and not as many as `page` says", class = "reticnn_error")
  expect_no_match(conditionMessage(cnd), "Byron")
})

test_that("how files are read is printed in R's notation", {
  skip_if_no_core()
  files <- own_files(lapply(1:8, function(i) (i * 3 + 0:23) %% 200))
  data <- image_table(files, rep(c("calm", "storm"), 4), c(16, 16), channels = 1,
    value_range = c(0, 220), reader = read_grid)
  expect_output(print(data), "read by values 0 to 220", fixed = TRUE)
  model <- build_cnn(c(16, 16, 1), n_blocks = 1, filters = 2, units = 4, seed = 1)
  classifier <- fit_classifier(model, data, epochs = 1, seed = 1)
  expect_output(print(classifier), "read by values 0 to 220, a function",
    fixed = TRUE)
  path <- withr::local_tempfile(fileext = ".reticnn")
  save_classifier(classifier, path)
  expect_output(print(load_classifier(path)), "values 0 to 220", fixed = TRUE)
  other <- image_table(files, rep(c("calm", "storm"), 4), 16, channels = 1,
    value_range = c(0, 230), reader = read_grid)
  expect_warning(predict(classifier, other), "`value_range = c(0, 230)`", fixed = TRUE)
  expect_warning(image_table(files, image_size = 16, channels = 1,
    value_range = c(0, 1), reader = read_grid), "`value_range = c(0, 1)`, but nearly all",
  fixed = TRUE)
})

test_that("what files tell has the same types where no file tells it", {
  skip_if_no_core()
  table <- tibble::as_tibble(image_folder(photo_folder(), 8), exif = TRUE)
  expect_s3_class(table$exif_time, "POSIXct")
  expect_identical(attr(table$exif_time, "tzone"), "UTC")
  expect_type(table$exif_camera, "character")
  expect_true(all(is.na(table$exif_time)) && all(is.na(table$exif_camera)))
})

test_that("images of many bands are one image, and are shown by three of them", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  pixels <- array((seq_len(2 * 8 * 10 * 13) * 7) %% 256, c(2, 8, 10, 13))
  data <- image_arrays(pixels, c("crop", "water"))
  expect_no_error(ggplot2::ggplotGrob(plot_images(data)))
  model <- build_cnn(c(8, 10, 13), n_blocks = 1, filters = 2, units = 4, seed = 1)
  expect_equal(predict_images(model, data[[1]]), predict_images(model, data)[1, ])
})

test_that("a list of image data is printed", {
  skip_if_no_core()
  expect_output(print(list(train = shape_images(4))), "train.*4 images")
})

test_that("a reader of R's reads images for their tiles, each once", {
  skip_if_no_core()
  files <- own_files(list(0:23, 50 + 0:23))
  calls <- 0
  reader <- function(path) {
    calls <<- calls + 1
    read_grid(path)
  }
  tiles <- image_tiles(files, 2, channels = 1, reader = reader)
  expect_identical(calls, 2)
  place <- tibble::as_tibble(tiles)[2, ]
  grid <- read_grid(place$file)
  expect_equal(tiles[[2]][, , 1],
    grid[place$top + 1:2, place$left + 1:2], ignore_attr = TRUE, tolerance = 1e-6)
})
