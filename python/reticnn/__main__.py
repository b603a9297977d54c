"""What `python -m reticnn` does."""

import argparse
import os
import signal

import reticnn

_KEY = "RETICNN_API_KEY"


def main(arguments=None):
    """Serve a classifier from its file.

    Args:
        arguments: List of strings, or None for those of the command line.
    """
    given = vars(_parser().parse_args(arguments))
    del given["command"]
    _end_in_good_order()
    try:
        classifier = reticnn.load_classifier(given.pop("file"))
        reticnn.serve_classifier(
            classifier, background=False, api_key=os.environ.get(_KEY), **given
        )
    except (ImportError, OSError, TypeError, ValueError) as error:
        raise SystemExit(f"reticnn: {error}") from None


def _end_in_good_order():
    """Have what stops a service, or closes a terminal, do what Ctrl-C does."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has not both.
        # Who has it ignored, as `nohup` does, wants that.
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _parser():
    parser = argparse.ArgumentParser("python -m reticnn", description=reticnn.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser(
        "serve",
        help="serve a classifier: a web page and an API, until Ctrl-C",
        description=(
            "Serve a classifier: a web page and an API, until Ctrl-C. If the "
            f"environment variable {_KEY} is set, clients must send its value as their "
            "key."
        ),
    )
    serve.add_argument("file", help="file from save_classifier()")
    serve.add_argument("--port", type=int, default=8000, help="8000 by default")
    serve.add_argument("--host", default="127.0.0.1", help="127.0.0.1 by default")
    serve.add_argument("--batch-size", type=int, default=32, help="32 by default")
    serve.add_argument("--max-megabytes", type=float, default=32, help="of a request")
    serve.add_argument("--max-megapixels", type=float, default=100, help="of an image")
    return parser


if __name__ == "__main__":
    main()
