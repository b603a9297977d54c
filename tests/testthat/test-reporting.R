test_that("a report is one file that says what it was made with", {
  skip_if_no_core()
  path <- withr::local_tempfile(fileext = ".html")
  data <- shape_images(20, image_size = 16, seed = 4)
  expect_message(
    written <- withVisible(
      report_classifier(tiny_classifier(), data, path, session = c(Project = "a < b"))
    ),
    basename(path), fixed = TRUE
  )
  expect_identical(written, list(value = path, visible = FALSE))
  page <- paste(readLines(path, encoding = "UTF-8"), collapse = "\n")
  expect_match(page, "20 labelled images", fixed = TRUE)
  expect_match(page, R.version.string, fixed = TRUE)
  expect_match(page, format(packageVersion("reticulate")), fixed = TRUE)
  expect_match(page, "<dt>Project</dt><dd>a &lt; b</dd>", fixed = TRUE)
})

test_that("reports of what is no classifier or no data are refused, in R's words", {
  skip_if_no_core()
  path <- withr::local_tempfile(fileext = ".html")
  data <- shape_images(4, image_size = 16, seed = 4)
  fit <- tiny_classifier()
  expect_error(report_classifier(1, data, path), "`classifier`", class = "reticnn_error")
  expect_error(report_classifier(fit, image_arrays(random_images(2, 16, 16, 3)), path),
    "`data` has no labels", class = "reticnn_error")
  expect_error(report_classifier(fit, data, file.path(path, "no", "report.html")),
    "folder that does not exist", class = "reticnn_error")
  expect_error(report_classifier(fit, data, path, session = "pets"), "`session`",
    class = "reticnn_error")
  expect_false(file.exists(path))
})

test_that("maps are in a report, and on a page of their own", {
  skip_if_no_core()
  data <- shape_images(4, image_size = 16, seed = 9)
  explanation <- explain_prediction(tiny_classifier(), data, "all", "gradient")
  file <- withr::local_tempfile(fileext = ".html")
  expect_message(path <- report_explanation(explanation, file, n = 2), "Report")
  page <- paste(readLines(path), collapse = "\n")
  expect_length(gregexpr("<img", page)[[1]], 6)
  expect_message(report_classifier(tiny_classifier(), data, file, explanations = "gradient"))
  expect_match(paste(readLines(file), collapse = "\n"), "speaks for the predicted class")
  expect_error(report_explanation(data, file), "`explanation`", class = "reticnn_error")
})
