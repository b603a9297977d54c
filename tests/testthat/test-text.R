# Texts cross to the core and back whatever the locale.

test_that("texts come back as they were, with their bytes", {
  skip_if_no_core()
  bytes <- rawToChar(as.raw(c(0xe9, 0x2e, 0x70)))
  latin1 <- "K\xe4se"
  Encoding(latin1) <- "latin1"
  unmarked <- rawToChar(charToRaw("\u9ce5"))
  core_module(rlang::current_env())
  same <- reticulate::py_eval("lambda x: x", convert = FALSE)
  back <- function(x) from_core(the$relay$call_with_warnings(same, to_core(x))[[1]])
  expect_identical(back(c("a", "K\u00e4se", bytes))[1:2], c("a", "K\u00e4se"))
  expect_identical(charToRaw(back(list("a", bytes))[[2]]), charToRaw(bytes))
  expect_identical(charToRaw(back(bytes)), charToRaw(bytes))
  expect_identical(back(c(latin1, unmarked)), c("K\u00e4se", "\u9ce5"))
  expect_identical(Encoding(back(list(unmarked, latin1))), c("UTF-8", "UTF-8"))
  named <- stats::setNames(list(1, 2), c("a", "\u9ce5"))
  expect_identical(back(named), named)
  expect_identical(back(list(x = named, y = NULL, z = 1:3)), list(x = named, y = NULL, z = 1:3))
})

test_that("a name that is given twice is refused", {
  skip_if_no_core()
  data <- shape_images(20, image_size = 8, seed = 1)
  expect_error(split_images(data, c(a = 0.5, a = 0.5)), "`prop` has the name 'a' twice",
    class = "reticnn_error")
  expect_error(split_images(data, list(a = 0.5, 0.5)), "`prop` has values without a name",
    class = "reticnn_error")
})

test_that("names of classes and files are the same in the C locale", {
  skip_if_quick()
  skip_if_no_core()
  skip_on_os("windows")
  skip_if_not(l10n_info()$`UTF-8`)
  folder <- withr::local_tempdir()
  classes <- c("K\u00e4se", "\u9ce5")
  for (class in classes) {
    for (i in 1:2) write_png(file.path(folder, class, paste0("\u00e9", i, ".png")), "grey20")
  }
  fit <- fit_classifier(build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, units = 4),
    image_folder(folder, 8), epochs = 1)
  expect_identical(fit$class_names, classes)
  saved <- withr::local_tempfile(fileext = ".reticnn")
  save_classifier(fit, saved)
  lines <- run_r(
    c(
      "library(reticnn)",
      "stopifnot(!l10n_info()$`UTF-8`)",
      "classes <- c('K\\u00e4se', '\\u9ce5')",
      sprintf("folder <- '%s'", folder),
      "data <- image_folder(folder, 8)",
      "stopifnot(identical(data$class_names, classes), file.exists(data$files))",
      sprintf("old <- load_classifier('%s')", saved),
      "stopifnot(identical(old$class_names, classes))",
      "stopifnot(evaluate_classifier(old, data)$n == 4)",
      "fit <- fit_classifier(old, data, epochs = 1,",
      "  class_weight = stats::setNames(c(1, 2), classes))",
      "table <- augment(fit, data)",
      "stopifnot(identical(levels(table$.pred_class), classes))",
      "stopifnot(identical(table$label, load_images(data)$labels), !anyNA(table$label))",
      "stopifnot(identical(names(table)[4:5], paste0('.pred_', classes)))",
      "stopifnot(identical(rownames(evaluate_classifier(fit, data)$confusion), classes))",
      # As list.files() gives them here: not marked as UTF-8.
      "files <- list.files(folder, recursive = TRUE, full.names = TRUE)",
      "again <- image_table(files, basename(dirname(files)), 8)",
      "stopifnot(identical(load_images(again)$labels, table$label))",
      "path <- file.path(tempdir(), 'K\\u00e4se.reticnn')",
      "save_classifier(fit, path)",
      "stopifnot(identical(load_classifier(path)$class_names, classes))",
      "said <- tryCatch(evaluate_classifier(fit, image_arrays(load_images(data)$images,",
      "  c('\\u9ce5', 'x', 'x', 'x'))), error = conditionMessage)",
      "stopifnot(grepl('\\u9ce5', said, fixed = TRUE))",
      "page <- file.path(tempdir(), 'K\\u00e4se.html')",
      "report_classifier(fit, data, page, session = c(By = 'Ren\\u00e9'))",
      "text <- readLines(reticnn:::as_paths(page), encoding = 'UTF-8')",
      "has <- function(x) any(grepl(x, text, fixed = TRUE))",
      "stopifnot(has(classes[1]), has(classes[2]), has('Ren\\u00e9'), has('</html>'))",
      "print(data); print(fit); print(table)",
      "cat('done\\n')"
    ),
    env = c("LC_ALL=C", "LANG=")
  )
  expect_identical(utils::tail(lines, 1), "done")
})

test_that("files whose names are not UTF-8 are predicted and reported", {
  skip_if_no_core()
  skip_on_os(c("windows", "mac"))
  fit <- tiny_classifier()
  folder <- withr::local_tempdir()
  write_png(file.path(folder, "a.png"), "grey20")
  write_png(file.path(folder, "b.png"), "white")
  # file.path() takes no such names.
  old <- paste0(folder, "/", rawToChar(as.raw(c(0xe9, 0x2e, 0x70, 0x6e, 0x67))))
  skip_if_not(file.rename(file.path(folder, "b.png"), old))
  table <- predict(fit, folder)
  expect_true(all(file.exists(table$.file)))
  expect_identical(charToRaw(table$.file[[2]]), charToRaw(old))
  expect_equal(predict(fit, old), table[2, ])
  expect_equal(predict(fit, rev(table$.file)), table[2:1, ])
  expect_output(print(table), "\\xe9", fixed = TRUE)
  data <- image_table(table$.file, c("circle", "square"), 16)
  expect_identical(charToRaw(data$files[[2]]), charToRaw(old))
  path <- withr::local_tempfile(fileext = ".html")
  session <- c(By = rawToChar(as.raw(c(0x52, 0xe9))))
  suppressMessages(report_classifier(fit, data, path, session = session))
  text <- paste(readLines(path), collapse = "\n")
  expect_match(text, "\\xe9.png", fixed = TRUE)
  expect_match(text, "R\\xe9", fixed = TRUE)
  expect_match(text, "</html>", fixed = TRUE)
  writeLines("none", old)
  expect_error(predict(fit, old), "\\xe9.png: is not an image", fixed = TRUE,
    class = "reticnn_error")
})
