"""What the tests share: real images, a trained classifier, fresh processes.

Keras is imported where it is used: the process that hands tests out to others reads
this file too, and starts at once without it.
"""

import os
import random
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image
from reading_in_r import Reader

import reticnn
from reticnn.notation import written_in

# The same examples every time: a failure in CI is a failure here.
settings.register_profile("reticnn", deadline=None, derandomize=True, database=None)
settings.load_profile("reticnn")


@pytest.fixture(autouse=True)
def _messages_read_in_r(monkeypatch):
    """Fail where a message that a test expects would show Python to R users."""
    reader = Reader(pytest.raises, pytest.warns)
    monkeypatch.setattr(pytest, "raises", reader.raises)
    monkeypatch.setattr(pytest, "warns", reader.warns)
    with written_in(reader.notation):
        yield


@contextmanager
def _refused(error, argument, *parts):
    with pytest.raises(error) as caught:
        yield
    message = str(caught.value)
    for part in (f"`{argument}`", *parts):
        assert str(part) in message


@pytest.fixture(scope="session")
def refused():
    """Expect an error whose message has the argument's name, the value and the fix."""
    return _refused


@pytest.fixture(scope="session")
def run_python():
    """Run code in a fresh process; a variable that is None is not set there.

    `limit` is in seconds.
    """
    core = str(Path(reticnn.__file__).parents[1])

    def run(code, *arguments, limit=120, **variables):
        variables = {**os.environ, "PYTHONPATH": core, **variables}
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={name: text for name, text in variables.items() if text is not None},
            capture_output=True,
            text=True,
            timeout=limit,
        )

    return run


@pytest.fixture
def hears_ctrl_c():
    """Have Ctrl-C heard, to which a process in the background of a shell is deaf."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def write_image():
    """Write an image of one colour, and the folders it needs; return its path."""

    def write(path, colour=(120, 60, 200), *, size=(20, 16), mode="RGB", **options):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, colour).save(path, **options)
        return path

    return write


@pytest.fixture
def cats(tmp_path, write_image):
    """Return a folder of two classes: three cats and two dogs, no two alike."""
    files = ("cat/1.png", "cat/2.jpg", "cat/3.png", "dog/1.png", "dog/2.jpg")
    for number, file in enumerate(files):
        write_image(tmp_path / "photos" / file, (120, 60, 200 + number))
    return tmp_path / "photos"


@pytest.fixture(scope="session")
def shapes():
    """Return 60 small images of circles and squares."""
    return reticnn.shape_images(60, image_size=16, seed=1)


@pytest.fixture(scope="session")
def tiny_cnn():
    """Build a small CNN, the same each time unless told otherwise."""

    def build(num_classes=2, **arguments):
        settled = {"filters": 4, "n_blocks": 2, "units": 8, "seed": 1, **arguments}
        return reticnn.build_cnn((16, 16, 3), num_classes, **settled)

    return build


@pytest.fixture(scope="session")
def fit():
    """Train quietly, with a seed, and with the optimizer that starts fastest."""
    import keras

    def train(model, data, **arguments):
        settled = {"epochs": 1, "progress": "none", "seed": 1}
        if isinstance(model, keras.Model) and not model.compiled:
            settled["optimizer"] = "sgd"
        return reticnn.fit_classifier(model, data, **{**settled, **arguments})

    return train


@pytest.fixture(scope="session")
def classifier():
    """Return the workshop's CNN, trained on shapes; no test may train it further."""
    return reticnn.fit_classifier(
        reticnn.build_cnn((16, 16, 3), seed=1),
        reticnn.shape_images(1000, image_size=16, seed=1),
        validation=reticnn.shape_images(100, image_size=16, seed=3),
        epochs=8,
        learning_rate=0.003,
        progress="none",
        seed=1,
    )


@pytest.fixture
def drawn_after():
    """Return what the global random states give after seeding them and an action."""
    import keras

    def draw(action):
        keras.utils.clear_session()  # Older versions of Keras keep a generator in it.
        keras.utils.set_random_seed(3)
        action()
        drawn = keras.ops.convert_to_numpy(keras.random.uniform((3,)))
        return (random.random(), np.random.random(), *drawn)

    return draw
