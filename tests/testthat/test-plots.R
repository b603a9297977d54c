# The texts of a plot as they are drawn on a page of 7 by 5 inches, with their boxes in
# points.
drawn_texts <- function(plot) {
  file <- withr::local_tempfile(fileext = ".pdf")
  grDevices::pdf(file, 7, 5, compress = FALSE, useKerning = FALSE)
  print(plot)
  grDevices::dev.off()
  line <- "^/F[0-9]+ 1 Tf ([-0-9. ]+) Tm \\((.*)\\) Tj$"
  lines <- readLines(file, encoding = "latin1")
  # A PDF has bytes that are letters in no encoding, as in its second line.
  lines <- lines[grepl(line, lines, useBytes = TRUE)]
  text <- gsub("\\\\([()])", "\\1", sub(line, "\\2", lines))
  # Two by two numbers turn and enlarge the text, two are its position.
  at <- do.call(rbind, lapply(strsplit(sub(line, "\\1", lines), " "), as.numeric))
  size <- pmax(at[, 1], at[, 2])
  width <- size * text_widths(text)
  upright <- at[, 2] > 0
  data.frame(
    text = text, size = size, upright = upright,
    left = at[, 5] - ifelse(upright, 0.7 * size, 0), bottom = at[, 6],
    right = at[, 5] + ifelse(upright, 0, width),
    top = at[, 6] + ifelse(upright, width, 0.7 * size)
  )
}

# Widths at a size of one point.
text_widths <- function(text) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  graphics::plot.new()
  72 * graphics::strwidth(text, units = "inches") / graphics::par("ps")
}

expect_readable <- function(texts) {
  over <- vapply(seq_len(nrow(texts)), function(i) {
    sum(texts$left < texts$right[[i]] & texts$right > texts$left[[i]] &
      texts$bottom < texts$top[[i]] & texts$top > texts$bottom[[i]]) > 1
  }, logical(1))
  outside <- texts$left < 0 | texts$right > 504 | texts$bottom < 0 | texts$top > 360
  expect_identical(texts$text[over | outside], character())
  expect_gt(min(texts$size), 4.9)
}

test_that("the history plots training and validation by epoch", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  plot <- plot(tiny_classifier())
  expect_s3_class(plot, "ggplot")
  expect_setequal(plot$data$metric, c("loss", "accuracy"))
  expect_setequal(plot$data$data, c("training", "validation"))
  file <- withr::local_tempfile(fileext = ".png")
  ggplot2::ggsave(file, plot, width = 4, height = 3)
  expect_gt(file.size(file), 1000)
})

test_that("pictures fill their rows where that is possible", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  columns <- function(n) {
    plot_images(shape_images(n, image_size = 8), n = n)$facet$params$ncol
  }
  expect_equal(vapply(c(1, 9, 12, 32), columns, numeric(1)), c(1, 3, 4, 8))
})

test_that("images are drawn upright in their own colours, right and wrong told apart", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  # Red above, blue below; one right prediction and one wrong one.
  x <- array(0, c(2, 4, 4, 3))
  x[, 1:2, , 1] <- 255
  x[, 3:4, , 3] <- 255
  data <- image_arrays(x, c("a", "b"))
  predictions <- tibble::tibble(
    .pred_class = factor(c("a", "a")), .pred_a = c(0.9, 0.6), .pred_b = c(0.1, 0.4)
  )
  plot <- plot_images(data, predictions)
  expect_identical(plot$data$text, c("a 90%", "a 60%\n(true: b)"))
  expect_identical(plot$data$frame, c("#0072B2", "#D55E00"))
  pixels <- drawn_pixels(plot)
  rows <- function(channel, other) {
    which(apply(pixels[, , channel] > 250 & pixels[, , other] < 5, 1, any))
  }
  expect_gt(min(rows(3, 1)), max(rows(1, 3)))
  expect_error(plot_images(data, predictions[1, ]), "1 row for 2 images")
  expect_error(
    plot_images(data, 3), "`predictions` must be what",
    class = "reticnn_error"
  )
  expect_error(plot_images(3), "`images` must have the shape", class = "reticnn_error")
  expect_s3_class(plot_images(x[, , , 1]), "ggplot")
})

test_that("the confusion plot has counts and shares of the row, right ones in blue", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  classes <- c("cat", "dog")
  scores <- new_evaluation(list(
    n = 10L, accuracy = 0.7, per_class = list(class = classes),
    confusion = list(truth = rep(classes, each = 2), predicted = rep(classes, 2),
      n = c(3L, 1L, 2L, 4L)),
    predictions = list(truth = classes, predicted = classes, probabilities = diag(2))
  ))
  plot <- plot_confusion(scores)
  fields <- plot$data
  taken <- fields[fields$truth == "dog" & fields$predicted == "cat", ]
  expect_identical(taken$n, 2L)
  expect_identical(taken$text, "2\n33%")
  expect_identical(fields$share, c(3 / 4, 2 / 6, 1 / 4, 4 / 6))
  hue <- grDevices::rgb2hsv(grDevices::col2rgb(fields$fill))["h", ]
  expect_identical(unname(hue > 0.5), c(TRUE, FALSE, FALSE, TRUE))
  expect_identical(plot$labels$caption, "10 images, 70.0% correct")
  file <- withr::local_tempfile(fileext = ".png")
  ggplot2::ggsave(file, plot(scores), width = 4, height = 4)
  expect_gt(file.size(file), 1000)
  expect_error(plot_confusion(3), "class numeric", class = "reticnn_error")
})

test_that("a single epoch has points, and nothing is said of it", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  classifier <- tiny_classifier()
  classifier$history <- classifier$history[1, ]
  plot <- plot(classifier)
  expect_silent(texts <- drawn_texts(plot))
  expect_identical(sum(texts$text == "1"), 1L)
  expect_identical(nrow(ggplot2::layer_data(plot, length(plot$layers))), 4L)
})

test_that("long names of classes do not run into each other", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  confusion_texts <- function(classes) {
    n <- length(classes)
    drawn_texts(plot_confusion(new_evaluation(list(
      n = n^2, accuracy = 1 / n, per_class = list(class = classes),
      confusion = list(truth = rep(classes, each = n), predicted = rep(classes, n),
        n = rep(1L, n^2)),
      predictions = list(truth = classes, predicted = classes, probabilities = diag(n))
    ))))
  }
  few <- confusion_texts(c("Golden retriever puppy outside", "Persian long-haired cat"))
  expect_readable(few)
  expect_identical(sum(few$text == "puppy outside"), 2L)
  expect_identical(few$text[few$upright], "Truth")
  some <- confusion_texts(paste("Golden retriever number", 1:4))
  expect_readable(some)
  many <- confusion_texts(paste("class", letters[1:10]))
  expect_readable(many)
  expect_setequal(many$text[many$upright], c("Truth", paste("class", letters[1:10])))
})

test_that("long captions have lines of the width of their pictures", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  names <- c("Golden retriever puppy outside", "Persian long-haired cat", strrep("b_", 15))
  data <- image_arrays(array(0, c(15, 4, 4, 1)), factor(rep(names, 5), names))
  guess <- factor(rep(names[[1]], 15), names)
  predictions <- tibble::tibble(guess, 0.5)
  names(predictions) <- c(".pred_class", paste0(".pred_", names[[1]]))
  texts <- drawn_texts(plot_images(data, predictions))
  expect_readable(texts)
  expect_match(paste(texts$text, collapse = " "), "Persian long-haired", fixed = TRUE)
  # Short ones are as large as ever.
  expect_identical(unique(drawn_texts(plot_images(data, n = 1))$size), 10)
})

test_that("lines break between words, and within those that are too long", {
  expect_identical(
    broken(c("a bc\ndef ghi", "", "abcdefghijk l", "abcde f"), 5),
    c("a bc\ndef\nghi", "", "abcde\nfghij\nk l", "abcde\nf")
  )
  # Also where a name has parts, and in captions only where no size would do.
  expect_identical(broken("red_fox-cub", 8), "red_fox-\ncub")
  long <- "Staffordshire_bullterrier incomprehensibilities"
  expect_identical(fit_captions(long, 6, 1, 1)$text,
    "Staffordshire_\nbullterrier\nincomprehensibilities")
})

test_that("predicted classes alone are shown, and a folder's classes are mixed", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  data <- image_arrays(array(0, c(9, 4, 4, 1)), rep(c("a", "b", "c"), c(5, 3, 1)))
  guess <- factor(rep("b", 9))
  expect_identical(plot_images(data, n = 4)$data$text, c("a", "a", "b", "c"))
  expect_identical(plot_images(data, rep("b", 9), n = 3)$data$text[[2]], "b")
  expect_identical(plot_images(data, guess, n = 3)$data$text,
    c("b\n(true: a)", "b", "b\n(true: c)"))
})

test_that("predictions of files may be sorted", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  for (i in 1:6) write_png(file.path(folder, c("a", "b")[i %% 2 + 1], paste0(i, ".png")), "red")
  data <- image_folder(folder, 8)
  predictions <- tibble::tibble(.pred_class = data$labels, .file = data$files,
    .pred_a = 1:6 / 10, .pred_b = 1:6 / 10)
  expect_identical(plot_images(data, predictions[6:1, ])$data,
    plot_images(data, predictions)$data)
  expect_error(plot_images(data, predictions[-2, ]), "no row for 1 of 6 images.*Predict")
})

test_that("many classes are shown as the pairs confused most", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  classes <- sprintf("class %d", 1:120)
  counts <- diag(50L, 120)
  counts[1, 2] <- 30L
  counts[cbind(2:40, 41:79)] <- 1:39
  dimnames(counts) <- list(truth = classes, predicted = classes)
  evaluation <- structure(list(confusion = as.table(counts)), class = "reticnn_evaluation")
  plot <- plot_confusion(evaluation)
  expect_identical(nrow(plot$data), 20L)
  expect_identical(levels(plot$data$pair)[[11]], "class 1 \u2192 class 2")
  expect_match(plot$labels$caption, "of 120 classes")
})

test_that("the plot names stages, rings the kept epoch, and stands on white", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  classifier <- tiny_classifier()
  history <- tibble::tibble(epoch = 1:4, loss = c(4, 3, 2, 3), accuracy = 1:4 / 4,
    stage = c(1, 1, 2, 2))
  classifier$history <- history
  classifier$kept_epoch <- 3L
  plot <- plot(classifier)
  texts <- drawn_texts(plot)
  expect_readable(texts)
  expect_identical(sum(texts$text == "stage 2"), 1L)
  expect_match(plot$labels$caption, "epoch 3")
  expect_named(attributes(tidy(classifier)), c("class", "row.names", "names"),
    ignore.order = TRUE)
  file <- withr::local_tempfile(fileext = ".png")
  ggplot2::ggsave(file, plot, width = 2, height = 2, dpi = 50)
  corner <- reticulate::import("PIL.Image")$open(file)$convert("RGBA")$getpixel(tuple(0L, 0L))
  expect_equal(unlist(corner), rep(255, 4))
})

test_that("layers have as many names as there is room for", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  described <- function(names) {
    rows <- length(names)
    structure(
      tibble::tibble(name = names, parameters = seq_len(rows) * 1e5,
        mult_adds = 1e6, receptive_field = 3),
      class = c("reticnn_description", "tbl_df", "tbl", "data.frame")
    )
  }
  long <- paste0("backbone/stage", 1:107, "_block_convshortcut")
  many <- drawn_texts(plot(described(long)))
  expect_readable(many)
  expect_gt(sum(many$text %in% long), 30)
  expect_true(all(c("Receptive field", "(pixels)", long[c(1, 107)]) %in% many$text))
  # A layer that is used twice is there twice.
  few <- drawn_texts(plot(described(c("conv", "conv", "dense"))))
  expect_readable(few)
  expect_identical(sum(few$text == "conv"), 2L)
})

test_that("the plot has the image before and as many after", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  image <- shape_images(1, image_size = 16, seed = 1)
  policy <- augmentation(crop = c(12, 12), erasing = 1)
  plot <- plot_augmentation(image, policy, n = 3, seed = 1)
  expect_s3_class(plot, "ggplot")
  expect_identical(plot$data$text, c("before", "after", "after", "after"))
  pixels <- drawn_pixels(plot)
  from_array <- plot_augmentation(load_images(image)$images[1, , , ], policy, 3, seed = 1)
  expect_identical(drawn_pixels(from_array), pixels)
  other <- plot_augmentation(image, policy, n = 3, seed = 2)
  expect_false(identical(drawn_pixels(other), pixels))
  expect_error(plot_augmentation(image, policy, n = 1.5), "`n` must be a whole number",
    class = "reticnn_error")
})

test_that("a description can be plotted, and bad input is named", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  plot <- plot(describe_model(build_cnn()))
  expect_s3_class(plot, "ggplot")
  expect_identical(nlevels(plot$data$layer), 5L)
  expect_no_error(ggplot2::ggplot_build(plot))
  expect_error(describe_model("vgg16"), "`model` must be a Keras model",
    class = "reticnn_error")
})

test_that("a diagram draws every box in the colour of its kind, with text that fits", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  plot <- plot_architecture(tiny_classifier())
  boxes <- ggplot2::layer_data(plot, 2)
  expect_identical(boxes$colour, plot$data$colour)
  expect_match(plot$data$label, "block1_conv1\nConv2D 3 \u00d7 3, 4\n", all = FALSE)
  expect_match(plot$data$label, "\u00b7 112$", all = FALSE)
  for (width in c(3, 12)) {
    pixels <- drawn_pixels(plot, width, width * 0.6)
    expect_lt(min(pixels), 100)
  }
})

test_that("filters are pictures, in colours of their own", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  classifier <- tiny_classifier()
  plot <- plot_filters(classifier, n = 3)
  expect_identical(nrow(plot$data), 3L)
  expect_identical(plot$labels$title, "block1_conv1: 3 of 4 filters of 3 \u00d7 3 \u00d7 3")
  signed <- plot_filters(classifier, "block2_conv1")
  expect_identical(nrow(ggplot2::layer_data(signed, 2)), 4L)
  expect_false(all(drawn_pixels(signed) == drawn_pixels(plot)))
  expect_error(plot_filters(classifier, "blok1_conv1"), "Did you mean 'block1_conv1'",
    class = "reticnn_error")
  expect_error(plot_filters(classifier, n = 0), "`n` must be a whole number of at least 1",
    class = "reticnn_error")
})

test_that("feature maps are pictures beside the image", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  classifier <- tiny_classifier()
  images <- random_images(2, 16, 16, 3)
  one <- plot_feature_maps(classifier, images, n = 3)
  expect_identical(one$data$text, c("image", "1", "2", "3"))
  expect_identical(one$labels$title, "block1_conv1: 3 of 4 feature maps of 16 \u00d7 16")
  layers <- c("block1_conv1", "block2_conv1")
  rows <- plot_feature_maps(classifier, images[1, , , ], layers, n = 2)
  expect_identical(as.character(rows$data$column), c("image", "1", "2", "1", "2"))
  expect_identical(levels(rows$data$row),
    c("block1_conv1\n16 \u00d7 16", "block2_conv1\n8 \u00d7 8"))
  # Dark and bright ends of the maps' colours, and the frame of the image.
  pixels <- drawn_pixels(rows)
  expect_true(any(pixels[, , 1] > 200 & pixels[, , 3] < 100))
})

test_that("mechanics are drawn, and films are put on pages", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  file <- withr::local_tempfile(fileext = ".png")
  drawn <- function(plot) {
    grDevices::png(file, 400, 300)
    withr::defer(grDevices::dev.off())
    print(plot)
    expect_s3_class(plot, "ggplot")
  }
  model <- build_cnn(c(16, 16, 3), n_blocks = 1, filters = 4)
  shape <- shape_images(1, image_size = 16)
  drawn(plot(sliding_window(1, 1)))
  drawn(plot(sliding_window(4, 2, "max"), step = 1))
  drawn(plot(layer_window(model, shape)))
  drawn(plot(receptive_field(model), shape))
  drawn(plot(shift_response(model, shape, shifts = 1)))
  expect_error(plot(sliding_window(4), step = 99), "`step`", class = "reticnn_error")
  film <- save_animation(sliding_window(4))
  expect_output(print(film), "reticnn_animation.*[.]svg")
  skip_if_not_installed("knitr")
  withr::local_dir(withr::local_tempdir())
  knitr::opts_current$set(label = "film", fig.path = "figure/")
  page <- knitr::knit_print(film)
  expect_true(file.exists(page))
  expect_match(page, "[.]svg$")
})

test_that("whatever has a plot() has an autoplot() with the same arguments", {
  skip_if_not_installed("ggplot2")
  space <- asNamespace("reticnn")
  plots <- grep("^plot[.]reticnn_", ls(space), value = TRUE)
  expect_gt(length(plots), 15)
  for (name in plots) {
    own <- get0(sub("^plot", "autoplot", name), space)
    expect_identical(as.list(formals(own))[-1], as.list(formals(get(name, space)))[-1],
      info = name)
  }
})

test_that("autoplot() draws what plot() does", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  same <- function(one, other) {
    expect_identical(ggplot2::layer_data(one, 1), ggplot2::layer_data(other, 1))
  }
  fit <- tiny_classifier()
  same(ggplot2::autoplot(fit), plot(fit))
  described <- describe_model(fit$model)
  same(ggplot2::autoplot(described), plot(described))
  window <- sliding_window(5, 3)
  same(ggplot2::autoplot(window, step = 2), plot(window, step = 2))
  expect_error(ggplot2::autoplot(fit, "loss"), "must be empty")
})
