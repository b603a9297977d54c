"""Which images are most like others, as a network sees them."""

from dataclasses import dataclass

import numpy as np

from reticnn.coercion import as_bool, as_choice, as_int, none_as_default, shown
from reticnn.data.hashing import hashed, hashes_of
from reticnn.data.listing import as_bad_image_rule
from reticnn.explanation.embedding import Embedder, as_embedding
from reticnn.explanation.nearest import COSINE, DISTANCES, Rows
from reticnn.notation import visible
from reticnn.prediction.tables import known_of
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.progress import as_step_progress

# Queries that are printed.
_MOST = 5


def similar_images(
    classifier,
    images,
    among,
    n=5,
    *,
    layer=None,
    distance=COSINE,
    embedding=None,
    keep_copies=False,
    batch_size=32,
    on_bad_image="error",
    progress="auto",
):
    """Find the images most similar to others, as a network sees them.

    The nearest images in the training data often show why an image is classified as it
    is, and whether its label, or theirs, is wrong. The search is exact.

    Args:
        classifier: Classifier or Keras model, as in `embed_images`.
        images: The images to find others for, as in `predict_images`.
        among: The images to search: image data, or anything that `images` may be. If
            they have labels, these are in the table.
        n: Whole number of images to find for each. Fewer are found if there are no
            more. Default 5.
        layer: Name of the layer whose features are compared, or None, as in
            `embed_images`. Default None.
        distance: `"cosine"`, 1 minus the cosine of the angle between the features, from
            0 for the same direction to 2, so that only their proportions count; or
            `"euclidean"`, the length of their difference. Default `"cosine"`.
        embedding: What `embed_images` returned for `among` with the same `layer`, which
            saves computing it again; or None. Default None.
        keep_copies: Whether to include images with exactly the same pixels as the query
            image, once both have the size that the network takes. By default they are
            left out, including the image itself. Default False.
        batch_size: Whole number of images per batch. Default 32.
        on_bad_image: As in `predict_images`. Default `"error"`.
        progress: As in `predict_images`. Default `"auto"`.

    Returns:
        `SimilarImages`, a table (dict of equal-length lists) with a row for each image
        found, the nearest first: `query`, the position of the image among `images`;
        `rank`, from 1; `image`, the position of the one found in `among`; `.file`, its
        path, for files; `class`, its label, if it has one; and `distance`. Images at
        the same distance keep their order. `plot_similar_images` shows them.

    Raises:
        TypeError: If `classifier` is neither a classifier nor a Keras model, or
            `images` or `among` are not images.
        FileNotFoundError: If a path does not exist.
        ValueError: If `embedding` does not have one row for each image of `among`, or
            as many columns as the layer has features; or as in `embed_images`.

    Warns:
        StaleClassifierWarning: If the model has been changed since the classifier was
            made.
        UserWarning: If images are resized, or the model returns NaN for some, for which
            none are found.

    Example:
        >>> data = shape_images(300, seed=1)
        >>> classifier = fit_classifier(build_cnn(), data)
        >>> similar = similar_images(classifier, shape_images(3, seed=2), data)
        >>> similar["class"][:5]
        ['circle', 'circle', 'circle', 'circle', 'circle']
        >>> everything = embed_images(classifier, data)
        >>> similar = similar_images(classifier, data[:2], data, embedding=everything)
    """
    start_progress = as_step_progress(progress)
    embedder = Embedder(classifier, layer)
    number = as_int(n, "n")
    distance = as_choice(distance, "distance", DISTANCES)
    keep_copies = as_bool(keep_copies, "keep_copies")
    rule, batch_size = as_bad_image_rule(on_bad_image), as_int(batch_size, "batch_size")
    queries = embedder.data(images, "images", rule)
    data = embedder.data(among, "among", rule)
    if embedding is not None:
        embedding = as_embedding(embedding, "embedding", len(data), "among")
    wanted = embedder.rows(queries, batch_size, start_progress)
    if embedding is None:
        embedding = embedder.rows(data, batch_size, start_progress)
    elif embedding.shape[1] != wanted.shape[1]:
        raise ValueError(
            f"`embedding` has {embedding.shape[1]} columns, and the features compared "
            f"are {wanted.shape[1]}. Give what `embed_images()` returns for `among` "
            "with the same classifier and `layer`."
        )
    known = _known(embedding, "among")
    copies = None if keep_copies else _Copies(hashed(queries), hashed(data))
    search = _Search(known, Rows(embedding[known], distance), copies, number)
    found = [search.of(at, wanted[at]) for at in _known(wanted, "images")]
    return SimilarImages(
        _table(found, data), distance, len(queries), len(data), data.class_names
    )


def similar_as_lists(**arguments):
    """Return what `similar_images` does as R is given it."""
    find = none_as_default(similar_images, {"progress": "none"})
    found = find(**arguments)
    return {"columns": dict(found), **vars(found)}


class SimilarImages(dict):
    """The table that `similar_images` returns, a dict of lists of equal length.

    Attributes:
        distance: `"cosine"` or `"euclidean"`.
        queries: How many images others were found for.
        searched: Among how many.
        class_names: List of the classes of these, or None.
    """

    __module__ = "reticnn"

    def __init__(self, columns, distance, queries, searched, class_names=None):
        """Take the columns, and what they are about."""
        super().__init__(columns)
        self.distance = distance
        self.queries = queries
        self.searched = searched
        self.class_names = class_names

    def __repr__(self):
        """Say what is most like each of the first images."""
        several = "" if self.queries == 1 else "s"
        lines = [
            f"<SimilarImages> {self.queries:,} image{several}, the most similar of "
            f"{self.searched:,}, {self.distance} distance"
        ]
        for query in list(dict.fromkeys(self["query"]))[:_MOST]:
            rows = [row for row, of in enumerate(self["query"]) if of == query]
            lines.append(f"{query}: {', '.join(map(self._row, rows[:_MOST]))}")
        if self.queries > _MOST:
            lines.append(f"and {self.queries - _MOST:,} more")
        return "\n".join(lines)

    def _row(self, row):
        label = f" {visible(self['class'][row])}" if "class" in self else ""
        return f"{self['image'][row]}{label} {self['distance'][row]:.3g}"


@dataclass
class _Found:
    """What is found for one image: positions, and their distances."""

    query: int
    positions: np.ndarray
    distances: np.ndarray


class _Copies:
    """Tells images that have the same pixels; only what may be one is read."""

    def __init__(self, queries, data):
        self._queries, self._data = queries, data

    def are(self, query, positions):
        """Return whether images have the pixels of a query."""
        if len(positions) == 0:
            return np.zeros(0, bool)
        return hashes_of(self._data[positions]) == hashes_of(self._queries[[query]])


class _Search:
    """Finds the nearest rows, and leaves out those of copies."""

    def __init__(self, known, rows, copies, number):
        self._known, self._rows = known, rows
        self._copies, self._number = copies, number

    def of(self, query, row):
        """Return what is found for an image, `_Found`."""
        nearest = self._rows.by_distance(row)
        # One more, as the image itself is often among them.
        wanted = self._number + (self._copies is not None)
        while True:
            rows, distances = nearest(wanted)
            positions = self._known[rows]
            keep = ~self._are_copies(query, row, positions, distances)
            if keep.sum() >= self._number or len(rows) == len(self._known):
                some = np.flatnonzero(keep)[: self._number]
                return _Found(query, positions[some], distances[some])
            wanted *= 2

    def _are_copies(self, query, row, positions, distances):
        same = np.zeros(len(positions), bool)
        if self._copies is not None:
            near = np.flatnonzero(self._rows.may_be_same(row, distances))
            same[near] = self._copies.are(query, positions[near])
        return same


def _known(embedding, name):
    """Return the positions of the rows that are numbers, and warn of others."""
    is_known = np.isfinite(embedding).all(axis=1)
    if not is_known.any():
        raise ValueError(
            f"`{name}` has no image for which the model gives features: all are NaN. "
            "Look at the weights of the model."
        )
    missing = np.flatnonzero(~is_known)
    if len(missing):
        warn_user(
            f"The model returns NaN for {len(missing)} of {len(embedding)} images of "
            f"`{name}`, which are left out: {shown((missing + 1).tolist())}."
        )
    return np.flatnonzero(is_known)


def _table(found, data):
    """Return the columns of what is found for all images."""
    positions = np.concatenate([one.positions for one in found])
    known = {**known_of(data), **({"class": data.labels} if data.labels else {})}
    columns = {
        "query": [int(one.query) for one in found for _ in one.positions],
        "rank": [rank for one in found for rank in range(1, len(one.positions) + 1)],
        "image": positions.tolist(),
    }
    for name, values in known.items():
        columns[name] = [values[position] for position in positions]
    distances = np.concatenate([one.distances for one in found])
    return {**columns, "distance": distances.tolist()}
