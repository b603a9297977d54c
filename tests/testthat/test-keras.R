test_that("py_for() loops over R's own as `for` does", {
  seen <- list()
  expect_null(py_for(x ~ list(1, "a", NULL, 1:3), seen[length(seen) + 1] <- list(x)))
  expect_identical(seen, list(1, "a", NULL, 1:3))
  expect_identical(x, 1:3)
  for (items in list(4:6, c(a = 1.5), letters, NULL, list(), factor(c("u", "v")), iris,
                     quote(f(x)), matrix(1:4, 2))) {
    if (is.call(items)) items <- as.list(items)
    ours <- theirs <- list()
    py_for(item ~ items, ours <- c(ours, list(item)))
    for (item in items) theirs <- c(theirs, list(item))
    expect_identical(ours, theirs)
  }
})

test_that("py_for() runs its body where it is called", {
  first_even <- function(values) {
    py_for(value ~ values, {
      if (value %% 2 == 1) next
      return(value)
    })
    "none"
  }
  expect_identical(first_even(c(1, 3, 4, 6)), 4)
  expect_identical(first_even(1), "none")
  total <- 0
  py_for(i ~ 1:10, {
    if (i > 3) break
    py_for(j ~ seq_len(i), total <- total + j)
  })
  expect_identical(c(total, i, j), c(10, 4, 3))
})

test_that("py_for() takes items apart", {
  rows <- list()
  py_for(i + x + y ~ list(1:3, list("a", NULL, 2)), rows <- c(rows, list(list(i, x, y))))
  expect_identical(rows, list(list(1L, 2L, 3L), list("a", NULL, 2)))
  expect_error(py_for(a + b ~ list(1:3), a), "2 variables, `a`, `b`, and an item of 3",
    class = "reticnn_error_value")
})

test_that("py_for() names what is no loop", {
  expect_error(py_for(1:3, 1), "`loop` must be a formula", class = "reticnn_error_type")
  expect_error(py_for(~ 1:3, 1), "`loop` must be a formula")
  expect_error(py_for(x ~ 1:3), "`body` must be code.*not nothing")
  expect_error(py_for(x ~ 1:3, \(x) print(x)), "not a function")
  expect_error(py_for(x + x ~ 1:3, 1), "different names")
  expect_error(py_for(x * y ~ 1:3, 1), "not `x \\* y`")
  expect_error(py_for(x ~ mean, 1), "goes over `mean`.*class function")
  expect_error(py_for(x ~ nowhere, 1), "nowhere")
  expect_error(py_for(x ~ 1:3, stop("of the body")), "of the body")
})

test_that("py_for() loops over whatever Python can loop over", {
  skip_if_no_core()
  python <- reticulate::import_builtins()
  bare <- reticulate::import_builtins(convert = FALSE)
  collected <- function(items) {
    found <- list()
    py_for(item ~ items, found <- c(found, list(item)))
    found
  }
  expect_identical(collected(python$range(2L)), list(0L, 1L))
  # What R makes for Python stays Python's.
  keys <- collected(reticulate::r_to_py(list(a = 1, b = 2)))
  expect_identical(lapply(keys, reticulate::py_to_r), list("a", "b"))
  items <- collected(tuple(1, "b"))
  expect_identical(lapply(items, reticulate::py_to_r), list(1, "b"))
  expect_s3_class(collected(bare$range(2L))[[1]], "python.builtin.int")
  pairs <- character()
  py_for(i + name ~ python$enumerate(c("cat", "dog")), pairs <- c(pairs, paste(i, name)))
  expect_identical(pairs, c("0 cat", "1 dog"))
  py_for(i + name ~ bare$enumerate(list("cat")), {
    pairs <- c(reticulate::py_to_r(i), reticulate::py_to_r(name))
  })
  expect_identical(pairs, c("0", "cat"))
  endless <- reticulate::import("itertools")$count()
  py_for(number ~ endless, if (number == 3) break)
  expect_identical(number, 3L)
  expect_error(py_for(x ~ python$len, 1), "has no items")
})

test_that("the workshop's loop unfreezes the layers that it unfreezes in Python", {
  skip_if_no_core()
  wanted <- paste0("block5_conv", 1:3)
  slide <- function(vgg16) {
    py_for(layer ~ vgg16$layers[-5:-2], {
      layer$trainable <- TRUE
    })
  }
  # The model itself stays frozen, so what its layers say is asked of them.
  said <- function(keras, loop) {
    vgg16 <- keras$applications$VGG16(
      weights = NULL, include_top = FALSE, input_shape = c(32L, 32L, 3L), pooling = "avg"
    )
    vgg16$trainable <- FALSE
    loop(vgg16)
    names <- character()
    py_for(layer ~ vgg16$layers, {
      if (isTRUE(reticulate::py_to_r(layer$trainable))) {
        names <- c(names, reticulate::py_to_r(layer$name))
      }
    })
    names
  }
  expect_identical(said(keras, slide), wanted)
  expect_identical(said(keras_py, slide), wanted)
  expect_identical(said(reticulate::import("keras"), slide), wanted)
  expect_identical(said(keras_py, \(model) {
    reticulate::iterate(model$layers[-5:-2], \(layer) layer$trainable <- TRUE)
  }), wanted)
  open_end <- function(vgg16) {
    py_for(layer ~ vgg16$layers[-5:NULL], {
      layer$trainable <- TRUE
    })
  }
  to_the_end <- said(keras, open_end)
  expect_identical(to_the_end[1:4], c(wanted, "block5_pool"))
  expect_match(to_the_end[5], "^global_average_pooling2d")
})

test_that("a range that R and Python understand differently is refused", {
  skip_if_no_core()
  layers <- build_cnn()$layers
  count <- length(layers)
  expect_s3_class(layers, "reticnn_layers")
  expect_error(layers[-5:-2], "`layers\\[-5:-2\\]` is not clear.*leaves out the layers 2 to 5",
    class = "reticnn_error_value")
  cnd <- expect_error(layers[-5:-2])
  expect_match(conditionMessage(cnd),
    sprintf("Python it is the layers %d to %d", count - 4, count - 2))
  names_of <- function(layers) vapply(layers, \(layer) layer$name, "")
  every <- names_of(layers)
  expect_identical(names_of(layers[-(2:5)]), every[-(2:5)])
  expect_identical(names_of(layers[-1]), every[-1])
  expect_identical(names_of(layers[2:3]), every[2:3])
  expect_identical(names_of(layers[]), every)
  expect_identical(names_of(rev(layers)), rev(every))
  expect_identical(layers[[2]]$name, every[[2]])
  expect_output(print(layers[1:2]), "<layers> 2\n +1 image \\(InputLayer\\)")
  expect_length(reticulate::r_to_py(layers), count)
})

test_that("unconverted Keras stays Python's, and works with the blocks", {
  skip_if_no_core()
  expect_output(print(keras_py), "^<keras_py>")
  expect_s3_class(keras_py$Input(c(8L, 8L, 3L))$shape, "python.builtin.tuple")
  expect_type(keras$Input(c(8L, 8L, 3L))$shape, "list")
  features <- keras_py$Input(c(8L, 8L, 3L)) |> conv_block(4)
  expect_identical(unlist(reticulate::py_to_r(features$shape)), c(4L, 4L, 4L))
  expect_true("layers" %in% utils::.DollarNames(keras_py, "lay"))
})
