# What all rooms share.

`%||%` <- function(x, y) if (is.null(x)) y else x

as_strings <- function(x) {
  if (is.null(x)) NULL else as.character(x)
}

as_factor <- function(labels, levels) {
  if (is.null(labels)) NULL else factor(labels, levels = levels)
}

# A dict of equal-length lists as a tibble.
as_table <- function(columns) {
  tibble::as_tibble(lapply(columns, function(column) {
    if (is.list(column)) none_as_na(column) %||% numeric() else column
  }))
}

# The reverse: columns as lists, even with a single row, for Python. Times cross as such.
as_columns <- function(table) {
  if (is.null(table)) {
    return(NULL)
  }
  columns <- as.list(table)
  for (name in names(columns)) {
    check_not_integer64(columns[[name]], name, rlang::caller_env())
  }
  lapply(columns, function(column) {
    if (inherits(column, c("POSIXt", "Date"))) return(column)
    values <- as.list(if (is.factor(column)) as.character(column) else column)
    # R's NA for a whole number would be a number in Python, and one for a string "NA".
    # NaN is NaN in both.
    values[vapply(values, is_missing, NA)] <- list(NULL)
    values
  })
}

# Without the package bit64, R takes their bits for numbers near zero.
check_not_integer64 <- function(value, name, call) {
  if (inherits(value, "integer64")) {
    abort_text(paste0("`", name, "` has numbers of class integer64, which cannot be given ",
      "to Python. Give `as.character()` of it, or `as.numeric()` for numbers up to 2^53."),
      call = call)
  }
}

is_missing <- function(value) {
  is.atomic(value) && length(value) == 1 && is.na(value) && !is.nan(value)
}

# Python's `None` in a list of values is R's `NA`.
none_as_na <- function(values) {
  values <- as.list(values)
  values[vapply(values, is.null, logical(1))] <- NA
  unlist(values)
}

# Numbers that are not known: NaN in Python.
nan_as_na <- function(values) {
  values <- as.numeric(unlist(values))
  replace(values, is.nan(values), NA_real_)
}

# A matrix with one column, or an array with one dimension, as a plain vector.
as_one_dimension <- function(y) {
  if (length(dim(y)) >= 1 && length(y) == nrow(y)) as.vector(y) else y
}

# In R, randomness follows set.seed().
seed_or_draw <- function(seed) {
  if (is.null(seed)) sample.int(.Machine$integer.max, 1L) else seed
}

# The same where a run may go on that had another: a seed that was drawn is not one that
# the user insists on.
seed_or_drawn <- function(seed, call = rlang::caller_env()) {
  core_module(call)
  if (is.null(seed)) {
    suspendInterrupts(the$relay$drawn_seed(seed_or_draw(seed)))
  } else {
    seed
  }
}

# 2500000 as 2.5M, so that axes have room for it.
short_numbers <- function(values) {
  power <- pmin(pmax(floor(log10(pmax(abs(values), 1, na.rm = TRUE)) / 3), 0), 3)
  paste0(format(values / 1000^power, digits = 3, trim = TRUE, drop0trailing = TRUE),
    c("", "k", "M", "G")[power + 1])
}
