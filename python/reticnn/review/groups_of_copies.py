"""What copies of images mean: leaks, labels that contradict each other, duplicates."""

from typing import NamedTuple

import numpy as np

from reticnn.notation import shown
from reticnn.review.findings import Finding


class Copies(NamedTuple):
    """Images that are copies of one.

    Attributes:
        images: int array of positions, counted over all parts.
        parts: int array, the number of the part of each.
        labels: List of the label of each, or None.
        is_exact: Whether all have the same pixels.
        is_mirrored: Whether one of them is mirrored.
        difference: The largest difference by which two of them were found.
        threshold: The largest difference of near copies.
    """

    images: np.ndarray
    parts: np.ndarray
    labels: list
    is_exact: bool
    is_mirrored: bool
    difference: float
    threshold: float

    @property
    def said(self):
        """How they are alike, in words."""
        if self.is_exact:
            return "the same pixels"
        mirrored = ", one of them mirrored" if self.is_mirrored else ""
        return (
            f"nearly the same pixels{mirrored}; difference {self.difference:.2g}, of "
            f"at most {self.threshold:.2g}"
        )

    def finding(self, kind, severity, why, extra=frozenset()):
        """Return a finding on them."""
        threshold = 0 if self.is_exact else self.threshold
        return Finding(
            kind, severity, self.images.tolist(), why, self.difference, threshold, extra
        )


def copies_found(measured, pairs, parts, threshold):
    """Return the findings on images that are copies of others.

    Args:
        measured: `ImageMeasures`.
        pairs: `Pairs` of near copies.
        parts: Dict of image data by name.
        threshold: The largest difference of near copies.
    """
    findings = []
    for copies in _copies(measured, pairs, list(parts.values()), threshold):
        findings += _duplicates(copies, list(parts))
        findings += _contradictions(copies)
    return findings


def groups_of(hashes, pairs):
    """Return a number for each image, the same for those that are copies."""
    _, group = np.unique(hashes, return_inverse=True)
    # Each takes the lowest number that it is linked to, until none changes.
    first, second = group[pairs.first], group[pairs.second]
    lowest, before = np.arange(len(group)), None
    while not np.array_equal(lowest, before):
        before = lowest.copy()
        least = np.minimum(lowest[first], lowest[second])
        np.minimum.at(lowest, first, least)
        np.minimum.at(lowest, second, least)
        lowest = lowest[lowest]
    return lowest[group]


def _copies(measured, pairs, parts, threshold):
    """Yield `Copies` of each image that has some."""
    part = np.repeat(np.arange(len(parts)), [len(data) for data in parts])
    labels = [label for data in parts for label in data.labels or [None] * len(data)]
    group = groups_of(measured.hashes, pairs)
    difference, is_mirrored = np.zeros(len(group)), np.zeros(len(group), bool)
    np.maximum.at(difference, group[pairs.first], pairs.difference)
    is_mirrored[group[pairs.first[pairs.is_mirrored]]] = True
    order = np.argsort(group, kind="stable")
    numbers, starts, counts = np.unique(
        group[order], return_index=True, return_counts=True
    )
    for at in np.flatnonzero(counts > 1):
        images = order[starts[at] : starts[at] + counts[at]]
        yield Copies(
            images,
            part[images],
            [labels[image] for image in images],
            len(np.unique(measured.hashes[images])) == 1,
            bool(is_mirrored[numbers[at]]),
            float(difference[numbers[at]]),
            threshold,
        )


def _duplicates(copies, names):
    """Return the finding on copies in one part, or in several of some names."""
    last = copies.parts.max()
    stays = copies.images[copies.parts == last][0]
    extra = frozenset(copies.images.tolist()) - {int(stays)}
    if (copies.parts == last).all():
        kind = "exact_duplicates" if copies.is_exact else "near_duplicates"
        return [copies.finding(kind, "medium", copies.said, extra)]
    where = ", ".join(shown(names[number]) for number in np.unique(copies.parts))
    return [
        copies.finding("leak", "high", f"in the parts {where}: {copies.said}", extra)
    ]


def _contradictions(copies):
    """Return the finding on copies with different labels, if they have."""
    labels = sorted(set(copies.labels) - {None})
    if len(labels) < 2:
        return []
    why = f"labelled {' and '.join(map(shown, labels))}: {copies.said}"
    return [copies.finding("conflicting_labels", "high", why)]
