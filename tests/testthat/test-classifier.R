test_that("tidy() is the history, one row per epoch, metric and data set", {
  skip_if_no_core()
  fit <- tiny_classifier()
  table <- tidy(fit)
  expect_s3_class(table, "tbl_df")
  expect_named(table, c("epoch", "metric", "data", "value"))
  expect_identical(nrow(table), 8L)
  expect_lt(.row_names_info(table), 0)
  validation <- table[table$metric == "loss" & table$data == "validation", ]
  expect_identical(validation$value, fit$history$val_loss)
  fit$history <- tibble::tibble(epoch = numeric())
  expect_identical(tidy(fit), table[0, ])
})

test_that("glance() is one row, with the metrics of the best epoch", {
  skip_if_no_core()
  fit <- tiny_classifier()
  fit$history$val_loss <- c(0.3, 0.5)
  row <- glance(fit)
  expect_identical(nrow(row), 1L)
  expect_named(row, c("epochs", "best_epoch", "loss", "accuracy", "val_loss",
    "val_accuracy", "parameters", "stopped"))
  expect_identical(row$best_epoch, 1L)
  expect_identical(row$loss, fit$history$loss[[1]])
  expect_identical(row$parameters, fit$model$count_params())
  fit$history <- fit$history[0, ]
  expect_identical(glance(fit)$loss, NA_real_)
  expect_output(print(fit), "trained  0 epochs", fixed = TRUE)
})

test_that("augment() puts predictions beside the files and labels", {
  skip_if_no_core()
  fit <- tiny_classifier()
  data <- shape_images(6, image_size = 16, seed = 3)
  expected <- predict(fit, data)
  table <- augment(fit, data)
  expect_identical(table$label, load_images(data)$labels)
  expect_identical(table[-1], expected)
  expect_identical(augment(fit, load_images(data)$images), expected)
  folder <- withr::local_tempdir()
  write_png(file.path(folder, "one.png"), "grey20")
  table <- augment(fit, folder)
  expect_named(table, c(".file", ".pred_class", ".pred_circle", ".pred_square"))
  expect_identical(basename(table$.file), "one.png")
  expect_error(augment(fit, data, size = 3), "must be empty")
})

test_that("labels of augment() have the levels of the predictions", {
  skip_if_no_core()
  fit <- tiny_classifier()
  data <- shape_images(6, image_size = 16, seed = 3)
  images <- load_images(data)$images
  turned <- image_arrays(images, data$labels, class_names = c("square", "circle"))
  table <- augment(fit, turned)
  expect_identical(levels(table$label), levels(table$.pred_class))
  expect_identical(as.character(table$label), as.character(data$labels))
  more <- image_arrays(images, data$labels, class_names = c("star", "square", "circle"))
  expect_identical(augment(fit, more)$label, table$label)
  circles <- image_arrays(images[c(1, 3), , , ], factor(c("circle", "circle"), c("circle", "ox")))
  expect_identical(augment(fit, circles)$label, table$label[c(1, 3)])
  unknown <- image_arrays(images, rep(c("circle", "ox"), 3))
  expect_error(augment(fit, unknown), "'ox', which the classifier does not know",
    class = "reticnn_error")
})

test_that("the generics are broom's, whichever is attached first", {
  skip_if_no_core()
  skip_if_not_installed("broom")
  path <- withr::local_tempfile(fileext = ".reticnn")
  save_classifier(tiny_classifier(), path)
  for (order in list(c("broom", "reticnn"), c("reticnn", "broom"))) {
    lines <- run_r(c(
      sprintf("suppressPackageStartupMessages(library(%s))", order),
      sprintf("fit <- load_classifier(%s)", deparse(path)),
      "cat(nrow(tidy(fit)), nrow(glance(fit)), nrow(tidy(lm(dist ~ speed, cars))), '\\n')",
      "cat(names(augment(fit, array(9, c(1, 16, 16, 3)))), '\\n')"
    ))
    expect_identical(lines, c("8 1 2 ", ".pred_class .pred_circle .pred_square "))
  }
})

test_that("a classifier says what its model is, and so cannot be changed", {
  skip_if_no_core()
  classifier <- tiny_classifier()
  refused <- function(expression, name) {
    expect_error(expression, paste0("`", name, "` cannot be changed"),
      class = "reticnn_error")
  }
  refused(classifier$class_names <- c("a", "b"), "class_names")
  refused(classifier$class_names[1] <- "a", "class_names")
  refused(classifier[["model"]] <- NULL, "model")
  refused(classifier[[2]] <- NULL, "class_names")
  refused(names(classifier)[1] <- "net", "model")
  expect_error(classifier$class_names <- c("a", "b"), "predict_images(classifier$model",
    fixed = TRUE)
  expect_identical(classifier, tiny_classifier())
  classifier$note <- "the first"
  expect_identical(classifier$note, "the first")
  expect_identical(predict(classifier, shape_images(2, image_size = 16, seed = 1)),
    predict(tiny_classifier(), shape_images(2, image_size = 16, seed = 1)))
  expect_error(augment(classifier), "`new_data` is missing", class = "reticnn_error")
  expect_error(plot_confusion(), "`evaluation` is missing", class = "reticnn_error")
  expect_error(evaluate_classifier(shape_images(2), classifier),
    "`data` must be image data, not an object of class Classifier")
})

test_that("evaluations print in locales with a decimal comma too", {
  skip_if_no_core()
  withr::local_options(OutDec = ",")
  data <- shape_images(4, image_size = 16, seed = 2)
  expect_no_warning(expect_output(
    print(suppressWarnings(evaluate_classifier(tiny_classifier(), data))), "4 images"
  ))
})
