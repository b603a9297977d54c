"""Serve a classifier: a page and an API, in this process."""

import contextlib
import ipaddress
import threading
import time
from dataclasses import dataclass
from typing import Any

from reticnn.classifier import as_classifier
from reticnn.coercion import as_bool, as_float, as_string
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.stopping import check_wanted, end_of, note_taken
from reticnn.runtime.writing import temporary_folder
from reticnn.serving.addresses import address_of, as_port, listening_at
from reticnn.serving.answering import Answers, tables_to_serve
from reticnn.serving.application import Application
from reticnn.serving.impatience import impatient
from reticnn.serving.web_packages import web_packages

# Clients that are connected at the same time; others are told to come again.
_MOST_CLIENTS = 500

# How long a server that is to stop waits for answers that are under way.
_LAST_SECONDS = 5


def serve_classifier(
    classifier,
    port=8000,
    host="127.0.0.1",
    *,
    background=True,
    api_key=None,
    prior=None,
    batch_size=32,
    max_megabytes=32,
    max_megapixels=100,
):
    """Serve a classifier to browsers and programs: a web page and an API.

    The page classifies photos that are dropped on it, chosen or taken with the camera,
    and shows on demand which parts of them speak for a class. It is one file, talks to
    this server only, and works with phones, keyboards and screen readers. Results can
    be downloaded as a table. Programs get the same answers: `POST /predict` takes one
    image or several, `GET /classes` describes the classifier, `GET /health` says
    whether it is there, and `/docs` describes the whole API, as does `/openapi.json`.

    Files are read and predicted as by `predict_images`, with prediction sets and
    novelty if the classifier has them. Requests that arrive together share batches.
    Images are not kept. Only this computer can reach the server, unless another `host`
    is given.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`.
        port: Whole number of the port to listen on, 1 to 65535, or 0 for any free port.
            Default 8000.
        host: Name or address to listen on. `"127.0.0.1"` is this computer only;
            `"0.0.0.0"` is all networks that it is on. Default `"127.0.0.1"`.
        background: Whether to return at once, and serve until `stop()` is called or
            this process ends, or else to serve until Ctrl-C. From R, the background is
            a process of its own, which ends when R does, however it ends. Default True.
        api_key: String that clients must send in the header `X-API-Key`, or as `Bearer`
            in `Authorization`; the page asks for it. None lets everybody in. Default
            None.
        prior: Dict of the share of each class, as in `predict_images`. There are no
            prediction sets then. Default None.
        batch_size: Whole number, the largest number of images predicted at once.
            Default 32.
        max_megabytes: Number above 0: requests of more than this many million bytes are
            refused. Default 32.
        max_megapixels: Number above 0: images of more than this many million pixels are
            refused before they are decoded. Default 100.

    Returns:
        Handle that prints where the server is, with `address`, `is_running` and
        `stop()`, which ends it after the answers in progress; or None after Ctrl-C.

    Raises:
        TypeError: If `classifier` is not a classifier.
        ValueError: If the port is taken or may not be used, the host has no address
            here, the classifier cannot predict files, because its model takes images of
            any size or was trained on images read by a `reader`, or an argument is
            outside its range.
        MissingPackageError: If a package is missing: `pip install "reticnn[serve]"`.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        UserWarning: If other computers can reach the server, or as `predict_images`
            does.

    Example:
        >>> server = serve_classifier(classifier)
        >>> server
        <Server> http://127.0.0.1:8000, until `stop()` or the end of this process
        >>> server.stop()
        >>> # In a shell: python -m reticnn serve cats-and-dogs.reticnn
    """
    background = as_bool(background, "background")
    plan = planned(
        *(classifier, port, host),
        api_key=api_key,
        prior=prior,
        batch_size=batch_size,
        max_megabytes=max_megabytes,
        max_megapixels=max_megapixels,
    )
    server = served_here(plan, listening_at(plan.host, plan.port))
    if background:
        return server
    try:
        print(f"Serving at {server.address} until Ctrl-C", flush=True)
        server.wait()
    except KeyboardInterrupt:
        note_taken()
    server.stop()
    return None


@dataclass(frozen=True)
class Plan:
    """What is to be served, and how, with the arguments of `serve_classifier`."""

    tables: Any
    port: int
    host: str
    api_key: str | None
    most_bytes: int
    most_pixels: float


def planned(
    classifier, port, host, *, api_key, prior, batch_size, max_megabytes, max_megapixels
):
    """Return a `Plan`, with the arguments checked, and warn of what it means."""
    web_packages()
    tables = tables_to_serve(as_classifier(classifier), prior, batch_size)
    plan = Plan(
        tables,
        as_port(port),
        as_string(host, "host"),
        _as_key(api_key),
        int(1e6 * as_float(max_megabytes, "max_megabytes", above=0)),
        1e6 * as_float(max_megapixels, "max_megapixels", above=0),
    )
    _warn_of_others(plan.host, plan.api_key)
    return plan


def _as_key(value):
    """Return `value` as a key that can be sent in a header, or None."""
    if value is None:
        return None
    key = as_string(value, "api_key")
    if not (key.isascii() and key.isprintable()) or key != key.strip():
        raise ValueError(
            "`api_key` must consist of ASCII letters, digits and signs, without a "
            "space at either end, as HTTP headers require. Use another."
        )
    return key


def served_here(plan, socket):
    """Return a `Server` in a thread of this process, once it answers.

    Args:
        plan: `Plan`.
        socket: Socket that listens, which is closed with the server.
    """
    web = web_packages()
    with contextlib.ExitStack() as opened:
        opened.enter_context(socket)
        folder = opened.enter_context(temporary_folder())
        answers = Answers(plan.tables, plan.most_pixels)
        opened.callback(answers.close)
        application = Application(
            *(web, answers, folder), api_key=plan.api_key, most_bytes=plan.most_bytes
        )
        return Server(web, application.asgi, socket, opened.pop_all())


def _warn_of_others(host, api_key):
    """Warn if other computers reach a server."""
    if _is_loopback(host):
        return
    if api_key is None:
        text = "anybody there can use it: set an `api_key` unless they all may"
    else:
        text = "what is sent, including the key, can be read in transit"
    warn_user(
        "The server can be reached from the networks that this computer is on, because "
        f"`host` is {host!r}, and {text}. For the internet, put a web server with "
        "HTTPS in front of it."
    )


def _is_loopback(host):
    """Return whether a host is this computer as only it itself sees it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Server:
    """A classifier that is served by a thread of this process.

    Attributes:
        address: Where it is, as entered in a browser.
    """

    __module__ = "reticnn"

    def __init__(self, web, application, socket, opened):
        """Start, and return once it answers.

        Args:
            web: What `web_packages()` returned.
            application: ASGI application.
            socket: Socket that listens.
            opened: `ExitStack` of what is to be closed at the end.
        """
        self.address = address_of(socket)
        self._opened = opened
        self._server = web.uvicorn.Server(
            web.uvicorn.Config(
                application,
                http=impatient(web.AutoHTTPProtocol),
                lifespan="off",
                log_level="error",
                ws="none",
                server_header=False,
                limit_concurrency=_MOST_CLIENTS,
                timeout_graceful_shutdown=_LAST_SECONDS,
            )
        )
        self._thread = threading.Thread(
            target=self._run, args=(socket,), name="reticnn-server", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            check_wanted()
            time.sleep(0.005)

    @property
    def is_running(self):
        """Whether it answers."""
        return self._thread.is_alive()

    def stop(self):
        """Stop, after the answers in progress. The port is then free."""
        self._server.should_exit = True
        self.wait()

    def wait(self):
        """Return when the server has stopped."""
        while self._thread.is_alive():
            end_of(self._thread, 1)

    def _run(self, socket):
        with self._opened:
            self._server.run([socket])

    def __repr__(self):
        """Say where it is."""
        if not self.is_running:
            return f"<Server> stopped, was {self.address}"
        return f"<Server> {self.address}, until `stop()` or the end of this process"
