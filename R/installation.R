# What Python needs, where it is found, how it is installed, and whether all is ready.

# What the core imports, and what it is installed with. The same as the dependencies and
# the backends in pyproject.toml; a test compares them.
needed_modules <- c(
  keras = "keras>=3.12.4,!=3.13.*,!=3.14.*,!=3.15.0,<4", numpy = "numpy>=1.26,<3",
  PIL = "pillow>=12.3,<14", h5py = "h5py>=3.13,<4"
)

# What some calls alone import, which say so themselves.
further_modules <- c(cv2 = "opencv-python-headless>=4.11,<6")

backend_modules <- c(
  tensorflow = "tensorflow>=2.19,<3", jax = "jax>=0.6", torch = "torch>=2.13"
)

# The backend that Keras will run on: of two names, the first that is set.
chosen_backend <- function() {
  chosen <- Sys.getenv("KERAS_BACKEND")
  if (nzchar(chosen)) chosen else backend_in_file() %||% "tensorflow"
}

# Keras's own file of settings, which it reads as it starts.
backend_in_file <- function() {
  home <- Sys.getenv("KERAS_HOME", "~/.keras")
  file <- file.path(home, "keras.json")
  if (!file.exists(file)) return(NULL)
  text <- paste(readLines(file, warn = FALSE), collapse = " ")
  found <- regmatches(text, regexec('"backend"\\s*:\\s*"([^"]+)"', text))[[1]]
  if (length(found) > 0) found[[2]]
}

# Packages of Python. A backend that is none of the three is left to the user.
python_requirements <- function(backend = chosen_backend()) {
  unname(c(needed_modules, further_modules, modules_of(backend)))
}

modules_of <- function(backend) {
  backend_modules[intersect(backend, names(backend_modules))]
}

declare_python <- function() {
  declare_requirements()
  # KERAS_BACKEND counts until Python starts, and may be set after this.
  before <- getOption("reticulate.python.beforeInitialized")
  options(reticulate.python.beforeInitialized = function() {
    declare_requirements()
    if (is.function(before)) before()
  })
  # What install_reticnn() made; an environment that the user names comes first.
  if (!reticulate::py_available() && reticulate::virtualenv_exists("r-reticnn")) {
    reticulate::use_virtualenv("r-reticnn", required = FALSE)
  }
}

declare_requirements <- function() {
  wanted <- python_requirements()
  other <- setdiff(the$declared, wanted)
  if (length(other) > 0) reticulate::py_require(other, action = "remove")
  reticulate::py_require(wanted, python_version = ">=3.10")
  the$declared <- wanted
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

# For the error where Python is of no use: what is missing and how to have it, what
# was chosen by what. `cnd` is the error of Python or of reticulate.
python_in_force <- function(cnd) {
  config <- if (reticulate::py_available()) reticulate::py_config() else found_python()
  missing <- if (reticulate::py_available()) missing_modules()
  text <- reason_of(cnd)
  c(
    if (length(missing) > 0) {
      what_is_missing(missing, config)
    } else {
      "reticnn needs Python with Keras, and cannot use it here."
    },
    if (is.null(config)) no_python_in_force(text) else some_python_in_force(text, config),
    i = if (length(missing) == 0 || is_users_choice(config)) {
      paste0(if (length(missing) > 0) "Or undo that choice, and run " else "Run ",
        install_call(), " once, and restart R.",
        # Without one it fails as this call did, with fewer words.
        if (!is.null(config)) " `reticulate::py_config()` shows which Python is used.")
    }
  )
}

# With the command for the environment that Python runs in.
what_is_missing <- function(missing, config) {
  packages <- unname(c(needed_modules, modules_of(chosen_backend()))[missing])
  command <- if (isTRUE(config$ephemeral)) {
    paste0("`reticulate::py_require(", deparse1(packages), ")`")
  } else if (is_users_choice(config)) {
    paste0("`", shQuote(config$python), " -m pip install ",
      paste(shQuote(packages), collapse = " "), "`")
  } else {
    install_call()
  }
  paste0("Python lacks the module", if (length(missing) > 1) "s", " ",
    paste(missing, collapse = ", "), ". Run ", command, ", and restart R.")
}

install_call <- function() {
  backend <- chosen_backend()
  # It is the default in a session in which the variable is set, as it is in this one.
  argument <- if (backend != "tensorflow") paste0("backend = ", deparse(backend))
  paste0("`reticnn::install_reticnn(", argument, ")`")
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
  c(
    x = text,
    i = paste0("Python is ", config$python,
      if (!is.null(config$forced)) paste0(", because of ", config$forced), ".")
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

# Of what the core cannot do without, what this Python has not.
missing_modules <- function() {
  modules <- names(c(needed_modules, modules_of(chosen_backend())))
  find <- reticulate::import("importlib.util")$find_spec
  Filter(function(module) is.null(find(module)), modules)
}

#' Install what reticnn needs in Python
#'
#' Creates a virtual environment with Keras, the backend that Keras runs on, NumPy,
#' Pillow, OpenCV and h5py. reticnn finds it by its name in every later session. You can
#' also do without: reticulate then creates its own environment at first use, from what
#' this package declares with [reticulate::py_require()].
#'
#' An environment that you chose yourself, as with `RETICULATE_PYTHON` or
#' [reticulate::use_virtualenv()], is left alone; install the packages there with pip.
#'
#' To remove all of it again, call `reticulate::virtualenv_remove("r-reticnn")`. A Python
#' that had to be installed first is in `rappdirs::user_data_dir("r-reticulate")`, and
#' what reticulate creates without this function is in `tools::R_user_dir("reticulate",
#' "cache")`: delete these folders if you need them for nothing else.
#'
#' @section Backends: Keras runs on TensorFlow, JAX or PyTorch. The environment variable
#' `KERAS_BACKEND` says which: `"tensorflow"`, `"jax"` or `"torch"`; without it, Keras's
#' file `~/.keras/keras.json` decides, or else it is TensorFlow. Set it before Python
#' starts, as with `Sys.setenv(KERAS_BACKEND = "torch")` at the top of a script, or for
#' all sessions as a line `KERAS_BACKEND=torch` in the file `.Renviron`. What reticnn
#' declares to reticulate follows it.
#'
#' @param envname Name of the virtual environment, which is created if it does not exist.
#'   Default `"r-reticnn"`, the name under which reticnn looks for it.
#' @param gpu `TRUE` also installs NVIDIA's libraries for TensorFlow or JAX, on Linux;
#'   PyTorch's package for Linux always has them. Default `FALSE`.
#' @param backend `"tensorflow"`, `"jax"` or `"torch"`. Default `NULL`, the one that Keras
#'   would run on in this session.
#' @return The path of the environment's Python, invisibly. Called for its effect.
#' @section Errors: A `reticnn_error` if an argument has the wrong type, or `backend` is
#'   none of the three; reticulate's own error, with pip's output, if no Python is
#'   available or the packages cannot be downloaded.
#' @export
#' @examples
#' \dontrun{
#' install_reticnn() # downloads several hundred megabytes
#'
#' # On PyTorch, without TensorFlow
#' Sys.setenv(KERAS_BACKEND = "torch")
#' install_reticnn()
#' }
install_reticnn <- function(envname = "r-reticnn", gpu = FALSE, backend = NULL) {
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
  backend <- backend %||% chosen_backend()
  check_backend(backend, rlang::current_env())
  packages <- python_requirements(backend)
  if (gpu) {
    packages <- sub("^tensorflow", "tensorflow[and-cuda]", packages)
    packages <- sub("^jax", "jax[cuda12]", packages)
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
    i = if (backend != "tensorflow") {
      "Have Keras run on it: {.code Sys.setenv(KERAS_BACKEND = {deparse(backend)})} before
       Python starts, or a line {.code KERAS_BACKEND={backend}} in the file .Renviron."
    },
    i = "{.code reticulate::virtualenv_remove({deparse(envname)})} removes it."
  ))
  invisible(reticulate::virtualenv_python(envname))
}

check_backend <- function(backend, call) {
  known <- names(backend_modules)
  if (rlang::is_string(backend) && backend %in% known) return(invisible())
  abort_text(
    paste0("`backend` must be one of ", paste0('"', known, '"', collapse = ", "), ", not ",
      rlang::as_label(backend), "."),
    class = "reticnn_error_value", call = call
  )
}

# From here on: whether R, Python and this computer are ready for a class.

#' @eval said("reticnn_check", without = "returns")
#' @details In R, R's own version and packages are checked first, then which Python there
#' is and whether R can start it. All of this works without Python, or with a broken one.
#'
#' @return A tibble of class `reticnn_check` with one row per line: `check`, what was
#'   checked; `ok`, `TRUE`, `FALSE`, or `NA` if it could not be determined; `found`, what
#'   was found; and `to_do`, what to do about it, or `NA`. It prints one line per row.
#' @seealso [install_reticnn()], [teaching_kit()]
#' @export
#' @examples
#' if (interactive()) reticnn_check()
reticnn_check <- function() {
  rows <- c(list(check_of_r()), lapply(c("ggplot2", "rmarkdown"), check_of_package))
  python <- python_to_check()
  rows <- c(rows, python$rows)
  if (python$runs) rows <- c(rows, rows_of_core())
  table <- tibble::as_tibble(do.call(rbind, lapply(rows, as.data.frame)))
  class(table) <- c("reticnn_check", class(table))
  table
}

#' @export
print.reticnn_check <- function(x, ...) {
  if (!identical(names(x), c("check", "ok", "found", "to_do"))) return(NextMethod())
  marks <- ifelse(is.na(x$ok), "??", ifelse(x$ok, "ok", "!!"))
  to_do <- ifelse(is.na(x$to_do), "", paste0("\n    ", x$to_do))
  cat(paste0(marks, "  ", x$check, ": ", x$found, to_do, "\n"), sep = "")
  invisible(x)
}

check_row <- function(check, ok, found, to_do = NA_character_) {
  list(check = check, ok = ok, found = found, to_do = to_do)
}

# DESCRIPTION has R and reticulate new enough where this runs.
check_of_r <- function() {
  check_row("R", TRUE, paste0(getRversion(), ", with reticulate ",
    utils::packageVersion("reticulate")))
}

check_of_package <- function(package) {
  version <- tryCatch(as.character(utils::packageVersion(package)), error = function(cnd) NULL)
  if (!is.null(version)) return(check_row(package, TRUE, version))
  check_row(package, FALSE, "missing", paste0("Run `install.packages(\"", package, "\")`."))
}

# Which Python R uses, and whether that runs: asked of a process of its own, as a broken
# one could take R with it.
python_to_check <- function() {
  running <- reticulate::py_available()
  config <- if (running) reticulate::py_config() else found_python()
  if (is.null(config)) {
    to_do <- paste("Run `reticnn::install_reticnn()` once, and restart R. It downloads",
      "about 700 MB, and needs 3 GB on the disk.")
    found <- "made by reticulate at first use"
    if (!identical(Sys.getenv("RETICULATE_PYTHON"), "managed")) {
      why <- no_python_in_force("none with Keras was found")
      found <- why[["x"]]
      to_do <- paste(c(why[names(why) == "i"], to_do), collapse = "\n    ")
    }
    return(list(rows = list(check_row("Python", FALSE, found, to_do), check_of_disk()),
      runs = FALSE))
  }
  problem <- if (!running) problem_of_python(config$python)
  if (is.null(problem)) return(list(rows = list(), runs = TRUE))
  found <- paste0(config$python, " does not run: ", problem)
  forced <- if (!is.null(config$forced)) paste0("It was chosen by ", config$forced, ". ")
  to_do <- paste0(forced, "Undo that choice, or run `reticnn::install_reticnn()` once, and ",
    "restart R.")
  list(rows = list(check_row("Python", FALSE, found, to_do), check_of_disk()), runs = FALSE)
}

problem_of_python <- function(python) {
  said <- tryCatch(
    suppressWarnings(system2(python, c("-c", shQuote("print(6 * 7)")), stdout = TRUE,
      stderr = TRUE)),
    error = function(cnd) conditionMessage(cnd)
  )
  if (identical(utils::tail(as.character(said), 1), "42")) return(NULL)
  if (length(said) == 0) "it says nothing" else utils::tail(as.character(said), 1)
}

# What the core finds, or why R cannot start it.
rows_of_core <- function() {
  rlang::try_fetch(
    {
      # reticulate warns of what it tried before.
      table <- suppressWarnings(as_table(call_core("lines_of_check")))
      lapply(seq_len(nrow(table)), function(i) as.list(table[i, ]))
    },
    error = function(cnd) {
      lines <- strsplit(conditionMessage(cnd), "\n")[[1]]
      lines <- gsub("^[^A-Za-z`/]+", "", lines)
      list(check_row("Python in R", FALSE, lines[[1]],
        paste(lines[-1], collapse = "\n    ")), check_of_disk())
    }
  )
}

# Without Python, R can ask Unix alone.
check_of_disk <- function() {
  said <- tryCatch(
    suppressWarnings(system2("df", c("-Pk", shQuote(path.expand("~"))), stdout = TRUE,
      stderr = FALSE)),
    error = function(cnd) character()
  )
  free <- suppressWarnings(as.numeric(strsplit(utils::tail(said, 1), " +")[[1]][4])) * 1024
  if (length(said) < 2 || is.na(free)) {
    return(check_row("disk", NA, "how much is free is not known without Python"))
  }
  enough <- free > 4e9
  check_row("disk", enough, sprintf("%.1f GB free", free / 1e9),
    if (enough) NA_character_ else "Python with its packages takes 3 GB: make room.")
}
