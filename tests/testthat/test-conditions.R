# Errors in R's terms: the user's call, the user's arguments, R's notation.

message_of <- function(code) {
  conditionMessage(tryCatch(code, reticnn_error = identity))
}


test_that("values and code in messages are R's", {
  skip_if_no_core()
  x <- keras$Input(c(16L, 16L, 3L))
  says <- function(code, text) {
    said <- message_of(code)
    expect_match(said, text, fixed = TRUE)
  }
  says(build_cnn(batch_norm = "a"), "must be TRUE or FALSE, not 'a'")
  says(build_cnn(input_shape = 3), "use `c(32, 32, 3)`")
  says(build_cnn(input_shape = list(1, "a", 3)), "not 'a'")
  says(build_cnn(filters = list(a = 1, b = 2)), "not c(a = 1, b = 2)")
  says(conv_block(3), "`x <- keras$Input(c(32L, 32L, 3L))`")
  says(conv_block(x, pool = "men"), "one of 'max', 'average', NULL, not 'men'")
  says(conv_block(keras$Input(c(1L, 1L, 3L))), "or `pool = NULL`")
  says(conv_block(x, kernel_size = c(1, 2, 3)), "not c(1, 2, 3)")
  says(image_arrays(array("a", c(2, 4, 4, 1))), "values of type character such as 'a'")
  says(image_arrays(array(1, c(2, 4, 4, 1)), list("a", NULL)), "at position 2 (counted from 1)")
  says(split_images(shape_images(8, image_size = 8), c(1, 1, 1, 1) / 4), "with a named list")
  says(fit_classifier(build_cnn(), list(train = shape_images(2))), "as in `data$train`")
  says(learn_augmentation(build_cnn(), shape_images(9)), "`function() build_cnn()`")
  says(build_cnn(filters = function(x) x), "not a function")
  says(build_cnn(filters = x), "not an object of class KerasTensor")
  model <- build_cnn(c(16, 16, 3), 3, n_blocks = 1, filters = 2, units = NULL)
  says(fit_classifier(model, shape_images(8)), "`num_classes = 2`")
  says(save_classifier(tiny_classifier(), "a.h5"), "`classifier$model$save()`")
  says(transfer_model("vgg16", c(8, 8, 3)), "Give `resize_to = 32`")
  says(landmark_model("lenet5", variant = "modern", prototypes = 1), "`variant = 'original'`")
})

test_that("the call is the user's, whatever it went through", {
  skip_if_no_core()
  data <- shape_images(4, image_size = 16, seed = 1)
  classifier <- tiny_classifier()
  called <- function(code) {
    deparse(tryCatch(code, reticnn_error = function(cnd) cnd$call))[[1]]
  }
  expect_identical(called(build_cnn(filters = "a")), 'build_cnn(filters = "a")')
  expect_identical(called(predict(classifier, "no file")), 'predict(classifier, "no file")')
  expect_identical(called(augment(classifier, "no file")), 'augment(classifier, "no file")')
  expect_identical(called(plot_architecture(3)), "plot_architecture(3)")
  expect_identical(called(fit_classifier(build_cnn())), "fit_classifier(build_cnn())")
  expect_identical(
    called(lapply(3, function(x) build_cnn(filters = "a"))), 'build_cnn(filters = "a")'
  )
  builder <- function(filters) build_cnn(filters = filters)
  expect_identical(called(builder("a")), "build_cnn(filters = filters)")
})

test_that("a missing argument is named, and a wrong name or a table told", {
  skip_if_no_core()
  classifier <- tiny_classifier()
  expect_identical(message_of(load_images()), "`data` is missing, and has no default.")
  expect_identical(message_of(predict(classifier)), "`new_data` is missing, and has no default.")
  expect_match(message_of(predict(classifier, newdata = 1)), "`new_data`")
  expect_match(message_of(predict(classifier, mtcars)), "`new_data` must not be a data frame")
  expect_match(message_of(predict(classifier, character())), "^`new_data` ")
  expect_match(message_of(predict_images(classifier, mtcars)), "^`images` ")
  expect_match(message_of(evaluate_classifier(classifier, random_images(2, 16, 16, 3))), "^`data`")
})

test_that("warnings are in R's terms, too", {
  skip_if_no_core()
  warned <- tryCatch(predict(tiny_classifier(), random_images(2, 20, 20, 3)),
    reticnn_warning = identity)
  expect_match(conditionMessage(warned), "^`new_data` has images of 20 x 20")
})

test_that("predict() reads what files it can", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  write_png(file.path(folder, "good.png"), "red")
  writeLines("no photo", file.path(folder, "bad.png"))
  classifier <- tiny_classifier()
  expect_match(message_of(predict(classifier, folder)), '`on_bad_image = "skip"`|`on_bad_image = \'skip\'`')
  expect_warning(
    table <- predict(classifier, folder, on_bad_image = "skip"), "bad.png", class = "reticnn_warning"
  )
  expect_identical(basename(table$.file), "good.png")
})

test_that("no argument with a default refuses NULL", {
  skip_if_quick()
  skip_if_no_core()
  data <- shape_images(12, image_size = 16, seed = 1)
  classifier <- tiny_classifier()
  x <- keras$Input(c(16L, 16L, 8L))
  folder <- withr::local_tempdir()
  withr::local_dir(folder)
  for (class in c("cat", "dog")) write_png(file.path("photos", class, "1.png"), "red")
  model <- function() build_cnn(c(16, 16, 3), n_blocks = 1, filters = 2, units = 4)
  policy <- augmentation(flip = "horizontal")
  given <- list(
    classifier_head = list(x = keras$Input(list(8L))), landmark_model = list(name = "lenet5"),
    training_recipe = list(name = "resnet18"),
    transfer_model = list(backbone = "mobilenet_0.25", input_shape = c(32, 32, 3)),
    augmentation_layer = list(policy = policy), image_folder = list(path = "photos"),
    image_table = list(paths = "photos/cat/1.png"),
    image_tiles = list(paths = "photos/cat/1.png", tile_size = 8), image_arrays = list(x = random_images(2, 8, 8, 3)),
    check_images = list(path = "photos"), split_images = list(data = data), pca_color = list(data = data),
    fold_images = list(data = data), review_images = list(data = data),
    load_images = list(data = data), cats_and_dogs = NA,
    reticnn_check = NA, teaching_kit = list(path = "class"),
    find_learning_rate = list(model = model(), data = data, steps = 20),
    fit_classifier = list(model = model(), data = data, epochs = 1),
    fine_tune = list(classifier = model(), data = data, epochs = 1),
    log_range = list(low = 1, high = 2), real_range = list(low = 1, high = 2),
    whole_range = list(low = 1, high = 2), choice_of = list(values = 1:2),
    tune_classifier = list(build = function() model(), data = data,
      space = list(batch_size = c(4, 8)), trials = 1, epochs = 1),
    learn_augmentation = list(model_fn = model, data = data, budget = 2, trials = 2),
    predict_images = list(classifier = classifier, images = data),
    write_predictions = list(classifier = classifier, images = "photos", path = "a.csv"),
    evaluate_classifier = list(classifier = classifier, data = data),
    novelty_scores = list(classifier = classifier, images = data, reference = data),
    novelty_threshold = list(classifier = classifier, reference = data,
      data = shape_images(20, image_size = 16, seed = 7)),
    prediction_sets = list(classifier = classifier, data = shape_images(20, image_size = 16, seed = 7)),
    calibrate_classifier = list(classifier = tiny_classifier(), data = mostly_right()),
    explain_prediction = list(classifier = classifier, images = data),
    explanation_scores = list(explanation = explain_prediction(classifier, data[1:2]),
      classifier = classifier),
    report_explanation = list(explanation = suppressWarnings(explain_prediction(classifier, data))),
    class_image = list(classifier = classifier, steps = 1),
    plot_embedding = list(embedding = matrix(1:12, 6)),
    embed_images = list(classifier = classifier, images = data),
    similar_images = list(classifier = classifier, images = data[1], among = data),
    report_classifier = list(classifier = classifier, data = data),
    save_classifier = list(classifier = classifier, path = "a.reticnn"),
    load_classifier = list(path = "a.reticnn"),
    export_classifier = list(classifier = classifier, path = "a.onnx"),
    serve_classifier = NA, # Its port may be taken.
    plot_augmentation = list(image = data[1], policy = policy),
    plot_confusion = list(evaluation = evaluate_classifier(classifier, data)),
    plot_curve = list(evaluation = evaluate_classifier(classifier, data)),
    compare_classifiers = list(classifiers = list(a = classifier, b = classifier), data = data),
    stress_test = list(classifier = classifier, data = data, changes = "noise"),
    plot_by = list(evaluation = evaluate_classifier(classifier, data, by = "label")),
    evaluation_curve = list(evaluation = evaluate_classifier(classifier, data)),
    cross_validate = list(build = model, data = data, v = 2, epochs = 1),
    ensemble_classifiers = list(
      classifiers = list(classifier, fit_classifier(model, data, epochs = 1))),
    plot_feature_maps = list(model = classifier, image = data[1]),
    plot_tiles = list(predictions = predict_images(classifier, image_tiles("photos/cat/1.png", 8))),
    plot_images = list(images = data), feature_maps = list(model = classifier, images = data[1]),
    layer_window = list(model = classifier, image = data[1]),
    receptive_field = list(model = classifier),
    shift_response = list(model = classifier, image = data[1]),
    save_animation = list(x = sliding_window()), shuffle_pixels = list(images = data)
  )
  blocks <- c("conv_block", "global_pool", "domain_adapter", "residual_block",
    "inception_module", "dense_block", "transition_block", "separable_block", "convnext_block")
  models <- c("plot_architecture", "plot_filters", "describe_model", "architecture",
    "layer_filters", "layer_table", "freeze", "unfreeze")
  given[blocks] <- list(list(x = x))
  given[models] <- list(list(model = model()))
  names <- setdiff(intersect(unlist(reticulate::import("reticnn")$`__all__`), getNamespaceExports("reticnn")), "augment")
  for (name in names[order(names == "load_classifier")]) {
    if (identical(given[[name]], NA)) next
    formals <- Filter(function(default) !identical(default, quote(expr = )),
      formals(getExportedValue("reticnn", name)))
    nothing <- rep(list(NULL), length(formals))
    arguments <- utils::modifyList(stats::setNames(nothing, names(formals)),
      given[[name]] %||% list(), keep.null = TRUE)
    expect_no_error(
      suppressMessages(suppressWarnings(do.call(getExportedValue("reticnn", name), arguments))),
      message = name
    )
  }
  expect_true(file.exists("report.html"))
  expect_identical(dim(augment(random_images(2, 8, 8, 3), NULL, copies = NULL, seed = NULL)),
    c(2L, 8L, 8L, 3L))
  expect_no_error(predict(classifier, data, batch_size = NULL, tta = NULL, crops = NULL,
    on_bad_image = NULL))
})

test_that("a function that takes nothing is named, and no code of ours", {
  skip_if_no_core()
  model <- build_cnn(c(16, 16, 3), n_blocks = 1, filters = 2, units = NULL)
  data <- shape_images(12, image_size = 16, seed = 1)
  nothing <- function() TRUE
  expect_error(fit_classifier(model, data, progress = nothing),
    "`progress` must .* one argument, how far the work is, .* takes none",
    class = "reticnn_error")
  expect_error(freeze(model, nothing), "`layers` must .* a layer, .* takes none",
    class = "reticnn_error")
})

test_that("layers written in R train, predict, and say what saving needs", {
  skip_if_no_core()
  Twice <- reticulate::PyClass("Twice", inherit = keras$layers$Layer, defs = list(
    call = function(self, x) x * 2
  ))
  build <- function() {
    x <- keras$Input(c(16L, 16L, 3L))
    keras$Model(x, (Twice()(x) / 255) |> global_pool() |> classifier_head(units = NULL))
  }
  data <- shape_images(20, image_size = 16, seed = 1)
  model <- build()
  classifier <- fit_classifier(model, data, epochs = 1, seed = 1)
  expect_identical(nrow(predict(classifier, data)), 20L)
  expect_identical(describe_model(model)$type[[1]], "Twice")
  expect_identical(glance(evaluate_classifier(classifier, data))$n, 20L)
  path <- withr::local_tempfile(fileext = ".reticnn")
  expect_warning(save_classifier(classifier, path),
    "`keras$saving$register_keras_serializable()(Twice)`", fixed = TRUE)
  keras$saving$register_keras_serializable()(Twice)
  expect_no_warning(save_classifier(fit_classifier(build(), data, epochs = 1), path))
  expect_identical(nrow(predict(load_classifier(path), data)), 20L)
})

test_that("what cannot be installed is refused before anything is", {
  expect_match(message_of(install_reticnn(3)), "`envname` must be the name .*, not 3")
  expect_match(message_of(install_reticnn("a", gpu = "yes")), "`gpu` must be TRUE or FALSE")
  expect_match(message_of(install_reticnn(NA_character_)), "`envname`")
  expect_match(message_of(install_reticnn(backend = "numpy")), "`backend` must be one of .*not \"numpy\"")
})

test_that("a function that chooses layers must say TRUE or FALSE", {
  skip_if_no_core()
  expect_match(message_of(unfreeze(build_cnn(), function(layer) "a")), "TRUE or FALSE, not 'a'")
  expect_no_error(unfreeze(build_cnn(), function(layer) TRUE))
})

test_that("a jump out of what Python has called leaves a Python that works", {
  skip_if_no_core()
  data <- shape_images(8, image_size = 8)
  model <- build_cnn(c(8, 8, 3), n_blocks = 1, filters = 2)
  fit <- function(progress) fit_classifier(model, data, epochs = 1, progress = progress)
  caught <- tryCatch(fit("epoch"), message = identity)
  expect_s3_class(caught, "message")
  own <- structure(list(message = "enough", call = NULL), class = c("own", "condition"))
  expect_identical(tryCatch(fit(function(state) signalCondition(own)), own = identity), own)
  warned <- tryCatch(fit_classifier(function() warning("odd"), data), warning = identity)
  expect_identical(conditionMessage(warned), "odd")
  file <- withr::local_tempfile(fileext = ".rds")
  saveRDS(matrix(0, 8, 8), file)
  read <- function(path) {
    message("reading")
    readRDS(path)
  }
  said <- tryCatch(image_table(file, reader = read), message = identity)
  expect_identical(conditionMessage(said), "reading\n")
  # Nothing more is read then.
  files <- file.path(withr::local_tempdir(), paste0(1:5, ".rds"))
  for (path in files) saveRDS(matrix(0, 8, 8), path)
  for (on_bad_image in c("error", "skip")) {
    number <- 0
    count <- function(path) {
      number <<- number + 1
      read(path)
    }
    said <- tryCatch(image_table(files, reader = count, on_bad_image = on_bad_image),
      message = identity)
    expect_s3_class(said, "message")
    expect_identical(number, 1)
  }
  jumped <- message_of(callCC(function(leave) image_table(files, reader = function(path) leave(1))))
  expect_match(jumped, "^A function that Python had called was left by a jump")
  expect_match(message_of(callCC(function(leave) fit(function(state) leave(1)))), "by a jump")
  expect_match(message_of(fit(function(state) stop("bad"))), "bad")
  expect_message(fit("epoch"), "Epoch 1/1")
  expect_length(data[1:2], 2)
})
