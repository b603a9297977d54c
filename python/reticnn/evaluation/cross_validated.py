"""What several classifiers say of images that each of them was not trained on."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from reticnn.classifier import Classifier
from reticnn.evaluation.measuring import predictions_of
from reticnn.evaluation.metrics import classification_metrics
from reticnn.notation import visible
from reticnn.prediction.missing import predicted_classes

# What an evaluation has beside its measures over all images.
_TABLES = ("per_class", "confusion", "intervals")


@dataclass(frozen=True)
class FoldFound:
    """A fold: a classifier, and its predictions of the images to test it on.

    Attributes:
        repeat: Number of the repeat, from 1.
        fold: Number of the fold in it, from 1.
        positions: int array, which of the images it was tested on, from 0.
        trained_on: How many images it was trained on, those to validate on included.
        codes: int array, their classes.
        probabilities: float64 array, (n, classes).
        classifier: The classifier.
        images: Text, the same for folds of the same images.
        groups: List of the groups of the images tested on, or None.
        hashes: uint64 array, the hashes of the images tested on, as the model takes
            them, or None.
    """

    repeat: int
    fold: int
    positions: np.ndarray
    trained_on: int
    codes: np.ndarray
    probabilities: np.ndarray
    classifier: Classifier
    images: str
    groups: list | None = None
    hashes: np.ndarray | None = None


class CrossValidation:
    """What `cross_validate` found.

    Attributes:
        class_names: List of the classes.
        folds: Table (dict of equal-length lists) with one row per fold: `repeat` and
            `fold`, counted from 1; `n_train` and `n_test`, the numbers of images that
            it was trained on, including those for validation, and tested on; `epochs`
            and `kept_epoch`, how long it was trained, and which epoch's weights are
            kept; and the measures of `evaluate_classifier` on the images that it was
            tested on.
        predictions: Table with one row per image and repeat: `repeat`, `fold`, `image`,
            its position in the data; `.file` for files; `truth`; and `.pred_class` and
            `.pred_<class>`, as from `predict_images`, by the classifier of the fold.
        evaluation: All these predictions together, as `evaluate_classifier` returns it.
        measures: Table with one row per measure: `measure`, its `estimate` from all
            predictions together with `lower` and `upper`, and the `mean` and standard
            deviation `sd` over the folds.
        intervals: Table of the measures of each fold, as in an evaluation, with
            `repeat` and `fold`; or None.
        classifiers: List of the classifiers of the folds.
        wanted: How many folds were asked for.
        stopped: `"interrupted"` if there are fewer, else None.
        fold_images: List of texts, one per fold, the same for folds of the same images.
        groups: List of the group of each row of `predictions`, or None.
        hashes: uint64 array, the hash of the image of each row of `predictions`, or
            None.
        images: Number of images in the data.
    """

    __module__ = "reticnn"

    def __init__(self, found, data, *, level, wanted, stopped=None):
        """Put the folds together.

        Args:
            found: List of `FoldFound`, one or more.
            data: The image data that the folds are of.
            level: Level of confidence of the intervals, or None for none.
            wanted: How many folds were asked for.
            stopped: `"interrupted"` or None.
        """
        self.class_names = list(data.class_names)
        self.classifiers = [fold.classifier for fold in found]
        self.wanted, self.stopped = wanted, stopped
        self.fold_images = [fold.images for fold in found]
        self.groups = None
        if found[0].groups is not None:
            self.groups = [group for fold in found for group in fold.groups]
        self.hashes = None
        if found[0].hashes is not None:
            self.hashes = np.concatenate([fold.hashes for fold in found])
        self.images = len(data)
        of_folds = [_measured(fold, self.class_names, level) for fold in found]
        self.evaluation = self._pooled(found, level)
        self.predictions = self._predictions(found, data.files)
        self.folds = _table_of_folds(found, of_folds)
        self.intervals = level and _intervals_of(found, of_folds)
        self.measures = _table_of_measures(self.evaluation, self.folds)

    def _pooled(self, found, level):
        """Return the evaluation of all predictions."""
        positions = np.concatenate([fold.positions for fold in found])
        codes = np.concatenate([fold.codes for fold in found])
        chances = np.concatenate([fold.probabilities for fold in found])
        groups = self.groups
        if groups is None and len(np.unique(positions)) < len(positions):
            # Several predictions of one image say less than those of several images.
            groups = [str(position) for position in positions]
        metrics = classification_metrics(
            codes, chances, self.class_names, intervals=level, groups=groups
        )
        pooled = {
            "n": len(codes),
            "loss": metrics["log_loss"],
            **metrics,
            "predictions": predictions_of(
                codes, chances.argmax(axis=1), chances, self.class_names
            ),
        }
        return pooled if level is None else {**pooled, "level": level}

    def _predictions(self, found, files):
        """Return the table of the predictions."""
        chances = np.concatenate([fold.probabilities for fold in found])
        sizes = [len(fold.positions) for fold in found]
        positions = np.concatenate([fold.positions for fold in found]).tolist()
        known = {} if files is None else {".file": [files[at] for at in positions]}
        columns = zip(self.class_names, chances.T, strict=True)
        return {
            "repeat": np.repeat([fold.repeat for fold in found], sizes).tolist(),
            "fold": np.repeat([fold.fold for fold in found], sizes).tolist(),
            "image": positions,
            **known,
            "truth": [
                self.class_names[code] for fold in found for code in fold.codes.tolist()
            ],
            ".pred_class": predicted_classes(chances, self.class_names),
            **{f".pred_{name}": column.tolist() for name, column in columns},
        }

    def __repr__(self):
        """Describe the folds, and give the measures."""
        done = len(self.classifiers)
        count = f"{done} of {self.wanted} folds" if self.stopped else f"{done} folds"
        names = ", ".join(map(visible, self.class_names))
        level = self.evaluation.get("level")
        stopped = f" (stopped: {self.stopped})" if self.stopped else ""
        lines = [
            f"<CrossValidation> {count}{stopped}, {self.evaluation['n']:,} predictions,"
            f" {len(self.class_names)} classes: {names}",
            f"{'':<17}  all    {'' if level is None else f'{level:.0%} interval':<14}  "
            "mean (sd) of folds",
        ]
        rows = zip(*self.measures.values(), strict=True)
        for name, estimate, lower, upper, mean, sd in rows:
            limits = "" if np.isnan(lower) else f"[{lower:.3f}, {upper:.3f}]"
            lines.append(
                f"{name:<17}  {estimate:.3f}  {limits:<14}  {mean:.3f} ({sd:.3f})"
            )
        return "\n".join(lines)


def _measured(fold, class_names, level):
    """Return the measures of a fold."""
    return classification_metrics(
        fold.codes,
        fold.probabilities,
        class_names,
        intervals=level,
        groups=fold.groups,
    )


def over_all(evaluation):
    """Return the measures of all images in what `classification_metrics` returns."""
    return {
        name: value
        for name, value in evaluation.items()
        if name not in (*_TABLES, "n", "loss", "predictions", "level")
    }


def _table_of_folds(found, of_folds):
    """Return the table with a row per fold."""
    known = {
        "repeat": [fold.repeat for fold in found],
        "fold": [fold.fold for fold in found],
        "n_train": [fold.trained_on for fold in found],
        "n_test": [len(fold.positions) for fold in found],
        "epochs": [fold.classifier.epochs for fold in found],
        "kept_epoch": [fold.classifier.kept_epoch for fold in found],
    }
    names = over_all(of_folds[0])
    return {**known, **{name: [one[name] for one in of_folds] for name in names}}


def _intervals_of(found, of_folds):
    """Return the table of the measures of each fold with their limits."""
    table: dict[str, Any] = {"repeat": [], "fold": []}
    for fold, measured in zip(found, of_folds, strict=True):
        rows = measured["intervals"]
        count = len(rows["measure"])
        table["repeat"] += [fold.repeat] * count
        table["fold"] += [fold.fold] * count
        for name, column in rows.items():
            table.setdefault(name, []).extend(column)
    return table


def _table_of_measures(evaluation, folds):
    """Return the table with a row per measure."""
    limits = {}
    if "intervals" in evaluation:
        rows = evaluation["intervals"]
        limits = {
            name: (lower, upper)
            for name, of_class, lower, upper in zip(
                *(rows[column] for column in ("measure", "class", "lower", "upper")),
                strict=True,
            )
            if of_class is None
        }
    table: dict[str, Any] = {
        name: [] for name in ("measure", "estimate", "lower", "upper", "mean", "sd")
    }
    for name, estimate in over_all(evaluation).items():
        values = np.array(folds[name])
        values = values[~np.isnan(values)]
        lower, upper = limits.get(name, (float("nan"), float("nan")))
        mean = float(values.mean()) if len(values) else float("nan")
        sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
        row = (name, estimate, lower, upper, mean, sd)
        for column, value in zip(table.values(), row, strict=True):
            column.append(value)
    return table
