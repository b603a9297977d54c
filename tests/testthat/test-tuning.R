# Cross-validation and ensembles, from R.

small_cnn <- function() build_cnn(c(16, 16, 3), n_blocks = 1, filters = 2, units = 4)

validated <- local({
  made <- NULL
  function() {
    if (is.null(made)) {
      made <<- cross_validate(small_cnn, shapes_to_fold(), 2, epochs = 1, seed = 1)
    }
    made
  }
})

shapes_to_fold <- function() shape_images(40, image_size = 16, seed = 1)

test_that("a cross-validation has tibbles, classifiers and an evaluation", {
  skip_if_no_core()
  found <- validated()
  data <- shapes_to_fold()
  expect_s3_class(found$folds, "tbl_df")
  expect_identical(found$folds$fold, 1:2)
  expect_identical(found$folds$n_test, c(20L, 20L))
  expect_setequal(found$predictions$image, 1:40)
  expect_identical(found$predictions$truth, data$labels[found$predictions$image])
  expect_named(found$predictions, c("repeat", "fold", "image", "truth", ".pred_class",
    ".pred_circle", ".pred_square"))
  second <- found$predictions[found$predictions$fold == 2, ]
  expect_equal(predict(found$classifiers[[2]], data[second$image])$.pred_circle,
    second$.pred_circle)
  expect_equal(found$evaluation$accuracy,
    mean(found$predictions$truth == found$predictions$.pred_class))
  expect_s3_class(found$evaluation, "reticnn_evaluation")
  expect_identical(tidy(found), found$measures)
  expect_identical(found$measures$mean[[1]], mean(found$folds$accuracy))
  expect_equal(found$measures$sd[[1]], stats::sd(found$folds$accuracy))
  expect_identical(glance(found)$accuracy, found$evaluation$accuracy)
  expect_identical(levels(tidy(found, "intervals")$class), c("circle", "square"))
  expect_output(print(found), "<reticnn_cross_validation> 2 folds, 40 predictions, 2 classes")
})

test_that("R's random numbers stay as they are, and those of a builder follow the seed", {
  skip_if_no_core()
  drawn <- numeric()
  build <- function(input_shape, num_classes, class_names) {
    drawn <<- c(drawn, stats::runif(1))
    expect_identical(input_shape, c(16L, 16L, 3L))
    expect_identical(class_names, c("circle", "square"))
    build_cnn(input_shape, num_classes, n_blocks = 1, filters = 2, units = 4)
  }
  set.seed(3)
  before <- .Random.seed
  found <- cross_validate(build, shapes_to_fold(), 2, epochs = 1, seed = 1)
  expect_identical(.Random.seed, before)
  expect_length(unique(drawn), 2)
  first <- drawn
  drawn <- numeric()
  again <- cross_validate(build, shapes_to_fold(), 2, epochs = 1, seed = 1)
  expect_identical(drawn, first)
  expect_identical(again$predictions, found$predictions)
})

test_that("folds of groups and options of fit_classifier() are taken", {
  skip_if_no_core()
  data <- shapes_to_fold()
  site <- factor(rep(letters[1:8], each = 5))
  folds <- suppressMessages(fold_images(data, 2, groups = site, seed = 1))
  epochs <- integer()
  found <- cross_validate(small_cnn, data, folds = folds[2:1, ], epochs = 2, seed = 1,
    class_weight = c(square = 2, circle = 1), validation = 0.25,
    progress = function(state) epochs[[paste(state$fold)]] <<- state$epoch)
  expect_identical(found$folds$fold, 2:1)
  expect_identical(epochs, c(`1` = 2L, `2` = 2L))
  for (i in 1:2) {
    rows <- found$predictions[found$predictions$fold == i, ]
    expect_length(intersect(site[rows$image], site[setdiff(1:40, rows$image)]), 0)
  }
})

test_that("what cannot be is said in R's terms", {
  skip_if_no_core()
  data <- shapes_to_fold()
  says <- function(code, text) {
    cnd <- expect_error(code, class = "reticnn_error")
    expect_match(conditionMessage(cnd), text, fixed = TRUE)
  }
  model <- small_cnn()
  says(cross_validate(function() model, data, 2, epochs = 1), "the model of fold 1")
  says(cross_validate(function(depth) model, data, 2), "`function() build_cnn(filters = 8)`")
  says(cross_validate(model, data), "`function() build_cnn()`")
  says(cross_validate(small_cnn, data, 5, NULL, 1, 0.95, NULL, "none", 1, 3), "without a name")
  says(cross_validate(small_cnn, data, epoch = 1), "Did you mean 'epochs'?")
  says(cross_validate(small_cnn, data, validation = data), "fraction")
  says(ensemble_classifiers(validated()$classifiers[[1]]), "a list of classifiers")
})

test_that("the folds' classifiers are one", {
  skip_if_no_core()
  found <- validated()
  ensemble <- ensemble_classifiers(found)
  expect_output(print(ensemble), "members  2, with weights 0.5, 0.5")
  data <- shape_images(5, image_size = 16, seed = 7)
  each <- lapply(found$classifiers, function(x) predict(x, data)$.pred_circle)
  expect_equal(predict(ensemble, data)$.pred_circle, (each[[1]] + each[[2]]) / 2,
    tolerance = 1e-6)
  weighted <- ensemble_classifiers(found$classifiers, weights = c(1, 3))
  expect_equal(predict(weighted, data)$.pred_circle, (each[[1]] + 3 * each[[2]]) / 4,
    tolerance = 1e-6)
  # Names are those of the list, in whatever order.
  named <- stats::setNames(found$classifiers, c("a", "b"))
  expect_equal(predict(ensemble_classifiers(named, weights = c(b = 3, a = 1)), data),
    predict(weighted, data))
  expect_error(ensemble_classifiers(named, weights = c(a = 3, c = 1)), "have the names .* a, b",
    class = "reticnn_error")
  path <- withr::local_tempfile(fileext = ".reticnn")
  save_classifier(ensemble, path)
  expect_equal(predict(load_classifier(path), data), predict(ensemble, data),
    tolerance = 1e-5)
  expect_warning(evaluate_classifier(ensemble, shapes_to_fold()[1:4]), "4 of 4",
    class = "reticnn_warning_seen_images")
  # R keeps the classifiers, and of the folds what is not in Python alone.
  rds <- withr::local_tempfile()
  saveRDS(list(ensemble, found), rds)
  kept <- readRDS(rds)
  expect_equal(predict(kept[[1]], data), predict(ensemble, data))
  expect_equal(predict(ensemble_classifiers(kept[[2]]), data), predict(ensemble, data))
  expect_output(print(kept[[2]]), "2 folds")
  expect_error(plot(kept[[2]]), "lived in the R session that made it",
    class = "reticnn_error")
})

test_that("an ensemble has prediction sets from the folds that it is of", {
  skip_if_no_core()
  found <- validated()
  with_sets <- prediction_sets(ensemble_classifiers(found), found, coverage = 0.8)
  expect_output(print(with_sets), "coverage 0.8, from 40 images in 2 folds")
  expect_identical(with_sets$sets$folds, 2L)
  expect_gt(with_sets$sets$thresholds$coverage_lower, 0.4)
  data <- shape_images(20, image_size = 16, seed = 3)
  table <- predict(with_sets, data, type = "set")
  expect_true(all(unlist(table$.pred_set) %in% found$class_names))
  held <- mapply(`%in%`, as.character(data$labels), table$.pred_set)
  expect_equal(evaluate_classifier(with_sets, data)$coverage, mean(held))
  expect_error(prediction_sets(found$classifiers[[1]], found), "ensemble of the folds",
    class = "reticnn_error")
})

test_that("folds are drawn beside what all of them say", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  drawn <- plot(validated(), c("accuracy", "brier_score"))
  points <- ggplot2::ggplot_build(drawn)$data[[2]]
  expect_identical(nrow(points), 6L)
  expect_equal(sort(points$x[points$PANEL == 1]),
    sort(c(validated()$folds$accuracy, validated()$evaluation$accuracy)))
  expect_identical(levels(drawn$data$measure), c("Accuracy", "Brier score"))
  expect_s3_class(ggplot2::autoplot(validated()), "ggplot")
  expect_gt(stats::sd(drawn_pixels(drawn)), 5)
  expect_error(plot(validated(), "acuracy"), "Did you mean 'accuracy'",
    class = "reticnn_error")
})

test_that("processes are started from R too", {
  skip_if_quick()
  skip_if_no_core()
  found <- cross_validate(small_cnn, shapes_to_fold(), 2, epochs = 1, seed = 1, workers = 2)
  expect_identical(found$predictions, validated()$predictions)
})
