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
  top <- plot$data[plot$data$y > 0.5, ]
  expect_identical(unique(top$colour), "#FF0000")
  expect_identical(unique(plot$data$colour[plot$data$y < 0.5]), "#0000FF")
  captions <- plot$layers[[2]]$data
  expect_identical(captions$text, c("a 90%", "a 60%\n(is b)"))
  expect_length(unique(captions$frame), 2)
  expect_error(plot_images(data, predictions[1, ]), "1 rows for 2 images")
  expect_s3_class(plot_images(x[, , , 1]), "ggplot")
})
