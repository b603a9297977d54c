#' What each layer of a model costs, and how much of the image it sees
#'
#' @param model Keras model of images, or a classifier.
#' @return A `reticnn_description`: a tibble with one row a layer, those of nested
#'   models one by one, and the columns
#'   * `name`, with those of the models it is in: `"backbone/conv1"`;
#'   * `type`, the layer's class;
#'   * `output_shape`, such as `"112 x 112 x 64"`; `"any"` for an open side;
#'   * `parameters`, trainable or not; a layer used again has none there;
#'   * `mult_adds`, multiplications with addition for one image, of convolutions and
#'     dense layers; `NaN` where the image's size is open, and for other layers with
#'     weights that do more than scale and shift, such as attention;
#'   * `receptive_field`, the side, in pixels of the model's input, of the square that a
#'     value of the output depends on, the longer side where it is none, not cut at the
#'     image's border. Where maps have been enlarged, values depend on more or fewer
#'     pixels in turn, and it is their mean, which may be a fraction. `NaN` where it is
#'     the whole image of open size, or behind layers whose `mult_adds` are not known for
#'     their weights.
#'
#'   It has a [plot()], of the layers that have weights, with as many of their names as
#'   there is room for.
#' @section Errors: A `reticnn_error` if `model` is not a Keras model or a classifier,
#'   does not take images, or is not built from layers.
#' @references Receptive fields: Araujo, Norris and Sim (2019), Computing Receptive
#'   Fields of Convolutional Neural Networks, \doi{10.23915/distill.00021}.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' describe_model(build_cnn())
describe_model <- function(model) {
  table <- as_table(call_core("describe_model", model = as_core(model)))
  class(table) <- c("reticnn_description", class(table))
  table
}

#' The layers of a model
#'
#' Those of models within it included, such as the backbone of [transfer_model()].
#'
#' @param model Keras model, or classifier.
#' @return A tibble with one row a layer in the model's order, a model within before its
#'   layers: `name`; `type`; `output_shape`, as text without the batch, `"7 x 7 x 512"`;
#'   `parameters`; `trainable`, whether anything of it is trained; `parent`, the name of
#'   the model within that it is in, or `""`.
#' @section Errors: A `reticnn_error` if `model` is not a Keras model or classifier, or a
#'   layer of it has no weights yet.
#' @seealso [freeze()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' layer_table(build_cnn())
layer_table <- function(model) {
  as_table(call_core("layer_table", model = as_core(model)))
}

#' The block diagram of a model
#'
#' `plot_architecture()` draws the layers of a model as boxes, `architecture()` gives
#' what is in them and where they stand.
#'
#' A box is a layer where that makes at most `most` boxes. Otherwise it is the first of
#' these that does: a layer with the normalisation, activation and dropout behind it; a
#' block, which is branches up to where they meet, and layers whose names begin alike; a
#' stage of blocks whose names begin alike and whose feature maps are of one size; all
#' that has feature maps of one size. A model within the model is one box: its own
#' diagram is that of `model$get_layer(name)`.
#'
#' @param model Keras model built from layers, or a classifier.
#' @param most Whole number of boxes of the diagram, at least 2. Default 16.
#' @return `architecture()`: a list of
#'   * `boxes`, a tibble with one row a box: `name`; `kind`, `"convolution"`, `"pooling"`
#'     and so on; `text`, what it does; `output_shape`, such as `"32 x 32 x 64"`;
#'     `parameters`; `layers`, their number; `colour` of the kind; and `x`, `y`, the place
#'     of its middle;
#'   * `arrows`, a tibble with one row a point of an arrow: `arrow`, its number; `x` and
#'     `y`, from its start to its tip;
#'   * `width` and `height` of the diagram, `box_width` and `box_height`, in the unit of
#'     all places, a box's height; y goes up.
#'
#'   `plot_architecture()`: a ggplot. The text fits the boxes at any size.
#' @section Errors: A `reticnn_error` if `model` is not a Keras model or a classifier, or
#'   is not built from layers, or `most` is below 2.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' architecture(build_cnn())$boxes
architecture <- function(model, most = 16) {
  diagram <- call_core("architecture", model = as_core(model), most = most)
  diagram$boxes <- as_table(diagram$boxes)
  diagram$arrows <- as_table(diagram$arrows)
  diagram
}

#' The kernels of a convolution layer
#'
#' `layer_filters()` gives the weights with which the filters of a layer look at what
#' comes in, `plot_filters()` shows them as pictures.
#'
#' @param model Keras model of images, or a classifier.
#' @param layer Name of a convolution layer as [describe_model()] gives it, also without
#'   the names of the models it is in, or `NULL` for the first one. Default `NULL`.
#' @return `layer_filters()`: a list of
#'   * `layer`, its whole name;
#'   * `weights`, array `c(filters, height, width, channels)`, of a depthwise convolution
#'     with one channel;
#'   * `rgb`, whether the channels are the red, green and blue of the image. They are
#'     then in that order, also where the model itself has them from blue to red.
#'
#'   `plot_filters()`: a ggplot, a picture a filter. Filters of red, green and blue are in
#'   these colours, each from its lowest weight, as 0, to its highest one, as 255. Of
#'   others, the mean over the channels is shown, blue where it is below and orange where
#'   it is above 0, each up to its own largest distance from 0.
#' @section Errors: A `reticnn_error` if `model` is not a Keras model or a classifier,
#'   does not take images, is not built from layers, or has no such convolution.
#' @seealso [plot_feature_maps()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' dim(layer_filters(build_cnn())$weights)
layer_filters <- function(model, layer = NULL) {
  call_core("layer_filters", model = as_core(model), layer = layer)
}

#' What the filters of a layer answer to an image
#'
#' `feature_maps()` sends images through a model and gives the output of layers on the
#' way, `plot_feature_maps()` shows that of one image as pictures.
#'
#' @param model Keras model of images, or a classifier.
#' @param images Array `c(n, height, width, channels)` or `c(height, width, channels)`, 0
#'   to 255, or image data, of the size that the model takes.
#' @param layers Name of a layer as [describe_model()] gives it, also without the names of
#'   the models it is in, or several, or `NULL` for the first convolution. Default `NULL`.
#' @return `feature_maps()`: a list named after the layers, of arrays
#'   `c(n, height, width, filters)`.
#'
#'   `plot_feature_maps()`: a ggplot, the image and a picture a filter, dark where the
#'   filter answers least to this image and bright where it answers most; one that answers
#'   the same everywhere is dark. Several layers are rows.
#' @section Errors: A `reticnn_error` if the images do not fit the model, it is not built
#'   from layers or has no such layer, or a layer's output is not feature maps.
#' @seealso [plot_filters()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' maps <- feature_maps(build_cnn(), shape_images(2), "block2_conv1")
#' dim(maps$block2_conv1)
feature_maps <- function(model, images, layers = NULL) {
  call_core("feature_maps", model = as_core(model), images = images,
    layers = as_strings(layers))
}

#' What a depthwise separable convolution saves
#'
#' A convolution has \eqn{K^2 C_{in} C_{out}} weights. A depthwise separable one in its
#' place has \eqn{K^2 C_{in}} that look around, one channel each, and \eqn{C_{in} C_{out}}
#' that mix the channels. Each weight is multiplied once at each place of the output.
#' Biases are not counted. Each argument may be a vector, for one row an element; those of
#' length one are used for all rows. The defaults are the layer of the paper's table 3.
#'
#' @param in_channels Whole number of channels, \eqn{C_{in}}. Default 512.
#' @param out_channels Whole number of filters, \eqn{C_{out}}. Default 512.
#' @param kernel_size Whole number, the side of the kernel, \eqn{K}. Default 3.
#' @param size Whole number, the side of the output's maps; 1 gives the costs a place.
#'   Default 14.
#' @param width Number above 0, the width multiplier: factor of both numbers of channels,
#'   rounded down. Default 1.
#' @param resolution Number above 0, the resolution multiplier: factor of `size`, rounded.
#'   Default 1.
#' @return A tibble: `kernel_size`, `in_channels`, `out_channels` and `size`, after both
#'   multipliers; `standard_parameters` and `separable_parameters`; `standard_mult_adds`
#'   and `separable_mult_adds`, multiplications with addition for one image; and `ratio`,
#'   what the separable one costs as a part of the other,
#'   \eqn{1 / C_{out} + 1 / K^2}.
#' @section Errors: A `reticnn_error` if a number is outside its range, or vectors differ
#'   in length.
#' @references Howard et al. (2017), MobileNets, arXiv:1704.04861, sections 3.1 to 3.4.
#' @seealso [separable_block()], [landmark_model()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' separable_costs(c(32, 64, 128), c(64, 128, 128))
#' separable_costs(width = c(1, 0.75, 0.75), resolution = c(1, 1, 0.714))
separable_costs <- function(in_channels = 512, out_channels = 512, kernel_size = 3, size = 14,
                            width = 1, resolution = 1) {
  as_table(call_core("separable_costs", in_channels = in_channels,
    out_channels = out_channels, kernel_size = kernel_size, size = size, width = width,
    resolution = resolution))
}
