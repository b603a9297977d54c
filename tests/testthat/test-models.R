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

test_that("landmarks are built with R's numbers, vectors and options", {
  skip_if_no_core()
  model <- landmark_model("mobilenet", c(32, 32, 3), 5, width = 0.1, seed = 1)
  expect_identical(unlist(model$output_shape), 5L)
  small <- landmark_model("resnet18", c(16, 16, 1), 2, stem = "small")
  expect_identical(unlist(small$output_shape), 1L)
  expect_snapshot(error = TRUE, {
    landmark_model("mobilenet", c(16, 16, 3))
    landmark_model("mobilenet", widht = 0.5)
    landmark_model("resnet18", c(16, 16, 3))
    landmark_model("vgg16", weights = 3)
  })
  expect_error(landmark_model("mobilnet"),
    "`name` must be one of .*, not 'mobilnet'. Did you mean 'mobilenet'", class = "reticnn_error")
})

test_that("set.seed() fixes a landmark's weights", {
  skip_if_no_core()
  first_weights <- function() {
    set.seed(1)
    landmark_model("mobilenet", c(32, 32, 3), 2, width = 0.1)$get_weights()[[1]]
  }
  expect_identical(first_weights(), first_weights())
})

test_that("a landmark takes weights from another model", {
  skip_if_no_core()
  narrow <- function(...) landmark_model("mobilenet", c(32, 32, 3), 2, width = 0.1, ...)
  first <- narrow(seed = 1)
  again <- narrow(seed = 2, weights = first)
  expect_identical(again$get_weights(), first$get_weights())
  expect_error(
    landmark_model("resnet18", weights = "imagenet"),
    "`weights` is 'imagenet', but there are no such weights", class = "reticnn_error"
  )
})

small <- function(...) {
  transfer_model("mobilenet_0.25", c(32, 32, 3), weights = NULL, ...)
}

test_that("a backbone, an adapter and a head make a model", {
  skip_if_no_core()
  model <- small(num_classes = 3, train = "last_block", adapter = TRUE, units = 8)
  expect_identical(as.integer(model$output_shape[[2]]), 3L)
  expect_identical(model$get_layer("mobilenet_0.25")$count_params(), 218544L)
  expect_true(all(c("adapter1_conv1", "conv_dw_13") %in% trained(model)))
  expect_false("conv_pw_12" %in% trained(model))
  plain <- small(num_classes = 3, units = 8)
  expect_identical(model$count_params() - plain$count_params(), 11267L)
  settings <- small(adapter = list(filters = c(4, 4), batch_norm = FALSE))
  expect_false("adapter1_bn1" %in% layer_table(settings)$name)
  set.seed(1)
  first <- small()$get_weights()[[1]]
  set.seed(1)
  expect_identical(small()$get_weights()[[1]], first)
})

test_that("what does not fit is refused by name", {
  skip_if_no_core()
  model <- build_cnn(c(16, 16, 3), filters = 2, n_blocks = 2, units = 4)
  expect_snapshot(error = TRUE, {
    transfer_model("vgg_16b", weights = NULL)
    transfer_model("vgg16", c(16, 16, 3), weights = NULL)
    transfer_model("mobilenet_0.25", c(32, 32, 4), weights = NULL)
    small(train = "haed")
    small(train = NA)
    small(adapter = list(filter = 8))
    transfer_model("mobilenet_0.25", c(32, 32, 3), weights = model)
  })
  expect_error(
    transfer_model("mobilenet_0.25", c(32, 32, 3), weights = "missing.h5"),
    "`weights` must be 'imagenet' or a file.*'missing.h5'", class = "reticnn_error"
  )
})

test_that("weights that cannot be downloaded are reported, and what to do instead", {
  skip_if_quick()
  skip_if_no_core()
  # A proxy that refuses stands for a network that is not there.
  lines <- run_r(
    c(
      "library(reticnn)",
      "cnd <- tryCatch(transfer_model('vgg16'), error = identity)",
      "cat(class(cnd), conditionMessage(cnd), sep = '\\n')"
    ),
    env = c("https_proxy=http://127.0.0.1:9", paste0("KERAS_HOME=", tempfile()))
  )
  expect_true("reticnn_error" %in% lines)
  expect_match(lines, "vgg16_weights_tf_dim_ordering_tf_kernels", all = FALSE)
})

test_that("networks for small images and ResNet's options are there in R", {
  skip_if_no_core()
  small <- landmark_model("resnet20", num_classes = 3, zero_gamma = TRUE)
  expect_identical(unlist(small$output_shape), 3L)
  expect_equal(sum(describe_model(small)$parameters), 270643)
  x <- keras$Input(c(8L, 8L, 16L))
  block <- residual_block(x, 4, strides = 2, bottleneck = TRUE, stride_in = "3x3")
  expect_identical(unlist(block$shape), c(4L, 4L, 16L))
  expect_error(landmark_model("resnet18", stride_in = "3x3"), "stride_in",
    class = "reticnn_error")
})
