test_that("the check says what is wrong where Python is, and prints a line per row", {
  skip_on_os("windows")
  broken <- withr::local_tempfile(lines = c("#!/bin/sh", "echo 'no libpython' >&2; exit 1"))
  Sys.chmod(broken, "755")
  expect_identical(problem_of_python(broken), "no libpython")
  expect_identical(check_of_package("no.such.package")$to_do,
    "Run `install.packages(\"no.such.package\")`.")
  table <- structure(tibble::tibble(check = c("Python", "disk"), ok = c(FALSE, NA),
    found = c("none", "unknown"), to_do = c("Install it.", NA)), class = c("reticnn_check",
    "tbl_df", "tbl", "data.frame"))
  expect_output(print(table), "!!  Python: none\n    Install it.\n[?][?]  disk: unknown")
  expect_output(print(table["ok"]), "tibble")
})

test_that("a Python without packages is no error but lines that say what to do", {
  skip_if_quick()
  skip_on_os("windows")
  python <- Sys.which("python3")
  skip_if(python == "", "No python3")
  folder <- withr::local_tempdir()
  made <- system2(python, c("-m", "venv", "--without-pip", shQuote(folder)))
  skip_if(made != 0, "python3 makes no environments")
  lines <- run_r(
    "print(reticnn::reticnn_check())",
    paste0("RETICULATE_PYTHON=", file.path(folder, "bin", "python"))
  )
  expect_match(lines, "^!!  Python in R: ", all = FALSE)
  expect_match(lines, "Python lacks the modules .*numpy", all = FALSE)
  expect_match(lines, "pip install", all = FALSE)
  expect_match(lines, "^ok  disk|^!!  disk", all = FALSE)
})

test_that("the check names a choice of a Python that is not there", {
  skip_if_quick()
  lines <- run_r("print(reticnn::reticnn_check())", "RETICULATE_PYTHON=/no/python")
  expect_match(lines, "RETICULATE_PYTHON is '/no/python'", fixed = TRUE, all = FALSE)
  expect_match(lines, "Run `reticnn::install_reticnn()`", fixed = TRUE, all = FALSE)
})
