# Reads lines "name" or "name>=version" and prints those that this R does not
# satisfy, as "missing: name", as a profile of the user's may print something as well.
# A package in .Rlib that was built for another R counts as missing.

fits_this_r <- function(description) {
  library <- dirname(dirname(dirname(attr(description, "file"))))
  built_for <- sub("^R ([0-9]+[.][0-9]+).*", "\\1", description$Built)
  this_r <- sub("[.][0-9]+$", "", as.character(getRversion()))
  basename(library) != ".Rlib" || built_for == this_r
}

is_there <- function(name, version) {
  if (name == "R") {
    return(getRversion() >= version)
  }
  found <- suppressWarnings(utils::packageDescription(name))
  is.list(found) && package_version(found$Version) >= version && fits_this_r(found)
}

for (wanted in readLines("stdin")) {
  parts <- c(strsplit(wanted, ">=", fixed = TRUE)[[1]], "0")
  if (!is_there(parts[1], parts[2])) {
    cat("\nmissing: ", wanted, "\n", sep = "")
  }
}
