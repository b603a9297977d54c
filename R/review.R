#' @eval said(
#'   "review_images",
#'   data = "A named list will do for the dict.",
#'   probabilities = "A matrix will do for the array.",
#'   thresholds = "A named vector is accepted too.",
#'   without = "returns"
#' )
#' @return A `reticnn_review`: a tibble with one row for each image of each finding, the
#'   worst first.
#'   - `finding`: number of the finding, the same for all images that it is about.
#'   - `kind` and `severity`, a factor: `high`, `medium` or `low`.
#'   - `part`: name of the image's part, `NA` without parts.
#'   - `image`: its position in the part, `NA` for a finding about a class.
#'   - `file` and `label`: its path and its class, `NA` if it has none.
#'   - `value` and `threshold`: the number that was measured, and the threshold that it is
#'     beyond.
#'   - `extra`: whether the image can be left out because a copy of it stays, in the last
#'     part that has one.
#'   - `why`: text.
#'
#'   It prints the number of findings of each kind, and the worst of them.
#' @seealso [check_images()] for files that cannot be read
#' @export
#' @examplesIf reticnn::reticnn_available()
#' data <- shape_images(100, seed = 1)
#' data <- c(data, data[1:3])
#' review <- review_images(data)
#' review
#' data[-review$image[review$extra]]
review_images <- function(data, classifier = NULL, probabilities = NULL, kinds = NULL,
                          thresholds = NULL, outlying = 3, batch_size = 32,
                          progress = "auto") {
  if (!is.null(names(thresholds))) thresholds <- as.list(thresholds)
  new_review(call_core("review_as_lists", data = data, classifier = as_core(classifier),
    probabilities = as_probabilities(probabilities), kinds = as_strings(kinds),
    thresholds = thresholds, outlying = outlying, batch_size = batch_size,
    progress = step_reporter(progress, "Reviewing")))
}

# Predictions as columns; those of several parts are in a list.
as_probabilities <- function(x) {
  if (is.data.frame(x)) return(as_columns(x))
  if (is.list(x)) lapply(x, as_probabilities) else x
}

new_review <- function(found) {
  columns <- lapply(found$columns, none_as_na)
  # So that a column has its type even if it is all `NA`, or empty.
  text <- c("kind", "severity", "part", "file", "label", "why")
  columns[text] <- lapply(columns[text], as.character)
  numbers <- c("value", "threshold")
  columns[numbers] <- lapply(columns[numbers], as.numeric)
  columns$severity <- factor(columns$severity, c("high", "medium", "low"))
  columns$finding <- as.integer(columns$finding)
  columns$image <- as.integer(columns$image) + 1L
  columns$extra <- as.logical(columns$extra)
  columns$file <- as_paths(columns$file)
  structure(
    as_table(columns),
    sizes = unlist(found$sizes), kinds = as.character(found$kinds),
    class = c("reticnn_review", "tbl_df", "tbl", "data.frame")
  )
}

#' @export
print.reticnn_review <- function(x, ...) {
  needed <- c("kind", "part", "image", "label", "why", "finding")
  table <- tibble::as_tibble(as.list(x))
  # Some columns of a review are a table like any other.
  if (!all(needed %in% names(x))) {
    print(table, ...)
    return(invisible(x))
  }
  sizes <- attr(x, "sizes")
  number <- length(unique(x$finding))
  count <- function(n) format(n, big.mark = ",", decimal.mark = ".", trim = TRUE)
  cat("<reticnn_review> ", count(sum(sizes)), " image", if (sum(sizes) != 1) "s",
    if (all(nzchar(names(sizes)))) {
      paste0(" (", paste(names(sizes), count(sizes), collapse = ", "), ")")
    },
    ": ", count(number), " finding", if (number != 1) "s", "\n", sep = "")
  kinds <- factor(x$kind, unique(x$kind))
  if (nrow(x) > 0) {
    counts <- data.frame(
      kind = levels(kinds),
      findings = as.vector(tapply(x$finding, kinds, function(n) length(unique(n)))),
      images = as.vector(tapply(x$image, kinds, function(n) sum(!is.na(n))))
    )
    print(counts, row.names = FALSE, right = FALSE)
    cat("\n")
    print(table[c(needed, setdiff(names(x), needed))], ...)
  }
  invisible(x)
}

# A review as the core has it, with positions from 0; anything else as it is.
review_columns <- function(x) {
  if (!is.data.frame(x)) return(x)
  if ("image" %in% names(x)) x$image <- as.integer(x$image) - 1L
  as_columns(x)
}
