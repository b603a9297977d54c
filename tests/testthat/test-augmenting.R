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
  skip_if_quick()
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

test_that("policies are made, printed and compared", {
  skip_if_no_core()
  policy <- rand_augment(3, 4.5, magnitude_std = 0.5, operations = c("rotate", "invert"))
  expect_output(print(policy), "3 times to each image one of 2 operations")
  expect_output(print(policy), "4.5 of 10, with a standard deviation of 0.5")
  expect_output(print(rand_augment(operations = "invert")), "operations *invert")
  expect_true(policy == rand_augment(3, 4.5, 0.5, operations = c("rotate", "invert")))
  expect_false(policy == trivial_augment())
  expect_output(print(trivial_augment()), "trivial_augment, once")
  expect_output(print(auto_augment()), "imagenet")
  data <- shape_images(20, image_size = 16, seed = 1)
  model <- build_cnn(c(16, 16, 3), n_blocks = 1, filters = 2, units = 4)
  fitted <- fit_classifier(model, data, epochs = 1, augmentation = auto_augment("svhn"))
  expect_equal(nrow(fitted$history), 1)
})

test_that("settings of a policy come back from R as they were", {
  skip_if_no_core()
  policies <- list(
    augmentation(rotation = 0.1, crop = c(8, 8), pca_color = 0.1,
      color_jitter = list(hue_factor = 0.5), zoom = 0.1,
      erasing = list(fill_value = 255)),
    rand_augment(1, operations = "rotate"),
    trivial_augment(),
    auto_augment("svhn")
  )
  for (policy in policies) {
    expect_true(policy$from_config(policy$to_config()) == policy)
    file <- withr::local_tempfile()
    saveRDS(policy$to_config(), file)
    x <- random_images(3, 16, 16, 3)
    expect_identical(augment(x, readRDS(file), seed = 1), augment(x, policy, seed = 1))
  }
})

test_that("what is wrong with a policy is said", {
  skip_if_no_core()
  expect_snapshot(error = TRUE, {
    rand_augment(0)
    rand_augment(magnitude = 28)
    rand_augment(operations = "rotat")
    auto_augment("cifar")
  })
})

test_that("crops by area and by scale, perspective and waves come as lists", {
  skip_if_no_core()
  x <- random_images(2, 12, 10, 3)
  crop <- list(scale = c(0.08, 1), ratio = c(3 / 4, 4 / 3), size = 6)
  expect_identical(dim(augment(x, crop = crop, seed = 1)), c(2L, 6L, 6L, 3L))
  crop <- list(scale = 0.5, size = NULL)
  expect_identical(dim(augment(x, crop = crop, seed = 1)), dim(x))
  crop <- list(shorter_side = c(10, 20), size = c(9, 8))
  expect_identical(dim(augment(x, crop = crop, seed = 1)), c(2L, 9L, 8L, 3L))
  changed <- augment(x, perspective = 0.3, elastic = list(scale = c(0.1, 0.5)), seed = 1)
  expect_identical(dim(changed), dim(x))
  expect_false(identical(changed, x))
  expect_error(augmentation(crop = list(scale = 2)), "`scale` of `crop`.*at most 1",
    class = "reticnn_error")
  expect_error(augmentation(crop = list(size = 8)), "nothing to crop by",
    class = "reticnn_error")
  expect_error(augmentation(perspective = 0.5), "below 0.5", class = "reticnn_error")
})
