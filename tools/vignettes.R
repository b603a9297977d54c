# Builds each vignette in a process of its own, as R CMD build does, with Python, and
# says how long it took; the pages are left in doc/. What is knitted ahead is only
# turned into a page.

build <- function(file) {
  code <- sprintf("rmarkdown::render('%s', output_dir = 'doc', quiet = TRUE)", file)
  seconds <- system.time(
    status <- system2("Rscript", c("-e", shQuote(code)), stdout = FALSE)
  )[["elapsed"]]
  cat(sprintf("%-40s %s, %.0f s\n", file, if (status == 0) "built" else "FAILED", seconds))
  status == 0
}

if (!reticnn::reticnn_available()) {
  stop("There is no Python with Keras: the vignettes would be built without results.")
}
built <- vapply(sort(Sys.glob("vignettes/*.Rmd")), build, logical(1))
quit(status = as.integer(!all(built)))
