# What R adds to the search for settings: builders in R, tibbles, printing.

# A model that Keras need not trace.
small_model <- function(units, scale = 1) {
  x <- keras$Input(c(8L, 8L, 3L))
  y <- keras$layers$Flatten()(keras$layers$Rescaling(scale / 255)(x))
  y <- keras$layers$Dense(2L, activation = "softmax")(keras$layers$Dense(units)(y))
  model <- keras$Model(x, y)
  model$compile("sgd", "sparse_categorical_crossentropy", run_eagerly = TRUE)
  model
}

search <- function(build = small_model, ..., trials = 3, seed = 1) {
  tune_classifier(build, shape_images(40, image_size = 8, seed = 1), ..., trials = trials,
    epochs = 1, seed = seed)
}

test_that("a builder in R is given values of R's types, and its arguments by name", {
  skip_if_no_core()
  given <- list()
  build <- function(units, kind, sizes, scale = 1, ...) {
    given <<- list(units = units, kind = kind, sizes = sizes, more = list(...))
    small_model(units, scale)
  }
  space <- list(units = whole_range(2, 4), kind = c("a", "b"),
    sizes = list(c(1, 2), c(3, 4)), other = c(TRUE, FALSE),
    learning_rate = log_range(1e-3, 1e-1))
  tuned <- search(build, space = space)
  expect_type(given$units, "integer")
  expect_true(given$kind %in% c("a", "b"))
  expect_length(given$sizes, 2)
  expect_named(given$more, "other")
  expect_type(given$more$other, "logical")
  expect_s3_class(tuned$trials, "tbl_df")
  expect_identical(tuned$trials$state, rep("complete", 3))
  expect_type(tuned$trials$units, "integer")
  expect_identical(tuned$best$accuracy, max(tuned$trials$accuracy))
  expect_output(print(tuned), "<reticnn_tuning> 3 trials: 3 complete", fixed = TRUE)
  classifier <- refit(tuned)
  expect_s3_class(classifier, "reticnn_classifier")
  expect_identical(classifier$model$layers[[4]]$units, tuned$best$units)
})

test_that("set.seed() fixes a search, whose trials leave R's random numbers alone", {
  skip_if_no_core()
  build <- function(units) {
    keras$utils$set_random_seed(sample.int(1000L, 1))
    small_model(as.integer(units + round(stats::runif(1))))
  }
  found <- function() {
    withr::local_seed(5)
    tuned <- search(build, space = list(units = c(2, 3), learning_rate = log_range(1e-3, 0.1)),
      seed = NULL, objective = "log_loss")
    list(tuned$trials[setdiff(names(tuned$trials), "seconds")], stats::runif(1))
  }
  expect_identical(found(), found())
  withr::local_seed(7)
  before <- .Random.seed
  search(build, space = list(units = c(2, 3)))
  expect_identical(.Random.seed, before)
})

test_that("errors in a builder are kept, jumps out of it end the search", {
  skip_if_no_core()
  fails <- function(units) if (units == 3L) stop("no {luck}") else small_model(units)
  tuned <- search(fails, space = list(units = c(2L, 3L)), sampler = "grid", trials = NULL)
  expect_identical(tuned$trials$state[tuned$trials$units == 3], "failed")
  expect_match(tuned$trials$error[tuned$trials$units == 3], "no {luck}", fixed = TRUE)
  jumps <- function(units) {
    message("hello")
    small_model(units)
  }
  heard <- tryCatch(search(jumps, space = list(units = c(2L, 3L))), message = identity)
  expect_s3_class(heard, "message")
  expect_match(conditionMessage(heard), "hello")
  expect_identical(length(shape_images(3)), 3L)
})

test_that("a study goes on from R, and another is refused", {
  skip_if_no_core()
  study <- withr::local_tempfile(fileext = ".journal")
  space <- list(units = c(2L, 3L), learning_rate = log_range(1e-3, 0.1))
  first <- search(space = space, study = study, trials = 2)
  more <- search(space = space, study = study, trials = 3, seed = NULL)
  expect_identical(more$trials[1:2, ], first$trials)
  expect_error(search(space = list(units = c(2L, 4L)), study = study),
    "another `space`", class = "reticnn_error_checkpoint")
})

test_that("what is wrong with a space is said in R's terms", {
  skip_if_no_core()
  expect_error(search(space = list(unit = 2)), "'unit', which is an argument neither",
    class = "reticnn_error")
  expect_error(search(space = c(2, 3)), "`space` must be a named list", class = "reticnn_error")
  expect_error(search(space = list(units = c(2, NA))), "`space` has NA", class = "reticnn_error")
  expect_error(tune_classifier(small_model, shape_images(9), list(units = 2), NULL, 1, NULL, 0.2,
    "accuracy", "tpe", NULL, NULL, "none", 1, 3), "without a name", class = "reticnn_error")
  expect_error(real_range(1, 0), "`high` must be above `low`", class = "reticnn_error")
})

test_that("plots of a search are ggplots", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  tuned <- search(space = list(units = c(2L, 3L), learning_rate = log_range(1e-3, 0.1)),
    trials = 6, objective = "log_loss")
  for (kind in c("history", "importance", "slices", "parallel")) {
    drawn <- ggplot2::ggplot_build(plot(tuned, kind))
    expect_gt(nrow(drawn$data[[1]]), 0)
  }
  points <- ggplot2::layer_data(plot(tuned), 2)
  expect_identical(points$y, tuned$trials$log_loss)
  expect_s3_class(ggplot2::autoplot(tuned, "slices"), "ggplot")
  expect_error(plot(tuned, "none"), "`kind` must be one of", class = "reticnn_error")
})
