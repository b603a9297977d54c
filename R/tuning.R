#' @eval said(
#'   "tune_classifier",
#'   build = "In R, a function such as `function(filters, dropout) build_cnn(filters =
#'     filters, dropout = dropout)`, or one that builds a model of Keras layers. It is
#'     called on R's own thread, and R's random numbers are seeded for each trial.",
#'   v = "In R, folds made by rsample are accepted too, as in [fold_images()].",
#'   space = "In R, a named list; choices are a vector, or a list of what a vector cannot
#'     hold.",
#'   rename = c(options = "..."),
#'   without = "returns"
#' )
#' @return A `reticnn_tuning`, which prints the best trial and has a [plot()]: a list of
#'   - `trials`: a tibble with one row per trial: `trial`, its number; `state`,
#'     `"complete"`, `"pruned"` or `"failed"`; each objective (`NA` unless complete);
#'     `epochs_trained`, in all folds; `seconds`; `seed`; `error`, what went wrong, or
#'     `NA`; and a column for each setting, `NA` if it does not matter.
#'   - `best`: the same for the best trial, or for the Pareto front of several objectives.
#'   - `importance`: a tibble of how much of the variation in each `objective` each
#'     `setting` explains, by fANOVA, from 0 to 1, the most important first; `NA` for
#'     settings with a condition, and if there are too few trials.
#'   - `objectives` and `directions`, and `stopped`, `"interrupted"`, `"minutes"`,
#'     `"failures"` or `NULL`.
#'
#'   [refit()] trains a classifier with the best settings on all images.
#' @seealso [log_range()], [real_range()], [whole_range()] and [choice_of()] for `space`,
#'   [plot.reticnn_tuning()], [refit.reticnn_tuning()]
#' @export
#' @examplesIf reticnn::reticnn_available() && reticulate::py_module_available("optuna")
#' build <- function(filters, dropout) build_cnn(filters = filters, dropout = dropout)
#' space <- list(
#'   filters = c(4, 8), dropout = real_range(0, 0.6), learning_rate = log_range(1e-4, 1e-2)
#' )
#' tuned <- tune_classifier(build, shape_images(100), space, trials = 3, epochs = 1)
#' tuned
#' refit(tuned)
tune_classifier <- function(build, data, space, study = NULL, trials = NULL,
                            minutes = NULL, validation = NULL, v = NULL, folds = NULL,
                            objective = "accuracy", sampler = "tpe", pruning = NULL,
                            costs = NULL, progress = "auto", seed = NULL, ...) {
  check_all_given(rlang::current_env())
  options <- options_by_name(list(...), rlang::current_env())
  check_space(space, rlang::current_env())
  seed <- seed_or_drawn(seed)
  found <- with_random_state(rlang::inject(call_core("tune_classifier",
    build = as_builder(build), data = data, space = space, study = study, trials = trials,
    minutes = minutes, validation = validation, v = if (!is.null(v)) folds_of(v, data),
    folds = rows_of_folds(folds), objective = objective, sampler = sampler,
    pruning = pruning, costs = as_costs(costs), progress = trial_reporter(progress),
    seed = seed, !!!options)))
  new_tuning(found)
}

# R's `NA` would be one of the choices, or "NA".
check_space <- function(space, call) {
  for (name in names(space)) {
    if (is.atomic(space[[name]]) && anyNA(space[[name]])) {
      abort_text(paste0("`space` has NA among the values of '", name,
        "'. Leave it out; what stands for nothing in a list is `NULL`."), call = call)
    }
  }
}

# A function of R's as the core calls it, which hears of its arguments by their names and
# of errors by R's own message.
as_builder <- function(build, call = rlang::caller_env()) {
  if (!is.function(build) || is_of_python(build)) return(build)
  core_module(call)
  head <- formals(args(build))
  needed <- Filter(function(default) identical(default, quote(expr = )), head)
  the$relay$builder_of_r(
    called_by_core(function(seed, arguments) {
      tryCatch(
        {
          set.seed(seed)
          list(value = do.call(build, from_core(arguments)))
        },
        error = function(cnd) list(error = to_core(conditionMessage(cnd)))
      )
    }),
    as.list(as.character(names(head))), as.list(setdiff(names(needed), "..."))
  )
}

# Evaluates code, and puts R's random numbers back to where they were. It is done outside
# of the call of the core, as reticulate keeps them where its calls end.
with_random_state <- function(code) {
  state <- get0(".Random.seed", globalenv(), inherits = FALSE)
  on.exit(
    if (is.null(state)) {
      suppressWarnings(rm(".Random.seed", envir = globalenv()))
    } else {
      assign(".Random.seed", state, envir = globalenv())
    }
  )
  code
}

trial_reporter <- function(progress) {
  if (identical(progress, "auto")) {
    progress <- if (automatic_progress() == "none") "none" else "trial"
  }
  if (identical(progress, "trial")) report_trial else progress
}

report_trial <- function(state) {
  of <- if (!is.null(state$trials)) paste0("/", state$trials)
  measures <- state[setdiff(names(state), c("trial", "trials", "state", "error"))]
  said <- c(if (state$state != "complete") state$state,
    paste(names(measures), vapply(measures, format, "", digits = 4)))
  said <- paste(said[nzchar(trimws(said))], collapse = ", ")
  if (!is.null(state$error)) said <- paste0(said, "; ", sub("\n.*", "", state$error))
  line <- paste0("Trial ", state$trial, of, ": ", said)
  cli::cli_text("{line}")
}

new_tuning <- function(tuned) {
  importance <- core_attribute(tuned, "importance")
  importance$importance <- nan_as_na(importance$importance)
  structure(
    list(
      trials = trials_table(core_attribute(tuned, "trials")),
      best = trials_table(core_attribute(tuned, "best")),
      importance = as_table(importance),
      objectives = as.character(core_attribute(tuned, "objectives")),
      directions = as.character(core_attribute(tuned, "directions")),
      stopped = core_attribute(tuned, "stopped"),
      core = tuned
    ),
    class = "reticnn_tuning"
  )
}

# So that a column has its type even if it is all `NA`, or empty.
trials_table <- function(columns) {
  columns <- lapply(columns, none_as_na)
  columns$trial <- as.integer(columns$trial)
  for (name in c("state", "error")) columns[[name]] <- as.character(columns[[name]])
  columns$epochs_trained <- as.integer(columns$epochs_trained)
  columns$seed <- as.integer(columns$seed)
  as_table(lapply(columns, function(column) column %||% logical()))
}

#' @export
print.reticnn_tuning <- function(x, ...) {
  states <- table(factor(x$trials$state, unique(x$trials$state)))
  number <- nrow(x$trials)
  cat("<reticnn_tuning> ", counted(number, "trial"), ": ",
    if (number > 0) paste(states, names(states), collapse = ", ") else "none",
    if (!is.null(x$stopped)) paste0(" (stopped: ", x$stopped, ")"), "\n", sep = "")
  if (nrow(x$best) > 1) {
    cat("Trials that no other beats in all objectives:\n")
  } else if (nrow(x$best) == 1) {
    cat("The best:\n")
  }
  if (nrow(x$best) > 0) {
    shown <- setdiff(names(x$best), c("state", "seed", "error"))
    print(as.data.frame(x$best[shown]), digits = 3, row.names = FALSE)
  }
  invisible(x)
}

#' @importFrom generics refit
#' @export
generics::refit

#' Train with the settings of a trial
#'
#' Trains a new model with the settings of a trial of [tune_classifier()] on all images,
#' including those for validation, so that none are left to stop at the right epoch: if
#' `early_stopping` kept the best epoch of the trial, training ends after that many
#' epochs. Weights and training have the trial's seed.
#'
#' @param object Result of [tune_classifier()].
#' @param trial Number of the trial, or `NULL` for the best. With several objectives,
#'   there are several best trials: choose one. Default `NULL`.
#' @param progress As in [fit_classifier()]. Default `"auto"`.
#' @param ... Not used; must be empty.
#' @return A classifier, as from [fit_classifier()].
#' @export
#' @examplesIf reticnn::reticnn_available() && reticulate::py_module_available("optuna")
#' tuned <- tune_classifier(function(filters) build_cnn(filters = filters),
#'   shape_images(100), list(filters = c(4, 8)), trials = 2, epochs = 1)
#' refit(tuned)
refit.reticnn_tuning <- function(object, trial = NULL, progress = "auto", ...) {
  rlang::check_dots_empty()
  check_search_lives(object, rlang::current_env())
  new_classifier(with_random_state(call_core(object$core$refit, trial = trial,
    progress = progress_reporter(progress))))
}

check_search_lives <- function(tuned, call) {
  if (is_gone(tuned$core)) {
    abort_text(paste("The search is gone: it lived in the R session that made it, and",
      "saveRDS() does not keep it. The same call of `tune_classifier()` with a `study`",
      "brings it back at once."), call = call)
  }
}

#' @eval said("log_range")
#' @seealso [tune_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' log_range(1e-4, 1e-2)
log_range <- function(low, high, when = NULL) {
  call_core("log_range", low = low, high = high, when = when)
}

#' @eval said("real_range")
#' @seealso [tune_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' real_range(0, 0.6)
real_range <- function(low, high, when = NULL) {
  call_core("real_range", low = low, high = high, when = when)
}

#' @eval said("whole_range")
#' @seealso [tune_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' whole_range(1, 4)
whole_range <- function(low, high, when = NULL) {
  call_core("whole_range", low = low, high = high, when = when)
}

#' @eval said("choice_of")
#' @seealso [tune_classifier()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' choice_of(c(0.5, 0.9, 0.99), when = list(optimizer = "sgd"))
choice_of <- function(values, when = NULL) {
  call_core("choice_of", values = values, when = when)
}

#' @eval said("plot_tuning", rename = c(tuning = "x"))
#' @param ... Not used; must be empty.
#' @export
#' @examplesIf reticnn::reticnn_available() && reticulate::py_module_available("optuna") && requireNamespace("ggplot2", quietly = TRUE)
#' tuned <- tune_classifier(function(filters) build_cnn(filters = filters),
#'   shape_images(100), list(filters = c(4, 8)), trials = 2, epochs = 1)
#' plot(tuned)
plot.reticnn_tuning <- function(x, kind = "history", objective = NULL, ...) {
  rlang::check_dots_empty()
  check_installed("ggplot2", "Plotting a search")
  check_search_lives(x, rlang::current_env())
  drawn <- call_core("drawing_of_search", tuning = x$core, kind = kind %||% "history",
    objective = objective, .names = c(tuning = "x"))
  points <- as_table(drawn$points)
  measure <- gsub("_", " ", drawn$objective)
  substr(measure, 1, 1) <- toupper(substr(measure, 1, 1))
  switch(drawn$kind,
    history = plot_of_history(points, measure),
    importance = plot_of_importance(points, drawn$objective),
    slices = plot_of_slices(points, drawn, measure),
    parallel = plot_of_lines(points, drawn, measure)
  ) + theme_of_charts() + theme_of_search(drawn$kind)
}

#' @rdname plot.reticnn_tuning
#' @param object As `x`.
#' @exportS3Method ggplot2::autoplot
autoplot.reticnn_tuning <- function(object, kind = "history", objective = NULL, ...) {
  rlang::check_dots_empty()
  plot(object, kind, objective)
}

theme_of_search <- function(kind) {
  blank <- ggplot2::element_blank()
  switch(kind,
    history = ggplot2::theme(panel.grid.minor = blank, legend.position = "top"),
    importance = ggplot2::theme(panel.grid.minor = blank, panel.grid.major.y = blank),
    # The labels of each panel are its own.
    slices = ggplot2::theme(axis.text.x = blank, panel.grid.minor = blank,
      panel.spacing.y = grid::unit(26, "pt"), plot.margin = ggplot2::margin(6, 6, 20, 6)),
    parallel = ggplot2::theme(axis.text.y = blank, panel.grid = blank)
  )
}

plot_of_history <- function(points, measure) {
  ggplot2::ggplot(points, ggplot2::aes(.data$trial)) +
    ggplot2::geom_step(ggplot2::aes(y = .data$best, colour = "best"), linewidth = 0.8) +
    ggplot2::geom_point(ggplot2::aes(y = .data$value, colour = "trial"), size = 2) +
    ggplot2::scale_colour_manual(values = c(best = "#D55E00", trial = "#0072B2")) +
    ggplot2::scale_x_continuous(breaks = whole_breaks) +
    ggplot2::labs(x = "Trial", y = measure, colour = NULL)
}

plot_of_importance <- function(points, objective) {
  points$setting <- factor(points$setting, rev(points$setting))
  ggplot2::ggplot(points, ggplot2::aes(.data$importance, .data$setting)) +
    ggplot2::geom_col(fill = "#0072B2", width = 0.7) +
    ggplot2::coord_cartesian(xlim = c(0, 1)) +
    ggplot2::labs(x = paste("Share of the variation in", objective), y = NULL)
}

plot_of_slices <- function(points, drawn, measure) {
  in_order <- function(panel) factor(panel, as.character(drawn$panels))
  points$panel <- in_order(points$panel)
  ticks <- as_table(drawn$ticks)
  ticks$panel <- in_order(ticks$panel)
  ggplot2::ggplot(points, ggplot2::aes(.data$position, .data$value)) +
    ggplot2::geom_point(colour = "#0072B2", alpha = 0.7, size = 2) +
    ggplot2::geom_text(ggplot2::aes(.data$position, -Inf, label = .data$label), ticks,
      vjust = 1.6, size = 3.2, colour = "grey30") +
    ggplot2::facet_wrap(~panel, ncol = min(3, length(drawn$panels))) +
    ggplot2::scale_x_continuous(limits = c(-0.08, 1.08), breaks = c(0, 0.5, 1)) +
    ggplot2::coord_cartesian(clip = "off") +
    ggplot2::labs(x = NULL, y = measure)
}

plot_of_lines <- function(points, drawn, measure) {
  shades <- c("#D9DEE6", "#0072B2")
  if (drawn$falls) shades <- rev(shades)
  panels <- as.character(drawn$panels)
  points$at <- match(points$panel, panels)
  ticks <- as_table(drawn$ticks)
  ticks$at <- match(ticks$panel, panels)
  ggplot2::ggplot(points, ggplot2::aes(.data$at, .data$position)) +
    ggplot2::geom_vline(xintercept = seq_along(panels), colour = "grey60") +
    # The best are drawn over the others.
    ggplot2::geom_line(ggplot2::aes(
      group = stats::reorder(.data$trial, if (drawn$falls) -.data$value else .data$value),
      colour = .data$value), linewidth = 0.7) +
    ggplot2::geom_text(ggplot2::aes(label = .data$label), ticks, hjust = -0.15,
      vjust = -0.4, size = 3.2, colour = "grey30") +
    ggplot2::scale_colour_gradient(low = shades[[1]], high = shades[[2]]) +
    ggplot2::scale_x_continuous(breaks = seq_along(panels), labels = panels,
      expand = ggplot2::expansion(add = c(0.2, 0.7))) +
    ggplot2::labs(x = NULL, y = NULL, colour = measure)
}

#' @eval said(
#'   "cross_validate",
#'   build = paste("While it is called, R's random numbers follow the seed of the fold,",
#'     "so that `build_cnn()` in it is the same in every run."),
#'   v = "In R, folds made by rsample are accepted too, as in [fold_images()].",
#'   rename = c(options = "..."),
#'   without = "returns"
#' )
#' @return A `reticnn_cross_validation`: a list with
#'   - `folds`: a tibble with one row per fold: `repeat`, `fold`, `n_train` and `n_test`,
#'     the numbers of images that it was trained on, including those for validation, and
#'     tested on, `epochs` and `kept_epoch`, and its measures, as in
#'     [evaluate_classifier()];
#'   - `predictions`: a tibble with one row per image and repeat: `repeat`, `fold`, `image`,
#'     its position in `data`, `.file` for files, `truth`, `.pred_class` and
#'     `.pred_<class>`, by the classifier that was not trained on it;
#'   - `measures`: a tibble with one row per measure: `measure`, its `estimate` from all
#'     predictions together, with `lower` and `upper`, and the `mean` and standard
#'     deviation `sd` over the folds;
#'   - `intervals`: a tibble of the measures of each fold with their limits;
#'   - `evaluation`: all predictions as a `reticnn_evaluation`, for [plot_curve()],
#'     [plot_confusion()] and the like;
#'   - `classifiers`: the classifiers of the folds, a list;
#'   - `class_names`, and `stopped`, `"interrupted"` if folds are missing.
#'
#'   It has methods for [print()], [plot()], [tidy()] and [glance()].
#' @seealso [fold_images()], [ensemble_classifiers()], [cross_validation_tibbles]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' build <- function() build_cnn(c(16, 16, 3), filters = 4, n_blocks = 1, units = 8)
#' data <- shape_images(60, image_size = 16, seed = 1)
#' validated <- cross_validate(build, data, 3, epochs = 1, seed = 1)
#' validated
#' validated$predictions
#' # Two folds, twice, which keep each site whole:
#' site <- rep(letters[1:12], each = 5)
#' folds <- fold_images(data, 2, repeats = 2, groups = site, seed = 1)
#' cross_validate(build, data, folds = folds, epochs = 1, seed = 1)$folds
cross_validate <- function(build, data, v = 5, folds = NULL, workers = 1,
                           intervals = 0.95, checkpoint_dir = NULL, progress = "auto",
                           seed = NULL, ...) {
  check_all_given(rlang::current_env())
  options <- options_by_name(list(...), rlang::current_env())
  arguments <- list(data = data, v = folds_of(v, data), folds = rows_of_folds(folds),
    workers = workers, intervals = intervals, checkpoint_dir = checkpoint_dir,
    progress = progress_reporter(progress), seed = seed_or_drawn(seed))
  if (is.function(build) && !is_of_python(build)) {
    builder <- list("cross_validate_told", arguments = as.list(told_to(build)),
      build = seeded(build))
  } else {
    builder <- list("cross_validate", build = build)
  }
  new_cross_validation(
    with_random_state(do.call(call_core, c(builder, arguments, options)))
  )
}

# The dots of a function that passes them on to fit_classifier().
options_by_name <- function(options, call) {
  if (length(options) > 0 && (is.null(names(options)) || any(names(options) == ""))) {
    abort_text(paste("`...` has an argument without a name. Name those of",
      "`fit_classifier()`, such as `epochs = 5`."), call = call)
  }
  if (!is.null(names(options$class_weight))) {
    options$class_weight <- as.list(options$class_weight)
  }
  options
}

# The arguments of a function that are told to it, and those that it needs.
told_to <- function(build) {
  formals <- formals(args(build))
  formals <- formals[names(formals) != "..."]
  needed <- vapply(formals, identical, NA, quote(expr = ))
  told <- c("input_shape", "num_classes", "class_names", "data", "seed")
  union(names(formals)[needed | names(formals) %in% told], "seed")
}

# A function that builds a model, which leaves R's random numbers as the seed has them.
seeded <- function(build) {
  takes_seed <- "seed" %in% names(formals(args(build)))
  function(...) {
    told <- list(...)
    set.seed(told$seed)
    if (!takes_seed) told$seed <- NULL
    for (name in intersect(c("input_shape", "class_names"), names(told))) {
      told[[name]] <- unlist(told[[name]])
    }
    do.call(build, told)
  }
}

# What fold_images() returned, row by row.
rows_of_folds <- function(folds) {
  if (!is.data.frame(folds) || !all(c("repeat", "fold", "train", "test") %in% names(folds))) {
    return(folds)
  }
  lapply(seq_len(nrow(folds)), function(i) {
    list(`repeat` = folds$`repeat`[[i]], fold = folds$fold[[i]], train = folds$train[[i]],
      test = folds$test[[i]])
  })
}

new_cross_validation <- function(core) {
  classes <- as.character(core_attribute(core, "class_names"))
  structure(
    list(
      folds = numbers_table(core_attribute(core, "folds")),
      predictions = predictions_of_folds(core_attribute(core, "predictions"), classes),
      measures = numbers_table(core_attribute(core, "measures")),
      intervals = intervals_of_folds(core_attribute(core, "intervals"), classes),
      evaluation = new_evaluation(core_attribute(core, "evaluation")),
      classifiers = lapply(core$classifiers, new_classifier),
      class_names = classes,
      wanted = core$wanted,
      stopped = core$stopped,
      core = core
    ),
    class = "reticnn_cross_validation"
  )
}

# A table whose numbers that are NaN in Python are not known.
numbers_table <- function(columns) {
  as_table(lapply(columns, function(column) {
    if (is.numeric(column)) replace(column, is.nan(column), NA) else column
  }))
}

predictions_of_folds <- function(columns, classes) {
  columns$image <- as.integer(columns$image) + 1L
  columns$truth <- factor(columns$truth, classes)
  columns$.pred_class <- factor(none_as_na(columns$.pred_class), classes)
  if (!is.null(columns$.file)) columns$.file <- as_paths(columns$.file)
  numbers_table(columns)
}

intervals_of_folds <- function(columns, classes) {
  if (is.null(columns)) return(NULL)
  columns$class <- factor(none_as_na(columns$class), classes)
  numbers_table(columns)
}

#' @export
print.reticnn_cross_validation <- function(x, ...) {
  done <- nrow(x$folds)
  level <- x$evaluation$level
  cat("<reticnn_cross_validation> ", if (!is.null(x$stopped)) paste0(done, " of ", x$wanted)
    else done, " folds", if (!is.null(x$stopped)) paste0(" (stopped: ", x$stopped, ")"), ", ",
  format(x$evaluation$n, big.mark = ",", decimal.mark = "."), " predictions, ",
  length(x$class_names), " classes: ", paste(x$class_names, collapse = ", "), "\n", sep = "")
  known <- !is.na(x$measures$lower)
  limits <- ifelse(known, sprintf("[%.3f, %.3f]", x$measures$lower, x$measures$upper), "")
  table <- data.frame(
    measure = measure_names(x$measures$measure),
    all = sprintf("%.3f", x$measures$estimate),
    limits = limits,
    folds = sprintf("%.3f (%.3f)", x$measures$mean, x$measures$sd)
  )
  names(table) <- c("", "all", if (is.null(level)) "" else paste0(format(100 * level), " % interval"),
    "mean (sd) of folds")
  print(table, row.names = FALSE, right = FALSE)
  cat("\n")
  print(x$folds, ...)
  invisible(x)
}

#' Cross-validations as tibbles
#'
#' @param x Cross-validation from [cross_validate()].
#' @param type What each row describes: `"measures"`, a measure, over all predictions and
#'   over the folds; `"folds"`, a fold; or `"intervals"`, a measure of a fold, or a
#'   measure of a class in a fold. Default `"measures"`.
#' @param ... Not used; must be empty.
#' @return `glance()`: a tibble with one row, the number of `folds`, the number of
#'   predictions `n`, and the measures of all predictions together. `tidy()`: the tibble
#'   `measures`, `folds` or `intervals` of the cross-validation.
#' @name cross_validation_tibbles
#' @examplesIf reticnn::reticnn_available()
#' build <- function() build_cnn(c(16, 16, 3), filters = 4, n_blocks = 1, units = 8)
#' validated <- cross_validate(build, shape_images(40, image_size = 16), 2, epochs = 1)
#' glance(validated)
#' tidy(validated)
#' tidy(validated, "folds")
NULL

#' @rdname cross_validation_tibbles
#' @export
glance.reticnn_cross_validation <- function(x, ...) {
  rlang::check_dots_empty()
  measures <- glance(x$evaluation)
  tibble::tibble(folds = nrow(x$folds), measures[setdiff(names(measures), "loss")])
}

#' @rdname cross_validation_tibbles
#' @export
tidy.reticnn_cross_validation <- function(x, type = c("measures", "folds", "intervals"), ...) {
  rlang::check_dots_empty()
  type <- rlang::arg_match(type)
  if (is.null(x[[type]])) {
    abort_text("`x` has no intervals. Validate with `intervals = 0.95`.",
      call = rlang::current_env())
  }
  x[[type]]
}

#' @eval said("ensemble_classifiers", without = "returns")
#' @return A `reticnn_classifier`, as from [fit_classifier()]. If one of the models can
#'   assign an image to none of the classes, as LeNet-5 with prototypes does,
#'   probabilities sum to less than 1.
#' @seealso [cross_validate()]
#' @export
#' @examplesIf reticnn::reticnn_available()
#' data <- shape_images(100, seed = 1)
#' members <- lapply(1:2, function(n) fit_classifier(build_cnn(seed = n), data, epochs = 1))
#' ensemble <- ensemble_classifiers(members)
#' ensemble
#' predict(ensemble, shape_images(5))
ensemble_classifiers <- function(classifiers, weights = NULL) {
  members <- as_members(classifiers)
  new_classifier(call_core("ensemble_classifiers",
    classifiers = if (is_plain_list(members)) unname(members) else members,
    weights = weights_in_order(weights, names(members), rlang::current_env())))
}

# Classifiers as the core has them, those of folds too, and anything else as it is.
as_members <- function(x, call = rlang::caller_env()) {
  if (inherits(x, "reticnn_cross_validation")) x <- x$classifiers
  if (is_plain_list(x)) lapply(x, as_core, call = call) else as_core(x, call)
}

# Weights without names, those with names in the order of the classifiers that have them.
weights_in_order <- function(weights, members, call) {
  own <- names(weights)
  if (is.null(own)) return(weights)
  if (!setequal(own, members) || anyDuplicated(own) || length(own) != length(members)) {
    abort_text(paste0("`weights` must have the names of `classifiers`, ",
      if (is.null(members)) "which have none" else paste(members, collapse = ", "),
      ", or no names, not ", paste(own, collapse = ", "), "."), call = call)
  }
  unname(weights[members])
}

core_of_folds <- function(x, call) {
  if (is_gone(x$core)) {
    abort_text(
      paste(
        "The cross-validation is gone from Python: it lived in the R session that made it.",
        "Its tables and its `classifiers` are kept; for anything else, run",
        "`cross_validate()` again, with the `checkpoint_dir` that it had."
      ),
      call = call
    )
  }
  x$core
}
