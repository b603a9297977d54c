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
  expect_named(glance(scores), c("n", "loss", "accuracy", "balanced_accuracy", "roc_auc",
    "log_loss", "brier_score", "calibration_error"))
  circles <- evaluate_classifier(fit, data[truth == "circle"])
  expect_identical(circles$roc_auc, NA_real_)
})

# As the core gives it, for any number of classes.
some_scores <- function(classes) {
  k <- length(classes)
  list(
    n = 11L * k, loss = 0.25, accuracy = 10 / 11, balanced_accuracy = 10 / 11,
    roc_auc = NaN, log_loss = 0.25, brier_score = 0.125, calibration_error = 0.0625,
    per_class = list(class = classes, n = rep(11L, k), precision = c(NaN, rep(1, k - 1)),
      recall = seq_len(k) / k, f1 = seq_len(k) / k),
    confusion = list(truth = rep(classes, each = k), predicted = rep(classes, k),
      n = as.vector(diag(9, k) + c(1, rep(0, k - 1))))
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

test_that("data that cannot be measured on are refused by name", {
  skip_if_no_core()
  fit <- tiny_classifier()
  expect_snapshot(error = TRUE, {
    evaluate_classifier(fit, image_arrays(random_images(2, 16, 16, 3)))
    evaluate_classifier(fit, image_arrays(random_images(2, 16, 16, 3), c("cat", "dog")))
  })
})
