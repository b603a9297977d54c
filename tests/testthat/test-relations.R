# What R's functions give is what the core gives to Python, for settings drawn at random.

# Settings as a user of R writes them: numbers of all types, labels of all types.
drawn_settings <- function() {
  choices <- list(
    grouped = c(FALSE, TRUE),
    labels = c("character", "factor", "logical", "integer", "double"),
    batch_norm = c(TRUE, FALSE),
    output = c("auto", "softmax"),
    batch_size = list(5L, 5, 7),
    validation = list(NULL, 0.25, 0.4),
    class_weight = list(NULL, "balanced"),
    augmentation = list(NULL, "horizontal"),
    schedule = c("constant", "cosine", "one_cycle"),
    label_smoothing = list(0, 0L, 0.1),
    mixup = list(0, 0.3),
    early_stopping = list(NULL, 1, 1L),
    ema = list(NULL, 0.5),
    layer_decay = list(NULL, 0.5, 1, 1L),
    stages = list(NULL, list(list(train = "head"), list(train = "all"))),
    learning_rate = list(NULL, 0.05)
  )
  lapply(choices, function(levels) levels[[sample(length(levels), 1)]])
}

# The same pixels and classes can be had in Python: column by column.
pixels_by_rule <- function(n) {
  array((seq_len(n * 8 * 8 * 3) * 7919) %% 251, c(n, 8, 8, 3))
}
codes_by_rule <- function(n) (seq_len(n) * 5) %% 7 %% 2

labels_as <- function(type, codes) {
  switch(type,
    character = c("ant", "bee")[codes + 1],
    factor = factor(c("ant", "bee")[codes + 1], levels = c("bee", "ant")),
    logical = codes == 1,
    integer = as.integer(codes + 3),
    double = codes + 3
  )
}

# What R trains, and what it says of other images.
trained_by_r <- function(settings) {
  data <- image_arrays(pixels_by_rule(14), labels_as(settings$labels, codes_by_rule(14)),
    groups = if (settings$grouped) 1:14 %/% 3)
  model <- build_cnn(c(8, 8, 3), n_blocks = 1L, filters = 3, units = 4L, seed = 1L,
    batch_norm = settings$batch_norm, output = settings$output)
  arguments <- settings[setdiff(names(settings), c("grouped", "labels", "batch_norm", "output"))]
  if (!is.null(settings$augmentation)) {
    arguments$augmentation <- augmentation(flip = settings$augmentation)
  }
  arguments <- c(arguments, model = model, data = data, optimizer = "sgd", seed = 3L)
  classifier <- suppressMessages(suppressWarnings(
    do.call(fit_classifier, c(arguments, list(epochs = 2L, progress = "none")))
  ))
  test <- pixels_by_rule(9)
  scores <- suppressWarnings(evaluate_classifier(
    classifier,
    image_arrays(test, rev(labels_as(settings$labels, codes_by_rule(9))))
  ))
  list(
    history = as.list(classifier$history)[c("loss", "accuracy")],
    probabilities = unname(as.list(predict(classifier, test))[2:3]),
    scores = as.list(scores[c("loss", "accuracy", "roc_auc")])
  )
}

by_python <- "
import json, sys
import numpy as np
import reticnn

def pixels(n):
    values = np.arange(1, n * 8 * 8 * 3 + 1) * 7919 % 251
    return values.reshape((n, 8, 8, 3), order='F')

def labels(kind, n):
    codes = np.arange(1, n + 1) * 5 % 7 % 2
    return {
        'logical': codes == 1, 'integer': codes + 3, 'double': codes + 3,
    }.get(kind, np.array(['ant', 'bee'])[codes])

def trained(grouped, labels_as, batch_norm, output, augmentation, **settings):
    order = ['bee', 'ant'] if labels_as == 'factor' else None
    data = reticnn.image_arrays(
        pixels(14), labels(labels_as, 14), class_names=order,
        groups=np.arange(1, 15) // 3 if grouped else None,
    )
    model = reticnn.build_cnn(
        (8, 8, 3), n_blocks=1, filters=3, units=4, seed=1,
        batch_norm=batch_norm, output=output,
    )
    policy = augmentation and reticnn.augmentation(flip=augmentation)
    classifier = reticnn.fit_classifier(
        model, data, optimizer='sgd', seed=3, epochs=2, progress='none',
        augmentation=policy, **settings,
    )
    test = pixels(9)
    scores = reticnn.evaluate_classifier(
        classifier,
        reticnn.image_arrays(test, labels(labels_as, 9)[::-1], class_names=order),
    )
    table = reticnn.predict_images(classifier, test)
    return {
        'history': {name: classifier.history[name] for name in ('loss', 'accuracy')},
        'probabilities': list(table.values())[1:3],
        'scores': {name: scores[name] for name in ('loss', 'accuracy', 'roc_auc')},
    }

with open(sys.argv[1]) as file:
    cases = json.load(file)
with open(sys.argv[2], 'w') as file:
    json.dump([trained(**case) for case in cases], file)
"

# One process of Python for all settings, with what it gives for each.
trained_by_python <- function(settings) {
  files <- tempfile(c("code", "settings", "results"), fileext = c(".py", ".json", ".json"))
  on.exit(unlink(files))
  named <- lapply(settings, function(one) {
    names(one)[names(one) == "labels"] <- "labels_as"
    one
  })
  json <- reticulate::import("json")
  writeLines(by_python, files[1])
  writeLines(json$dumps(unname(named)), files[2])
  said <- suppressWarnings(system2(reticulate::py_exe(), files,
    stdout = TRUE, stderr = TRUE,
    env = paste0("PYTHONPATH=", shQuote(core_dir()))
  ))
  if (!file.exists(files[3])) {
    stop(paste(utils::tail(said, 20), collapse = "\n"))
  }
  json$loads(paste(readLines(files[3], warn = FALSE), collapse = "\n"))
}

test_that("R trains, predicts and evaluates as Python does", {
  skip_if_quick()
  skip_if_no_core()
  settings <- withr::with_seed(1, replicate(12, drawn_settings(), simplify = FALSE))
  wanted <- trained_by_python(settings)
  for (number in seq_along(settings)) {
    expect_equal(
      trained_by_r(settings[[number]]), wanted[[number]],
      tolerance = 1e-5,
      info = paste(deparse(settings[[number]]), collapse = "\n")
    )
  }
})

test_that("numbers of every type, names in every order, and NULL give the same", {
  skip_if_quick()
  skip_if_no_core()
  data <- image_arrays(pixels_by_rule(14), labels_as("factor", codes_by_rule(14)))
  train <- function(...) {
    model <- build_cnn(c(8, 8, 3), n_blocks = 1, filters = 3, units = 4, seed = 1)
    classifier <- fit_classifier(model, data, optimizer = "sgd", progress = "none",
      seed = 3, ...)
    as.list(classifier$history)
  }
  plain <- train(epochs = 2, batch_size = 5, class_weight = c(ant = 1, bee = 3))
  same <- list(
    train(epochs = 2L, batch_size = 5L, class_weight = c(bee = 3, ant = 1)),
    train(epochs = 2, batch_size = 5L, class_weight = list(bee = 3L, ant = 1L)),
    train(epochs = 2L, batch_size = 5, class_weight = c(bee = 3L, ant = 1L),
      validation = NULL, augmentation = NULL, ema = NULL, stages = NULL)
  )
  for (other in same) expect_identical(other, plain)
})
