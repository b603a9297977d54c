# Runs the code of pages that are knitted ahead, vignettes/NAME.Rmd.orig, to see that all of
# it still works: each training for one epoch, on few images, which are shapes in place of
# photos. What comes out is not looked at. `make vignettes` does this for those pages that
# neither need pretrained weights nor a network that has learned something.
#
#   Rscript tools/run-pages.R NAME...

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

code_of <- function(name) {
  code <- tempfile(fileext = ".R")
  knitr::purl(file.path("vignettes", paste0(name, ".Rmd.orig")), code, documentation = 0,
    quiet = TRUE)
  parse(code)
}

run <- function(name, code) {
  message("Running ", name)
  page <- list2env(quick, parent = globalenv())
  for (expression in code) {
    shown <- withVisible(tryCatch(eval(expression, page), error = function(cnd) {
      # Some errors are what a page shows.
      if (!grepl("must be a whole number", conditionMessage(cnd))) stop(cnd)
    }))
    if (shown$visible) utils::capture.output(print(shown$value))
  }
}

# So few images give warnings that the page does not.
options(warn = -1)
names <- commandArgs(TRUE)
codes <- lapply(names, code_of)
setwd(tempdir())
grDevices::png(tempfile())
for (at in seq_along(names)) run(names[[at]], codes[[at]])
