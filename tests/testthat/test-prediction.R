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

test_that("arrays of another size and grey ones are brought to what the model takes", {
  skip_if_no_core()
  fit <- tiny_classifier()
  expect_warning(
    table <- predict_images(fit, random_images(2, 20, 30, 3)),
    "20 x 30 pixels .* to the 16 x 16", class = "reticnn_warning"
  )
  expect_identical(nrow(table), 2L)
  grey <- random_images(2, 16, 16)
  expect_equal(predict_images(fit, grey), predict_images(fit, array(grey, c(2, 16, 16, 3))))
})

test_that("predictions are averaged over crops of larger images", {
  skip_if_no_core()
  fit <- tiny_classifier()
  images <- random_images(3, 18, 20, 3)
  cut <- function(top, left, columns = 1:16) {
    predict_images(fit, images[, top + 1:16, (left + 1:16)[columns], ])$.pred_circle
  }
  crops <- rowMeans(cbind(cut(0, 0), cut(0, 4), cut(2, 0), cut(2, 4), cut(1, 2)))
  mirrored <- rowMeans(cbind(cut(0, 0, 16:1), cut(0, 4, 16:1), cut(2, 0, 16:1),
    cut(2, 4, 16:1), cut(1, 2, 16:1)))
  expect_equal(predict(fit, images, crops = 5)$.pred_circle, crops, tolerance = 1e-5)
  expect_equal(predict_images(fit, images, crops = 10)$.pred_circle,
    (crops + mirrored) / 2, tolerance = 1e-5)
})

test_that("144 crops are cut from squares at four scales, with their mirror images", {
  skip_if_no_core()
  fit <- tiny_classifier()
  images <- random_images(2, 18, 24, 3)
  all <- predict(fit, images, crops = 144)
  expect_equal(predict_images(fit, images, crops = 144), all, tolerance = 1e-5)
  expect_equal(predict(fit, images[2, , , ], crops = 144, batch_size = 1), all[2, ],
    tolerance = 1e-5)
  square <- images[, , 1:18, ]
  mirrored <- predict(fit, square, crops = 2, scales = 18)$.pred_circle
  each <- cbind(predict(fit, square, scales = 18)$.pred_circle,
    predict(fit, square[, , 18:1, ], scales = 18)$.pred_circle)
  expect_equal(mirrored, rowMeans(each), tolerance = 1e-5)
  expect_snapshot(error = TRUE, predict(fit, images, crops = 144, scales = c(18, 24)))
})

test_that("predictions are averaged over scales, from files and from arrays", {
  skip_if_no_core()
  fit <- tiny_classifier()
  images <- random_images(3, 16, 16, 3)
  plain <- predict(fit, images)
  expect_equal(predict(fit, images, scales = 16), plain, tolerance = 1e-5)
  each <- lapply(c(16, 24), function(side) predict(fit, images, scales = side)$.pred_circle)
  both <- predict_images(fit, images, scales = c(16, 24))
  expect_equal(both$.pred_circle, (each[[1]] + each[[2]]) / 2, tolerance = 1e-5)
  file <- withr::local_tempfile(fileext = ".png")
  write_png(file, "orange")
  expect_named(predict(fit, file, scales = 20, tta = 1),
    c(".pred_class", ".pred_circle", ".pred_square", ".file"))
  expect_snapshot(error = TRUE, {
    predict(fit, images, crops = 7)
    predict(fit, images, scales = 1)
    predict(fit, images, scales = 8, crops = 5)
  })
})

test_that("a Keras model predicts with the class names given, or with numbers", {
  skip_if_no_core()
  fit <- tiny_classifier()
  data <- shape_images(6, image_size = 16, seed = 3)
  named <- predict_images(fit$model, data, class_names = factor(c("circle", "square")))
  expect_equal(named, predict_images(fit, data))
  plain <- predict_images(fit$model, data)
  expect_identical(levels(plain$.pred_class), c("class_1", "class_2"))
  expect_equal(glance(evaluate_classifier(fit$model, data)),
    glance(evaluate_classifier(fit, data)))
})

test_that("bad arguments of prediction are refused by name", {
  skip_if_no_core()
  fit <- tiny_classifier()
  expect_snapshot(error = TRUE, {
    predict_images(fit, random_images(2, 16, 16, 2))
    predict_images(fit, random_images(2, 16, 16, 3), class_names = c("a", "b"))
    predict_images(fit$model, random_images(2, 16, 16, 3), class_names = c("a", "b", "c"))
    predict_images(fit, character())
    predict_images(fit, "no/such/photo.jpg")
    predict_images(3, random_images(2, 16, 16, 3))
    predict(fit, random_images(2, 16, 16, 3), batch_size = 1.5)
  }, transform = function(lines) sub("working directory: '[^']*'", "working directory: ...", lines))
  expect_error(predict(fit, random_images(2, 16, 16, 3), size = 3), "must be empty")
})

test_that("forked children get an error instead of waiting", {
  skip_if_no_core()
  skip_on_os("windows")
  fit <- tiny_classifier()
  said <- parallel::mclapply(1:2, mc.cores = 2, function(i) {
    tryCatch(predict(fit, random_images(1, 16, 16, 3)), reticnn_error = conditionMessage)
  })
  expect_match(unlist(said), "makeCluster.*load_classifier", all = TRUE)
  expect_identical(nrow(predict(fit, random_images(1, 16, 16, 3))), 1L)
})

test_that("what the model outputs can be said, and is kept", {
  skip_if_no_core()
  fit <- tiny_classifier()
  expect_identical(fit$output, "sigmoid")
  data <- shape_images(4, image_size = 16, seed = 2)
  expect_identical(predict_images(fit$model, data, output = "sigmoid"),
    predict_images(fit$model, data))
  expect_error(predict_images(fit, data, output = "logits"), "gives sigmoid",
    class = "reticnn_error")
})

test_that("NaN from the model is NA everywhere, with a warning", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  data <- shape_images(12, image_size = 16, seed = 1)
  model <- build_cnn(c(16, 16, 3), n_blocks = 1, filters = 2, units = 2, seed = 1)
  fit <- fit_classifier(model, data, epochs = 1, seed = 1)
  weights <- fit$model$get_weights()
  fit$model$set_weights(lapply(weights, function(values) values * NaN))
  expect_warning(predicted <- predict(fit, data), "NaN for 12 of 12 images",
    class = "reticnn_warning")
  expect_identical(predicted$.pred_class,
    factor(rep(NA, 12), levels = c("circle", "square")))
  expect_identical(predicted$.pred_circle, rep(NA_real_, 12))
  expect_warning(augmented <- augment(fit, data), "NaN for 12")
  expect_identical(levels(augmented$label), levels(augmented$.pred_class))
  expect_warning(scores <- evaluate_classifier(fit, data), "NaN for 12")
  measures <- unlist(glance(scores)[-1])
  expect_true(all(is.na(measures) & !is.nan(measures)))
  expect_identical(sum(scores$confusion), 0L)
  expect_output(print(scores), "accuracy +NA")
  expect_s3_class(plot_images(data, predicted), "ggplot")
  expect_s3_class(plot_confusion(scores), "ggplot")
})

test_that("predictions are written to a file, and a second call has nothing to do", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  for (name in c("a", "b")) {
    write_png(file.path(folder, "photos", paste0(name, ".png")), "red")
  }
  writeLines("no image", file.path(folder, "photos", "c.png"))
  path <- file.path(folder, "out.csv")
  expect_warning(
    written <- expect_invisible(
      write_predictions(tiny_classifier(), file.path(folder, "photos"), path)),
    "1 of 3 images cannot be read")
  expect_identical(written, path)
  table <- read.csv(path)
  expect_identical(basename(table$.file), c("a.png", "b.png", "c.png"))
  expect_identical(is.na(table$.pred_circle), c(FALSE, FALSE, TRUE))
  expect_identical(nzchar(table$.problem), c(FALSE, FALSE, TRUE))
  time <- file.mtime(path)
  expect_warning(
    write_predictions(tiny_classifier(), file.path(folder, "photos"), path), "1 of 3")
  expect_identical(file.mtime(path), time)
  expect_error(
    write_predictions(tiny_classifier(), file.path(folder, "photos"), path, part = c(1, 2)),
    "for another `part`", class = "reticnn_error")
})
