test_that("backbones are a tibble", {
  skip_if_no_core()
  table <- backbones()
  expect_s3_class(table, "tbl_df")
  vgg <- table[table$name == "vgg16", ]
  expect_identical(vgg$parameters, 14714688L)
  expect_identical(vgg$min_size, 32L)
  expect_type(table$cached, "logical")
})

test_that("layers are chosen as one writes it in R", {
  skip_if_no_core()
  model <- build_cnn(c(16, 16, 3), filters = 2, n_blocks = 2, n_conv = 2, units = 4)
  expect_identical(freeze(model), model)
  chosen <- function(layers) {
    freeze(model)
    unfreeze(model, layers)
    trained(model)
  }
  expect_identical(chosen("block2"), c("block2_conv1", "block2_conv2"))
  expect_identical(chosen("block?_conv1"), c("block1_conv1", "block2_conv1"))
  expect_identical(chosen(c("block1_conv1", "block2_conv2")), c("block1_conv1", "block2_conv2"))
  expect_length(chosen(2), 2)
  expect_identical(chosen(c(-8, -3)), c("block2_conv1", "block2_conv2"))
  expect_length(chosen(list(-2, NULL)), 2)
  expect_identical(chosen(model$layers[3:5]), c("block1_conv1", "block1_conv2"))
  expect_identical(chosen(model$layers[[3]]), "block1_conv1")
  expect_identical(chosen(\(layer) grepl("conv2", layer$name)), c("block1_conv2", "block2_conv2"))
  expect_length(chosen(NULL), 6)
  expect_identical(sum(layer_table(model)$trainable), 6L)
  expect_false(any(layer_table(freeze(model))$trainable))
})

test_that("the workshop's slice of layers is written in R as the help page says", {
  skip_if_no_core()
  slide <- function(import) {
    vgg16 <- import$applications$VGG16(
      weights = NULL, include_top = FALSE, pooling = "avg", input_shape = c(32L, 32L, 3L)
    )
    freeze(vgg16)
  }
  convolutions <- c("block5_conv1", "block5_conv2", "block5_conv3")

  vgg16 <- slide(keras)
  expect_error(vgg16$layers[-5:-2], "is not clear", class = "reticnn_error_value")
  for (layer in reticulate::py_get_attr(vgg16, "layers")[-5:-2]) {
    layer$trainable <- TRUE
  }
  expect_identical(trained(vgg16), convolutions)
  freeze(vgg16)
  expect_identical(trained(unfreeze(vgg16, c(-5, -2))), convolutions)
  freeze(vgg16)
  expect_identical(trained(unfreeze(vgg16, "last_block")), convolutions)
  expect_error(unfreeze(vgg16, -5:-2), "`c(-5, -2)` (not -5:-2)", fixed = TRUE)
  vgg16$trainable <- FALSE
  for (layer in reticulate::py_get_attr(vgg16, "layers")[-5:-2]) {
    layer$trainable <- TRUE
  }
  expect_identical(trained(vgg16), character())

  vgg16 <- slide(reticulate::import("keras", convert = FALSE))
  reticulate::iterate(vgg16$layers[-5:-2], \(layer) layer$trainable <- TRUE)
  expect_identical(trained(vgg16), convolutions)
  for (layer in reticulate::py_to_r(vgg16$layers[-5:-2])) {
    layer$trainable <- FALSE
  }
  expect_identical(trained(vgg16), character())
  expect_identical(trained(unfreeze(vgg16, vgg16$layers[-5:-2])), convolutions)
})

test_that("layers that there are not are refused by name", {
  skip_if_no_core()
  model <- build_cnn(c(16, 16, 3), filters = 2, n_blocks = 2, units = 4)
  expect_snapshot(error = TRUE, {
    freeze(model, "block3")
    freeze(model, 99)
    unfreeze("vgg16")
  })
})
