# Everything that is drawn on a page says what is to be seen, for those who cannot see it.

sources_of_pages <- function() {
  top <- testthat::test_path("..", "..")
  c(
    file.path(top, "README.md"), Sys.glob(file.path(top, "vignettes", "*.Rmd*")),
    Sys.glob(file.path(core_dir(), "reticnn", "teaching", "kit", "*.Rmd"))
  )
}

# The head and the code of each chunk of R, but those that do not run.
chunks_of <- function(lines) {
  starts <- grep("^```\\{r", lines)
  ends <- vapply(starts, function(start) {
    start + match(TRUE, startsWith(lines[-seq_len(start)], "```"))
  }, numeric(1))
  chunks <- Map(function(start, end) {
    list(head = lines[[start]], code = lines[seq(start + 1, length.out = end - start - 1)])
  }, starts, ends)
  Filter(function(chunk) !grepl("eval = FALSE|include = FALSE", chunk$head), chunks)
}

# Whether code draws: a plot that is not kept, or a file that is shown.
draws <- function(code) {
  any(grepl("^(reticnn::)?(plot(_[a-z_]+)?|ggplot|autoplot|hist|image|matplot)\\(|include_graphics\\(", code))
}

test_that("every chunk that draws has a text for what it draws", {
  files <- sources_of_pages()
  skip_if(!file.exists(files[[1]]), "The pages are not beside the tests")
  # Pages made of another file have that file's chunks.
  files <- grep("[.]Rmd([.]orig)?$", files, value = TRUE)
  for (file in files[!paste0(files, ".orig") %in% files]) {
    lines <- readLines(file, encoding = "UTF-8")
    # A page without chunks that set evaluation runs none of them.
    if (any(grepl("opts_chunk\\$set\\(eval = FALSE", lines))) next
    for (chunk in chunks_of(lines)) {
      if (!draws(chunk$code)) next
      said <- grepl("fig[.](alt|cap) = (\"[^\"]{8,}\"|c\\(|[a-z])", chunk$head)
      expect_true(said, info = paste(basename(file), chunk$head))
    }
  }
})

test_that("pictures that are on a page have a text", {
  files <- sources_of_pages()
  skip_if(!file.exists(files[[1]]), "The pages are not beside the tests")
  for (file in grep("[.]orig$", files, value = TRUE, invert = TRUE)) {
    text <- paste(readLines(file, encoding = "UTF-8"), collapse = "\n")
    shown <- regmatches(text, gregexpr("!\\[[^]]*\\]\\([^)]+\\)|<img [^>]*>", text))[[1]]
    said <- grepl("^!\\[[^]]{8,}\\]|alt=\"[^\"]{8,}\"", shown) &
      !grepl("plot of chunk", shown)
    expect_identical(shown[!said], character(), info = basename(file))
  }
})
