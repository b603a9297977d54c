# The kit in R: its code runs. What is copied and how is tested in Python.

kit <- function(name) file.path(core_dir(), "reticnn", "teaching", "kit", name)

# The code of a page, quicker than in a class.
quick_code <- function(name, env = parent.frame()) {
  file <- withr::local_tempfile(fileext = ".R", .local_envir = env)
  lines <- readLines(kit(name), encoding = "UTF-8")
  lines <- gsub("n <- 1200", "n <- 45", lines, fixed = TRUE)
  lines <- gsub("epochs (<-|=) 1[02]", "epochs \\1 1", lines)
  lines <- gsub("shape_images(900", "shape_images(90", lines, fixed = TRUE)
  withr::with_tempfile("page", {
    writeLines(lines, page)
    knitr::purl(page, file, quiet = TRUE, documentation = 0)
  })
  file
}

test_that("the kit is a tibble of files", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  table <- teaching_kit(file.path(folder, "class"))
  expect_identical(unique(table$status), "copied")
  expect_true(all(file.exists(table$file)))
  writeLines("mine", table$file[[1]])
  expect_warning(again <- teaching_kit(file.path(folder, "class")), "overwrite = TRUE",
    class = "reticnn_warning")
  expect_identical(sort(unique(again$status)), c("kept", "unchanged"))
})

test_that("every solution and every slide runs", {
  skip_if_quick()
  skip_if_no_core()
  for (package in c("knitr", "ggplot2", "rmarkdown")) skip_if_not_installed(package)
  withr::local_pdf(NULL)
  withr::local_options(digits = 7, width = 80)
  for (name in c("solutions.Rmd", "slides.Rmd")) {
    page <- new.env(parent = globalenv())
    expect_no_error(
      suppressWarnings(capture.output(sys.source(quick_code(name), page))), message = name
    )
    if (name == "solutions.Rmd") {
      expect_identical(page$three$count_params(), page$packaged$count_params())
      expect_identical(sum(page$layers$parameters[page$trained]), 13574L)
    } else {
      expect_s3_class(page$classifier, "reticnn_classifier")
    }
  }
})
