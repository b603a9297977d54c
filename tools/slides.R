# Builds the slides of the session into doc/slides.html, one file, without a network.

file <- file.path("python", "reticnn", "teaching", "kit", "slides.Rmd")
dir.create("doc", showWarnings = FALSE)
rmarkdown::render(file, output_dir = "doc", intermediates_dir = tempfile(), quiet = TRUE,
  envir = new.env(parent = globalenv()))
