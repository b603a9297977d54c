#' @eval said("explain_prediction", classes = "A factor is accepted too.",
#'   without = "returns")
#' @return A `reticnn_explanation`, which prints what it holds. [plot()] draws it.
#'   - `maps`: array `c(rows, height, width)` of the size of the classifier's input, in
#'     units of the score.
#'   - `table`: tibble with the same rows, one for each image, method and class: `image`, its
#'     position; `.file`, its path, for files; for tiles, `.left`, `.top`, `.width` and
#'     `.height`; `method`; `layer`, `NA` for methods that need none; `class`, a factor;
#'     `against`, `NA` without; `score`, which is explained; and `probability` of the class.
#'   - `images`: the pixels as the network saw them, `c(n, height, width, channels)`.
#'   - `scores_are`: what a score is, in words. That of a network that gives distances to
#'     prototypes is the negative distance. A single sigmoid unit has the log odds of the
#'     second class, and the negative of that is the score of the first.
#'   - `class_names`: all classes.
#'   - `resize`: how files were fitted to the network's input, or `NULL`.
#' @seealso [feature_maps()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' explanation <- explain_prediction(classifier, shape_images(3))
#' explanation
#' dim(explanation$maps)
#' explain_prediction(classifier, shape_images(2), "square", c("grad_cam", "gradient"))$table
explain_prediction <- function(classifier, images, classes = NULL, method = "grad_cam",
                               against = NULL, layer = NULL, samples = NULL, noise = 0.15,
                               baseline = "mean", patch_size = NULL, stride = NULL,
                               seed = NULL, class_names = NULL, batch_size = 32,
                               on_bad_image = "error", progress = "auto",
                               output = "auto") {
  if (is.factor(classes)) classes <- as.character(classes)
  new_explanation(call_core("explanation_as_lists", classifier = as_core(classifier),
    images = images, classes = classes, method = method, against = against, layer = layer,
    samples = samples, noise = noise, baseline = baseline, patch_size = patch_size,
    stride = stride, seed = seed_or_draw(seed), class_names = as_strings(class_names), batch_size = batch_size,
    on_bad_image = on_bad_image, progress = step_reporter(progress, "Explaining"),
    output = output))
}

new_explanation <- function(found) {
  columns <- lapply(found$table, none_as_na)
  text <- c("method", "layer", "class", "against")
  columns[text] <- lapply(columns[text], as.character)
  numbers <- c("score", "probability")
  columns[numbers] <- lapply(columns[numbers], nan_as_na)
  if (!is.null(columns$.file)) columns$.file <- as_paths(columns$.file)
  columns$image <- as.integer(columns$image) + 1L
  columns$class <- factor(columns$class, as.character(found$class_names))
  structure(
    list(maps = found$maps, table = as_table(columns), images = found$images,
      scores_are = found$scores_are, class_names = as.character(found$class_names),
      resize = found$resize),
    class = "reticnn_explanation"
  )
}

#' @export
print.reticnn_explanation <- function(x, ...) {
  size <- dim(x$maps)
  count <- function(n, what) {
    paste0(format(n, big.mark = ",", decimal.mark = "."), " ", what, if (n != 1) "s")
  }
  of <- unique(x$table[c("method", "layer")])
  layers <- ifelse(is.na(of$layer), "", paste0(" in '", of$layer, "'"))
  cat("<reticnn_explanation> ", count(dim(x$images)[1], "image"), " of ", size[2], " x ",
    size[3], ", ", count(size[1], "map"), "\n",
    "method  ", paste0(of$method, layers, collapse = ", "), "\n",
    "score   ", x$scores_are, "\n\n", sep = "")
  print(x$table, ...)
  invisible(x)
}

# An explanation as the core has it, with positions from 0; anything else as it is.
core_explanation <- function(x) {
  if (!inherits(x, "reticnn_explanation")) return(x)
  x$table$image <- as.integer(x$table$image) - 1L
  x$table <- as_columns(x$table)
  x$class_names <- as.list(x$class_names)
  fields <- c("maps", "table", "images", "scores_are", "class_names")
  c(unclass(x)[fields], list(resize = x$resize))
}
