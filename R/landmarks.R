#' @eval said("landmark_architectures")
#' @seealso [landmark_model()], [training_recipe()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' landmark_architectures()
landmark_architectures <- function() {
  as_table(call_core("landmark_architectures"))
}
