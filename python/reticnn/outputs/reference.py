"""How unlike the images that a classifier knows an image is."""

import base64
from dataclasses import dataclass

import numpy as np

from reticnn.runtime.randomness import generator

METHODS = ("energy", "mahalanobis", "neighbours", "softmax", "distance")

# These compare features with those of images that are known.
OF_FEATURES = ("mahalanobis", "neighbours")

# So many numbers are kept of each image, and so many images, at most.
MOST_FEATURES = 512
MOST_NEIGHBOURS = 2000

# The distance to the neighbour of this number counts.
NEIGHBOUR = 10

_SIGNS = 4
_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class Reference:
    """What is kept of known images, to compare the features of others with.

    Attributes:
        method: One of `OF_FEATURES`.
        width: Number of features that the model gives.
        points: float32 array, (points, kept features): the means of the classes where
            all directions vary alike, or the features of each image.
        directions: float32 array, (kept features, kept features), by which features
            come to vary alike; or None.
        images: Number of images.
    """

    method: str
    width: int
    points: np.ndarray
    directions: np.ndarray | None
    images: int

    @classmethod
    def of_classes(cls, features, codes):
        """Return the means of classes and the covariance within them.

        Args:
            features: Array, (n, features).
            codes: int array, the class of each image.

        Raises:
            ValueError: If features do not vary within classes.
        """
        kept = _narrowed(features)
        present = np.unique(codes)
        means = np.stack([kept[codes == code].mean(axis=0) for code in present])
        within = kept - means[np.searchsorted(present, codes)]
        if not np.abs(within).max() > 1e-7 * np.abs(kept).max():
            raise ValueError(
                "`reference` has no two images of a class whose features differ, so it "
                "does not show how features vary within the classes. Give more images "
                "of each class, or use `method='neighbours'`."
            )
        covariance = shrunk_covariance(within)
        values, vectors = np.linalg.eigh(covariance)
        least = max(values[-1] * 1e-9, 1e-30)
        directions = (vectors / np.sqrt(np.maximum(values, least))).astype("float32")
        points = means @ directions.astype("float64")
        return cls(
            "mahalanobis",
            features.shape[1],
            points.astype("float32"),
            directions,
            len(codes),
        )

    @classmethod
    def of_images(cls, features):
        """Return the features of images, each of length 1."""
        points = _of_length_1(_narrowed(features)).astype("float32")
        return cls("neighbours", features.shape[1], points, None, len(points))

    def novelty(self, features):
        """Return how far features are from those that are known, (n,).

        Raises:
            ValueError: If they are not as many, as where a file holds what another
                model was compared with.
        """
        if features.shape[1] != self.width:
            raise ValueError(
                f"`classifier` has kept {self.width} features of each known image, but "
                f"its model gives {features.shape[1]}. Make it with "
                "`novelty_threshold()` again."
            )
        kept = _narrowed(features)
        if self.method == "mahalanobis":
            kept = kept @ self.directions.astype("float64")
            return _in_parts(kept, lambda rows: _squares(rows, self.points).min(axis=1))
        place = min(NEIGHBOUR, len(self.points)) - 1

        def to_neighbour(rows):
            return np.partition(_squares(rows, self.points), place, axis=1)[:, place]

        return np.sqrt(_in_parts(_of_length_1(kept), to_neighbour))

    def to_config(self):
        """Return a dict of plain values."""
        return {
            "method": self.method,
            "width": self.width,
            "images": self.images,
            "points": _as_text(self.points),
            "directions": _as_text(self.directions),
        }

    @classmethod
    def from_config(cls, config):
        """Return what `to_config` was called on.

        Raises:
            ValueError: If it is no such thing.
        """
        if set(config) != {"method", "width", "images", "points", "directions"}:
            raise ValueError("it has other parts")
        method, width, images = (config[key] for key in ("method", "width", "images"))
        numbers = (width, images)
        if method not in OF_FEATURES or not all(
            type(number) is int and 0 < number < 2**31 for number in numbers
        ):
            raise ValueError("it is of an unknown kind")
        kept = min(width, MOST_FEATURES)
        points = _from_text(config["points"], kept)
        directions = config["directions"]
        if (directions is None) != (method == "neighbours") or len(points) == 0:
            raise ValueError("parts of it are missing")
        if directions is not None:
            directions = _from_text(directions, kept)
            if len(directions) != kept:
                raise ValueError("its directions are not as many as its features")
        return cls(method, width, points, directions, images)


def energy(scores):
    """Return the free energy of scores before softmax or sigmoid, (n,).

    One score, of the second of two classes, stands for two of which the sum is 0.
    """
    scores = np.asarray(scores, "float64")
    if scores.shape[1] == 1:
        scores = np.concatenate([-scores / 2, scores / 2], axis=1)
    highest = scores.max(axis=1)
    return -(highest + np.log(np.exp(scores - highest[:, None]).sum(axis=1)))


def shrunk_covariance(centred):
    """Return the covariance of centred rows, shrunk towards equal variances.

    By the amount that is best on average for so few rows (Ledoit and Wolf 2004).
    """
    n, width = centred.shape
    covariance = centred.T @ centred / n
    level = np.trace(covariance) / width
    spread = ((covariance - level * np.eye(width)) ** 2).sum()
    noise = ((centred**2).T @ centred**2).sum() / n - (covariance**2).sum()
    share = 1.0 if spread == 0 else min(max(noise / n / spread, 0.0), 1.0)
    return (1 - share) * covariance + share * level * np.eye(width)


def _narrowed(features):
    """Return features as float64, of very many the sums under random signs.

    They keep the distances nearly as they are.
    """
    features = np.asarray(features, "float64")
    width = features.shape[1]
    if width <= MOST_FEATURES:
        return features
    signs = generator(_SIGNS, width).integers(2, size=(width, MOST_FEATURES)) * 2 - 1
    return features @ (signs / np.sqrt(MOST_FEATURES))


def _of_length_1(rows):
    lengths = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return rows / np.maximum(lengths, 1e-12)


def _squares(rows, points):
    """Return the squared distances of rows to points, (rows, points)."""
    points = points.astype("float64")
    products = rows @ points.T
    squares = (rows**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2 * products
    return np.maximum(squares, 0)


def _in_parts(rows, function):
    starts = range(0, len(rows), _ROWS_AT_ONCE)
    return np.concatenate(
        [function(rows[start : start + _ROWS_AT_ONCE]) for start in starts]
    )


def _as_text(array):
    return None if array is None else base64.b64encode(array.astype("<f4")).decode()


def _from_text(text, width):
    values = np.frombuffer(base64.b64decode(text, validate=True), "<f4")
    if len(values) % width:
        raise ValueError("it has another number of features")
    return values.reshape(-1, width)
