test_that("arrays of every R type give the same image data", {
  skip_if_no_core()
  x <- random_images(3, 4, 5, 3)
  pixels <- function(x) load_images(image_arrays(x))$images
  expect_identical(pixels(x), x)
  expect_identical(pixels(x + 0), x)
  expect_identical(pixels(array(as.raw(x), dim(x))), x)
  expect_equal(pixels(x / 2 + 0.25), x / 2 + 0.25)
  expect_identical(pixels(x[1, , , ]), x[1, , , , drop = FALSE])
  expect_identical(pixels(x[, , , 1]), x[, , , 1, drop = FALSE])
  before <- x + 0
  copy <- x + 0
  image_arrays(copy)
  expect_identical(copy, before)
})

test_that("labels of every R type keep their names and order", {
  skip_if_no_core()
  x <- random_images(4, 4, 4, 1)
  classes <- function(...) {
    data <- image_arrays(x, ...)
    list(data$class_names, as.character(data$labels))
  }
  pets <- c("dog", "cat", "dog", "cat")
  expect_identical(classes(factor(pets, c("dog", "cat"))), list(c("dog", "cat"), pets))
  expect_identical(classes(pets), list(c("cat", "dog"), pets))
  expect_identical(classes(c(2, 1, 2, 1)), list(c("1", "2"), c("2", "1", "2", "1")))
  expect_identical(classes(c(1L, 0L, 1L, 0L), c("cat", "dog")), list(c("cat", "dog"), pets))
  expect_identical(classes(c(2, 1, 2, 1), c("cat", "dog")), list(c("cat", "dog"), pets))
  expect_identical(classes(matrix(pets)), list(c("cat", "dog"), pets))
  expect_identical(
    classes(c(TRUE, FALSE, TRUE, FALSE))[[2]], c("TRUE", "FALSE", "TRUE", "FALSE")
  )
})

test_that("image data print, count and subset in R's way", {
  skip_if_no_core()
  data <- shape_images(9, 3, image_size = 8, seed = 1)
  expect_identical(length(data), 9L)
  expect_output(print(data), "9 images, 8 x 8 x 3.*circle +3.*square +3.*triangle +3")
  expect_identical(as.character(data[c(1, 4)]$labels), c("circle", "circle"))
  expect_identical(length(data[-1]), 8L)
  expect_identical(load_images(data[9])$labels, factor("triangle", data$class_names))
  expect_error(data[10], "from 1 to 9", class = "reticnn_error")
})

test_that("masks of shapes are an array in R", {
  skip_if_no_core()
  data <- shape_images(4, image_size = 8, seed = 1, masks = TRUE)
  expect_identical(dim(data$masks), c(4L, 8L, 8L))
  expect_type(data$masks, "logical")
  expect_identical(data[2:3]$masks, data$masks[2:3, , ])
  expect_null(shape_images(4, image_size = 8, seed = 1)$masks)
})

test_that("a part of image data is what the same index gives of an R vector", {
  skip_if_no_core()
  data <- shape_images(9, 3, image_size = 8, seed = 1)
  data <- image_arrays(load_images(data)$images, letters[1:9])
  indices <- list(3, c(4, 1), -1, -(2:9), TRUE, c(TRUE, FALSE), rep(c(FALSE, TRUE), 5)[1:9],
    0, c(0, 2), integer(), 2.9, c(5, 5), 9:1, NULL)
  for (i in indices) {
    expect_identical(as.character(data[i]$labels), letters[1:9][i], info = deparse(i))
  }
  expect_identical(data[]$labels, factor(letters[1:9]))
  expect_identical(as.character(data[as.character(data$labels) > "e"]$labels), letters[6:9])
  expect_identical(length(data[0]), 0L)
  expect_identical(as.character(rev(data)$labels), letters[9:1])
  expect_identical(as.character(head(data, 2)$labels), letters[1:2])
  expect_identical(as.character(head(data, -7)$labels), letters[1:2])
  expect_identical(as.character(tail(data, 2)$labels), letters[8:9])
  set.seed(1)
  mixed <- as.character(sample(data)$labels)
  set.seed(1)
  expect_identical(mixed, sample(letters[1:9]))
  # An R vector would have missing ones there, which image data cannot.
  expect_snapshot(error = TRUE, {
    data[10]
    data[c(1, NA)]
    data[NA]
    data["a"]
    data[c(-1, 2)]
    data[c(1:9, 4:12)]
    data[rep(c(TRUE, FALSE), 20)]
  })
  expect_error(data[1, 2], "unused argument")
})

test_that("leaving out the images of a review that finds none leaves all of them", {
  skip_if_no_core()
  data <- shape_images(6, image_size = 8, seed = 1)
  review <- review_images(data, kinds = "exact_duplicates")
  expect_identical(nrow(review), 0L)
  expect_length(data[-review$image[review$extra]], 6)
  expect_length(data[-integer()], 6)
  expect_length(data[integer()], 0)
  # What this is of another sign, or computed.
  expect_length(data[3 - integer()], 0)
})

test_that("values named by their files are in the order of these", {
  skip_if_no_core()
  files <- file.path(withr::local_tempdir(), paste0(1:6, ".rds"))
  for (i in 1:6) saveRDS(matrix(40 * i, 4, 4), files[[i]])
  sites <- sapply(files, function(file) c("north", "south")[1 + (basename(file) > "4")])
  labels <- rep(c("x", "y"), 3)
  data <- image_table(files, labels, 4, channels = 1, groups = sites, reader = readRDS)
  expect_identical(data$groups, rep(c("north", "south"), each = 3))
  expect_length(suppressMessages(split_images(data, 0.5, groups = sites))$test, 3)
  turned <- rev(sites)
  expect_error(image_table(files, labels, groups = turned), "`groups` has the names of `paths`")
  said <- "in another order. Give `groups[data$files]`."
  expect_error(split_images(data, groups = turned), said, fixed = TRUE)
  expect_error(fold_images(data, 2, groups = turned), said, fixed = TRUE)
})

test_that("numbers of 64 bits are refused, of which R sees other ones", {
  skip_if_no_core()
  x <- array(1:4 * 60, c(4, 2, 2, 1))
  wide <- structure(c(1, 1, 2, 2) * 4.94e-324, class = "integer64")
  said <- "` has numbers of class integer64"
  expect_error(image_arrays(x, wide), paste0("y", said))
  expect_error(image_arrays(x, groups = wide), paste0("groups", said))
  expect_error(image_arrays(x, facts = list(id = wide)), paste0("id", said))
  expect_error(split_images(image_arrays(x), order_by = wide), paste0("order_by", said))
})

test_that("an element of image data is an image", {
  skip_if_no_core()
  data <- shape_images(3, 3, image_size = 8, seed = 1)
  images <- load_images(data)$images
  expect_identical(data[[1]], images[1, , , ])
  expect_identical(data[[3]], images[3, , , ])
  expect_identical(data[[TRUE]], images[1, , , ])
  expect_identical(data[2:3][[1]], images[2, , , ])
  grey <- shape_images(2, image_size = 8, channels = 1, seed = 1)
  expect_identical(dim(grey[[2]]), c(8L, 8L, 1L))
  expect_identical(seq_along(data), 1:3)
  expect_null(names(data))
  expect_identical(lapply(data, dim), rep(list(c(8L, 8L, 3L)), 3))
  expect_identical(vapply(data, mean, 1), apply(images, 1, mean))
  expect_identical(Map(function(image, label) label, data, as.character(data$labels)),
    as.list(as.character(data$labels)))
  seen <- list()
  for (image in as.list(data)) seen <- c(seen, list(image))
  expect_identical(seen, lapply(1:3, function(i) data[[i]]))
  expect_snapshot(error = TRUE, {
    data[[4]]
    data[[0]]
    data[[-1]]
    data[[NA]]
    data[["a"]]
    data[[1:2]]
    data[[]]
    data[0][[1]]
  })
})

test_that("objects of the core are called as R's methods call them", {
  skip_if_no_core()
  data <- shape_images(8, image_size = 8, seed = 1)
  expect_identical(class(data)[[1]], "reticnn.ImageData")
  policies <- list(Augmentation = augmentation(), RandAugment = rand_augment(),
    TrivialAugment = trivial_augment(), AutoAugment = auto_augment())
  for (name in names(policies)) {
    expect_identical(class(policies[[name]])[[1]], paste0("reticnn.", name))
    expect_s3_class(policies[[name]], "reticnn.Policy")
    expect_no_match(class(policies[[name]]), "^reticnn[.].*[.]")
  }
  expect_identical(class(tiny_classifier()$core)[[1]], "reticnn.Classifier")
})

test_that("a folder of photos is read with its classes", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  for (class in c("dark", "light")) {
    for (i in 1:2) {
      write_png(file.path(folder, class, paste("photo", i, ".PNG")),
        if (class == "dark") "black" else "white")
    }
  }
  data <- image_folder(folder, c(6, 8))
  expect_identical(data$class_counts, c(dark = 2L, light = 2L))
  loaded <- load_images(data)
  expect_identical(dim(loaded$images), c(4L, 6L, 8L, 3L))
  expect_identical(apply(loaded$images, 1, mean), c(0, 0, 255, 255))
  expect_identical(basename(data$files[[1]]), "photo 1 .PNG")
})

test_that("splits follow set.seed() and take names", {
  skip_if_no_core()
  data <- shape_images(40, image_size = 8, seed = 1)
  images <- function(...) load_images(split_images(data, ...)$train)$images
  set.seed(1)
  first <- images()
  set.seed(1)
  expect_identical(images(), first)
  expect_identical(images(seed = 3), images(seed = 3))
  parts <- split_images(data, c(fit = 0.5, tune = 0.25, test = 0.25))
  expect_identical(lengths(parts), c(fit = 20L, tune = 10L, test = 10L))
})

test_that("bad data are refused with what is wrong", {
  skip_if_no_core()
  x <- random_images(4, 4, 4, 3)
  expect_snapshot(error = TRUE, {
    image_arrays(x, c("a", NA, "b", NA))
    image_arrays(x, c(1L, NA, 2L, 1L))
    image_arrays(x, c("a", "b"))
    image_arrays(replace(x + 0, 1:2, NA), 1:4)
    image_arrays(replace(x, 1:3, NA), 1:4)
    image_arrays(array("a", c(1, 4, 4, 3)))
    image_arrays(array(TRUE, c(1, 4, 4, 3)))
    image_arrays(1:3)
    image_arrays(x, c("a", "b", "a", "b"), class_names = c("a", "c"))
    split_images(image_arrays(x, 1:4), 1.5)
    split_images(list(), 0.5)
    shape_images(10, 7)
    shape_images(0)
  })
  expect_error(image_folder("no/such/folder"), "no/such/folder", class = "reticnn_error")
  expect_warning(image_arrays(x * 2 + 0.5), "outside 0 to 255", class = "reticnn_warning")
  expect_warning(image_arrays(x / 255), "Multiply the images by 255")
})

test_that("a person without network learns what to do", {
  skip_if_quick()
  skip_if_no_core()
  # A proxy that refuses stands for a network that is not there.
  lines <- run_r(
    c(
      "cnd <- tryCatch(reticnn::cats_and_dogs(), error = identity)",
      "cat(class(cnd), conditionMessage(cnd), sep = '\\n')"
    ),
    env = c("https_proxy=http://127.0.0.1:9", paste0("KERAS_HOME=", tempfile()))
  )
  expect_true("reticnn_error" %in% lines)
  expect_match(paste(lines, collapse = "\n"), "cannot be reached.*pass its path as `path`")
})

test_that("bad files are named at once, skipped by choice, and listed", {
  skip_if_no_core()
  folder <- photo_folder()
  file.create(file.path(folder, "dark", "empty.png"))
  writeLines("<html>", file.path(folder, "light", "a page.jpg"))
  data <- image_folder(folder, 8)
  cnd <- expect_error(load_images(data), "2 of 6 files", class = "reticnn_error")
  expect_match(conditionMessage(cnd), "empty.png: is empty.*a page.jpg: is not an image")
  expect_warning(
    data <- image_folder(folder, 8, on_bad_image = "skip"), "2 of 6 files",
    class = "reticnn_warning"
  )
  expect_identical(basename(data$skipped), c("empty.png", "a page.jpg"))
  expect_identical(data$class_counts, c(dark = 2L, light = 2L))
  table <- check_images(folder)
  expect_identical(table$ok, c(TRUE, TRUE, FALSE, TRUE, TRUE, FALSE))
  expect_identical(table$class, rep(c("dark", "light"), each = 3))
  expect_identical(table$width, c(20L, 20L, NA, 20L, 20L, NA))
  expect_identical(is.na(table$problem), table$ok)
  one <- check_images(file.path(folder, "dark"))
  expect_identical(one$class, rep(NA_character_, 3))
  expect_identical(vapply(check_images(withr::local_tempdir()), typeof, ""),
    vapply(table, typeof, ""))
})

test_that("large images become tiles, whose predictions come together again", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  files <- file.path(folder, c("north.png", "south.png"))
  for (file in files) {
    ground <- if (grepl("north", file)) "white" else "grey"
    grDevices::png(file, width = 40, height = 24, bg = ground)
    graphics::par(mar = rep(0, 4))
    graphics::plot.new()
    grDevices::dev.off()
  }
  tiles <- image_tiles(files, 16, overlap = 4, labels = factor(c("wet", "dry")),
    facts = data.frame(year = c(2001L, 2002L)))
  table <- tibble::as_tibble(tiles)
  expect_named(table, c("file", "label", "group", "year", "left", "top", "width", "height"))
  expect_identical(table$left[table$file == files[[1]]], rep(c(0L, 12L, 24L), 2))
  expect_identical(table$top, rep(c(0L, 8L), 2, each = 3))
  expect_identical(unique(table$year), c(2001L, 2002L))
  expect_identical(dim(tiles[[1]]), c(16L, 16L, 3L))
  parts <- suppressWarnings(split_images(image_tiles(files, 16), 0.5, seed = 1))
  expect_length(unique(parts$test$files), 1)
  expect_error(image_tiles(files, 30), "has 40 x 24 pixels, fewer than a tile of 30 x 30",
    class = "reticnn_error")

  classifier <- tiny_classifier()
  predicted <- predict(classifier, tiles)
  expect_identical(predicted$.left, table$left)
  expect_s3_class(predicted$.pred_class, "factor")
  whole <- predict(classifier, tiles, summarise = "mean")
  expect_identical(whole$.file, files)
  expect_identical(whole$.tiles, c(6L, 6L))
  expect_equal(whole[[2]], as.vector(tapply(predicted[[2]], predicted$.file, mean)[files]))
  expect_error(predict(classifier, random_images(2, 16, 16, 3), summarise = "mean"),
    "but `new_data` has no tiles", class = "reticnn_error")

  skip_if_not_installed("ggplot2")
  for (class in list(NULL, levels(predicted$.pred_class)[[1]])) {
    plot <- plot_tiles(predicted, files[[2]], class)
    expect_s3_class(plot, "ggplot")
    expect_identical(plot$labels$title, "south.png")
    ggplot2::ggsave(file.path(folder, "map.png"), plot, width = 6, height = 4)
  }
  expect_error(plot_tiles(whole), "without `summarise`", class = "reticnn_error")
})

test_that("the memory for decoding is the user's choice", {
  skip_if_no_core()
  before <- image_memory()
  withr::defer(image_memory(before))
  expect_identical(before, 1.04)
  expect_invisible(expect_identical(image_memory(2), before))
  expect_identical(image_memory(), 2)
  expect_error(image_memory(0), "`gigabytes` must be a number of at least 0.1, not 0",
    class = "reticnn_error")
})

test_that("a data frame's columns make image data", {
  skip_if_no_core()
  folder <- photo_folder()
  photos <- data.frame(file = list.files(folder, recursive = TRUE, full.names = TRUE))
  photos$class <- factor(basename(dirname(photos$file)), c("light", "dark"))
  data <- image_table(photos$file, photos$class, c(6, 8))
  expect_identical(data$class_names, c("light", "dark"))
  expect_identical(load_images(data)$labels, photos$class)
  expect_identical(apply(load_images(data)$images, 1, mean), c(0, 0, 255, 255))
  expect_null(image_table(photos$file[[1]])$labels)
  padded <- image_table(photos$file[3:4], image_size = 30, resize = "pad")
  expect_identical(load_images(padded)$images[1, 15, c(1, 15, 30), 1], c(0L, 255L, 0L))
  expect_snapshot(error = TRUE, {
    image_table(c("a.png", "b.png"), c("cat", NA))
    image_table(c("a.png", NA))
    image_table(c("a.png", "a.png"), c("cat", "dog"))
    image_table("a.png", "cat", resize = "corp")
  })
  expect_error(image_table("no.png", "cat", class_names = c("cat", "dog")),
    "1 of 1 files that do not exist", class = "reticnn_error")
  expect_error(image_table(photos$file, c("cat", "dog")), "lengths, 4 and 2")
  expect_error(image_table(photos$file, rep("cat", 4)), "only one class")
  expect_error(image_table(photos$file, c("cat", "Cat", "dog", "dog")), "only in case")
})

test_that("classes without images are refused or left out, imbalance is shown", {
  skip_if_no_core()
  folder <- photo_folder()
  dir.create(file.path(folder, "none"))
  expect_error(image_folder(folder), "without images: 'none'", class = "reticnn_error")
  expect_warning(data <- image_folder(folder, on_empty_class = "skip"), "skipped: 'none'")
  expect_identical(data$class_names, c("dark", "light"))
  expect_output(print(data[1:3]), "largest class is 2 times the smallest")
  x <- random_images(4, 4, 4, 3)
  expect_error(image_arrays(x, rep("cat", 4)), "only one class", class = "reticnn_error")
  expect_error(image_arrays(x, c("cat", "Cat", "cat", "ox")), "only in case")
})

test_that("every cache gives the same images", {
  skip_if_no_core()
  folder <- photo_folder()
  images <- function(cache) {
    data <- image_folder(folder, 8, cache = cache)
    load_images(data)
    load_images(data)$images
  }
  for (cache in c("memory", "disk", "none")) {
    expect_identical(images(cache), images("auto"), info = cache)
  }
})

test_that("photos of every kind are read, upright and with their own colours", {
  skip_if_no_core()
  home <- withr::local_tempdir()
  environ <- reticulate::import("os", convert = FALSE)$environ
  before <- reticulate::py_get_item(environ, "HOME")
  withr::defer(reticulate::py_set_item(environ, "HOME", before))
  reticulate::py_set_item(environ, "HOME", home)
  pillow <- reticulate::import("PIL.Image")
  folder <- file.path(home, "pics")
  for (class in c("left", "right")) dir.create(file.path(folder, class), recursive = TRUE)
  orange <- pillow$new("RGB", tuple(20L, 10L), tuple(200L, 100L, 0L))
  for (name in c("a.tif", "b.webp", "C.PNG", "d.JPeG")) {
    orange$save(file.path(folder, "left", name))
  }
  # Dark above and light below, stored lying on its side as a phone does it.
  photo <- pillow$new("L", tuple(16L, 16L), 0L)
  photo$paste(255L, tuple(8L, 0L, 16L, 16L))
  exif <- photo$getexif()
  reticulate::py_set_item(exif, 274L, 6L)
  photo$save(file.path(folder, "right", "phone.jpg"), exif = exif, quality = 95L)
  deep <- pillow$new("I;16", tuple(4L, 4L), 32896L)
  deep$save(file.path(folder, "right", "deep.png"))

  data <- image_folder("~/pics", 16)
  expect_identical(data$class_counts, c(left = 4L, right = 2L))
  images <- load_images(data)$images
  means <- apply(images, c(1, 4), mean)
  expect_equal(means[1:4, ], matrix(c(200, 100, 0), 4, 3, byrow = TRUE), tolerance = 0.02)
  deep <- images[basename(data$files) == "deep.png", , , ]
  expect_equal(unique(as.vector(deep)), 32896 / 65535 * 255, tolerance = 1e-6)
  upright <- images[basename(data$files) == "phone.jpg", , , 1]
  expect_lt(max(upright[1:6, ]), 20)
  expect_gt(min(upright[11:16, ]), 235)
})

test_that("labels and counts are R's", {
  skip_if_no_core()
  x <- array(0, c(3, 8, 8, 1))
  data <- image_arrays(x, c("b", "a", "b"), c("b", "a", "c"))
  expect_identical(data$labels, factor(c("b", "a", "b"), c("b", "a", "c")))
  expect_identical(data$class_counts, c(b = 2L, a = 1L, c = 0L))
  expect_identical(names(sort(data$class_counts)), c("c", "a", "b"))
  expect_identical(data$image_shape, list(8L, 8L, 1L))
  expect_identical(as.integer(table(data$labels)), c(2L, 1L, 0L))
  unlabelled <- image_arrays(x)
  expect_null(unlabelled$labels)
  expect_null(unlabelled$class_counts)
  expect_identical(image_arrays(x, c(TRUE, FALSE, NA)[c(1, 2, 1)])$class_names, c("FALSE", "TRUE"))
  sick <- c(TRUE, FALSE, TRUE)
  expect_identical(as.character(image_arrays(x, sick, c("no", "yes"))$labels),
    c("yes", "no", "yes"))
  expect_identical(image_arrays(x, sick, c("TRUE", "FALSE"))$labels,
    factor(sick, c(TRUE, FALSE)))
})

test_that("c() joins image data, and as_tibble() gives files and labels", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  for (class in c("dark", "light")) write_png(file.path(folder, class, "1.png"), "red")
  data <- image_folder(folder, 16)
  both <- c(data, data[2], shape_images(2, image_size = 16, seed = 1))
  expect_identical(length(both), 5L)
  expect_identical(levels(both$labels), c("dark", "light", "circle", "square"))
  expect_identical(both[[3]], data[[2]])
  expect_error(c(data, shape_images(2)), "16 x 16 x 3 and 32 x 32 x 3", class = "reticnn_error")
  expect_error(c(data, 1), class = "reticnn_error")
  expect_identical(
    tibble::as_tibble(data),
    tibble::tibble(file = data$files, label = factor(c("dark", "light")))
  )
  expect_named(tibble::as_tibble(both), "label")
  expect_identical(dim(tibble::as_tibble(image_arrays(array(0, c(3, 8, 8, 1))))), c(3L, 0L))
})

test_that("folders work where image data do", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  for (class in c("dark", "light")) {
    write_png(file.path(folder, class, "1.png"), c(dark = "black", light = "white")[[class]])
  }
  expect_identical(levels(load_images(folder)$labels), c("dark", "light"))
  model <- build_cnn(c(16, 16, 3), n_blocks = 1, filters = 2, units = NULL)
  classifier <- fit_classifier(model, folder, epochs = 1)
  expect_identical(evaluate_classifier(classifier, folder)$n, 2L)
  expect_identical(nrow(augment(classifier, folder)), 2L)
})

test_that("what R's habits do with image data works, or says what to do instead", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  for (class in c("dark", "light")) write_png(file.path(folder, class, "1.png"), "red")
  data <- image_folder(folder, 16)
  expect_identical(length(do.call(c, list(train = data, test = data))), 4L)
  expect_error(c(data, "a.png"), "`...` must be image data, not 'a.png'", fixed = TRUE)
  frame <- as.data.frame(data)
  expect_identical(frame, data.frame(file = data$files, label = data$labels))
  expect_identical(data.frame(data, n = 1:2), data.frame(frame, n = 1:2))
  expect_error(data$label, "`labels`, `files`", class = "reticnn_error")
  copy <- data
  refused <- function(expression) {
    expect_error(expression, "image_table(data$files, labels)", fixed = TRUE)
  }
  refused(copy$class_names <- c("a", "b"))
  refused(copy$labels[1] <- "light")
  refused(copy[1] <- data[2])
  refused(copy[[1]] <- data[[2]])
  expect_identical(data$class_names, c("dark", "light"))
  labels <- stats::setNames(c("light", "dark"), rev(data$files))
  expect_error(image_table(data$files, labels), "`labels[paths]`", fixed = TRUE)
  expect_identical(image_table(data$files, labels[data$files])$labels, data$labels)
  expect_error(fit_classifier(build_cnn(), frame), "2 rows and 2 columns.*image_table\\(")
  expect_error(load_images(frame[1, 1, drop = FALSE]), "1 row and 1 column.*image_table\\(")
})

test_that("image data that R cannot keep say so, and why", {
  skip_if_no_core()
  file <- withr::local_tempfile(fileext = ".rds")
  files <- list.files(photo_folder(), recursive = TRUE, full.names = TRUE)
  own <- image_table(files, basename(dirname(files)), 8,
    reader = function(path) matrix(0, 8, 8))
  saveRDS(own, file)
  gone <- readRDS(file)
  expect_output(print(gone), "given as `reader`.*Make it again")
  told <- function(expression, name) {
    expect_error(expression, paste0("`", name, "` is gone.*`reader`.*Make it again"),
      class = "reticnn_error")
  }
  told(length(gone), "data")
  told(gone$labels, "data")
  told(gone[1], "data")
  told(load_images(gone), "data")
  told(predict(tiny_classifier(), gone), "new_data")
  told(augment(tiny_classifier(), gone), "data")
  told(fit_classifier(build_cnn(), shape_images(4), validation = gone), "validation")
  told(c(shape_images(4, image_size = 8), gone), "...")
})

test_that("files are those of the folder in which they were named", {
  skip_if_no_core()
  folders <- vapply(c("black", "white"), function(colour) {
    folder <- withr::local_tempdir(.local_envir = parent.frame(2))
    for (class in c("a", "b")) write_png(file.path(folder, "photos", class, "1.png"), colour)
    folder
  }, "")
  withr::local_dir(folders[["black"]])
  data <- image_folder("photos", 8)
  setwd(folders[["white"]])
  expect_identical(max(load_images(data)$images), 0L)
  expect_identical(min(load_images(image_folder("photos", 8))$images), 255L)
  expect_identical(data$files, file.path("photos", c("a", "b"), "1.png"))
})

test_that("copies of a photo are on one side of a split", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  for (i in 1:4) {
    file <- file.path(folder, c("a", "b"), paste0(i, ".png"))
    write_png(file[[1]], paste0("grey", 10 * i))
    write_png(file[[2]], paste0("grey", 50 + 10 * i))
    file.copy(file, sub(".png", " copy.png", file, fixed = TRUE))
  }
  parts <- split_images(image_folder(folder, 8), 0.5, seed = 1)
  values <- lapply(parts, function(part) unique(apply(load_images(part)$images, 1, sum)))
  expect_identical(lengths(values), c(train = 4L, test = 4L))
  expect_length(intersect(values$train, values$test), 0)
})

test_that("groups and facts are those of R, and stay with the images", {
  skip_if_no_core()
  x <- random_images(4, 8, 8, 3)
  facts <- data.frame(
    time = as.POSIXct("2024-05-01 12:00:00", tz = "UTC") + c(0, 0.5, NA, 7),
    day = as.Date("2024-05-01") + c(0, NA, 1, 2),
    sex = factor(c("f", "m", NA, "f")), weight = c(1.5, NA, 2, 3), n = c(1L, NA, 3L, 4L),
    ok = c(TRUE, NA, FALSE, TRUE), name = c("\u00e9", NA, "NA", "d")
  )
  data <- image_arrays(x, c("a", "b", "a", "b"), groups = factor(c("s", "s", "t", "u")),
    facts = facts)
  facts$sex <- as.character(facts$sex)
  expect_identical(data$groups, c("s", "s", "t", "u"))
  expect_identical(as.data.frame(data$facts), facts)
  expect_identical(as.data.frame(data[c(4, 1)]$facts), `rownames<-`(facts[c(4, 1), ], NULL))
  expect_identical(
    tibble::as_tibble(data),
    tibble::tibble(label = data$labels, group = data$groups, !!!facts)
  )
  expect_output(print(data), "in 3 groups\nfacts: time, day, sex", fixed = TRUE)
  both <- c(data[1], image_arrays(x[1, , , , drop = FALSE], "a", c("a", "b"), groups = 7,
    facts = list(site = NA_character_)))
  expect_identical(both$groups, c("s", "7"))
  expect_identical(both$facts$site, c(NA, NA))
  expect_identical(image_arrays(x, groups = "n", facts = facts[c(1, 1, 3, 3), ])$groups,
    c("1", "1", "3", "3"))
  expect_identical(image_arrays(x, groups = c(TRUE, FALSE, TRUE, TRUE))$groups,
    c("TRUE", "FALSE", "TRUE", "TRUE"))
  expect_identical(dim(image_arrays(x)$facts), c(4L, 0L))
  expect_null(image_arrays(x)$groups)
  expect_snapshot(error = TRUE, {
    image_arrays(x, groups = c("a", NA, "b", NA))
    image_arrays(x, groups = 1:3)
    image_arrays(x, groups = "site", facts = data.frame(home = 1:4))
    image_arrays(x, facts = 1:4)
    image_arrays(x, facts = data.frame(a = 1:3))
    image_arrays(x, facts = data.frame(label = 1:4))
    c(data, image_arrays(x, c("a", "b", "a", "b")))
  })
})

test_that("weights are a column or a vector of R, and stay with the images", {
  skip_if_no_core()
  x <- random_images(4, 8, 8, 3)
  labels <- c("a", "b", "a", "b")
  data <- image_arrays(x, labels, weights = c(0.5, 0, 2, 1))
  expect_identical(data$weights, c(0.5, 0, 2, 1))
  expect_identical(data[c(4, 1)]$weights, c(1, 0.5))
  expect_identical(c(data[2], data[3])$weights, c(0, 2))
  expect_identical(
    tibble::as_tibble(data),
    tibble::tibble(label = data$labels, image_weight = data$weights)
  )
  expect_output(print(data), "weights: 0 to 2", fixed = TRUE)
  expect_identical(image_arrays(x, labels, weights = 1:4)$weights, c(1, 2, 3, 4))
  expect_identical(
    image_arrays(x, labels, weights = "w", facts = data.frame(w = 1:4))$weights,
    c(1, 2, 3, 4)
  )
  expect_null(image_arrays(x, labels)$weights)
  expect_snapshot(error = TRUE, {
    image_arrays(x, labels, weights = c(1, NA, 1, 1))
    image_arrays(x, labels, weights = 1:3)
    image_arrays(x, labels, weights = c(1, 2, -3, 4))
    image_arrays(x, labels, weights = c(TRUE, FALSE, TRUE, TRUE))
    image_arrays(x, labels, weights = factor(1:4))
    c(data, image_arrays(x, labels))
  })
})

numbers_of <- function(folds) lapply(folds$test, function(part) part$facts$number)

test_that("splits and folds leave groups whole, as in Python for the same seed", {
  skip_if_no_core()
  set.seed(1)
  site <- sample(letters[1:12], 120, TRUE)
  data <- image_arrays(array(rep(0:119, 12), c(120, 2, 2, 3)), rep(c("x", "y"), 60),
    groups = site, facts = data.frame(number = 1:120, site = site))
  expect_message(parts <- split_images(data, 0.75, seed = 1), "Groups stay whole",
    class = "reticnn_message")
  expect_length(intersect(parts$train$groups, parts$test$groups), 0)
  core <- reticulate::import("reticnn", convert = FALSE)
  in_python <- core$split_images(data, 0.75, seed = 1L)
  expect_identical(reticulate::py_to_r(in_python["test"])$facts$number,
    parts$test$facts$number)
  suppressMessages({
    expect_identical(split_images(data, groups = factor(site), seed = 1)$test$groups,
      split_images(data, groups = "site", seed = 1)$test$groups)
    folds <- fold_images(data, 3, repeats = 2, seed = 1)
    again <- fold_images(data, 3, repeats = 2, groups = site, seed = 1)
    set.seed(3)
    drawn <- fold_images(data, 3)
    set.seed(3)
    expect_identical(numbers_of(fold_images(data, 3)), numbers_of(drawn))
  })
  expect_s3_class(folds, "tbl_df")
  expect_named(folds, c("repeat", "fold", "train", "test"))
  expect_identical(folds$`repeat`, rep(1:2, each = 3L))
  expect_identical(folds$fold, rep(1:3, 2))
  expect_identical(numbers_of(again), numbers_of(folds))
  expect_identical(sort(unlist(numbers_of(folds[1:3, ]))), 1:120)
  for (i in 1:6) {
    expect_length(intersect(folds$train[[i]]$groups, folds$test[[i]]$groups), 0)
    expect_identical(length(folds$train[[i]]) + length(folds$test[[i]]), 120L)
  }
  expect_output(print(folds), "repeat. +fold +train +test")
  expect_error(fold_images(data, 13), "at most 12 folds", class = "reticnn_error")
})

test_that("a split by time takes R's dates and times", {
  skip_if_no_core()
  x <- array(rep(0:39, 12), c(40, 2, 2, 3))
  time <- as.POSIXct("2024-05-01 12:00:00", tz = "UTC") + 60 * sample(40)
  data <- image_arrays(x, facts = data.frame(time = time))
  newest <- sort(time)[31:40]
  for (order_by in list("time", time, as.numeric(time), format(time))) {
    test <- split_images(data, 0.75, order_by = order_by)$test
    expect_identical(sort(test$facts$time), newest)
  }
  days <- as.Date("2024-05-01") + rep(1:4, each = 10)
  expect_identical(load_images(split_images(data, 0.75, order_by = days)$test)$images[, 1, 1, 1],
    30:39)
  expect_error(split_images(data, order_by = replace(time, 3, NA)), "NA at 1 of 40 positions: 3")
  expect_error(split_images(data, order_by = rep("now", 40)), "'now'.*not a time")
})

test_that("resamples of rsample are folds", {
  skip_if_no_core()
  skip_if_not_installed("rsample")
  x <- array(rep(0:59, 12), c(60, 2, 2, 3))
  data <- image_arrays(x, rep(c("x", "y"), 30), groups = rep(letters[1:6], each = 10),
    facts = data.frame(number = 1:60))
  table <- tibble::as_tibble(data)
  set.seed(1)
  made <- rsample::group_vfold_cv(table, group, v = 3)
  expect_silent(folds <- fold_images(data, made))
  for (i in 1:3) {
    expect_identical(folds$train[[i]]$facts$number,
      rsample::analysis(made$splits[[i]])$number)
    expect_identical(folds$test[[i]]$facts$number,
      rsample::assessment(made$splits[[i]])$number)
  }
  # As even as those of rsample, in groups of one size.
  ours <- suppressMessages(fold_images(data, 3, seed = 1))
  expect_identical(lengths(lapply(ours$test, `[`)), lengths(lapply(folds$test, `[`)))
  one <- fold_images(data, rsample::initial_time_split(table, prop = 0.5))
  expect_identical(one$test[[1]]$facts$number, 31:60)
  expect_warning(fold_images(data, rsample::vfold_cv(table, v = 2)), "group in both parts")
  expect_error(fold_images(data[-1], made), "made of `as_tibble(data)`", fixed = TRUE)
  # Images in memory are known by what else is known of them.
  mixed <- rsample::vfold_cv(table[60:1, ], v = 2)
  expect_error(fold_images(data, mixed), "in the same order")
  bare <- rsample::vfold_cv(table["label"], v = 2)
  expect_warning(fold_images(data, bare), "group in both parts")
  expect_error(fold_images(data, rsample::vfold_cv(table[60:1, "label"], v = 2)), "same order")
  pairs <- lapply(made$splits, function(split) {
    list(train = as.integer(split, "analysis"), test = as.integer(split, "assessment"))
  })
  expect_identical(numbers_of(fold_images(data, pairs)), numbers_of(fold_images(data, made)))
  expect_error(fold_images(data, list(list(1:30, 31:61))), "position 61 (counted from 1)",
    fixed = TRUE)
  boot <- rsample::bootstraps(table, 2)
  expect_warning(folds <- fold_images(data, boot), "group in both parts")
  expect_identical(folds$train[[1]]$facts$number, rsample::analysis(boot$splits[[1]])$number)
})

test_that("folds of groups are as even as those of rsample", {
  skip_if_no_core()
  skip_if_not_installed("rsample")
  set.seed(1)
  for (i in 1:5) {
    site <- sample(letters[1:15], 200, TRUE, prob = rexp(15) + 0.05)
    data <- image_arrays(array(rep(0:199, 12), c(200, 2, 2, 3)), groups = site)
    made <- rsample::group_vfold_cv(tibble::as_tibble(data), group, v = 4,
      balance = "observations")
    spread <- function(folds) diff(range(vapply(folds$test, length, 1L)))
    expect_lte(spread(suppressMessages(fold_images(data, 4, seed = i))),
      spread(fold_images(data, made)))
  }
})

test_that("a share for validation leaves groups whole", {
  skip_if_quick()
  skip_if_no_core()
  data <- image_arrays(random_images(40, 16, 16, 3), rep(c("x", "y"), 20),
    groups = rep(1:10, each = 4))
  model <- build_cnn(c(16, 16, 3), n_blocks = 1, filters = 2, units = NULL)
  expect_message(fit_classifier(model, data, validation = 0.2, epochs = 1),
    "2 groups with 20.0% of the images in 'validation'", class = "reticnn_message")
})

test_that("groups of a folder are a level of folders, or a function in R", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  for (species in c("deer", "fox")) {
    for (site in c("n", "s")) write_png(file.path(folder, species, site, "\u00e9.png"), "red")
  }
  expect_warning(data <- image_folder(folder, 8), "Which are the classes.*groups = 1\\)`")
  expect_null(data$groups)
  expect_identical(image_folder(folder, 8, groups = 2)$groups, c("n", "s", "n", "s"))
  turned <- image_folder(folder, 8, groups = 1)
  expect_identical(turned$class_counts, c(n = 2L, s = 2L))
  expect_identical(turned$groups, c("deer", "fox", "deer", "fox"))
  paths <- character()
  data <- image_folder(folder, 8, groups = function(path) {
    paths <<- c(paths, path)
    factor(basename(dirname(path)), c("s", "n"))
  })
  expect_identical(data$groups, c("n", "s", "n", "s"))
  expect_identical(paths, data$files)
  expect_error(image_folder(folder, 8, groups = function(path) NA), "returns NA for",
    class = "reticnn_error")
  expect_error(image_folder(folder, 8, groups = function(path) stop("no such site")),
    "`groups` fails for .*no such site", class = "reticnn_error")
  expect_error(image_folder(folder, 8, groups = "site"), "a level of folders",
    class = "reticnn_error")
})

test_that("what cameras have written into photos are columns on demand", {
  skip_if_no_core()
  folder <- withr::local_tempdir()
  pillow <- reticulate::import("PIL.Image")
  for (i in 1:4) {
    photo <- pillow$new("RGB", tuple(12L, 8L), tuple(10L * i, 0L, 0L))
    exif <- photo$getexif()
    reticulate::py_set_item(exif, 272L, "HF2")
    if (i < 4) reticulate::py_set_item(exif, 306L, sprintf("2024:05:0%d 12:30:00", i))
    dir.create(file.path(folder, c("a", "b")[i %% 2 + 1]), showWarnings = FALSE)
    photo$save(file.path(folder, c("a", "b")[i %% 2 + 1], paste0(i, ".jpg")), exif = exif)
  }
  data <- image_folder(folder, 8)
  expect_named(tibble::as_tibble(data), c("file", "label"))
  table <- tibble::as_tibble(data, exif = TRUE)
  expect_named(table, c("file", "label", "exif_time", "exif_camera", "file_size",
    "file_width", "file_height"))
  expect_identical(table$exif_time,
    as.POSIXct("2024-05-01 12:30:00", tz = "UTC") + 86400 * c(1, NA, 0, 2))
  expect_identical(table$exif_camera, rep("HF2", 4))
  expect_equal(table$file_size, file.size(data$files))
  expect_identical(table$file_width, rep(12L, 4))
  expect_identical(table[1:2], tibble::as_tibble(data))
  expect_identical(as.data.frame(data, exif = TRUE), as.data.frame(table))
  # Kept as facts, they are what splits and new tables have.
  kept <- image_table(table$file, table$label, 8, facts = table[3:5], groups = "exif_camera")
  expect_identical(kept$facts, table[3:5])
  expect_named(tibble::as_tibble(kept, exif = TRUE), c("file", "label", "group",
    "exif_time", "exif_camera", "file_size", "file_width", "file_height"))
  test <- suppressWarnings(split_images(data[-2], 0.6, order_by = "exif_time")$test)
  expect_identical(basename(test$files), "3.jpg")
  expect_error(tibble::as_tibble(shape_images(4), exif = TRUE), "in memory",
    class = "reticnn_error")
  expect_error(tibble::as_tibble(data, exif = NA), "`exif`", class = "reticnn_error")
})
