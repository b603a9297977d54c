test_that("the table of architectures has R's types and numbers of any size", {
  skip_if_no_core()
  table <- landmark_architectures()
  expect_s3_class(table, "tbl_df")
  expect_identical(
    names(table),
    c("name", "family", "year", "parameters", "depth", "input_size", "channels",
      "mult_adds", "idea", "reference")
  )
  expect_true(all(vapply(table[c("year", "parameters", "mult_adds")], is.numeric, NA)))
  expect_false(is.unsorted(table$year))
  of <- function(name, column) table[[column]][table$name == name]
  expect_equal(of("vgg16", "parameters"), 138357544)
  expect_equal(of("convnext_xlarge", "mult_adds"), 60921030656)
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
  expect_error(training_recipe("vgg"), "`name` must be one of .*, not 'vgg'", class = "reticnn_error")
})

test_that("set.seed() fixes a landmark's weights", {
  skip_if_no_core()
  first_weights <- function() {
    set.seed(1)
    landmark_model("mobilenet", c(32, 32, 3), 2, width = 0.1)$get_weights()[[1]]
  }
  expect_identical(first_weights(), first_weights())
})

test_that("a recipe is a list of fit_classifier's arguments", {
  skip_if_no_core()
  recipe <- training_recipe("alexnet")
  expect_identical(recipe$batch_size, 128L)
  expect_true(all(names(recipe) %in% names(formals(fit_classifier))))
  data <- shape_images(8, image_size = 8, seed = 1)
  model <- build_cnn(c(8, 8, 3), filters = 4, n_blocks = 1, units = 4)
  recipe$epochs <- 1
  classifier <- do.call(fit_classifier, c(list(model, data), recipe))
  expect_identical(nrow(classifier$history), 1L)
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

test_that("a landmark takes weights from another model", {
  skip_if_no_core()
  narrow <- function(...) landmark_model("mobilenet", c(32, 32, 3), 2, width = 0.1, ...)
  first <- narrow(seed = 1)
  again <- narrow(seed = 2, weights = first)
  expect_identical(again$get_weights(), first$get_weights())
  expect_error(
    landmark_model("resnet18", weights = "imagenet"),
    "`weights` is 'imagenet', and there are no such weights", class = "reticnn_error"
  )
})
