#' @eval said("explain_prediction", classes = "A factor is accepted too.",
#'   without = "returns")
#' @return A `reticnn_explanation`, which prints what it contains. [plot()] draws it.
#'   - `maps`: array `c(rows, height, width)` of the size of the classifier's input, in
#'     units of the score.
#'   - `table`: tibble with the same rows, one for each image, method and class: `image`,
#'     its position; `.file`, its path, for files; for tiles, `.left`, `.top`, `.width`
#'     and `.height`; `method`; `layer`, `NA` for methods that need none; `class`, a
#'     factor; `against`, `NA` without; the `score` that is explained; and the
#'     `probability` of the class.
#'   - `images`: the pixels as the network saw them, `c(n, height, width, channels)`.
#'   - `scores_are`: what a score is, in words. The score of a network that outputs
#'     distances to prototypes is the negative distance. With a single sigmoid unit, the
#'     score of the second class is its log odds, and that of the first the negative of
#'     these.
#'   - `class_names`: all classes.
#'   - `resize`: how files were fitted to the network's input, or `NULL`.
#'   - `settings`: the arguments with which the maps were made.
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
#' @return A `reticnn_explanation_scores`, which prints the measures and what they mean.
#'   [plot()] draws it.
#'   - `table`: tibble with the rows of the explanation: `image`, `method`, `class`, a
#'     column for each measure, and what they are compared with: `insertion_random` and
#'     `deletion_random`, the means of random maps, and `region`, the fraction of the
#'     image that is inside. Measures that mean nothing for maps that are 0 everywhere are
#'     `NA`.
#'   - `summary`: tibble with a row for each method and measure: `n`, the number of maps
#'     for which it is known, `estimate`, its mean, `random`, the mean of what it is
#'     compared with, and `better`, the fraction of maps that beat it.
#'   - `curves`: tibble of the mean `probability` by `method` (among them `"random"`),
#'     `measure` and `share` of the pixels that are put in or taken away.
#'   - `stages`: tibble of the mean `similarity` by `method` and by how many `layers` are
#'     random, counted from the output, up to which `layer`, and what `share` of all
#'     layers they are.
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

#' @eval said("embed_images", without = "returns")
#' @return Matrix with a row for each image, in their order, and the columns
#'   `.embedding_1`, `.embedding_2` and so on; [tibble::as_tibble()] makes a tibble of it.
#'   Rows are `NaN` if the model returns that.
#' @seealso [similar_images()], [plot_embedding()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' embedding <- embed_images(classifier, shape_images(50))
#' dim(embedding)
#' kmeans(embedding, 2)$size
embed_images <- function(classifier, images, layer = NULL, batch_size = 32,
                         on_bad_image = "error", progress = "auto") {
  rows <- call_core("embed_images", classifier = as_core(classifier), images = images,
    layer = layer, batch_size = batch_size, on_bad_image = on_bad_image,
    progress = step_reporter(progress, "Embedding"))
  colnames(rows) <- paste0(".embedding_", seq_len(ncol(rows)))
  rows
}

#' @eval said("similar_images", embedding = "A data frame of such columns is accepted too.",
#'   without = "returns")
#' @return A `reticnn_similar`: a tibble with a row for each image found, the nearest
#'   first, which prints what it is about. [plot()] shows the images.
#'   - `query`: position of the image among `images`.
#'   - `rank`: from 1.
#'   - `image`: position of the image found in `among`; `.file`, its path, for files; for
#'     tiles, `.left`, `.top`, `.width` and `.height`.
#'   - `class`: its label, a factor, if it has one.
#'   - `distance`. Images at the same distance keep their order.
#' @seealso [embed_images()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' data <- shape_images(200, seed = 1)
#' classifier <- fit_classifier(build_cnn(), data, epochs = 1)
#' similar_images(classifier, shape_images(3, seed = 2), data)
similar_images <- function(classifier, images, among, n = 5, layer = NULL,
                           distance = "cosine", embedding = NULL, keep_copies = FALSE,
                           batch_size = 32, on_bad_image = "error", progress = "auto") {
  new_similar_images(call_core("similar_as_lists", classifier = as_core(classifier),
    images = images, among = among, n = n, layer = layer, distance = distance,
    embedding = as_rows(embedding), keep_copies = keep_copies, batch_size = batch_size,
    on_bad_image = on_bad_image, progress = step_reporter(progress, "Embedding")))
}

# What embed_images() gave, also as a table.
as_rows <- function(embedding) {
  if (is.data.frame(embedding)) as.matrix(embedding) else embedding
}

new_similar_images <- function(found) {
  # None are found where all are copies.
  columns <- lapply(found$columns, function(column) unlist(column) %||% character())
  if (!is.null(columns$.file)) columns$.file <- as_paths(columns$.file)
  counts <- c("query", "image")
  columns[counts] <- lapply(columns[counts], function(at) as.integer(at) + 1L)
  columns$rank <- as.integer(columns$rank)
  columns$distance <- as.numeric(columns$distance)
  if (!is.null(columns$class)) columns$class <- factor(columns$class, unlist(found$class_names))
  structure(
    as_table(columns),
    distance = found$distance, queries = found$queries, searched = found$searched,
    class = c("reticnn_similar", "tbl_df", "tbl", "data.frame")
  )
}

#' @export
print.reticnn_similar <- function(x, ...) {
  count <- function(n) format(n, big.mark = ",", decimal.mark = ".", trim = TRUE)
  queries <- attr(x, "queries")
  # Some columns of it are a table like any other.
  if (!is.null(queries)) {
    cat("<reticnn_similar> ", count(queries), " image", if (queries != 1) "s",
      ", the most similar of ", count(attr(x, "searched")), ", ", attr(x, "distance"),
      " distance\n", sep = "")
  }
  print(tibble::as_tibble(as.list(x)), ...)
  invisible(x)
}

# As the core has it, with positions from 0; anything else as it is.
core_similar_images <- function(x) {
  if (!is.data.frame(x)) return(x)
  counts <- intersect(c("query", "image"), names(x))
  x[counts] <- lapply(as.list(x)[counts], function(at) as.integer(at) - 1L)
  as_columns(x)
}

#' @eval said("class_image", classes = "A factor is accepted too.", without = "returns")
#' @return A `reticnn_class_images`, which prints what it contains. [plot()] shows the
#'   images.
#'   - `images`: integer array `c(n, height, width, channels)`, 0 to 255.
#'   - `table`: tibble with a row for each: `class`, a factor, or `layer` and `filter`;
#'     `start` and `score`, those of the initial noise and of the image; and the
#'     `probability` of the class.
#'   - `scores_are`: what a score is, in words.
#' @seealso [plot_feature_maps()], [explain_prediction()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' class_image(classifier, "circle", steps = 16)
class_image <- function(classifier, classes = NULL, layer = NULL, filters = NULL, steps = 256,
                        image_size = NULL, seed = NULL, class_names = NULL,
                        progress = "auto", output = "auto") {
  if (is.factor(classes)) classes <- as.character(classes)
  found <- call_core("class_image_as_lists", classifier = as_core(classifier),
    classes = classes, layer = layer, filters = filters, steps = steps,
    image_size = image_size, seed = seed_or_draw(seed), class_names = as_strings(class_names),
    progress = step_reporter(progress, "Climbing"), output = output)
  columns <- lapply(found$table, unlist)
  if (!is.null(columns$filter)) columns$filter <- as.integer(columns$filter)
  if (!is.null(columns$class)) columns$class <- factor(columns$class, unique(columns$class))
  numbers <- intersect(c("start", "score", "probability"), names(columns))
  columns[numbers] <- lapply(columns[numbers], nan_as_na)
  structure(
    list(images = found$images, table = as_table(columns), scores_are = found$scores_are),
    class = "reticnn_class_images"
  )
}

#' @export
print.reticnn_class_images <- function(x, ...) {
  size <- dim(x$images)
  cat("<reticnn_class_images> ", size[1], " image", if (size[1] != 1) "s", " of ", size[2],
    " x ", size[3], "\n", "score  ", x$scores_are, "\n\n", sep = "")
  print(x$table, ...)
  invisible(x)
}

# As the core has it; anything else as it is.
core_class_images <- function(x) {
  if (!inherits(x, "reticnn_class_images")) return(x)
  list(images = x$images, table = as_columns(x$table), scores_are = x$scores_are)
}
