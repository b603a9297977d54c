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

# What a call says in a process in which reticulate chooses with these variables, away
# from environments that it would find by itself.
said_without_python <- function(variables, folder = withr::local_tempdir()) {
  run_r(
    c(
      # A process in which Python runs hands these on to its children.
      "Sys.unsetenv(c('RETICULATE_PYTHON', 'RETICULATE_PYTHON_FALLBACK', 'VIRTUAL_ENV'))",
      sprintf("Sys.setenv(%s)", paste0(names(variables), " = '", variables, "'",
        collapse = ", ")),
      sprintf("setwd(%s)", deparse(folder)),
      "library(reticnn)",
      "cat(reticnn_available(), '\\n')",
      "cnd <- tryCatch(build_cnn(), error = identity)",
      "cat(class(cnd)[1:2], '\\n')",
      "cat(conditionMessage(cnd))"
    ),
    env = c(paste0("WORKON_HOME=", folder), "RETICULATE_USE_MANAGED_VENV=no")
  )
}

# A Python that has no Keras, which every machine with R and Python has.
bare_python <- function(folder) {
  python <- Sys.which("python3")
  skip_if(python == "", "No python3 at all")
  made <- system2(python, c("-m", "venv", "--without-pip", shQuote(folder)),
    stdout = FALSE, stderr = FALSE)
  skip_if(made != 0, "python3 cannot make a virtual environment")
  file.path(folder, "bin", "python")
}

test_that("without a usable Python the error says what is in force and what to do", {
  python <- bare_python(withr::local_tempdir())
  for (variable in c("RETICULATE_PYTHON", "VIRTUAL_ENV")) {
    value <- if (variable == "VIRTUAL_ENV") dirname(dirname(python)) else python
    lines <- said_without_python(stats::setNames(value, variable))
    expect_identical(lines[1:2], c("FALSE ", "reticnn_error_no_python reticnn_error "))
    said <- paste(lines, collapse = "\n")
    expect_match(said, "No module named '")
    expect_match(lines[[3]], "lacks the modules keras, numpy, PIL, h5py, tensorflow. Run ",
      fixed = TRUE)
    expect_match(lines[[3]], paste0("'", python, "' -m pip install 'keras>="), fixed = TRUE)
    expect_match(said, paste0("Python is ", python, ", because of ", variable), fixed = TRUE)
    expect_match(said, "install_reticnn()", fixed = TRUE)
  }
  lines <- said_without_python(c(RETICULATE_PYTHON = python, KERAS_BACKEND = "torch"))
  expect_match(lines[[3]], "h5py, torch. Run .*'torch>=")
  expect_match(lines, "install_reticnn(backend = \"torch\")", fixed = TRUE, all = FALSE)
  lines <- said_without_python(c(RETICULATE_PYTHON = "/no/python"))
  expect_match(lines, "RETICULATE_PYTHON is '/no/python'.", fixed = TRUE, all = FALSE)
})

test_that("what cannot be started, as pyenv's shims without a version, is not available", {
  folder <- withr::local_tempdir()
  shims <- file.path(folder, c("python3", "python"))
  for (shim in shims) {
    writeLines(c("#!/bin/sh", "echo 'command not found' >&2", "exit 127"), shim)
    Sys.chmod(shim)
  }
  path <- paste(folder, Sys.getenv("PATH"), sep = .Platform$path.sep)
  lines <- said_without_python(c(PATH = path), folder)
  expect_identical(lines[1:2], c("FALSE ", "reticnn_error_no_python reticnn_error "))
  expect_match(lines, paste(shims, collapse = " or "), fixed = TRUE, all = FALSE)
  lines <- said_without_python(c(PATH = path, RETICULATE_PYTHON = shims[[1]]), folder)
  expect_identical(lines[1:2], c("FALSE ", "reticnn_error_no_python reticnn_error "))
  expect_match(lines, "can start no Python, not even", fixed = TRUE, all = FALSE)
  expect_match(lines, paste0("RETICULATE_PYTHON is '", shims[[1]]), fixed = TRUE, all = FALSE)
  # Without a Python it is no help: it fails in the same way.
  expect_no_match(lines, "py_config", fixed = TRUE)
})

test_that("another reticnn in Python is not used in silence", {
  skip_if_quick()
  skip_if_no_core()
  other <- withr::local_tempdir()
  file.copy(system.file("python", "reticnn", package = "reticnn"), other, recursive = TRUE)
  init <- file.path(other, "reticnn", "__init__.py")
  first <- c(
    sprintf("invisible(reticulate::import_from_path('reticnn', %s))", deparse(other)),
    "library(reticnn)",
    "cnd <- tryCatch(keras$Input, condition = identity)",
    "cat(class(cnd)[[1]], conditionMessage(cnd))"
  )
  lines <- run_r(first)
  expect_match(lines[[1]], "^reticnn_warning Python has already imported a `reticnn` from")
  expect_match(lines[[1]], "of the same version")
  code <- readLines(init)
  writeLines(sub("^__version__ = .*", "__version__ = '0.0.9'", code), init)
  lines <- run_r(first)
  expect_match(lines[[1]], "^reticnn_error_no_python .*its version is 0.0.9, and this one's")
})

test_that("a checkout where the link to the core is a text file is not installed", {
  skip_if_quick()
  top <- testthat::test_path("..", "..")
  skip_if_not(file.exists(file.path(top, "inst", "python", "reticnn")), "No checkout here")
  copy <- withr::local_tempdir()
  file.copy(file.path(top, c("DESCRIPTION", "NAMESPACE", "LICENSE", "R")), copy,
    recursive = TRUE)
  dir.create(file.path(copy, "inst"))
  link <- file.path(copy, "inst", "python")
  writeLines("../python", link)
  install <- function() {
    suppressWarnings(system2(
      file.path(R.home("bin"), "R"),
      c("CMD", "INSTALL", "--no-byte-compile", "--no-test-load",
        paste0("--library=", shQuote(withr::local_tempdir())), shQuote(copy)),
      stdout = TRUE, stderr = TRUE
    ))
  }
  lines <- install()
  expect_identical(attr(lines, "status"), 1L)
  expect_match(lines, "`inst/python` is not the link", fixed = TRUE, all = FALSE)
  unlink(link)
  file.copy(file.path(top, "python"), file.path(copy, "inst"), recursive = TRUE)
  expect_null(attr(install(), "status"))
})

test_that("the environment of install_reticnn() is found, and a chosen one comes first", {
  skip_if_quick()
  home <- withr::local_tempdir()
  bare_python(file.path(home, "r-reticnn"))
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

# A session that interrupts itself at the tenth file that it opens.
stopped_session <- function(folder) {
  c(
    "library(reticnn)",
    "invisible(build_cnn(c(8, 8, 3), n_blocks = 1))",
    "reticulate::py_run_string('",
    "import os, signal",
    "open_file = os.open",
    "opened = []",
    "def counted(path, *arguments, **named):",
    "    if str(path).endswith(\".gif\"):",
    "        opened.append(path)",
    "        if len(opened) == 10:",
    "            os.kill(os.getpid(), signal.SIGINT)",
    "    return open_file(path, *arguments, **named)",
    "os.open = counted",
    "')",
    paste0("folder <- '", folder, "'"),
    "photos <- function() image_folder(folder, 8, cache = 'none')",
    "begin <- function() reticulate::py_run_string('opened.clear()')",
    "ended <- function(what) {",
    "  count <- length(reticulate::py$opened)",
    "  images <- load_images(photos()[1:2])$images",
    "  gone_on <- length(reticulate::py$opened) - count - 2",
    "  cat('ended', what, count < 200, gone_on <= 8, dim(images)[1] == 2, '\\n')",
    "}",
    "begin()",
    "checked <- check_images(folder)",
    "ended('checking')",
    "begin()",
    "loaded <- load_images(photos())",
    "ended('loading')",
    "begin()",
    "model <- build_cnn(c(8, 8, 3), n_blocks = 1, batch_norm = TRUE)",
    "shapes <- load_images(shape_images(8, image_size = 8))$images",
    "data <- image_arrays(shapes, rep(c('cat', 'dog'), 4))",
    "classifier <- fit_classifier(model, data, validation = photos())",
    "ended(paste('training', classifier$stopped))",
    "begin()",
    "predicted <- predict_images(classifier, photos())",
    "ended('predicting')",
    "cat(exists('checked'), exists('loaded'), exists('predicted'), '\\n')"
  )
}

test_that("Ctrl-C in R ends work on files at once, and the session goes on", {
  skip_if_quick()
  skip_if_no_core()
  skip_on_os("windows")
  folder <- withr::local_tempdir()
  # Named so, they are opened for their pixels alone; of PNG the header is looked at too.
  write_png(file.path(folder, "cat", "1.gif"), "red", 1200, 1600)
  dir.create(file.path(folder, "dog"))
  for (class in c("cat", "dog")) {
    others <- file.path(folder, class, paste0(1:100, ".gif"))
    others <- others[!file.exists(others)]
    file.link(rep(file.path(folder, "cat", "1.gif"), length(others)), others)
  }
  lines <- suppressWarnings(system2(
    file.path(R.home("bin"), "R"), c("--interactive", "--no-save", "--no-readline", "-q"),
    input = stopped_session(folder), stdout = TRUE, stderr = TRUE,
    env = paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
  ))
  said <- sub(" $", "", grep("^ended|^FALSE|^TRUE", lines, value = TRUE))
  work <- c("checking", "loading", "training interrupted", "predicting")
  expect_identical(said, c(paste("ended", work, "TRUE TRUE TRUE"), "FALSE FALSE FALSE"))
})
