# The same as the dependencies in pyproject.toml; a test compares them.
python_requirements <- function() {
  c(
    "keras>=3.10,<4", "tensorflow>=2.19,<3", "numpy>=1.26,<3", "pillow>=10.4,<14",
    "opencv-python-headless>=4.11,<6"
  )
}

declare_python <- function() {
  reticulate::py_require(python_requirements(), python_version = ">=3.10")
  # What install_reticnn() made; an environment that the user names comes first.
  if (!reticulate::py_available() && reticulate::virtualenv_exists("r-reticnn")) {
    reticulate::use_virtualenv("r-reticnn", required = FALSE)
  }
}

#' Install what reticnn needs in Python
#'
#' Makes a virtual environment with Keras, TensorFlow, NumPy, Pillow and OpenCV. reticnn
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
    i = "Restart R if Python was running already."
  ))
  invisible(reticulate::virtualenv_python(envname))
}
