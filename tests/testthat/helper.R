# Tests that need Python are skipped without it, as on a machine that only has R.
skip_if_no_core <- function() {
  testthat::skip_if_not(reticnn_available(), "No Python with Keras found")
}

# What takes more than a few seconds stays out of `make check`.
skip_if_quick <- function() {
  testthat::skip_if(nzchar(Sys.getenv("RETICNN_QUICK_TESTS")), "Slow")
}

# A small classifier, trained once for all tests of a process.
tiny_classifier <- local({
  made <- NULL
  function() {
    if (is.null(made)) {
      data <- shape_images(80, image_size = 16, seed = 1)
      model <- build_cnn(c(16, 16, 3), n_blocks = 2, filters = 4, units = 8, seed = 1)
      made <<- fit_classifier(model, data, validation = 0.25, epochs = 2, seed = 1)
    }
    made
  }
})

# Images that the small classifier predicts correctly, but for every fifth.
mostly_right <- function(n = 60, seed = 5) {
  images <- load_images(shape_images(n, image_size = 16, seed = seed))$images
  labels <- predict(tiny_classifier(), images)$.pred_class
  wrong <- seq(1, n, by = 5)
  labels[wrong] <- rev(levels(labels))[labels[wrong]]
  image_arrays(images, labels)
}

random_images <- function(...) {
  array(sample(0:255, prod(...), replace = TRUE), c(...))
}

write_png <- function(file, colour, width = 20, height = 30) {
  dir.create(dirname(file), showWarnings = FALSE, recursive = TRUE)
  grDevices::png(file, width, height, bg = colour)
  grid::grid.newpage()
  grDevices::dev.off()
}

# A folder of two dark and two light images.
photo_folder <- function(env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  for (class in c("dark", "light")) {
    for (i in 1:2) {
      write_png(file.path(folder, class, paste0(i, ".png")),
        if (class == "dark") "black" else "white")
    }
  }
  folder
}

# A plot as drawn, an array c(height, width, 3), 0 to 255.
drawn_pixels <- function(plot, width = 4, height = 3) {
  file <- tempfile(fileext = ".png")
  on.exit(unlink(file))
  ggplot2::ggsave(file, plot, width = width, height = height, dpi = 72, bg = "white")
  size <- round(c(height, width) * 72)
  data <- image_table(file, image_size = size)
  array(load_images(data)$images, c(size, 3))
}

# Runs R code in a separate process, with this library and Python.
run_r <- function(code, env = character()) {
  file <- tempfile(fileext = ".R")
  on.exit(unlink(file))
  writeLines(code, file)
  suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"), c("--no-save", shQuote(file)),
    stdout = TRUE, stderr = TRUE,
    env = c(paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep)), env)
  ))
}

# The names of the layers that are trained.
trained <- function(model) {
  table <- layer_table(model)
  table$name[table$trainable & table$parameters > 0]
}
