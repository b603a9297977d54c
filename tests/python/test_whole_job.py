"""A person's whole job, from a folder of photos to predictions in a new session."""

from pathlib import Path

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
