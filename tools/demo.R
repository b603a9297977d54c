# The main job from beginning to end, as `make demo` runs it: images, a network,
# training, predictions, two pictures. With DATA=folder it uses the images of a folder
# with one subfolder per class, or with `train` and `test` folders of that kind; with
# DATA=archive.tar.xz, a local copy of the workshop's cats and dogs.

suppressPackageStartupMessages(library(ggplot2))
library(reticnn)

say <- function(...) cat("\n", ..., "\n", sep = "")

demo_data <- function(path) {
  say("1. Images: ", if (path == "") "generated shapes" else path)
  if (path == "") {
    return(split_images(shape_images(2400, num_classes = 3)))
  }
  if (utils::file_test("-f", path)) {
    return(cats_and_dogs(path))
  }
  data <- image_folder(path, image_size = 32)
  check_labels(data, path)
  if (!is.list(data)) {
    return(split_images(data))
  }
  test <- if (is.null(data$test)) data$validation else data$test
  if (!is.null(test)) {
    return(list(train = data$train, test = test))
  }
  cat("There is no folder `test`: part of the images in `train` is kept for the test.\n")
  split_images(data$train)
}

# Without names of classes, the training or the evaluation would be the first to miss them.
check_labels <- function(data, path) {
  parts <- if (is.list(data)) data else list(data)
  names(parts) <- if (is.list(data)) file.path(path, names(data)) else path
  bare <- names(Filter(function(part) is.null(part$class_names), parts))
  if (length(bare) > 0) {
    stop("The images in ", paste(bare, collapse = " and "), " are not in subfolders, ",
      "whose names would be their classes. Put those of each class into a subfolder of ",
      "its own.", call. = FALSE)
  }
}

save_plot <- function(plot, name, width, height) {
  folder <- Sys.getenv("RETICNN_DEMO_OUTPUT", "demo-output")
  dir.create(folder, showWarnings = FALSE, recursive = TRUE)
  file <- file.path(folder, name)
  ggsave(file, plot, width = width, height = height, dpi = 150, bg = "white")
  cat("Saved: ", file, "\n", sep = "")
}

set.seed(2025)
data <- demo_data(Sys.getenv("DATA"))
print(data$train)

say("2. The workshop's network")
model <- build_cnn(num_classes = length(data$train$class_names))
model$summary()

say("3. Training")
classifier <- fit_classifier(
  model, data$train, validation = data$test, epochs = 10, progress = "bar"
)
classifier

say("4. Evaluation on images that it has not seen")
scores <- evaluate_classifier(classifier, data$test)
scores
cat(sprintf("Test accuracy: %.1f %%\n", 100 * scores$accuracy))

say("5. Predictions")
some <- data$test[sample(length(data$test), min(20, length(data$test)))]
predictions <- predict(classifier, some)
predictions

say("6. Pictures")
save_plot(plot(classifier), "history.png", 6, 4)
save_plot(plot_images(some, predictions, n = 20), "predictions.png", 7, 6.5)
