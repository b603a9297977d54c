"""The nearest rows to a row, found exactly."""

import numpy as np

COSINE, EUCLIDEAN = "cosine", "euclidean"
DISTANCES = (COSINE, EUCLIDEAN)

# Below this share of how far apart rows can be, they may be of the same image: networks
# round otherwise in batches of another size, and in half precision by more.
_ALIKE = {COSINE: 1e-4, EUCLIDEAN: 1e-2}


class Rows:
    """Rows that are searched again and again.

    All are compared in single precision, and those that may be among the nearest, by
    what rounding can do at most, once more in double precision.
    """

    def __init__(self, rows, distance):
        """Take an array (n, features) of finite numbers, and one of `DISTANCES`."""
        self._rows = rows
        self._distance = distance
        self._centre = np.zeros(rows.shape[1], "float32")
        if distance == EUCLIDEAN:
            # Differences stay, and what is rounded is smaller.
            self._centre = rows.mean(axis=0, dtype="float64").astype("float32")
        taken = rows - self._centre
        norms = np.sqrt(np.einsum("ij,ij->i", taken, taken, dtype="float64"))
        if distance == COSINE:
            taken /= _or_one(norms).astype("float32")[:, None]
            norms = np.ones(len(rows))
        self._taken = taken
        self._halves = (norms**2 / 2).astype("float32")
        self._longest = norms.max()

    def by_distance(self, row):
        """Return a function from a number to so many nearest rows, the nearest first.

        It gives their positions and distances; equally near ones are in their order.
        """
        taken = row - self._centre
        norm = np.linalg.norm(taken.astype("float64"))
        if self._distance == COSINE:
            taken, norm = taken / np.float32(_or_one(norm)), 1.0
        # Half the square of the distance, but for what is the same for all rows.
        rough = self._halves - self._taken @ taken
        most = self._longest * max(norm, self._longest)
        doubt = (len(row) + 16) * np.finfo("float32").eps * most

        def nearest(number):
            number = min(number, len(rough))
            worst = np.partition(rough, number - 1)[number - 1]
            some = np.flatnonzero(rough <= worst + doubt)
            exact = self._exactly(row, some)
            order = np.lexsort((some, exact))[:number]
            return some[order], exact[order]

        return nearest

    def _exactly(self, row, positions):
        """Return the distances of some rows in double precision."""
        row = row.astype("float64")
        others = self._rows[positions].astype("float64")
        if self._distance == EUCLIDEAN:
            return np.sqrt(((others - row) ** 2).sum(axis=1))
        lengths = np.sqrt((others**2).sum(axis=1)) * np.sqrt((row**2).sum())
        products = (others * row).sum(axis=1)
        # Rows of zeros have no direction, and are as far from all as can be unrelated.
        return np.clip(1 - products / _or_one(lengths), 0, 2)

    def may_be_same(self, row, distances):
        """Return which distances are so small that images may be the same."""
        size = 1.0
        if self._distance == EUCLIDEAN:
            size = float(np.linalg.norm(row.astype("float64")))
        # Rows of zeros are as far from each other as from all.
        return (distances <= _ALIKE[self._distance] * size) | (not row.any())


def _or_one(lengths):
    """Return lengths, 1 in place of 0."""
    return np.where(lengths > 0, lengths, 1)
