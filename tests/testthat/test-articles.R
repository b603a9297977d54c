# Articles are knitted ahead, so no build of the package runs their code; `make vignettes`
# runs that of some, on few images. These tests see that a page and what it is made of belong
# together, and that its calls are still right.
articles <- function() {
  Sys.glob(testthat::test_path("..", "..", "vignettes", "*.Rmd.orig"))
}

skip_without_articles <- function() {
  skip_if_not(length(articles()) > 0, "No vignettes/*.Rmd.orig beside the tests")
}

# The lines of the chunks, as they are in the source or, without results, on the page.
code_lines <- function(file) {
  lines <- readLines(file, encoding = "UTF-8")
  fence <- startsWith(lines, "```")
  inside <- cumsum(fence) %% 2 == 1 & !fence
  starts <- which(fence)[c(TRUE, FALSE)]
  of_r <- grepl("^```(r|\\{r.*\\})$", lines[starts])
  number <- (cumsum(fence) + 1) %/% 2
  lines <- lines[inside & of_r[pmax(number, 1)]]
  lines[nzchar(lines) & !startsWith(lines, "#>")]
}

calls_in <- function(x) {
  if (is.expression(x) || is.pairlist(x)) x <- as.list(x)
  inner <- if (is.call(x) || is.list(x)) unlist(lapply(as.list(x), calls_in)) else NULL
  c(if (is.call(x)) x, inner)
}

test_that("articles have the code that they were knitted from", {
  skip_without_articles()
  for (source in articles()) {
    page <- sub("\\.orig$", "", source)
    expect_true(file.exists(page), info = page)
    expect_identical(code_lines(page), code_lines(source), info = page)
  }
})

test_that("pictures on the pages are there, and no others", {
  skip_without_articles()
  folder <- dirname(articles()[[1]])
  pages <- sub("\\.orig$", "", articles())
  lines <- unlist(lapply(pages, readLines, encoding = "UTF-8"))
  shown <- regmatches(lines, regexpr("(?<=[(\"])figures/[^)\"]+", lines, perl = TRUE))
  expect_setequal(file.path("figures", list.files(file.path(folder, "figures"))), shown)
})

test_that("calls in articles have arguments that there are", {
  skip_without_articles()
  exported <- getNamespaceExports("reticnn")
  for (source in articles()) {
    calls <- calls_in(parse(text = code_lines(source)))
    ours <- Filter(function(call) {
      is.name(call[[1]]) && as.character(call[[1]]) %in% exported
    }, calls)
    expect_gt(length(ours), 5)
    for (call in ours) {
      definition <- getExportedValue("reticnn", as.character(call[[1]]))
      expect_error(match.call(definition, call), NA, info = deparse(call))
    }
  }
})
