test_that("prediction tells a function of its batches, and the console where asked", {
  skip_if_no_core()
  fit <- tiny_classifier()
  images <- random_images(6, 16, 16, 3)
  states <- list()
  tell <- function(state) states[[length(states) + 1]] <<- state
  predict_images(fit, images, batch_size = 2, progress = tell)
  last <- list(step = 3L, steps = 3L, done = TRUE)
  expect_identical(states[[length(states)]], last)

  data <- image_arrays(images, rep(fit$class_names, 3))
  evaluate_classifier(fit, data, batch_size = 2, progress = tell)
  expect_identical(states[[length(states)]], last)
  page <- withr::local_tempfile(fileext = ".html")
  suppressMessages(report_classifier(fit, data, page, batch_size = 2, progress = tell))
  expect_identical(states[[length(states)]], last)

  expect_silent(predict_images(fit, images))
  withr::local_options(cli.dynamic = TRUE, cli.num_colors = 1L)
  drawn <- capture.output(
    table <- predict_images(fit, images, batch_size = 2, progress = "bar"),
    type = "message"
  )
  expect_match(paste(drawn, collapse = ""), "Predicting.*100%")
  drawn <- capture.output(
    review <- review_images(data, progress = "bar"),
    type = "message"
  )
  expect_match(paste(drawn, collapse = ""), "Reviewing.*100%")
})

test_that("an error in the function, and an unknown progress, end the work with a message", {
  skip_if_no_core()
  fit <- tiny_classifier()
  images <- random_images(2, 16, 16, 3)
  expect_error(predict_images(fit, images, progress = function(state) stop("enough")),
    "enough")
  expect_error(predict_images(fit, images, progress = "epoch"), "`progress`.*'epoch'")
  expect_error(evaluate_classifier(fit, images, progress = 3), "`progress`")
})
