"""Which classes' scores are explained."""

import numbers
from dataclasses import dataclass, field

import numpy as np

from reticnn.coercion import as_int, as_strings, nearest, shown, tidy_name

# Stands for all classes; a class of that name is taken for itself.
ALL = "all"

# The code of a class that is not known.
NOBODY = -1


@dataclass
class Explained:
    """What is explained of some images, and how.

    Attributes:
        codes: int array (n, targets), the class of each image and target, counted from
            0, or `NOBODY` where none is predicted.
        signs: List with an array (n, classes) for each target, how often the score of
            each class counts.
        values: Array (n, targets), the scores that are explained.
        outputs: Array (n, units), what the model itself returns.
        maps: List of arrays (n, height, width), one for each target.
    """

    codes: np.ndarray
    signs: list
    values: np.ndarray
    outputs: np.ndarray
    maps: list = field(default_factory=list)


class Targets:
    """The classes to be explained, alike for all images or the predicted one of each.

    Attributes:
        against: Code of the class whose score is subtracted, or None.
    """

    def __init__(self, class_names, units, classes=None, against=None):
        """Take the names of all classes, those wanted, and the model's units."""
        self._class_names = class_names
        self._units = units
        self.against = None
        if against is not None:
            self.against = _code(against, class_names, "against")
        self._codes = None if classes is None else self._codes_of(_as_names(classes))

    def _codes_of(self, names):
        """Return the positions of the classes that a user names."""
        if names == [ALL] and ALL not in self._class_names:
            every = range(len(self._class_names))
            return [code for code in every if code != self.against]
        codes = [_code(name, self._class_names, "classes") for name in names]
        _check_once(names, codes)
        if self.against in codes:
            name = self._class_names[self.against]
            raise ValueError(
                f"`against` is {shown(name)}, which is among `classes` too: the "
                "difference of a score to itself is 0. Give another class."
            )
        return codes

    @property
    def codes(self):
        """List of the classes that are named, or None for the predicted ones."""
        return self._codes

    @property
    def number(self):
        """How many targets there are for each image."""
        return 1 if self._codes is None else len(self._codes)

    def explained(self, network, joined):
        """Return an `Explained` without maps for what a `ScoreNetwork` computed."""
        scores, outputs = network.parts(joined)
        codes = self._codes_for(network.chances(outputs))
        signs = [self.signs(column, scores.shape[1]) for column in codes.T]
        values = np.stack([(scores * one).sum(axis=1) for one in signs], axis=1)
        return Explained(codes, signs, values, outputs)

    def signs(self, codes, classes):
        """Return how often the score of each class counts, (n, classes)."""
        signs = np.eye(classes)[np.maximum(codes, 0)]
        # The score of a single unit is that of one class against the other already.
        if self.against is not None and self._units > 1:
            signs[:, self.against] -= 1
        return signs

    def _codes_for(self, chances):
        missing = np.isnan(chances).any(axis=1)
        if self._codes is None:
            codes = chances.argmax(axis=1)
            self._check_differs(codes, missing)
            return np.where(missing, NOBODY, codes)[:, None]
        return np.tile(self._codes, (len(chances), 1))

    def _check_differs(self, codes, missing):
        """Raise if the class subtracted is the one that is predicted."""
        if self.against is None or not ((codes == self.against) & ~missing).any():
            return
        name = self._class_names[self.against]
        raise ValueError(
            f"`against` is {shown(name)}, which is the predicted class of some of the "
            "images, and the difference of a score to itself is 0. Name the class to "
            "explain with `classes`."
        )


class GivenTargets(Targets):
    """Classes that are known for each image of a batch."""

    def __init__(self, codes, units, against):
        """Take int array (n, targets), the model's units, and a code or None."""
        self._codes, self._units, self.against = codes, units, against

    def _codes_for(self, chances):
        return self._codes


def _code(name, class_names, argument):
    """Return the position of a class by its name, whatever its Unicode form."""
    known = {tidy_name(one): code for code, one in enumerate(class_names)}
    if not isinstance(name, str) or tidy_name(name) not in known:
        raise ValueError(
            f"`{argument}` has {shown(name)}, which is not a class of the classifier. "
            f"It has {shown(class_names)}.{nearest(name, class_names)}"
        )
    return known[tidy_name(name)]


def _as_names(value):
    """Return names of classes; whole numbers are good names too."""
    if isinstance(value, numbers.Number):
        value = [value]
    if not isinstance(value, str):
        value = [
            one if isinstance(one, str) else str(as_int(one, "classes", minimum=None))
            for one in value
        ]
    names = as_strings(value, "classes")
    if not names:
        raise ValueError(
            "`classes` must name at least one class, and is empty. Name one, or leave "
            "`classes` out."
        )
    return names


def _check_once(names, codes):
    for code in codes:
        if codes.count(code) > 1:
            name = names[codes.index(code)]
            raise ValueError(
                f"`classes` has {shown(name)} twice. Give each class once."
            )
