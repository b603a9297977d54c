"""Telling images that are like nothing in training: the area under the ROC curve.

A small network is trained on photos of cats and dogs of 32 x 32 pixels
(`../shared/data/cats-dogs-32.tar.xz` beside the repository). Photos of its test part
are then to be told from generated shapes, from noise, from the same photos upside down
and mirrored, and from pieces of other photos (a temple and a flower, which scikit-learn
comes with). Prints a row for each method of `novelty_scores()`, the mean of three
trainings; the last column is the mean of a row, and the method with the highest is the
default.
"""

import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.metrics import roc_auc_score

import reticnn

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "cats-dogs-32.tar.xz"
METHODS = ("energy", "softmax", "mahalanobis", "neighbours")
EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 12
SEEDS, COUNT = (1, 2, 3), 1000


def pieces_of_photos(count):
    """Return pieces of 32 to 128 pixels of two photos, resized to 32."""
    rng = np.random.default_rng(1)
    pieces = []
    for number in range(count):
        photo = load_sample_images().images[number % 2]
        side = int(rng.integers(32, 129))
        top, left = (rng.integers(0, length - side) for length in photo.shape[:2])
        piece = photo[top : top + side, left : left + side]
        places = (np.arange(32) + 0.5) * side / 32
        pieces.append(piece[places.astype(int)][:, places.astype(int)])
    return np.stack(pieces)


def others(photos):
    """Return sets of images that are not as those in training, by name."""
    rng = np.random.default_rng(2)
    shapes = reticnn.load_images(reticnn.shape_images(COUNT, image_size=32, seed=1))
    return {
        "shapes": shapes["images"],
        "noise": rng.integers(0, 256, photos.shape).astype("uint8"),
        "upside down": photos[:, ::-1, ::-1],
        "other photos": pieces_of_photos(COUNT),
    }


def trained(data, seed):
    """Return a classifier of cats and dogs."""
    model = reticnn.build_cnn((32, 32, 3), filters=[32, 64, 128], seed=seed)
    return reticnn.fit_classifier(
        model,
        data,
        epochs=EPOCHS,
        augmentation=reticnn.augmentation(flip="horizontal", translation=0.1),
        progress="none",
        seed=seed,
    )


def main():
    """Train, score, and print."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(PHOTOS) as archive:
            archive.extractall(folder, filter="data")
        (root,) = Path(folder).iterdir()
        parts = [reticnn.image_folder(root / part, 32) for part in ("train", "test")]
        train, test = map(reticnn.load_images, parts)
    train = reticnn.image_arrays(train["images"], train["labels"])
    rng = np.random.default_rng(3)
    photos = test["images"][rng.permutation(len(test["images"]))[:COUNT]]
    novel = others(photos)
    found = {method: [] for method in METHODS}
    for seed in SEEDS:
        classifier = trained(train, seed)
        labelled = reticnn.image_arrays(test["images"], test["labels"])
        accuracy = reticnn.evaluate_classifier(classifier, labelled)["accuracy"]
        print(f"training {seed}: accuracy {accuracy:.3f}", flush=True)
        for method in METHODS:
            settings = {"method": method}
            if method in ("mahalanobis", "neighbours"):
                settings["reference"] = train
            known, *new = (
                reticnn.novelty_scores(classifier, images, **settings)[".novelty"]
                for images in (photos, *novel.values())
            )
            found[method].append(
                [
                    roc_auc_score([0] * len(known) + [1] * len(some), [*known, *some])
                    for some in new
                ]
            )
    print(f"{'':12}", *(f"{name:>12}" for name in novel), f"{'mean':>12}")
    for method, areas in found.items():
        means = np.mean(areas, axis=0)
        print(f"{method:12}", *(f"{area:12.3f}" for area in [*means, means.mean()]))


if __name__ == "__main__":
    main()
