image_input <- function() keras$Input(c(32L, 32L, 3L))

sizes <- function(tensor) unlist(lapply(tensor$shape[-1], as.integer))

test_that("Keras's layers and our blocks stand in one pipe", {
  skip_if_no_core()
  x <- image_input()
  y <- keras$layers$Conv2D(32L, tuple(3L, 3L), padding = "same")(x) |>
    keras$layers$ReLU()() |>
    keras$layers$MaxPooling2D(tuple(2L, 2L))() |>
    conv_block(64) |>
    global_pool() |>
    keras$layers$Dense(16L, activation = "relu")() |>
    classifier_head(num_classes = 5, units = NULL)
  expect_identical(sizes(y), 5L)
  model <- keras$Model(x, y)
  expect_identical(length(model$layers), 10L)
})

test_that("the workshop's network written in Keras is build_cnn's", {
  skip_if_no_core()
  x <- image_input()
  y <- x
  for (i in 1:3) {
    y <- keras$layers$Conv2D(32L, tuple(3L, 3L), padding = "same")(y) |>
      keras$layers$ReLU()() |>
      keras$layers$MaxPooling2D(tuple(2L, 2L))()
  }
  y <- keras$layers$GlobalAveragePooling2D()(y) |>
    keras$layers$Dense(256L, activation = "relu")() |>
    keras$layers$Dense(1L, activation = "sigmoid")()
  model <- keras$Model(x, y)
  ours <- build_cnn(rescale = FALSE)
  expect_identical(model$count_params(), 28097L)
  expect_identical(ours$count_params(), 28097L)
  classes <- function(model) vapply(model$layers, function(l) class(l)[[1]], "")
  expect_identical(classes(ours), classes(model))
})

test_that("conv_block takes R's numbers, vectors and NULL", {
  skip_if_no_core()
  expect_identical(sizes(conv_block(image_input(), 8)), c(16L, 16L, 8L))
  expect_identical(
    sizes(conv_block(image_input(), 8, kernel_size = c(3, 5), strides = c(2, 1))),
    c(8L, 16L, 8L)
  )
  expect_identical(sizes(conv_block(image_input(), 8, pool = NULL)), c(32L, 32L, 8L))
  expect_identical(sizes(conv_block(image_input(), 8, activation = NULL)), c(16L, 16L, 8L))
})

test_that("bad arguments give one clear, classed error under the user's call", {
  skip_if_no_core()
  x <- image_input()
  cnd <- expect_error(conv_block(x, filters = 3.5), class = "reticnn_error")
  expect_identical(rlang::call_name(cnd$call), "conv_block")
  expect_no_match(conditionMessage(cnd), "Traceback|py_last_error|ValueError")
  expect_snapshot(error = TRUE, {
    conv_block(x, filters = 3.5)
    conv_block(x, filters = -1)
    conv_block(x, filters = NA_integer_)
    conv_block(x, filters = NA)
    conv_block(x, filters = "many")
    conv_block(x, filters = c(3, 4))
    conv_block(x, pool = "maximum")
    conv_block(x, batch_norm = "yes")
    conv_block(x, batch_norm = NA)
    conv_block(x, dropout = 1)
    conv_block(x, filtres = 3)
    conv_block(array(0, c(1, 32, 32, 3)))
    global_pool(x, "avg")
    classifier_head(x)
    classifier_head(global_pool(x), num_classes = 3, output = "sigmoid")
  })
  expect_error(conv_block(x, activation = "rleu"),
    "`activation` must be one of .*, not 'rleu'. Did you mean", class = "reticnn_error")
})

test_that("blocks of the landmarks stand in a pipe", {
  skip_if_no_core()
  sizes <- function(tensor) unlist(lapply(tensor$shape[-1], as.integer))
  x <- keras$Input(c(16L, 16L, 8L))
  y <- x |>
    residual_block(16, strides = 2, bottleneck = TRUE) |>
    inception_module(4, c(2, 4), c(2, 4), 4) |>
    dense_block(2, growth_rate = 4) |>
    transition_block(0.5) |>
    separable_block(16, strides = 2) |>
    convnext_block(drop_rate = 0.1)
  expect_identical(sizes(y), c(2L, 2L, 16L))
  expect_snapshot(error = TRUE, {
    residual_block(x, filters = 3.5)
    residual_block(x, 4, shortcut = "padding")
    inception_module(x, conv3 = 96)
    transition_block(x, reduction = 0)
    convnext_block(x, drop_rate = 1)
    dense_block(3)
  })
})
