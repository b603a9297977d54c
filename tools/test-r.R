# Runs the R package's tests against the installed package, with Python, in one
# process: TensorFlow starts once. Writes their counts to .test-results/testthat.xml.

Sys.setenv(
  NOT_CRAN = "true",
  TF_CPP_MIN_LOG_LEVEL = "3",
  TF_NUM_INTRAOP_THREADS = "2",
  TF_NUM_INTEROP_THREADS = "2",
  OMP_NUM_THREADS = "2"
)

# A core that cannot be loaded would make every test skip, and all look well.
stopifnot(
  reticulate::py_available(initialize = TRUE),
  reticulate::py_module_available("reticnn")
)

results <- testthat::test_dir(
  "tests/testthat",
  package = "reticnn",
  load_package = "installed",
  reporter = testthat::SummaryReporter$new(show_praise = FALSE),
  stop_on_failure = FALSE
)
tests <- as.data.frame(results)
failed <- tests$failed > 0 | tests$error
skipped <- tests$skipped & !failed

dir.create(".test-results", showWarnings = FALSE)
writeLines(
  sprintf(
    '<testsuite name="testthat" tests="%d" failures="%d" errors="0" skipped="%d"/>',
    nrow(tests), sum(failed), sum(skipped)
  ),
  ".test-results/testthat.xml"
)
quit(status = as.integer(any(failed)))
