"""Requests to a server: one after the other, 32 clients at once, and its memory.

MobileNet with a quarter of the channels, 224 x 224 pixels, weights as drawn, computed
by Keras and by ONNX Runtime (saved with `fast_start`), and JPEG files of 320 x 240
pixels, each a request. Prints images per second of one client and of 32 at once, their
ratio, how long the slowest hundredth of the requests took, and what the server's memory
was after each fifth of many requests (on Linux). The clients take some of the processor
too: ONNX Runtime computes a network as small as this one so quickly that little is left
to be shared.

    python benchmarks/serving.py [--seconds S] [--requests N] [--clients N]
"""

import argparse
import contextlib
import http.client
import io
import itertools
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

import reticnn

_MIB = 2**20


def photos(count=50):
    """Return the bytes of JPEG files of blurred noise, as large as photos are."""
    generator = np.random.default_rng(1)
    files = []
    for _ in range(count):
        small = generator.integers(0, 256, (60, 80, 3), "uint8")
        file = io.BytesIO()
        Image.fromarray(small).resize((320, 240)).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def classifier():
    """Return a classifier that is not trained."""
    model = reticnn.landmark_model("mobilenet", num_classes=10, width=0.25)
    names = [f"class {number}" for number in range(10)]
    return reticnn.Classifier(model, names, {"epoch": []}, resize="stretch")


def seconds_of_requests(port, files, clients, is_enough):
    """Return the seconds of each request of some clients, and of all together.

    Args:
        port: Of the server.
        files: Bytes of images.
        clients: Number of clients, each with one request at a time.
        is_enough: Function of the number of requests so far.
    """
    taken, numbers = [], itertools.count()

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while not is_enough(number := next(numbers)):
            start = time.perf_counter()
            connection.request("POST", "/predict", files[number % len(files)])
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            taken.append(time.perf_counter() - start)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, time.perf_counter() - start


def for_seconds(seconds):
    """Return a function that says when a time is over."""
    end = time.perf_counter() + seconds
    return lambda number: time.perf_counter() > end


def memory_of(process):
    """Return the bytes of memory that a process has now."""
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


@contextlib.contextmanager
def served(path):
    """Serve a file in a process of its own; give the port and the process."""
    command = [sys.executable, "-m", "reticnn", "serve", path, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield int(re.search(r":(\d+) ", process.stdout.readline())[1]), process.pid
    finally:
        process.terminate()
        process.wait()


def measure(path, asked):
    """Measure a server and print."""
    files, speeds = photos(), {}
    start = time.perf_counter()
    with served(path) as (port, process):
        print(f"answers after {time.perf_counter() - start:.1f} s")
        for clients in (1, asked.clients):
            seconds_of_requests(port, files, clients, for_seconds(1))
            enough = for_seconds(asked.seconds)
            taken, total = seconds_of_requests(port, files, clients, enough)
            speeds[clients] = len(taken) / total
            slowest = statistics.quantiles(taken, n=100)[98]
            print(
                f"{clients:3} at once: {speeds[clients]:5.0f} images/s, half within "
                f"{1000 * statistics.median(taken):.0f} ms, 99 % within "
                f"{1000 * slowest:.0f} ms"
            )
        print(f"ratio {speeds[asked.clients] / speeds[1]:.2f} (wanted: >= 3)")
        part = asked.requests // 5
        for number in range(1, 6):
            seconds_of_requests(port, files, asked.clients, lambda done: done >= part)
            memory = memory_of(process) / _MIB
            print(f"{number * part:7,} requests: {memory:,.0f} MiB")


def main():
    """Measure both and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=32)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, fast_start in {"Keras": False, "ONNX Runtime": True}.items():
            path = f"{folder}/{fast_start}.reticnn"
            reticnn.save_classifier(classifier(), path, fast_start=fast_start)
            print(f"== {name}")
            measure(path, asked)


if __name__ == "__main__":
    main()
