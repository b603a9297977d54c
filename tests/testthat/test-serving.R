skip_if_no_web_server <- function() {
  skip_if_no_core()
  modules <- c("starlette", "uvicorn", "python_multipart")
  found <- lapply(modules, reticulate::import("importlib.util")$find_spec)
  skip_if(any(vapply(found, is.null, NA)), "No starlette and uvicorn found")
}

# What a server answers, as R has it; the body is a file's.
answer_of <- function(address, file = NULL) {
  urllib <- reticulate::import("urllib.request")
  body <- if (!is.null(file)) reticulate::import_builtins()$open(file, "rb")$read()
  answer <- urllib$urlopen(urllib$Request(address, body))
  reticulate::import("json")$loads(answer$read())
}

test_that("a server answers as predict() does, says where it is, and stops", {
  skip_if_quick()
  skip_if_no_web_server()
  fit <- tiny_classifier()
  server <- serve_classifier(fit, port = 0, prior = c(circle = 0.8, square = 0.2))
  withr::defer(server$stop())
  expect_output(print(server), "<reticnn_server> http://127.0.0.1:.*until `\\$stop\\(\\)`")
  file <- withr::local_tempfile(fileext = ".png")
  write_png(file, "grey")
  row <- answer_of(paste0(server$address, "/predict"), file)$predictions[[1]]
  expected <- predict(fit, file, prior = c(circle = 0.8, square = 0.2))
  expect_identical(row$class, as.character(expected$.pred_class))
  expect_equal(row$probabilities$circle, expected$.pred_circle, tolerance = 1e-6)
  port <- as.integer(sub(".*:", "", server$address))
  expect_error(serve_classifier(fit, port), "`port` is .*another program listens",
    class = "reticnn_error")
  server$stop()
  expect_output(print(server), "stopped, was http")
  expect_error(answer_of(paste0(server$address, "/health")))
})

# Starts R with a script that prints the address of a server.
r_that_serves <- function(call, env = parent.frame()) {
  skip_on_os("windows")
  path <- withr::local_tempfile(fileext = ".reticnn", .local_envir = env)
  save_classifier(tiny_classifier(), path)
  script <- withr::local_tempfile(fileext = ".R", .local_envir = env,
    lines = c("library(reticnn)", sprintf("fit <- load_classifier('%s')", path), call))
  libraries <- list(R_LIBS = paste(.libPaths(), collapse = .Platform$path.sep))
  process <- reticulate::import("subprocess")$Popen(
    list(file.path(R.home("bin"), "Rscript"), script), stdout = -1L, text = TRUE,
    env = utils::modifyList(as.list(Sys.getenv()), libraries)
  )
  withr::defer(process$kill(), env)
  line <- process$stdout$readline()
  expect_match(line, "http://127.0.0.1:[0-9]+")
  list(process = process, address = sub(".*(http://[0-9.:]+).*", "\\1", line))
}

is_there <- function(server) {
  tryCatch(answer_of(paste0(server$address, "/health"))$status == "ok", error = \(cnd) FALSE)
}

test_that("without the background R serves until Ctrl-C, and goes on", {
  skip_if_quick()
  skip_if_no_web_server()
  r <- r_that_serves("serve_classifier(fit, 0, background = FALSE)\ncat('goes on\\n')")
  expect_true(is_there(r))
  r$process$send_signal(2L)
  expect_identical(r$process$communicate(timeout = 30)[[1]], "goes on\n")
  expect_false(is_there(r))
})

test_that("a server ends with R, also with an R that is killed", {
  skip_if_quick()
  skip_if_no_web_server()
  r <- r_that_serves("cat(serve_classifier(fit, 0)$address, '\\n')\ninvisible(gc())\nSys.sleep(600)")
  Sys.sleep(1)
  expect_true(is_there(r))
  r$process$kill()
  for (i in 1:100) if (is_there(r)) Sys.sleep(0.1)
  expect_false(is_there(r))
})

test_that("odd arguments are named", {
  skip_if_no_web_server()
  fit <- tiny_classifier()
  expect_error(serve_classifier(fit, background = "yes"), "`background` must be TRUE or FALSE",
    class = "reticnn_error")
  expect_error(serve_classifier(fit, 70000), "`port`", class = "reticnn_error")
  expect_error(serve_classifier(3), "`classifier`", class = "reticnn_error")
  expect_error(serve_classifier(fit, prior = c(circle = 1)), "`prior`", class = "reticnn_error")
})
