"""A server answers as `predict_images` does, refuses what is no image, and goes on."""

import contextlib
import http.client
import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reticnn
from reticnn.serving import impatience
from reticnn.serving.answering import Answers, tables_to_serve
from reticnn.serving.batching import Batches

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


class Client:
    """Somebody who asks a server."""

    def __init__(self, server, **headers):
        self.address = server.address
        self.port = int(server.address.rsplit(":", 1)[1])
        self.headers = headers

    def ask(self, path, body=None, **headers):
        """Return the status and what JSON says."""
        request = urllib.request.Request(
            self.address + path, body, {**self.headers, **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def predict(self, body, **headers):
        """Return what is said of the one image in a body."""
        status, answer = self.ask("/predict", body, **headers)
        assert status == 200, answer
        (row,) = answer["predictions"]
        return row

    def predict_form(self, files, kind="multipart/form-data"):
        """Return the status and what is said of files, a list of names and bytes."""
        mark = "----mark"
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="images"; '
            f'filename="{name}"\r\n\r\n'.encode()
            + body
            for name, body in files
        ]
        body = b"\r\n".join([*parts, f"--{mark}--\r\n".encode()])
        kind = f"{kind}; boundary={mark}"
        return self.ask("/predict", body, **{"Content-Type": kind})


@pytest.fixture(scope="module")
def serve():
    """Serve classifiers until the module's tests have ended; return a client."""
    servers = []

    def start(classifier, **arguments):
        servers.append(reticnn.serve_classifier(classifier, 0, **arguments))
        return Client(servers[-1])

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def client(classifier, serve):
    """Return a client of a server that all tests share."""
    return serve(classifier, max_megabytes=2, max_megapixels=4)


@pytest.fixture(scope="module")
def picture():
    """Return the bytes of a PNG."""
    image = reticnn.load_images(reticnn.shape_images(1, image_size=40, seed=9))
    return _bytes_of(Image.fromarray(image["images"][0]))


def _bytes_of(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def _row_of(table, classifier, index=0):
    """Return a row of what `predict_images` returns as the server has it."""
    names = classifier.class_names
    chances = {name: table[f".pred_{name}"][index] for name in names}
    row = {"class": table[".pred_class"][index], "probabilities": chances}
    for key, column in {"set": ".pred_set", "novel": ".novel"}.items():
        if column in table:
            row[key] = table[column][index]
    return row


def _check_same(row, expected):
    row = dict(row)
    assert row.pop("file", None) is None
    assert row.pop("probability") == row["probabilities"][row["class"]]
    assert row.pop("probabilities") == pytest.approx(
        expected["probabilities"], abs=1e-6
    )
    assert row == {key: expected[key] for key in expected if key != "probabilities"}


# The same answers as `predict_images`


def _photo(mode="RGB", size=(61, 43)):
    """Return an image in which every part differs from its mirror image."""
    across, down = np.meshgrid(*(np.linspace(0, 255, side) for side in size))
    bands = [across, down, 255 - across, 128 + 0 * down]
    pixels = np.stack(bands, axis=-1).astype("uint8")
    return Image.fromarray(pixels[..., :3]).convert(mode)


def _sixteen_bits():
    values = np.linspace(0, 65535, 40 * 30).reshape(30, 40).astype("uint16")
    return _bytes_of(Image.fromarray(values))


def _turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return _bytes_of(_photo(), "JPEG", exif=exif)


def _clear():
    image = _photo("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return _bytes_of(image)


FILES = {
    "jpeg": lambda: _bytes_of(_photo(), "JPEG"),
    "large jpeg": lambda: _bytes_of(_photo(size=(1500, 900)), "JPEG"),
    "turned by EXIF": _turned,
    "CMYK": lambda: _bytes_of(_photo("CMYK"), "JPEG"),
    "grey": lambda: _bytes_of(_photo("L"), "JPEG"),
    "grey PNG": lambda: _bytes_of(_photo("L")),
    "palette": lambda: _bytes_of(_photo("P")),
    "alpha": _clear,
    "16 bits": _sixteen_bits,
    "webp": lambda: _bytes_of(_photo(), "WEBP"),
    "gif": lambda: _bytes_of(_photo(), "GIF"),
    "tiff": lambda: _bytes_of(_photo(), "TIFF"),
}


@pytest.mark.parametrize("kind", FILES)
def test_answers_are_those_of_predict_images(classifier, client, tmp_path, kind):
    file = tmp_path / "file"
    file.write_bytes(FILES[kind]())
    expected = reticnn.predict_images(classifier, file)
    row = client.predict(file.read_bytes())
    _check_same(row, _row_of(expected, classifier))


def test_sets_novelty_calibration_and_resizing_are_the_classifiers(
    shapes, tiny_cnn, fit, serve, cats
):
    def more(seed, n=60):
        return reticnn.shape_images(n, image_size=16, seed=seed)

    model = tiny_cnn(seed=3)
    learned = fit(model, shapes, epochs=20, optimizer="adam", learning_rate=0.01)
    careful = learned.changed(resize="pad")
    careful = reticnn.calibrate_classifier(careful, more(21, 200))
    careful = reticnn.novelty_threshold(careful, more(22), reference=shapes)
    careful = reticnn.prediction_sets(careful, more(23), coverage=0.8)
    client = serve(careful)
    _, facts = client.ask("/classes")
    assert (facts["sets"], facts["novelty"], facts["calibrated"]) == (0.8, True, True)
    for file in sorted(cats.rglob("*.*")):
        expected = reticnn.predict_images(careful, file, type="set")
        row = client.predict(file.read_bytes())
        assert row["set"] is not None
        assert row["novel"] in (True, False)
        _check_same(row, _row_of(expected, careful))


def test_prior_is_that_of_predict_images(classifier, serve, picture, tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(picture)
    prior = {"circle": 0.9, "square": 0.1}
    expected = reticnn.predict_images(classifier, file, prior=prior)
    row = serve(classifier, prior=prior).predict(picture)
    _check_same(row, _row_of(expected, classifier))


def test_a_class_called_set_is_no_prediction_set(tiny_cnn, fit, serve, picture):
    shapes = reticnn.load_images(reticnn.shape_images(20, image_size=16, seed=1))
    names = {"circle": "set", "square": "other"}
    labels = [names[label] for label in shapes["labels"]]
    data = reticnn.image_arrays(shapes["images"], labels)
    client = serve(fit(tiny_cnn(), data, epochs=1))
    said = {"file", "class", "probability", "probabilities"}
    assert set(client.predict(picture)) == said


def test_several_images_and_their_problems_are_in_order(client, picture):
    files = [("a.png", picture), ("b.txt", b"no image"), ('c"ü.png', picture)]
    status, answer = client.predict_form(files)
    assert status == 200
    first, second, third = answer["predictions"]
    assert first["file"] == "a.png"
    assert second == {
        "file": "b.txt",
        "problem": "is not an image, or is so damaged that its format is unclear",
    }
    assert third["probabilities"] == pytest.approx(first["probabilities"], abs=1e-6)
    assert client.predict_form(files, "Multipart/Form-Data")[0] == status


# Odd requests


def _bomb():
    """Return a small PNG that says it has 400 megapixels."""

    def chunk(kind, body):
        whole = kind + body
        return (
            struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))
        )

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(20_000), 9)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is empty"),
        (b"hello", "is not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not an image"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (_bomb(), "20,000 x 20,000 pixels"),
    ],
)
def test_what_is_no_image_is_refused_with_the_reason(client, body, reason):
    status, answer = client.ask("/predict", body)
    assert status == 400
    assert reason in answer["error"]


def test_an_image_cut_off_is_refused(client):
    status, answer = client.ask("/predict", FILES["large jpeg"]()[:2000])
    assert status == 400
    assert "damaged" in answer["error"]


def test_damaged_files_of_all_formats_are_refused_or_read(client):
    random = np.random.default_rng(1)
    for make in FILES.values():
        damaged = np.frombuffer(make(), "uint8").copy()
        damaged[random.integers(8, len(damaged), 12)] = random.integers(0, 256, 12)
        status, answer = client.ask("/predict", damaged.tobytes())
        assert status in (200, 400), answer


def test_odd_forms_are_refused(client, picture):
    assert client.predict_form([])[0] == 400
    assert client.predict_form([("a", b"")])[0] == 400
    kind = {"Content-Type": "multipart/form-data"}
    assert client.ask("/predict", b"no form", **kind)[0] == 400
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.ask("/predict", b"--x\r\nodd", **kind)[0] == 400
    # Not all that an encoding gives is text, and not all that is sent is in it.
    kind = "multipart/form-data; charset="
    status, answer = client.predict_form([("+2AA-", picture)] * 2, kind + "utf-7")
    assert (status, answer["predictions"][1]["file"]) == (200, "?")
    assert client.predict_form([("a", picture)], kind + "undefined")[0] == 400
    status, answer = client.predict_form([("a", b"1")] * 65)
    assert (status, "64" in answer["error"]) == (400, True)


def test_what_is_too_much_is_refused(client):
    status, answer = client.ask("/predict", bytes(3_000_000))
    assert (status, answer["error"]) == (413, "A request must have at most 2 MB.")
    connection = http.client.HTTPConnection("127.0.0.1", client.port)
    pieces = iter([bytes(1_000_000)] * 3)  # Whose length nobody has said.
    connection.request("POST", "/predict", pieces, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_unknown_addresses_and_classes_are_refused(client, picture):
    assert client.ask("/unknown")[0] == 404
    assert client.ask("/predict")[0] == 405
    status, answer = client.ask("/explain?class=cat", picture)
    assert (status, answer["error"]) == (400, "`class` must be one of circle, square.")


def test_clients_that_leave_harm_nobody(client, picture, capfd):
    for sent in (
        b"",
        b"POST",
        b"POST /predict HTTP/1.1\r\nContent-Length: 90\r\n\r\na",
    ):
        with socket.create_connection(("127.0.0.1", client.port)) as leaving:
            leaving.sendall(sent)
    assert client.predict(picture)["class"] in ("circle", "square")
    assert "Traceback" not in capfd.readouterr().err


def test_a_slow_client_holds_nobody_up(client, picture):
    with socket.create_connection(("127.0.0.1", client.port)) as slow:
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\n")
        slow.sendall(f"Content-Length: {len(picture)}\r\n\r\n".encode() + picture[:9])
        for _ in range(3):
            client.predict(picture)
        slow.sendall(picture[9:])
        assert slow.recv(100).startswith(b"HTTP/1.1 200")


def test_connections_on_which_nobody_asks_are_closed(classifier, picture, monkeypatch):
    monkeypatch.setattr(impatience, "SECONDS", 0.3)
    server = reticnn.serve_classifier(classifier, 0)
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\n"
    health = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    length = f"Content-Length: {len(picture)}\r\n\r\n".encode()
    port = int(server.address.rsplit(":", 1)[1])
    with contextlib.ExitStack() as opened:
        silent, half, again, slow = (
            opened.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            for _ in range(4)
        )
        half.sendall(head)
        again.sendall(health)
        answer = b""
        while not answer.endswith(b"}"):
            answer += again.recv(1000)
        again.sendall(head)
        slow.sendall(head + length + picture[:9])
        time.sleep(1)
        assert [one.recv(1000) for one in (silent, half, again)] == [b""] * 3
        # What is under way is another matter.
        slow.sendall(picture[9:])
        assert slow.recv(100).startswith(b"HTTP/1.1 200")
    server.stop()


def test_slow_clients_take_no_heat_maps_from_others(client, picture):
    with contextlib.ExitStack() as opened:
        for _ in range(10):
            slow = socket.create_connection(("127.0.0.1", client.port))
            opened.enter_context(slow)
            slow.sendall(b"POST /explain?class=circle HTTP/1.1\r\nHost: a\r\n")
            slow.sendall(b"Content-Length: 9\r\n\r\n1")
        assert client.predict(picture)
        assert client.ask("/explain?class=circle", picture)[0] == 200


# What it says of itself, and to whom


def test_pages_are_there_and_ask_nobody_else(client):
    for path in ("/", "/docs"):
        with urllib.request.urlopen(client.address + path) as answer:
            page = answer.read().decode()
            policy = answer.headers["Content-Security-Policy"]
        assert page.startswith("<!doctype html>")
        assert not re.search(r"(src|href|url)\W+https?:", page)
        assert "default-src 'none'" in policy
    for path in ("/predict", "/explain", "/classes", "/health"):
        assert path in page


def test_openapi_says_what_is_answered(client, picture):
    status, said = client.ask("/openapi.json")
    assert (status, said["openapi"]) == (200, "3.1.0")
    schema = said["paths"]["/predict"]["post"]["responses"]["200"]["content"]
    rows = schema["application/json"]["schema"]["properties"]["predictions"]["items"]
    assert set(client.predict(picture)) <= set(rows["properties"])
    assert client.ask("/health") == (200, {"status": "ok"})
    assert client.ask("/classes")[1]["classes"] == ["circle", "square"]


def test_heat_map_is_of_the_images_aspect(client, picture):
    for body, size in ((picture, (40, 40)), (_turned(), (43, 61))):
        status, answer = client.ask("/explain?class=circle", body)
        assert (status, answer["width"], answer["height"]) == (200, *size)
        assert answer["picture"].startswith("data:image/png;base64,")


def test_heat_maps_are_those_of_explain_prediction(classifier, picture, tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(picture)
    answers = Answers(tables_to_serve(classifier, None, 32), 1e6)
    pixels = answers.read(str(file)).pixels
    for name in classifier.class_names:
        expected = reticnn.explain_prediction(classifier, file, name, "occlusion")
        np.testing.assert_allclose(
            answers.map_of(pixels, name), expected.maps[0], atol=1e-5
        )
    answers.close()


def test_a_key_is_wanted_where_there_is_one(classifier, serve, picture):
    client = serve(classifier, api_key="open sesame")
    assert client.ask("/health")[0] == 200
    for headers in ({}, {"X-API-Key": "other"}, {"Authorization": "Bearer"}):
        bodies = {"/classes": None, "/openapi.json": None, "/predict": picture}
        for path, body in bodies.items():
            status, answer = client.ask(path, body, **headers)
            assert status == 401
            assert "X-API-Key" in answer["error"]
    key = "open sesame"
    assert client.ask("/predict", picture, **{"X-API-Key": key})[0] == 200
    assert client.ask("/classes", Authorization=f"Bearer {key}")[0] == 200
    for path in ("/", "/docs"):
        with urllib.request.urlopen(client.address + path) as answer:
            assert "square" not in answer.read().decode()


# Many at once


def test_who_waits_shares_a_batch():
    sizes, free = [], threading.Event()

    def answers_of(images):
        free.wait(10)
        sizes.append(len(images))
        return [int(image[0]) for image in images]

    batches = Batches(answers_of, 8)
    first = batches.ask(np.array([0]))
    while not first.running():
        time.sleep(0.001)
    odd = batches.ask(np.array([1, 2]))
    rest = [batches.ask(np.array([number])) for number in range(2, 15)]
    odd.cancel()
    free.set()
    assert first.result(10) == 0
    assert [one.result(10) for one in rest] == list(range(2, 15))
    assert sizes == [1, 8, 4, 1]
    batches.close()


def test_an_error_is_told_to_those_who_asked_and_work_goes_on():
    def answers_of(images):
        return [1 / int(image[0]) for image in images]

    batches = Batches(answers_of, 1)
    with pytest.raises(ZeroDivisionError):
        batches.ask(np.array([0])).result(10)
    assert batches.ask(np.array([2])).result(10) == 0.5
    batches.close()


def test_clients_at_once_get_their_own_answers(classifier, client, tmp_path):
    images = reticnn.load_images(reticnn.shape_images(24, image_size=16, seed=8))
    files = [_bytes_of(Image.fromarray(image)) for image in images["images"]]
    expected = reticnn.predict_images(classifier, images["images"])
    rows = [None] * len(files)

    def ask(index):
        rows[index] = client.predict(files[index])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(len(files))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, row in enumerate(rows):
        _check_same(row, _row_of(expected, classifier, index))


def test_who_keeps_a_connection_does_not_wait_for_the_network(client, picture):
    connection = http.client.HTTPConnection("127.0.0.1", client.port)
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        connection.request("POST", "/predict", picture)
        assert connection.getresponse().read()
        seconds.append(time.perf_counter() - start)
    connection.close()
    # An answer whose second part is held back for the first to arrive takes 40 ms.
    assert min(seconds) < 0.035


@pytest.mark.slow
def test_memory_is_flat_over_many_requests(shapes, tiny_cnn, fit, serve, picture):
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("It is not known here how much memory a process has")

    def memory():
        (line,) = re.findall(r"VmRSS:\s+(\d+) kB", status.read_text())
        return int(line) / 1024

    reference = reticnn.shape_images(60, image_size=16, seed=22)
    careful = fit(tiny_cnn(), shapes)
    careful = reticnn.novelty_threshold(careful, reference, reference=shapes)
    connection = http.client.HTTPConnection("127.0.0.1", serve(careful).port)

    def ask(count):
        for _ in range(count):
            connection.request("POST", "/predict", picture)
            assert "novel" in json.load(connection.getresponse())["predictions"][0]

    ask(200)
    before = memory()
    ask(800)
    assert memory() - before < 10
    connection.close()


# Starting and stopping


def test_a_server_says_where_it_is_and_stops(classifier, picture):
    server = reticnn.serve_classifier(classifier, 0)
    assert repr(server).startswith(f"<Server> {server.address}, until `stop()`")
    folder = [t for t in threading.enumerate() if t.name == "reticnn-server"]
    assert folder
    server.stop()
    assert repr(server) == f"<Server> stopped, was {server.address}"
    assert not server.is_running
    with pytest.raises(urllib.error.URLError):
        Client(server).ask("/health")
    port = Client(server).port
    again = reticnn.serve_classifier(classifier, port)
    assert again.address == server.address
    again.stop()


def test_a_taken_port_and_odd_hosts_are_named(classifier, client, refused):
    with refused(ValueError, "port", client.port, f"port={client.port + 1}"):
        reticnn.serve_classifier(classifier, client.port)
    with refused(ValueError, "port", 70_000, "8000"):
        reticnn.serve_classifier(classifier, 70_000)
    with refused(ValueError, "host", "nowhere.invalid", "127.0.0.1"):
        reticnn.serve_classifier(classifier, host="nowhere.invalid")
    with (
        pytest.warns(UserWarning, match="can be reached from the networks"),
        refused(ValueError, "host", "192.0.2.1", "is not"),
    ):
        reticnn.serve_classifier(classifier, host="192.0.2.1")
    with refused(ValueError, "max_megapixels", 0):
        reticnn.serve_classifier(classifier, max_megapixels=0)
    with refused(TypeError, "api_key"):
        reticnn.serve_classifier(classifier, api_key=3)
    with refused(ValueError, "api_key", "ASCII"):
        reticnn.serve_classifier(classifier, api_key="sésame")
    with refused(TypeError, "classifier", "a.reticnn"):
        reticnn.serve_classifier("a.reticnn")


def test_a_classifier_of_images_of_any_size_is_refused(fit, refused, shapes):
    import keras

    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(2, 3)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(2, "softmax")(x)
    open_sized = fit(keras.Model(inputs, outputs), shapes)
    with pytest.raises(ValueError, match="images of any size"):
        reticnn.serve_classifier(open_sized, 0)


def test_other_computers_are_let_in_with_a_warning(classifier):
    with pytest.warns(UserWarning, match="anybody there can use it"):
        server = reticnn.serve_classifier(classifier, 0, host="0.0.0.0")
    assert server.address.startswith("http://127.0.0.1:")
    assert Client(server).ask("/health")[0] == 200
    server.stop()
    with pytest.warns(UserWarning, match="can be read in transit"):
        reticnn.serve_classifier(classifier, 0, "0.0.0.0", api_key="a").stop()


def test_missing_packages_are_named(classifier, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ImportError, match='pip install "starlette" "uvicorn"'):
        reticnn.serve_classifier(classifier, 0)


def _started(command, **variables):
    core = str(Path(reticnn.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": core, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("hears_ctrl_c")
def test_the_command_serves_until_ctrl_c(classifier, client, picture, tmp_path):
    path = reticnn.save_classifier(classifier, tmp_path / "a.reticnn")
    taken = ["-m", "reticnn", "serve", path, "--port"]
    process = _started([*taken, "0"], RETICNN_API_KEY="key")
    line = process.stdout.readline()
    address = re.fullmatch(r"Serving at (http://127.0.0.1:\d+) until Ctrl-C\n", line)[1]
    request = urllib.request.Request(f"{address}/classes", headers={"X-API-Key": "key"})
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["classes"] == ["circle", "square"]
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (0, "", "")
    process = _started([*taken, str(client.port)])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith(f"reticnn: `port` is {client.port}, which another program")
    process = _started([*taken, "0"], RETICNN_API_KEY="")
    _, errors = process.communicate(timeout=60)
    assert errors == "reticnn: `api_key` must be a non-empty string, not ''.\n"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_the_command_ends_in_good_order_as_a_service(classifier, tmp_path):
    pytest.importorskip("onnxruntime")
    path, scratch = str(tmp_path / "a.onnx"), tmp_path / "scratch"
    reticnn.export_classifier(classifier, path)
    scratch.mkdir()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Under `nohup`, a new process would ignore it, too.
        before = signal.signal(number, signal.SIG_DFL)
        try:
            process = _started(
                ["-m", "reticnn", "serve", path, "--port", "0"], TMPDIR=str(scratch)
            )
        finally:
            signal.signal(number, before)
        assert process.stdout.readline().startswith("Serving at")
        process.send_signal(number)
        assert process.communicate(timeout=30) == ("", "")
        assert (process.returncode, list(scratch.iterdir())) == (0, [])


_PARENT = """
import os, sys, reticnn
classifier = reticnn.load_classifier(sys.argv[1])
server = reticnn.served_apart(
    classifier, 0, "127.0.0.1", api_key=None, prior={"circle": 0.5, "square": 0.5},
    batch_size=4, max_megabytes=1, max_megapixels=1,
)
print(server.address, server.process, flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_a_server_apart_ends_with_its_parent_however_that_ends(
    classifier, picture, tmp_path
):
    path = reticnn.save_classifier(classifier, tmp_path / "a.reticnn")
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, path],
        env={**os.environ, "PYTHONPATH": str(Path(reticnn.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    address, number = parent.stdout.readline().split()
    with urllib.request.urlopen(f"{address}/predict", data=picture) as answer:
        assert json.load(answer)["predictions"][0]["class"] in ("circle", "square")
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 20
    while _is_there(int(number)):
        assert time.monotonic() < end
        time.sleep(0.05)


def _is_there(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    # It may be a zombie that init has yet to bury.
    stat = Path(f"/proc/{number}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


_WITHOUT_KERAS = """
import sys, urllib.request, json, reticnn
server = reticnn.serve_classifier(reticnn.load_classifier(sys.argv[1]), 0)
with open(sys.argv[2], "rb") as file:
    image = file.read()
def ask(path):
    return json.load(urllib.request.urlopen(server.address + path, image))
row = ask("/predict")["predictions"][0]
print(row["probabilities"]["circle"], "keras" in sys.modules)
print(ask("/explain?class=circle")["picture"][:10])
server.stop()
"""


@pytest.mark.slow
def test_an_onnx_file_is_served_without_keras(
    classifier, picture, tmp_path, run_python
):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "a.onnx"
    reticnn.export_classifier(classifier, path)
    file = tmp_path / "a.png"
    file.write_bytes(picture)
    result = run_python(_WITHOUT_KERAS, path, file)
    chance, started, drawn = result.stdout.split()
    expected = reticnn.predict_images(classifier, file)[".pred_circle"][0]
    assert float(chance) == pytest.approx(expected, abs=1e-5)
    assert (started, drawn) == ("False", "data:image")
