test_that("a classifier is fitted, and is plain R around the model", {
  skip_if_no_core()
  fit <- tiny_classifier()
  expect_s3_class(fit, "reticnn_classifier", exact = TRUE)
  expect_identical(fit$class_names, c("circle", "square"))
  expect_s3_class(fit$history, "tbl_df")
  expect_setequal(
    names(fit$history), c("epoch", "loss", "accuracy", "val_loss", "val_accuracy")
  )
  expect_identical(fit$history$epoch, 1:2)
  expect_output(print(fit), "<reticnn_classifier> cnn, 2 classes: circle, square")
  expect_output(print(fit), "16 x 16 x 3, values 0 to 255")
  expect_output(summary(fit), "Total params: ")
  fit$history <- fit$history[1, ]
  fit$kept_epoch <- 1
  expect_output(print(fit), "trained  1 epoch, loss")
})

test_that("a file that is lost before it is read is named, and nothing else", {
  skip_if_no_core()
  files <- file.path(withr::local_tempdir(), paste0(1:4, ".png"))
  for (file in files) write_png(file, "red")
  data <- image_table(files, c(1, 2, 1, 2), 16, cache = "none")
  unlink(files[[3]])
  error <- expect_error(
    fit_classifier(build_cnn(c(16, 16, 3)), data, epochs = 1, seed = 1),
    class = "reticnn_error"
  )
  lines <- strsplit(conditionMessage(error), "\n")[[1]]
  expect_length(lines, 3)
  expect_match(lines[[2]], "3.png: does not exist", fixed = TRUE)
})

test_that("the main job learns, from R, with labels 1 and 2 and a sigmoid", {
  skip_if_no_core()
  loaded <- load_images(shape_images(800, seed = 2))
  data <- image_arrays(loaded$images, as.integer(loaded$labels))
  parts <- split_images(data, 0.8, seed = 1)
  fit <- fit_classifier(build_cnn(seed = 1), parts$train, epochs = 12, batch_size = 16,
    seed = 1)
  scores <- evaluate_classifier(fit, parts$test)
  expect_gt(scores$accuracy, 0.9)
  predicted <- predict(fit, parts$test)
  expect_identical(mean(predicted$.pred_class == parts$test$labels), scores$accuracy)
})

test_that("set.seed() fixes a whole run", {
  skip_if_no_core()
  run <- function() {
    data <- shape_images(40, image_size = 8)
    model <- build_cnn(c(8, 8, 3), n_blocks = 1, filters = 4, units = 8, dropout = 0.5)
    fit_classifier(model, data, validation = 0.25, epochs = 2)$history
  }
  set.seed(5)
  first <- run()
  set.seed(5)
  expect_identical(run(), first)
})

test_that("progress goes through R, so that knitr, sink and suppressMessages see it", {
  skip_if_no_core()
  data <- shape_images(20, image_size = 8, seed = 1)
  model <- function() build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, units = 2)
  expect_silent(fit_classifier(model, data, epochs = 1, progress = "none"))
  expect_silent(fit_classifier(model, data, epochs = 1))
  expect_message(
    fit_classifier(model, data, epochs = 1, progress = "epoch"), "Epoch 1/1: loss"
  )
  states <- list()
  fit_classifier(model, data, epochs = 2, progress = function(state) {
    states[[length(states) + 1]] <<- state
  })
  last <- states[[length(states)]]
  expect_identical(last[c("epoch", "epochs", "step", "steps", "done")],
    list(epoch = 2L, epochs = 2L, step = 1L, steps = 1L, done = TRUE))
  expect_type(last$loss, "double")
})

test_that("bad arguments of training are refused by name", {
  skip_if_no_core()
  data <- shape_images(20, 3, image_size = 8, seed = 1)
  model <- build_cnn(c(8, 8, 3), 3, n_blocks = 1)
  two <- build_cnn(c(8, 8, 3), 2, n_blocks = 1)
  other <- build_cnn(c(16, 16, 3), 3, n_blocks = 1)
  x <- random_images(4, 8, 8, 3)
  expect_snapshot(error = TRUE, {
    fit_classifier(model, data, epochs = 1.9)
    fit_classifier(model, data, batch_size = 0)
    fit_classifier(model, data, learning_rate = -1)
    fit_classifier(model, data, progress = "loud")
    fit_classifier(model, data, validation = 2)
    fit_classifier(model, data, validation = shape_images(9, 4))
    fit_classifier(two, data)
    fit_classifier(other, image_arrays(random_images(3, 8, 8, 2), c("a", "b", "c")))
    fit_classifier(model, data[1:2])
    fit_classifier(model, image_arrays(x))
    fit_classifier(model, x)
    fit_classifier(model, list(train = data))
    fit_classifier("vgg16", data)
  })
  expect_error(fit_classifier(model, data, optimizer = "adma"),
    "`optimizer` must be one of .*, not 'adma'. Did you mean 'adam", class = "reticnn_error")
})

test_that("schedules with settings and functions of the epoch are taken from R", {
  skip_if_no_core()
  data <- shape_images(24, image_size = 8, seed = 1)
  fit <- function(...) {
    model <- build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, units = 4, seed = 1)
    fit_classifier(model, data, epochs = 4, batch_size = 8, optimizer = "sgd", seed = 1,
      ...)
  }
  step <- fit(learning_rate = 0.1,
    schedule = list(kind = "step", at = c(1, 3), factor = 0.5))
  expect_output(print(step), "schedule step, at 1 and 3, factor 0.5")
  rates <- c(0.1, 0.05, 0.05, 0.025)
  asked <- c()
  own <- fit(schedule = function(epoch) {
    asked <<- c(asked, epoch)
    rates[epoch]
  })
  expect_identical(asked, 1:4)
  expect_equal(own$history, step$history)
  expect_output(print(own), "schedule a function of the epoch")
  decay <- keras$optimizers$schedules$CosineDecay(0.1, 12L)
  of_keras <- fit(schedule = decay)
  expect_equal(of_keras$history, fit(learning_rate = 0.1, schedule = "cosine")$history,
    tolerance = 1e-5)
  expect_error(fit(schedule = list(at = 2)), "without a `kind`", class = "reticnn_error")
  expect_error(fit(schedule = list("step", at = 2)),
    "`schedule` has values without a name", class = "reticnn_error")
  expect_error(fit(schedule = list(kind = "step", at = c(2, 1))),
    "`at` is c\\(2, 1\\)", class = "reticnn_error")
  expect_error(fit(schedule = function(epoch) "fast"),
    "returns 'fast' for epoch 1", class = "reticnn_error")
  expect_error(fit(schedule = function(epoch) NA), "returns NaN for epoch 1")
  expect_error(fit(schedule = function(epoch) stop("no rate today")), "no rate today")
  left <- tryCatch(fit(schedule = function(epoch) message("left")), message = identity)
  expect_s3_class(left, "message")
  expect_error(fit(schedule = function() 1), "one argument", class = "reticnn_error")
})

test_that("NA within a list is not taken for TRUE", {
  skip_if_no_core()
  data <- shape_images(24, image_size = 8, seed = 1)
  model <- build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, units = 4, seed = 1)
  expect_error(
    fit_classifier(model, data, stages = list(list(train = "all", train_norm = NA))),
    "stage 1: `train_norm` must be TRUE or FALSE, not NaN", class = "reticnn_error"
  )
  expect_error(image_arrays(random_images(3, 8, 8, 3), list(TRUE, NA, FALSE)),
    "missing value, at position 2", class = "reticnn_error")
  expect_error(augmentation(erasing = list(count = NA)), "`count` of `erasing` .* not NA",
    class = "reticnn_error")
})

test_that("metrics, what is monitored and callbacks are taken from R", {
  skip_if_no_core()
  data <- shape_images(30, 3, image_size = 8, seed = 1)
  small <- function() {
    build_cnn(c(8, 8, 3), 3, n_blocks = 1, filters = 2, units = 4, seed = 1)
  }
  fit <- function(model = small(), ...) {
    fit_classifier(model, data, epochs = 4, batch_size = 8, optimizer = "sgd", seed = 1,
      ...)
  }
  seen <- list()
  classifier <- fit(
    validation = 0.2, metrics = c("top_2_accuracy", "accuracy"), early_stopping = 1,
    monitor = "val_top_2_accuracy", min_delta = 1,
    callbacks = list(
      on_epoch_end = function(epoch, logs) seen[[epoch]] <<- logs,
      on_train_begin = function(logs) seen <<- list()
    )
  )
  # A first value is better than none, and no other one by so much.
  expect_identical(c(nrow(classifier$history), classifier$kept_epoch), c(2L, 1L))
  expect_length(seen, 2)
  expect_identical(glance(classifier)$best_epoch, 1L)
  expect_identical(unlist(classifier$monitor), c("val_top_2_accuracy", "max"))
  expect_equal(seen[[2]]$val_top_2_accuracy, classifier$history$val_top_2_accuracy[2])
  expect_true("top_2_accuracy" %in% tidy(classifier)$metric)
  expect_true("val_top_2_accuracy" %in% names(glance(classifier)))
  expect_output(print(classifier), "top_2_accuracy 0")
  model <- small()
  ended <- fit(model, callbacks = list(
    keras$callbacks$TerminateOnNaN(),
    list(on_epoch_end = function(epoch, logs) model$stop_training <- epoch == 2)
  ))
  expect_identical(nrow(ended$history), 2L)
  expect_identical(ended$stopped, "early")
  before <- as.array(model$get_weights()[[1]])
  fails <- function(epoch, logs) stop("no paper left")
  expect_error(fit(model, callbacks = list(on_epoch_end = fails)),
    "`callbacks` fails in `on_epoch_end`.*no paper left")
  expect_error(fit(callbacks = list(on_epoch_end = function() 1)), "takes no argument",
    class = "reticnn_error")
  expect_error(fit(callbacks = list(list(on_batch = 1, on_train_end = function() 1))),
    "'on_train_end'.*function\\(logs\\)", class = "reticnn_error")
  expect_false(identical(as.array(model$get_weights()[[1]]), before))
  left <- tryCatch(
    fit(callbacks = list(on_epoch_end = function(epoch, logs) message("left"))),
    message = identity
  )
  expect_identical(conditionMessage(left), "left\n")
  expect_error(fit(callbacks = list(on_epoch = print)), "Did you mean 'on_epoch_end'",
    class = "reticnn_error")
  expect_error(fit(callbacks = print), "list\\(on_epoch_end = ", class = "reticnn_error")
  expect_error(fit(metrics = "auc"), "cannot judge the model", class = "reticnn_error")
  expect_error(fit(monitor = "acc", early_stopping = 1), "Did you mean 'accuracy'",
    class = "reticnn_error")
})

test_that("schedules, mixing, weights, averages and early stops are taken from R", {
  skip_if_no_core()
  data <- shape_images(60, 3, image_size = 8, seed = 1)
  fit <- function(...) {
    model <- build_cnn(c(8, 8, 3), 3, n_blocks = 1, filters = 4, units = 4, seed = 1)
    fit_classifier(model, data, validation = 0.2, epochs = 3, seed = 1, ...)
  }
  full <- fit(learning_rate = 0.01, schedule = "cosine", warmup_epochs = 1,
    weight_decay = 0.01, label_smoothing = 0.1, mixup = 0.2, cutmix = 1,
    class_weight = c(circle = 1, square = 2, triangle = 1), ema = 0.9,
    mixed_precision = TRUE)
  expect_identical(nrow(full$history), 3L)
  expect_null(full$stopped)
  expect_identical(full$kept_epoch, 3L)
  stopped <- fit(early_stopping = 1, learning_rate = 1e-12)
  expect_identical(stopped$stopped, "early")
  expect_lt(stopped$kept_epoch, nrow(stopped$history))
  expect_output(print(stopped), paste0("weights of epoch ", stopped$kept_epoch, ", loss"))
  expect_warning(
    broken <- fit(optimizer = "sgd", learning_rate = 3e38), "Try a lower `learning_rate`"
  )
  expect_identical(broken$stopped, "nan")
  expect_false(anyNA(predict(broken, data)$.pred_circle))
  expect_output(print(broken), "trained  0 epochs")
  expect_error(fit(schedule = "cosin"), "`schedule`.*Did you mean 'cosine'")
  expect_error(fit(class_weight = c(circle = 1)), "`class_weight`")
  expect_error(fit(ema = 1), "`ema` must be.*below 1")
})

test_that("a run goes on from its checkpoints", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  data <- shape_images(24, image_size = 8, seed = 1)
  fit <- function(epochs, dir) {
    set.seed(1)
    model <- build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, units = 4)
    fit_classifier(model, data, epochs = epochs, checkpoint_dir = dir)
  }
  fit(2, folder)
  longer <- fit(4, folder)
  whole <- fit(4, file.path(folder, "other"))
  expect_identical(longer$history, whole$history)
  expect_identical(longer$model$get_weights(), whole$model$get_weights())
})

test_that("another run's checkpoint is refused by class, and a drawn seed is none given", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  data <- shape_images(24, image_size = 8, seed = 1)
  fit <- function(...) {
    model <- build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, units = 4, seed = 1)
    fit_classifier(model, data, epochs = 1, checkpoint_dir = folder, ...)
  }
  set.seed(1)
  first <- fit()
  set.seed(2)
  expect_identical(fit()$history, first$history)
  expect_error(fit(seed = 3), "seed: there 'none', here '3'",
    class = "reticnn_error_checkpoint")
  expect_error(fit(batch_size = 8), "batch_size", class = "reticnn_error")
})

test_that("epochs without a stage or without validation are NA, and not printed", {
  skip_if_no_core()
  data <- shape_images(24, image_size = 8, seed = 1)
  model <- build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, units = 4, seed = 1)
  others <- shape_images(24, image_size = 8, seed = 2)
  staged <- fit_classifier(model, data, validation = others, epochs = 1,
    stages = list(list(train = "head"), list(train = "all")))
  further <- suppressWarnings(fit_classifier(staged, data, epochs = 1))
  expect_identical(further$history$stage, c(1L, 2L, NA))
  expect_output(print(staged), "val_loss 0")
  expect_false(any(grepl("val_", capture.output(print(further)))))
  expect_silent(plot(further))
})

# A session that interrupts itself, which is what a terminal does to it.
interrupted_session <- c(
  "library(reticnn)",
  "model <- build_cnn(c(16, 16, 3), n_blocks = 1)",
  "data <- shape_images(200, image_size = 16)",
  "fit <- fit_classifier(model, data, epochs = 100, progress = function(state) {",
  "  if (state$epoch == 3) tools::pskill(Sys.getpid(), tools::SIGINT)",
  "})",
  "cat('goes on', class(fit), fit$stopped, nrow(fit$history) < 10, '\\n')"
)

test_that("Ctrl-C in R returns the classifier so far, and says so", {
  skip_if_quick()
  skip_if_no_core()
  skip_on_os("windows")
  lines <- suppressWarnings(system2(
    file.path(R.home("bin"), "R"), c("--interactive", "--no-save", "--no-readline", "-q"),
    input = interrupted_session, stdout = TRUE, stderr = TRUE,
    env = paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
  ))
  expect_true("goes on reticnn_classifier interrupted TRUE " %in% lines)
  expect_match(paste(lines, collapse = " "), "Training was interrupted in epoch")
})

test_that("Ctrl-C ends a script that nobody watches, once the classifier is made", {
  skip_if_quick()
  skip_if_no_core()
  skip_on_os("windows")
  lines <- run_r(interrupted_session)
  expect_false(any(grepl("goes on", lines)))
  expect_match(paste(lines, collapse = " "), "Training was interrupted in epoch")
  expect_match(lines, "Execution halted", all = FALSE)
})

test_that("a learning rate is found, and the model left as it was", {
  skip_if_quick()
  skip_if_no_core()
  model <- build_cnn(c(16, 16, 3), n_blocks = 1, batch_norm = TRUE, seed = 1)
  before <- model$get_weights()
  rates <- find_learning_rate(model, shape_images(100, image_size = 16, seed = 1), seed = 1)
  expect_identical(model$get_weights(), before)
  expect_named(rates, c("learning_rate", "loss"))
  expect_gt(attr(rates, "suggestion"), 1e-6)
  expect_output(print(rates), "Suggested learning rate: ")
  skip_if_not_installed("ggplot2")
  expect_s3_class(plot(rates), "ggplot")
})

test_that("rates are tried on image data alone", {
  skip_if_no_core()
  expect_error(
    find_learning_rate(build_cnn(), 3), "`data` must be image data", class = "reticnn_error"
  )
})

test_that("what shares the work is told from R", {
  skip_if_no_core()
  data <- shape_images(20, image_size = 8, seed = 1)
  model <- build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, units = 2)
  device <- NULL
  fit_classifier(model, data, epochs = 1, distribute = "none", progress = function(state) {
    device <<- state$device
  })
  expect_match(device, "^(CPU|GPU) \\(")
  expect_error(fit_classifier(model, data, distribute = 1000),
    "`distribute`", class = "reticnn_error")
  expect_error(fit_classifier(model, data, distribute = c("gpu:8", "gpu:9")),
    "`distribute`", class = "reticnn_error")
})

test_that("training augments, and computes a frozen network only once", {
  skip_if_quick()
  skip_if_no_core()
  data <- shape_images(40, image_size = 16, seed = 1)
  policy <- augmentation(flip = "horizontal", rotation = 0.1, erasing = 0.5)
  fit <- function(...) {
    model <- build_cnn(c(16, 16, 3), n_blocks = 2, filters = 4, units = 8, seed = 1)
    model <- freeze(model, c("block1_conv1", "block2_conv1"))
    fit_classifier(model, data, epochs = 2, seed = 1, ...)
  }
  kept <- fit()
  expect_equal(kept$history, fit(cache_features = "none")$history, tolerance = 1e-4)
  changed <- fit(augmentation = policy)
  expect_false(identical(changed$history, kept$history))
  expect_identical(fit(augmentation = policy)$history, changed$history)
  expect_identical(nrow(fit(augmentation = policy, cache_features = 2)$history), 2L)
  expect_identical(changed$augmentation, policy)
  expect_error(fit(augmentation = 0.1), "`augmentation` must be a policy",
    class = "reticnn_error")
  expect_error(fit(cache_features = 2), "`cache_features` is 2", class = "reticnn_error")
  said <- testthat::capture_messages(fit(progress = "epoch"))
  expect_match(said, "computed once for each image", all = FALSE)
  plain <- predict(changed, data)$.pred_circle
  expect_false(isTRUE(all.equal(predict(changed, data, tta = 4)$.pred_circle, plain)))
  expect_equal(predict(changed, data, tta = 0)$.pred_circle, plain)
})

test_that("a policy is learned from a function that builds models", {
  skip_if_quick()
  skip_if_no_core()
  data <- shape_images(20, image_size = 8, seed = 1)
  built <- 0
  small_cnn <- function() {
    built <<- built + 1
    build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2, units = 4)
  }
  set.seed(1)
  learned <- learn_augmentation(small_cnn, data, budget = 2, trials = 2)
  expect_equal(built, 2)
  expect_named(learned, c("policy", "trials", "stopped"))
  expect_s3_class(learned$trials, "tbl_df")
  expect_named(learned$trials, c("trial", "epochs", "val_loss", "operations", "policy"))
  expect_setequal(learned$trials$trial, 1:2)
  expect_true("none" %in% learned$trials$operations)
  expect_true(learned$policy == learned$trials$policy[[1]])
  expect_null(learned$stopped)
  expect_output(print(learned), "val_loss")
})

test_that("a recipe is a list of fit_classifier's arguments", {
  skip_if_no_core()
  expect_error(training_recipe("vgg"), "`name` must be one of .*, not 'vgg'",
    class = "reticnn_error")
  recipe <- training_recipe("alexnet")
  expect_identical(recipe$batch_size, 128L)
  expect_true(all(names(recipe) %in% names(formals(fit_classifier))))
  data <- shape_images(8, image_size = 8, seed = 1)
  model <- build_cnn(c(8, 8, 3), filters = 4, n_blocks = 1, units = 4)
  recipe$epochs <- 1
  classifier <- do.call(fit_classifier, c(list(model, data), recipe))
  expect_identical(nrow(classifier$history), 1L)
})

test_that("a recipe prints in R's notation, with places in the paper", {
  skip_if_no_core()
  recipe <- training_recipe("alexnet")
  expect_identical(attr(recipe, "prediction"), list(crops = 10L))
  recipe$epochs <- 3
  recipe$weight_decay <- c(0.1, 0.2)
  lines <- capture.output(print(recipe))
  expect_match(lines, "epochs +3 +changed$", all = FALSE)
  expect_match(lines, "weight_decay +c\\(0.1, 0.2\\) +added$", all = FALSE)
  expect_match(lines, "batch_size +128 +section 5$", all = FALSE)
  expect_match(lines, "MomentumSGD(momentum = 0.9, decay = 0.0005)", fixed = TRUE,
    all = FALSE)
  expect_match(lines, "crops +10 +section 4.1$", all = FALSE)
})

test_that("a recipe from a file says which of its objects are gone", {
  skip_if_no_core()
  recipe <- training_recipe("alexnet")
  expect_false(any(grepl("ended with the R session", capture.output(print(recipe)))))
  stored <- unserialize(serialize(recipe, NULL))
  lines <- paste(capture.output(print(stored)), collapse = " ")
  expect_match(lines, "`augmentation` ended with the R session", fixed = TRUE)
  expect_match(lines, "training_recipe(\"alexnet\")", fixed = TRUE)
})

test_that("schedules and crops of a recipe work from R", {
  skip_if_no_core()
  recipe <- training_recipe("resnet20")
  expect_match(capture.output(print(recipe)), "at = c(0.5, 0.75)", fixed = TRUE, all = FALSE)
  expect_match(capture.output(print(training_recipe("resnet50"))), "`crops = 10`",
    fixed = TRUE, all = FALSE)
  lenet <- training_recipe("lenet5")
  expect_match(capture.output(print(lenet)), "rate_of_epoch", all = FALSE)
  data <- shape_images(8, image_size = 8, seed = 1)
  for (recipe in list(recipe, lenet, training_recipe("densenet121"))) {
    model <- build_cnn(c(8, 8, 3), filters = 4, n_blocks = 1, units = 4)
    recipe$epochs <- 1
    recipe$optimizer <- "sgd"
    classifier <- suppressWarnings(do.call(fit_classifier, c(list(model, data), recipe)))
    expect_identical(nrow(classifier$history), 1L)
  }
})

test_that("our own recipe has a function for its network", {
  skip_if_no_core()
  recipe <- training_recipe("small")
  expect_true(all(names(recipe) %in% names(formals(fit_classifier))))
  expect_identical(attr(recipe, "prediction"), list(tta = 8L))
  expect_output(print(recipe), "model +small_network")
  expect_identical(recipe$model(c(48, 48, 3), 10)$output_shape[[2]], 10L)
  recipe$epochs <- 1
  recipe$mixed_precision <- FALSE
  data <- shape_images(8, image_size = 32, seed = 1)
  classifier <- do.call(fit_classifier, c(list(data = data, progress = "none"), recipe))
  expect_identical(classifier$model$name, "small")
  recipe$model <- recipe$model(c(8, 8, 3), 2)
  data <- shape_images(8, image_size = 8, seed = 1)
  classifier <- fit_classifier(recipe$model, data, epochs = 1, progress = "none")
  expect_identical(nrow(classifier$history), 1L)
  transfer <- training_recipe("transfer")
  expect_true(all(names(transfer) %in% names(formals(fine_tune))))
  expect_output(print(transfer), "arguments of fine_tune\\(\\)")
})

test_that("a classifier trains on after unfreezing", {
  skip_if_no_core()
  x <- keras$Input(c(16L, 16L, 3L))
  backbone <- keras$Model(x, conv_block(x, 4, name = "block1"), name = "own")
  data <- shape_images(20, image_size = 16, seed = 1)
  classifier <- fit_classifier(
    transfer_model(backbone, c(16, 16, 3)), data, epochs = 1, seed = 1
  )
  weights <- function(model) {
    model$get_layer("own")$get_layer("block1_conv1")$get_weights()[[1]]
  }
  before <- weights(classifier$model)
  expect_s3_class(unfreeze(classifier, "block1"), "reticnn_classifier")
  classifier <- fit_classifier(classifier, data, epochs = 1, seed = 1)
  expect_identical(nrow(classifier$history), 2L)
  trained <- weights(classifier$model)
  expect_false(identical(trained, before))
  other <- keras$models$clone_model(backbone)
  made <- transfer_model(other, c(16, 16, 3), weights = classifier)
  expect_identical(weights(made), trained)
})

test_that("training goes in stages, and fine-tuning by default", {
  skip_if_quick()
  skip_if_no_core()
  x <- keras$Input(c(16L, 16L, 3L))
  features <- conv_block(conv_block(x, 4, name = "block1"), 4, name = "block2")
  backbone <- keras$Model(x, features, name = "own")
  data <- shape_images(40, image_size = 16, seed = 1)
  said <- character()
  classifier <- fit_classifier(
    transfer_model(backbone, c(16, 16, 3)), data,
    epochs = 1, layer_decay = 0.8, seed = 1,
    stages = list(
      list(train = "head", epochs = 2),
      list(train = "block2", learning_rate = 1e-4, schedule = "cosine")
    ),
    progress = function(state) said <<- c(said, state$note)
  )
  expect_identical(classifier$history$stage, c(1L, 1L, 2L))
  expect_true(any(grepl("Stage 2 of 2, trained: block2", said)))
  expect_false("block1_conv1" %in% trained(classifier$model))
  expect_false(any(grepl("stage", capture.output(print(classifier)))))
  expect_setequal(unique(tidy(classifier)$metric), c("loss", "accuracy"))
  expect_false("stage" %in% names(glance(classifier)))
  skip_if_not_installed("ggplot2")
  lines <- ggplot2::layer_data(plot(classifier), 1)
  expect_identical(unique(lines$xintercept), 2.5)
  others <- shape_images(40, image_size = 16, seed = 2)
  tuned <- fine_tune(classifier, others, epochs = 1, seed = 1)
  expect_identical(tuned$history$epoch, 1:6)
  # The epochs before have no images for validation.
  expect_silent(lines <- ggplot2::layer_data(plot(tuned), 1))
  expect_identical(unique(lines$xintercept), c(2.5, 3.5, 4.5, 5.5))
  expect_true("block1_conv1" %in% trained(tuned$model))
  expect_error(
    fit_classifier(tuned, data, stages = list(train = "head")),
    "`stages` must be a list of named lists", class = "reticnn_error"
  )
})

test_that("what cannot learn a policy is refused by name", {
  skip_if_no_core()
  expect_snapshot(error = TRUE, {
    learn_augmentation(build_cnn(), shape_images(20))
    learn_augmentation(function() "model", shape_images(20))
    learn_augmentation(function() build_cnn(), shape_images(20), budget = 5)
  })
})

test_that("gradients are clipped and accumulated, and statistics kept, from R", {
  skip_if_no_core()
  data <- image_arrays(random_images(8, 8, 8, 3), rep(c("a", "b"), 4))
  model <- build_cnn(c(8, 8, 3), filters = 2, n_blocks = 1, units = 2, batch_norm = TRUE)
  before <- lapply(model$non_trainable_weights, function(weight) weight$numpy())
  fitted <- fit_classifier(model, data, epochs = 2, batch_size = 2, global_clipnorm = 0.1,
    gradient_accumulation_steps = 2, train_norm = FALSE, optimizer = "sgd")
  expect_identical(as.integer(model$optimizer$iterations$numpy()), 4L)
  expect_equal(model$optimizer$global_clipnorm, 0.1)
  after <- lapply(model$non_trainable_weights, function(weight) weight$numpy())
  expect_identical(after[1:2], before[1:2])
  expect_error(fit_classifier(model, data, epochs = 1, gradient_accumulation_steps = 50),
    "`gradient_accumulation_steps` is 50, and all epochs together have only 1 batch,",
    class = "reticnn_error")
})
