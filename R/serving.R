#' @eval said("serve_classifier", prior = "A named vector is accepted too.")
#' @return In R, `is_running()` is a function.
#' @seealso [write_predictions()], [export_classifier()], `vignette("handing-it-on")`
#' @export
#' @examplesIf reticnn::reticnn_available() && interactive()
#' classifier <- fit_classifier(build_cnn(), shape_images(200), epochs = 1)
#' server <- serve_classifier(classifier)
#' browseURL(server$address)
#' server$stop()
serve_classifier <- function(classifier, port = 8000, host = "127.0.0.1",
                             background = TRUE, api_key = NULL, prior = NULL,
                             batch_size = 32, max_megabytes = 32, max_megapixels = 100) {
  serve <- function(name, ...) {
    call_core(name, classifier = as_core(classifier), port = port, host = host, ...,
      api_key = api_key, prior = as_prior(prior), batch_size = batch_size,
      max_megabytes = max_megabytes, max_megapixels = max_megapixels,
      .call = users_frame(rlang::caller_env()))
  }
  if (!isTRUE(background %||% TRUE)) {
    return(invisible(serve("serve_classifier", background = background)))
  }
  new_server(serve("served_apart"))
}

new_server <- function(core) {
  structure(
    list(
      address = core$address,
      is_running = function() if (is_gone(core)) NA else core$is_running,
      stop = function() invisible(if (!is_gone(core)) core$stop())
    ),
    class = "reticnn_server"
  )
}

#' @export
print.reticnn_server <- function(x, ...) {
  running <- x$is_running()
  if (is.na(running)) {
    cat("<reticnn_server> of another R session, at ", x$address, "\n", sep = "")
  } else if (running) {
    cat("<reticnn_server> ", x$address, ", until `$stop()` or the end of R\n", sep = "")
  } else {
    cat("<reticnn_server> stopped, was ", x$address, "\n", sep = "")
  }
  invisible(x)
}
