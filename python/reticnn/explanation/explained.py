"""What explains predictions: maps, and a table of what each of them is about."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import printable, shown
from reticnn.explanation.targets import NOBODY
from reticnn.notation import visible
from reticnn.prediction.tables import known_of
from reticnn.runtime.conditions import warn_user

# Rows that are printed.
_MOST = 10


class Explanation:
    """Maps of what speaks for classes in images, made by `explain_prediction`.

    Attributes:
        maps: float32 array (rows, height, width), in units of the score.
        table: Dict of equal-length lists, with a row for each map.
        images: Array (n, height, width, channels), as the network saw them.
        scores_are: What the score of a class is, in words.
        class_names: List of all classes.
        resize: How files were fitted to that size, or None for images in memory.
        settings: Dict of the arguments that maps were made with.
    """

    __module__ = "reticnn"

    def __init__(self, maps, table, images, scores_are, class_names, resize, settings):
        """Put maps together with what they are about."""
        self.maps = maps
        self.table = table
        self.images = images
        self.scores_are = scores_are
        self.class_names = class_names
        self.resize = resize
        self.settings = settings

    def __len__(self):
        """Count the maps."""
        return len(self.maps)

    def __repr__(self):
        """Say what is explained, and which class each image is explained for."""
        count = len(self.images)
        rows, height, width = self.maps.shape
        layers = {name: f" in {layer!r}" for name, layer in self._by_method() if layer}
        methods = [f"{name}{layers.get(name, '')}" for name, _ in self._by_method()]
        lines = [
            f"<Explanation> {count:,} image{'' if count == 1 else 's'} of {height} x "
            f"{width}, {rows:,} map{'' if rows == 1 else 's'}",
            f"method  {', '.join(methods)}",
            f"score   {self.scores_are}",
        ]
        for row in range(min(rows, _MOST)):
            lines.append(f"{row}  {self._row(row)}")
        if rows > _MOST:
            lines.append(f"and {rows - _MOST:,} more")
        return "\n".join(lines)

    def _by_method(self):
        """Return the methods, each with its layer or None."""
        return dict(zip(self.table["method"], self.table["layer"], strict=True)).items()

    def _row(self, row):
        value = {name: column[row] for name, column in self.table.items()}
        image = value.get(".file")
        image = f"image {value['image']}" if image is None else printable(image)
        what = "no prediction" if value["class"] is None else visible(value["class"])
        if value["against"] is not None:
            what += f" against {visible(value['against'])}"
        method = f"{value['method']}, " if len(self._by_method()) > 1 else ""
        return (
            f"{image}: {method}{what}, score {value['score']:.3g}, probability "
            f"{value['probability']:.3f}"
        )


_FIELDS = (
    *("maps", "table", "images", "scores_are", "class_names"),
    *("resize", "settings"),
)


def as_explanation(value, name="explanation"):
    """Return an `Explanation`, or make it again of the dict that R has of one."""
    if isinstance(value, Mapping) and set(_FIELDS) <= set(value):
        return Explanation(**{field: value[field] for field in _FIELDS})
    if isinstance(value, Explanation):
        return value
    raise TypeError(
        f"`{name}` must be what `explain_prediction()` returned, not {shown(value)}."
    )


def rows_of(found, layers, data, chances, class_names, targets):
    """Return the table and the maps of an `Explanation`, a row for each map.

    Args:
        found: Dict of lists of `Explained`, one for each batch, by method.
        layers: Dict of the layer of each method, or None.
        data: Image data, as the network saw them.
        chances: Array (n, classes) of probabilities.
        class_names: List of all classes.
        targets: `Targets`.
    """
    known = known_of(data)
    against = None if targets.against is None else class_names[targets.against]
    rows, maps = [], []
    for method, parts in found.items():
        codes, values = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("codes", "values")
        )
        maps.append(np.stack(_joined_maps(parts), axis=1))
        for image, target in np.ndindex(codes.shape):
            code = int(codes[image, target])
            is_known = code != NOBODY
            row = {
                "image": image,
                **{name: column[image] for name, column in known.items()},
                "method": method,
                "layer": layers[method],
                "class": class_names[code] if is_known else None,
                "against": against,
                "score": float(values[image, target]),
                "probability": float(chances[image, code] if is_known else np.nan),
            }
            rows.append(row)
    # Rows of an image after each other, with methods in their order.
    order = np.argsort([row["image"] for row in rows], kind="stable")
    table = {name: [rows[at][name] for at in order] for name in rows[0]}
    maps = np.concatenate([one.reshape(-1, *one.shape[2:]) for one in maps])[order]
    maps = maps.astype("float32")
    maps[np.isnan(table["score"])] = np.nan
    _warn_of_empty(maps, table)
    return table, maps


def _joined_maps(parts):
    """Return the maps of all images, an array for each target."""
    return [np.concatenate(maps) for maps in zip(*[p.maps for p in parts], strict=True)]


def _warn_of_empty(maps, table):
    """Warn of maps that are 0 everywhere, and so point to nothing."""
    empty = np.flatnonzero(~maps.any(axis=(1, 2)))
    if len(empty) == 0:
        return
    which = [table["image"][row] + 1 for row in empty]
    if ".file" in table:
        which = [table[".file"][row] for row in empty]
    warn_user(
        f"{len(empty)} of {len(maps)} maps are 0 everywhere: nothing in the image "
        "speaks for the class by that method, or the score does not change with the "
        f"image at all. They are those of images {shown(list(dict.fromkeys(which)))}."
    )
