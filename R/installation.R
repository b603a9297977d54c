# Whether R, Python and this computer are ready for a class.

#' @eval said("reticnn_check", without = "returns")
#' @details
#' In R, R's own version and packages are looked at first, then which Python there is and
#' whether R can start it. All of this works without Python, and where it is broken.
#'
#' @return A tibble of class `reticnn_check` with one row per line: `check`, what was
#'   looked at; `ok`, `TRUE`, `FALSE`, or `NA` where it could not be determined; `found`,
#'   what was found; and `to_do`, what to do about it, or `NA`. Printing it gives one line
#'   per row.
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
    found <- if (identical(Sys.getenv("RETICULATE_PYTHON"), "managed")) {
      "made by reticulate at first use"
    } else {
      no_python_in_force("none with Keras was found")[[1]]
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
