"""Time until a download is given up without a network, each in a fresh process.

A network that refuses, and one that never answers, are proxies on this machine. Prints
the seconds of each, and their ratio to the 15 seconds that the documentation promises.
Silence is waited for; a refusal should take hardly any time.
"""

import os
import socket
import subprocess
import sys
import tempfile

PROMISED = 15

CODE = """
import time, reticnn
reticnn.build_cnn()  # Starting Keras is not waiting for a network.
start = time.perf_counter()
try:
    reticnn.{0}
except ConnectionError:
    print(time.perf_counter() - start)
"""

DOWNLOADS = {"weights": "transfer_model('vgg16')", "photos": "cats_and_dogs()"}


def seconds_to_give_up(call, port):
    """Return how long a call takes to fail through a proxy at a port."""
    proxy = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as home:
        # No other spelling of these, in which a machine may name its own proxy.
        names = ("https_proxy", "no_proxy")
        own = {k: v for k, v in os.environ.items() if k.lower() not in names}
        output = subprocess.run(
            [sys.executable, "-c", CODE.format(call)],
            env={**own, "https_proxy": proxy, "KERAS_HOME": home},
            capture_output=True,
            text=True,
            check=True,
        )
    return float(output.stdout.split()[-1])


def main():
    """Measure and print."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = server.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as closed:
            refusing = closed.getsockname()[1]
        for name, call in DOWNLOADS.items():
            for kind, port in {"refused": refusing, "silent": silent}.items():
                seconds = seconds_to_give_up(call, port)
                print(
                    f"{name}, {kind}: {seconds:.1f} s, {seconds / PROMISED:.2f} of the "
                    f"{PROMISED} s promised (wanted: <= 1)",
                    flush=True,
                )


if __name__ == "__main__":
    main()
