# From a saved classifier to the first prediction in a new R process: by Keras, and by the
# ONNX graph that `save_classifier()` keeps, or of an exported ONNX file.
# Wall time of the process, processor time and highest memory (Linux says it): medians of
# interleaved runs. MobileNet with a quarter of the channels, 224 x 224 pixels, weights as
# drawn.

library(reticnn)

rounds <- 5
pixels <- array(sample(0:255, 8 * 224 * 224 * 3, replace = TRUE), c(8, 224, 224, 3))
data <- image_arrays(pixels, rep(c("cat", "dog"), 4))
classifier <- fit_classifier(
  landmark_model("mobilenet", num_classes = 2L, width = 0.25), data,
  validation = NULL, epochs = 1, progress = "none"
)
folder <- tempfile("cold-start-")
dir.create(folder)
files <- file.path(folder, c("keras.reticnn", "fast.reticnn", "classifier.onnx"))
names(files) <- c("Keras", "ONNX graph", "ONNX file")
save_classifier(classifier, files[[1]], fast_start = FALSE)
save_classifier(classifier, files[[2]])
invisible(export_classifier(classifier, files[[3]]))

script <- file.path(folder, "predict.R")
writeLines(c(
  "library(reticnn)",
  "classifier <- load_classifier(commandArgs(TRUE)[[1]])",
  "table <- predict(classifier, array(128L, c(1, 224, 224, 3)))",
  "status <- tryCatch(readLines('/proc/self/status'), error = function(e) 'VmHWM: NA kB')",
  "peak <- as.numeric(gsub('[^0-9]', '', grep('VmHWM', status, value = TRUE))) / 1024",
  "cat(sum(proc.time()[1:2]), peak, '\\n')"
), script)

measured <- function(arguments) {
  start <- Sys.time()
  said <- system2(file.path(R.home("bin"), "Rscript"), shQuote(arguments), stdout = TRUE,
    stderr = FALSE)
  wall <- as.numeric(difftime(Sys.time(), start, units = "secs"))
  found <- as.numeric(strsplit(trimws(said[[length(said)]]), " +")[[1]])
  c(wall = wall, processor = found[[1]], peak = found[[2]])
}

# What R and reticulate take before anything of ours: most of it is the package Matrix,
# which reticulate imports.
alone <- file.path(folder, "alone.R")
writeLines(c("invisible(reticulate::import('sys'))", readLines(script)[4:6]), alone)

ways <- c(lapply(files, function(file) c(script, file)), list(`reticulate alone` = alone))
times <- replicate(rounds, vapply(ways, measured, c(wall = 0, processor = 0, peak = 0)))
medians <- apply(times, 1:2, stats::median)
for (way in names(ways)) {
  cat(sprintf("%-18s %5.2f s, %5.2f s of the processor, %4.0f MB\n", way,
    medians["wall", way], medians["processor", way], medians["peak", way]))
}
cat("(wanted with an ONNX graph: <= 1.2 s, <= 250 MB)\n")
unlink(folder, recursive = TRUE)
