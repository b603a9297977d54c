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
  expect_identical(classifier$search$history$accuracy, tuned$trials$accuracy)
  expect_identical(classifier$search$importance, tuned$importance)
  page <- report_classifier(classifier, shape_images(20, image_size = 8),
    withr::local_tempfile(fileext = ".html"))
  expect_match(paste(readLines(page, encoding = "UTF-8"), collapse = "\n"),
    "<section id=\"search\"", fixed = TRUE)
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
    NULL, NULL, "accuracy", "tpe", NULL, NULL, "none", 1, 3), "without a name", class = "reticnn_error")
  expect_error(real_range(1, 0), "`high` must be above `low`", class = "reticnn_error")
})

test_that("folds judge trials from R, in whichever way they are given", {
  skip_if_no_core()
  data <- shape_images(40, image_size = 8, seed = 1)
  found <- function(...) {
    tuned <- tune_classifier(small_model, data, list(units = c(2L, 3L)), ..., sampler = "grid",
      objective = "log_loss", epochs = 1, seed = 1)
    tuned$best$log_loss
  }
  halves <- list(list(1:20, 21:40), list(21:40, 1:20))
  by_hand <- found(v = halves)
  expect_identical(found(v = halves), by_hand)
  expect_identical(found(folds = fold_images(data, halves)), by_hand)
  expect_error(found(v = 2, folds = fold_images(data, 2)), "`folds` are given as well",
    class = "reticnn_error")
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

# The workshop's way to tune, which runs beside ours: KerasTuner is not among what reticnn
# needs, and asks for tensorboard where Keras computes with TensorFlow.
skip_if_no_keras_tuner <- function() {
  skip_if_no_core()
  for (module in c("keras_tuner", "tensorboard")) {
    skip_if_not(reticulate::py_module_available(module), paste("There is no", module))
  }
}

test_that("KerasTuner takes functions and classes written in R", {
  skip_if_no_keras_tuner()
  keras_tuner <- reticulate::import("keras_tuner")
  build <- function(hp) {
    model <- small_model(hp$Int("units", 2L, 4L))
    model$compile(keras$optimizers$SGD(hp$Float("learning_rate", 1e-3, 0.1, sampling = "log")),
      "sparse_categorical_crossentropy", metrics = list("accuracy"), run_eagerly = TRUE)
    model
  }
  found <- function(hypermodel) {
    tuner <- keras_tuner$BayesianOptimization(hypermodel, objective = "val_loss",
      max_trials = 2L, seed = 1L, directory = withr::local_tempdir(), project_name = "shapes")
    loaded <- load_images(shape_images(20, image_size = 8, seed = 1))
    codes <- reticulate::np_array(as.integer(loaded$labels) - 1L)
    tuner$search(loaded$images, codes, validation_data = tuple(loaded$images, codes),
      epochs = 1L, verbose = 0L)
    tuner
  }
  tuner <- found(build)
  expect_length(tuner$oracle$trials, 2)
  expect_named(tuner$get_best_hyperparameters()[[1]]$values, c("units", "learning_rate"),
    ignore.order = TRUE)
  own_class <- reticulate::PyClass("Shapes", inherit = keras_tuner$HyperModel, defs = list(
    build = function(self, hp) build(hp),
    fit = function(self, hp, model, ...) {
      model$fit(..., batch_size = hp$Choice("batch_size", list(4L, 8L)))
    }
  ))
  best <- found(own_class())$get_best_hyperparameters()[[1]]$values
  expect_true(best$batch_size %in% c(4, 8))
})
