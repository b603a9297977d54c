test_that("attaching starts no Python, nor reticulate, which takes a second", {
  lines <- run_r(c(
    "library(reticnn)",
    "cat('reticulate', isNamespaceLoaded('reticulate'), '\\n')",
    "cat('python', reticulate::py_available(), '\\n')",
    "print(keras)"
  ))
  expect_identical(lines[1:2], c("reticulate FALSE ", "python FALSE "))
  expect_match(lines[[3]], "^<keras>")
})

test_that("nothing but R's own output reaches the console", {
  skip_if_quick()
  skip_if_no_core()
  lines <- run_r(c(
    "Sys.unsetenv('TF_CPP_MIN_LOG_LEVEL')",
    "library(reticnn)",
    "x <- keras$Input(c(8L, 8L, 3L))",
    "fit <- fit_classifier(build_cnn(c(8, 8, 3), n_blocks = 1), shape_images(8, image_size = 8),",
    "  epochs = 1, progress = 'none')",
    "cat('done\\n')"
  ))
  expect_identical(lines, "done")
})

test_that("a running Python is used, and the requirements are declared", {
  skip_if_quick()
  skip_if_no_core()
  lines <- run_r(c(
    "invisible(reticulate::import('sys')$version)",
    "library(reticnn)",
    "cat(any(startsWith(reticulate::py_require()$packages, 'keras')), '\\n')",
    "cat(build_cnn()$count_params(), '\\n')"
  ))
  expect_identical(lines, c("TRUE ", "28097 "))
})

test_that("without a usable Python the error says what to do", {
  # A Python that has no Keras, which every machine with R and Python has.
  python <- Sys.which("python3")
  skip_if(python == "", "No python3 at all")
  empty <- withr::local_tempdir()
  made <- system2(python, c("-m", "venv", "--without-pip", shQuote(empty)),
    stdout = FALSE, stderr = FALSE)
  skip_if(made != 0, "python3 cannot make a virtual environment")
  lines <- run_r(
    c(
      "library(reticnn)",
      "cat(reticnn_available(), '\\n')",
      "cnd <- tryCatch(build_cnn(), error = identity)",
      "cat(class(cnd)[1:2], '\\n')",
      "cat(conditionMessage(cnd))"
    ),
    env = paste0("RETICULATE_PYTHON=", file.path(empty, "bin", "python"))
  )
  expect_identical(lines[1:2], c("FALSE ", "reticnn_error_no_python reticnn_error "))
  expect_match(paste(lines, collapse = "\n"), "install_reticnn()", fixed = TRUE)
})

test_that("the environment of install_reticnn() is found, and a chosen one comes first", {
  skip_if_quick()
  python <- Sys.which("python3")
  skip_if(python == "", "No python3 at all")
  home <- withr::local_tempdir()
  environment <- file.path(home, "r-reticnn")
  made <- system2(python, c("-m", "venv", "--without-pip", shQuote(environment)),
    stdout = FALSE, stderr = FALSE)
  skip_if(made != 0, "python3 cannot make a virtual environment")
  code <- c(
    sprintf("setwd(%s)", deparse(home)),
    # A process in which Python runs hands these on to its children.
    "Sys.unsetenv(c('RETICULATE_PYTHON_FALLBACK', 'VIRTUAL_ENV'))",
    "if (Sys.getenv('CHOSEN') == '') Sys.unsetenv('RETICULATE_PYTHON')",
    "library(reticnn)",
    "invisible(reticnn_available())",
    "cat(reticulate::py_discover_config()$python)"
  )
  found <- run_r(code, env = c(paste0("WORKON_HOME=", home), "CHOSEN="))
  expect_match(utils::tail(found, 1), "r-reticnn/bin/python")
  chosen <- Sys.getenv("RETICULATE_PYTHON")
  skip_if(chosen == "", "RETICULATE_PYTHON is not set")
  found <- run_r(code, env = c(paste0("WORKON_HOME=", home), "CHOSEN=yes"))
  expect_no_match(utils::tail(found, 1), "r-reticnn/bin/python")
})

test_that("R imports one part of the core, the relay, and names classes without their files", {
  functions <- Filter(is.function, mget(ls(asNamespace("reticnn"), all.names = TRUE),
    envir = asNamespace("reticnn")))
  code <- unlist(lapply(functions, deparse))
  named <- unlist(regmatches(code, gregexpr('(?<=")reticnn[.][A-Za-z_.]+', code, perl = TRUE)))
  methods <- grep("reticnn[.]", names(functions), value = TRUE)
  expect_setequal(named, c("reticnn.runtime.relay", "reticnn.ImageData"))
  expect_match(methods, "[.]reticnn[.]ImageData$")
})

test_that("Keras from R knows our layers in a model that it loads", {
  skip_if_quick()
  skip_if_no_core()
  file <- withr::local_tempfile(fileext = ".keras")
  landmark_model("lenet5")$save(file)
  lines <- run_r(c(
    "library(reticnn)",
    sprintf("cat(keras$saving$load_model(%s)$name)", deparse(file))
  ))
  expect_identical(lines, "lenet5")
})
