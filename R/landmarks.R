#' @eval said("landmark_architectures")
#' @seealso [landmark_model()], [training_recipe()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' landmark_architectures()
landmark_architectures <- function() {
  as_table(call_core("landmark_architectures"))
}

#' @eval said("convnext_ladder")
#' @seealso [landmark_model()], [training_recipe()]; [plot()] draws the accuracies and the
#'   GFLOPs as in the paper's figure 2.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' convnext_ladder()
#' landmark_model("convnext_ladder", c(32, 32, 3), 2, step = "depthwise")$count_params()
convnext_ladder <- function() {
  table <- as_table(call_core("convnext_ladder"))
  structure(table, class = c("reticnn_ladder", class(table)))
}
