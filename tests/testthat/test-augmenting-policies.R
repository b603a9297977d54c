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

test_that("a policy is learned from a function that builds models", {
  skip_if_no_core()
  data <- shape_images(20, image_size = 8, seed = 1)
  built <- 0
  small_cnn <- function() {
    built <<- built + 1
    build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, units = 4)
  }
  set.seed(1)
  learned <- learn_augmentation(small_cnn, data, budget = 2, trials = 2)
  expect_equal(built, 2)
  expect_named(learned, c("policy", "trials", "stopped"))
  expect_s3_class(learned$trials, "tbl_df")
  expect_named(learned$trials, c("trial", "epochs", "val_loss", "operations", "policy"))
  expect_setequal(learned$trials$trial, 1:2)
  expect_true("none" %in% learned$trials$operations)
  expect_true(learned$policy == learned$trials$policy[[1]])
  expect_null(learned$stopped)
  expect_output(print(learned), "val_loss")
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
    learn_augmentation(build_cnn(), shape_images(20))
    learn_augmentation(function() "model", shape_images(20))
    learn_augmentation(function() build_cnn(), shape_images(20), budget = 5)
  })
})
