#' Say what is to be done to images at random
#'
#' A policy for [augment()][augment.array()]. The operations act in this order: crop,
#' flip, translation, shear, rotation and zoom, which together are one matrix, so that an
#' image is resampled once; brightness, contrast, saturation, hue, PCA colour and
#' greyscale, which together are one matrix too; blur; noise; erasing. Names, units and
#' signs are those of Keras's layers.
#'
#' What differs from a chain of Keras's layers: values are cut off at 0 and 255 at the
#' end, not after each step; what is outside comes from the whole image, also after a
#' crop, and is filled in once; saturation and hue are linear in RGB, with the luma
#' unchanged, and not by way of HSV; a blur mirrors the image at its edges, where Keras
#' sees black; both flips are drawn for themselves.
#'
#' Each operation is `NULL`, which is off and the default; or one value; or a named list
#' of its settings, which have Keras's names. Where a number is drawn from a range, two
#' are its lowest and highest; `color_jitter`, `grayscale` and `pca_color` take one
#' number.
#'
#' @param crop Part of the image to show, at a random place. Up to 1, the fraction of
#'   height and width, or `c(height, width)` of them, enlarged to the image's size; whole
#'   numbers above 1, pixels, or `c(height, width)`, and the images come out of that
#'   size. List: `height`, `width`.
#' @param flip `"horizontal"` (left to right), `"vertical"` or
#'   `"horizontal_and_vertical"`, each way for half of the images. List: `mode`.
#' @param translation Largest move as a fraction of height and width, -1 to 1; downwards
#'   and to the right if positive. One number f is `c(-f, f)`. List: `height_factor`,
#'   `width_factor`.
#' @param shear Largest shear, 0 to 1, the pixels' shift as a fraction of their distance
#'   from the top and from the left; to both sides. One number f is `c(0, f)`. List:
#'   `x_factor`, `y_factor`.
#' @param rotation Largest angle as a fraction of a full turn, -1 to 1: 0.1 is 36
#'   degrees; counterclockwise if positive. One number f is `c(-f, f)`. List: `factor`.
#' @param zoom How much more (positive) or less of height and width is shown, above -1
#'   and up to 1; both by the same, unless a list has both: `height_factor`,
#'   `width_factor`. One number f is `c(-f, f)`.
#' @param color_jitter One number f in `[0, 1)` for brightness, contrast and saturation:
#'   adds up to f * 255, and multiplies the distance to the image's mean colour by 1 - f
#'   to 1 + f, and that to the pixel's grey by (1 - f) / (1 + f) to (1 + f) / (1 - f). Or
#'   a list of Keras's `brightness_factor` (-1 to 1), `contrast_factor` (0 to 1; `c(a, b)`
#'   is from 1 - a to 1 + b, f is `c(f, f)`), `saturation_factor` (0 to 1; 0 is grey, 0.5
#'   the image itself; f is `c(0, f)`) and `hue_factor` (0 to 1, of half a turn to both
#'   sides; f is `c(0, f)`).
#' @param grayscale Probability of showing the image in grey. List: `factor`.
#' @param pca_color Standard deviation of AlexNet's colour shift along the principal axes
#'   of RGB values, AlexNet: 0.1. List: `std`, and own `eigenvalues` (3, of values 0 to
#'   1) and `eigenvectors` (3 x 3, in columns), ImageNet's by default.
#' @param gaussian_blur Highest standard deviation in pixels. One number f is `c(0, f)`.
#'   List: `sigma`, `factor` (the probability, default 1) and `kernel_size` (odd, pixels;
#'   by default 3 sigma to each side).
#' @param gaussian_noise Standard deviation of noise as a fraction of 255, 0 to 1; of
#'   two, drawn for each image. List: `stddev`.
#' @param erasing Probability of erasing a box. List: `factor`, that probability, default
#'   1, or the range it is drawn from; `scale`, range of the box's area as a fraction of
#'   the image's, default `c(0.02, 0.33)`; `fill_value`, a number or three, 0 to 255, or
#'   `NULL` for noise, the default.
#' @param fill_mode What is outside of the image: `"reflect"`
#'   (d c b a | a b c d | d c b a), `"nearest"`, `"wrap"` or `"constant"`. Default
#'   `"reflect"`.
#' @param fill_value Number, 0 to 255, the value of `"constant"`. Default 0.
#' @param interpolation `"bilinear"` or `"nearest"`. Default `"bilinear"`.
#' @return A policy, which prints what it does. It is a Python object, which [saveRDS()]
#'   does not keep; `policy$to_config()` gives it as a plain list, to be kept as R or JSON
#'   has it, and wherever a policy is taken, that list will do. A list of policies means
#'   one after the other.
#' @section Errors: A `reticnn_error` if a setting is outside its range, or has another
#'   name.
#' @references Keras's `RandomCrop`, `RandomFlip`, `RandomTranslation`, `RandomShear`,
#'   `RandomRotation`, `RandomZoom`, `RandomColorJitter`, `RandomGrayscale`,
#'   `RandomGaussianBlur`, `GaussianNoise` and `RandomErasing`. PCA colour: Krizhevsky,
#'   Sutskever and Hinton (2012), ImageNet Classification with Deep Convolutional Neural
#'   Networks.
#' @seealso [augment()][augment.array()], [plot_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' augmentation(crop = 7 / 8, rotation = 0.1, flip = "horizontal")
#' augmentation(translation = list(height_factor = 0.1, width_factor = c(0, 0.2)))
augmentation <- function(crop = NULL, flip = NULL, translation = NULL, shear = NULL,
                         rotation = NULL, zoom = NULL, color_jitter = NULL,
                         grayscale = NULL, pca_color = NULL, gaussian_blur = NULL,
                         gaussian_noise = NULL, erasing = NULL, fill_mode = "reflect",
                         fill_value = 0, interpolation = "bilinear") {
  call_core("augmentation", crop = crop, flip = flip, translation = translation,
    shear = shear, rotation = rotation, zoom = zoom, color_jitter = color_jitter,
    grayscale = grayscale, pca_color = pca_color, gaussian_blur = gaussian_blur,
    gaussian_noise = gaussian_noise, erasing = erasing, fill_mode = fill_mode,
    fill_value = fill_value, interpolation = interpolation)
}

#' Change images at random
#'
#' Methods of the generic [augment()] for images, which changes them once and for all.
#' (Of a classifier it adds predictions to images: [augment.reticnn_classifier()].)
#' What happens to an image follows from the seed and its position among the images, not
#' from the others.
#'
#' @param x Array, `c(n, height, width, channels)`, `c(height, width, channels)` or
#'   `c(n, height, width)`, or a matrix for one grey image; values 0 to 255. Or image
#'   data, or a NumPy array.
#' @param policy Policy from [augmentation()], or a list of policies, one after the other,
#'   or `NULL` for the operations given. Default `NULL`.
#' @param ... Arguments of [augmentation()] by name, instead of a policy.
#' @param copies Whole number of at least 1, changed copies of each image. Default 1.
#' @param seed Whole number of at least 0 that fixes the result. Default `NULL`: one is
#'   drawn from R's random numbers, so that [set.seed()] fixes it.
#' @return Array of changed images, `c(n * copies, height, width, channels)`, 0 to 255:
#'   all copies of the first image, then those of the second, and so on. Of one image and
#'   one copy, one image, `c(height, width, channels)`. Of image data, image data in
#'   memory with their labels.
#' @section Errors: A `reticnn_error` if there is no such operation, there are both a
#'   policy and operations, the images are smaller than the crop or have channels that
#'   the operations do not take, or a pixel is missing. A `reticnn_warning` if pixels are
#'   outside 0 to 255, which are cut off.
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
augment.numpy.ndarray <- augment.array

#' Draw operations at random, all with one magnitude
#'
#' Each image gets, `n` times in a row, one of the operations. A greater magnitude is a
#' greater change for all of them. Pixels that come in from outside are grey (128).
#'
#' @param n Whole number of operations for each image. Default 2.
#' @param magnitude Number from 0, hardly any change, to 10: rotation by 30 degrees,
#'   shear by 0.3, translation by 45 % of the side, brightness, contrast, colour and
#'   sharpness times 0.1 or 1.9, 4 bits less, all of the values solarized. Direction and
#'   sign are drawn. Default 9.
#' @param magnitude_std Number of at least 0, standard deviation of the magnitude from
#'   image to image; cut off at 0 and 10. Default 0.
#' @param probability Number in `[0, 1]`, how often an operation drawn is done. Default
#'   1.
#' @param operations Names of operations to draw from, or `NULL` for those of the paper:
#'   `"identity"`, `"autocontrast"`, `"equalize"`, `"rotate"`, `"solarize"`, `"color"`,
#'   `"posterize"`, `"contrast"`, `"brightness"`, `"sharpness"`, `"shear_x"`,
#'   `"shear_y"`, `"translate_x"`, `"translate_y"`. There are also `"invert"` and
#'   `"solarize_add"`. Default `NULL`.
#' @return A policy, for [augment()][augment.array()], [plot_augmentation()] and, as
#'   `augmentation`, [fit_classifier()]. It prints what it does.
#' @section Errors: A `reticnn_error` if an argument is outside its range, or an
#'   operation is unknown.
#' @references Cubuk et al. (2019), \doi{10.48550/arXiv.1909.13719}. Where the authors'
#'   code lets some operations change less with a greater magnitude, these change more,
#'   as in torchvision and timm. timm's "rand-m9-mstd0.5-inc1", as used for ConvNeXt, has
#'   a probability of 0.5, `magnitude_std = 0.5`, and all operations but the identity.
#'   torchvision counts magnitudes up to 30.
#' @seealso [trivial_augment()], [auto_augment()], [learn_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' rand_augment(magnitude = 5, operations = c("rotate", "shear_x", "contrast"))
rand_augment <- function(n = 2, magnitude = 9, magnitude_std = 0, probability = 1,
                         operations = NULL) {
  call_core("rand_augment", n = n, magnitude = magnitude, magnitude_std = magnitude_std,
    probability = probability, operations = as_strings(operations))
}

#' Draw one operation and its magnitude at random
#'
#' Each image gets one of the 14 operations of [rand_augment()], at one of 31 evenly
#' spaced magnitudes up to the paper's wide space: rotation by 135 degrees, shear by 0.99,
#' translation by 32 pixels, brightness, contrast, colour and sharpness times 0.01 or
#' 1.99, 6 bits less, all of the values solarized. Pixels that come in from outside are
#' grey (128): images of 32 pixels can be moved out of sight, as in the paper. There is
#' nothing to tune.
#'
#' @return A policy, for [augment()][augment.array()], [plot_augmentation()] and, as
#'   `augmentation`, [fit_classifier()]. It prints what it does.
#' @references Mueller and Hutter (2021), \doi{10.48550/arXiv.2103.10158}.
#' @seealso [rand_augment()], [auto_augment()], [learn_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' trivial_augment()
trivial_augment <- function() {
  call_core("trivial_augment")
}

#' Use a policy that was learned for a well-known set of images
#'
#' Each image gets one of 25 pairs of operations, each of which is done with its own
#' probability and magnitude. Pixels that come in from outside are grey (128).
#'
#' @param name What the policy was learned for: `"cifar10"` (small photos), `"imagenet"`
#'   (large ones) or `"svhn"` (house numbers). Default `"imagenet"`.
#' @return A policy, for [augment()][augment.array()], [plot_augmentation()] and, as
#'   `augmentation`, [fit_classifier()]. It prints what it does.
#' @section Errors: A `reticnn_error` if there is no such policy.
#' @references Cubuk et al. (2018), \doi{10.48550/arXiv.1805.09501}, the tables of the
#'   appendix. The magnitudes 0 to 9 are read as in torchvision, from no change to the
#'   greatest, with a drawn sign, where the paper counts from one end of a range to the
#'   other.
#' @seealso [rand_augment()], [trivial_augment()], [learn_augmentation()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' auto_augment("cifar10")
auto_augment <- function(name = "imagenet") {
  call_core("auto_augment", name = name)
}

#' A layer that augments images while a model is trained
#'
#' A Keras layer to stand in a model, in front of what learns. It changes images while
#' training only, computes where the model does, on a GPU too, and is saved with the
#' model.
#'
#' The images of all its calls in training are counted, and each has random numbers of
#' its own: with the same seed, the first batch comes out as [augment()][augment.array()]
#' gives it, but for rounding to whole numbers, and the next batch as the images after
#' it.
#'
#' @param policy Policy, as from [augmentation()], or a list of policies, one after the
#'   other.
#' @param seed Whole number of at least 0 that fixes the result, kept with the layer.
#'   Default `NULL`: one is drawn from R's random numbers, so that [set.seed()] fixes it.
#' @return Keras layer, to be called with a tensor of images of 0 to 255, (batch, height,
#'   width, channels), whose size is known. It gives one of images of 0 to 255; a crop in
#'   pixels is also made, from the centre, when not training.
#' @section Errors: A `reticnn_error` if `policy` is not a policy or `seed` is negative.
#'   A Python error, when the layer is called, if the policy cannot be applied to such
#'   images.
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
