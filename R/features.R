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

#' @rdname layer_filters
#' @param n Whole number of filters shown, the first ones. Default 32.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_filters(build_cnn())
plot_filters <- function(model, layer = NULL, n = 32) {
  check_installed("ggplot2", "Plotting filters")
  n <- as_count(n)
  filters <- layer_filters(model, layer)
  size <- dim(filters$weights)
  shown <- seq_len(min(n, size[[1]]))
  pictures <- lapply(shown, function(number) {
    kernel <- array(filters$weights[number, , , ], size[-1])
    if (filters$rgb) colour_kernel(kernel) else signed_kernel(kernel)
  })
  image_grid(pictures, data.frame(image = shown, text = shown, frame = "grey60"),
    frame_width = 0.5) +
    ggplot2::labs(title = paste0(
      filters$layer, ": ", counted(length(shown), size[[1]], "filters"), " of ",
      paste(size[-1], collapse = " \u00d7 ")
    ))
}

# Weights of red, green and blue as a colour, from the kernel's lowest to its highest one.
colour_kernel <- function(kernel) {
  range <- range(kernel)
  grDevices::as.raster((kernel - range[[1]]) / max(diff(range), 1e-12))
}

# The mean over the channels, from blue over white, which is 0, to orange.
signed_kernel <- function(kernel) {
  means <- apply(kernel, 1:2, mean)
  shares <- (means / max(abs(means), 1e-12) + 1) / 2
  as_colours(shares, grDevices::colorRampPalette(c("#0072B2", "white", "#D55E00"))(255))
}

# A matrix of 0 to 1 as a raster of colours.
as_colours <- function(shares, colours) {
  places <- 1 + round(shares * (length(colours) - 1))
  grDevices::as.raster(matrix(colours[places], nrow(shares)))
}

# "32 of 64 filters", or "6 filters" for all of them.
counted <- function(shown, all, things) {
  paste0(if (shown < all) paste(shown, "of "), all, " ", things)
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

#' @rdname feature_maps
#' @param image The image: array `c(height, width, channels)`, 0 to 255. Of several
#'   images, or image data, the first.
#' @param n Whole number of filters shown of each layer, the first ones. Default 15, which
#'   with the image makes a square of 16 pictures.
#' @export
#' @examplesIf reticnn::reticnn_available() && requireNamespace("ggplot2", quietly = TRUE)
#' plot_feature_maps(build_cnn(), shape_images(1))
#' plot_feature_maps(build_cnn(), shape_images(1), c("block1_conv1", "block3_conv1"), n = 8)
plot_feature_maps <- function(model, image, layers = NULL, n = 15) {
  check_installed("ggplot2", "Plotting feature maps")
  n <- as_count(n)
  if (!inherits(image, "reticnn.data.image_data.ImageData")) {
    image <- image_arrays(one_image(image))
  }
  maps <- feature_maps(model, image[1], layers)
  shown <- lapply(maps, function(map) seq_len(min(n, dim(map)[[4]])))
  pictures <- c(as_pictures(load_images(image[1])$images), unlist(
    Map(map_pictures, maps, shown), recursive = FALSE, use.names = FALSE
  ))
  places <- data.frame(
    row = rep(names(maps), lengths(shown)), text = unlist(shown, use.names = FALSE)
  )
  places <- rbind(data.frame(row = names(maps)[[1]], text = "image"), places)
  places$frame <- c("#0072B2", rep(NA, nrow(places) - 1))
  if (length(maps) > 1) {
    return(picture_rows(pictures, places, maps))
  }
  image_grid(pictures, cbind(places, image = seq_along(pictures))) +
    ggplot2::labs(title = map_title(names(maps), maps[[1]], length(shown[[1]])))
}

# One layer a row, with its name beside it; the image before the first one.
picture_rows <- function(pictures, places, maps) {
  places$row <- factor(places$row, names(maps))
  places$column <- factor(places$text, unique(c("image", places$text)))
  sizes <- vapply(maps, function(map) {
    paste(dim(map)[2:3], collapse = " \u00d7 ")
  }, character(1))
  levels(places$row) <- paste0(names(maps), "\n", sizes)
  picture_plot(pictures, places) +
    ggplot2::facet_grid(row ~ column, switch = "y") +
    ggplot2::theme(strip.text.y.left = ggplot2::element_text(
      angle = 0, hjust = 1, vjust = 0.5, margin = ggplot2::margin(0, 6, 0, 0)
    ))
}

# The maps of one image as pictures, each from its lowest to its highest value.
map_pictures <- function(maps, shown) {
  colours <- grDevices::hcl.colors(256, "viridis")
  lapply(shown, function(number) {
    map <- matrix(maps[1, , , number], dim(maps)[[2]])
    range <- range(map)
    as_colours((map - range[[1]]) / max(diff(range), 1e-12), colours)
  })
}

map_title <- function(name, maps, shown) {
  size <- dim(maps)
  paste0(name, ": ", counted(shown, size[[4]], "feature maps"), " of ",
    paste(size[2:3], collapse = " \u00d7 "))
}
