# Texts cross to Python and back as UTF-8 whatever the locale, and names of files with
# the bytes that they have. reticulate translates the names of lists into R's locale,
# loses bytes that are not UTF-8, and does not say of all that is UTF-8 that it is.

# Each byte of a text that is not UTF-8 crosses as a private character, as in the core's
# part for R. Times and days cross as numbers, in a list that says which.
first_carried <- 0x10F000

# A value as it can cross to Python.
to_core <- function(x) {
  if (is.character(x)) {
    return(as_utf8(x, carried_bytes))
  }
  if (inherits(x, c("reticnn_classifier", "reticnn_cross_validation"))) {
    return(as_core(x))
  }
  if (is_image_data(x)) {
    return(living_data(x, rlang::caller_env()))
  }
  if (inherits(x, "POSIXt")) {
    return(list(.times = as.list(as.numeric(as.POSIXct(x)))))
  }
  if (inherits(x, "Date")) {
    return(list(.days = as.list(as.numeric(x))))
  }
  if (is.function(x) && !is_of_python(x)) {
    return(called_by_core(x))
  }
  if (!is.list(x) || is.object(x)) {
    return(x)
  }
  x[] <- lapply(x, function(value) to_core(na_as_number(value)))
  if (all_ascii(names(x))) x else the$bare_relay$named(as.list(to_core(names(x))), unname(x))
}

# reticulate makes true of a logical NA, and NaN of a number's. Arguments that are NA
# themselves are refused before.
na_as_number <- function(x) {
  if (is.logical(x) && anyNA(x)) as.numeric(x) else x
}

# A value from Python with its texts as R has them.
from_core <- function(x) {
  if (is.character(x)) {
    x <- as_utf8(x)
    carried <- !is.na(x) & grepl(sprintf("[%s-%s]", intToUtf8(first_carried + 128),
      intToUtf8(first_carried + 255)), x)
    x[carried] <- vapply(x[carried], released_bytes, "", USE.NAMES = FALSE)
  } else if (is.list(x)) {
    times <- times_in(x)
    if (!is.null(times)) return(times)
    x[] <- lapply(x, from_core)
  } else if (!is.atomic(x)) {
    return(x)
  }
  if (!all_ascii(names(x))) names(x) <- as_utf8(names(x))
  x
}

# The times or days that a list from Python stands for, or `NULL`.
times_in <- function(x) {
  if (identical(names(x), ".times")) {
    as.POSIXct(nan_as_na(x$.times), origin = "1970-01-01", tz = "UTC")
  } else if (identical(names(x), ".days")) {
    as.Date(nan_as_na(x$.days), origin = "1970-01-01")
  }
}

# An attribute of an object of the core.
core_attribute <- function(x, name) {
  core_module(rlang::caller_env())
  suspendInterrupts(from_core(the$relay$attribute(x, name)))
}

all_ascii <- function(text) {
  !any(grepl("[^ -~\t\n\r]", text, useBytes = TRUE))
}

# Texts marked as the UTF-8 that they are; `other` makes texts of those that are not.
as_utf8 <- function(x, other = identity) {
  if (all_ascii(x)) {
    return(x)
  }
  latin1 <- Encoding(x) == "latin1"
  x[latin1] <- enc2utf8(x[latin1])
  valid <- validUTF8(x)
  marked <- x[valid]
  Encoding(marked) <- "UTF-8"
  x[valid] <- marked
  x[!valid] <- vapply(x[!valid], other, "", USE.NAMES = FALSE)
  x
}

# Paths as R's functions for files take them. In a locale that is not UTF-8 they would
# translate what is marked as UTF-8, and lose it; bytes without a mark reach the disk.
as_paths <- function(x) {
  if (.Platform$OS.type != "windows" && !l10n_info()$`UTF-8`) Encoding(x) <- "unknown"
  x
}

carried_bytes <- function(text) {
  bytes <- as.integer(charToRaw(text))
  intToUtf8(ifelse(bytes < 128, bytes, first_carried + bytes))
}

released_bytes <- function(text) {
  points <- utf8ToInt(text)
  rawToChar(as.raw(ifelse(points < 128, points, points - first_carried)))
}
