# What R costs: attaching the package; building a network from R against building it in
# Python in the same process; the one-time copy of image arrays. Medians, interleaved.

attaching <- replicate(5, as.numeric(system2(
  file.path(R.home("bin"), "Rscript"),
  c("-e", shQuote("cat(system.time(library(reticnn))[['elapsed']])")), stdout = TRUE
)))
cat(sprintf("library(reticnn):      %.3f s  (wanted: < 0.5 s)\n", stats::median(attaching)))

library(reticnn)

milliseconds <- function(expr) {
  start <- Sys.time()
  force(expr)
  1000 * as.numeric(difftime(Sys.time(), start, units = "secs"))
}

# A loop in Python, so that nothing of R is in its time.
timed_in_python <- reticulate::py_run_string("
import time
def build_milliseconds(build):
    start = time.perf_counter()
    build()
    return 1000 * (time.perf_counter() - start)
")$build_milliseconds
core <- reticulate::import_from_path("reticnn", system.file("python", package = "reticnn"))
for (warm in 1:5) build_cnn()

rounds <- 40
times <- replicate(rounds, c(
  python = timed_in_python(core$build_cnn), r = milliseconds(build_cnn())
))
medians <- apply(times, 1, stats::median)
cat(sprintf("build_cnn() in Python: %.1f ms\n", medians[["python"]]))
cat(sprintf("build_cnn() from R:    %.1f ms\n", medians[["r"]]))
cat(sprintf("R costs:               %.1f ms more  (wanted: <= 10 ms)\n\n",
  stats::median(times["r", ] - times["python", ])))

pixels <- array(sample(0:255, 1e4 * 32 * 32 * 3, replace = TRUE), c(1e4, 32, 32, 3))
arrays <- list(integer = pixels, double = pixels + 0, raw = array(as.raw(pixels), dim(pixels)))
for (type in names(arrays)) {
  x <- arrays[[type]]
  took <- replicate(7, milliseconds(image_arrays(x)))
  cat(sprintf("10,000 x 32 x 32 x 3 %-8s %4.0f ms  (wanted: < 300 ms)\n", type,
    stats::median(took)))
}
