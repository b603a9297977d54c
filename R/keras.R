# Keras itself, and loops over what it gives.

#' Keras, ready for use from R
#'
#' The Python module `keras`, imported when it is first used. Its layers take and return
#' the same tensors as the blocks of this package, so both can be used in one pipe.
#'
#' `keras` returns R vectors and lists where Python has numbers, texts and lists.
#' `keras_py` is the module as returned by `reticulate::import("keras", convert = FALSE)`:
#' whatever comes from it stays a Python object until [reticulate::py_to_r()] converts it,
#' as code written for that expects. Objects of both can be used together.
#'
#' @section Layers of a model: `model$layers` is a list, and R counts its elements from 1.
#' In Python, `layers[-5:-2]` are three layers, starting with the fifth from the end; in R
#' it would be the list without its elements 2 to 5. So an increasing range of negative
#' numbers is refused, with what to write instead. [py_for()] takes it as Python does.
#'
#' @format An object whose elements, with `$`, are those of the Python module.
#' @seealso [tuple()], [py_for()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$Input(c(32L, 32L, 3L)) |>
#'   keras$layers$Conv2D(32L, tuple(3L, 3L), padding = "same")() |>
#'   keras$layers$ReLU()() |>
#'   conv_block(64)
#'
#' # Python's own slices
#' model <- keras_py$applications$MobileNet(weights = NULL)
#' model$layers[-5:-2]
keras <- structure(list(), class = "reticnn_keras")

#' @rdname keras
#' @export
keras_py <- structure(list(), class = c("reticnn_keras_py", "reticnn_keras"))

#' @export
`$.reticnn_keras` <- function(x, name) {
  do.call("$", list(keras_module(x), name))
}

#' @rawNamespace S3method(utils::.DollarNames, reticnn_keras)
.DollarNames.reticnn_keras <- function(x, pattern = "") {
  utils::.DollarNames(keras_module(x), pattern)
}

#' @export
print.reticnn_keras <- function(x, ...) {
  name <- if (is_unconverted(x)) "keras_py" else "keras"
  cat("<", name, "> the Python module, imported when it is used: ", name,
    "$layers$Dense(10L)\n", sep = "")
  invisible(x)
}

keras_module <- function(x) {
  module <- import_keras(rlang::caller_env(2))
  if (is_unconverted(x)) reticulate::import("keras", convert = FALSE) else module
}

is_unconverted <- function(x) inherits(x, "reticnn_keras_py")

#' A Python tuple
#'
#' The same as [reticulate::tuple()], here so that code written for Keras runs without
#' attaching reticulate.
#'
#' @param ... Elements.
#' @return A Python tuple.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' keras$layers$MaxPooling2D(tuple(2L, 2L))
tuple <- function(...) {
  reticulate::tuple(...)
}

# Layers that Keras gives as an R list, in which `[-5:-2]` would leave layers out.
#' @rawNamespace S3method("$", keras.src.models.model.Model)
`$.keras.src.models.model.Model` <- function(x, name) {
  value <- NextMethod()
  if (!identical(name, "layers") || !is.list(value)) return(value)
  structure(value, class = c("reticnn_layers", "list"))
}

#' @export
`[.reticnn_layers` <- function(x, i) {
  if (!missing(i)) check_no_slice(i, length(x), rlang::caller_env())
  structure(NextMethod(), class = class(x))
}

#' @export
print.reticnn_layers <- function(x, ...) {
  kinds <- vapply(x, \(layer) sub(".*[.]", "", class(layer)[[1]]), "")
  names <- vapply(x, \(layer) reticulate::py_to_r(layer$name), "")
  cat("<layers> ", length(x), "\n", sep = "")
  cat(sprintf("%3d %s (%s)\n", seq_along(x), names, kinds), sep = "")
  invisible(x)
}

check_no_slice <- function(i, count, call) {
  is_range <- is.numeric(i) && length(i) > 1 && all(!is.na(i) & i < 0) &&
    all(diff(i) == 1)
  if (!is_range) return(invisible())
  from <- max(count + min(i) + 1, 1)
  to <- count + max(i)
  abort_text(
    sprintf(
      paste0("`layers[%d:%d]` is not clear: in R it leaves out the layers %d to %d, and ",
        "in Python it is the layers %d to %d. Write `layers[-(%d:%d)]` to leave them ",
        "out, and `layers[%d:%d]` for what it is in Python."),
      min(i), max(i), -max(i), -min(i), from, to, -max(i), -min(i), from, to
    ),
    class = "reticnn_error_value", call = call
  )
}

#' Loop over anything in Python or R
#'
#' R's `for` loops over vectors and lists only. `py_for()` also loops over anything that
#' Python can loop over: Python lists, tuples, dicts (their keys), ranges, generators,
#' data sets, files. Each item is taken from Python when its turn comes, so you can break
#' out of an endless loop.
#'
#' The body runs where `py_for()` is called, like that of `for`: what it assigns stays,
#' and so do the loop's variables with their last values; `break`, `next` and `return()`
#' work.
#'
#' @section Python's slices: In the formula of the loop, `layers[-5:-2]` is Python's slice
#' whether `layers` is a Python list or an R list of Python objects: from the fifth from
#' the end up to, but not including, the second from the end. `-2:NULL` goes on to the
#' end. Other subsets of an R list are R's, so `layers[1:3]` are the first three.
#' Elsewhere, `[-5:-2]` leaves out elements 2 to 5 of an R list; see [keras].
#'
#' [reticulate::iterate()] does the same with a function, `iterate(layers, \(layer) ...)`,
#' without `break`, and returns the function's results.
#'
#' @param loop A formula, `variable ~ items`. With several variables, as in
#'   `i + x ~ items`, each item is unpacked, and must have as many elements. The items of
#'   an R vector, list or data frame are its elements, as in `for`.
#' @param body Code, usually in braces.
#' @return `NULL`, invisibly, as `for` returns it.
#' @seealso [unfreeze()], which needs no loop.
#' @export
#' @examples
#' py_for(x + y ~ list(c(1, 2), c(3, 4)), {
#'   print(x * y)
#' })
#' @examplesIf reticnn::reticnn_available()
#' vgg16 <- keras$applications$VGG16(
#'   weights = NULL, include_top = FALSE, input_shape = c(32L, 32L, 3L), pooling = "avg"
#' )
#' py_for(layer ~ vgg16$layers[-5:-2], {
#'   layer$trainable <- TRUE
#' })
#'
#' # Several variables
#' enumerate <- reticulate::import_builtins()$enumerate
#' py_for(i + layer ~ enumerate(vgg16$layers), {
#'   if (i == 3) break
#'   cat(i, layer$name, "\n")
#' })
#'
#' # The same without `py_for()`
#' reticulate::iterate(vgg16$layers[15:17], \(layer) layer$trainable <- TRUE)
py_for <- function(loop, body) {
  frame <- rlang::caller_env()
  call <- rlang::current_env()
  body <- substitute(body)
  check_loop(loop, body, call)
  names <- loop_variables(loop[[2]], call)
  take <- taker(looped_over(loop[[3]], environment(loop)), loop[[3]], call)
  advance <- function() {
    item <- take()
    if (identical(item, the)) return(FALSE)
    assign_item(names, item, frame, call)
    TRUE
  }
  rlang::eval_bare(bquote(repeat {
    if (!.(advance)()) break
    .(body)
  }), frame)
  invisible()
}

check_loop <- function(loop, body, call) {
  if (!rlang::is_formula(loop, lhs = TRUE)) {
    abort_text(paste0("`loop` must be a formula such as `layer ~ model$layers`, not ",
      kind_of(loop), "."), class = "reticnn_error_type", call = call)
  }
  if (rlang::is_missing(body) || rlang::is_call(body, "function")) {
    given <- if (rlang::is_missing(body)) "nothing" else "a function"
    abort_text(paste0("`body` must be code, such as `{ print(x) }`, not ", given,
      ". `reticulate::iterate()` takes a function."), class = "reticnn_error_type",
      call = call)
  }
}

kind_of <- function(x) paste("an object of class", class(x)[[1]])

# The names in `i + x`.
loop_variables <- function(side, call) {
  names <- character()
  while (rlang::is_call(side, "+", n = 2) && rlang::is_symbol(side[[3]])) {
    names <- c(as.character(side[[3]]), names)
    side <- side[[2]]
  }
  names <- c(if (rlang::is_symbol(side)) as.character(side), names)
  if (!rlang::is_symbol(side) || anyDuplicated(names)) {
    abort_text(paste0("`loop` must have different names of variables before its `~`, such ",
      "as `i + x`, not `", rlang::as_label(side), "`."), class = "reticnn_error_value",
      call = call)
  }
  names
}

# What the loop is over, with Python's slice where an R list of Python objects has one.
looped_over <- function(expression, frame) {
  if (!rlang::is_call(expression, "[", n = 2) ||
        !rlang::is_call(expression[[3]], ":", n = 2)) {
    return(eval(expression, frame))
  }
  items <- eval(expression[[2]], frame)
  ends <- lapply(as.list(expression[[3]])[-1], eval, frame)
  if (is_list_from_python(items) && is_negative(ends[[1]])) {
    return(unclass(items)[slice_positions(ends, length(items))])
  }
  eval(expression, frame)
}

is_list_from_python <- function(x) {
  is.list(x) && length(x) > 0 && all(vapply(x, reticulate::is_py_object, TRUE))
}

is_negative <- function(x) is.numeric(x) && length(x) == 1 && !is.na(x) && x < 0

slice_positions <- function(ends, count) {
  counted <- function(end) min(max(if (end < 0) count + end else end, 0), count)
  from <- counted(ends[[1]])
  to <- if (is.null(ends[[2]])) count else counted(ends[[2]])
  from + seq_len(max(to - from, 0))
}

# A function that returns the next item, and `the` behind the last one.
taker <- function(items, expression, call) {
  if (reticulate::is_py_object(items)) {
    iterator <- rlang::try_fetch(
      reticulate::as_iterator(items),
      error = function(cnd) abort_no_loop(items, expression, call)
    )
    return(function() reticulate::iter_next(iterator, completed = the))
  }
  if (is.factor(items)) items <- as.character(items)
  if (!is.null(items) && !is.vector(items) && !is.list(items) && !is.atomic(items)) {
    abort_no_loop(items, expression, call)
  }
  position <- 0L
  function() {
    if (position >= length(items)) return(the)
    position <<- position + 1L
    items[[position]]
  }
}

abort_no_loop <- function(items, expression, call) {
  abort_text(
    paste0("`loop` goes over `", rlang::as_label(expression), "`, which is ",
      kind_of(items), " and has no items. Give a vector, a list, or something that ",
      "Python can loop over."),
    class = "reticnn_error_type", call = call
  )
}

assign_item <- function(names, item, frame, call) {
  parts <- if (length(names) == 1) list(item) else taken_apart(item)
  if (length(parts) != length(names)) {
    abort_text(
      sprintf("`loop` has %d variables, %s, and an item of %d elements.", length(names),
        paste0("`", names, "`", collapse = ", "), length(parts)),
      class = "reticnn_error_value", call = call
    )
  }
  for (i in seq_along(names)) assign(names[[i]], parts[[i]], envir = frame)
}

taken_apart <- function(item) {
  if (!reticulate::is_py_object(item)) return(as.list(item))
  rlang::try_fetch(
    reticulate::iterate(item, identity, simplify = FALSE),
    error = function(cnd) list(item)
  )
}
