# R and Python agree in names, order and defaults: whoever changes one side hears of it.

# What Python plots with a function of its own, R plots with `plot()` of a class: the
# classifier of `plot_history(classifier)` is a `reticnn_classifier`.
plot_methods <- c(
  plot_class_images = "class_images",
  plot_comparison = "comparison", plot_cross_validation = "cross_validation",
  plot_description = "description", plot_explanation = "explanation",
  plot_explanation_scores = "explanation_scores",
  plot_history = "classifier", plot_ladder = "ladder", plot_rates = "rates",
  plot_receptive_field = "field", plot_review = "review",
  plot_shift_response = "shifts", plot_similar_images = "similar", plot_stress = "stress",
  plot_tuning = "tuning", plot_window = "window"
)

wrapped <- function() {
  exports <- c(getNamespaceExports("reticnn"), names(plot_methods))
  reticulate::import("reticnn")$`__all__` |> intersect(exports)
}

# R's default as the core would receive it, in Python's notation.
r_default <- function(argument) {
  if (identical(argument, quote(expr = ))) {
    return("required")
  }
  value <- eval(argument)
  python <- reticulate::import_builtins()$repr(value)
  # 32, 32.0 and a list or a tuple of such numbers mean the same at the boundary.
  chartr("[]", "()", gsub("\\.0\\b", "", python))
}

python_default <- function(parameter) {
  empty <- reticulate::import("inspect")$Parameter$empty
  if (identical(reticulate::py_id(parameter$default), reticulate::py_id(empty))) {
    return("required")
  }
  gsub("\\.0\\b", "", reticulate::import_builtins()$repr(parameter$default))
}

test_that("every public function of the core is exported in R", {
  skip_if_no_core()
  core_module(rlang::current_env())
  expect_setequal(wrapped(), reticulate::import("reticnn")$`__all__`)
})

# `augment` is a generic of R, with a method for arrays: its first argument is called as
# in the generic, and `...` stands for Python's `**operations`.
r_formals <- function(name) {
  if (name %in% names(plot_methods)) {
    given <- formals(getS3method("plot", paste0("reticnn_", plot_methods[[name]])))
    names(given) <- sub("^x$", plot_methods[[name]], names(given))
    return(given[names(given) != "..."])
  }
  if (name != "augment") {
    return(formals(getExportedValue("reticnn", name)))
  }
  given <- formals(getS3method("augment", "array"))
  names(given) <- sub("^x$", "images", names(given))
  c(given[names(given) != "..."], operations = quote(expr = ))
}

test_that("formals and signatures are the same", {
  skip_if_no_core()
  core <- core_module(rlang::current_env())
  inspect <- reticulate::import("inspect", convert = FALSE)
  for (name in wrapped()) {
    parameters <- inspect$signature(reticulate::py_get_attr(core, name))$parameters
    python <- vapply(
      reticulate::iterate(parameters$values()), python_default, character(1)
    )
    names(python) <- unlist(reticulate::iterate(parameters$keys(), reticulate::py_to_r))
    # What Python collects in **options, R collects in its dots.
    names(python)[names(python) == "options"] <- "..."
    if (length(python) == 0) names(python) <- NULL
    r <- vapply(r_formals(name), r_default, character(1))
    expect_identical(r, python, info = name)
  }
})

test_that("both sides have one version and one list of requirements", {
  description <- utils::packageDescription("reticnn")
  core <- file.path(core_dir(), "reticnn", "__init__.py")
  expect_true(sprintf('__version__ = "%s"', description$Version) %in% readLines(core))
  project <- testthat::test_path("..", "..", "pyproject.toml")
  skip_if_not(file.exists(project), "pyproject.toml is not part of the package")
  lines <- readLines(project)
  expect_true(sprintf('version = "%s"', description$Version) %in% lines)
  start <- match("dependencies = [", lines)
  end <- start + match("]", lines[-seq_len(start)])
  stated <- grep("^ *#", lines[(start + 1):(end - 1)], value = TRUE, invert = TRUE)
  stated <- gsub('^ *"|",?$', "", stated)
  for (backend in c("tensorflow", "jax", "torch")) {
    extra <- sprintf('%s = ["%s"]', backend, backend_modules[[backend]])
    expect_true(extra %in% lines, info = backend)
    expect_setequal(python_requirements(backend), c(stated, backend_modules[[backend]]))
  }
  expect_setequal(python_requirements("openvino"), stated)
})

test_that("what is declared to reticulate follows the backend until Python starts", {
  skip_if_no_core()
  declared <- function(...) {
    run_r(c(
      "Sys.unsetenv('KERAS_BACKEND')", ...,
      "packages <- reticulate::py_require()$packages",
      "cat(sub('[><=!].*', '', grep('^(tensorflow|torch|jax)', packages, value = TRUE)))"
    ), env = paste0("KERAS_HOME=", withr::local_tempdir()))
  }
  start <- "invisible(reticulate::import('sys', convert = FALSE)$version)"
  torch <- "Sys.setenv(KERAS_BACKEND = 'torch')"
  expect_identical(declared("library(reticnn)", start), "tensorflow")
  expect_identical(declared(torch, "library(reticnn)"), "torch")
  expect_identical(declared("library(reticnn)", torch, start), "torch")
  expect_identical(declared(start, torch, "library(reticnn)"), "torch")
  file <- "writeLines('{\"backend\": \"jax\"}', file.path(Sys.getenv('KERAS_HOME'), 'keras.json'))"
  expect_identical(declared(file, "library(reticnn)", start), "jax")
})
