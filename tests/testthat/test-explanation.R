# What R adds to the core's explanations: tibbles, positions from 1, printing, plots.

test_that("an explanation has maps, a tibble of the same rows, and prints", {
  skip_if_no_core()
  data <- shape_images(3, image_size = 16, seed = 1)
  classifier <- tiny_classifier()
  found <- suppressWarnings(
    explain_prediction(classifier, data, "all", c("layer_cam", "gradient"))
  )
  expect_s3_class(found, "reticnn_explanation")
  expect_identical(dim(found$maps), c(12L, 16L, 16L))
  expect_s3_class(found$table, "tbl_df")
  expect_identical(found$table$image, rep(1:3, each = 4))
  expect_identical(levels(found$table$class), classifier$class_names)
  expect_identical(found$table$method, rep(rep(c("layer_cam", "gradient"), each = 2), 3))
  expect_identical(is.na(found$table$layer), found$table$method == "gradient")
  expect_identical(found$table$against, rep(NA_character_, 12))
  predicted <- predict(classifier, data)
  expect_equal(found$table$probability[c(1, 5, 9)], predicted[[2]], tolerance = 1e-5)
  expect_identical(dim(found$images), c(3L, 16L, 16L, 3L))
  expect_output(print(found), "3 images of 16 x 16, 12 maps")
  expect_output(print(found), "layer_cam in '")
  expect_output(print(found), "before sigmoid")
})

test_that("the seed is R's, and factors are names", {
  skip_if_no_core()
  data <- shape_images(2, image_size = 16, seed = 1)
  explain <- function() {
    withr::local_seed(4)
    explain_prediction(tiny_classifier(), data, factor("square"), "smooth_grad", samples = 2)
  }
  first <- explain()
  expect_identical(explain()$maps, first$maps)
  expect_identical(as.character(first$table$class), rep("square", 2))
})

test_that("an explanation is drawn, also one that was read again", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  folder <- withr::local_tempdir()
  write_png(file.path(folder, "a.png"), "red")
  write_png(file.path(folder, "b.png"), "blue")
  found <- suppressWarnings(
    explain_prediction(tiny_classifier(), folder, "all", "integrated_gradients")
  )
  file <- withr::local_tempfile()
  saveRDS(found, file)
  plot <- plot(readRDS(file))
  expect_s3_class(plot, "ggplot")
  built <- ggplot2::ggplot_build(plot)
  expect_identical(nrow(built$data[[1]]), 6L)
  one <- plot(found, n = 1)
  expect_identical(nrow(ggplot2::ggplot_build(one)$data[[1]]), 3L)
  expect_error(plot(found, images = random_images(3, 16, 16, 3)), "`images` has 3 images",
    class = "reticnn_error")
})

test_that("bad arguments of an explanation are named as in R", {
  skip_if_no_core()
  data <- shape_images(2, image_size = 16, seed = 1)
  explain <- function(...) explain_prediction(tiny_classifier(), data, ...)
  expect_error(explain("cricle"), "`classes`.*'circle'", class = "reticnn_error")
  expect_error(explain(method = "cam"), "`method`.*'grad_cam'", class = "reticnn_error")
  expect_error(explain(layer = "no"), "`layer` is 'no'", class = "reticnn_error")
  expect_error(explain(baseline = c(1, 2)), "`baseline`.*c\\(1, 2\\)", class = "reticnn_error")
})

test_that("scores of an explanation are tibbles, print what they mean, and are drawn", {
  skip_if_no_core()
  data <- shape_images(3, image_size = 16, seed = 1, masks = TRUE)
  classifier <- tiny_classifier()
  found <- explain_prediction(classifier, data, method = c("gradient", "occlusion"))
  score <- function(...) {
    withr::local_seed(2)
    explanation_scores(found, classifier, steps = 3, samples = 1, ...)
  }
  scores <- score(masks = data$masks)
  expect_s3_class(scores, "reticnn_explanation_scores")
  expect_identical(nrow(scores$table), 6L)
  expect_identical(scores$table$image, rep(1:3, each = 2))
  expect_identical(nrow(scores$summary), 12L)
  expect_type(scores$table$pointing, "double")
  expect_identical(scores$table$region[c(1, 3, 5)],
    vapply(1:3, function(i) mean(data$masks[i, , ]), 0))
  expect_setequal(scores$curves$method, c("gradient", "occlusion", "random"))
  expect_output(print(scores), "6 maps of 3 images")
  expect_output(print(scores), "sanity: rank correlation")
  skip_if_not_installed("ggplot2")
  built <- ggplot2::ggplot_build(plot(scores))
  expect_identical(nlevels(built$layout$layout$panel), 3L)
  expect_identical(score(masks = data$masks)$table, scores$table)
  expect_error(score("energy"), "`measures` has 'energy'.*masks", class = "reticnn_error")
  expect_error(explanation_scores(3, classifier), "`explanation`", class = "reticnn_error")
  expect_error(score(masks = data$masks[1:2, , ]), "c\\(2, 16, 16\\)", class = "reticnn_error")
})

test_that("an embedding is a matrix with names, in the order of the images", {
  skip_if_no_core()
  data <- shape_images(5, image_size = 16, seed = 1)
  rows <- embed_images(tiny_classifier(), data)
  expect_identical(dim(rows), c(5L, 8L))
  expect_identical(colnames(rows)[c(1, 8)], c(".embedding_1", ".embedding_8"))
  expect_equal(embed_images(tiny_classifier(), data[[2]])[1, ], rows[2, ], tolerance = 1e-5)
  expect_identical(ncol(embed_images(tiny_classifier(), data, layer = "block1_conv1")), 4L)
  expect_error(embed_images(tiny_classifier(), data, layer = "no"), "`layer` is 'no'",
    class = "reticnn_error")
})

test_that("similar images are a tibble with positions from 1", {
  skip_if_no_core()
  data <- shape_images(30, image_size = 16, seed = 1)
  classifier <- tiny_classifier()
  found <- similar_images(classifier, data[3:4], data, n = 3)
  expect_s3_class(found, c("reticnn_similar", "tbl_df"), exact = FALSE)
  expect_identical(found$query, rep(1:2, each = 3))
  expect_identical(found$rank, rep(1:3, 2))
  expect_false(any(found$image[1:3] == 3))
  expect_identical(as.character(found$class), data$labels[found$image] |> as.character())
  expect_identical(levels(found$class), classifier$class_names)
  rows <- tibble::as_tibble(embed_images(classifier, data))
  same <- similar_images(classifier, data[3:4], data, n = 3, embedding = rows,
    keep_copies = TRUE)
  expect_identical(same$image[c(1, 4)], 3:4)
  expect_identical(same$image[2:3], found$image[1:2])
  expect_output(print(found), "2 images, the most similar of 30, cosine distance")
  expect_output(print(found[c("query", "class")]), "query")
  none <- similar_images(classifier, data[1], data[1])
  expect_identical(dim(none), c(0L, ncol(found)))
  expect_identical(levels(none$class), levels(found$class))
  skip_if_not_installed("ggplot2")
  plot <- plot(found, data[3:4], data, n = 1)
  expect_identical(nrow(ggplot2::ggplot_build(plot)$data[[1]]), 4L)
  expect_error(plot(found, data[3:4], data[1:2]), "`among`", class = "reticnn_error")
  expect_error(plot(found, n = 0, images = data, among = data), "`n`", class = "reticnn_error")
})

test_that("images of classes and filters have a tibble, print and are drawn", {
  skip_if_no_core()
  found <- class_image(tiny_classifier(), factor("square"), steps = 2, seed = 1)
  expect_s3_class(found, "reticnn_class_images")
  expect_identical(dim(found$images), c(1L, 16L, 16L, 3L))
  expect_true(all(found$images >= 0 & found$images <= 255))
  expect_identical(as.character(found$table$class), "square")
  expect_output(print(found), "1 image of 16 x 16")
  make <- function() {
    withr::local_seed(4)
    class_image(tiny_classifier(), layer = "block1_conv1", filters = c(2, 4), steps = 2)
  }
  filters <- make()
  expect_identical(make()$images, filters$images)
  expect_identical(filters$table$filter, c(2L, 4L))
  expect_error(class_image(tiny_classifier(), layer = "block1_conv1", filters = 5),
    "`filters` must be numbers of 1 to 4", class = "reticnn_error")
  skip_if_not_installed("ggplot2")
  file <- withr::local_tempfile()
  saveRDS(filters, file)
  built <- ggplot2::ggplot_build(plot(readRDS(file)))
  expect_identical(nrow(built$data[[1]]), 2L)
})

test_that("an embedding is drawn with its classes, rings and thumbnails", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  data <- mostly_right(20)
  rows <- embed_images(tiny_classifier(), data)
  plot <- plot_embedding(rows, data, predict(tiny_classifier(), data), thumbnails = 3)
  built <- ggplot2::ggplot_build(plot)
  expect_identical(nrow(built$data[[1]]), 20L)
  expect_identical(nrow(built$data[[2]]), 4L)
  expect_length(unique(built$data[[1]]$colour), 2)
  # Two layers of points, and three images.
  expect_length(plot$layers, 5)
  bare <- ggplot2::ggplot_build(plot_embedding(tibble::as_tibble(rows)))
  expect_equal(bare$data[[1]]$x, built$data[[1]]$x)
  expect_error(plot_embedding(rows, data$labels[1:3]), "`data` has 3 images",
    class = "reticnn_error")
  if (!nzchar(system.file(package = "Rtsne"))) {
    expect_error(plot_embedding(rows, method = "tsne"), "needs the package Rtsne",
      class = "reticnn_error")
  }
})

test_that("t-SNE and UMAP are those of R's packages, and leave its random numbers", {
  skip_if_no_core()
  skip_if_not_installed("ggplot2")
  rows <- embed_images(tiny_classifier(), shape_images(20, image_size = 16, seed = 1))
  for (method in c(Rtsne = "tsne", uwot = "umap")) {
    skip_if_not_installed(c(tsne = "Rtsne", umap = "uwot")[[method]])
    set.seed(1)
    before <- .Random.seed
    points <- plot_embedding(rows, method = method, seed = 3)$data
    expect_identical(.Random.seed, before)
    expect_identical(plot_embedding(rows, method = method, seed = 3)$data, points)
    expect_false(anyNA(points$x))
  }
})
