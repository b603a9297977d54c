#' @eval said("backbones")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' backbones()
backbones <- function() {
  as_table(call_core("backbones"))
}

#' @eval said("freeze")
#' @return Returned invisibly.
#' @section Python's slices in R: The workshop loops over `vgg16$layers[-5:-2]`, meaning
#' Python's slice: from the fifth layer from the end to the third from the end. What this
#' does in R depends on how Keras was imported.
#'
#' * Here, and after `reticulate::import("keras")`, `vgg16$layers` is an R list, and
#'   `[-5:-2]` would be that list without its elements 2 to 5: it is refused. In the
#'   formula of [py_for()] it is the slice; or use `unfreeze(vgg16, c(-5, -2))`, without a
#'   loop.
#' * With [keras_py], or after `reticulate::import("keras", convert = FALSE)`,
#'   `vgg16$layers[-5:-2]` is the slice. R's `for` cannot loop over Python objects: use
#'   [py_for()].
#'
#' In both cases, a model whose own `trainable` is `FALSE` trains none of its layers,
#' whatever a loop sets in them; `freeze(vgg16)` leaves that to each layer.
#'
#' @seealso [unfreeze()], [layer_table()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' model <- build_cnn()
#' freeze(model)
#' unfreeze(model, "block3")
#' unfreeze(model, 2)
#' unfreeze(model, \(layer) inherits(layer, "keras.src.layers.core.dense.Dense"))
#' layer_table(model)
#'
#' # The workshop's block5_conv1 to 3 of VGG16, in three ways
#' vgg16 <- keras$applications$VGG16(
#'   weights = NULL, include_top = FALSE, input_shape = c(32L, 32L, 3L), pooling = "avg"
#' )
#' freeze(vgg16)
#' unfreeze(vgg16, "last_block")
#' unfreeze(vgg16, c(-5, -2))
#' py_for(layer ~ vgg16$layers[-5:-2], {
#'   layer$trainable <- TRUE
#' })
#' length(vgg16$trainable_weights)
freeze <- function(model, layers = NULL) {
  call_core("freeze", model = as_core(model), layers = layers)
  invisible(model)
}

#' @eval said("unfreeze")
#' @return Returned invisibly.
#' @seealso [freeze()], also for Python's slices of layers in R; [layer_table()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' model <- freeze(build_cnn())
#' unfreeze(model, "block3")
#' unfreeze(model, c(-4, -1))
#' layer_table(model)
unfreeze <- function(model, layers = NULL) {
  call_core("unfreeze", model = as_core(model), layers = layers)
  invisible(model)
}
