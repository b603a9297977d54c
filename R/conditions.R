# Errors: the core's text under the user's own call, classed `reticnn_error`.

# The core writes its messages in R's notation. `names` are those of arguments that the
# user's function calls otherwise than the core's.
abort_from_core <- function(cnd, call, names = character()) {
  # What one call needs, and others do not, is said by the core.
  if (inherits(cnd, "python.builtin.ImportError") && !is_of_one_call(cnd)) {
    abort_no_core(cnd, call)
  }
  abort_text(renamed(py_text(cnd), names), class = error_class(cnd),
    python_error = class(cnd)[[1]], call = call)
}

is_of_one_call <- function(cnd) any(grepl("MissingPackageError$", class(cnd)))

# The class below `reticnn_error` of an error of the core, if it has one.
error_class <- function(cnd) {
  if (any(grepl("CheckpointError$", class(cnd)))) "reticnn_error_checkpoint"
}

renamed <- function(text, names) {
  for (name in names(names)) {
    text <- gsub(paste0("`", name, "`"), paste0("`", names[[name]], "`"), text, fixed = TRUE)
  }
  text
}

# The text as it is: braces in it are not cli's.
abort_text <- function(text, ..., class = NULL, call) {
  rlang::abort(text, class = c(class, "reticnn_error"), ..., call = users_frame(call))
}

# The frame of the function that the user called: the outermost one of this package,
# where one leads to the other, also by way of lapply() and the like.
users_frame <- function(frame) {
  frames <- sys.frames()
  at <- Position(function(other) identical(other, frame), frames, right = TRUE)
  while (!is.na(at) && at > 0) {
    home <- environment(sys.function(at))
    own <- identical(home, topenv())
    if (own) frame <- frames[[at]]
    if (!own && !is.null(home) && !is_ours_or_base(topenv(home))) break
    # What print() of a list calls has itself for a parent.
    parent <- sys.parents()[[at]]
    if (parent >= at) break
    at <- parent
  }
  frame
}

is_ours_or_base <- function(environment) {
  identical(environment, topenv()) || identical(environment, baseenv()) ||
    identical(environment, .BaseNamespaceEnv)
}

# An argument without a default that the user has left out, before R says so of an
# internal function.
check_all_given <- function(frame) {
  at <- Position(function(other) identical(other, frame), sys.frames(), right = TRUE)
  if (is.na(at)) return(invisible())
  wanted <- Filter(function(default) identical(default, quote(expr = )),
    formals(sys.function(at)))
  for (name in setdiff(names(wanted), "...")) {
    if (eval(call("missing", as.name(name)), frame)) {
      abort_text(paste0("`", name, "` is missing, and has no default."), call = frame)
    }
  }
}
# The message of a Python error without what reticulate puts around it.
py_text <- function(cnd) {
  text <- sub("\nRun `reticulate::py_last_error()` for details.", "",
    conditionMessage(cnd), fixed = TRUE)
  as_utf8(sub("^[A-Za-z_.]+: ", "", text))
}

abort_no_core <- function(cnd, call) {
  rlang::abort(
    python_in_force(cnd),
    class = c("reticnn_error_no_python", "reticnn_error"),
    call = call
  )
}

# What only R can see: a missing logical crosses as `True`, a missing string as "NA", and
# a data frame as a dict or as a matrix. The core checks arrays, in the pass that converts
# them.
check_arguments <- function(arguments, call, names = character()) {
  names(arguments) <- ifelse(names(arguments) %in% names(names),
    names[names(arguments)], names(arguments))
  for (name in names(arguments)) {
    value <- arguments[[name]]
    check_takes_one(value, name, call)
    if (identical(name, "callbacks")) check_callbacks(value, call)
    check_not_integer64(value, name, call)
    if (is.data.frame(value)) {
      abort_text(
        paste0("`", name, "` must not be a data frame, as this one of ",
          counted(nrow(value), "row"), " and ", counted(ncol(value), "column"), ". ",
          if (name %in% c("data", "validation")) {
            "Make image data of its columns, as in `image_table(table$file, table$label)`."
          } else {
            "Give the column that is wanted."
          }),
        call = call
      )
    }
    for (one in if (is_plain_list(value)) value else list(value)) {
      if (is_image_data(one)) {
        living_data(one, call, name)
      } else if (is_gone(one)) {
        abort_gone(name, NULL, call)
      }
    }
    if (is.atomic(value) && is.null(dim(value)) && anyNA(value)) {
      indices <- which(is.na(value))
      at <- if (length(value) > 1) {
        paste0(" at ", length(indices), " of ", length(value), " positions: ",
          paste(utils::head(indices, 10), collapse = ", "),
          if (length(indices) > 10) ", ...")
      }
      abort_text(paste0("`", name, "` must not be NA", at, "."), call = call)
    }
  }
}

# The core would see a function around that of the user, which takes anything.
check_takes_one <- function(f, name, call) {
  given <- c(reader = "the path of a file", groups = "the path of a file",
    progress = "how far the work is", layers = "a layer",
    schedule = "the number of an epoch")
  if (!name %in% names(given)) return(invisible())
  if (inherits(f, "formula")) {
    abort_text(paste0("`", name, "` must be a function of one argument, ", given[[name]],
      ", such as `function(x) ...`, not a formula."), call = call)
  }
  if (!is.function(f) || is_of_python(f)) return(invisible())
  head <- args(f)
  if (!is.null(head) && is.null(formals(head))) {
    abort_text(paste0("`", name, "` must be a function that can be called with one ",
      "argument, ", given[[name]], ", and this one takes none."), call = call)
  }
}

# The core sees a function around each, too, and would hear only when it calls them.
check_callbacks <- function(value, call) {
  events <- "^on_(train|test|epoch|train_batch|test_batch)_(begin|end)$"
  items <- if (is_plain_list(value) && is.null(names(value))) value else list(value)
  for (functions in Filter(is_plain_list, items)) {
    for (event in grep(events, names(functions), value = TRUE)) {
      f <- functions[[event]]
      head <- if (is.function(f) && !is_of_python(f)) args(f)
      taken <- names(formals(head))
      given <- c(if (grepl("batch", event)) "batch", if (grepl("epoch", event)) "epoch",
        "logs")
      if (is.null(head) || "..." %in% taken || length(taken) >= length(given)) next
      abort_text(paste0("`callbacks` has a function for '", event, "' that is called with ",
        paste(given, collapse = " and "), ", and takes ",
        if (length(taken) == 0) "no argument" else "one argument", ". Make it `function(",
        paste(given, collapse = ", "), ") ...`."), call = call)
    }
  }
}

is_of_python <- function(x) {
  inherits(x, "python.builtin.object")
}

# Whether something is an object of Python whose process has ended.
is_gone <- function(x) {
  is_of_python(x) && reticulate::py_is_null_xptr(x)
}

abort_gone <- function(name, why_not, call) {
  abort_text(
    paste0("`", name, "` is gone: it lived in the R session that made it, and ",
      "saveRDS(), saved workspaces and the cache of knitr do not keep it",
      if (!is.null(why_not)) paste0(", because ", why_not), ". Make it again."),
    call = call
  )
}

is_plain_list <- function(x) {
  is.list(x) && !is.object(x)
}

# "1 row", "2 rows".
counted <- function(number, thing) {
  paste0(number, " ", thing, if (number != 1) "s")
}

# Python has one value for a name, and would keep the last one of several.
check_names <- function(arguments, call) {
  for (argument in names(arguments)) {
    value <- arguments[[argument]]
    if (!is_plain_list(value)) next
    names <- names(value)
    wrong <- if (anyDuplicated(names)) {
      paste0("has the name '", names[anyDuplicated(names)], "' twice")
    } else if (any(names == "")) {
      "has values without a name besides named ones"
    }
    if (!is.null(wrong)) {
      abort_text(paste0("`", argument, "` ", wrong, ". Give each value its own name."),
        call = call)
    }
  }
}

check_installed <- function(package, reason, call = rlang::caller_env()) {
  if (!requireNamespace(package, quietly = TRUE)) {
    abort_text(
      paste0(reason, " needs the package ", package,
        ". Install it with `install.packages(\"", package, "\")`."),
      call = call
    )
  }
}
