"""Metrics besides the accuracy, made for what a model gives and is compared with."""

import re

import numpy as np

from reticnn.coercion import nearest
from reticnn.notation import shown
from reticnn.outputs import targets_of_classes
from reticnn.runtime.backend import keras

_TOP = re.compile(r"top_([1-9]\d*)_accuracy")
_TAKEN = ("loss", "accuracy", "epoch", "stage")
_OF_ROWS = ("Categorical", "TopK", "F1Score", "FBetaScore")

# What these count of several outputs is each of them, as if they had nothing to do with
# one another, unless they are told which one is meant.
_OF_YES_AND_NO = {"AUC", "BinaryAccuracy", "BinaryIoU", "Precision", "Recall"}
_OF_YES_AND_NO |= {
    f"{one}{two}" for one in ("True", "False") for two in ("Positives", "Negatives")
}
_OF_YES_AND_NO |= {"PrecisionAtRecall", "RecallAtPrecision"}
_OF_YES_AND_NO |= {"SensitivityAtSpecificity", "SpecificityAtSensitivity"}


def as_metrics(value):
    """Return a list of names of metrics and of Keras metrics, or None.

    Raises:
        TypeError: If it is something else.
    """
    if value is None:
        return None
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    for item in items:
        if not isinstance(item, (str, keras.metrics.Metric)):
            raise TypeError(
                "`metrics` must be names such as 'auc' and 'top_5_accuracy', or Keras "
                f"metrics such as `keras.metrics.AUC()`, not {shown(item)}."
            )
    names = [_name_of(item) for item in items]
    for item, name in zip(items, names, strict=True):
        taken = name in _TAKEN or name.startswith("val_") or names.count(name) > 1
        # The accuracy itself is measured in any case.
        if taken and item != "accuracy":
            raise ValueError(
                f"`metrics` has {shown(name)}, a name that is taken. Give the metric "
                "another `name`."
            )
    return items or None


def metrics_for(given, kind, units, one_hot):
    """Return the Keras metrics that are asked for besides the accuracy.

    Args:
        given: What `as_metrics` returns.
        kind: What the model's outputs are, as `output_kind` says it.
        units: Whole number of outputs.
        one_hot: Whether targets are rows, and not numbers of classes.

    Raises:
        ValueError: If a metric cannot judge such outputs.
    """
    items = [item for item in given or () if _name_of(item) != "accuracy"]
    if items and kind == "distances":
        raise ValueError(
            f"`metrics` has {shown(_name_of(items[0]))}, but the model outputs "
            "distances to prototypes, where lower is better. Leave `metrics` out."
        )
    made = [
        _by_name(item, kind, units, one_hot) if isinstance(item, str) else item
        for item in items
    ]
    for metric in made:
        _check_judges(metric, units, one_hot)
    return made


def _name_of(item):
    return item if isinstance(item, str) else item.name


def _by_name(name, kind, units, one_hot):
    """Return the metric with a name."""
    top = _TOP.fullmatch(name)
    if top:
        return _top(name, int(top[1]), units, one_hot)
    classes = _classes()
    if name not in classes:
        known = ["top_5_accuracy", *classes]
        raise ValueError(
            f"`metrics` has {shown(name)}, which is not a Keras "
            f"metric.{nearest(name, known)} Valid names include 'auc', 'precision' and "
            "'top_5_accuracy'."
        )
    settings = {"name": name}
    if kind == "logits":
        if name != "auc":
            raise ValueError(
                f"`metrics` has {shown(name)}, which is for probabilities, but the "
                "model gives logits. Give a Keras metric that is made for them, or end "
                "the model with softmax or sigmoid."
            )
        settings["from_logits"] = True
    try:
        return classes[name](**settings)
    except TypeError as error:
        raise ValueError(
            f"`metrics` has {shown(name)}, which needs settings of its own. Give the "
            "Keras metric instead of its name."
        ) from error


def _top(name, k, units, one_hot):
    """Return the accuracy that counts a class among the k most probable as right."""
    if k >= units:
        raise ValueError(
            f"`metrics` has {shown(name)}, which every answer reaches with {units} "
            f"output{'' if units == 1 else 's'}. Use a lower number, or leave it out."
        )
    if one_hot:
        return keras.metrics.TopKCategoricalAccuracy(k, name=name)
    return keras.metrics.SparseTopKCategoricalAccuracy(k, name=name)


def _classes():
    """Return Keras's metrics by their names in small letters."""
    between = "(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
    return {
        re.sub(between, "_", name).lower(): kind
        for name, kind in sorted(vars(keras.metrics).items())
        if isinstance(kind, type)
        and issubclass(kind, keras.metrics.Metric)
        and kind is not keras.metrics.Metric
    }


def _check_judges(metric, units, one_hot):
    """Raise unless a metric gives one number for targets and outputs of the model."""
    kind = type(metric).__name__
    rows = one_hot and units > 1
    if rows and kind in _OF_YES_AND_NO and not _is_told_which(metric):
        raise ValueError(
            f"`metrics` has {shown(metric.name)}, a {kind}, which would take the "
            f"{units} outputs for as many yes-or-no answers, and is not the measure of "
            "that name for one class. Give the Keras metric and say which class is "
            "meant, as `keras.metrics.Precision(class_id=1)`, or "
            "`keras.metrics.AUC(multi_label=True)`; `evaluate_classifier()` has "
            "precision, recall and ROC AUC of each class."
        )
    # Some of these take the wrong targets, and say something.
    is_for_others = kind.startswith("Sparse" if rows or units == 1 else _OF_ROWS)
    is_for_others = is_for_others or (units == 1 and kind.startswith(_OF_ROWS))
    problem = "" if is_for_others else _problem(metric, units, one_hot)
    if problem is None:
        return
    targets = "rows of 0 and 1" if rows else "class numbers"
    targets = "0 and 1" if units == 1 else targets
    raise ValueError(
        f"`metrics` has {shown(metric.name)}, a {kind}, which cannot judge the model: "
        f"its targets are {targets} for {units} output{'' if units == 1 else 's'}"
        f"{problem}. Use another metric, such as 'top_2_accuracy' for three or more "
        "classes, or 'auc' for one output."
    )


def _is_told_which(metric):
    """Return whether a metric is of one output, or of each of them by itself."""
    of_one = getattr(metric, "class_id", None) is not None
    return of_one or getattr(metric, "multi_label", False)


def _problem(metric, units, one_hot):
    """Return what is wrong with what a metric says of a few outputs, or None."""
    classes = max(2, units)
    codes = np.arange(classes + 2) % classes
    outputs = np.full((len(codes), units), 0.1, "float32")
    outputs[np.arange(len(codes)), codes if units > 1 else 0] = 0.9
    if units == 1:
        outputs[codes == 0] = 0.1
    targets = targets_of_classes(units, one_hot)[codes]
    try:
        # As Keras's loop calls it.
        metric.update_state(targets, outputs, sample_weight=None)
        value = np.asarray(keras.ops.convert_to_numpy(metric.result()))
        metric.reset_state()
    except Exception:  # Of any kind, on each backend and in users' classes.
        return ""
    if value.ndim:
        return f", and it gives {value.size} numbers instead of one"
    return None
