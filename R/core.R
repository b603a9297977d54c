# The Python core: finding it, starting it, calling it.

the <- new.env(parent = emptyenv())

#' Is Python available for reticnn?
#'
#' Looks for a Python with Keras in the places where reticulate looks, without starting it
#' or installing anything.
#'
#' @return `TRUE` or `FALSE`.
#' @seealso [install_reticnn()]
#' @export
#' @examples
#' reticnn_available()
reticnn_available <- function() {
  if (reticulate::py_available()) {
    return(!is.null(reticulate::import("importlib.util")$find_spec("keras")))
  }
  !is.null(found_python()$required_module_path)
}

core_dir <- function() {
  system.file("python", package = "reticnn")
}

# Zip downloads, and Git on Windows, make a text file of the link inst/python. This is
# evaluated where the package is built and where it is installed: a package without its
# core would look for another `reticnn` in Python.
if (!file.exists(file.path(core_dir(), "reticnn", "__init__.py"))) {
  stop("This copy of reticnn lacks its Python core: `inst/python` is not the link to the ",
    "folder `python` that it should be, as in zip downloads and where Git makes no ",
    "links. Clone the repository with Git (on Windows with `git clone -c ",
    "core.symlinks=true`), or put a copy of the folder `python` in place of ",
    "`inst/python`.", call. = FALSE)
}

# The core, imported at the first call. It comes with the package, so that both sides
# always have the same version. A forked child has a copy of it without the threads it
# works with, and would wait for them forever.
core_module <- function(call) {
  if (is.null(the$core)) {
    the$process <- Sys.getpid()
    core <- or_no_core(
      suspendInterrupts(
        without_tries(reticulate::import_from_path("reticnn", path = core_dir()))
      ),
      call
    )
    check_own_core(core, call)
    # The core's one part for R, and the only submodule that R knows.
    the$relay <- or_no_core(
      suspendInterrupts(reticulate::import("reticnn.runtime.relay")), call
    )
    the$bare_relay <- suspendInterrupts(
      reticulate::import("reticnn.runtime.relay", convert = FALSE)
    )
    the$core <- core
  }
  if (the$process != Sys.getpid()) {
    abort_text(
      paste0("Python was started in another process (", the$process, "), from which this ",
        "one (", Sys.getpid(), ") was forked, as `parallel::mclapply()` does, and would ",
        "hang. Use the classifier in the main process, or load it in each ",
        "worker of `parallel::makeCluster()` with `load_classifier()`."),
      call = call
    )
  }
  the$core
}

or_no_core <- function(code, call) {
  rlang::try_fetch(
    code,
    python.builtin.KeyboardInterrupt = function(cnd) rlang::interrupt(),
    error = function(cnd) abort_no_core(cnd, call)
  )
}

# Python has one module of a name: where a `reticnn` that was installed there has been
# imported before, it is the one that answers.
check_own_core <- function(core, call) {
  version <- core$`__version__`
  folder <- dirname(core$`__file__`)
  if (same_path(folder, file.path(core_dir(), "reticnn"))) return(invisible())
  text <- paste0("Python has already imported a `reticnn` from ", folder,
    ", which is not the one that came with this R package")
  own <- as.character(utils::packageVersion("reticnn"))
  hint <- paste("Restart R, and call a function of this package before Python imports",
    "`reticnn`, or remove the other one from Python.")
  if (!identical(version, own)) {
    abort_text(paste0(text, ": its version is ", version, ", and this one's ", own, ". ",
      hint), class = "reticnn_error_no_python", call = call)
  }
  rlang::warn(paste0(text, ", though of the same version. It is used now. ", hint),
    class = "reticnn_warning")
}

same_path <- function(one, other) {
  identical(normalizePath(one, mustWork = FALSE), normalizePath(other, mustWork = FALSE))
}

# The core starts Keras, so that TensorFlow's log lines stay out of the console, and has
# it know our layers in models that Keras itself loads.
import_keras <- function(call = rlang::caller_env()) {
  core_module(call)
  or_no_core(done_in_core(the$relay$Call(the$relay$load_keras)), call)[[1]]
}

# Ctrl-C cuts off the work of a call of the core, and waits while reticulate converts
# values: it would be lost there, become another error, or end R. An error of
# reticulate's own after the work is such a one.
done_in_core <- function(call) {
  call <- suspendInterrupts(call)
  run <- suspendInterrupts(call$run)
  the$jump <- NULL
  rlang::try_fetch(
    run(),
    python.builtin.KeyboardInterrupt = function(cnd) rlang::interrupt(),
    `Rcpp::exception` = function(cnd) rlang::interrupt(),
    error = function(cnd) if (is.null(the$jump)) rlang::zap()
  )
  if (!is.null(the$jump)) jump_again()
  suspendInterrupts(from_core(call$answer()))
}

# A function of R's as Python may call it: one that comes back to Python. To a handler
# outside of the call, as in `tryCatch(fit_classifier(...), message = identity)`, R jumps
# over Python's own frames, which breaks it. So the jump ends here, and becomes an error
# that ends Python's work, after which `done_in_core()` jumps again.
called_by_core <- function(f) {
  function(...) {
    cause <- NULL
    # Errors come to reticulate, which calls this; so does Ctrl-C.
    has_left <- function() !inherits(cause, c("error", "interrupt"))
    value <- local({
      is_back <- FALSE
      on.exit(if (!is_back && has_left()) return(the))
      value <- withCallingHandlers(f(...), condition = function(cnd) cause <<- cnd)
      is_back <- TRUE
      value
    })
    if (!identical(value, the)) return(na_as_number(value))
    the$jump <- cause
    stop(left_by_a_jump, call. = FALSE)
  }
}

# Where a function of R's was left by a jump, does what led to it once more.
jump_again <- function() {
  cause <- the$jump
  the$jump <- NULL
  if (inherits(cause, "message")) {
    message(cause)
  } else if (inherits(cause, "warning")) {
    warning(cause)
  } else if (!is.null(cause)) {
    signalCondition(cause)
  }
  rlang::abort(left_by_a_jump, class = "reticnn_error")
}

left_by_a_jump <- paste("A function that Python had called was left by a jump out of it.",
  "Let it return a value, or stop with an error.")

# Calls a public function of the core, or a method of its objects: warnings become R
# warnings, and errors R errors with the text of the core under the user's own call.
# `.names` are the user's names of arguments that the core calls otherwise.
call_core <- function(.name, ..., .call = users_frame(rlang::caller_env()),
                      .names = character()) {
  on.exit(end_bar())
  check_all_given(.call)
  arguments <- list(...)
  check_arguments(arguments, .call, .names)
  check_names(arguments, .call)
  core_module(.call)
  answer <- rlang::try_fetch(
    done_in_core({
      arguments <- lapply(arguments, to_core)
      # reticulate would copy values that are part of the call itself, even large arrays.
      elements <- lapply(seq_along(arguments), function(i) bquote(arguments[[.(i)]]))
      do.call(the$relay$Call, c(list(.name), stats::setNames(elements, names(arguments))))
    }),
    python.builtin.BaseException = function(cnd) abort_from_core(cnd, .call, .names)
  )
  for (i in seq_along(answer[[2]])) {
    text <- renamed(answer[[2]][[i]], .names)
    if (answer[[3]][[i]] == "reticnn_message") {
      rlang::inform(text, class = "reticnn_message")
      next
    }
    kinds <- unique(c(answer[[3]][[i]], "reticnn_warning"))
    rlang::warn(text, class = kinds, call = .call)
  }
  # A script that nobody watches would go on as if nothing had happened.
  if ("reticnn_interrupted" %in% unlist(answer[[3]]) && !interactive()) {
    rlang::interrupt()
  }
  answer[[1]]
}
