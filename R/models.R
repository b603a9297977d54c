#' @eval said("build_mlp")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' build_mlp(c(64, 64, 3), 2, 256, output = "softmax")$count_params()
build_mlp <- function(input_shape = c(32, 32, 3), num_classes = 2, units = 256,
                      dropout = 0, output = "auto", rescale = TRUE, seed = NULL) {
  call_core("build_mlp", input_shape = input_shape, num_classes = num_classes,
    units = units, dropout = dropout, output = output, rescale = rescale,
    seed = seed_or_draw(seed))
}

#' @eval said("build_cnn")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' model <- build_cnn()
#' model$count_params()
#' build_cnn(c(64, 64, 1), 10, filters = c(16, 32, 64, 128))
build_cnn <- function(input_shape = c(32, 32, 3), num_classes = 2, filters = 32,
                      n_blocks = 3, n_conv = 1, units = 256, batch_norm = FALSE,
                      block_dropout = 0, dropout = 0, output = "auto", rescale = TRUE,
                      seed = NULL) {
  call_core("build_cnn", input_shape = input_shape, num_classes = num_classes,
    filters = filters, n_blocks = n_blocks, n_conv = n_conv, units = units,
    batch_norm = batch_norm, block_dropout = block_dropout, dropout = dropout,
    output = output, rescale = rescale, seed = seed_or_draw(seed))
}

#' @eval said("landmark_model", rename = c(options = "..."))
#' @seealso [landmark_architectures()], [training_recipe()], [describe_model()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' model <- landmark_model("mobilenet", c(32, 32, 3), 2, width = 0.25)
#' model$count_params()
landmark_model <- function(name, input_shape = NULL, num_classes = NULL, weights = NULL,
                           output = "auto", rescale = TRUE, seed = NULL, ...) {
  call_core("landmark_model", name = name, input_shape = input_shape,
    num_classes = num_classes, weights = as_core(weights), output = output, rescale = rescale,
    seed = seed_or_draw(seed), ...)
}

#' @eval said("transfer_model")
#' @seealso [freeze()] and [unfreeze()] to change what is trained, [layer_table()].
#' @export
#' @examplesIf reticnn::reticnn_available()
#' # Random weights here; leave `weights` out for ImageNet's.
#' model <- transfer_model("mobilenet_0.25", c(32, 32, 3), weights = NULL)
#' unfreeze(model, "last_block")
#' tail(layer_table(model))
transfer_model <- function(backbone = "vgg16", input_shape = c(224, 224, 3),
                           num_classes = 2, weights = "imagenet", train = "head",
                           pooling = "avg", adapter = NULL, units = NULL, dropout = 0,
                           output = "auto", resize_to = NULL, seed = NULL) {
  call_core("transfer_model", backbone = as_core(backbone), input_shape = input_shape,
    num_classes = num_classes, weights = as_core(weights), train = train,
    pooling = pooling, adapter = adapter, units = units, dropout = dropout,
    output = output, resize_to = resize_to, seed = seed_or_draw(seed))
}
