# Knits one article ahead: vignettes/NAME.Rmd.orig, which trains for long, or on real photos
# and with real weights, becomes vignettes/NAME.Rmd with what came out, a page that is built
# in a moment without Python. `make articles` runs this for each of them.
#
# Where photos and weights lie in ../shared (or in RETICNN_SHARED), nothing is downloaded;
# the code of the page is the same either way.

# One thread, so that a second run adds numbers in the same order, and the seconds of
# processor time on the page are those of one core.
Sys.setenv(TF_NUM_INTRAOP_THREADS = 1, TF_NUM_INTEROP_THREADS = 1, OMP_NUM_THREADS = 1)

shared_folder <- function() {
  folder <- Sys.getenv("RETICNN_SHARED", file.path("..", "shared"))
  if (dir.exists(folder)) normalizePath(folder)
}

# Keras's home with ImageNet's weights in it, as they are after a download.
use_weights <- function(files) {
  home <- tempfile("keras")
  dir.create(file.path(home, "models"), recursive = TRUE)
  file.symlink(files, file.path(home, "models", basename(files)))
  Sys.setenv(KERAS_HOME = home)
}

# What the page's code sees: the package, and the photos where they are.
page_environment <- function(shared) {
  page <- new.env(parent = globalenv())
  photos <- file.path(shared, "data", "cats-dogs-32.tar.xz")
  if (length(photos) == 1 && file.exists(photos)) {
    page$cats_and_dogs <- function() reticnn::cats_and_dogs(photos)
  }
  page
}

# With a palette they take a quarter to a half of the bytes, which count in the size of the
# package. 128 colours spread over all that there are suit diagrams, as none is far from its
# own; with 96, that of GoogLeNet lost some of its kinds. Photos need 256, chosen by how
# often there are such. Where both are too few, as in noise, a picture keeps its own.
give_palettes <- function(files) {
  pillow <- reticulate::import("PIL.Image")
  ways <- list(
    list(colors = 128L, method = pillow$Quantize$MAXCOVERAGE, most_change = 2),
    list(colors = 256L, method = pillow$Quantize$MEDIANCUT, most_change = 3)
  )
  for (file in files) {
    image <- pillow$open(file)$convert("RGB")
    for (way in ways) {
      few <- image$quantize(way$colors, method = way$method, dither = 0L)
      if (mean_change(few$convert("RGB"), image) < way$most_change) {
        image <- few
        break
      }
    }
    image$save(file, optimize = TRUE)
  }
}

# On average over all pixels, in steps of 256.
mean_change <- function(image, other) {
  numpy <- reticulate::import("numpy", convert = FALSE)
  pixels <- function(one) numpy$asarray(one, "int16")
  apart <- numpy$abs(numpy$subtract(pixels(image), pixels(other)))
  reticulate::py_to_r(apart$mean())
}

knit_article <- function(name) {
  shared <- shared_folder()
  if (!is.null(shared)) {
    use_weights(Sys.glob(file.path(shared, "weights", "*.h5")))
  }
  setwd("vignettes")
  unlink(Sys.glob(file.path("figures", paste0(name, "-*"))))
  knitr::opts_chunk$set(
    fig.path = paste0("figures/", name, "-"), fig.width = 7, fig.height = 4, dpi = 96,
    dev.args = list(type = "cairo", bg = "white"), collapse = TRUE, comment = "#>",
    message = FALSE, error = FALSE
  )
  # Pictures have their captions in HTML alone.
  knitr::opts_knit$set(rmarkdown.pandoc.to = "html")
  options(width = 88, digits = 3, pillar.min_title_chars = 20)
  knitr::knit(paste0(name, ".Rmd.orig"), paste0(name, ".Rmd"), quiet = TRUE,
    envir = page_environment(shared))
  give_palettes(Sys.glob(file.path("figures", paste0(name, "-*.png"))))
}

used <- system.time(knit_article(commandArgs(TRUE)[[1]]))
cat(sprintf("Knitted in %.0f s (%.0f s of processor time)\n",
  used[["elapsed"]], used[["user.self"]] + used[["sys.self"]]))
