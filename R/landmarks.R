#' The landmark architectures
#'
#' The networks that image classification went through, each as its paper has it.
#'
#' @return A tibble, one row an architecture, oldest first: `name` for
#'   [landmark_model()], `family`, `year`, `parameters` (trainable, of the network that
#'   predicts), `depth` (layers with weights on the longest way through the network,
#'   normalisations not counted), `input_size` (pixels a side) and `channels` of the
#'   paper's images, `mult_adds` (multiplications with addition for one such image),
#'   `idea` (what it brought), `reference`.
#' @seealso [landmark_model()], [training_recipe()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' landmark_architectures()
landmark_architectures <- function() {
  as_table(call_core("landmark_architectures"))
}
