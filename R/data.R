#' @eval said(
#'   "image_folder",
#'   reader = "An R function is called on R's own thread. `png::readPNG()` and the
#'     like return values from 0 to 1: use `value_range = c(0, 1)`."
#' )
#' @details Install Python packages for further formats with
#'   `reticulate::py_install("pydicom")`, for example, and restart R.
#' @return In R, image data are a vector of images: they have a [length()], `data[i]` is a
#'   subset (`data[-i]` is all of them if `i` is empty), `data[[i]]` a single image, an
#'   array `c(height, width, channels)`, and `c(data, other)` has the images of both, with
#'   classes matched by name. `data$labels` is a factor, `data$class_counts` a named
#'   integer vector and `data$facts` a tibble; `tibble::as_tibble(data)` has a row per
#'   image, with `file` for files, `label`, `group` and `image_weight` if there are any,
#'   and the facts. `as_tibble(data, exif = TRUE)` adds what the files say: from their
#'   EXIF tags `exif_time`, when a photo was taken by the camera's clock, and
#'   `exif_camera`; `file_size` in bytes, `file_width` and `file_height`. [lapply()]
#'   iterates over the images; so does `for`, over `as.list(data)`, which holds all of
#'   them in memory.
#'
#'   [saveRDS()], saved workspaces and knitr's cache keep image data, and they can be sent
#'   to workers of the packages parallel and future. For files, the paths, labels and
#'   settings are kept, not the pixels; for images in memory, up to 100 MB of pixels. Data
#'   whose files are read by a `reader` are not kept.
#' @seealso [image_table()], [image_arrays()], [check_images()], [split_images()],
#'   [load_images()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' folder <- tempfile()
#' for (class in c("dark", "light")) {
#'   dir.create(file.path(folder, class), recursive = TRUE)
#'   png(file.path(folder, class, "one.png"), bg = c(dark = "black", light = "white")[class])
#'   plot.new()
#'   dev.off()
#' }
#' image_folder(folder, 32)
image_folder <- function(path, image_size = 224, channels = NULL, resize = "stretch",
                         on_bad_image = "error", on_empty_class = "error",
                         cache = "auto", class_names = NULL, bands = NULL,
                         value_range = NULL, page = "first", groups = NULL,
                         reader = NULL) {
  call_core("image_folder", path = path, image_size = image_size, channels = channels,
    resize = resize, on_bad_image = on_bad_image, on_empty_class = on_empty_class,
    cache = cache, class_names = as_strings(class_names), bands = bands,
    value_range = value_range, page = page, groups = grouping(groups),
    reader = as_reader(reader))
}

# A function of the path as the core calls it; what is missing is `None` there.
grouping <- function(groups) {
  if (!is.function(groups)) return(groups)
  check_takes_one(groups, "groups", rlang::caller_env())
  function(path) {
    group <- groups(as_paths(path))
    if (length(group) == 1 && is.na(group)) return(NULL)
    if (is.factor(group)) as.character(group) else group
  }
}

#' @eval said(
#'   "image_table",
#'   labels = "A factor or logicals are accepted too.",
#'   class_names = "With a factor, `NULL` uses its levels in their order.",
#'   groups = "A factor is accepted too, and gives the core its names.",
#'   facts = "In R, it is a data frame; times come back in UTC.",
#'   weights = "A column of a data frame, or any other numeric vector.",
#'   reader = "An R function is called on R's own thread. `png::readPNG()` and the
#'     like return values from 0 to 1: use `value_range = c(0, 1)`."
#' )
#' @export
#' @examplesIf reticnn::reticnn_available()
#' files <- tempfile(c("dark", "light"), fileext = ".png")
#' for (file in files) {
#'   png(file, bg = if (grepl("dark", file)) "black" else "white")
#'   plot.new()
#'   dev.off()
#' }
#' photos <- data.frame(file = files, class = c("dark", "light"))
#' image_table(photos$file, photos$class, 32)
image_table <- function(paths, labels = NULL, image_size = 224, class_names = NULL,
                        channels = NULL, resize = "stretch", on_bad_image = "error",
                        cache = "auto", groups = NULL, facts = NULL, weights = NULL,
                        bands = NULL, value_range = NULL, page = "first",
                        reader = NULL) {
  check_same_order(paths, labels = labels, groups = groups, weights = weights)
  named <- named_labels(labels, class_names)
  call_core("image_table", paths = paths, labels = named$labels,
    image_size = image_size, class_names = named$class_names, channels = channels,
    resize = resize, on_bad_image = on_bad_image, cache = cache,
    groups = one_per_image(groups), facts = as_facts(facts),
    weights = one_per_image(weights), bands = bands, value_range = value_range,
    page = page, reader = as_reader(reader))
}

#' @eval said(
#'   "image_tiles",
#'   labels = "A factor or logicals are accepted too.",
#'   class_names = "With a factor, `NULL` uses its levels in their order.",
#'   groups = "A factor is accepted too, and gives the core its names.",
#'   facts = "In R, it is a data frame; times come back in UTC.",
#'   reader = "An R function is called on R's own thread. `png::readPNG()` and the
#'     like return values from 0 to 1: use `value_range = c(0, 1)`."
#' )
#' @export
#' @examplesIf reticnn::reticnn_available()
#' file <- tempfile(fileext = ".png")
#' png(file, width = 400, height = 300)
#' plot(1)
#' dev.off()
#' tiles <- image_tiles(file, 64)
#' tiles
#' tibble::as_tibble(tiles)
image_tiles <- function(paths, tile_size, overlap = 0, labels = NULL, image_size = NULL,
                        class_names = NULL, channels = NULL, on_bad_image = "error",
                        cache = "auto", groups = NULL, facts = NULL, weights = NULL,
                        bands = NULL, value_range = NULL, page = "first",
                        reader = NULL) {
  check_same_order(paths, labels = labels, groups = groups, weights = weights)
  named <- named_labels(labels, class_names)
  call_core("image_tiles", paths = paths, tile_size = tile_size, overlap = overlap,
    labels = named$labels, image_size = image_size, class_names = named$class_names,
    channels = channels, on_bad_image = on_bad_image, cache = cache,
    groups = one_per_image(groups), facts = as_facts(facts),
    weights = one_per_image(weights), bands = bands, value_range = value_range,
    page = page, reader = as_reader(reader))
}

#' @eval said("check_images")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' folder <- tempfile()
#' dir.create(file.path(folder, "cat"), recursive = TRUE)
#' writeLines("no photo", file.path(folder, "cat", "tom.jpg"))
#' check_images(folder)
check_images <- function(path) {
  columns <- lapply(call_core("check_images", path = path), none_as_na)
  # So that a column has its type even if it is all `NA`, or empty.
  text <- c("file", "class", "format", "problem")
  columns[text] <- lapply(columns[text], as.character)
  columns[c("width", "height")] <- lapply(columns[c("width", "height")], as.integer)
  columns$ok <- as.logical(columns$ok)
  columns$file <- as_paths(columns$file)
  as_table(columns)
}

#' @eval said("image_memory")
#' @return Invisibly if the limit is changed.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' before <- image_memory(4)
#' image_memory()
#' image_memory(before)
image_memory <- function(gigabytes = NULL) {
  before <- call_core("image_memory", gigabytes = gigabytes)
  if (is.null(gigabytes)) before else invisible(before)
}

#' @eval said(
#'   "image_arrays",
#'   x = "Numeric, integer or raw.",
#'   y = "A factor or logicals are accepted too.",
#'   class_names = "With a factor, `NULL` uses its levels in their order.",
#'   groups = "A factor is accepted too, and gives the core its names.",
#'   facts = "In R, it is a data frame; times come back in UTC."
#' )
#' @export
#' @examplesIf reticnn::reticnn_available()
#' x <- array(sample(0:255, 6 * 32 * 32 * 3, replace = TRUE), c(6, 32, 32, 3))
#' image_arrays(x, factor(rep(c("cat", "dog"), 3)))
image_arrays <- function(x, y = NULL, class_names = NULL, groups = NULL, facts = NULL,
                         weights = NULL, value_range = NULL) {
  named <- named_labels(y, class_names)
  call_core("image_arrays", x = x, y = named$labels, class_names = named$class_names,
    groups = one_per_image(groups), facts = as_facts(facts),
    weights = one_per_image(weights), value_range = value_range)
}

#' @eval said("shape_images")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' shape_images(300, 3, seed = 1)
#' dim(shape_images(3, masks = TRUE)$masks)
shape_images <- function(n = 1000, num_classes = 2, image_size = 32, channels = 3,
                         seed = NULL, masks = FALSE) {
  call_core("shape_images", n = n, num_classes = num_classes, image_size = image_size,
    channels = channels, seed = seed_or_draw(seed), masks = masks)
}

#' @eval said(
#'   "cats_and_dogs",
#'   path = "In R also the folder of `cat0_and_dog1_train.rds` and
#'     `cat0_and_dog1_test.rds`, or the paths of these two files, as in the workshop:
#'     lists of `x_train` and `y_train`, or of `x_test` and `y_test`, an array
#'     `c(n, 32, 32, 3)` and 0 for cats and 1 for dogs. As with [readRDS()] itself, use
#'     only files from people you trust."
#' )
#' @export
#' @examples
#' \dontrun{
#' data <- cats_and_dogs()
#' fit_classifier(build_cnn(), data$train, epochs = 10)
#' }
cats_and_dogs <- function(path = NULL) {
  files <- rds_files(path)
  if (is.null(files)) return(call_core("cats_and_dogs", path = path))
  call <- rlang::current_env()
  list(train = from_rds(files, "train", call), test = from_rds(files, "test", call))
}

# The workshop's two files, or NULL where they are not what is meant.
rds_files <- function(path) {
  if (!is.character(path) || anyNA(path)) return(NULL)
  if (length(path) == 1) {
    path <- file.path(path, paste0("cat0_and_dog1_", c("train", "test"), ".rds"))
    return(if (all(file.exists(path))) path)
  }
  if (length(path) == 2 && all(grepl("[.]rds$", path, ignore.case = TRUE))) path
}

# Which of the two it is, what is in it says.
from_rds <- function(files, part, call) {
  for (file in files) {
    found <- rlang::try_fetch(
      suppressWarnings(readRDS(file)),
      error = function(cnd) {
        abort_text(paste0("`path` has a file that cannot be read: '", file, "' (",
          conditionMessage(cnd), ")."), call = call)
      }
    )
    images <- if (is.list(found)) found[[paste0("x_", part)]]
    labels <- if (is.list(found)) found[[paste0("y_", part)]]
    if (is.null(images) || is.null(labels)) next
    labels <- as.vector(labels)
    if (!is.numeric(images) || !identical(dim(images)[-1], c(32L, 32L, 3L)) ||
      length(labels) != nrow(images) || !all(labels %in% 0:1)) {
      abort_text(paste0("`path` has a file that is not the workshop's: '", file, "'. `x_",
        part, "` must be an array c(n, 32, 32, 3), and `y_", part,
        "` must have a 0 or a 1 for each of its images."), call = call)
    }
    return(image_arrays(images, c("cat", "dog")[labels + 1], class_names = c("cat", "dog")))
  }
  abort_text(paste0("`path` has no file with `x_", part, "` and `y_", part, "`: ",
    paste0("'", files, "'", collapse = ", "), "."), call = call)
}

#' @eval said(
#'   "split_images",
#'   prop = "A named vector will do for the list.",
#'   groups = "A factor is accepted too.",
#'   order_by = "Dates and times are those of R."
#' )
#' @seealso [fold_images()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' split_images(shape_images(100), 0.8, seed = 1)
#' # No site is in two parts.
#' site <- rep(c("north", "east", "south", "west"), each = 25)
#' split_images(shape_images(100), 0.75, groups = site, seed = 1)
split_images <- function(data, prop = 0.8, groups = NULL, strata = NULL, order_by = NULL,
                         keep_together = NULL, seed = NULL) {
  if (!is.null(names(prop))) {
    prop <- as.list(prop)
  }
  check_order_in(data, groups = groups, strata = strata, order_by = order_by)
  call_core("split_images", data = data, prop = prop, groups = one_per_image(groups),
    strata = one_per_image(strata), order_by = one_per_image(order_by),
    keep_together = review_columns(keep_together), seed = seed_or_draw(seed))
}

#' @eval said(
#'   "fold_images",
#'   v = "In R, these are resamples from rsample, made from `as_tibble(data)`.",
#'   groups = "A factor is accepted too.",
#'   without = "returns"
#' )
#' @return A tibble with one row per fold: `repeat` and `fold`, counted from 1, and the
#'   list columns `train` and `test` of image data, in the order of `data`. As in
#'   [split_images()], identical images are kept together.
#' @seealso [split_images()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' folds <- fold_images(shape_images(100), 5, seed = 1)
#' folds$test[[1]]
fold_images <- function(data, v = 5, repeats = 1, groups = NULL, strata = NULL,
                        keep_together = NULL, seed = NULL) {
  check_order_in(data, groups = groups, strata = strata)
  folds <- call_core("fold_images", data = data, v = folds_of(v, data), repeats = repeats,
    groups = one_per_image(groups), strata = one_per_image(strata),
    keep_together = review_columns(keep_together), seed = seed_or_draw(seed))
  column <- function(name) lapply(folds, `[[`, name)
  tibble::new_tibble(
    list(
      `repeat` = unlist(column("repeat")), fold = unlist(column("fold")),
      train = column("train"), test = column("test")
    ),
    nrow = length(folds)
  )
}

# Resamples of rsample, and positions, as pairs of positions counted from 0.
folds_of <- function(v, data) {
  from_0 <- function(x) if (is.numeric(x)) as.list(x - 1) else x
  if (is_plain_list(v)) {
    return(lapply(v, function(pair) if (is.list(pair)) unname(lapply(pair, from_0)) else pair))
  }
  if (!inherits(v, c("rset", "rsplit"))) return(v)
  call <- rlang::caller_env()
  check_installed("rsample", "`v` made by rsample", call)
  splits <- if (inherits(v, "rset")) v$splits else list(v)
  check_of_same_images(splits[[1]]$data, data, call)
  lapply(splits, function(split) {
    list(
      from_0(as.integer(split, data = "analysis")),
      from_0(as.integer(split, data = "assessment"))
    )
  })
}

check_of_same_images <- function(rows, data, call) {
  if (!is_image_data(data)) {
    abort_text("`data` must be image data where `v` is made by rsample.", call = call)
  }
  own <- tibble::as_tibble(data)
  # Images in memory have no names: whatever else is known of them must be the same.
  known <- union(intersect("file", names(own)), intersect(names(rows), names(own)))
  is_same <- function(name) {
    identical(as.character(rows[[name]]), as.character(own[[name]]))
  }
  if (nrow(rows) != nrow(own) || !all(vapply(known, is_same, NA))) {
    abort_text(paste0("`v` must be made of `as_tibble(data)`, with the same images in the ",
      "same order, not of another table of ", counted(nrow(rows), "row"), "."), call = call)
  }
}

#' @eval said("load_images")
#' @return `labels` is a factor, and is missing if there are no labels.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' dim(load_images(shape_images(10))$images)
load_images <- function(data) {
  loaded <- call_core("load_images", data = data)
  if (is_image_data(data)) {
    loaded$labels <- as_factor(loaded$labels, data$class_names)
  } else if (!is.null(loaded$labels)) {
    loaded$labels <- factor(loaded$labels)
  }
  # In R, setting an element to NULL removes it.
  loaded
}

# Labels by file, as from a table, would go to other files by their position.
check_same_order <- function(paths, ..., .name = "paths", .call = rlang::caller_env()) {
  files <- as.character(paths)
  given <- list(...)
  for (name in names(given)) {
    of_files <- names(given[[name]])
    if (length(of_files) == length(files) && setequal(of_files, files) &&
      any(of_files != files)) {
      abort_text(paste0("`", name, "` has the names of `", .name, "`, but in another ",
        "order. Give `", name, "[", .name, "]`."), call = .call)
    }
  }
}

# A function of R's as the core calls it, which hears of errors by R's own message.
as_reader <- function(reader, call = rlang::caller_env()) {
  if (!is.function(reader) || is_of_python(reader)) {
    return(reader)
  }
  check_takes_one(reader, "reader", call)
  core_module(call)
  the$relay$reader_of_r(called_by_core(function(path) {
    tryCatch(
      list(value = reader(as_paths(from_core(path)))),
      error = function(cnd) list(error = to_core(conditionMessage(cnd)))
    )
  }))
}

check_order_in <- function(data, ..., .call = rlang::caller_env()) {
  if (is_image_data(data)) {
    check_same_order(data$files, ..., .name = "data$files", .call = .call)
  }
}

# Labels of any R type as the core takes them, with the classes in order.
named_labels <- function(labels, class_names) {
  if (is.factor(labels)) {
    # The core takes levels that differ only in the spaces around them for one.
    class_names <- class_names %||% unique(trimws(levels(labels)))
  }
  if (is.factor(labels) || (is.logical(labels) && is.null(class_names))) {
    labels <- as.character(labels)
  }
  list(labels = as_one_dimension(labels), class_names = as_strings(class_names))
}

# A group, or another value, of each image as the core takes it, `None` where it is `NA`.
one_per_image <- function(values) {
  check_not_integer64(values, rlang::as_label(substitute(values)), rlang::caller_env())
  # As sapply() has them of the paths.
  if (is.atomic(values)) values <- unname(values)
  if (is.logical(values)) values <- as.character(values)
  if (is.atomic(values) && !is.null(values)) as_columns(list(values))[[1]] else values
}

# Facts about each image, as columns. The core says what is wrong with other things.
as_facts <- function(facts) {
  if (is.list(facts)) as_columns(facts) else facts
}

# Image data is a Python object, which prints and counts itself. In R it is a vector of
# images, counted from 1: `[` gives a part of it, `[[` one image.

is_image_data <- function(x) {
  inherits(x, "reticnn.ImageData")
}

# Labels, counts and paths as R has them.
#' @export
`$.reticnn.ImageData` <- function(x, name) {
  here <- rlang::caller_env()
  x <- living_data(x, here)
  core_module(here)
  if (!suspendInterrupts(reticulate::py_has_attr(x, name))) {
    abort_text(paste0("Image data have no `", name, "`, but `class_names`, ",
      "`class_counts`, `labels`, `files`, `skipped`, `left_out`, `image_shape`, ",
      "`groups`, `weights` and `facts`."), call = here)
  }
  value <- core_attribute(x, name)
  if (is.null(value)) return(NULL)
  switch(name,
    labels = as_factor(value, x$class_names),
    class_counts = stats::setNames(as.integer(unlist(value)), x$class_names),
    facts = as_facts_table(value, length(x)),
    files = , skipped = , left_out = if (is.character(value)) as_paths(value) else value,
    value
  )
}

as_facts_table <- function(columns, nrow) {
  tibble::new_tibble(as.list(as_table(columns)), nrow = nrow)
}

# Columns of what files tell have one type, also where no file tells it.
with_types <- function(told) {
  nothing <- list(exif_time = as.POSIXct(NA_real_, origin = "1970-01-01", tz = "UTC"),
    exif_camera = NA_character_, file_size = NA_integer_, file_width = NA_integer_,
    file_height = NA_integer_)
  for (name in intersect(names(told), names(nothing))) {
    if (is.logical(told[[name]])) told[[name]] <- rep(nothing[[name]], nrow(told))
  }
  told
}

#' @rawNamespace S3method(tibble::as_tibble, reticnn.ImageData)
as_tibble.reticnn.ImageData <- function(x, ..., exif = FALSE) {
  rlang::check_dots_empty()
  columns <- list(file = x$files, label = x$labels, group = x$groups,
    image_weight = x$weights)
  columns <- c(columns[lengths(columns) > 0], as.list(x$facts))
  if (!isFALSE(exif)) {
    # The core's has all columns, in their order.
    table <- call_core(x$table, exif = exif)
    told <- as_facts_table(table[setdiff(names(table), names(columns))], length(x))
    told <- with_types(told)
    columns <- c(columns, as.list(told))[names(table)]
  }
  tibble::new_tibble(columns, nrow = length(x))
}

#' @export
as.data.frame.reticnn.ImageData <- function(x, row.names = NULL, optional = FALSE, ...,
                                            exif = FALSE) {
  as.data.frame(tibble::as_tibble(x, exif = exif), row.names = row.names, optional = optional, ...)
}

#' @export
c.reticnn.ImageData <- function(...) {
  # The parts of a list may have names, as those of split_images() have.
  call_core("joined_images", parts = unname(list(...)), .names = c(parts = "..."))
}

# Where R would change a copy, Python would change the data themselves, and all copies.
refuse_data_change <- function(call) {
  abort_text(paste("Image data cannot be changed. Make new ones, as in",
    "`image_table(data$files, labels)`, or leave images out, as in `data[-1]`."),
    call = call)
}

#' @export
`$<-.reticnn.ImageData` <- function(x, name, value) {
  refuse_data_change(rlang::caller_env())
}

#' @export
`[[<-.reticnn.ImageData` <- function(x, i, value) {
  refuse_data_change(rlang::caller_env())
}

#' @export
`[<-.reticnn.ImageData` <- function(x, i, value) {
  refuse_data_change(rlang::caller_env())
}

#' @export
print.reticnn.ImageData <- function(x, ...) {
  data <- rlang::try_fetch(living_data(x, rlang::current_env()),
    reticnn_error = function(cnd) cat("<ImageData>", conditionMessage(cnd), sep = "\n"))
  # Through the core's relay, where positions are counted from 1.
  if (!is.null(data)) {
    cat(call_core(reticulate::py_get_attr(data, "__repr__")), sep = "\n")
  }
  invisible(x)
}

#' @export
length.reticnn.ImageData <- function(x) {
  reticulate::py_len(living_data(x, rlang::caller_env()))
}

# What R keeps beside its pointer to image data, so that saveRDS(), workspaces, knitr's
# cache and workers keep them too. All data that come to R pass by here.
#' @rawNamespace S3method(reticulate::py_to_r, reticnn.ImageData)
py_to_r.reticnn.ImageData <- function(x) {
  attr(x, "kept") <- kept_of(x)
  x
}

# `part`, the bytes of what is known of the images; `source`, an environment with those of
# where they come from, which all parts of the same data share; or `why_not`.
kept_of <- function(data) {
  # The data may be of a module that was imported without conversion.
  ask <- function(method) {
    answer <- reticulate::py_call(reticulate::py_get_attr(data, method))
    if (is_of_python(answer)) reticulate::py_to_r(answer) else answer
  }
  kept <- ask("kept")
  if (is.null(kept$source)) return(list2env(kept))
  number <- as.character(kept$source)
  # Only known as long as there are data that have it.
  known <- sources_here[[number]]
  kept$source <- (if (!is.null(known)) rlang::wref_key(known)) %||%
    list2env(list(bytes = ask("kept_source")))
  sources_here[[number]] <- rlang::new_weakref(kept$source)
  list2env(kept)
}

sources_here <- new.env(parent = emptyenv())

# Image data of another process, made once in this one from what was kept of them.
living_data <- function(data, call, name = "data") {
  if (!is_gone(data)) return(data)
  kept <- attr(data, "kept")
  if (is.null(kept$part)) abort_gone(name, kept$why_not, call)
  known <- data_here[[rlang::obj_address(kept)]]
  if (!is.null(known) && identical(rlang::wref_key(known), kept)) {
    return(rlang::wref_value(known))
  }
  made <- call_core(core_module(call)$ImageData$from_kept, part = kept$part,
    source = kept$source$bytes, .call = call)
  data_here[[rlang::obj_address(kept)]] <- rlang::new_weakref(kept, made)
  made
}

data_here <- new.env(parent = emptyenv())

#' @export
`[.reticnn.ImageData` <- function(x, i) {
  x <- living_data(x, rlang::caller_env())
  # Elsewhere in R, leaving out nothing, as with a review that finds nothing, leaves
  # nothing.
  if (!missing(i) && length(i) == 0 && rlang::is_call(substitute(i), "-", n = 1)) {
    i <- seq_along(x)
  }
  positions <- positions_in(x, i, "[", rlang::caller_env())
  part <- suspendInterrupts(reticulate::py_get_item(x, as.list(positions - 1L)))
  py_to_r.reticnn.ImageData(part)
}

#' @export
`[[.reticnn.ImageData` <- function(x, i) {
  x <- living_data(x, rlang::caller_env())
  if (missing(i)) i <- NULL
  position <- positions_in(x, i, "[[", rlang::caller_env())
  part <- suspendInterrupts(reticulate::py_get_item(x, list(position - 1L)))
  image <- load_images(part)$images
  array(image, dim(image)[-1])
}

# All images in memory, for lapply() and for loops.
#' @export
as.list.reticnn.ImageData <- function(x, ...) {
  lapply(seq_along(x), function(i) x[[i]])
}

# Not the names of its Python attributes, after which Map() and sapply() would name
# images.
#' @export
names.reticnn.ImageData <- function(x) {
  NULL
}

# The images that an R index of any kind means; none of them can be missing.
positions_in <- function(x, i, extract, call) {
  if (missing(i)) {
    return(seq_along(x))
  }
  positions <- tryCatch(do.call(extract, list(seq_along(x), i)), error = function(cnd) NA)
  if (anyNA(positions)) {
    abort_text(wrong_index(i, positions, length(x), extract), call = call)
  }
  positions
}

wrong_index <- function(i, positions, number, extract) {
  # Of a long index, what is wrong with it.
  if (length(i) > 10 && length(i) == length(positions)) i <- i[is.na(positions)]
  text <- deparse(i)
  if (length(text) > 1) text <- paste(length(i), "values of type", class(i)[[1]])
  if (number == 0) return(paste0("`i` is ", text, ", but there are no images."))
  one <- if (extract == "[[") "be the position of one image" else "name images"
  paste0("`i` must ", one, " from 1 to ", number, ", not ", text, ".")
}

#' @eval said("shuffle_pixels")
#' @seealso [shift_response()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' shuffle_pixels(shape_images(10), seed = 1)
shuffle_pixels <- function(images, share = 1, seed = NULL) {
  call_core("shuffle_pixels", images = images, share = share, seed = seed_or_draw(seed))
}
