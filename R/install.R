# The same as the dependencies in pyproject.toml; a test compares them.
python_requirements <- function() {
  c(
    "keras>=3.12.4,!=3.13.*,!=3.14.*,!=3.15.0,<4", "tensorflow>=2.19,<3",
    "numpy>=1.26,<3", "pillow>=12.3,<14", "opencv-python-headless>=4.11,<6",
    "h5py>=3.13,<4"
  )
}

declare_python <- function() {
  reticulate::py_require(python_requirements(), python_version = ">=3.10")
  # What install_reticnn() made; an environment that the user names comes first.
  if (!reticulate::py_available() && reticulate::virtualenv_exists("r-reticnn")) {
    reticulate::use_virtualenv("r-reticnn", required = FALSE)
  }
}

# What reticulate would start, or NULL where it finds nothing, or nothing that it can
# start: it then returns the text of an error, as with pyenv's shims.
found_python <- function() {
  # reticulate would make an environment for the search to succeed.
  if (identical(Sys.getenv("RETICULATE_PYTHON"), "managed")) return(NULL)
  managed <- Sys.getenv("RETICULATE_USE_MANAGED_VENV", NA)
  Sys.setenv(RETICULATE_USE_MANAGED_VENV = "no")
  on.exit(
    if (is.na(managed)) {
      Sys.unsetenv("RETICULATE_USE_MANAGED_VENV")
    } else {
      Sys.setenv(RETICULATE_USE_MANAGED_VENV = managed)
    }
  )
  config <- tryCatch(
    suppressWarnings(without_tries(reticulate::py_discover_config("keras"))),
    error = function(cnd) NULL
  )
  if (is.list(config)) config
}

# reticulate tries one Python after the other, and each that fails would be printed.
without_tries <- function(code) {
  before <- options(show.error.messages = FALSE)
  on.exit(options(before))
  code
}

# For the error where Python is of no use: why, what was chosen by what, what to do.
# `cnd` is the error of Python or of reticulate.
python_in_force <- function(cnd) {
  config <- if (reticulate::py_available()) reticulate::py_config() else found_python()
  text <- reason_of(cnd)
  c(
    if (is.null(config)) no_python_in_force(text) else some_python_in_force(text, config),
    i = paste0(
      "Run `reticnn::install_reticnn()` once, and restart R.",
      # Without one it fails as this call did, with fewer words.
      if (!is.null(config)) " `reticulate::py_config()` shows which Python is used."
    )
  )
}

# Where it can start no Python, reticulate goes on with the text of an error as if that
# were one, and stumbles at the first `$`.
reason_of <- function(cnd) {
  call <- conditionCall(cnd)
  if (!is.call(call) || !identical(call[[1]], quote(`$`))) return(py_text(cnd))
  found <- unique(Filter(nzchar, Sys.which(c("python3", "python"))))
  paste0("reticulate can start no Python",
    if (length(found) > 0) paste(", not even", paste(found, collapse = " or ")), ".")
}

some_python_in_force <- function(text, config) {
  missing <- if (reticulate::py_available()) missing_modules()
  c(
    x = text,
    x = if (length(missing) > 1) {
      paste0("This Python lacks the modules ", paste(missing, collapse = ", "), ".")
    },
    i = paste0("Python is ", config$python,
      if (!is.null(config$forced)) paste0(", because of ", config$forced), "."),
    i = if (is_users_choice(config)) {
      paste0("Install there what is missing: `", shQuote(config$python),
        " -m pip install ", paste(shQuote(python_requirements()), collapse = " "),
        "`, and restart R. Or undo that choice, and do what the next line says.")
    }
  )
}

no_python_in_force <- function(text) {
  variables <- c("RETICULATE_PYTHON", "RETICULATE_PYTHON_ENV", "VIRTUAL_ENV",
    "RETICULATE_PYTHON_FALLBACK")
  set <- variables[nzchar(Sys.getenv(variables))]
  if (length(set) > 0) {
    values <- paste0(set, " is '", Sys.getenv(set), "'", collapse = ", ")
    return(c(x = text, i = paste0(values, ". Unset what you do not want to choose, ",
      "perhaps in the file .Renviron.")))
  }
  uses_uv <- !tolower(Sys.getenv("RETICULATE_USE_MANAGED_VENV")) %in% c("no", "false", "0")
  c(x = text, i = if (uses_uv && !nzchar(Sys.which("uv"))) {
    paste("No Python was chosen, so that reticulate makes an environment with uv, for",
      "what was declared with `py_require()`. It downloads uv first, which needs the",
      "network.")
  })
}

# What reticulate found by itself, and what install_reticnn() made, are no choice.
is_users_choice <- function(config) {
  !is.null(config$forced) && config$forced != "PATH" && config$forced != "py_require()" &&
    basename(config$virtualenv) != "r-reticnn"
}

# Of what the core imports, what this Python has not.
missing_modules <- function() {
  backend <- Sys.getenv("KERAS_BACKEND", "tensorflow")
  modules <- c("keras", backend, "numpy", "PIL", "cv2", "h5py")
  find <- reticulate::import("importlib.util")$find_spec
  Filter(function(module) is.null(find(module)), modules)
}

#' Install what reticnn needs in Python
#'
#' Makes a virtual environment with Keras, TensorFlow, NumPy, Pillow, OpenCV and h5py. reticnn
#' finds it by its name in every later session. This is one of two ways: without it,
#' reticulate makes its own environment at first use, from what this package declares
#' with [reticulate::py_require()].
#'
#' An environment that you chose yourself, as with `RETICULATE_PYTHON` or
#' [reticulate::use_virtualenv()], is left alone; install the packages there with pip.
#'
#' @param envname Name of the virtual environment, which is made if it does not exist.
#'   Default `"r-reticnn"`, the name under which reticnn looks for it.
#' @param gpu `TRUE` also installs NVIDIA's libraries for TensorFlow, on Linux. Default
#'   `FALSE`.
#' To remove all of it again, call `reticulate::virtualenv_remove("r-reticnn")`. A Python
#' that had to be installed first lies in `rappdirs::user_data_dir("r-reticulate")`, and
#' what reticulate makes without this function in
#' `tools::R_user_dir("reticulate", "cache")`: delete these folders if nothing else of
#' yours needs them.
#'
#' @return The path of the environment's Python, invisibly. Called for its effect.
#' @section Errors: A `reticnn_error` if an argument is of the wrong type; reticulate's, with pip's output, if no Python is available or the
#'   packages cannot be downloaded.
#' @export
#' @examples
#' \dontrun{
#' install_reticnn() # downloads some hundred megabytes
#' }
install_reticnn <- function(envname = "r-reticnn", gpu = FALSE) {
  envname <- envname %||% "r-reticnn"
  gpu <- gpu %||% FALSE
  if (!rlang::is_string(envname) || is.na(envname) || !nzchar(envname)) {
    abort_text(
      paste0("`envname` must be the name of a virtual environment, not ",
        rlang::as_label(envname), "."),
      call = rlang::current_env()
    )
  }
  if (!rlang::is_bool(gpu)) {
    abort_text(paste0("`gpu` must be TRUE or FALSE, not ", rlang::as_label(gpu), "."),
      call = rlang::current_env())
  }
  packages <- python_requirements()
  if (gpu) {
    packages <- sub("^tensorflow", "tensorflow[and-cuda]", packages)
  }
  python <- reticulate::virtualenv_starter(">=3.10")
  if (is.null(python)) {
    cli::cli_inform("No Python 3.10 or newer found; reticulate installs one.")
    python <- reticulate::install_python("3.11")
  }
  if (reticulate::virtualenv_exists(envname)) {
    reticulate::virtualenv_install(envname, packages)
  } else {
    reticulate::virtualenv_create(envname, python = python, packages = packages)
  }
  cli::cli_inform(c(
    v = "Python for reticnn is installed in {.val {envname}}.",
    i = "Restart R if Python was running already.",
    i = "{.code reticulate::virtualenv_remove({deparse(envname)})} removes it."
  ))
  invisible(reticulate::virtualenv_python(envname))
}
