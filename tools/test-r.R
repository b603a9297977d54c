# Runs the R package's tests against the installed package, with Python, in one
# process: TensorFlow starts once. Writes their counts to .test-results/testthat.xml.
# An argument is a room whose tests alone are run.

Sys.setenv(NOT_CRAN = "true", TF_CPP_MIN_LOG_LEVEL = "3")
room <- commandArgs(trailingOnly = TRUE)
files <- sub("^test-(.*)[.]R$", "\\1", list.files("tests/testthat", "^test-"))
chosen <- if (length(room) > 0) paste0("^", room, "(-|$)") else ""
if (!any(grepl(chosen, files))) {
  cat("There are no R tests of ", room, "\n", sep = "")
  quit(status = 0)
}

# A core that cannot be loaded would make every test skip, and all look well.
stopifnot(
  reticulate::py_available(initialize = TRUE),
  reticnn::reticnn_available()
)

run_tests <- function() {
  results <- testthat::test_dir(
    "tests/testthat",
    filter = chosen,
    package = "reticnn",
    load_package = "installed",
    reporter = testthat::SummaryReporter$new(show_praise = FALSE),
    stop_on_failure = FALSE
  )
  as.data.frame(results)
}

write_counts <- function(tests, failed) {
  skipped <- tests$skipped & !failed
  dir.create(".test-results", showWarnings = FALSE)
  writeLines(
    sprintf(
      '<testsuite name="testthat" tests="%d" failures="%d" errors="0" skipped="%d"/>',
      nrow(tests), sum(failed), sum(skipped)
    ),
    ".test-results/testthat.xml"
  )
}

# In one piece: R 4.2 has been seen to lose the line of a script that follows a call in
# which code was parsed.
local({
  tests <- run_tests()
  failed <- tests$failed > 0 | tests$error
  write_counts(tests, failed)
  quit(status = as.integer(any(failed)))
})
