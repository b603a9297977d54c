# What R adds to the core's review: a tibble, positions from 1, printing.

# Images that look like none of the others: coarse patterns with grain.
patterns <- function(n, size = 32, seed = 1) {
  withr::local_seed(seed)
  images <- array(0, c(n, size, size, 3))
  of_block <- ceiling(seq_len(size) / (size / 4))
  for (i in seq_len(n)) {
    blocks <- array(runif(4 * 4 * 3, 40, 215), c(4, 4, 3))
    images[i, , , ] <- blocks[of_block, of_block, ]
  }
  round(pmin(pmax(images + rnorm(length(images), sd = 10), 0), 255))
}

# Arrays one below the other along their first dimension.
abind_first <- function(...) {
  parts <- lapply(list(...), function(x) aperm(x, c(2, 3, 4, 1)))
  n <- sum(vapply(parts, function(x) dim(x)[4], 1))
  aperm(array(unlist(parts), c(dim(parts[[1]])[1:3], n)), c(4, 1, 2, 3))
}

test_that("a review is a tibble that counts images from 1", {
  skip_if_no_core()
  x <- patterns(40)
  x <- abind_first(x, x[c(3, 8), , , ], x[5, , 32:1, , drop = FALSE])
  data <- image_arrays(x, c(rep(c("cat", "dog"), 20), "cat", "cat", "cat"))
  review <- review_images(data)
  expect_s3_class(review, c("reticnn_review", "tbl_df"), exact = FALSE)
  exact <- review[review$kind == "exact_duplicates", ]
  expect_identical(exact$image, c(3L, 41L, 8L, 42L))
  expect_identical(exact$extra, c(FALSE, TRUE, FALSE, TRUE))
  expect_identical(as.character(exact$severity), rep("medium", 4))
  expect_identical(review$image[review$kind == "near_duplicates"], c(5L, 43L))
  expect_identical(review$label[review$kind == "conflicting_labels"], c("dog", "cat"))
  left <- data[-review$image[review$extra]]
  expect_identical(length(left), 40L)
  expect_false(any(grepl("duplicates", review_images(left)$kind)))
  expect_output(print(review), "<reticnn_review> 43 images: 4 findings", fixed = TRUE)
  expect_output(print(review), "exact_duplicates +2 +4")
})

test_that("parts are a named list, thresholds a named vector", {
  skip_if_no_core()
  x <- patterns(30)
  x[4, , , ] <- 90
  parts <- list(train = image_arrays(x[1:20, , , ]), test = image_arrays(x[c(21:30, 7), , , ]))
  review <- review_images(parts)
  leak <- review[review$kind == "leak", ]
  expect_identical(leak$part, c("train", "test"))
  expect_identical(leak$image, c(7L, 11L))
  expect_identical(review$image[review$kind == "blank"], 4L)
  expect_output(print(review), "31 images (train 20, test 11): 2 findings", fixed = TRUE)
  few <- review_images(parts, kinds = "blank", thresholds = c(blank = 0))
  expect_identical(nrow(few), 0L)
  expect_identical(vapply(few, typeof, ""), vapply(review, typeof, ""))
  expect_output(print(few), "0 findings")
  expect_output(print(review[review$finding == 1, ]), "): 1 finding\n", fixed = TRUE)
  expect_output(print(review[c("part", "why")]), "tibble: 3 .+ 2")
})

test_that("bad arguments of a review are named as in R", {
  skip_if_no_core()
  data <- image_arrays(patterns(3))
  expect_error(review_images(data, kinds = "blurry"), "`kinds`.*'blurred'",
    class = "reticnn_error")
  expect_error(review_images(data, thresholds = c(drak = 1)), "`thresholds`.*'dark'",
    class = "reticnn_error")
  expect_error(review_images(list(a = data, b = 1)), "`data`", class = "reticnn_error")
})

test_that("wrong labels are found by a classifier's features, or by its predictions", {
  skip_if_no_core()
  data <- shape_images(200, image_size = 16, seed = 5)
  images <- load_images(data)$images
  wrong <- c(3, 50, 120)
  labels <- data$labels
  labels[wrong] <- rev(levels(labels))[as.integer(labels[wrong])]
  data <- image_arrays(images, labels)
  # As if a classifier were sure of the true class.
  chances <- matrix(0.1, 200, 2)
  truth <- as.integer(shape_images(200, image_size = 16, seed = 5)$labels)
  chances[cbind(1:200, truth)] <- 0.9
  review <- review_images(data, probabilities = chances, kinds = "wrong_label")
  expect_identical(sort(review$image), as.integer(wrong))
  table <- tibble::tibble(.pred_circle = chances[, 1], .pred_square = chances[, 2])
  again <- review_images(data, probabilities = table, kinds = "wrong_label")
  expect_identical(again, review)
  parts <- list(a = data[1:100], b = data[101:200])
  by_part <- review_images(parts, probabilities = list(a = table[1:100, ], b = table[101:200, ]),
    kinds = "wrong_label")
  expect_identical(sort(by_part$image), c(3L, 20L, 50L))
  # Features of random weights tell next to nothing, and that is said.
  expect_warning(
    found <- review_images(data, classifier = tiny_classifier(), kinds = "wrong_label"),
    "hardly tells the classes apart", fixed = TRUE)
  expect_identical(attr(found, "kinds"), "wrong_label")
})

test_that("a split keeps together what a review found", {
  skip_if_no_core()
  x <- patterns(30)
  data <- image_arrays(abind_first(x, x[1:10, , 32:1, ]))
  review <- review_images(data)
  parts <- split_images(data, 0.6, keep_together = review, seed = 1)
  expect_false("leak" %in% review_images(parts)$kind)
  folds <- fold_images(data, 2, keep_together = review[review$kind == "near_duplicates", ],
    seed = 1)
  for (i in 1:2) {
    kinds <- review_images(list(train = folds$train[[i]], test = folds$test[[i]]))$kind
    expect_false("leak" %in% kinds)
  }
  expect_error(split_images(data[1:20], keep_together = review), "other images",
    class = "reticnn_error")
  expect_error(split_images(data, keep_together = data.frame(a = 1)), "review_images\\(\\)",
    class = "reticnn_error")
})
