# The documentation holds what it promises: help pages are complete, and what the pages
# name is there.

# Files beside the tests, as in a checkout; an installed package does not have them.
pages <- function() {
  top <- testthat::test_path("..", "..")
  files <- c(
    file.path(top, c("README.md", "NEWS.md")),
    list.files(file.path(top, "vignettes"), "[.]Rmd$", full.names = TRUE)
  )
  files[file.exists(files)]
}

# The lines of a page's chunks whose head matches.
chunk_lines <- function(lines, head) {
  fences <- grep("^```", lines)
  starts <- fences[c(TRUE, FALSE)]
  ends <- fences[c(FALSE, TRUE)]
  chosen <- grepl(head, lines[starts])
  unlist(Map(
    function(start, end) lines[seq(start + 1, length.out = end - start - 1)],
    starts[chosen], ends[chosen]
  ))
}

matches <- function(pattern, lines) {
  found <- regmatches(lines, gregexpr(pattern, lines, perl = TRUE))
  unique(unlist(found))
}

# What R code calls by name, without what it calls of a package or an object, or has as
# an argument.
called <- function(code) {
  tokens <- utils::getParseData(parse(text = code, keep.source = TRUE))
  tokens <- tokens[tokens$terminal, ]
  before <- c("", utils::head(tokens$token, -1))
  mine <- tokens$token == "SYMBOL_FUNCTION_CALL" & !before %in% c("NS_GET", "'$'")
  setdiff(tokens$text[mine], tokens$text[tokens$token == "SYMBOL_FORMALS"])
}

# The parts of a help page with that tag, such as "value".
parts <- function(topic, tag) {
  topic[vapply(topic, attr, "", "Rd_tag") == paste0("\\", tag)]
}

text_of <- function(rd) paste(unlist(rd), collapse = "")

# The arguments that have a default in a usage.
with_default <- function(usage) {
  unlist(lapply(as.list(parse(text = usage)), function(call) setdiff(names(call), "")))
}

functions_of_r <- function(packages = character()) {
  standard <- c("base", "stats", "utils", "graphics", "grDevices", "methods", "parallel")
  unlist(lapply(c("reticnn", "reticulate", standard, packages), getNamespaceExports))
}

functions_of_python <- function() {
  lines <- readLines(file.path(core_dir(), "reticnn", "__init__.py"))
  sub('^ *"([a-z_]+)": .*', "\\1", grep('^ *"[a-z_]+": "', lines, value = TRUE))
}

test_that("every function's help page has a value, an example and the defaults", {
  topics <- tools::Rd_db("reticnn")
  skip_if(length(topics) == 0, "The package is installed without its help pages")
  expect_true(all(getNamespaceExports("reticnn") %in% unlist(lapply(topics, parts, "alias"))))
  for (page in names(topics)) {
    topic <- topics[[page]]
    usage <- paste(unlist(parts(topic, "usage")), collapse = "")
    # Data, and generics that are explained where they come from, have none.
    if (!grepl("(", usage, fixed = TRUE)) next
    for (part in c("title", "description", "value", "examples")) {
      expect_gt(length(parts(topic, part)), 0, label = paste("The", part, "of", page))
    }
    # What all operations of a policy have by default is said once.
    if (page == "augmentation.Rd") next
    items <- Filter(is.list, unlist(parts(topic, "arguments"), recursive = FALSE))
    for (item in Filter(function(item) length(item) == 2, items)) {
      names <- trimws(strsplit(text_of(item[[1]]), ",")[[1]])
      if (any(names %in% with_default(usage))) {
        expect_match(text_of(item[[2]]), "efault|^[\\s\\n]*As ", info = page)
      }
    }
  }
})

test_that("examples run but where they would download", {
  topics <- tools::Rd_db("reticnn")
  skip_if(length(topics) == 0, "The package is installed without its help pages")
  held_back <- vapply(topics, function(topic) {
    any(grepl("dontrun|donttest", utils::capture.output(print(topic))))
  }, NA)
  expect_setequal(names(topics)[held_back], c("cats_and_dogs.Rd", "install_reticnn.Rd"))
})

test_that("the R code of the pages calls functions that there are", {
  skip_if(length(pages()) == 0, "The pages are not beside the tests")
  for (page in pages()) {
    code <- chunk_lines(readLines(page, encoding = "UTF-8"), "^```(r$|[{]r)")
    packages <- matches("(?<=library\\()[A-Za-z0-9.]+", code)
    if (!all(vapply(packages, requireNamespace, NA, quietly = TRUE))) next
    known <- functions_of_r(packages)
    made <- matches("[A-Za-z0-9_.]+(?= <- )", code)
    unknown <- as.character(setdiff(called(code), c(known, made)))
    expect_identical(unknown, character(), info = page)
  }
})

test_that("the Python code of the pages calls functions that there are", {
  skip_if(length(pages()) == 0, "The pages are not beside the tests")
  for (page in pages()) {
    code <- chunk_lines(readLines(page, encoding = "UTF-8"), "^```([{]?python)")
    named <- matches("(?<=\\breticnn\\.)[a-z_]+(?=\\()", code)
    unknown <- as.character(setdiff(named, functions_of_python()))
    expect_identical(unknown, character(), info = page)
  }
})

test_that("the functions that the pages' text names are there", {
  skip_if(length(pages()) == 0, "The pages are not beside the tests")
  # Keras's, what users give to Keras, and ggplot2's.
  elsewhere <- c("fit", "preprocess_input", "on_epoch_end", "autoplot")
  known <- c(functions_of_r(), functions_of_python(), elsewhere)
  for (page in pages()) {
    named <- matches("(?<=`)[A-Za-z_.]+(?=\\([^`]*`)", readLines(page, encoding = "UTF-8"))
    expect_identical(setdiff(named, known), character(), info = page)
  }
})

test_that("pages that are referred to are there", {
  files <- grep("[.]Rmd$", pages(), value = TRUE)
  skip_if(length(files) == 0, "The pages are not beside the tests")
  named <- matches('(?<=vignette\\(")[a-z-]+', unlist(lapply(files, readLines)))
  expect_identical(setdiff(named, sub("[.]Rmd$", "", basename(files))), character())
})

test_that("the citation names the package and the workshop", {
  cited <- utils::citation("reticnn")
  expect_length(cited, 2)
  expect_match(cited[[1]]$note, as.character(utils::packageVersion("reticnn")), fixed = TRUE)
  expect_match(format(cited[[2]], style = "text"), "Computer Vision in R.*BIBC2025.*2[.]2")
})

# The sources beside the tests, as in a checkout.
sources <- function() {
  normalizePath(testthat::test_path("..", ".."), mustWork = FALSE)
}

skip_without_sources <- function() {
  skip_if_not(file.exists(file.path(sources(), "tools", "documentation.R")),
    "The sources are not beside the tests")
}

# Of every function of the core, the page and the name under which R has it.
topic_of <- function(name) {
  methods <- c(augment = "augment.array", plot_description = "plot.reticnn_description",
    plot_history = "plot.reticnn_classifier", plot_ladder = "plot.reticnn_ladder",
    plot_rates = "plot.reticnn_rates", plot_review = "plot.reticnn_review",
    plot_tuning = "plot.reticnn_tuning", plot_explanation = "plot.reticnn_explanation",
    plot_explanation_scores = "plot.reticnn_explanation_scores",
    plot_class_images = "plot.reticnn_class_images",
    plot_similar_images = "plot.reticnn_similar",
    plot_cross_validation = "plot.reticnn_cross_validation",
    plot_comparison = "plot.reticnn_comparison", plot_stress = "plot.reticnn_stress",
    plot_window = "plot.reticnn_window", plot_receptive_field = "plot.reticnn_field",
    plot_shift_response = "plot.reticnn_shifts")
  if (name %in% names(methods)) methods[[name]] else name
}

# What the arguments of a page are said to be, by their names.
arguments_of <- function(topic) {
  items <- Filter(is.list, unlist(parts(topic, "arguments"), recursive = FALSE))
  items <- Filter(function(item) length(item) == 2, items)
  texts <- vapply(items, function(item) text_of(item[[2]]), "")
  names <- lapply(items, function(item) trimws(strsplit(text_of(item[[1]]), ",")[[1]]))
  stats::setNames(rep(texts, lengths(names)), unlist(names))
}

# The arguments of a docstring, as Python's own reader of signatures gives their order.
docstring_arguments <- function(docstring) {
  lines <- strsplit(docstring, "\n")[[1]]
  start <- match("Args:", lines)
  if (is.na(start)) return(character())
  lines <- lines[-seq_len(start)]
  end <- which(nzchar(lines) & !startsWith(lines, " "))[1]
  lines <- utils::head(lines, end - 1)
  heads <- grepl("^ {4}\\S", lines)
  entries <- vapply(split(lines, cumsum(heads)), paste, "", collapse = " ")
  names <- sub("^ *[*]*([a-z_0-9]+): .*", "\\1", entries)
  stats::setNames(sub("^ *[*]*[a-z_0-9]+: ", "", entries), names)
}

# The words that both languages have; a seed that is not given is drawn otherwise.
common_words <- function(text) {
  text <- gsub(",?\\s+or\\s+None\\s+for[^.]*", "", text)
  words <- tolower(unlist(regmatches(text, gregexpr("[A-Za-z0-9_]{3,}", text))))
  pythons <- c("none", "true", "false", "dict", "dicts", "float", "float32", "float64",
    "uint8", "lambda", "sequence", "sequences", "matplotlib", "list")
  setdiff(words, pythons)
}

test_that("help says of each argument what the core's docstring says", {
  skip_if_no_core()
  topics <- tools::Rd_db("reticnn")
  skip_if(length(topics) == 0, "The package is installed without its help pages")
  core <- core_module(rlang::current_env())
  inspect <- reticulate::import("inspect")
  for (name in reticulate::import("reticnn")$`__all__`) {
    docstring <- inspect$getdoc(reticulate::py_get_attr(core, name))
    said <- docstring_arguments(docstring)
    page <- arguments_of(topics[[paste0(topic_of(name), ".Rd")]])
    # R's names for the first argument of a method, and for the rest by name.
    renamed <- topic_of(name) != name & seq_along(said) == 1
    names(said)[renamed] <- "x"
    names(said)[names(said) %in% c("options", "operations") & !names(said) %in% names(page)] <- "..."
    expect_true(all(names(said) %in% names(page)), info = name)
    for (argument in names(said)) {
      missing <- setdiff(common_words(said[[argument]]), common_words(page[[argument]]))
      expect_identical(missing, character(), info = paste(name, argument))
    }
  }
})

test_that("no argument of a function of the core is described by hand in R", {
  skip_without_sources()
  for (file in list.files(file.path(sources(), "R"), full.names = TRUE)) {
    lines <- readLines(file, encoding = "UTF-8")
    blocks <- split(lines, cumsum(!startsWith(lines, "#'")))
    for (block in blocks) {
      if (!any(startsWith(block, "#' @eval said("))) next
      by_hand <- grep("^#' @param ", block, value = TRUE)
      expect_identical(setdiff(by_hand, "#' @param ... Not used; must be empty."), character(),
        info = file)
    }
  }
})

test_that("the help pages are those that the sources make", {
  skip_on_cran()
  skip_without_sources()
  skip_if_not_installed("roxygen2")
  description <- read.dcf(file.path(sources(), "DESCRIPTION"))
  skip_if(packageVersion("roxygen2") != description[[1, "RoxygenNote"]],
    "The pages were made by another version of roxygen2")
  copy <- withr::local_tempdir()
  parts <- c("DESCRIPTION", "NAMESPACE", "R", "man", "tools", "python", "inst")
  file.copy(file.path(sources(), parts), copy, recursive = TRUE)
  lines <- run_r(c(
    sprintf("setwd(%s)", deparse(copy)),
    "roxygen2::roxygenise()"
  ))
  expect_no_match(lines, "Writing|Deleting", all = TRUE)
  expect_false(any(grepl("Error", lines)), info = paste(lines, collapse = "\n"))
  made <- list.files(file.path(copy, "man"), "[.]Rd$")
  expect_identical(made, list.files(file.path(sources(), "man"), "[.]Rd$"))
  for (page in file.path("man", made)) {
    expect_identical(readLines(file.path(copy, page)), readLines(file.path(sources(), page)),
      info = page)
  }
})

test_that("examples that are not to be run stand on lines of their own", {
  # Of those that begin beside their brace, pkgdown runs all but the first expression.
  help <- list.files(testthat::test_path("..", "..", "man"), "[.]Rd$", full.names = TRUE)
  skip_if_not(length(help) > 0, "No man/ beside the tests")
  lines <- unlist(lapply(help, readLines, encoding = "UTF-8"))
  marked <- grep("\\dontrun{", lines, fixed = TRUE, value = TRUE)
  expect_gt(length(marked), 0)
  expect_identical(trimws(marked), rep("\\dontrun{", length(marked)))
})

test_that("every method for the package's classes is registered", {
  space <- asNamespace("reticnn")
  methods <- grep("^[^.].*[.]reticnn[_.]", ls(space, all.names = TRUE), value = TRUE)
  methods <- Filter(function(name) is.function(space[[name]]), methods)
  expect_gt(length(methods), 80)
  registered <- getNamespaceInfo(space, "S3methods")
  expect_identical(setdiff(methods, paste(registered[, 1], registered[, 2], sep = ".")),
    character())
})

test_that("examples are code, none of it lost in a comment", {
  help <- list.files(testthat::test_path("..", "..", "man"), "[.]Rd$", full.names = TRUE)
  skip_if_not(length(help) > 0, "No man/ beside the tests")
  for (page in help) {
    lines <- utils::capture.output(tools::Rd2ex(page, commentDontrun = FALSE))
    expect_error(parse(text = lines), NA, info = basename(page))
    expect_false(any(grepl("^ *#.*: [a-z_.]+ <-", lines)), info = basename(page))
  }
})
