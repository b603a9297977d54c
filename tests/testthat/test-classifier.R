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
