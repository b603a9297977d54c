# What the scripts of the workshop do, in words of our own: each setting in a process of
# its own, with this package attached before Keras is imported, after, and not at all. The
# backend is the one of the environment; `make test-backends` has PyTorch.

# Values of R's and of Python's, and arrays that are indexed as in Python.
values_and_arrays <- c(
  "say <- function(...) cat(..., '\\n')",
  "kinds <- lapply(list(1L, 1, 'a', TRUE, NULL, c(1, 2), list(a = 1), matrix(1:4, 2)),",
  "  \\(value) class(r_to_py(value))[[1]])",
  "say(unlist(kinds))",
  "x <- np$array(matrix(1:10, ncol = 2))",
  "say(py_to_r(x[0]), py_to_r(x[0, 1]), py_to_r(x[, -1]), dim(py_to_r(x[0:2])))",
  "x[0] <- c(7L, 8L)",
  "say(py_to_r(np$sum(x + x)), py_to_r(x^2)[1, ], dim(t(py_to_r(x)) %*% py_to_r(x)))"
)

# Photos of two classes out of several, labels in a column, kept in R's own files.
photos_to_files <- c(
  "set.seed(1)",
  "pixels <- array(sample(0:255, 40 * 32 * 32 * 3, TRUE), c(40, 32, 32, 3))",
  "all_x <- np$array(pixels, dtype = 'uint8')",
  "all_y <- np$array(matrix(rep(c(3L, 5L, 1L, 9L), 10), ncol = 1))",
  "all_y <- all_y$reshape(all_y$shape[0])",
  "chosen <- all_y == 3L | all_y == 5L",
  "x <- py_to_r(all_x[chosen])",
  "y <- ifelse(py_to_r(all_y[chosen]) == 3, 0L, 1L)",
  "say(dim(x), table(y), identical(c(x[2, , , ]), c(pixels[2, , , ])))",
  "folder <- tempfile()",
  "dir.create(folder)",
  "saveRDS(list(x_train = x, y_train = y), file.path(folder, 'cat0_and_dog1_train.rds'))",
  "saveRDS(list(x_test = x[1:6, , , ], y_test = y[1:6]),",
  "  file.path(folder, 'cat0_and_dog1_test.rds'))"
)

# Principal components and classical models.
classical_models <- c(
  "train <- readRDS(file.path(folder, 'cat0_and_dog1_train.rds'))",
  "flat <- train$x_train",
  "dim(flat) <- c(dim(flat)[1], prod(dim(flat)[2:4]))",
  "pca <- prcomp(as.data.frame(flat), scale. = TRUE, rank. = 5L)",
  "rows <- as.data.frame(predict(pca, as.data.frame(flat)))",
  "rows$y <- factor(train$y_train)",
  "linear <- glm(y ~ ., data = rows, family = binomial)",
  "say(round(predict(linear, rows, type = 'response')[1:2], 3))",
  "say(dim(predict(MASS::lda(y ~ ., rows), rows)$posterior))"
)

# Networks on standardised tensors, and on principal components.
networks <- c(
  "on_torch <- py_to_r(keras$backend$backend()) == 'torch'",
  "torch <- if (on_torch) import('torch', convert = FALSE)",
  "tensor <- function(values) {",
  "  if (on_torch) return(torch$tensor(values, dtype = torch$float32))",
  "  keras$ops$convert_to_tensor(np$array(values), dtype = 'float32')",
  "}",
  "pixels <- tensor(train$x_train)",
  "middle <- if (on_torch) torch$mean(pixels) else keras$ops$mean(pixels)",
  "spread <- if (on_torch) torch$std(pixels) else keras$ops$std(pixels)",
  "x <- (pixels - middle) / spread",
  "y <- tensor(train$y_train)",
  "network <- function(shape, units, rate = NULL) {",
  "  keras$utils$set_random_seed(1L)",
  "  inputs <- keras$layers$Input(shape = as.list(shape))",
  "  hidden <- keras$layers$Dense(units, activation = 'relu')(",
  "    keras$layers$Flatten()(inputs))",
  "  if (!is.null(rate)) hidden <- keras$layers$Dropout(rate)(hidden)",
  "  model <- keras$Model(inputs, keras$layers$Dense(1L, activation = 'sigmoid')(hidden))",
  "  model$compile(loss = 'binary_crossentropy', optimizer = 'sgd',",
  "    metrics = list('accuracy'))",
  "  model",
  "}",
  "model <- network(dim(train$x_train)[-1], 8L)",
  "say(py_to_r(model$count_params()))",
  "history <- model$fit(x, y, batch_size = 16L, epochs = 2L, verbose = 0L,",
  "  validation_data = list(x, y))",
  "say(names(py_to_r(history$history)))",
  "say(round(py_to_r(model$predict(x, verbose = 0L))[1:3, 1], 3))",
  "on_rows <- network(5L, 4L, 0.3)",
  "rows_x <- tensor(as.matrix(rows[, 1:5]))",
  "invisible(on_rows$fit(rows_x, y, epochs = 1L, verbose = 0L))",
  "say(dim(py_to_r(on_rows$predict(rows_x, verbose = 0L))))"
)

# What this package makes of all that.
with_reticnn <- c(
  "message_of <- function(code) conditionMessage(tryCatch(code, error = identity))",
  "data <- reticnn::cats_and_dogs(folder)",
  "say(length(data$train), length(data$test), data$train$class_names)",
  "say(identical(c(reticnn::load_images(data$train)$images), c(train$x_train)))",
  "given <- reticnn::image_arrays(pixels, y, class_names = c('cat', 'dog'))",
  "say(identical(given$labels, data$train$labels))",
  "black_white <- c((0 - as.numeric(py_to_r(np$array(middle)))),",
  "  (255 - as.numeric(py_to_r(np$array(middle))))) / as.numeric(py_to_r(np$array(spread)))",
  "back <- reticnn::image_arrays(x, y, value_range = black_white)",
  "say(identical(c(reticnn::load_images(back)$images), c(train$x_train)))",
  "fit <- reticnn::fit_classifier(model, given, epochs = 1, progress = 'none', seed = 1)",
  "say(levels(predict(fit, pixels)$.pred_class))",
  "say(dim(reticnn::augment(pixels, rotation = 0.1, seed = 1)))",
  "say(message_of(reticnn::fit_classifier(model, pixels, y)))",
  "say(message_of(reticnn::evaluate_classifier(on_rows, data$test)))",
  "say(message_of(reticnn::save_classifier(model, tempfile())))",
  "again <- readRDS(local({ f <- tempfile(); saveRDS(fit, f); f }))",
  "say(all.equal(predict(again, pixels), predict(fit, pixels)))"
)

script_lines <- function(attached, more = character()) {
  attach <- "suppressMessages(library(reticnn))"
  run_r(c(
    if (attached == "before") attach,
    "suppressMessages(library(reticulate))",
    "keras <- import('keras', convert = FALSE)",
    "np <- import('numpy', convert = FALSE)",
    if (attached == "after") attach,
    values_and_arrays, photos_to_files, classical_models, networks, more
  ), env = "TF_CPP_MIN_LOG_LEVEL=3")
}

test_that("the workshop's scripts do the same whenever reticnn is attached", {
  skip_if_quick()
  skip_if_no_core()
  # Lines that TensorFlow writes at its start where this package does not start it.
  said <- function(...) grep("^[A-Za-z0-9.`]", script_lines(...), value = TRUE)
  own <- function(lines) lines[!grepl("^([IWE]\\d{4} |WARNING: All log)", lines)]
  alone <- own(said("not at all"))
  expect_identical(alone[[1]], paste("python.builtin.int python.builtin.float",
    "python.builtin.str python.builtin.bool python.builtin.NoneType python.builtin.list",
    "python.builtin.dict numpy.ndarray "))
  expect_identical(alone[[4]], "20 32 32 3 10 10 TRUE ")
  expect_identical(alone[[7]], "24593 ")
  expect_match(alone[[8]], "accuracy loss val_accuracy val_loss")
  expect_identical(alone[[10]], "20 1 ")
  expect_length(alone, 10)
  expect_identical(own(said("after")), alone)
  lines <- own(said("before", with_reticnn))
  expect_identical(lines[1:10], alone)
  expect_identical(lines[11:16],
    c("20 6 cat dog ", "TRUE ", "TRUE ", "TRUE ", "cat dog ", "20 32 32 3 "))
  expect_match(lines[[17]], paste0("`data` must be image data, not an array with the ",
    "dimensions c(20, 32, 32, 3). Make it from the images and their labels: ",
    "`image_arrays(x, y)`."), fixed = TRUE)
  expect_match(lines[[18]], "rows of numbers such as principal components")
  expect_match(lines[[19]], "is a Keras model.*does not know the names of its classes")
  expect_identical(lines[[20]], "TRUE ")
})

test_that("what is not the workshop's is not read as its files", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  files <- file.path(folder, c("a.rds", "b.rds"))
  x <- array(0L, c(2, 32, 32, 3))
  saveRDS(list(x_train = x, y_train = 0:1), files[[2]])
  saveRDS(list(x_test = x, y_test = array(1:0)), files[[1]])
  expect_identical(as.character(cats_and_dogs(files)$test$labels), c("dog", "cat"))
  saveRDS(list(x_test = x, y_test = 1:2), files[[1]])
  expect_error(cats_and_dogs(files), "a.rds'. `x_test` must be", class = "reticnn_error")
  saveRDS(list(1), files[[1]])
  expect_error(cats_and_dogs(files), "no file with `x_test`", class = "reticnn_error")
  writeLines("no", files[[1]])
  expect_error(cats_and_dogs(files), "a.rds' (", fixed = TRUE, class = "reticnn_error")
})
