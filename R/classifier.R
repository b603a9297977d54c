# The fitted classifier in R: plain R data, and the Python classifier they came from.
new_classifier <- function(core_classifier) {
  network <- core_classifier$network
  structure(
    list(
      # That of an ONNX graph is loaded, and Keras started, when somebody asks for it.
      model = if (core_classifier$has_keras) network,
      class_names = as.character(core_classifier$class_names),
      image_shape = core_classifier$image_shape,
      history = as_table(core_classifier$history),
      stopped = core_classifier$stopped,
      kept_epoch = core_classifier$kept_epoch,
      resize = core_classifier$resize,
      reading = way_of_reading(core_classifier$reading),
      augmentation = core_classifier$augmentation,
      output = core_classifier$output,
      schedule = core_classifier$schedule,
      calibration = calibration_of(core_classifier),
      shares = unlist(core_classifier$shares),
      monitor = core_classifier$trained_with$monitor,
      sets = sets_of(core_classifier),
      novelty = novelty_of(core_classifier),
      search = search_of(core_classifier),
      values = core_classifier$values,
      parameters = network$count_params(),
      name = network$name,
      bytes = bytes_of(core_classifier),
      core = core_classifier
    ),
    class = "reticnn_classifier"
  )
}

# The bytes of the classifier's file, which R keeps where it cannot keep what lives in
# Python: in saveRDS(), workspaces, knitr's cache, and on the way to other processes. NULL
# where there are too many, or the model has code that no file has.
bytes_of <- function(core_classifier) {
  if (4 * (core_classifier$network$count_params() %||% 0) > most_bytes) return(NULL)
  path <- tempfile(fileext = ".reticnn")
  on.exit(unlink(path))
  saved <- rlang::try_fetch(
    # An ONNX graph that is there is kept; to write one takes time, after every training.
    suppressWarnings(call_core("save_classifier", classifier = core_classifier, path = path,
      fast_start = if (core_classifier$has_keras) FALSE)),
    reticnn_error = function(cnd) NULL
  )
  size <- if (is.null(saved)) Inf else file.size(path)
  if (size <= most_bytes) readBin(path, "raw", size)
}

most_bytes <- 1e8

# A classifier of another process, made from its bytes once in this one.
revived <- function(bytes, call) {
  key <- rlang::hash(bytes)
  if (is.null(revived_here[[key]])) {
    path <- tempfile(fileext = ".reticnn")
    on.exit(unlink(path))
    writeBin(bytes, path)
    revived_here[[key]] <- call_core("load_classifier", path = path, .call = call)
  }
  revived_here[[key]]
}

revived_here <- new.env(parent = emptyenv())

# How the probabilities were calibrated, with its measures as a tibble, or NULL.
calibration_of <- function(core_classifier) {
  calibration <- core_classifier$calibration
  if (is.null(calibration)) return(NULL)
  measures <- calibration$measures
  measures[-1] <- lapply(measures[-1], nan_as_na)
  calibration$measures <- as_table(measures)
  calibration
}

# The prediction sets, with their thresholds as a tibble, or NULL.
sets_of <- function(core_classifier) {
  sets <- core_classifier$sets
  if (is.null(sets)) return(NULL)
  classes <- none_as_na(sets$thresholds$class)
  sets$thresholds <- as_table(sets$thresholds)
  sets$thresholds$class <- factor(classes, levels = as.character(core_classifier$class_names))
  sets
}

# How novel images are known, without what the core keeps of others; or NULL.
novelty_of <- function(core_classifier) {
  novelty <- core_classifier$novelty
  if (is.null(novelty)) NULL else novelty[c("method", "share", "threshold", "images")]
}

# The search that the settings come from, with its tables as tibbles; or NULL.
search_of <- function(core_classifier) {
  search <- core_classifier$search
  if (is.null(search)) return(NULL)
  search$importance$importance <- nan_as_na(search$importance$importance)
  tables <- c("history", "importance")
  search[tables] <- lapply(search[tables], as_table)
  search
}

# In words, with positions counted from 1; NULL where files were read as photos are.
way_of_reading <- function(reading) {
  text <- if (!is.null(reading)) call_core(reading$described)
  if (!is.null(text) && nzchar(text)) text
}

# What the core is given for a classifier, or for anything else.
as_core <- function(x, call = rlang::caller_env()) {
  if (inherits(x, "reticnn_cross_validation")) {
    return(core_of_folds(x, call))
  }
  if (!inherits(x, "reticnn_classifier")) {
    return(x)
  }
  core <- .subset2(x, "core")
  if (!is_gone(core)) return(core)
  bytes <- .subset2(x, "bytes")
  if (is.null(bytes)) {
    abort_text(
      paste(
        "The classifier's model is gone: it lived in the R session that made it, and",
        "saveRDS() and saved workspaces keep none of more than 100 MB, none with code of",
        "your own, and none from somebody else's ONNX file. Save such classifiers with",
        "`save_classifier()`, or keep that ONNX file, and use `load_classifier()` again."
      ),
      call = call
    )
  }
  revived(bytes, call)
}

#' @export
`$.reticnn_classifier` <- function(x, name) {
  in_python(NextMethod(), x, name)
}

#' @export
`[[.reticnn_classifier` <- function(x, i, ...) {
  in_python(NextMethod(), x, i)
}

# An element of a classifier, which may have come from another process.
in_python <- function(value, x, name) {
  call <- rlang::caller_env(2)
  if (is.numeric(name)) name <- names(x)[[name]]
  if (is.null(value) && identical(name, "model")) return(keras_model_of(x, call))
  if (!is_gone(value)) return(value)
  core <- as_core(x, call)
  if (name == "core") core else core[[name]]
}

keras_model_of <- function(x, call) {
  core <- as_core(x, call)
  if (core$has_keras) return(core$model)
  call_core(core$network$keras_model, .call = call)
}

# What the model predicts with is in the core: changed here, it would be printed, and not
# be so when the classifier is used.
in_the_core <- c("model", "class_names", "image_shape", "resize", "reading", "augmentation",
  "output", "calibration", "sets", "novelty", "search", "bytes", "core")

refuse_change <- function(x, name, call) {
  if (is.numeric(name)) name <- names(x)[name]
  if (!any(name %in% in_the_core)) return(invisible())
  abort_text(
    paste0("A classifier's `", name, "` cannot be changed: predictions would be as before.",
      if (identical(name, "class_names")) {
        paste(" For other names, give them with the model,",
          "`predict_images(classifier$model, images, class_names = names)`.")
      }),
    call = call
  )
}

#' @export
`$<-.reticnn_classifier` <- function(x, name, value) {
  refuse_change(x, name, rlang::caller_env())
  NextMethod()
}

#' @export
`[[<-.reticnn_classifier` <- function(x, i, value) {
  refuse_change(x, i, rlang::caller_env())
  NextMethod()
}

#' @export
`names<-.reticnn_classifier` <- function(x, value) {
  refuse_change(x, setdiff(names(x), value)[1], rlang::caller_env())
  NextMethod()
}

# Whether the model has been trained further, or changed otherwise, since.
is_stale <- function(x) {
  core <- .subset2(x, "core")
  !is_gone(core) && core$stale
}

# Element by element, as str() looks at lists, would load the Keras model: RStudio shows
# all objects so.
#' @rawNamespace S3method(utils::str, reticnn_classifier)
str.reticnn_classifier <- function(object, ...) {
  utils::str(unclass(object), ...)
}

#' @export
print.reticnn_classifier <- function(x, ...) {
  size <- vapply(x$image_shape, function(side) {
    if (is.null(side)) "any" else format(side)
  }, "")
  metrics <- unlist(x$history[x$kept_epoch, metric_names(x$history)])
  # A column of other epochs says nothing of this one.
  metrics <- metrics[!is.na(metrics)]
  trained <- paste0(nrow(x$history), if (nrow(x$history) == 1) " epoch" else " epochs",
    if (!is.null(x$stopped)) paste0(" (stopped: ", x$stopped, ")"),
    if (x$kept_epoch < nrow(x$history)) paste0(", weights of epoch ", x$kept_epoch))
  if (length(metrics) > 0) {
    values <- paste(names(metrics), formatC(metrics, digits = 3, format = "f"))
    trained <- paste(c(trained, values), collapse = ", ")
  }
  cat(
    "<reticnn_classifier> ", x$name, ", ", length(x$class_names), " classes: ",
    paste(x$class_names, collapse = ", "), "\n",
    "input    ", paste(size, collapse = " x "), ", ", x$values %||% "values 0 to 255",
    if (!is.null(x$resize)) paste0(", resized by ", x$resize),
    if (!is.null(x$reading)) paste0(", read by ", x$reading), "\n",
    if (is.null(x$shares)) {
      paste0("trained  ", trained, "\n")
    } else {
      paste0("members  ", length(x$shares), ", with weights ",
        paste(format(x$shares, digits = 3, trim = TRUE), collapse = ", "), "\n")
    },
    if (!is.null(x$schedule)) paste0("schedule ", x$schedule, "\n"),
    if (!is.null(x$calibration)) paste0("calibrated ", calibration_in_words(x$calibration), "\n"),
    if (!is.null(x$sets)) paste0("sets     ", sets_in_words(x$sets), "\n"),
    if (!is.null(x$novelty)) paste0("novelty  ", novelty_in_words(x$novelty), "\n"),
    if (is_stale(x)) "changed  the model now has other weights\n",
    sep = ""
  )
  invisible(x)
}

# How a classifier is calibrated, and to what effect.
calibration_in_words <- function(calibration) {
  method <- paste(c(calibration$method, if (!is.null(calibration$temperature)) {
    formatC(calibration$temperature, digits = 3, format = "fg", flag = "#")
  }), collapse = " ")
  images <- paste(calibration$images, if (calibration$images == 1) "image" else "images")
  measures <- calibration$measures
  shown <- measures$measure %in% c("log_loss", "calibration_error") & !is.na(measures$after)
  changes <- sprintf("%s %.3f to %.3f", measures$measure, measures$before, measures$after)
  paste(c(paste("by", method, "from", images), changes[shown]), collapse = ", ")
}

novelty_in_words <- function(novelty) {
  paste0(novelty$method, ", ", format(100 * novelty$share), " % of known images are called ",
    "novel, from ", novelty$images, " images")
}

sets_in_words <- function(sets) {
  paste0(sets$method, ", coverage ", format(sets$coverage), if (sets$by_class) " of each class",
    ", from ", sets$images, " images", if (!is.null(sets$folds)) paste(" in", sets$folds, "folds"))
}

#' @export
summary.reticnn_classifier <- function(object, ...) {
  as_core(object)
  print(object)
  cat("\n")
  print(object$history)
  cat("\n")
  cat(summary_of_layers(object), sep = "\n")
  invisible(object)
}

# Keras prints to Python's own output, which knitr and sink() do not see.
summary_of_layers <- function(classifier) {
  model <- tryCatch(classifier$model, reticnn_error = function(cnd) {
    if (!grepl("NoKerasModelError", cnd$python_error)) rlang::cnd_signal(cnd)
  })
  if (is.null(model)) return("The layers are not known: an ONNX file has no Keras model.")
  lines <- character()
  model$summary(print_fn = function(line, ...) {
    lines <<- c(lines, line)
    NULL
  })
  lines
}

#' @importFrom generics augment
#' @export
generics::augment

#' @importFrom generics glance
#' @export
generics::glance

#' @importFrom generics tidy
#' @export
generics::tidy

#' Classifiers as tibbles
#'
#' Methods for the generics of the package generics, which broom and tidymodels use too:
#' the order in which these packages are attached does not matter.
#'
#' @param x Classifier from [fit_classifier()] or [load_classifier()].
#' @param new_data Images, as `images` of [predict_images()].
#' @param batch_size As in [predict_images()].
#' @param ... Not used; must be empty.
#' @return Tibbles.
#'   - `tidy()`: the training history, one row per epoch, metric and data set, with
#'     `epoch`, `metric` (such as `"loss"`), `data` (`"training"` or `"validation"`) and
#'     `value`.
#'   - `glance()`: one row, with `epochs`, the number trained; `best_epoch`, the best
#'     one by the `monitor` of [fit_classifier()], or else the one with the lowest loss, on
#'     the validation images if there are any; the metrics of that epoch; `parameters`, the
#'     number of parameters of the model; and `stopped`, why training ended before its last
#'     epoch, or `NA`.
#'   - `augment()`: one row per image, with `.file` for files, `label` for labelled image
#'     data (a factor with the levels of `.pred_class`), and the columns of
#'     [predict_images()].
#' @section Errors: A `reticnn_error` from `augment()` as for [predict_images()].
#' @seealso [predict.reticnn_classifier()], [evaluate_classifier()]
#' @name classifier_tibbles
#' @examplesIf reticnn::reticnn_available()
#' data <- shape_images(200)
#' classifier <- fit_classifier(build_cnn(), data, epochs = 2)
#' tidy(classifier)
#' glance(classifier)
#' augment(classifier, data[1:5])
NULL

#' @rdname classifier_tibbles
#' @export
tidy.reticnn_classifier <- function(x, ...) {
  rlang::check_dots_empty()
  points <- history_points(x$history)
  # Not through attributes(), which would give the rows names.
  for (name in c("stages", "stage_names", "kept", "caption")) attr(points, name) <- NULL
  points
}

#' @rdname classifier_tibbles
#' @export
glance.reticnn_classifier <- function(x, ...) {
  rlang::check_dots_empty()
  history <- x$history
  # If no epoch was finished, there is no best one, and the row is NA.
  best <- best_epoch(history, x$monitor)
  metrics <- as.list(history[best, metric_names(history)])
  tibble::tibble(
    epochs = nrow(history), best_epoch = best, !!!metrics,
    parameters = x$parameters, stopped = x$stopped %||% NA_character_
  )
}

# The monitor is a metric's name and "min" or "max".
best_epoch <- function(history, monitor) {
  if (is.null(monitor) || is.null(history[[monitor[[1]]]])) {
    monitor <- list(if (is.null(history[["val_loss"]])) "loss" else "val_loss", "min")
  }
  best <- if (monitor[[2]] == "min") which.min else which.max
  best(history[[monitor[[1]]]])[1]
}

#' @rdname classifier_tibbles
#' @export
augment.reticnn_classifier <- function(x, new_data, batch_size = 32, ...) {
  rlang::check_dots_empty()
  check_all_given(rlang::current_env())
  label <- if (is_image_data(new_data)) {
    labels_as_classes(new_data, x$class_names)
  }
  table <- predictions(x, new_data, batch_size = batch_size,
    names = c(classifier = "x", images = "new_data"))
  known <- list(.file = table[[".file"]], label = label)
  table$.file <- NULL
  tibble::tibble(!!!known, table)
}

# The labels of image data as a factor of a classifier's classes.
labels_as_classes <- function(data, class_names) {
  if (is.null(data$labels)) return(NULL)
  matched <- call_core(data$with_classes, class_names = as.list(class_names),
    name = "new_data")
  as_factor(matched$labels, class_names)
}

# One row per epoch, metric and data set; none if no epoch was finished. The attribute
# `stages` says where new stages of training begin, `kept` which epoch's weights the model
# has if it is not the last.
history_points <- function(history, kept_epoch = NULL) {
  drawn <- call_core("points_of_history", history = as_columns(history),
    kept_epoch = kept_epoch)
  points <- tibble::tibble(
    epoch = as.integer(drawn$points$epoch), metric = as.character(drawn$points$metric),
    data = as.character(drawn$points$data), value = as.numeric(drawn$points$value)
  )
  # structure() would give the rows names, which print as a star.
  attr(points, "stages") <- as.numeric(drawn$stages)
  attr(points, "stage_names") <- as.character(drawn$stage_names)
  attr(points, "kept") <- drawn$kept
  attr(points, "caption") <- drawn$caption
  points
}

metric_names <- function(history) {
  setdiff(names(history), c("epoch", "stage"))
}
