small <- function(...) {
  transfer_model("mobilenet_0.25", c(32, 32, 3), weights = NULL, ...)
}

trained <- function(model) {
  table <- layer_table(model)
  table$name[table$trainable & table$parameters > 0]
}

test_that("backbones are a tibble", {
  skip_if_no_core()
  table <- backbones()
  expect_s3_class(table, "tbl_df")
  vgg <- table[table$name == "vgg16", ]
  expect_identical(vgg$parameters, 14714688L)
  expect_identical(vgg$min_size, 32L)
  expect_type(table$cached, "logical")
})

test_that("a backbone, an adapter and a head make a model", {
  skip_if_no_core()
  model <- small(num_classes = 3, train = "last_block", adapter = TRUE, units = 8)
  expect_identical(as.integer(model$output_shape[[2]]), 3L)
  expect_identical(model$get_layer("mobilenet_0.25")$count_params(), 218544L)
  expect_true(all(c("adapter1_conv1", "conv_dw_13") %in% trained(model)))
  expect_false("conv_pw_12" %in% trained(model))
  plain <- small(num_classes = 3, units = 8)
  expect_identical(model$count_params() - plain$count_params(), 11267L)
  settings <- small(adapter = list(filters = c(4, 4), batch_norm = FALSE))
  expect_false("adapter1_bn1" %in% layer_table(settings)$name)
  set.seed(1)
  first <- small()$get_weights()[[1]]
  set.seed(1)
  expect_identical(small()$get_weights()[[1]], first)
})

test_that("layers are chosen as one writes it in R", {
  skip_if_no_core()
  model <- build_cnn(c(16, 16, 3), filters = 2, n_blocks = 2, n_conv = 2, units = 4)
  expect_identical(freeze(model), model)
  chosen <- function(layers) {
    freeze(model)
    unfreeze(model, layers)
    trained(model)
  }
  expect_identical(chosen("block2"), c("block2_conv1", "block2_conv2"))
  expect_identical(chosen("block?_conv1"), c("block1_conv1", "block2_conv1"))
  expect_identical(chosen(c("block1_conv1", "block2_conv2")), c("block1_conv1", "block2_conv2"))
  expect_length(chosen(2), 2)
  expect_identical(chosen(c(-8, -3)), c("block2_conv1", "block2_conv2"))
  expect_length(chosen(list(-2, NULL)), 2)
  expect_identical(chosen(model$layers[3:5]), c("block1_conv1", "block1_conv2"))
  expect_identical(chosen(model$layers[[3]]), "block1_conv1")
  expect_identical(chosen(\(layer) grepl("conv2", layer$name)), c("block1_conv2", "block2_conv2"))
  expect_length(chosen(NULL), 6)
  expect_identical(sum(layer_table(model)$trainable), 6L)
  expect_false(any(layer_table(freeze(model))$trainable))
})

test_that("the workshop's slice of layers is written in R as the help page says", {
  skip_if_no_core()
  slide <- function(import) {
    vgg16 <- import$applications$VGG16(
      weights = NULL, include_top = FALSE, pooling = "avg", input_shape = c(32L, 32L, 3L)
    )
    freeze(vgg16)
  }
  convolutions <- c("block5_conv1", "block5_conv2", "block5_conv3")

  vgg16 <- slide(keras)
  expect_length(vgg16$layers[-5:-2], 20 - 4)
  for (layer in reticulate::py_get_attr(vgg16, "layers")[-5:-2]) {
    layer$trainable <- TRUE
  }
  expect_identical(trained(vgg16), convolutions)
  freeze(vgg16)
  expect_identical(trained(unfreeze(vgg16, c(-5, -2))), convolutions)
  freeze(vgg16)
  expect_identical(trained(unfreeze(vgg16, "last_block")), convolutions)
  expect_error(unfreeze(vgg16, -5:-2), "in R c(-5, -2), not -5:-2", fixed = TRUE)
  vgg16$trainable <- FALSE
  for (layer in reticulate::py_get_attr(vgg16, "layers")[-5:-2]) {
    layer$trainable <- TRUE
  }
  expect_identical(trained(vgg16), character())

  vgg16 <- slide(reticulate::import("keras", convert = FALSE))
  reticulate::iterate(vgg16$layers[-5:-2], \(layer) layer$trainable <- TRUE)
  expect_identical(trained(vgg16), convolutions)
  for (layer in reticulate::py_to_r(vgg16$layers[-5:-2])) {
    layer$trainable <- FALSE
  }
  expect_identical(trained(vgg16), character())
  expect_identical(trained(unfreeze(vgg16, vgg16$layers[-5:-2])), convolutions)
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
  tuned <- fine_tune(classifier, data, epochs = 1, seed = 1)
  expect_identical(tuned$history$epoch, 1:6)
  expect_true("block1_conv1" %in% trained(tuned$model))
  expect_error(
    fit_classifier(tuned, data, stages = list(train = "head")),
    "`stages` must be a list of dicts", class = "reticnn_error"
  )
})

test_that("what does not fit is refused by name", {
  skip_if_no_core()
  model <- build_cnn(c(16, 16, 3), filters = 2, n_blocks = 2, units = 4)
  expect_snapshot(error = TRUE, {
    transfer_model("vgg_16b", weights = NULL)
    transfer_model("vgg16", c(16, 16, 3), weights = NULL)
    transfer_model("mobilenet_0.25", c(32, 32, 4), weights = NULL)
    small(train = "haed")
    small(train = NA)
    small(adapter = list(filter = 8))
    transfer_model("mobilenet_0.25", c(32, 32, 3), weights = model)
    freeze(model, "block3")
    freeze(model, 99)
    unfreeze("vgg16")
    layer_table(3)
  })
  expect_error(
    transfer_model("mobilenet_0.25", c(32, 32, 3), weights = "missing.h5"),
    "`weights` must be 'imagenet' or a file.*'missing.h5'", class = "reticnn_error"
  )
})

test_that("weights that cannot be downloaded are reported soon, and what to do instead", {
  skip_if_no_core()
  # A proxy that refuses stands for a network that is not there.
  lines <- run_r(
    c(
      "library(reticnn)",
      "invisible(build_cnn())", # Starting Keras is not waiting for a network.
      "started <- Sys.time()",
      "cnd <- tryCatch(transfer_model('vgg16'), error = identity)",
      "cat(class(cnd), conditionMessage(cnd), sep = '\\n')",
      "cat('\\nfast:', difftime(Sys.time(), started, units = 'secs') < 15, '\\n')"
    ),
    env = c("https_proxy=http://127.0.0.1:9", paste0("KERAS_HOME=", tempfile()))
  )
  expect_true("reticnn_error" %in% lines)
  expect_match(lines, "vgg16_weights_tf_dim_ordering_tf_kernels", all = FALSE)
  expect_true("fast: TRUE " %in% lines)
})
