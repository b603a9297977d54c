test_that("models that were trained, stale classifiers and known images are told", {
  skip_if_no_core()
  data <- shape_images(20, image_size = 8, seed = 1)
  others <- shape_images(10, image_size = 8, seed = 2)
  build <- function() build_cnn(c(8, 8, 3), n_blocks = 1, filters = 4, units = 8)
  fit <- function(model, data, ...) {
    fit_classifier(model, data, epochs = 1, optimizer = "sgd", seed = 1, ...)
  }
  set.seed(2)
  model <- build()
  first <- fit(model, data, validation = 0.2)
  expect_warning(second <- fit(model, others), class = "reticnn_warning_trained_model")
  expect_output(print(first), "changed  the model now has other weights")
  expect_false(any(grepl("changed", capture.output(print(second)))))
  expect_warning(predict(first, others), class = "reticnn_warning_stale_classifier")
  expect_warning(
    evaluate_classifier(second, others), "10 of 10", class = "reticnn_warning_seen_images"
  )
  again <- expect_no_warning(fit(model, data, fresh = TRUE, validation = 0.2))
  expect_identical(again$history, first$history)

  # A function builds a new model each time.
  set.seed(1)
  built <- expect_no_warning(fit(build, data))
  set.seed(1)
  expect_identical(expect_no_warning(fit(build, data))$history, built$history)
  path <- withr::local_tempfile(fileext = ".reticnn")
  save_classifier(built, path)
  expect_warning(
    evaluate_classifier(load_classifier(path), data[1:5]), "5 of 5",
    class = "reticnn_warning_seen_images"
  )
})
