test_that("predictions are a tibble with the class names, whatever the images come as", {
  skip_if_no_core()
  fit <- tiny_classifier()
  data <- shape_images(6, image_size = 16, seed = 3)
  images <- load_images(data)$images
  table <- predict(fit, data)
  expect_s3_class(table, "tbl_df")
  expect_named(table, c(".pred_class", ".pred_circle", ".pred_square"))
  expect_identical(levels(table$.pred_class), fit$class_names)
  expect_equal(table$.pred_circle + table$.pred_square, rep(1, 6))
  expect_equal(predict_images(fit, images), table)
  expect_equal(predict_images(fit, images + 0), table)
  expect_equal(predict_images(fit, array(as.raw(images), dim(images))), table)
  expect_equal(predict_images(fit, images[2, , , ]), table[2, ])
  expect_equal(predict_images(fit, data, batch_size = 4), table)
})

test_that("files and folders are predicted with their names", {
  skip_if_no_core()
  fit <- tiny_classifier()
  folder <- withr::local_tempdir()
  write_png(file.path(folder, "one.png"), "grey20")
  write_png(file.path(folder, "two.png"), "orange")
  files <- file.path(folder, c("two.png", "one.png"))
  table <- predict_images(fit, files)
  expect_identical(table$.file, files)
  expect_equal(predict_images(fit, folder)[2:1, ], table)
  expect_equal(predict_images(fit, files[[1]]), table[1, ])
  expect_error(predict_images(fit, file.path(folder, "three.png")), "three.png",
    class = "reticnn_error")
})

test_that("evaluation gives one row", {
  skip_if_no_core()
  scores <- evaluate_classifier(tiny_classifier(), shape_images(30, image_size = 16, seed = 4))
  expect_named(scores, c("n", "accuracy", "log_loss"))
  expect_identical(scores$n, 30L)
})

test_that("bad arguments of prediction are refused by name", {
  skip_if_no_core()
  fit <- tiny_classifier()
  expect_snapshot(error = TRUE, {
    predict_images(fit, random_images(2, 8, 8, 3))
    predict_images(fit, "no/such/photo.jpg")
    predict_images(3, random_images(2, 16, 16, 3))
    predict(fit, random_images(2, 16, 16, 3), batch_size = 1.5)
    evaluate_classifier(fit, image_arrays(random_images(2, 16, 16, 3)))
    evaluate_classifier(fit, image_arrays(random_images(2, 16, 16, 3), c("cat", "dog")))
  }, transform = function(lines) sub("working directory: '[^']*'", "working directory: ...", lines))
  expect_error(predict(fit, random_images(2, 16, 16, 3), size = 3), "must be empty")
})
