test_that("models have the workshop's numbers of parameters", {
  skip_if_no_core()
  expect_identical(build_cnn(rescale = FALSE)$count_params(), 28097L)
  expect_identical(length(build_cnn(rescale = FALSE)$layers), 13L)
  expect_identical(build_cnn()$count_params(), 28097L)
  expect_identical(length(build_cnn()$layers), 14L)
  mlp <- build_mlp(c(64, 64, 3), 2, 256, output = "softmax", rescale = FALSE)
  expect_identical(mlp$count_params(), 3146498L)
  deep <- build_cnn(filters = c(32, 64, 128), n_conv = 2, batch_norm = TRUE,
    block_dropout = 0.3, rescale = FALSE)
  expect_identical(deep$count_params(), 322081L)
})

test_that("set.seed() and seed fix the initial weights", {
  skip_if_no_core()
  weights <- function(...) build_cnn(c(8, 8, 1), n_blocks = 1, ...)$get_weights()
  set.seed(1)
  first <- weights()
  second <- weights()
  set.seed(1)
  expect_identical(weights(), first)
  expect_false(identical(second, first))
  expect_identical(weights(seed = 7), weights(seed = 7))
})

test_that("bad shapes and sizes are refused by name", {
  skip_if_no_core()
  expect_snapshot(error = TRUE, {
    build_cnn(c(32, 32))
    build_cnn(c(32.5, 32, 3))
    build_cnn(n_blocks = 9)
    build_cnn(num_classes = 1)
    build_cnn(output = "sofmax")
    build_mlp(units = 0)
    build_mlp(seed = -1)
  })
})
