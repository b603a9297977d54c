"""Whether probabilities mean what they say."""

import numpy as np

from reticnn.prediction.conformal import ALIKE

BINS = 15


def bins_of(highest):
    """Return the number of the bin, of equal width from 0 to 1, of each probability.

    One that lies between two bins but for rounding, as isotonic calibration gives many
    images, is in the lower one.
    """
    return np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1] + ALIKE, highest)


def calibration(codes, probabilities):
    """Return how often predictions are correct, by how confident they are.

    The images are put into 15 bins of equal width, from 0 to 1, by their highest
    probability. Those whose probabilities are NaN are left out.

    Returns:
        Dict of arrays, one value per bin: `"n"` images, the mean of their highest
        `"probability"`, and their `"accuracy"`, NaN where there are none.
    """
    known = ~np.isnan(probabilities).any(axis=1)
    codes, probabilities = codes[known], probabilities[known]
    highest = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == codes
    bin_of_image = bins_of(highest)
    n = np.bincount(bin_of_image, minlength=BINS)

    def mean(values):
        return np.bincount(bin_of_image, values, minlength=BINS) / n

    with np.errstate(invalid="ignore"):
        return {"n": n, "probability": mean(highest), "accuracy": mean(right)}
