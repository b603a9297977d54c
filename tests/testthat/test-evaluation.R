test_that("evaluation has measures, a row a class, and the confusion with names", {
  skip_if_no_core()
  fit <- tiny_classifier()
  data <- shape_images(30, image_size = 16, seed = 4)
  scores <- evaluate_classifier(fit, data)
  truth <- load_images(data)$labels
  guess <- predict(fit, data)$.pred_class
  expect_identical(scores$n, 30L)
  expect_equal(scores$accuracy, mean(guess == truth))
  expect_identical(dimnames(scores$confusion),
    list(truth = fit$class_names, predicted = fit$class_names))
  expect_equal(unname(unclass(scores$confusion)), unname(unclass(table(truth, guess))))
  expect_s3_class(scores$per_class, "tbl_df")
  expect_identical(levels(scores$per_class$class), fit$class_names)
  expect_identical(tidy(scores), scores$per_class)
  expect_named(glance(scores), c("n", "loss", "accuracy", "balanced_accuracy", "kappa",
    "mcc", "roc_auc", "pr_auc", "log_loss", "brier_score", "calibration_error"))
  limits <- tidy(scores, "intervals")
  expect_identical(limits$estimate[limits$measure == "accuracy"], scores$accuracy)
  expect_identical(levels(limits$class), fit$class_names)
  expect_identical(which(is.na(limits$class)), 1:9)
  share <- prop.test(scores$accuracy * 30, 30, correct = FALSE)$conf.int
  expect_equal(unlist(limits[1, c("lower", "upper")], use.names = FALSE), share[1:2])
  expect_identical(scores$predictions$truth, factor(truth, fit$class_names))
  expect_identical(scores$predictions$.pred_class, guess)
  expect_named(scores$predictions, c("truth", names(predict(fit, data))))
  circles <- evaluate_classifier(fit, data[truth == "circle"])
  expect_identical(circles$roc_auc, NA_real_)
})

# As the core gives it, for any number of classes.
some_scores <- function(classes) {
  k <- length(classes)
  list(
    n = 11L * k, loss = 0.25, accuracy = 10 / 11, balanced_accuracy = 10 / 11,
    kappa = 0.75, mcc = 0.75, roc_auc = NaN, pr_auc = NaN,
    log_loss = 0.25, brier_score = 0.125, calibration_error = 0.0625,
    per_class = list(class = classes, n = rep(11L, k), precision = c(NaN, rep(1, k - 1)),
      recall = seq_len(k) / k, f1 = seq_len(k) / k),
    confusion = list(truth = rep(classes, each = k), predicted = rep(classes, k),
      n = as.vector(diag(9, k) + c(1, rep(0, k - 1)))),
    intervals = list(measure = c("accuracy", "roc_auc", "recall"),
      class = list(NULL, NULL, classes[[1]]), estimate = c(10 / 11, NaN, 1 / k),
      lower = c(0.75, NaN, 0), upper = c(1, NaN, 0.5)),
    predictions = list(truth = classes, predicted = as.list(classes),
      probabilities = diag(k)),
    level = 0.9
  )
}

test_that("evaluations print in a few lines, also of many classes", {
  expect_snapshot({
    new_evaluation(some_scores(c("cat", "dog", "cow")))
    new_evaluation(some_scores(paste("class", 1:12)))
  })
  # Classes that are not in the data are not the worst.
  scores <- some_scores(paste("class", 1:12))
  scores$per_class$f1[1:3] <- NaN
  lines <- capture.output(print(new_evaluation(scores)))
  expect_match(lines, "^The 9 classes with the lowest F1", all = FALSE)
  expect_no_match(lines, "class [123] ")
})

test_that("groups, costs and thresholds are R's values", {
  skip_if_no_core()
  fit <- tiny_classifier()
  data <- shape_images(40, image_size = 16, seed = 4)
  site <- factor(rep(1:8, 5), labels = letters[1:8])
  grouped <- evaluate_classifier(fit, data, groups = site)
  expect_identical(tidy(evaluate_classifier(fit, data, groups = as.character(site)), "intervals"),
    tidy(grouped, "intervals"))
  expect_false(identical(tidy(evaluate_classifier(fit, data), "intervals")$lower,
    tidy(grouped, "intervals")$lower))
  # Matched by the names of its rows and columns.
  classes <- fit$class_names
  costs <- matrix(c(0, 1, 9, 0), 2, dimnames = list(rev(classes), classes))
  costs[cbind(classes, classes)] <- 0
  costs["square", "circle"] <- 9
  costs["circle", "square"] <- 1
  found <- evaluate_classifier(fit, data, costs = costs)
  expect_identical(found$predictions$.pred_class == "square",
    found$predictions$.pred_square > 0.1)
  expect_identical(found$mean_cost,
    evaluate_classifier(fit, data, costs = unname(costs[classes, classes]))$mean_cost)
  best <- evaluate_classifier(fit, data, threshold = "accuracy", intervals = NULL)
  expect_gte(best$accuracy, grouped$accuracy)
  expect_identical(best$predictions$.pred_class == "square",
    best$predictions$.pred_square > best$threshold)
  expect_null(best$intervals)
  expect_snapshot(error = TRUE, {
    tidy(best, "intervals")
    evaluate_classifier(fit, data, costs = costs[1, , drop = FALSE])
    evaluate_classifier(fit, data, costs = matrix(0:3, 2, dimnames = list(classes, NULL)))
    evaluate_classifier(fit, data, groups = site[1:3])
  })
})

test_that("data that cannot be measured on are refused by name", {
  skip_if_no_core()
  fit <- tiny_classifier()
  expect_snapshot(error = TRUE, {
    evaluate_classifier(fit, image_arrays(random_images(2, 16, 16, 3)))
    evaluate_classifier(fit, image_arrays(random_images(2, 16, 16, 3), c("cat", "dog")))
  })
})

test_that("curves are tibbles and plots", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  fit <- tiny_classifier()
  scores <- evaluate_classifier(fit, shape_images(40, image_size = 16, seed = 4))
  curve <- evaluation_curve(scores)
  expect_s3_class(curve, "tbl_df")
  expect_named(curve, c("class", "threshold", "sensitivity", "specificity"))
  at <- curve$threshold[[2]]
  found <- scores$predictions$.pred_square >= at
  expect_equal(curve$sensitivity[[2]], mean(found[scores$predictions$truth == "square"]))
  area <- sum(diff(1 - curve$specificity) *
    (utils::head(curve$sensitivity, -1) + utils::tail(curve$sensitivity, -1)) / 2)
  expect_equal(area, scores$roc_auc)
  expect_equal(sum(evaluation_curve(scores, "calibration")$n), 40)
  for (type in c("confusion", "roc", "precision_recall", "calibration")) {
    drawn <- ggplot2::ggplot_build(ggplot2::autoplot(scores, type))
    expect_gt(nrow(drawn$data[[length(drawn$data)]]), 0)
    shown <- plot(scores, type)$labels
    expect_identical(drawn$plot$labels[names(shown)], shown)
  }
  expect_snapshot(error = TRUE, {
    plot(scores, "rok")
    plot_curve(list())
    evaluation_curve(scores, "rok")
  })
})

test_that("probabilities are those for other shares of the classes", {
  skip_if_no_core()
  fit <- tiny_classifier()
  data <- shape_images(40, image_size = 16, seed = 4)
  plain <- predict(fit, data)
  told <- predict(fit, data, prior = c(square = 0.1, circle = 0.9))
  odds <- plain$.pred_square / plain$.pred_circle * 0.1 / 0.9
  expect_equal(told$.pred_square, odds / (1 + odds), tolerance = 0.05)
  scores <- evaluate_classifier(fit, data, prior = list(square = 0.1, circle = 0.9))
  expect_equal(scores$predictions$.pred_square, told$.pred_square)
  expect_identical(scores$prior, c(circle = 0.9, square = 0.1))
  expect_false("prior" %in% names(glance(scores)))
  expect_output(print(scores), "probabilities for shares of circle 0.9, square 0.1", fixed = TRUE)
  expect_identical(predict_images(fit, data, prior = c(square = 0.1, circle = 0.9)), told)
  expect_snapshot(error = TRUE, {
    predict(fit, data, prior = c(0.1, 0.9))
    predict(fit, data, prior = c(circle = 0.1, circle = 0.9))
    evaluate_classifier(fit, data, prior = c(circle = 0.1, square = 0.8))
    evaluate_classifier(fit$model, data, prior = c(circle = 0.1, square = 0.9))
  })
})

test_that("results by a column are a tibble and a plot", {
  skip_if_no_core()
  fit <- tiny_classifier()
  facts <- data.frame(site = factor(rep(c("north", "south", NA, "east"), 10)),
    light = c(NA, sin(1:39)))
  loaded <- load_images(shape_images(40, image_size = 16, seed = 4))
  data <- image_arrays(loaded$images, loaded$labels, facts = facts)
  scores <- evaluate_classifier(fit, data, by = "site")
  table <- tidy(scores, "by")
  expect_s3_class(table, "tbl_df")
  expect_named(table, c("column", "value", "n", "measure", "estimate", "lower", "upper"))
  expect_identical(table$value, rep(c("east", "north", "south", NA), each = 2))
  right <- scores$predictions$truth == scores$predictions$.pred_class
  expect_equal(table$estimate[table$measure == "accuracy"][1:3],
    as.vector(tapply(right, facts$site, mean)))
  given <- tidy(evaluate_classifier(fit, data, by = as.character(facts$site)), "by")
  expect_identical(given[-1], table[-1])
  # As people have put them in order.
  ordered <- factor(facts$site, c("south", "north", "east"))
  expect_identical(tidy(evaluate_classifier(fit, data, by = ordered), "by"),
    given[c(5:6, 3:4, 1:2, 7:8), ])
  bins <- tidy(evaluate_classifier(fit, data, by = "light", intervals = NULL), "by")
  expect_false("lower" %in% names(bins))
  expect_identical(sum(bins$n), 80L)
  expect_output(print(scores), "site +n +accuracy +mean score")
  expect_output(print(scores, most = 2), '2 more values: tidy(x, "by")', fixed = TRUE)
  skip_if_not_installed("ggplot2")
  drawn <- ggplot2::ggplot_build(ggplot2::autoplot(scores, "by"))
  expect_identical(nrow(drawn$data[[2]]), 8L)
  # A single image has no interval of its score.
  alone <- evaluate_classifier(fit, data, by = c("one", rep("other", 39)))
  expect_identical(is.na(tidy(alone, "by")$lower), c(FALSE, TRUE, FALSE, FALSE))
  expect_identical(nrow(ggplot2::ggplot_build(plot_by(alone))$data[[2]]), 4L)
  expect_snapshot(error = TRUE, {
    tidy(evaluate_classifier(fit, data), "by")
    plot(evaluate_classifier(fit, data), "by")
    evaluate_classifier(fit, data, by = "sites")
  })
})

test_that("a classifier is calibrated, printed, saved, and not trained further", {
  skip_if_no_core()
  fit <- tiny_classifier()
  data <- mostly_right()
  calibrated <- calibrate_classifier(fit, data, groups = factor(rep(1:30, 2)))
  expect_s3_class(calibrated, "reticnn_classifier")
  expect_null(fit$calibration)
  calibration <- calibrated$calibration
  expect_identical(calibration$method, "temperature")
  expect_identical(calibration$images, 60L)
  # The log loss of the calibrated classifier has its minimum there.
  odds <- stats::qlogis(predict(fit, data)[[3]])
  truth <- load_images(data)$labels == fit$class_names[2]
  loss <- function(t) -mean(stats::plogis(ifelse(truth, odds, -odds) / t, log.p = TRUE))
  best <- stats::optimize(loss, c(1e-4, 50), tol = 1e-9)$minimum
  expect_equal(calibration$temperature, best, tolerance = 1e-2)
  expect_equal(predict(calibrated, data)[[3]], stats::plogis(odds / calibration$temperature),
    tolerance = 1e-4)
  measures <- calibration$measures
  expect_s3_class(measures, "tbl_df")
  expect_named(measures, c("measure", "before", "before_lower", "before_upper", "after",
    "after_lower", "after_upper"))
  expect_equal(measures$before[2], evaluate_classifier(fit, data)$log_loss, tolerance = 1e-4)
  expect_output(print(calibrated), "calibrated by temperature .* from 60 images, log_loss 0")
  path <- withr::local_tempfile(fileext = ".reticnn")
  save_classifier(calibrated, path)
  loaded <- load_classifier(path)
  expect_equal(loaded$calibration, calibration)
  expect_equal(predict(loaded, data), predict(calibrated, data), tolerance = 1e-5)
  expect_error(calibrate_classifier(loaded, data), "`classifier` is calibrated already",
    class = "reticnn_error")
  expect_error(fit_classifier(loaded, data, epochs = 1), "`model` is calibrated",
    class = "reticnn_error")
  expect_error(calibrate_classifier(fit, shape_images(80, image_size = 16, seed = 1)),
    "trained on", class = "reticnn_error")
  expect_error(loaded$calibration <- NULL, "cannot be changed")
})

test_that("prediction sets are a list column, saved and evaluated", {
  skip_if_no_core()
  fit <- tiny_classifier()
  data <- mostly_right()
  with_sets <- prediction_sets(fit, data, coverage = 0.8, method = "adaptive", by_class = TRUE)
  expect_null(fit$sets)
  thresholds <- with_sets$sets$thresholds
  expect_s3_class(thresholds, "tbl_df")
  expect_identical(thresholds$class, factor(fit$class_names, fit$class_names))
  expect_output(print(with_sets), "sets     adaptive, coverage 0.8 of each class, from 60 images")
  new <- mostly_right(40, seed = 6)
  table <- predict(with_sets, new, type = "set")
  expect_identical(names(table)[1:2], c(".pred_set", ".pred_class"))
  expect_type(table$.pred_set, "list")
  expect_true(all(vapply(table$.pred_set, is.character, NA)))
  expect_true(all(unlist(table$.pred_set) %in% fit$class_names))
  expect_identical(predict(with_sets, new[7], type = "set")$.pred_set, table$.pred_set[7])
  expect_identical(table[-1], predict(fit, new))
  truth <- load_images(new)$labels
  held <- mapply(`%in%`, truth, table$.pred_set)
  scores <- evaluate_classifier(with_sets, new)
  expect_equal(scores$coverage, mean(held))
  expect_equal(glance(scores)$set_size, mean(lengths(table$.pred_set)))
  expect_output(print(scores), "coverage +0[.]")
  path <- withr::local_tempfile(fileext = ".reticnn")
  save_classifier(with_sets, path)
  again <- predict(load_classifier(path), new, type = "set")
  expect_equal(again, table, tolerance = 1e-5)
  expect_error(predict(fit, new, type = "set"), "`type` is .set., but",
    class = "reticnn_error")
  expect_error(predict(with_sets, new, type = "set", crops = 2), "`crops = 1`",
    class = "reticnn_error")
  expect_error(prediction_sets(fit, data[1:5]), "at least 9", class = "reticnn_error")
  one <- prediction_sets(fit, data)
  expect_identical(one$sets$thresholds$class, factor(NA, fit$class_names))
})

test_that("novel images are said to be so", {
  skip_if_no_core()
  fit <- tiny_classifier()
  known <- shape_images(80, image_size = 16, seed = 1)
  data <- shape_images(60, image_size = 16, seed = 7)
  scores <- novelty_scores(fit, data, method = "softmax")
  chances <- as.matrix(predict(fit, data)[2:3])
  expect_equal(scores$.novelty, 1 - unname(apply(chances, 1, max)), tolerance = 1e-6)
  careful <- novelty_threshold(fit, data, share = 0.1, reference = known)
  expect_output(print(careful), "novelty  neighbours, 10 % of known images are called novel")
  expect_identical(sum(novelty_scores(careful, data)$.novel), 5L)
  table <- predict(careful, data)
  expect_type(table$.novel, "logical")
  expect_identical(table[setdiff(names(table), ".novel")], predict(fit, data))
  expect_identical(augment(careful, data)$.novel, table$.novel)
  expect_error(novelty_scores(fit, data), "`reference` is missing", class = "reticnn_error")
})

test_that("comparisons are tibbles, a print and a plot", {
  skip_if_no_core()
  one <- tiny_classifier()
  other <- build_cnn(c(16, 16, 3), n_blocks = 1, filters = 2, units = 4, seed = 2)
  data <- shape_images(60, image_size = 16, seed = 4)
  other <- fit_classifier(other, shape_images(40, image_size = 16, seed = 6), epochs = 1, seed = 1)
  found <- compare_classifiers(list(one = one, other = other), data)
  expect_s3_class(found, "reticnn_comparison")
  guesses <- lapply(list(one, other), function(fit) predict(fit, data)$.pred_class)
  right <- lapply(guesses, function(guess) guess == load_images(data)$labels)
  test <- tidy(found, "mcnemar")
  counts <- c(sum(right[[1]] & !right[[2]]), sum(!right[[1]] & right[[2]]))
  expect_identical(c(test$only_first, test$only_second), counts)
  expect_equal(test$p_value, stats::binom.test(counts)$p.value)
  differences <- tidy(found)
  expect_s3_class(differences, "tbl_df")
  expect_equal(differences$estimate[[1]], mean(right[[1]]) - mean(right[[2]]))
  measures <- tidy(found, "measures")
  expect_equal(measures$estimate[measures$classifier == "other" & measures$measure == "log_loss"],
    evaluate_classifier(other, data)$log_loss)
  expect_no_warning(expect_output(print(found), "one - other.*accuracy .*McNemar's p = "))
  # What is not known, is 0, or is next to nothing reads as such.
  found$differences$estimate[1:2] <- c(0, NA)
  found$differences[1:2, c("lower", "upper")] <- NA
  found$mcnemar$p_value <- 1e-9
  expect_output(print(found), " accuracy +0[.]000\n.*NA\n.*McNemar's p < 0.0001")
  expect_snapshot(error = TRUE, {
    compare_classifiers(list(one, other), data)
    compare_classifiers(list(a = one, a = other), data)
    compare_classifiers(list(a = one), data)
    tidy(found, "tests")
  })
  skip_if_not_installed("ggplot2")
  drawn <- ggplot2::ggplot_build(ggplot2::autoplot(found))
  expect_identical(nrow(drawn$data[[3]]), sum(!is.na(found$differences$estimate)))
  expect_false("Balanced accuracy" %in% drawn$layout$layout$panel)
})

test_that("cross-validations are compared by folds", {
  skip_if_no_core()
  data <- shape_images(30, image_size = 16, seed = 4)
  folds <- lapply(c(two = 2, four = 4), function(filters) {
    builder <- function() {
      build_cnn(c(16, 16, 3), n_blocks = 1, filters = filters, units = 4, seed = 1)
    }
    cross_validate(builder, data, v = 2, epochs = 1, intervals = NULL, seed = 1)
  })
  found <- compare_classifiers(folds)
  differences <- tidy(found)
  gaps <- folds$two$folds$log_loss - folds$four$folds$log_loss
  own <- differences[differences$measure == "log_loss", ]
  expect_equal(own$estimate, mean(gaps))
  # Of two halves, each is tested on as many as the other is trained on.
  error <- stats::sd(gaps) * sqrt(1 / 2 + 1)
  expect_equal(own$p_value, 2 * stats::pt(-abs(mean(gaps)) / error, 1))
  expect_output(print(found), "30 images, 2 folds.* p = ")
  expect_snapshot(error = TRUE, {
    tidy(found, "mcnemar")
    compare_classifiers(folds, data)
    compare_classifiers(list(a = tiny_classifier(), b = tiny_classifier()))
  })
})

test_that("stress tests are tibbles, a print and a plot", {
  skip_if_no_core()
  fit <- tiny_classifier()
  data <- shape_images(30, image_size = 16, seed = 4)
  found <- stress_test(fit, data, changes = c("shift", "jpeg"))
  expect_s3_class(found, "reticnn_stress")
  expect_s3_class(found, "tbl_df")
  expect_named(found, c("change", "level", "strength", "unit", "measure", "n", "estimate",
    "lower", "upper"))
  expect_equal(found$estimate[[1]], evaluate_classifier(fit, data)$accuracy)
  expect_equal(found$strength[found$change == "jpeg"], rep(c(80, 50, 30, 15, 7), each = 2))
  expect_output(print(found), "unchanged images: accuracy .*consistency by level.*shift")
  expect_output(print(found[c("change", "n")]), "tibble")
  expect_snapshot(error = TRUE, stress_test(fit, data, changes = "shft"))
  skip_if_not_installed("ggplot2")
  drawn <- ggplot2::ggplot_build(ggplot2::autoplot(found))
  expect_identical(nrow(drawn$data[[4]]), 26L)
})
