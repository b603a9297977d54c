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
    made <- matches("[A-Za-z_.]+(?= <- )", code)
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
  keras_has <- c("fit", "preprocess_input")
  known <- c(functions_of_r(), functions_of_python(), keras_has)
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
