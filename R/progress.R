# How training reports its progress to the console: a function the core calls with the
# epoch, the step and the metrics, so that R's own output, sinks and knitr see it.
progress_reporter <- function(progress) {
  if (identical(progress, "auto")) {
    progress <- automatic_progress()
  }
  switch(
    if (is.character(progress) && length(progress) == 1) progress else "",
    bar = report_bar(),
    epoch = report_epochs(),
    progress
  )
}

# The same for work that has steps and no epochs; `doing` says what it is.
step_reporter <- function(progress, doing = "Predicting") {
  if (identical(progress, "auto")) {
    seen <- automatic_progress() == "bar" && cli::is_dynamic_tty()
    return(if (seen) report_steps(doing, at_once = FALSE) else "none")
  }
  if (identical(progress, "bar")) report_steps(doing, at_once = TRUE) else progress
}

automatic_progress <- function() {
  testing <- identical(Sys.getenv("TESTTHAT"), "true")
  if (testing || isTRUE(getOption("knitr.in.progress"))) {
    "none"
  } else if (interactive()) {
    "bar"
  } else {
    "epoch"
  }
}

report_epochs <- function() {
  printed <- NULL
  function(state) {
    printed <<- say_opening(state, printed)
    if (state$done) say_epoch(state)
  }
}

# Prints the device, and the note of each stage; returns the note that was printed.
say_opening <- function(state, printed) {
  if (is.null(printed)) {
    cli::cli_text("Training on {state$device}")
  }
  note <- state$note %||% ""
  if (!identical(note, printed) && nzchar(note)) {
    for (line in strsplit(note, "\n")[[1]]) cli::cli_text("{line}")
  }
  note
}

say_epoch <- function(state) {
  cli::cli_text("Epoch {state$epoch}/{state$epochs}: {metrics_text(state)}")
}

report_bar <- function() {
  # Where output cannot be overwritten, a bar would become a page of bars.
  if (!cli::is_dynamic_tty()) {
    return(report_epochs())
  }
  bar <- NULL
  epoch <- 0
  printed <- NULL
  function(state) {
    printed <<- say_opening(state, printed)
    if (state$epoch != epoch) {
      epoch <<- state$epoch
      bar <<- cli::cli_progress_bar(
        format = paste0(
          "Epoch ", state$epoch, "/", state$epochs,
          " {cli::pb_bar} {cli::pb_current}/{cli::pb_total} {cli::pb_extra$metrics}"
        ),
        total = state$steps, extra = list(metrics = ""),
        auto_terminate = FALSE, .envir = environment_of_bar, clear = TRUE
      )
      the$bar <- bar
    }
    cli::cli_progress_update(set = state$step, id = bar, force = TRUE,
      extra = list(metrics = metrics_text(state)), .envir = environment_of_bar)
    if (state$done) {
      end_bar()
      say_epoch(state)
    }
  }
}

# cli itself waits two seconds before it draws a bar.
report_steps <- function(doing, at_once) {
  bar <- NULL
  function(state) {
    bar <<- bar %||% cli::cli_progress_bar(doing, total = state$steps,
      auto_terminate = FALSE, .envir = environment_of_bar, clear = TRUE)
    the$bar <- bar
    cli::cli_progress_update(set = state$step, id = bar, force = at_once,
      .envir = environment_of_bar)
    if (state$done) end_bar()
  }
}

# Takes away the bar that is there: at its end, and where the work is cut off, so that
# nothing is printed on it.
end_bar <- function() {
  if (!is.null(the$bar)) {
    cli::cli_progress_done(id = the$bar, .envir = environment_of_bar)
    the$bar <- NULL
  }
}

# cli ends a bar when the function that made it returns; these bars live from call to
# call.
environment_of_bar <- new.env()

metrics_text <- function(state) {
  state_names <- c("epoch", "epochs", "step", "steps", "done", "device", "note", "fold",
    "folds")
  metrics <- state[setdiff(names(state), state_names)]
  paste(names(metrics), formatC(unlist(metrics), digits = 4, format = "f"),
    collapse = ", ")
}
