# Runs the code of a page that is knitted ahead, vignettes/NAME.Rmd.orig, to see that all of
# it still works: each training for one epoch, on few images, which are shapes in place of
# photos. What comes out is not looked at. `make vignettes` does this for the pages that
# need no pretrained weights.

most_images <- 60

few <- function(n = 1000, num_classes = 2, ...) {
  reticnn::shape_images(min(n, most_images), num_classes, ...)
}

# In place of the package's functions, for the code of the page.
quick <- list(
  shape_images = few,
  cats_and_dogs = function(path = NULL) {
    part <- function(seed) {
      # Of which the pages take a tenth.
      loaded <- reticnn::load_images(reticnn::shape_images(10 * most_images, seed = seed))
      animals <- c(circle = "cat", square = "dog")
      reticnn::image_arrays(loaded$images, animals[as.character(loaded$labels)])
    }
    list(train = part(1), test = part(2))
  },
  fit_classifier = function(model, data, ..., epochs = 1) {
    reticnn::fit_classifier(model, data, ..., epochs = 1)
  },
  learn_augmentation = function(..., budget = 4, trials = 2) {
    reticnn::learn_augmentation(..., budget = 4, trials = 2)
  }
)

name <- commandArgs(TRUE)[[1]]
page <- list2env(quick, parent = globalenv())
code <- tempfile(fileext = ".R")
knitr::purl(file.path("vignettes", paste0(name, ".Rmd.orig")), code, documentation = 0,
  quiet = TRUE)
setwd(tempdir())
grDevices::png(tempfile())
for (expression in parse(code)) {
  shown <- withVisible(tryCatch(eval(expression, page), error = function(cnd) {
    # Some errors are what a page shows.
    if (!grepl("must be a whole number", conditionMessage(cnd))) stop(cnd)
  }))
  if (shown$visible) invisible(utils::capture.output(print(shown$value)))
}
