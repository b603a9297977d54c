import contextlib
import errno
import os
import socket
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import keras
import pytest

from reticnn.runtime import downloads as waiting
from reticnn.runtime.downloads import network

FIX = "Pass a local copy as `path`."


class _Site(BaseHTTPRequestHandler):
    """Have /file, which is whole, and /cut, which breaks off; nothing else."""

    protocol_version = "HTTP/1.0"

    def do_HEAD(self):
        self.send_response(200 if self.path in ("/file", "/cut") else 404)
        self.end_headers()

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4" if self.path == "/file" else "9999")
        self.end_headers()
        self.wfile.write(b"data")

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_download_runs_where_there_is_a_network(site):
    with network(f"{site}/file", FIX), urllib.request.urlopen(f"{site}/file") as file:
        assert file.read() == b"data"


def test_missing_file_says_what_to_do(site):
    with (
        pytest.raises(ConnectionError) as caught,
        network(f"{site}/gone", FIX),
    ):
        raise AssertionError("The download must not start")
    message = str(caught.value)
    assert f"{site}/gone" in message
    assert "404" in message
    assert FIX in message


def test_no_server_says_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/file"
    with pytest.raises(ConnectionError) as caught, network(url, FIX):
        raise AssertionError("The download must not start")
    assert url in str(caught.value)
    assert FIX in str(caught.value)


def test_download_that_breaks_off_says_what_to_do(site, tmp_path):
    url = f"{site}/cut"
    with pytest.raises(ConnectionError) as caught, network(url, FIX):
        urllib.request.urlretrieve(url, tmp_path / "file")
    assert url in str(caught.value)
    assert FIX in str(caught.value)


def test_download_by_keras_that_breaks_off_says_what_to_do(site, tmp_path):
    url = f"{site}/cut"
    with pytest.raises(ConnectionError) as caught, network(url, FIX):
        keras.utils.get_file("file", url, cache_dir=tmp_path)
    assert url in str(caught.value)
    assert FIX in str(caught.value)


def test_other_errors_are_not_the_networks(site):
    with (
        pytest.raises(ZeroDivisionError),
        network(f"{site}/file", FIX),
    ):
        _ = 1 / 0


def test_time_limit_is_put_back(site):
    before = socket.getdefaulttimeout()
    with network(f"{site}/file", FIX):
        assert socket.getdefaulttimeout() is not None
    assert socket.getdefaulttimeout() == before
    with pytest.raises(ConnectionError), network(f"{site}/file", FIX):
        raise OSError("broken off")
    assert socket.getdefaulttimeout() == before


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


def _serve(server, answers):
    """Answer requests by their method, and leave the connections open in silence."""
    open_ones = []
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            open_ones.append(connection)
            method = connection.recv(1000).split(b" ")[0]
            connection.sendall(answers.get(method, b""))


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "cannot be reached"),
        ({b"HEAD": ANSWER}, "broke off"),
        ({b"HEAD": ANSWER, b"GET": ANSWER + b"begun"}, "broke off"),
    ],
    ids=["after connecting", "before the file", "within the file"],
)
def test_server_that_falls_silent_is_given_up(tmp_path, monkeypatch, answers, says):
    # A connection and an answer are waited for, 15 seconds together are documented.
    assert 2 * waiting.SECONDS < 15
    monkeypatch.setattr(waiting, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, answers), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/weights.h5"
        with (
            pytest.raises(ConnectionError, match=f"{says}.*Put it there"),
            waiting.network(url, "Put it there."),
        ):
            keras.utils.get_file("weights.h5", url, cache_dir=tmp_path)
    assert not list(tmp_path.rglob("*.h5"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux alone has /dev/full")
def test_download_without_room_says_what_to_do(site):
    url = f"{site}/file"
    with pytest.raises(OSError, match="KERAS_HOME") as caught, network(url, FIX):
        urllib.request.urlretrieve(url, "/dev/full")
    assert not isinstance(caught.value, ConnectionError)
    said = f"{url} could not be kept (No space left on device). Free some space, or set"
    assert said in str(caught.value)


def test_download_that_may_not_be_kept_says_what_to_do(site):
    url = f"{site}/file"
    with pytest.raises(OSError, match="KERAS_HOME") as caught, network(url, FIX):
        raise PermissionError(errno.EACCES, "Permission denied")
    assert "(Permission denied). Allow yourself to write there, or" in str(caught.value)
