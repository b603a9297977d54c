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
