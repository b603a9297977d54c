# The core called straight through reticulate, as people do who do not use this package.

core <- function() {
  reticulate::import_from_path("reticnn", path = core_dir())
}

test_that("doubles, vectors, lists, NULL and factors are understood", {
  skip_if_no_core()
  model <- core()$build_cnn(c(32, 32, 3), 2, filters = c(8, 16), units = NULL)
  expect_identical(unlist(model$input_shape), c(32L, 32L, 3L))
  expect_identical(core()$build_cnn(list(16, 16, 3), filters = 8)$name, "cnn")
  x <- random_images(4, 6, 6, 3)
  pets <- c("cat", "dog", "cat", "dog")
  data <- core()$image_arrays(x, factor(pets))
  expect_identical(data$class_names, c("cat", "dog"))
  expect_identical(data$labels, factor(pets))
  parts <- core()$split_images(data, list(one = 0.5, two = 0.5), seed = 1)
  expect_identical(lengths(parts), c(one = 2L, two = 2L))
})

test_that("column-major arrays of every type cross with each pixel in its place", {
  skip_if_no_core()
  x <- random_images(3, 4, 5, 3)
  pixels <- function(x) core()$load_images(core()$image_arrays(x))$images
  expect_identical(pixels(x), x)
  expect_identical(pixels(x + 0), x)
  expect_identical(pixels(array(as.raw(x), dim(x))), x)
  expect_equal(pixels(x / 2 + 0.25), x / 2 + 0.25)
})

test_that("tables come back as lists that are data frames", {
  skip_if_no_core()
  fit <- core()$fit_classifier(
    core()$build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2),
    core()$shape_images(12, image_size = 8, seed = 1), epochs = 2, progress = "none"
  )
  expect_identical(dim(as.data.frame(fit$history)), c(2L, 3L))
  table <- core()$predict_images(fit, random_images(3, 8, 8, 3))
  expect_named(as.data.frame(table), c(".pred_class", ".pred_circle", ".pred_square"))
})

test_that("bad values give the core's message", {
  skip_if_no_core()
  expect_error(core()$build_cnn(filters = 3.5), "`filters` must be a whole number.*not 3.5")
  expect_error(core()$build_cnn(filters = -2), "`filters` must be.*not -2")
  expect_error(core()$build_cnn(filters = NA_integer_), "`filters` must be.*not NA")
  expect_error(core()$build_cnn(filters = NA_real_), "`filters` must be.*not NA")
  expect_error(core()$build_cnn(filters = "a"), "`filters` must be.*not 'a'")
  expect_error(core()$build_cnn(filtres = 3), "unexpected keyword argument 'filtres'")
  expect_error(core()$build_cnn(output = "sofmax"), "Did you mean 'softmax'")
  x <- random_images(2, 4, 4, 1)
  expect_error(core()$image_arrays(x, c("a", NA)), "`y` has 1 missing")
  expect_error(core()$image_arrays(x, c(1L, NA)), "`y` has 1 missing")
  expect_error(core()$image_arrays(x + NA, 1:2), "`x` has 32 missing")
})
