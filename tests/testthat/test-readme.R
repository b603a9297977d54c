test_that("the README's R lines run as they stand there", {
  skip_if_quick()
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  readme <- testthat::test_path("..", "..", "README.md")
  skip_if_not(file.exists(readme), "README.md is not beside the tests")
  lines <- readLines(readme, encoding = "UTF-8")
  starts <- which(lines == "```r")
  blocks <- lapply(starts, function(start) {
    end <- start + match("```", lines[-seq_len(start)])
    lines[(start + 1):(end - 1)]
  })
  # Those with photos and weights of one's own are run, on others, as the whole job.
  runs <- Filter(function(block) !any(grepl("install|new-photos", block)), blocks)
  expect_length(runs, 2)
  withr::local_dir(withr::local_tempdir())
  printed <- paste(capture.output(for (block in runs) {
    for (expression in parse(text = block)) {
      shown <- withVisible(eval(expression, envir = globalenv()))
      if (shown$visible && !inherits(shown$value, "ggplot")) print(shown$value)
    }
  }), collapse = "\n")
  expect_match(printed, "<reticnn_classifier> cnn, 2 classes: circle, square", fixed = TRUE)
  expect_match(printed, "<reticnn_evaluation> 400 images, 2 classes", fixed = TRUE)
  expect_true(file.exists("shapes.reticnn"))
})
