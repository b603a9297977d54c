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
  expect_output(print(server), "<reticnn_server> http://127.0.0.1:.*until `\\$stop")
  file <- withr::local_tempfile(fileext = ".png")
  write_png(file, "grey")
  row <- answer_of(paste0(server$address, "/predict"), file)$predictions[[1]]
  expected <- predict(fit, file, prior = c(circle = 0.8, square = 0.2))
  expect_identical(row$class, as.character(expected$.pred_class))
  expect_equal(row$probabilities$circle, expected$.pred_circle, tolerance = 1e-6)
  port <- as.integer(sub(".*:", "", server$address))
  expect_error(serve_classifier(fit, port), "`port` is .*another program listens",
    class = "reticnn_error")
  kept <- unserialize(serialize(server, NULL))
  expect_output(print(kept), "of another R session, at http")
  expect_null(kept$stop())
  expect_true(server$is_running())
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
  address <- paste0(server$address, "/health")
  tryCatch(answer_of(address)$status == "ok", error = \(cnd) FALSE)
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
  r <- r_that_serves(c("cat(serve_classifier(fit, 0)$address, '\\n')",
    "invisible(gc())", "Sys.sleep(600)"))
  Sys.sleep(1)
  expect_true(is_there(r))
  r$process$kill()
  for (i in 1:100) if (is_there(r)) Sys.sleep(0.1)
  expect_false(is_there(r))
})

test_that("odd arguments are named", {
  skip_if_no_web_server()
  fit <- tiny_classifier()
  expect_error(serve_classifier(fit, background = "yes"),
    "`background` must be TRUE or FALSE", class = "reticnn_error")
  expect_error(serve_classifier(fit, 70000), "`port`", class = "reticnn_error")
  expect_error(serve_classifier(3), "`classifier`", class = "reticnn_error")
  expect_error(serve_classifier(fit, prior = c(circle = 1)), "`prior`",
    class = "reticnn_error")
})

# Code of the page about all this, by the name of its chunk.
code_on_page <- function(name) {
  page <- testthat::test_path("..", "..", "vignettes", "handing-it-on.Rmd.orig")
  skip_if_not(file.exists(page), "No vignettes beside the tests")
  lines <- readLines(page, encoding = "UTF-8")
  start <- grep(sprintf("^```\\{r %s[,}]", name), lines)
  end <- start + match("```", lines[-seq_len(start)])
  lines[(start + 1):(end - 1)]
}

test_that("the module on the page predicts what is uploaded", {
  skip_if_no_core()
  skip_if_not_installed("shiny")
  page <- new.env()
  eval(parse(text = code_on_page("shiny")), page)
  expect_match(as.character(page$classifier_ui("a")), 'id="a-photos"')
  folder <- withr::local_tempdir()
  file <- file.path(folder, "0.png")
  write_png(file, "grey")
  writeLines("no image", file.path(folder, "1.png"))
  fit <- tiny_classifier()
  server <- getExportedValue("shiny", "testServer")
  server(page$classifier_server, args = list(classifier = fit), {
    uploaded <- data.frame(name = c("my photo.png", "notes.png"),
      datapath = file.path(folder, c("0.png", "1.png")))
    session$setInputs(photos = uploaded)
    expect_identical(predictions()$.file, "my photo.png")
    expect_equal(predictions()[1:3], predict(fit, file)[1:3], ignore_attr = TRUE)
    expect_match(output$table, "my photo.png .*%")
    session$setInputs(photos = uploaded[2, ])
    expect_error(output$table, "None of the files is an image")
  })
})

test_that("the plumber file on the page answers", {
  skip_if_quick()
  skip_if_no_core()
  skip_on_os("windows")
  skip_if_not_installed("plumber")
  skip_if_not(nzchar(Sys.which("curl")), "No curl found")
  code <- code_on_page("plumber")
  withr::local_dir(withr::local_tempdir())
  writeLines(code, "plumber.R")
  fit <- tiny_classifier()
  save_classifier(fit, "shapes.reticnn")
  write_png("a.png", "grey")
  writeLines("no image", "b.png")
  here <- reticulate::tuple("127.0.0.1", 0L)
  socket <- reticulate::import("socket")$create_server(here)
  port <- socket$getsockname()[[2]]
  socket$close()
  call <- sprintf("plumber::pr_run(plumber::pr('plumber.R'), port = %d)", port)
  libraries <- list(R_LIBS = paste(.libPaths(), collapse = .Platform$path.sep))
  process <- reticulate::import("subprocess")$Popen(
    list(file.path(R.home("bin"), "Rscript"), "-e", call), stdout = -3L, stderr = -3L,
    cwd = getwd(), env = utils::modifyList(as.list(Sys.getenv()), libraries)
  )
  withr::defer(process$kill())
  ask <- function(file) {
    text <- system2("curl", c("--silent", "--retry 60", "--retry-delay 1",
      "--retry-connrefused", "--max-time 60", "--form", paste0("photos=@", file),
      sprintf("http://127.0.0.1:%d/predict", port)), stdout = TRUE)
    reticulate::import("json")$loads(text)
  }
  row <- ask("a.png")[[1]]
  expect_identical(row$.file, "a.png")
  expect_equal(row$.pred_circle, predict(fit, "a.png")$.pred_circle, tolerance = 1e-5)
  expect_match(ask("b.png")$error[[1]], "cannot be read as an image")
})
