# What a teacher needs for a class.

#' @eval said("teaching_kit")
#' @seealso [reticnn_check()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' folder <- file.path(tempdir(), "class")
#' teaching_kit(folder)
#' unlink(folder, recursive = TRUE)
teaching_kit <- function(path, overwrite = FALSE) {
  as_table(call_core("teaching_kit", path = path, overwrite = overwrite))
}
