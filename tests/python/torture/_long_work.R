# The same long work as in _long_work.py, from R. It is sourced with `root` defined.

library(reticnn)
options(warn = -1)

pixels <- function(count, size) {
  set.seed(1)
  array(sample(0:255, count * size * size * 3, replace = TRUE), c(count, size, size, 3))
}

labelled <- function(count, size) {
  image_arrays(pixels(count, size), rep(c("cat", "dog"), length.out = count))
}

photos <- function(...) {
  image_folder(file.path(root, "photos"), 64, cache = "none", ...)
}

cnn <- function(size = 64) {
  build_cnn(c(size, size, 3), n_blocks = 3, batch_norm = TRUE, seed = 1)
}

made <- new.env()

once <- function(name, value) {
  if (is.null(made[[name]])) assign(name, value, made)
  made[[name]]
}

fitted <- function(model, data, ..., epochs = 100) {
  fit_classifier(model, data, ..., epochs = epochs, progress = "none", seed = 1)
}

classifier <- function() {
  once("small", fitted(cnn(), labelled(32, 64), epochs = 1))
}

large <- function() {
  once("large", fitted(build_mlp(c(64, 64, 3), units = 4000), labelled(32, 64),
    epochs = 1))
}

saved <- function() {
  once("saved", {
    save_classifier(large(), file.path(root, "large.reticnn"))
    TRUE
  })
}

again <- function(action) {
  for (time in 1:1000) action()
}

nothing <- function() NULL
some <- function() once("some", labelled(500, 64))
more <- function() once("more", labelled(3000, 64))
few <- function() once("few", labelled(32, 64))

# For each phase, what is made ready, and the work.
phases <- list(
  "listing" = list(nothing, function() {
    again(function() image_folder(file.path(root, "many"), 8))
  }),
  "checking" = list(nothing, function() check_images(file.path(root, "photos"))),
  "skipping" = list(nothing, function() photos(on_bad_image = "skip")),
  "decoding" = list(nothing, function() load_images(photos())),
  "first batch" = list(more, function() fitted(cnn(), more())),
  "first batch of files" = list(cnn, function() fitted(cnn(), photos())),
  "training" = list(some, function() fitted(cnn(), some())),
  "validation" = list(more, function() fitted(cnn(), few(), validation = more())),
  "validation on files" = list(few, function() {
    fitted(cnn(), few(), validation = photos())
  }),
  "feature caching" = list(more, function() {
    fitted(transfer_model("vgg16", c(64, 64, 3), weights = NULL, seed = 1), more())
  }),
  "predicting files" = list(classifier, function() {
    predict_images(classifier(), photos())
  }),
  "predicting arrays" = list(function() list(classifier(), more()), function() {
    again(function() predict_images(classifier(), more()))
  }),
  "evaluating" = list(classifier, function() {
    evaluate_classifier(classifier(), photos())
  }),
  "reporting" = list(classifier, function() {
    report_classifier(classifier(), photos(), file.path(root, "page.html"))
  }),
  "reporting arrays" = list(function() list(classifier(), some()), function() {
    again(function() {
      report_classifier(classifier(), some(), file.path(root, "page.html"))
    })
  }),
  "augmenting" = list(nothing, function() {
    again(function() augment(pixels(300, 64), rand_augment(), copies = 5, seed = 1))
  }),
  "saving" = list(large, function() {
    again(function() save_classifier(large(), file.path(root, "again.reticnn")))
  }),
  "loading" = list(saved, function() {
    again(function() load_classifier(file.path(root, "large.reticnn")))
  }),
  "finding a learning rate" = list(more, function() {
    find_learning_rate(cnn(), more(), steps = 1000)
  }),
  "learning augmentation" = list(some, function() {
    learn_augmentation(cnn, some(), trials = 4, progress = "none", seed = 1)
  }),
  "downloading" = list(nothing, cats_and_dogs)
)

say <- function(...) {
  cat(..., "\n")
  flush(stdout())
}

get_ready <- function(name) {
  phases[[name]][[1]]()
  say("@go")
}

look <- function() {
  before <- sum(proc.time()[1:2])
  Sys.sleep(0.2)
  busy <- sum(proc.time()[1:2]) - before > 0.1
  usable <- nrow(predict_images(classifier(), pixels(2, 64))) == 2 &&
    length(load_images(photos()[1])$images) == 64 * 64 * 3
  say("@left", if (busy) "busy" else "idle", usable)
}

# For a script: a terminal has the prompt instead.
serve <- function() {
  lines <- file("stdin", "r")
  say("ready")
  while (length(name <- readLines(lines, 1))) {
    get_ready(name)
    came <- tryCatch(
      {
        phases[[name]][[2]]()
        "done"
      },
      interrupt = function(cnd) "stopped",
      error = function(cnd) substr(gsub("\n", " ", conditionMessage(cnd)), 1, 200)
    )
    say("@back", came)
    look()
  }
}
