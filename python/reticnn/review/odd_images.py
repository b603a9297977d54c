"""Pictures that are of little use, or unlike the others: dark, blurred, tiny."""

from typing import NamedTuple

import numpy as np

from reticnn.review.findings import Finding


class Check(NamedTuple):
    """What makes a picture a finding.

    Attributes:
        measure: Name of the measure.
        threshold: The number that is beyond what a picture should have.
        is_above: Whether larger numbers are beyond it.
        severity: How bad it is.
        text: What the measure is, with places for its value and the data's median.
    """

    measure: str
    threshold: float
    is_above: bool
    severity: str
    text: str


CHECKS = {
    "blank": Check("spread", 3, False, "high", "brightness varies by {} of 255"),
    "dark": Check("brightness", 25, False, "medium", "mean brightness is {} of 255"),
    "overexposed": Check(
        "white", 0.5, True, "medium", "{} of the pixels are nearly white"
    ),
    "low_contrast": Check(
        "contrast", 40, False, "low", "90 % of the pixels are within {} shades of 256"
    ),
    "blurred": Check(
        "blur", 0.6, True, "medium", "blur is {} of 1 (Crete et al. 2007)"
    ),
    "tiny": Check("side", 32, False, "medium", "the shorter side has {} pixels"),
    "odd_aspect": Check(
        "aspect", 3, True, "low", "the longer side is {} times the shorter"
    ),
    "constant_border": Check(
        "border", 0.08, True, "low", "{} of the image are a border of one colour"
    ),
    "grey": Check(
        "colour", 2, False, "low", "the channels of a pixel differ by {} of 255"
    ),
}

# What is blank is dark or has a border as well; that need not be said.
_OF_BLANK = {
    "dark", "overexposed", "low_contrast", "blurred", "constant_border", "grey",
}  # fmt: skip

# Of a normal distribution, the median distance from the median is that much of the
# standard deviation.
_OF_DEVIATION = 0.6745


def odd_images(measures, kinds, thresholds, outlying):
    """Return the findings on single pictures.

    A picture is a finding if its measure is beyond the threshold, and unlike those of
    the other images: so many robust standard deviations beyond their median. Blank ones
    are so whatever the others are like.

    Args:
        measures: Dict of float arrays, NaN where a measure is not known.
        kinds: The kinds to look for.
        thresholds: Dict of thresholds by kind.
        outlying: Float of at least 0, the number of robust standard deviations.
    """
    is_blank = measures["spread"] < thresholds["blank"]
    findings = []
    for kind in [kind for kind in CHECKS if kind in kinds]:
        check, values = CHECKS[kind], measures[CHECKS[kind].measure]
        known = ~np.isnan(values)
        if not known.any():
            continue
        sign = 1 if check.is_above else -1
        middle = np.median(values[known])
        far = np.median(np.abs(values[known] - middle)) / _OF_DEVIATION
        is_found = known & (sign * (values - thresholds[kind]) > 0)
        if kind != "blank":
            # Where most are alike, all others are outlying.
            is_found &= sign * (values - middle) > outlying * far
        if kind in _OF_BLANK:
            is_found &= ~is_blank
        findings += [
            _finding(kind, int(image), float(values[image]), thresholds[kind], middle)
            for image in np.flatnonzero(is_found)
        ]
    return findings


def _finding(kind, image, value, threshold, middle):
    check = CHECKS[kind]
    beyond = "above" if check.is_above else "below"
    said = check.text.format(f"{value:.3g}")
    why = f"{said}, {beyond} {threshold:g}; the median of the data is {middle:.3g}"
    return Finding(kind, check.severity, [image], why, value, threshold)
