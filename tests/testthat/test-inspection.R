test_that("a model is described layer by layer", {
  skip_if_no_core()
  table <- describe_model(build_cnn())
  expect_s3_class(table, "reticnn_description")
  expect_s3_class(table, "tbl_df")
  expect_equal(sum(table$parameters), 28097)
  first <- table[table$name == "block1_conv1", ]
  expect_identical(first$output_shape, "32 x 32 x 32")
  expect_equal(first$mult_adds, 32 * 32 * 27 * 32)
  expect_equal(first$receptive_field, 3)
  classifier <- tiny_classifier()
  expect_equal(sum(describe_model(classifier)$parameters), classifier$parameters)
})

test_that("a large network's numbers fit", {
  skip_if_no_core()
  skip_on_cran()
  table <- describe_model(keras$Sequential(list(
    keras$Input(c(1024L, 1024L, 64L)),
    keras$layers$Conv2D(128L, 3L, padding = "same")
  )))
  expect_equal(table$mult_adds, 1024^2 * 9 * 64 * 128)
})

test_that("an open size is NaN", {
  skip_if_no_core()
  x <- keras$Input(list(NULL, NULL, 3L))
  y <- global_pool(keras$layers$Conv2D(4L, 3L)(x))
  table <- describe_model(keras$Model(x, y))
  expect_identical(table$mult_adds, c(NaN, 0))
  expect_identical(table$receptive_field, c(3, NaN))
})

test_that("costs of separable convolutions are a tibble", {
  skip_if_no_core()
  costs <- separable_costs(c(32, 64), c(64, 128), size = 1)
  expect_s3_class(costs, "tbl_df")
  expect_named(costs, c("kernel_size", "in_channels", "out_channels", "size",
    "standard_parameters", "separable_parameters", "standard_mult_adds",
    "separable_mult_adds", "ratio"))
  expect_equal(costs$standard_parameters, 9 * c(32, 64) * c(64, 128))
  expect_equal(costs$separable_mult_adds, 9 * c(32, 64) + c(32, 64) * c(64, 128))
  expect_equal(costs$ratio, 1 / c(64, 128) + 1 / 9)
  thinned <- separable_costs(width = c(1, 0.75, 0.75), resolution = c(1, 1, 0.714))
  expect_equal(round(thinned$separable_mult_adds / 1e6, 1), c(52.3, 29.6, 15.1))
  expect_error(separable_costs(0), "`in_channels` .* not 0", class = "reticnn_error")
  expect_error(separable_costs(1:2, 1:3), "`in_channels` has 2", class = "reticnn_error")
})

test_that("filters are arrays with the filters first", {
  skip_if_no_core()
  classifier <- tiny_classifier()
  filters <- layer_filters(classifier)
  expect_identical(filters$layer, "block1_conv1")
  expect_true(filters$rgb)
  expect_identical(dim(filters$weights), c(4L, 3L, 3L, 3L))
})

test_that("feature maps are arrays by layer", {
  skip_if_no_core()
  classifier <- tiny_classifier()
  images <- random_images(2, 16, 16, 3)
  maps <- feature_maps(classifier, images, c("block1_conv1", "block2_conv1"))
  expect_identical(lapply(maps, dim), list(
    block1_conv1 = c(2L, 16L, 16L, 4L), block2_conv1 = c(2L, 8L, 8L, 4L)
  ))
  expect_error(feature_maps(classifier, images[, 1:8, , ]), "`images` must have the size",
    class = "reticnn_error")
})

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
  few <- architecture(build_cnn(dropout = 0.5), most = 4, show = "dropout", columns = 2)
  expect_identical(few$boxes$text[few$boxes$kind == "dropout"], "Dropout, 0.5")
  expect_length(unique(few$boxes$x), 2)
})

test_that("what has no layers is refused by name", {
  skip_if_no_core()
  expect_snapshot(error = TRUE, layer_table(3))
})

test_that("windows, fields and shifts arrive as tibbles, matrices and names", {
  skip_if_no_core()
  edges <- matrix(c(-1, -2, -1, 0, 0, 0, 1, 2, 1), 3)
  image <- matrix(as.numeric(1:20), 4)
  window <- sliding_window(image, edges, strides = c(1, 2))
  expect_identical(dim(window$result), c(2L, 2L))
  expect_equal(window$result[1, 2], sum(image[1:3, 3:5] * edges))
  expect_equal(window$windows[2, , , 1], image[1:3, 3:5])
  expect_s3_class(window$steps, "tbl_df")
  expect_output(print(sliding_window(5, padding = "same")), "1 top, 1 bottom, 1 left, 1 right added")
  model <- build_cnn(c(16, 16, 3), n_blocks = 2, filters = 4)
  shape <- shape_images(1, image_size = 16)
  expect_output(print(layer_window(model, shape, "block1_pool")), "max of 'block1_pool'")
  field <- receptive_field(model, position = c(1, 2))
  expect_identical(tail(field$table$name, 1), "block2_pool")
  expect_output(print(field), "unit \\(1, 2\\) of 'block2_pool', image 16 x 16")
  shifts <- shift_response(model, shape, "block1_pool", shifts = 0:2)
  expect_identical(shifts$table$difference == 0, c(TRUE, FALSE, TRUE))
  expect_output(print(shifts), "shifted to the right, 2 pixels per unit")
  expect_match(tryCatch(sliding_window(3, 4), error = conditionMessage), "^`kernel` has a window")
})
