#' @eval said("augmentation")
#' @return It is a Python object, which [saveRDS()] cannot save; it can save the plain
#'   list.
#' @seealso [augment()][augment.array()], [plot_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' augmentation(crop = 7 / 8, rotation = 0.1, flip = "horizontal")
#' augmentation(translation = list(height_factor = 0.1, width_factor = c(0, 0.2)))
#' augmentation(crop = list(scale = c(0.08, 1), ratio = c(3 / 4, 4 / 3)))
augmentation <- function(crop = NULL, flip = NULL, translation = NULL, shear = NULL,
                         rotation = NULL, zoom = NULL, perspective = NULL, elastic = NULL,
                         color_jitter = NULL, grayscale = NULL, pca_color = NULL,
                         channel_shuffle = NULL, color_temperature = NULL,
                         auto_contrast = NULL, equalization = NULL, gamma = NULL,
                         posterization = NULL, solarization = NULL, invert = NULL,
                         sharpness = NULL, gaussian_blur = NULL, motion_blur = NULL,
                         downscaling = NULL, gaussian_noise = NULL,
                         jpeg_compression = NULL, erasing = NULL, fill_mode = "reflect",
                         fill_value = 0, interpolation = "bilinear") {
  call_core("augmentation", crop = crop, flip = flip, translation = translation,
    shear = shear, rotation = rotation, zoom = zoom, perspective = perspective,
    elastic = elastic, color_jitter = color_jitter, grayscale = grayscale,
    pca_color = pca_color, channel_shuffle = channel_shuffle,
    color_temperature = color_temperature, auto_contrast = auto_contrast,
    equalization = equalization, gamma = gamma, posterization = posterization,
    solarization = solarization, invert = invert, sharpness = sharpness,
    gaussian_blur = gaussian_blur, motion_blur = motion_blur, downscaling = downscaling,
    gaussian_noise = gaussian_noise, jpeg_compression = jpeg_compression,
    erasing = erasing, fill_mode = fill_mode, fill_value = fill_value,
    interpolation = interpolation)
}

#' @eval said(
#'   "augment",
#'   images = "Or a Python array or tensor.",
#'   operations = "By name.",
#'   rename = c(images = "x", operations = "...")
#' )
#' @details
#' These are the methods of the generic [augment()] for images. For a classifier, it adds
#' predictions to images: [augment.reticnn_classifier()].
#' @seealso [plot_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' data <- shape_images(10)
#' augment(data, rotation = 0.1, copies = 3, seed = 1)
#' images <- load_images(data)$images
#' dim(augment(images, augmentation(crop = c(28, 28), flip = "horizontal")))
augment.array <- function(x, policy = NULL, ..., copies = 1, seed = NULL) {
  operations <- list(...)
  if (length(operations) > 0 && !all(nzchar(rlang::names2(operations)))) {
    abort_text(
      paste0("`...` must be operations by name, as in `augment(x, rotation = 0.1)`. A ",
        "policy comes as `policy`."),
      call = rlang::current_env()
    )
  }
  arguments <- list(images = x, policy = policy, copies = copies,
    seed = seed_or_draw(seed))
  do.call(call_core, c("augment", arguments, operations, .call = rlang::current_env()))
}

#' @rdname augment.array
#' @export
augment.matrix <- augment.array

#' @rdname augment.array
#' @export
augment.reticnn.ImageData <- augment.array

#' @rdname augment.array
#' @export
augment.python.builtin.object <- augment.array

#' @eval said("pca_color")
#' @seealso [augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' colors <- pca_color(shape_images(100))
#' augmentation(pca_color = colors, flip = "horizontal")
pca_color <- function(data, std = 0.1) {
  call_core("pca_color", data = data, std = std)
}

#' @eval said("rand_augment")
#' @seealso [trivial_augment()], [auto_augment()], [learn_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' rand_augment(magnitude = 5, operations = c("rotate", "shear_x", "contrast"))
rand_augment <- function(n = 2, magnitude = 9, magnitude_std = 0, probability = 1,
                         operations = NULL) {
  call_core("rand_augment", n = n, magnitude = magnitude, magnitude_std = magnitude_std,
    probability = probability, operations = as_strings(operations))
}

#' @eval said("trivial_augment")
#' @seealso [rand_augment()], [auto_augment()], [learn_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' trivial_augment()
trivial_augment <- function() {
  call_core("trivial_augment")
}

#' @eval said("auto_augment")
#' @seealso [rand_augment()], [trivial_augment()], [learn_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' auto_augment("cifar10")
auto_augment <- function(name = "imagenet") {
  call_core("auto_augment", name = name)
}

#' @eval said("aug_mix")
#' @seealso [rand_augment()], [three_augment()], [learn_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' aug_mix()
aug_mix <- function(num_chains = 3, chain_depth = 3, factor = 0.3, alpha = 1,
                    all_ops = FALSE) {
  call_core("aug_mix", num_chains = num_chains, chain_depth = chain_depth,
    factor = factor, alpha = alpha, all_ops = all_ops)
}

#' @eval said("three_augment")
#' @seealso [rand_augment()], [aug_mix()], [learn_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' three_augment()
three_augment <- function(color_jitter = 0.3, padding = 4) {
  call_core("three_augment", color_jitter = color_jitter, padding = padding)
}

#' @eval said("augmentation_layer")
#' @seealso [augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' policy <- augmentation(rotation = 0.1, flip = "horizontal")
#' keras$Input(c(32L, 32L, 3L)) |>
#'   augmentation_layer(policy, seed = 1)() |>
#'   conv_block(64)
augmentation_layer <- function(policy, seed = NULL) {
  call_core("augmentation_layer", policy = policy, seed = seed_or_draw(seed))
}
