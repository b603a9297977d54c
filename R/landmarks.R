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

#' Build a landmark architecture
#'
#' @param name Name of the architecture, one of `landmark_architectures()$name`.
#' @param input_shape `c(height, width, channels)` of the images, or `NULL` for the
#'   paper's. Default `NULL`.
#' @param num_classes Whole number of classes, at least 2, or `NULL` for the paper's.
#'   Default `NULL`.
#' @param weights `NULL` for random ones; the path of a file with the network's weights
#'   (`.keras`, `.h5` as Keras distributes them, a saved classifier, or `.weights.h5` of
#'   this very model); a Keras model or classifier that has them; or `"imagenet"`, those of
#'   the same network in `keras.applications`, downloaded once and kept. The top, or its
#'   last layer, stays random where the weights have none, or one for other classes.
#'   Keras's are those of `conv_bias = TRUE` for a ResNet, and of `activation = "relu6"`
#'   for a MobileNet. Default `NULL`.
#' @param rescale `TRUE` brings the pixels, 0 to 255, to the scale of the paper inside
#'   the model. Default `TRUE`.
#' @param ... Options of the family, by name:
#'   * AlexNet: `groups`, 2 (default), the second, fourth and fifth convolutions see half
#'     of the channels each, as on the paper's two GPUs; or 1.
#'   * GoogLeNet: `auxiliary`, `TRUE` (default) for two further classifiers on the way,
#'     whose losses count 0.3 while training; predictions and saved files are without
#'     them.
#'   * ResNet: `stem`, `"standard"` (default), or `"small"` for small images, a
#'     convolution of 3 x 3 with a step of 1 and no pooling, as the paper has it for
#'     32 x 32; `shortcut` and `conv_bias` as in [residual_block()].
#'   * DenseNet: `stem` as in ResNet; `dropout` as in [dense_block()].
#'   * MobileNet: `width`, factor of the number of filters (default 1); `activation`,
#'     `"relu"` (default), or `"relu6"` as in `keras.applications`.
#'   * ConvNeXt: `drop_rate`, share of the images for which the last block is left out
#'     while training, less for those before it, `NULL` (default) for the paper's;
#'     `layer_scale` as in [convnext_block()].
#' @inheritParams build_mlp
#' @return A Keras model, not compiled, from images (n, height, width, channels), 0 to
#'   255, to probabilities as [classifier_head()] gives them.
#' @section Errors: A `reticnn_error` if there is no such architecture or option, the
#'   images are too small for it, an argument is outside its range, the weights do not
#'   fit, with the layer and the shapes, or if ImageNet weights are not on this machine
#'   and cannot be downloaded, within 15 seconds where there is no network.
#' @references See the column `reference` of [landmark_architectures()].
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

#' How a paper trained its architecture
#'
#' @param name Name of the architecture, one of `landmark_architectures()$name`.
#' @return A list of arguments for [fit_classifier()]. The optimizer is a Keras
#'   optimizer where its settings are not Keras's own. What a paper does not say is not
#'   in it. Where papers divide the learning rate by ten a few times, it falls along
#'   half a cosine. AlexNet's and ConvNeXt's have an augmentation, which crops to 7/8 of
#'   height and width.
#' @section Errors: A `reticnn_error` if there is no such architecture.
#' @seealso [landmark_architectures()], [fit_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' str(training_recipe("convnext_tiny"))
training_recipe <- function(name) {
  call_core("training_recipe", name = name)
}
