test_that("arrays come back as changed arrays, the same for the same seed", {
  skip_if_no_core()
  x <- random_images(4, 12, 10, 3)
  changed <- augment(x, rotation = 0.1, seed = 1)
  expect_identical(dim(changed), dim(x))
  expect_true(all(changed >= 0 & changed <= 255) && any(changed != x))
  expect_identical(augment(x, augmentation(rotation = 0.1), seed = 1), changed)
  set.seed(3)
  drawn <- augment(x, rotation = 0.1)
  set.seed(3)
  expect_identical(augment(x, rotation = 0.1), drawn)
  # The copies of an image follow each other; the first are those of one copy.
  copies <- augment(x, rotation = 0.1, copies = 2, seed = 1)
  expect_identical(copies[c(1, 3, 5, 7), , , ], changed)
  expect_identical(dim(augment(x[1, , , ], rotation = 0.1)), c(12L, 10L, 3L))
  expect_identical(dim(augment(x[, , , 1], crop = c(5, 6))), c(4L, 5L, 6L, 1L))
  expect_identical(dim(augment(x[1, , , 1], flip = "vertical")), c(12L, 10L, 1L))
  expect_true(all(augment(x, seed = 1) == x))
})

test_that("image data and NumPy arrays are augmented too", {
  skip_if_no_core()
  data <- shape_images(3, image_size = 16, seed = 1)
  x <- load_images(data)$images
  changed <- augment(data, translation = c(-0.2, 0.2), copies = 2, seed = 1)
  expect_identical(length(changed), 6L)
  expect_identical(unlist(changed$labels), rep(unlist(data$labels), each = 2))
  once <- augment(data, translation = 0.2, seed = 1)
  expect_identical(
    load_images(once)$images,
    augment(reticulate::r_to_py(x), translation = 0.2, seed = 1)
  )
})

test_that("a list of policies means one after the other", {
  skip_if_no_core()
  policies <- list(augmentation(crop = c(8, 6)), rand_augment(), augmentation(erasing = 1))
  x <- random_images(4, 12, 10, 3)
  changed <- augment(x, policies, seed = 1)
  expect_identical(dim(changed), c(4L, 8L, 6L, 3L))
  expect_false(identical(augment(x, policies[1], seed = 1), changed))
  expect_identical(
    augment(x, policies[1], seed = 1), augment(x, policies[[1]], seed = 1)
  )
  expect_snapshot(error = TRUE, augment(x, list(policies[[1]], "rotation")))
  skip_on_cran()
  data <- shape_images(20, image_size = 12, seed = 1)
  model <- build_cnn(c(12, 12, 3), n_blocks = 1, filters = 2, units = 2)
  classifier <- fit_classifier(model, data, epochs = 1,
    augmentation = list(augmentation(flip = "horizontal"), trivial_augment()),
    progress = "none")
  expect_s3_class(classifier, "reticnn_classifier")
})

test_that("a policy prints what it does, and mistakes are named", {
  skip_if_no_core()
  expect_output(
    print(augmentation(rotation = 0.1, shear = list(x_factor = 0.2))),
    "rotation  -36 to 36 degrees", fixed = TRUE
  )
  x <- array(0, c(2, 8, 8, 3))
  expect_snapshot(error = TRUE, {
    augment(x, rotatoin = 0.1)
    augment(x, NULL, 0.1)
    augment(x, augmentation(flip = "vertical"), rotation = 0.1)
    augment(x, crop = c(9, 4))
    augment(x, rotation = NA)
    augmentation(rotation = list(angle = 3))
    augmentation(color_jitter = 2)
  })
  expect_error(augment(x * NA, rotation = 0.1), class = "reticnn_error")
})

test_that("augment() is broom's generic, whichever is attached first", {
  skip_if_no_core()
  skip_if_not_installed("broom")
  for (order in list(c("broom", "reticnn"), c("reticnn", "broom"))) {
    lines <- run_r(c(
      sprintf("suppressPackageStartupMessages(library(%s))", order),
      "cat(dim(augment(array(9, c(2, 8, 8, 3)), rotation = 0.1)), '\\n')",
      "cat(nrow(augment(lm(dist ~ speed, cars))), '\\n')"
    ))
    expect_identical(lines, c("2 8 8 3 ", "50 "))
  }
})

test_that("the plot has the image before and as many after", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  image <- shape_images(1, image_size = 16, seed = 1)
  policy <- augmentation(crop = c(12, 12), erasing = 1)
  plot <- plot_augmentation(image, policy, n = 3, seed = 1)
  expect_s3_class(plot, "ggplot")
  expect_identical(plot$data$text, c("before", "after", "after", "after"))
  pixels <- drawn_pixels(plot)
  from_array <- plot_augmentation(load_images(image)$images[1, , , ], policy, 3, seed = 1)
  expect_identical(drawn_pixels(from_array), pixels)
  other <- plot_augmentation(image, policy, n = 3, seed = 2)
  expect_false(identical(drawn_pixels(other), pixels))
  expect_error(plot_augmentation(image, policy, n = 1.5), "`n` must be a whole number",
    class = "reticnn_error")
})

test_that("the layer stands in a pipe, and augments while training only", {
  skip_if_no_core()
  policy <- augmentation(rotation = 0.1)
  x <- random_images(4, 12, 10, 3)
  layer <- augmentation_layer(policy, seed = 1)
  pixels <- function(tensor) keras$ops$convert_to_numpy(tensor)
  expect_equal(pixels(layer(x)), x)
  changed <- pixels(layer(x, training = TRUE))
  # Those of augment() are rounded, and sampled at multiples of 1/32 of a pixel.
  expect_lt(mean(abs(changed - augment(x, policy, seed = 1))), 2)
  expect_gt(mean(abs(changed - x)), 20)
  output <- keras$Input(c(16L, 16L, 3L)) |>
    augmentation_layer(augmentation(crop = c(8, 8)))() |>
    conv_block(4)
  expect_identical(output$shape[[2]], 4L)
  set.seed(2)
  drawn <- augmentation_layer(policy)$seed
  set.seed(2)
  expect_identical(augmentation_layer(policy)$seed, drawn)
  expect_snapshot(error = TRUE, {
    augmentation_layer("rotation")
    augmentation_layer(policy, seed = -1)
  })
})
