test_that("a classifier saved in one process predicts the same in another", {
  skip_if_quick()
  skip_if_no_core()
  fit <- tiny_classifier()
  path <- withr::local_tempfile(fileext = ".reticnn")
  data <- shape_images(6, image_size = 16, seed = 3)
  expect_identical(save_classifier(fit, path), path)
  expected <- predict(fit, data)$.pred_circle
  again <- load_classifier(path)
  expect_identical(predict(again, data)$.pred_circle, expected)
  expect_identical(again$history, fit$history)
  expect_identical(again$class_names, fit$class_names)
  expect_identical(again$stopped, fit$stopped)
  lines <- run_r(c(
    "library(reticnn)",
    sprintf("fit <- load_classifier(%s)", deparse(path)),
    "p <- predict(fit, shape_images(6, image_size = 16, seed = 3))",
    "cat(format(p$.pred_circle, digits = 6))"
  ))
  expect_identical(lines, paste(format(expected, digits = 6), collapse = " "))
})

test_that("saveRDS() is recognised, and the error says what to use", {
  skip_if_no_core()
  path <- withr::local_tempfile(fileext = ".rds")
  saveRDS(tiny_classifier(), path)
  dead <- readRDS(path)
  expect_output(print(dead), "2 classes: circle, square")
  expect_error(predict(dead, random_images(1, 16, 16, 3)), "save_classifier()",
    class = "reticnn_error", fixed = TRUE)
  expect_error(augment(dead, random_images(1, 16, 16, 3)), "save_classifier()",
    class = "reticnn_error", fixed = TRUE)
  expect_identical(glance(dead), glance(tiny_classifier()))
  expect_error(save_classifier(dead, tempfile()), "save_classifier()",
    class = "reticnn_error", fixed = TRUE)
})

test_that("files that are no classifiers are refused", {
  skip_if_no_core()
  path <- withr::local_tempfile(fileext = ".reticnn")
  writeLines("not a zip", path)
  expect_error(load_classifier(path), "not a classifier saved by", class = "reticnn_error")
  expect_error(load_classifier("no/such.reticnn"), "no/such.reticnn", class = "reticnn_error")
  expect_error(save_classifier(tiny_classifier(), "model.keras"), "must not end in .keras",
    class = "reticnn_error", fixed = TRUE)
})

test_that("a file that was cut off is refused", {
  skip_if_no_core()
  path <- withr::local_tempfile(fileext = ".reticnn")
  save_classifier(tiny_classifier(), path)
  bytes <- readBin(path, "raw", file.size(path))
  writeBin(bytes[seq_len(length(bytes) %/% 2)], path)
  expect_error(load_classifier(path), "is damaged", class = "reticnn_error")
  writeBin(bytes, path)
  expect_s3_class(load_classifier(path), "reticnn_classifier")
})
