test_that("an architecture is tables of boxes and arrows", {
  skip_if_no_core()
  diagram <- architecture(build_cnn())
  expect_s3_class(diagram$boxes, "tbl_df")
  expect_identical(nrow(diagram$boxes), 14L)
  expect_equal(sum(diagram$boxes$parameters), 28097)
  expect_setequal(names(diagram$arrows), c("arrow", "x", "y"))
  expect_equal(max(diagram$arrows$arrow), 13)
  expect_error(architecture(build_cnn(), most = 1), "`most` must be a whole number",
    class = "reticnn_error")
})

test_that("a diagram draws every box in the colour of its kind, with text that fits", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  plot <- plot_architecture(tiny_classifier())
  boxes <- ggplot2::layer_data(plot, 2)
  expect_identical(boxes$colour, plot$data$colour)
  expect_match(plot$data$label, "block1_conv1\nConv2D 3 \u00d7 3, 4\n", all = FALSE)
  expect_match(plot$data$label, "\u00b7 112 parameters$", all = FALSE)
  for (width in c(3, 12)) {
    pixels <- drawn_pixels(plot, width, width * 0.6)
    expect_lt(min(pixels), 100)
  }
})

test_that("labels have room for large numbers", {
  boxes <- data.frame(name = c("a", "b", "c"), text = "Dense 2", output_shape = "2 x 2",
    parameters = c(0, 9248, 102764544))
  expect_identical(box_labels(boxes), paste0(
    boxes$name, "\nDense 2\n2 \u00d7 2",
    c("", " \u00b7 9,248 parameters", " \u00b7 103M parameters")
  ))
})
