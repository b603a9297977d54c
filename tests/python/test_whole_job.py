"""A person's whole job, from a folder of photos to predictions in a new session."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import reticnn

# Keras in R takes 31 lines for this.
JOB = """
from reticnn import *
data = split_images(image_folder("photos", 32), 0.8, seed=1)
policy = augmentation(flip="horizontal", rotation=0.05, color_jitter=0.1)
model = transfer_model("mobilenet_0.25", (32, 32, 3), num_classes=2, weights=WEIGHTS)
classifier = fit_classifier(model, data["train"], epochs=2, augmentation=policy)
scores = evaluate_classifier(classifier, data["test"])
print(scores["accuracy"], scores["confusion"], classifier.class_names)
save_classifier(classifier, "photos.reticnn")
"""

LATER = """
from reticnn import *
print(predict_images(load_classifier("photos.reticnn"), "photos/circle/0.png"))
"""


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Work in a folder that has a folder of photos, one subfolder per class."""
    pixels = reticnn.load_images(reticnn.shape_images(40, seed=1))
    for index, (image, label) in enumerate(
        zip(pixels["images"], pixels["labels"], strict=True)
    ):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index}.png")
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_whole_job_takes_at_most_12_lines(photos, run_python):
    real = Path(__file__).parents[3] / "shared/weights/mobilenet_2_5_224_tf_no_top.h5"
    weights = f"WEIGHTS = {str(real)!r}" if real.exists() else "WEIGHTS = None"
    assert len((JOB + LATER).strip().splitlines()) <= 12
    first = run_python(weights + JOB)
    assert first.returncode == 0, first.stderr
    assert "['circle', 'square']" in first.stdout
    later = run_python(LATER)
    assert later.returncode == 0, later.stderr
    assert "'.pred_class'" in later.stdout


# One classifier, used from several threads at once


def _uses(classifier, data, other, path):
    """Return functions that use a classifier, each for another purpose."""

    def maps(method):
        return reticnn.explain_prediction(classifier, data, method=method, seed=1).maps

    numbers = count()

    def saved():
        copy = path / f"{next(numbers)}.reticnn"
        reticnn.save_classifier(classifier, copy, fast_start=False)
        return reticnn.predict_images(reticnn.load_classifier(copy), data)

    return [
        lambda: reticnn.predict_images(classifier, data),
        # Of this loss, Keras looks for the scores behind the outputs.
        lambda: reticnn.evaluate_classifier(classifier, other)["loss"],
        lambda: maps("grad_cam"),
        lambda: maps("integrated_gradients"),
        lambda: maps("occlusion"),
        lambda: reticnn.embed_images(classifier, data),
        lambda: reticnn.stress_test(classifier, other),
        lambda: reticnn.novelty_scores(classifier, other, reference=data),
        lambda: reticnn.feature_maps(classifier, data),
        lambda: classifier.model.get_weights(),
        saved,
    ]


def _check_same(answer, wanted):
    answer, wanted = map(keras.tree.flatten, (answer, wanted))
    for one, two in zip(answer, wanted, strict=True):
        if isinstance(one, float | np.ndarray):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
        else:
            assert one == two


@pytest.mark.slow
def test_threads_use_one_classifier_for_all_purposes_at_once(fit, tmp_path):
    data, other = (reticnn.shape_images(20, image_size=16, seed=n) for n in (1, 2))
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    uses = _uses(fit(model, data), data, other, tmp_path)
    alone = [use() for use in uses]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda use: use(), uses * 5))
    for answer, wanted in zip(together, alone * 5, strict=True):
        _check_same(answer, wanted)
