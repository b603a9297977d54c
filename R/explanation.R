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
#'   - `settings`: the arguments that the maps were made with.
#' @seealso [explanation_scores()], [feature_maps()]
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
      resize = found$resize, settings = found$settings),
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
  c(unclass(x)[fields], list(resize = x$resize, settings = x$settings))
}

#' @eval said("explanation_scores", without = "returns")
#' @return A `reticnn_explanation_scores`, which prints what the measures are and mean.
#'   [plot()] draws it.
#'   - `table`: tibble with the rows of the explanation: `image`, `method`, `class`, a
#'     column for each measure, and what they are compared with, `insertion_random` and
#'     `deletion_random`, the means of random maps, and `region`, the part of the image
#'     that is inside. Measures of maps that are 0 everywhere are `NA` where they mean
#'     nothing.
#'   - `summary`: tibble with a row for each method and measure: `n` maps of which it is
#'     known, the mean, `estimate`, that of what it is compared with, `random`, and
#'     `better`, the part of the maps that are better than it.
#'   - `curves`: tibble of the mean `probability` by `method` (among them `"random"`),
#'     `measure` and `share` of the pixels that are put in or taken away.
#'   - `stages`: tibble of the mean `similarity` by `method` and how many `layers` are
#'     random, counted from the output, up to which `layer`, and what `share` of all they
#'     are.
#'   - `meanings`: what each measure says, in words.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' data <- shape_images(4, masks = TRUE)
#' explanation <- explain_prediction(classifier, data, method = "occlusion")
#' explanation_scores(explanation, classifier, masks = data$masks)
explanation_scores <- function(explanation, classifier, measures = NULL, masks = NULL,
                               steps = 16, samples = 5, noise = 0.02, baseline = "mean",
                               seed = NULL, class_names = NULL, batch_size = 32,
                               progress = "auto", output = "auto") {
  found <- call_core("explanation_scores_as_lists",
    explanation = core_explanation(explanation), classifier = as_core(classifier),
    measures = measures, masks = masks, steps = steps, samples = samples, noise = noise,
    baseline = baseline, seed = seed_or_draw(seed), class_names = as_strings(class_names),
    batch_size = batch_size, progress = step_reporter(progress, "Scoring"), output = output)
  new_explanation_scores(found)
}

new_explanation_scores <- function(found) {
  tables <- lapply(found[c("table", "summary", "curves", "stages")], function(columns) {
    text <- names(columns) %in% c(".file", "method", "class", "measure", "layer")
    columns[text] <- lapply(columns[text], function(column) as.character(none_as_na(column)))
    columns[!text] <- lapply(columns[!text], nan_as_na)
    as_table(columns)
  })
  tables$table$image <- as.integer(tables$table$image) + 1L
  if (".file" %in% names(tables$table)) tables$table$.file <- as_paths(tables$table$.file)
  tables$summary$n <- as.integer(tables$summary$n)
  tables$stages$layers <- as.integer(tables$stages$layers)
  structure(c(tables, list(meanings = unlist(found$meanings))),
    class = "reticnn_explanation_scores")
}

#' @export
print.reticnn_explanation_scores <- function(x, ...) {
  count <- function(n, what) {
    paste0(format(n, big.mark = ",", decimal.mark = "."), " ", what, if (n != 1) "s")
  }
  cat("<reticnn_explanation_scores> ", count(nrow(x$table), "map"), " of ",
    count(length(unique(x$table$image)), "image"), "\n\n", sep = "")
  print(x$summary, ...)
  said <- strwrap(paste0(names(x$meanings), ": ", x$meanings), exdent = 2)
  cat("", said, sep = "\n")
  invisible(x)
}

# Scores as the core has them, as far as it draws them; anything else as it is.
core_explanation_scores <- function(x) {
  if (!inherits(x, "reticnn_explanation_scores")) return(x)
  tables <- lapply(x[c("table", "summary", "curves", "stages")], as_columns)
  c(tables, list(meanings = as.list(x$meanings)))
}
