# Files of every kind that is no ordinary photo.

# Two dark and two light images.
small_folder <- function(env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  for (class in c("dark", "light")) {
    for (i in 1:2) {
      write_png(file.path(folder, class, paste0(i, ".png")),
        if (class == "dark") "black" else "white")
    }
  }
  folder
}

test_that("files of other kinds are counted by their endings", {
  skip_if_no_core()
  folder <- small_folder()
  file.create(file.path(folder, "dark", c("1.nef", "2.NEF", "notes.txt")))
  said <- "3 files of other kinds are left out: 2 .nef, 1 .txt"
  expect_warning(data <- image_folder(folder, 8), paste0("In `path`, ", said),
    fixed = TRUE, class = "reticnn_warning")
  expect_output(print(data), said, fixed = TRUE)
  expect_identical(basename(data$left_out), c("1.nef", "2.NEF", "notes.txt"))
  expect_no_match(capture.output(print(data[1:3])), "left out")
  expect_warning(table <- check_images(folder), said, fixed = TRUE)
  expect_identical(nrow(table), 4L)
})
