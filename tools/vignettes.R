# Builds each vignette in a process of its own, as R CMD build does, with Python, and
# says how long it took; the pages are left in doc/. What is knitted ahead is only
# turned into a page; of these, the ones that can be are then run on few images.

# Not those that learn from real photos until they know them, or from pretrained weights.
to_run <- c("augmentation", "cnn-from-blocks", "what-does-it-look-at", "why-convolution")

told <- function(what, done, arguments) {
  seconds <- system.time(
    status <- system2("Rscript", arguments, stdout = FALSE)
  )[["elapsed"]]
  cat(sprintf("%-40s %s, %.0f s\n", what, if (status == 0) done else "FAILED", seconds))
  status == 0
}

build <- function(file) {
  code <- sprintf("rmarkdown::render('%s', output_dir = 'doc', quiet = TRUE)", file)
  told(file, "built", c("-e", shQuote(code)))
}

if (!reticnn::reticnn_available()) {
  stop("There is no Python with Keras: the vignettes would be built without results.")
}
built <- vapply(sort(Sys.glob("vignettes/*.Rmd")), build, logical(1))
ran <- told(paste(length(to_run), "of vignettes/*.Rmd.orig"), "run",
  c("tools/run-pages.R", to_run))
quit(status = as.integer(!all(built, ran)))
