test_that("filters are arrays with the filters first, and pictures", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  classifier <- tiny_classifier()
  filters <- layer_filters(classifier)
  expect_identical(filters$layer, "block1_conv1")
  expect_true(filters$rgb)
  expect_identical(dim(filters$weights), c(4L, 3L, 3L, 3L))
  plot <- plot_filters(classifier, n = 3)
  expect_identical(nrow(plot$data), 3L)
  expect_identical(plot$labels$title, "block1_conv1: 3 of 4 filters of 3 \u00d7 3 \u00d7 3")
  signed <- plot_filters(classifier, "block2_conv1")
  expect_identical(nrow(ggplot2::layer_data(signed, 2)), 4L)
  expect_false(all(drawn_pixels(signed) == drawn_pixels(plot)))
  expect_error(plot_filters(classifier, "blok1_conv1"), "Did you mean 'block1_conv1'",
    class = "reticnn_error")
  expect_error(plot_filters(classifier, n = 0), "`n` must be a whole number of at least 1",
    class = "reticnn_error")
})

test_that("weights are blue below 0, white at 0 and orange above", {
  kernel <- array(c(-2, 0, 1, 2), c(2, 2, 1))
  colours <- as.vector(t(as.matrix(signed_kernel(kernel))))
  expect_identical(colours[c(1, 4)], c("#0072B2", "#D55E00"))
  white <- grDevices::col2rgb(colours)[, as.vector(t(kernel[, , 1])) == 0]
  expect_true(all(white == 255))
})

test_that("feature maps are arrays by layer, and pictures beside the image", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  classifier <- tiny_classifier()
  images <- random_images(2, 16, 16, 3)
  maps <- feature_maps(classifier, images, c("block1_conv1", "block2_conv1"))
  expect_identical(lapply(maps, dim), list(
    block1_conv1 = c(2L, 16L, 16L, 4L), block2_conv1 = c(2L, 8L, 8L, 4L)
  ))
  one <- plot_feature_maps(classifier, images, n = 3)
  expect_identical(one$data$text, c("image", "1", "2", "3"))
  expect_identical(one$labels$title, "block1_conv1: 3 of 4 feature maps of 16 \u00d7 16")
  rows <- plot_feature_maps(classifier, images[1, , , ], names(maps), n = 2)
  expect_identical(as.character(rows$data$column), c("image", "1", "2", "1", "2"))
  expect_identical(levels(rows$data$row),
    c("block1_conv1\n16 \u00d7 16", "block2_conv1\n8 \u00d7 8"))
  # Dark and bright ends of the maps' colours, and the frame of the image.
  pixels <- drawn_pixels(rows)
  expect_true(any(pixels[, , 1] > 200 & pixels[, , 3] < 100))
  expect_error(feature_maps(classifier, images[, 1:8, , ]), "`images` must be of the size",
    class = "reticnn_error")
})
