#' Train a model on labelled images
#'
#' The loss follows from the model's output: binary cross-entropy for one unit,
#' categorical cross-entropy for one unit a class, the maximum a posteriori criterion
#' for distances to prototypes. A model that is compiled already keeps its own loss,
#' metrics and optimizer.
#'
#' @param model Keras model from images (batch, height, width, channels), 0 to 255, to
#'   classes, such as [build_cnn()] makes. It is trained in place. Or a classifier, to
#'   train it further.
#' @param data Image data with labels. Files are read at the model's size, and images in
#'   memory resized to it. Grey images are repeated for a model that takes RGB.
#' @param validation Image data to measure after each epoch, or the fraction of `data`,
#'   in (0, 1), to set apart for that, or `NULL`. Default `NULL`.
#' @param epochs Whole number of passes over the data. Default 10.
#' @param batch_size Whole number of images a step. Default 32.
#' @param augmentation Policy, as [augmentation()] and [rand_augment()] make it, by which
#'   the training images are changed anew in each epoch; the validation images are not.
#'   Where it crops to a number of pixels, that is the model's size, and the training
#'   images keep their own, larger one. A list of policies is one after the other. It
#'   stays with the classifier. `NULL` for no changes. Default `NULL`.
#' @param optimizer Name of a Keras optimizer, `"levenberg_marquardt"` (LeNet-5's, which
#'   measures curvatures before each epoch), or a Keras optimizer. `NULL` means
#'   `"adam"`, or the model's own if it is compiled. Default `NULL`.
#' @param learning_rate Number above 0, or `NULL` for the optimizer's own. Default
#'   `NULL`.
#' @param schedule How the learning rate goes on from there: `"constant"`; `"cosine"`,
#'   down to 0 along half a cosine; `"one_cycle"`, up from a 25th for 30 % of the steps
#'   and down to nearly 0. Default `"constant"`.
#' @param warmup_epochs Whole number of first epochs in which the rate rises from 0.
#'   Default 0.
#' @param weight_decay Number of at least 0, the fraction of each weight taken off in a
#'   step, times the learning rate; biases and normalisations are spared. `NULL` means
#'   the optimizer's own. Default `NULL`.
#' @param label_smoothing Number in `[0, 1)`, probability spread over all classes in the
#'   targets. Default 0.
#' @param mixup Number of at least 0, parameter of the Beta distribution of MixUp; 0 for
#'   none. Default 0.
#' @param cutmix Number of at least 0, parameter of the Beta distribution of CutMix; 0
#'   for none. With both, each image gets one of them at random. Default 0.
#' @param class_weight `"balanced"`, which gives every class the same total weight, or a
#'   vector or list of weights named by class, or `NULL`. Default `NULL`.
#' @param early_stopping Whole number of epochs to go on without a lower loss, that of
#'   the validation images if there are any; the best epoch's weights are put back at
#'   the end. `NULL` for no early stop. Default `NULL`.
#' @param ema Number in (0, 1), momentum of an exponential moving average of the
#'   weights, which is measured and kept in their place. `NULL` for none. Default
#'   `NULL`.
#' @param mixed_precision `TRUE` computes in bfloat16 and keeps the weights in float32.
#'   Default `FALSE`.
#' @param stages A list of lists to train in stages, one after the other, such as
#'   `list(list(train = "head"), list(train = "last_block", learning_rate = 1e-4))`. Each
#'   may say `train`, what of the model's backbone is trained with its head, as in
#'   [transfer_model()]; and its own `epochs`, `learning_rate`, `schedule`,
#'   `warmup_epochs`, `early_stopping` and `layer_decay`; the rest is as in the call. A
#'   stage without a learning rate goes on with that of the stage before. Without a model
#'   within, the backbone is what lies before the last pooling or flattening. The history
#'   goes on through the stages and numbers them, `stage`. With `early_stopping`, the next
#'   stage starts from the best weights, and has to get better than they are. The last
#'   stage's layers stay trainable. `NULL` for a single one, with what is trainable
#'   already. Default `NULL`.
#' @param layer_decay Number in (0, 1], the learning rate of each layer over that of the
#'   next layer that is trained: 0.8 gives the last layer all of the rate, the one before
#'   it 0.8 of it, then 0.64. Normalisations learn as the layer before them. `NULL` for
#'   one rate. Default `NULL`.
#' @param checkpoint_dir Folder in which the state of training is kept after each epoch.
#'   The same call goes on from there after an end of any kind, with the same result as
#'   a run in one go. `NULL` for no checkpoints. Default `NULL`.
#' @param cache_features `"auto"` computes what lies before the first layer that is trained
#'   only once for each image, where images are the same in each epoch and the results
#'   have room: 1 GiB in memory, or else half of what is free for temporary files. A whole
#'   number does so with `augmentation` too, for as many changed copies of each image,
#'   which the epochs take in turn. `"none"` computes all in each epoch. The result is the
#'   same up to rounding. Default `"auto"`.
#' @param distribute What shares the work, each taking its part of every batch:
#'   `"auto"`, all GPUs of the machine if it has several; `"none"`; a number of devices;
#'   or names of devices, such as `c("gpu:0", "gpu:1")`. The result is close to that of
#'   one device; under TensorFlow batch normalisation sees only a device's part, and
#'   dropout draws for each anew. Several hosts train together under JAX: start the same
#'   script on each, with `keras$distribution$initialize(addresses, n, number)` before
#'   anything else and the same data; `"auto"` is then all devices of all hosts. Under
#'   TensorFlow Keras trains on one host, under torch on one device. This is tested on
#'   devices made of one processor and with two processes on one machine, not on several
#'   GPUs. Default `"auto"`.
#' @param progress `"bar"`, `"epoch"` (a line an epoch), `"none"`, or `"auto"`: a bar in
#'   an interactive session, nothing in knitted pages and tests, else a line an epoch;
#'   or a function that is called with a list of the epoch, the step and the metrics so
#'   far. Default `"auto"`.
#' @param seed Whole number of at least 0 that fixes the order of the images, the
#'   validation part and the dropout. The same seed gives the same order whatever the
#'   batch size. Default `NULL`: one is drawn from R's random numbers, so that
#'   [set.seed()] fixes them. A run that goes on from a checkpoint keeps the seed it
#'   began with.
#' @details
#' Stopping it by hand (Ctrl-C, Esc) loses nothing: the classifier so far comes back,
#' with the weights of the best epoch where there are validation images.
#' @return A `reticnn_classifier`: a list with `model` (the Keras model), `class_names`,
#'   `image_shape`, `history`, a tibble with one row an epoch, `stopped`,
#'   `"interrupted"`, `"early"` or `"nan"` if training ended before its last epoch,
#'   `kept_epoch`, the epoch whose weights the model has, the last one or that with the
#'   lowest loss, `resize`, how the training images were brought to the model's size, and
#'   `augmentation`, the policy they were changed by, if any. It has methods for
#'   [print()], [summary()], [plot()] and [predict()].
#' @section Errors: A `reticnn_error` if the data have no labels, or fewer images than
#'   classes, model and data differ in the number of classes or in channels that cannot
#'   be converted without a loss, `augmentation` does not fit the images, `validation`
#'   has other classes, `model` is compiled and an argument would change that, a
#'   checkpoint is damaged or another run's or cannot be written, or an argument is
#'   outside its range. A warning if images in
#'   memory are resized, or training stops because the loss is no number.
#' @references Keras's `Model$fit()`. MixUp: Zhang et al. (2018),
#'   \doi{10.48550/arXiv.1710.09412}. CutMix: Yun et al. (2019),
#'   \doi{10.48550/arXiv.1905.04899}. One cycle: Smith and Topin (2019),
#'   \doi{10.48550/arXiv.1708.07120}. Label smoothing: Szegedy et al. (2016),
#'   \doi{10.48550/arXiv.1512.00567}. Stages and rates by layer: Howard and Ruder (2018),
#'   \doi{10.48550/arXiv.1801.06146}.
#' @seealso [find_learning_rate()], [fine_tune()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' set.seed(1)
#' data <- split_images(shape_images(600))
#' classifier <- fit_classifier(build_cnn(), data$train, epochs = 2)
#' classifier
#' evaluate_classifier(classifier, data$test)
fit_classifier <- function(model, data, validation = NULL, epochs = 10, batch_size = 32,
                           augmentation = NULL, optimizer = NULL, learning_rate = NULL,
                           schedule = "constant", warmup_epochs = 0,
                           weight_decay = NULL, label_smoothing = 0, mixup = 0,
                           cutmix = 0, class_weight = NULL, early_stopping = NULL,
                           ema = NULL, mixed_precision = FALSE, stages = NULL,
                           layer_decay = NULL, checkpoint_dir = NULL,
                           cache_features = "auto", distribute = "auto",
                           progress = "auto", seed = NULL) {
  if (!is.null(names(class_weight))) {
    class_weight <- as.list(class_weight)
  }
  fitted <- call_core("fit_classifier", model = as_core(model), data = data,
    validation = validation, epochs = epochs, batch_size = batch_size,
    augmentation = augmentation, optimizer = optimizer, learning_rate = learning_rate,
    schedule = schedule, warmup_epochs = warmup_epochs, weight_decay = weight_decay,
    label_smoothing = label_smoothing, mixup = mixup, cutmix = cutmix,
    class_weight = class_weight, early_stopping = early_stopping, ema = ema,
    mixed_precision = mixed_precision, stages = stages, layer_decay = layer_decay,
    checkpoint_dir = checkpoint_dir,
    cache_features = cache_features, distribute = distribute,
    progress = progress_reporter(progress), seed = seed_or_draw(seed))
  new_classifier(fitted)
}

#' Fine-tune a pretrained network
#'
#' In three stages: first the head is trained, then the last block of the backbone with
#' it, at a tenth of the rate, then all layers, at a hundredth. Each stage starts from the
#' best weights so far, by the loss of the validation images, and those are kept in the
#' end. Where the last block is not known, it is the last quarter of the backbone's layers
#' that have weights.
#'
#' @param classifier Classifier, or Keras model as [transfer_model()] makes it. One
#'   without a model within counts as a backbone up to its last pooling or flattening. It
#'   is trained in place.
#' @param validation Image data to measure after each epoch, or the fraction of `data`,
#'   in (0, 1), to set apart for that. Default 0.2.
#' @param epochs Whole number of epochs of each stage, at most. Default 10.
#' @param learning_rate Number above 0, the rate of the first stage. Default 0.003.
#' @param early_stopping Whole number of epochs that a stage goes on without a lower
#'   loss, or `NULL` for all epochs. Default 3.
#' @inheritParams fit_classifier
#' @return A `reticnn_classifier`, as from [fit_classifier()], with `stage` in its
#'   history. All its layers are trainable.
#' @section Errors: A `reticnn_error` as for [fit_classifier()], and if it is not plain
#'   where the head of the model begins.
#' @references Gradual unfreezing: Howard and Ruder (2018), Universal Language Model
#'   Fine-tuning for Text Classification, \doi{10.48550/arXiv.1801.06146}.
#' @seealso `stages` of [fit_classifier()] for other stages.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' # Random weights here; leave `weights` out for ImageNet's.
#' model <- transfer_model("mobilenet_0.25", c(32, 32, 3), weights = NULL)
#' fine_tune(model, shape_images(60), epochs = 1)
fine_tune <- function(classifier, data, validation = 0.2, epochs = 10,
                      learning_rate = 0.003, early_stopping = 3, batch_size = 32,
                      augmentation = NULL, checkpoint_dir = NULL, progress = "auto",
                      seed = NULL) {
  fitted <- call_core("fine_tune", classifier = as_core(classifier), data = data,
    validation = validation, epochs = epochs, learning_rate = learning_rate,
    early_stopping = early_stopping, batch_size = batch_size,
    augmentation = augmentation, checkpoint_dir = checkpoint_dir,
    progress = progress_reporter(progress), seed = seed_or_draw(seed))
  new_classifier(fitted)
}

#' Find a learning rate
#'
#' Trains a copy of the model for a short while with a rate that rises from very low to
#' very high, and notes the loss: the range test. A good rate is one at which the loss
#' falls fast. The model itself stays as it is.
#'
#' @param model Keras model, or a classifier.
#' @param data Image data with labels.
#' @param batch_size Whole number of images a step. Default 32.
#' @param steps Whole number of steps, at least 20; the data are gone through again if
#'   they are fewer. Default 100.
#' @param max_rate Highest learning rate, number above 0; the lowest is ten million
#'   times lower. Default 1.
#' @param optimizer Name of a Keras optimizer, or `NULL` for `"adam"`. Default `NULL`.
#' @param seed Whole number of at least 0 that fixes the order of the images. Default
#'   `NULL`: one is drawn from R's random numbers.
#' @return A `reticnn_rates`: a tibble with one row a step, `learning_rate` and `loss`
#'   (smoothed), up to where the loss gets out of hand, and the attribute
#'   `suggestion`, the rate at which the loss falls fastest, `NA` if it does not fall.
#'   It prints the suggestion, and has a [plot()].
#' @section Errors: A `reticnn_error` as for [fit_classifier()]. A warning if the loss
#'   does not fall.
#' @references Smith (2017), Cyclical Learning Rates for Training Neural Networks,
#'   \doi{10.48550/arXiv.1506.01186}.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' rates <- find_learning_rate(build_cnn(batch_norm = TRUE), shape_images(300))
#' rates
find_learning_rate <- function(model, data, batch_size = 32, steps = 100, max_rate = 1,
                               optimizer = NULL, seed = NULL) {
  found <- call_core("find_learning_rate", model = as_core(model), data = data,
    batch_size = batch_size, steps = steps, max_rate = max_rate, optimizer = optimizer,
    seed = seed_or_draw(seed))
  structure(
    as_table(found[c("learning_rate", "loss")]),
    suggestion = found$suggestion %||% NA_real_,
    class = c("reticnn_rates", "tbl_df", "tbl", "data.frame")
  )
}

#' @export
print.reticnn_rates <- function(x, ...) {
  cat("Suggested learning rate: ", format(attr(x, "suggestion"), digits = 2), "\n", sep = "")
  print(tibble::as_tibble(as.list(x)), ...)
  invisible(x)
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

#' Find a policy that suits the images, by trying policies out
#'
#' Models are trained with policies drawn at random, from mild to strong, and one without
#' any; the half with the lower loss on the validation images is trained further, and so
#' on until one is left; that without any goes along to the end. All begin with the same
#' weights and see the images in the same order. Each round costs the same number of
#' epochs, so that the last policies are compared over most epochs.
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
#' policies pay only in long training. Give as many epochs as time allows, at least so
#' many that a model learns something in the first round (4 epochs by default), and
#' measure the gain on images that had no part in this. Stopping it by hand (Ctrl-C, Esc)
#' gives the best policy so far.
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
