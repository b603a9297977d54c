# Help pages from the core's docstrings, so that a sentence about an argument is written
# once. In the comments of R/, `@eval said("build_cnn")` stands for the title, the
# description, the arguments, the value, the errors and the references that the docstring
# of `build_cnn` has, in R's words. man/roxygen/meta.R has roxygen2 read this file.

# Returns the tags of roxygen2 for a function of the core.
#
# What only R has is given as arguments by name, and stands behind what the docstring
# says of them; `rename` is for arguments with another name in R. Parts that R has to say
# in its own words, such as "returns", are left out by `without`.
said <- function(name, ..., rename = character(), without = character()) {
  records <- docstring_records()
  mine <- records[records$name == name & !records$part %in% without, ]
  if (nrow(mine) == 0) stop("The core has no function `", name, "` to document.")
  for (old in names(rename)) {
    mine$text <- gsub(paste0("`", old, "`"), paste0("`", rename[[old]], "`"), mine$text)
  }
  of <- function(part) mine$text[mine$part == part]
  arguments <- mine[mine$part == "args", ]
  texts <- paste(arguments$text, added_in_r(arguments$argument, list(...)))
  names <- ifelse(arguments$argument %in% names(rename), rename[arguments$argument],
    arguments$argument)
  c(
    tagged("@title", of("title")),
    tagged("@description", of("description")),
    tagged(paste("@param", names), texts),
    tagged("@return", of("returns")),
    tagged("@section Errors:\n", conditions_of(of("raises"), of("warns"))),
    tagged("@references", of("source"))
  )
}

tagged <- function(tag, text) {
  if (length(text) > 0) paste(tag, trimws(text))
}

# In R, what is drawn without a seed follows R's own random numbers.
added_in_r <- function(arguments, texts) {
  unknown <- setdiff(names(texts), arguments)
  if (length(unknown) > 0) stop("The docstring has no argument `", unknown[[1]], "`.")
  seed <- paste(
    "Default `NULL`: one is drawn from R's random numbers, so that [set.seed()] fixes",
    "the result too."
  )
  given <- vapply(arguments, function(name) paste(texts[[name]], collapse = " "), "")
  ifelse(arguments == "seed", paste(seed, given), given)
}

# Python's exceptions are one class in R, its warnings another.
conditions_of <- function(errors, warnings) {
  sentence <- function(class, texts) {
    if (length(texts) == 0) return(NULL)
    texts <- sub("[.]$", "", texts)
    texts <- paste0(tolower(substr(texts, 1, 1)), substring(texts, 2))
    # What several exceptions have in common is said once.
    texts <- unique(texts)
    said_already <- function(i) any(startsWith(texts[-i], texts[[i]]))
    texts <- texts[!vapply(seq_along(texts), said_already, NA)]
    paste0("A `", class, "` ", paste(texts, collapse = "; "), ".")
  }
  both <- c(sentence("reticnn_error", errors), sentence("reticnn_warning", warnings))
  if (length(both) > 0) paste(both, collapse = " ")
}

# A data frame of what documentation.py prints, read once.
docstring_records <- local({
  read <- NULL
  function() {
    if (is.null(read)) read <<- read_records()
    read
  }
})

read_records <- function() {
  python <- Sys.getenv("RETICULATE_PYTHON")
  if (!file.exists(python)) python <- Sys.which("python3")
  lines <- system2(python, file.path("tools", "documentation.py"), stdout = TRUE)
  Encoding(lines) <- "UTF-8"
  heads <- startsWith(lines, "\f")
  fields <- strsplit(sub("\f", "", lines[heads]), "\t")
  field <- function(i) vapply(fields, function(f) if (length(f) < i) "" else f[[i]], "")
  texts <- split(lines[!heads], cumsum(heads)[!heads])
  data.frame(
    name = field(1), part = field(2), argument = field(3),
    text = vapply(texts, paste, "", collapse = "\n")
  )
}
