#' @eval said(
#'   "fit_classifier",
#'   class_weight = "A named vector is accepted too.",
#'   progress = '`"auto"` says nothing in knitted pages and tests.',
#'   without = "returns"
#' )
#' @return A `reticnn_classifier`: a list with `model` (the Keras model), `class_names`,
#'   `image_shape`, `history`, a tibble with one row per epoch, `stopped`,
#'   `"interrupted"`, `"early"` or `"nan"` if training ended before its last epoch,
#'   `kept_epoch`, the epoch whose weights the model has, the last or the best,
#'   `schedule`, how the learning rate changed, in words, `resize`, how the training
#'   images were resized to the model's size, `augmentation`, the policy used in training,
#'   if any, and `output`, what the model outputs. It has methods for [print()],
#'   [summary()], [plot()] and [predict()].
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
                           weight_decay = NULL, global_clipnorm = NULL,
                           gradient_accumulation_steps = NULL, label_smoothing = 0,
                           mixup = 0, cutmix = 0, class_weight = NULL,
                           early_stopping = NULL, monitor = NULL, mode = "auto",
                           min_delta = 0, ema = NULL, mixed_precision = FALSE,
                           stages = NULL, layer_decay = NULL, train_norm = TRUE,
                           metrics = NULL, checkpoint_dir = NULL,
                           cache_features = "auto", distribute = "auto",
                           fresh = FALSE, progress = "auto", callbacks = NULL, seed = NULL,
                           output = "auto") {
  if (!is.null(names(class_weight))) {
    class_weight <- as.list(class_weight)
  }
  fitted <- call_core("fit_classifier", model = as_core(model), data = data,
    validation = validation, epochs = epochs, batch_size = batch_size,
    augmentation = augmentation, optimizer = optimizer, learning_rate = learning_rate,
    schedule = schedule, warmup_epochs = warmup_epochs, weight_decay = weight_decay,
    global_clipnorm = global_clipnorm,
    gradient_accumulation_steps = gradient_accumulation_steps,
    label_smoothing = label_smoothing, mixup = mixup, cutmix = cutmix,
    class_weight = class_weight, early_stopping = early_stopping, monitor = monitor,
    mode = mode, min_delta = min_delta, ema = ema, mixed_precision = mixed_precision,
    stages = stages, layer_decay = layer_decay, train_norm = train_norm,
    metrics = metrics, checkpoint_dir = checkpoint_dir,
    cache_features = cache_features, distribute = distribute, fresh = fresh,
    progress = progress_reporter(progress), callbacks = callbacks,
    seed = seed_or_drawn(seed), output = output)
  new_classifier(fitted)
}

#' @eval said("fine_tune")
#' @seealso `stages` of [fit_classifier()] for other stages.
#' @export
#' @examplesIf reticnn::reticnn_available()
#' # What a network has learned from two shapes helps with three, of which there are few
#' # images. For photos, `transfer_model("vgg16")` has ImageNet's.
#' two <- shape_images(600, image_size = 16, channels = 1, seed = 1)
#' small <- build_cnn(c(16, 16, 1), n_blocks = 2, filters = 8, batch_norm = TRUE, seed = 1)
#' learned <- fit_classifier(small, two, epochs = 5, learning_rate = 0.006, seed = 1)
#' three <- shape_images(300, 3, image_size = 16, channels = 1, seed = 2)
#' model <- transfer_model(learned$model, c(16, 16, 1), 3, pooling = "flatten", units = 16,
#'   seed = 1)
#' classifier <- fine_tune(model, three, epochs = 3, learning_rate = 0.01, seed = 1)
#' classifier$history[c("stage", "val_loss", "val_accuracy")]
fine_tune <- function(classifier, data, validation = 0.2, epochs = 10,
                      learning_rate = 0.003, early_stopping = 3, monitor = NULL,
                      mode = "auto", min_delta = 0, batch_size = 32,
                      augmentation = NULL, train_norm = TRUE, metrics = NULL,
                      checkpoint_dir = NULL, progress = "auto", callbacks = NULL,
                      seed = NULL) {
  fitted <- call_core("fine_tune", classifier = as_core(classifier), data = data,
    validation = validation, epochs = epochs, learning_rate = learning_rate,
    early_stopping = early_stopping, monitor = monitor, mode = mode,
    min_delta = min_delta, batch_size = batch_size, augmentation = augmentation,
    train_norm = train_norm, metrics = metrics, checkpoint_dir = checkpoint_dir,
    progress = progress_reporter(progress), callbacks = callbacks,
    seed = seed_or_drawn(seed))
  new_classifier(fitted)
}

#' @eval said("find_learning_rate", without = "returns")
#' @return A `reticnn_rates`: a tibble with one row per step, `learning_rate` and `loss`
#'   (smoothed mean), up to where the loss diverges, and the attribute `suggestion`, `NA`
#'   if the loss neither falls nor rises. It prints the suggestion, and has a [plot()].
#' @export
#' @examplesIf reticnn::reticnn_available()
#' data <- shape_images(600, image_size = 16, channels = 1, seed = 1)
#' small_cnn <- function() {
#'   build_cnn(c(16, 16, 1), n_blocks = 2, filters = 8, batch_norm = TRUE, seed = 1)
#' }
#' rates <- find_learning_rate(small_cnn, data, steps = 60, seed = 1)
#' rates
#' # In three epochs it gets further than with the optimizer's own rate of 0.001.
#' for (rate in c(0.001, attr(rates, "suggestion"))) {
#'   fit_classifier(small_cnn(), data, validation = 0.25, epochs = 3, learning_rate = rate,
#'     seed = 1)
#' }
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

#' @eval said("training_recipe", without = "returns")
#' @return A `reticnn_recipe`: a list of arguments for [fit_classifier()], those of
#'   `"transfer"` for [fine_tune()], which can be changed like any list. It prints each
#'   setting with the place in the paper where it is stated, what else the paper did, and
#'   how it tested. `attr(, "prediction")` is a list of arguments for [predict_images()].
#'   Settings that the paper does not mention are left out.
#' @seealso [landmark_architectures()], [fit_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' recipe <- training_recipe("alexnet")
#' recipe
#' recipe$epochs <- 1
#' model <- build_cnn(c(8, 8, 3), filters = 4, n_blocks = 1, units = 4)
#' data <- shape_images(50, image_size = 8, seed = 1)
#' classifier <- do.call(fit_classifier, c(list(model, data), recipe))
#'
#' recipe <- training_recipe("small")
#' recipe$model(c(48, 48, 3), 10)$output_shape
#' recipe$epochs <- 1
#' recipe$model <- recipe$model(c(8, 8, 3), 2)
#' classifier <- do.call(fit_classifier, c(list(data = data), recipe))
training_recipe <- function(name) {
  found <- call_core("recipe_as_lists", name = name)
  structure(found$settings, class = "reticnn_recipe", prediction = found$prediction,
    written = found)
}

#' @export
print.reticnn_recipe <- function(x, ...) {
  written <- attr(x, "written")
  same <- vapply(names(x), \(name) identical(x[[name]], written$settings[[name]]), NA)
  texts <- vapply(unclass(x), function(value) {
    if (inherits(value, "python.builtin.object")) return(class(value)[1])
    paste(deparse(value, 500), collapse = " ")
  }, "")
  texts[same] <- unlist(written$texts[names(x)[same]])
  gone <- vapply(unclass(x), is_gone, NA)
  places <- ifelse(names(x) %in% names(written$settings), "changed", "added")
  places[same] <- unlist(written$places[names(x)[same]])
  cat("<reticnn_recipe> ", written$name, ", arguments of ", written$`function`, "():\n",
    sep = "")
  print_settings(names(x), texts, places)
  if (length(written$tested) > 0) {
    cat("In the test, arguments of predict_images():\n")
    tested <- vapply(written$tested, unlist, c("", ""))
    print_settings(names(written$tested), tested[1, ], tested[2, ])
  }
  for (note in written$notes) cat(strwrap(note, 80, initial = "* ", prefix = "  "), sep = "\n")
  cat(strwrap(written$reference, 80), sep = "\n")
  if (any(gone)) {
    cat(strwrap(paste0("The Python objects of ", paste0("`", names(x)[gone], "`", collapse = ", "),
      " ended with the R session that made them. Make the recipe again: training_recipe(\"",
      written$name, "\")."), 80), sep = "\n")
  }
  invisible(x)
}

# Lines of names, texts and places; a long text takes several.
print_settings <- function(names, texts, places, width = 44) {
  names <- format(names)
  for (i in seq_along(names)) {
    lines <- format(strwrap(texts[i], width), width = width)
    labels <- format(c(names[i], rep("", length(lines) - 1)))
    ends <- c(places[i], rep("", length(lines) - 1))
    cat(paste0("  ", trimws(paste(labels, lines, ends, sep = "  "), "right")), sep = "\n")
  }
}

#' @eval said("learn_augmentation")
#' @export
#' @examplesIf reticnn::reticnn_available()
#' # Upright and level bars, anywhere on a noisy image. A fully connected network knows
#' # them only where it has seen them, and few of them do not show it all places.
#' bars <- function(n) {
#'   images <- array(runif(n * 144, 0, 50), c(n, 12, 12))
#'   upright <- rep(c(TRUE, FALSE), length.out = n)
#'   for (i in seq_len(n)) {
#'     along <- sample(7, 1) + 0:5
#'     across <- sample(11, 1) + 0:1
#'     if (upright[i]) {
#'       images[i, along, across] <- images[i, along, across] + 150
#'     } else {
#'       images[i, across, along] <- images[i, across, along] + 150
#'     }
#'   }
#'   image_arrays(round(images), ifelse(upright, "upright", "level"))
#' }
#' set.seed(1)
#' few <- bars(40)
#' network <- function() build_mlp(c(12, 12, 1), units = 32, seed = 1)
#' learned <- learn_augmentation(network, few, validation = bars(100), budget = 30,
#'   trials = 2, learning_rate = 0.01, batch_size = 8, progress = "none", seed = 24)
#' learned$trials[c("epochs", "val_loss", "operations")]
#' # Whether it helps is measured on images that were not part of the search.
#' new <- bars(500)
#' for (policy in list(none = NULL, learned = learned$policy)) {
#'   classifier <- fit_classifier(network(), few, augmentation = policy, epochs = 15,
#'     learning_rate = 0.01, batch_size = 8, progress = "none", seed = 1)
#'   print(evaluate_classifier(classifier, new)$accuracy)
#' }
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
