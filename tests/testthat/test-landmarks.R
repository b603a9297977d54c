test_that("the table of architectures has R's types and numbers of any size", {
  skip_if_no_core()
  table <- landmark_architectures()
  expect_s3_class(table, "tbl_df")
  expect_identical(
    names(table),
    c("name", "family", "year", "parameters", "depth", "input_size", "channels",
      "mult_adds", "idea", "reference")
  )
  expect_true(all(vapply(table[c("year", "parameters", "mult_adds")], is.numeric, NA)))
  expect_false(is.unsorted(table$year))
  of <- function(name, column) table[[column]][table$name == name]
  expect_equal(of("vgg16", "parameters"), 138357544)
  expect_equal(of("convnext_xlarge", "mult_adds"), 60921030656)
})

test_that("the steps to ConvNeXt are a table that is built and drawn", {
  skip_if_no_core()
  table <- convnext_ladder()
  expect_s3_class(table, c("reticnn_ladder", "tbl_df"))
  expect_identical(nrow(table), 14L)
  expect_equal(range(table$accuracy), c(76.13, 81.97))
  expect_lt(max(abs(table$mult_adds / 1e9 - table$gflops)), 0.055)
  third <- landmark_model("convnext_ladder", c(32, 32, 3), 2, step = 3)
  by_name <- landmark_model("convnext_ladder", c(32, 32, 3), 2, step = table$step[3])
  expect_identical(third$count_params(), by_name$count_params())
  skip_if_not_installed("ggplot2")
  drawn <- ggplot2::ggplot_build(plot(table))
  expect_identical(nrow(drawn$data[[1]]), 28L)
})
