# A person's whole job, from a folder of photos to predictions in a new session. Keras
# from R takes 31 lines for it.

job <- c(
  'library(reticnn)',
  'data <- split_images(image_folder("photos", 32), 0.8, seed = 1)',
  'policy <- augmentation(flip = "horizontal", rotation = 0.05, color_jitter = 0.1)',
  'model <- transfer_model("mobilenet_0.25", c(32, 32, 3), 2, weights = weights)',
  'classifier <- fit_classifier(model, data$train, epochs = 2, augmentation = policy)',
  'scores <- evaluate_classifier(classifier, data$test)',
  'print(scores$confusion)',
  'save_classifier(classifier, "photos.reticnn")'
)

later <- c(
  'library(reticnn)',
  'classifier <- load_classifier("photos.reticnn")',
  'print(predict(classifier, list.files("photos", recursive = TRUE, full.names = TRUE)))'
)

test_that("the whole job takes at most 12 lines", {
  skip_if_quick()
  skip_if_no_core()
  withr::local_dir(withr::local_tempdir())
  for (class in c("dark", "light")) {
    for (i in 1:10) {
      grey <- sample(if (class == "dark") 1:40 else 60:99, 1)
      write_png(file.path("photos", class, paste0(i, ".png")), paste0("grey", grey))
    }
  }
  expect_lte(length(c(job, later)), 12)
  first <- run_r(c("weights <- NULL", job))
  expect_match(first, "predicted", all = FALSE)
  expect_true(file.exists("photos.reticnn"))
  second <- run_r(later)
  expect_match(second, "# A tibble: 20", all = FALSE)
  expect_match(second, ".pred_dark", all = FALSE, fixed = TRUE)
})
