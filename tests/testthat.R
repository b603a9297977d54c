library(testthat)
library(reticnn)

test_check("reticnn")
