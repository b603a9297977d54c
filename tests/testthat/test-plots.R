test_that("the history plots training and validation by epoch", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  plot <- plot(tiny_classifier())
  expect_s3_class(plot, "ggplot")
  expect_setequal(plot$data$metric, c("loss", "accuracy"))
  expect_setequal(plot$data$data, c("training", "validation"))
  file <- withr::local_tempfile(fileext = ".png")
  ggplot2::ggsave(file, plot, width = 4, height = 3)
  expect_gt(file.size(file), 1000)
})

test_that("images are drawn upright in their own colours, right and wrong told apart", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  # Red above, blue below; one right prediction and one wrong one.
  x <- array(0, c(2, 4, 4, 3))
  x[, 1:2, , 1] <- 255
  x[, 3:4, , 3] <- 255
  data <- image_arrays(x, c("a", "b"))
  predictions <- tibble::tibble(
    .pred_class = factor(c("a", "a")), .pred_a = c(0.9, 0.6), .pred_b = c(0.1, 0.4)
  )
  plot <- plot_images(data, predictions)
  expect_identical(plot$data$text, c("a 90%", "a 60%\n(is b)"))
  expect_identical(plot$data$frame, c("#0072B2", "#D55E00"))
  pixels <- drawn_pixels(plot)
  rows <- function(channel, other) {
    which(apply(pixels[, , channel] > 250 & pixels[, , other] < 5, 1, any))
  }
  expect_gt(min(rows(3, 1)), max(rows(1, 3)))
  expect_error(plot_images(data, predictions[1, ]), "1 rows for 2 images")
  expect_s3_class(plot_images(x[, , , 1]), "ggplot")
})

test_that("pictures fill their rows where that is possible", {
  expect_identical(
    vapply(c(1, 9, 12, 16, 32), grid_columns, numeric(1)), c(1, 3, 4, 4, 8)
  )
})

test_that("the confusion plot has counts and shares of the row, right ones in blue", {
  skip_if_not_installed("ggplot2")
  classes <- c("cat", "dog")
  scores <- new_evaluation(list(
    n = 10L, accuracy = 0.7, per_class = list(class = classes),
    confusion = list(truth = rep(classes, each = 2), predicted = rep(classes, 2),
      n = c(3L, 1L, 2L, 4L))
  ))
  plot <- plot_confusion(scores)
  fields <- plot$data
  taken <- fields[fields$truth == "dog" & fields$predicted == "cat", ]
  expect_identical(taken$n, 2L)
  expect_identical(taken$text, "2\n33%")
  expect_identical(fields$share, c(3 / 4, 2 / 6, 1 / 4, 4 / 6))
  hue <- grDevices::rgb2hsv(grDevices::col2rgb(fields$fill))["h", ]
  expect_identical(unname(hue > 0.5), c(TRUE, FALSE, FALSE, TRUE))
  expect_identical(plot$labels$caption, "10 images, 70.0% right")
  file <- withr::local_tempfile(fileext = ".png")
  ggplot2::ggsave(file, plot(scores), width = 4, height = 4)
  expect_gt(file.size(file), 1000)
  expect_error(plot_confusion(3), "class numeric", class = "reticnn_error")
})
