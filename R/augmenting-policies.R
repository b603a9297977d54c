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
#' @return A policy, for `augmentation` in [fit_classifier()]. It prints what it does.
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
#' grey (128). There is nothing to tune.
#'
#' @return A policy, for `augmentation` in [fit_classifier()]. It prints what it does.
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
#' @return A policy, for `augmentation` in [fit_classifier()]. It prints what it does.
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

#' Find a policy that suits the images, by trying policies out
#'
#' Models are trained with policies drawn at random, from mild to strong, and one without
#' any; the half with the lower loss on the validation images is trained further, and so
#' on until one is left. All begin with the same weights and see the images in the same
#' order. Each round costs the same number of epochs, so that the last policies are
#' compared over most epochs.
#'
#' @param model_fn Function without arguments that builds a new model, compiled or not,
#'   such as `function() build_cnn()`.
#' @param data Image data with labels.
#' @param validation Image data on which the policies are compared, or the fraction of
#'   `data`, in (0, 1), to set apart for that. Default 0.2.
#' @param budget Whole number of epochs of training in all. Default 96.
#' @param trials Whole number of policies to begin with, at least 2. Default 8.
#' @param batch_size Whole number of images a step. Default 32.
#' @param learning_rate Number above 0, or `NULL` for the optimizer's own. Default
#'   `NULL`.
#' @param progress As in [fit_classifier()], with epochs counted over all trials. Default
#'   `"auto"`.
#' @param seed Whole number of at least 0 that fixes the policies, the validation part,
#'   the weights and the training. Default `NULL`: one is drawn from R's random numbers,
#'   so that [set.seed()] fixes them.
#' @details
#' Drawn are, each with a chance of one half, flips, translation, shear, rotation, zoom,
#' colour jitter, greyscale, blur, noise and erasing, and how much of each.
#'
#' What wins on few validation images or after few epochs may have won by luck, and strong
#' policies pay only in long training: give as many epochs as time allows, and measure the
#' gain on images that had no part in this. Stopping it by hand (Ctrl-C, Esc) gives the
#' best policy so far.
#' @return A list: `policy`, the best, which does nothing if none was better than nothing;
#'   `trials`, a tibble with one row a policy, the best first: `trial`, its number,
#'   `epochs`, how long it was trained, `val_loss`, the lowest of its epochs, `operations`
#'   as text, and `policy`; and `stopped`, `"interrupted"` or `NULL`.
#' @section Errors: A `reticnn_error` if `model_fn` is not a function that builds a Keras
#'   model, `budget` is too small for so many trials, or as for [fit_classifier()].
#' @references Successive halving: Jamieson and Talwalkar (2016),
#'   \doi{10.48550/arXiv.1502.07943}. That random policies of few numbers do as well as
#'   costly searches: Cubuk et al. (2019), \doi{10.48550/arXiv.1909.13719}.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' data <- shape_images(100, image_size = 16, seed = 1)
#' small_cnn <- function() build_cnn(c(16, 16, 3), n_blocks = 1, filters = 4, units = 8)
#' learned <- learn_augmentation(small_cnn, data, budget = 6, trials = 2, seed = 1)
#' learned$trials
#' learned$policy
learn_augmentation <- function(model_fn, data, validation = 0.2, budget = 96, trials = 8,
                               batch_size = 32, learning_rate = NULL, progress = "auto",
                               seed = NULL) {
  learned <- call_core("learn_augmentation", model_fn = model_fn, data = data,
    validation = validation, budget = budget, trials = trials, batch_size = batch_size,
    learning_rate = learning_rate, progress = progress_reporter(progress),
    seed = seed_or_draw(seed))
  learned$trials <- as_table(learned$trials)
  learned
}
