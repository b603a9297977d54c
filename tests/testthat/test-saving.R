test_that("a classifier saved in one process predicts the same in another", {
  skip_if_quick()
  skip_if_no_core()
  fit <- tiny_classifier()
  path <- withr::local_tempfile(fileext = ".reticnn")
  data <- shape_images(6, image_size = 16, seed = 3)
  expect_identical(save_classifier(fit, path), path)
  expected <- predict(fit, data)$.pred_circle
  again <- load_classifier(path)
  expect_equal(predict(again, data)$.pred_circle, expected, tolerance = 1e-5)
  expect_identical(again$history, fit$history)
  expect_identical(again$class_names, fit$class_names)
  expect_identical(again$stopped, fit$stopped)
  lines <- run_r(c(
    "library(reticnn)",
    sprintf("fit <- load_classifier(%s)", deparse(path)),
    "p <- predict(fit, shape_images(6, image_size = 16, seed = 3))",
    "cat(format(p$.pred_circle, digits = 9))"
  ))
  elsewhere <- as.numeric(strsplit(lines, " ")[[1]])
  expect_equal(elsewhere, expected, tolerance = 1e-5)
})

test_that("saveRDS() keeps a classifier, also for other processes", {
  skip_if_quick()
  skip_if_no_core()
  fit <- tiny_classifier()
  path <- withr::local_tempfile(fileext = ".rds")
  saveRDS(fit, path)
  images <- shape_images(6, image_size = 16, seed = 3)
  expected <- predict(fit, images)
  again <- readRDS(path)
  expect_identical(predict(again, images), expected)
  expect_identical(again$model$count_params(), fit$model$count_params())
  expect_identical(again[["core"]], again$core)
  expect_identical(capture.output(print(again)), capture.output(print(fit)))
  expect_identical(glance(again), glance(fit))
  file <- withr::local_tempfile(fileext = ".reticnn")
  save_classifier(again, file)
  expect_equal(predict(load_classifier(file), images), expected, tolerance = 1e-5)
  expect_error(again$bytes <- raw(1), "cannot be changed")
  lines <- run_r(c(
    "library(reticnn)",
    sprintf("fit <- readRDS(%s)", deparse(path)),
    "print(fit)",
    "cat(reticulate::py_available(), '\\n')",
    "workers <- parallel::makeCluster(1)",
    "images <- load_images(shape_images(6, image_size = 16, seed = 3))$images",
    "there <- parallel::parLapply(workers, list(images), \\(x, fit) {",
    "  library(reticnn)",
    "  predict(fit, x)$.pred_circle",
    "}, fit = fit)[[1]]",
    "parallel::stopCluster(workers)",
    "here <- predict(fit, images)$.pred_circle",
    "cat(identical(here, there), format(here, digits = 6))"
  ))
  expect_identical(lines[1:3], capture.output(print(fit)))
  expect_identical(lines[4:5], c("FALSE ",
    paste("TRUE", paste(format(expected$.pred_circle, digits = 6), collapse = " "))))
})

test_that("a classifier that R cannot keep says so, and what to use", {
  skip_if_no_core()
  path <- withr::local_tempfile(fileext = ".rds")
  model <- keras$Sequential(list(keras$Input(c(8L, 8L, 3L)), keras$layers$Lambda(\(x) x),
    keras$layers$Flatten(), keras$layers$Dense(1L, activation = "sigmoid")))
  without_file <- fit_classifier(model, shape_images(4, image_size = 8), epochs = 1)
  expect_null(without_file$bytes)
  saveRDS(without_file, path)
  dead <- readRDS(path)
  expect_output(print(dead), "2 classes: circle, square")
  for (use in list(
    \() predict(dead, random_images(1, 8, 8, 3)),
    \() augment(dead, random_images(1, 8, 8, 3)),
    \() dead$model,
    \() save_classifier(dead, tempfile())
  )) {
    expect_error(use(), "save_classifier()", class = "reticnn_error", fixed = TRUE)
  }
  expect_identical(glance(dead), glance(without_file))
})

test_that("saveRDS() keeps image data, also for other processes", {
  skip_if_quick()
  skip_if_no_core()
  path <- withr::local_tempfile(fileext = ".rds")
  x <- random_images(6, 8, 8, 3)
  day <- as.Date("2026-05-01") + c(0:4, NA)
  arrays <- image_arrays(x, rep(c("cat", "d\u00f6g"), 3), facts = data.frame(day),
    groups = rep(1:3, 2))
  saveRDS(list(files = image_folder(photo_folder(), 8), arrays = arrays, part = arrays[-1],
    folds = fold_images(arrays, 3, seed = 1)), path)
  kept <- readRDS(path)
  expect_identical(capture.output(print(kept$arrays)), capture.output(print(arrays)))
  expect_identical(tibble::as_tibble(kept$arrays), tibble::as_tibble(arrays))
  expect_identical(load_images(c(kept$part, arrays)), load_images(c(arrays[-1], arrays)))
  expect_length(kept$folds$test[[1]], length(kept$folds$test[[1]]$labels))
  lines <- run_r(c(
    "library(reticnn)",
    sprintf("kept <- readRDS(%s)", deparse(path)),
    "cat(reticulate::py_available(), '\n')",
    "workers <- parallel::makeCluster(1)",
    "there <- parallel::parLapply(workers, kept[c('files', 'part')], function(data) {",
    "  library(reticnn)",
    "  load_images(data)",
    "})",
    "parallel::stopCluster(workers)",
    "cat(identical(there, lapply(kept[c('files', 'part')], load_images)), '\n')",
    "cat(length(kept$files), format(kept$arrays$facts$day[5:6]), sum(kept$arrays[[2]]))"
  ))
  expect_identical(lines, c("FALSE ", "TRUE ", paste("4 2026-05-05 NA", sum(x[2, , , ]))))
})

test_that("image data whose files are gone name them", {
  skip_if_no_core()
  path <- withr::local_tempfile(fileext = ".rds")
  folder <- photo_folder()
  data <- image_folder(folder, 8)
  saveRDS(list(data, data[3:4]), path)
  unlink(file.path(folder, "dark", "1.png"))
  kept <- readRDS(path)
  expect_error(fit_classifier(build_cnn(), kept[[1]]), "1 of their 4 files.*1.png",
    class = "reticnn_error")
  expect_output(print(kept[[1]]), "1 of their 4 files.*1.png")
  expect_length(kept[[2]], 2)
})

test_that("the cache of knitr has image data and classifiers that work", {
  skip_if_quick()
  skip_if_no_core()
  skip_if_not_installed("knitr")
  folder <- withr::local_tempdir()
  writeLines(c("```{r, cache = TRUE}", "data <- shape_images(40, image_size = 8, seed = 1)",
    "parts <- split_images(data, 0.5, seed = 1)",
    "model <- build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, seed = 1)",
    "fit <- fit_classifier(model, parts$train, epochs = 1, seed = 1)", "cat('made')", "```",
    "```{r}", "parts$test", "evaluate_classifier(fit, parts$test)$accuracy", "```"),
    file.path(folder, "page.Rmd"))
  knit <- c("library(reticnn)", sprintf("setwd(%s)", deparse(folder)),
    "knitr::knit('page.Rmd', quiet = TRUE)")
  kept <- function() {
    files <- list.files(file.path(folder, "cache"), "[.]rdb$", recursive = TRUE, full.names = TRUE)
    file.mtime(files)
  }
  run_r(knit)
  page <- readLines(file.path(folder, "page.md"))
  expect_match(page, "<ImageData> 20 images", fixed = TRUE, all = FALSE)
  made <- kept()
  expect_length(made, 1)
  run_r(knit)
  expect_identical(readLines(file.path(folder, "page.md")), page)
  expect_identical(kept(), made)
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

# Classifiers that predict by an ONNX graph

test_that("a loaded classifier predicts without Keras, and has its model", {
  skip_if_no_core()
  skip_if_not(reticulate::py_module_available("onnx"))
  skip_if_not(reticulate::py_module_available("onnxruntime"))
  classifier <- tiny_classifier()
  path <- withr::local_tempfile(fileext = ".reticnn")
  save_classifier(classifier, path)
  fast <- load_classifier(path)
  # What R keeps after every training has no graph, which takes time to write.
  expect_true(unserialize(serialize(classifier, NULL))$core$has_keras)
  images <- shape_images(5, image_size = 16, seed = 9)
  expect_equal(predict(fast, images), predict(classifier, images), tolerance = 1e-5)
  expect_false(fast$core$has_keras)
  expect_equal(fast$parameters, classifier$parameters)
  expect_identical(capture.output(print(fast)), capture.output(print(classifier)))
  expect_output(str(fast), "class_names")
  kept <- unserialize(serialize(fast, NULL))
  expect_equal(predict(kept, images), predict(classifier, images), tolerance = 1e-5)
  expect_false(fast$core$has_keras)
  save_classifier(fast, path, fast_start = FALSE)
  expect_true(load_classifier(path)$core$has_keras)
  expect_identical(fast$model$name, classifier$model$name)
  expect_true(fast$core$has_keras)
})

test_that("an ONNX file gives a classifier, and says what it has not", {
  skip_if_no_core()
  skip_if_not(reticulate::py_module_available("onnx"))
  skip_if_not(reticulate::py_module_available("onnxruntime"))
  skip_if_quick()
  path <- withr::local_tempfile(fileext = ".onnx")
  export_classifier(tiny_classifier(), path)
  lines <- run_r(c(
    "library(reticnn)",
    sprintf("fast <- load_classifier(%s)", deparse(path)),
    "images <- shape_images(5, image_size = fast$image_shape[[1]], seed = 9)",
    "scores <- evaluate_classifier(fast, images)",
    "modules <- names(reticulate::import('sys')$modules)",
    "cat(nrow(predict(fast, images)), c('keras', 'tensorflow') %in% modules, '\\n')",
    "tryCatch(fast$model, reticnn_error = function(e) cat(conditionMessage(e)))"
  ))
  expect_identical(lines[[1]], "5 FALSE FALSE ")
  expect_match(paste(lines[-1], collapse = " "), "has no Keras model")
})
