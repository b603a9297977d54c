#' Image data from a folder
#'
#' The files are decoded when they are used, not before. Every format that Python's
#' Pillow reads is taken, whatever the case of its ending; hidden files and files of
#' other kinds are left out. Photos are turned upright by their EXIF tag, transparent
#' parts become white, of an animation the first image counts.
#'
#' @param path Folder. Its subfolders are the classes, named so, in sorted order;
#'   subfolders of those are searched too. Or a folder with `train` and `test` (and
#'   `validation`) folders of that kind; or a folder of images without subfolders, for
#'   images without labels. `~` is expanded.
#' @param image_size Whole number or `c(height, width)` in pixels of every image.
#'   Default 224.
#' @param channels 3 for colour, 1 for grey. Default 3.
#' @param resize How files get that size. `"stretch"` changes their aspect, as Keras
#'   does; `"crop"` cuts the longer sides off equally; `"pad"` adds black to the shorter
#'   ones. Default `"stretch"`.
#' @param on_bad_image `"error"` for one error, at the first use of a file that cannot
#'   be read, that names all such files; `"skip"` to look for them at once, which
#'   decodes everything, and leave them out with a warning. Default `"error"`.
#' @param on_empty_class `"error"`, or `"skip"` to leave classes without images out with
#'   a warning. Default `"error"`.
#' @param cache Where decoded images are kept for later epochs: `"memory"`; `"disk"`, a
#'   temporary file (the environment variable `TMPDIR` says where); `"none"`; or
#'   `"auto"`, memory up to 1 GiB for the images of a folder, else the disk as long as
#'   they take no more than half of what is free there, else none. Default `"auto"`.
#' @return Image data: prints its classes and their counts, has a [length()], and
#'   `data$class_names`, `data$class_counts`, `data$labels`, `data$files`, and
#'   `data$skipped`, the files left out. For a folder with `train` and `test`, a list
#'   with image data as `train`, `validation` and `test`, as far as they are there.
#' @section Errors: A `reticnn_error` if there is no such folder, there are no images in
#'   it, a class has none, there is only one class, class names differ only in case,
#'   images lie beside the classes, or an argument is none of its choices. A
#'   `reticnn_warning` if files or classes are left out.
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
image_folder <- function(path, image_size = 224, channels = 3, resize = "stretch",
                         on_bad_image = "error", on_empty_class = "error",
                         cache = "auto") {
  call_core("image_folder", path = path, image_size = image_size, channels = channels,
    resize = resize, on_bad_image = on_bad_image, on_empty_class = on_empty_class,
    cache = cache)
}

#' Image data from a table of paths and labels
#'
#' Two columns of a data frame, for instance. The files are read as by [image_folder()].
#'
#' @inheritParams image_folder
#' @param paths Paths of image files, each one once. `~` is expanded.
#' @param labels One label a path: a factor, strings, whole numbers or logicals, whose
#'   values are then the class names. `NULL` for images without labels. Default `NULL`.
#' @param class_names The classes in order. Default `NULL`: the levels of a factor, else
#'   the sorted labels. With whole numbers as labels, the names that 0, 1, ... or
#'   1, 2, ... stand for.
#' @param on_bad_image `"error"` or `"skip"`, as for [image_folder()]; with `"skip"`
#'   files that do not exist are left out too. Default `"error"`.
#' @return Image data, as from [image_folder()].
#' @section Errors: A `reticnn_error` if a file does not exist or is there twice, if
#'   `paths` and `labels` differ in length, a label is missing or not in `class_names`,
#'   or there is only one class. A `reticnn_warning` if files are left out.
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
                        channels = 3, resize = "stretch", on_bad_image = "error",
                        cache = "auto") {
  named <- named_labels(labels, class_names)
  call_core("image_table", paths = paths, labels = named$labels,
    image_size = image_size, class_names = named$class_names, channels = channels,
    resize = resize, on_bad_image = on_bad_image, cache = cache)
}

#' Look for image files that cannot be read
#'
#' Every file of a folder is decoded; nothing is kept and nothing is trained.
#'
#' @param path Folder, laid out as for [image_folder()]. `~` is expanded.
#' @return A tibble with one row a file: `file`, its path; `class`, the name of its
#'   class; `ok`, whether it can be read; `format`, such as `"JPEG"`, `width` and
#'   `height` in pixels as stored; and `problem`, what is wrong with it. What there is
#'   not, or cannot be told, is `NA`.
#' @section Errors: A `reticnn_error` if there is no such folder.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' folder <- tempfile()
#' dir.create(file.path(folder, "cat"), recursive = TRUE)
#' writeLines("no photo", file.path(folder, "cat", "tom.jpg"))
#' check_images(folder)
check_images <- function(path) {
  columns <- lapply(call_core("check_images", path = path), none_as_na)
  # So that a column has its type also where all of it is `NA`, or nothing.
  text <- c("file", "class", "format", "problem")
  columns[text] <- lapply(columns[text], as.character)
  columns[c("width", "height")] <- lapply(columns[c("width", "height")], as.integer)
  columns$ok <- as.logical(columns$ok)
  as_table(columns)
}

#' Image data from an array
#'
#' @param x Array, `c(n, height, width, channels)`, or `c(n, height, width)` for grey
#'   images; values 0 to 255, numeric, integer or raw. Whole numbers are kept as bytes.
#' @param y One label an image: a factor, strings, whole numbers or logicals, whose
#'   values are then the class names. `NULL` for images without labels. Default `NULL`.
#' @param class_names The classes in order. Default `NULL`: the levels of a factor, else
#'   the sorted labels. With whole numbers in `y`, the names that 0, 1, ... or
#'   1, 2, ... stand for.
#' @return Image data, as from [image_folder()], in memory.
#' @section Errors: A `reticnn_error` if `x` has no numbers, the wrong number of
#'   dimensions or missing pixels, if `x` and `y` differ in length, a label is missing
#'   or not in `class_names`, there is only one class, or class names differ only in
#'   case. A warning if pixels are outside 0 to 255, or all
#'   within 0 to 1.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' x <- array(sample(0:255, 6 * 32 * 32 * 3, replace = TRUE), c(6, 32, 32, 3))
#' image_arrays(x, factor(rep(c("cat", "dog"), 3)))
image_arrays <- function(x, y = NULL, class_names = NULL) {
  named <- named_labels(y, class_names)
  call_core("image_arrays", x = x, y = named$labels, class_names = named$class_names)
}

#' Generated images of shapes
#'
#' Circles, squares, triangles, stars, crosses and rings: data to try things on, made in
#' a moment. A light shape on a darker ground. Size, place, tilt (up to 17 degrees) and
#' colours vary from image to image, and there is noise, so that no single pixel tells
#' the class and a network has something to learn.
#'
#' @param n Whole number of images, the classes in turn. Default 1000.
#' @param num_classes Whole number from 2 to 6: the first so many of circle, square,
#'   triangle, star, cross, ring. Default 2.
#' @param image_size Whole number of at least 8, height and width in pixels. Default 32.
#' @param channels 3 for colour, 1 for grey. Default 3.
#' @param seed Whole number of at least 0 that fixes the images; a larger `n` then adds
#'   images to the same first ones. Default `NULL`: one is drawn from R's random
#'   numbers, so that [set.seed()] fixes them.
#' @return Image data, as from [image_folder()], in memory.
#' @section Errors: A `reticnn_error` if an argument is outside its range.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' shape_images(300, 3, seed = 1)
shape_images <- function(n = 1000, num_classes = 2, image_size = 32, channels = 3,
                         seed = NULL) {
  call_core("shape_images", n = n, num_classes = num_classes, image_size = image_size,
    channels = channels, seed = seed_or_draw(seed))
}

#' The workshop's cats and dogs
#'
#' 10,000 images to train with and 2,000 to test, 32 by 32 pixels in colour: classes 3
#' and 5 of CIFAR-10.
#'
#' @param path `NULL` to download CIFAR-10 once through Keras (170 MB, kept in Keras's
#'   cache); or a local copy: the folder or archive of that download
#'   (`cifar-10-batches-py`, `cifar-10-python.tar.gz`), or a folder or tar archive with
#'   `train` and `test` folders, each with `cat` and `dog` folders of images. Default
#'   `NULL`.
#' @return List of image data, `train` and `test`, with the classes cat and dog.
#' @section Errors: A `reticnn_error` if `path` does not exist or is neither of these,
#'   or if the download fails; within seconds where there is no network.
#' @references Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
#' @export
#' @examples
#' \dontrun{
#' cats_and_dogs()$train # downloads 170 MB the first time
#' }
cats_and_dogs <- function(path = NULL) {
  call_core("cats_and_dogs", path = path)
}

#' Split image data at random
#'
#' Parts with the same mix of classes.
#'
#' @param data Image data.
#' @param prop Number in (0, 1), the training part, the rest being the test part; or two
#'   or three proportions that sum to 1, for training and test or training, validation
#'   and test; with names, the parts are called so. Default 0.8.
#' @param seed Whole number of at least 0 that fixes the split. Default `NULL`: one is
#'   drawn from R's random numbers, so that [set.seed()] fixes the split.
#' @return List of image data: `train` and `test`, with three proportions `train`,
#'   `validation` and `test`, or the names given. No image is in two parts.
#' @section Errors: A `reticnn_error` if the proportions are not positive or do not sum
#'   to 1, or a part would get no image.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' split_images(shape_images(100), 0.8, seed = 1)
split_images <- function(data, prop = 0.8, seed = NULL) {
  if (!is.null(names(prop))) {
    prop <- as.list(prop)
  }
  call_core("split_images", data = data, prop = prop, seed = seed_or_draw(seed))
}

#' Load all images of the data into memory
#'
#' @param data Image data.
#' @return List: `images`, an array `c(n, height, width, channels)`, 0 to 255, and
#'   `labels`, a factor, or `NULL` without labels.
#' @section Errors: A `reticnn_error` if a file cannot be read.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' dim(load_images(shape_images(10))$images)
load_images <- function(data) {
  loaded <- call_core("load_images", data = data)
  if (!is.null(loaded$labels)) {
    loaded$labels <- factor(loaded$labels, levels = data$class_names)
  }
  # In R, an element set to NULL is no element.
  loaded
}

# Labels of any R type as the core takes them, with the classes in order.
named_labels <- function(labels, class_names) {
  if (is.factor(labels)) {
    class_names <- class_names %||% levels(labels)
  }
  if (is.factor(labels) || is.logical(labels)) {
    labels <- as.character(labels)
  }
  list(labels = as_one_dimension(labels), class_names = as_strings(class_names))
}

# Image data is a Python object, which prints and counts itself. In R it is a vector of
# images, counted from 1: `[` gives a part of it, `[[` one image.

is_image_data <- function(x) {
  inherits(x, "reticnn.ImageData")
}

#' @export
`[.reticnn.ImageData` <- function(x, i) {
  positions <- positions_in(x, i, "[", rlang::caller_env())
  reticulate::py_get_item(x, as.list(positions - 1L))
}

#' @export
`[[.reticnn.ImageData` <- function(x, i) {
  if (missing(i)) i <- NULL
  position <- positions_in(x, i, "[[", rlang::caller_env())
  image <- load_images(reticulate::py_get_item(x, list(position - 1L)))$images
  array(image, dim(image)[-1])
}

# All images in memory, for lapply() and for loops.
#' @export
as.list.reticnn.ImageData <- function(x, ...) {
  lapply(seq_along(x), function(i) x[[i]])
}

# Not the names of what Python has of it, by which Map() and sapply() would call images.
#' @export
names.reticnn.ImageData <- function(x) {
  NULL
}

# Which images an index of R's means, of any kind; none of them can be missing.
positions_in <- function(x, i, extract, call) {
  if (missing(i)) {
    return(seq_along(x))
  }
  positions <- tryCatch(do.call(extract, list(seq_along(x), i)), error = function(cnd) NA)
  if (anyNA(positions)) {
    one <- if (extract == "[[") "be the position of one image" else "name images"
    abort_text(
      paste0("`i` must ", one, " from 1 to ", length(x), ", not ", deparse(i)[[1]], "."),
      call = call
    )
  }
  positions
}
