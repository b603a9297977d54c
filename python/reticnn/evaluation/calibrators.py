"""What makes probabilities mean what they say, found from images with labels."""

from dataclasses import dataclass

import numpy as np

from reticnn.layers import IsotonicScaling, TemperatureScaling, VectorScaling

# Of doublings of an interval, and of steps within it; of Newton's steps.
_STEPS = 200
_NEWTON_STEPS = 100
_CLOSE = 1e-9
_SHORT = 1e-3
# Factors and shifts that are larger are on their way to infinity.
_LARGEST = 1e3


class CalibrationError(ValueError):
    """The images do not tell the calibration, and why."""


@dataclass(frozen=True)
class Temperature:
    """One number that all scores are divided by."""

    value: float

    @classmethod
    def found(cls, log_chances, codes):
        """Return the temperature with the lowest log loss.

        Args:
            log_chances: float64 array, (n, classes), log probabilities.
            codes: int array, the class of each image counted from 0.

        Raises:
            CalibrationError: If there is none.
        """
        right = log_chances[np.arange(len(codes)), codes]
        if (right >= log_chances.max(axis=1)).all():
            raise CalibrationError(
                f"the model predicts all of its {len(codes)} images correctly, so it "
                "could never be too sure of them. Give more images, or harder ones."
            )
        if right.mean() <= log_chances.mean():
            raise CalibrationError(
                "the model is no better than chance on it, so it should not be sure of "
                "anything. Train it further, or check that the labels are those of the "
                "images."
            )

        def slope(inverse):
            chances = _softmax(log_chances * inverse)
            return ((chances * log_chances).sum(axis=1) - right).mean()

        low = high = 1.0
        while slope(high) < 0:
            high *= 2
        while slope(low) > 0:
            low /= 2
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if slope(middle) > 0 else (middle, high)
        return cls(float(2 / (low + high)))

    def chances(self, log_chances):
        """Return the calibrated probabilities, (n, classes)."""
        return _softmax(log_chances / self.value)

    def layer(self, **options):
        """Return a layer that is not built, and the values of its weights."""
        return TemperatureScaling(**options), [np.float32(self.value)]


@dataclass(frozen=True)
class Vector:
    """A factor and a shift of the log probability of each class."""

    factors: np.ndarray
    shifts: np.ndarray

    @classmethod
    def found(cls, log_chances, codes):
        """Return the factors and shifts with the lowest log loss, by Newton's method.

        Raises:
            CalibrationError: If there are none.
        """
        n, classes = log_chances.shape
        wanted = np.eye(classes)[codes]
        values = np.concatenate([np.ones(classes), np.zeros(classes)])
        loss = _loss(log_chances, codes, values)
        for _ in range(_NEWTON_STEPS):
            chances = _softmax(log_chances * values[:classes] + values[classes:])
            slope = _of_both(chances - wanted, log_chances).mean(axis=0)
            step = np.linalg.lstsq(_curvature(chances, log_chances), slope)[0]
            # On the way to infinity the slope vanishes too; the steps do so only when
            # nothing is left of the loss.
            is_there = np.abs(step).max() < _SHORT * (1 + np.abs(values).max())
            is_there = is_there and loss > _CLOSE
            if is_there and np.abs(slope).max() < _CLOSE:
                return cls(values[:classes], values[classes:])
            size = 1.0
            while True:
                after = values - size * step
                new = _loss(log_chances, codes, after)
                if new <= loss - 1e-4 * size * (slope @ step) or size < _CLOSE:
                    break
                size /= 2
            if is_there and size < _CLOSE and np.abs(slope).max() < 1e-6:
                return cls(values[:classes], values[classes:])
            values, loss = after, new
            if size < _CLOSE or np.abs(values).max() > _LARGEST:
                break
        raise CalibrationError(
            f"its {n} images do not tell how much to change each class, such as when a "
            "class is always or never predicted correctly. Give more images, or use "
            "`method='temperature'`."
        )

    def chances(self, log_chances):
        """Return the calibrated probabilities, (n, classes)."""
        return _softmax(log_chances * self.factors + self.shifts)

    def layer(self, **options):
        """Return a layer that is not built, and the values of its weights."""
        return VectorScaling(**options), [self.factors, self.shifts]


@dataclass(frozen=True)
class Isotonic:
    """A rising function of the probability of each class: its knots, by class."""

    knots: list

    @classmethod
    def found(cls, log_chances, codes):
        """Return the functions with the lowest squared error.

        They stay as far from 0 and 1 as the number of images does.
        """
        n, classes = log_chances.shape
        margin = 1 / (n + 2) / (classes - 1)
        # As the layer sees them.
        chances = np.exp(log_chances).astype("float32").astype("float64")
        return cls(
            [
                _rising(chances[:, code], codes == code, margin)
                for code in range(classes)
            ]
        )

    def chances(self, log_chances):
        """Return the calibrated probabilities, (n, classes)."""
        chances = np.exp(log_chances)
        columns = [
            np.interp(column, places, heights)
            for column, (places, heights) in zip(chances.T, self.knots, strict=True)
        ]
        found = np.stack(columns, axis=1)
        return found / found.sum(axis=1, keepdims=True)

    def layer(self, **options):
        """Return a layer that is not built, and the values of its weights."""
        most = max(2, *(len(places) for places, _ in self.knots))
        padded = [
            [np.pad(values, (0, most - len(values)), "edge") for values in knots]
            for knots in self.knots
        ]
        places, heights = zip(*padded, strict=True)
        return IsotonicScaling(most, **options), [np.stack(places), np.stack(heights)]


CALIBRATORS = {"temperature": Temperature, "vector": Vector, "isotonic": Isotonic}


def _softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _loss(log_chances, codes, values):
    """Return the log loss with factors and shifts."""
    classes = log_chances.shape[1]
    scores = log_chances * values[:classes] + values[classes:]
    highest = scores.max(axis=1)
    sums = np.exp(scores - highest[:, None]).sum(axis=1)
    return (highest + np.log(sums) - scores[np.arange(len(codes)), codes]).mean()


def _of_both(errors, log_chances):
    """Return the derivatives of each image's loss by the factors and the shifts."""
    return np.concatenate([errors * log_chances, errors], axis=1)


def _curvature(chances, log_chances):
    """Return the second derivatives of the mean log loss."""
    n, classes = chances.shape
    with_factors = _of_both(chances, log_chances)
    curvature = -with_factors.T @ with_factors / n
    alone = np.arange(classes)
    squares = [log_chances**2, log_chances, np.ones_like(log_chances)]
    of_factors, mixed, of_shifts = ((chances * of).mean(axis=0) for of in squares)
    curvature[alone, alone] += of_factors
    curvature[alone + classes, alone + classes] += of_shifts
    curvature[alone, alone + classes] += mixed
    curvature[alone + classes, alone] += mixed
    return curvature


def _rising(chances, hits, margin):
    """Return the places and heights of the rising function that is closest to 0 and 1.

    By pooling neighbours that fall.
    """
    places, place_of = np.unique(chances, return_inverse=True)
    counts = np.bincount(place_of).astype("float64")
    means = np.bincount(place_of, hits) / counts
    heights, sizes, lengths = [], [], []
    for mean, count in zip(means, counts, strict=True):
        heights.append(mean)
        sizes.append(count)
        lengths.append(1)
        while len(heights) > 1 and heights[-2] >= heights[-1]:
            last, size = heights.pop(), sizes.pop()
            total = sizes[-1] + size
            heights[-1] = (heights[-1] * sizes[-1] + last * size) / total
            sizes[-1] = total
            lengths[-2:] = [sum(lengths[-2:])]
    ends = np.cumsum(lengths) - 1
    starts = np.append(0, ends[:-1] + 1)
    kept = np.stack([starts, ends], axis=1)
    both = np.repeat(np.clip(heights, margin, 1 - margin), 2)
    kept, both = kept.ravel(), both
    own = np.append(True, np.diff(kept) > 0)
    return places[kept[own]], both[own]
