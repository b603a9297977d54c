"""The sections of a report, each from its data to HTML."""

import math

import numpy as np

from reticnn.data.hashing import hashes_of
from reticnn.evaluation.calibration import calibration
from reticnn.graph import graph_of
from reticnn.reporting import svg as charts
from reticnn.reporting.gallery import figure_of
from reticnn.reporting.markup import (
    Html,
    Number,
    counted,
    joined,
    number,
    pairs,
    percent,
    scrolling,
    table,
    tag,
)
from reticnn.reporting.thumbnails import short_paths, thumbnails
from reticnn.runtime.backend import NeedingKeras

describe_model = NeedingKeras("reticnn.inspection.summary", "describe_model")

# A larger table is hard to read, and has a million cells with 1,000 classes.
_MOST_CLASSES = 30
_MOST_ROWS = 20
_FEW_CLASSES = 6

# Images that were in training as well; more of them would say no more.
_MOST_LEAKS = 12

# Proportions closer than this count as equal.
_ALIKE = 0.01

_STOPPED = {
    None: "all epochs were completed",
    "early": "it no longer improved (early stopping)",
    "interrupted": "it was interrupted",
    "nan": "its loss became NaN",
}


def headline(found):
    """Return the key figures."""
    scores, parameters = found.scores, found.classifier.network.count_params()
    figures = [
        (percent(scores["accuracy"]), "accuracy"),
        (number(scores["roc_auc"], 3), "ROC AUC"),
        (number(scores["log_loss"], 3), "log loss"),
        (number(scores["calibration_error"], 3), "calibration error"),
        (f"{scores['n']:,}", "images"),
    ]
    if parameters is not None:
        figures.append((f"{parameters:,}", "parameters"))
    return tag(
        "ul",
        *(tag("li", tag("strong", text), tag("span", name)) for text, name in figures),
        class_="headline",
    )


def metrics(found):
    """Return the metrics over all images, and per class."""
    scores = found.scores
    texts = {
        "Accuracy": ("accuracy", "proportion of correct predictions"),
        "Balanced accuracy": ("balanced_accuracy", "mean recall over the classes"),
        "Cohen's kappa": ("kappa", "agreement beyond chance, as a fraction"),
        "ROC AUC": (
            "roc_auc",
            "how well the probabilities rank the images; 0.5 is chance",
        ),
        "PR AUC": ("pr_auc", "average precision over all recalls"),
        "Loss": ("loss", "what training minimises"),
        "Log loss": ("log_loss", "mean of -log(probability of the true class)"),
        "Brier score": ("brier_score", "mean squared error of the probabilities"),
        "Calibration error": (
            "calibration_error",
            "mean gap between confidence and accuracy",
        ),
    }
    limits = _limits(scores)
    rows = [
        (name, Number(scores[key], 4), limits.get(key, ""), text)
        for name, (key, text) in texts.items()
    ]
    columns = ("Metric", "Value", f"{percent(scores['level'])} interval", "Meaning")
    return joined(
        [
            table("Metrics over all images", columns, rows),
            _class_table(scores["per_class"]),
        ]
    )


def _limits(scores):
    """Return the interval of each measure over all images, as a text."""
    rows = zip(*scores["intervals"].values(), strict=True)
    return {
        measure: f"{number(lower, 3)} to {number(upper, 3)}"
        for measure, name, _, lower, upper in rows
        if name is None and not math.isnan(lower)
    }


def _class_table(per_class):
    classes = len(per_class["class"])
    caption = "Metrics per class"
    indices = range(classes)
    if classes > _MOST_CLASSES:
        # A class that does not occur has no F1.
        measured = [index for index in indices if per_class["n"][index]]
        indices = sorted(measured, key=per_class["f1"].__getitem__)[:_MOST_CLASSES]
        caption = f"The {len(indices)} of {classes:,} classes with the lowest F1"
    rates = ("precision", "recall", "f1")
    rows = [
        (
            per_class["class"][index],
            Number(per_class["n"][index]),
            *(Number(per_class[rate][index], 3) for rate in rates),
        )
        for index in indices
    ]
    columns = ("Class", "Images", "Precision", "Recall", "F1")
    return table(caption, columns, rows, class_="sortable")


def confusion(found):
    """Return which classes are mistaken for which."""
    names = found.classifier.class_names
    counts = np.reshape(found.scores["confusion"]["n"], (len(names), len(names)))
    if len(names) > _MOST_CLASSES:
        return _confused_pairs(names, counts)
    label = "Images by true class (rows) and predicted class (columns)"
    head = [
        tag(
            "tr",
            tag("td"),
            tag("th", "Predicted class", colspan=len(names), scope="colgroup"),
        ),
        tag(
            "tr",
            tag("th", "True class", scope="col"),
            *(tag("th", tag("span", name), scope="col") for name in names),
        ),
    ]
    body = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            *(_cell(counts, row, column) for column in range(len(names))),
        )
        for row, name in enumerate(names)
    ]
    many = " many" if len(names) > _FEW_CLASSES else ""
    return joined(
        [
            tag("p", "Percentages are proportions of the images of the true class.")
            if not many
            else None,
            scrolling(
                label,
                tag(
                    "table",
                    tag("caption", label),
                    tag("thead", *head),
                    tag("tbody", *body),
                    class_=f"confusion{many}",
                ),
            ),
        ]
    )


def _cell(counts, row, column):
    """Return a cell of the confusion matrix, darker for a larger share of its row."""
    count = counts[row, column]
    share = count / max(1, counts[row].sum())
    few = len(counts) <= _FEW_CLASSES
    return tag(
        "td",
        f"{count:,}" if count or few else None,
        tag("small", percent(share)) if few and count else None,
        class_=None if not count else "hit" if row == column else "miss",
        style=f"--share:{share:.3f}" if count else None,
        data_cell=f"{row}-{column}" if count else None,
    )


def _confused_pairs(names, counts):
    mistakes = counts.copy()
    np.fill_diagonal(mistakes, 0)
    largest = np.argsort(-mistakes, axis=None, kind="stable")[:_MOST_ROWS]
    cells = zip(*np.unravel_index(largest, counts.shape), strict=True)
    rows = [
        (
            names[row],
            names[column],
            Number(mistakes[row, column]),
            percent(mistakes[row, column] / counts[row].sum()),
        )
        for row, column in cells
        if mistakes[row, column]
    ]
    if not rows:
        return tag("p", "No image was misclassified.")
    columns = ("True class", "Predicted class", "Images", "Share of true class")
    caption = f"The pairs confused most often, of {len(names):,} classes"
    return table(caption, columns, rows)


def leaks(found):
    """Return which images the model was trained on, or None if none is known to be."""
    seen = _seen_in_training(found)
    if not seen.any():
        return None
    others = ~seen
    predicted = found.probabilities.argmax(axis=1)
    right = (predicted == found.data.codes)[others]
    without = (
        f"Of the {counted(others.sum(), 'other image')}, {percent(right.mean())} "
        f"{'is' if others.sum() == 1 else 'are'} classified correctly."
        if others.any()
        else "There are no others."
    )
    text = (
        f"The model was trained on {seen.sum():,} of these {len(seen):,} images, pixel "
        "for pixel. How well it does on them does not tell how well it does on new "
        f"ones. {without}"
    )
    shown = np.flatnonzero(seen)[:_MOST_LEAKS]
    addresses = thumbnails(found.data, shown)
    files = found.data.files and short_paths(found.data.files)
    figures = [figure_of(found, at, addresses[int(at)], files) for at in shown]
    more = seen.sum() - len(shown)
    return joined(
        [
            tag("p", text),
            tag("div", *figures, class_="pictures"),
            tag("p", f"and {more:,} more") if more else None,
        ]
    )


def _seen_in_training(found):
    """Return which images the model is known to have been trained on, as bools."""
    classifier = found.classifier
    trained_on = classifier.known_images.trained_on
    if not len(trained_on):
        return np.zeros(len(found.data), bool)
    return np.isin(hashes_of(found.data), trained_on)


def reliability(found):
    """Return how well the probabilities agree with the accuracy."""
    bins = calibration(found.data.codes, found.probabilities)
    missing = found.scores["n"] - int(sum(bins["n"]))
    if missing:
        return tag(
            "p",
            f"The model returns NaN for {missing:,} of {found.scores['n']:,} images, "
            "so its calibration is unknown.",
        )
    sure = float(found.probabilities.max(axis=1).mean())
    accuracy = found.scores["accuracy"]
    groups = found.data.groups
    error = _error_of_gap(found.data.codes, found.probabilities, groups)
    chart = charts.reliability_chart(
        "Accuracy in each bin of the highest probability", bins
    )
    rows = [
        (
            f"{index / len(bins['n']):.2f} to {(index + 1) / len(bins['n']):.2f}",
            Number(n),
            Number(bins["probability"][index], 3),
            Number(bins["accuracy"][index], 3),
        )
        for index, n in enumerate(bins["n"])
        if n
    ]
    columns = ("Highest probability", "Images", "Mean probability", "Accuracy")
    return joined(
        [
            tag(
                "p",
                f"On average the highest probability is {percent(sure)}, and "
                f"{percent(accuracy)} of the predictions are correct: "
                f"{_verdict(sure - accuracy, error, groups)} The calibration error is "
                f"{number(found.scores['calibration_error'], 3)}.",
            ),
            tag(
                "div",
                tag(
                    "figure",
                    chart,
                    tag("output"),
                    tag(
                        "figcaption",
                        "Accuracy (bars) of images with about the same highest "
                        "probability. On the dashed line the two are equal; below it "
                        "the classifier is over-confident.",
                    ),
                ),
                table("The bins of the chart", columns, rows),
                class_="side-by-side",
            ),
        ]
    )


def _error_of_gap(codes, probabilities, groups=None):
    """Return the standard error of confidence minus accuracy.

    It is over the images, or over whole groups, whose images are not independent.
    """
    right = probabilities.argmax(axis=1) == codes
    gaps = probabilities.max(axis=1) - right
    units = np.arange(len(gaps)) if groups is None else np.asarray(groups, str)
    _, unit_of_image = np.unique(units, return_inverse=True)
    sums = np.bincount(unit_of_image, gaps - gaps.mean())
    count = len(sums)
    if count < 2:
        return math.inf
    return float(math.sqrt(count / (count - 1) * (sums**2).sum()) / len(gaps))


def _verdict(gap, error, groups=None):
    """Return whether the classifier is too sure, as far as so many images can tell."""
    if abs(gap) < _ALIKE and error < _ALIKE:
        return "the classifier is about as confident as it is accurate."
    if abs(gap) <= 2 * error:
        return (
            f"with so few {'images' if groups is None else 'groups'}, this difference "
            "(standard error "
            f"{percent(error) if math.isfinite(error) else 'unknown'}) may be chance."
        )
    kind = "over-confident" if gap > 0 else "under-confident"
    return f"the classifier is {kind} (standard error {percent(error)})."


def training(classifier):
    """Return how the classifier was trained, as far as is recorded."""
    history = classifier.history
    if not history["epoch"]:
        return tag("p", "No training is recorded for this model.")
    lines = {name: values for name, values in history.items() if name != "stage"}
    figures = [
        _history_figure(name, history)
        for name in lines
        if name != "epoch" and not name.startswith("val_")
    ]
    rows = [
        tuple(column[epoch] for column in lines.values())
        for epoch in range(classifier.epochs)
    ]
    rows = [
        (str(epoch), *(Number(value, 4) for value in values)) for epoch, *values in rows
    ]
    names = [_name_of(name) for name in lines]
    return joined(
        [
            _settings(classifier),
            tag("div", *figures, class_="side-by-side"),
            tag(
                "details",
                tag("summary", "Values by epoch"),
                table("Metrics by epoch", names, rows),
            ),
        ]
    )


def _settings(classifier):
    """Return what is known about the training apart from its metrics."""
    history, network = classifier.history, classifier.network
    by = "val_loss" if "val_loss" in history else "loss"
    lowest = int(np.nanargmin(history[by])) if np.isfinite(history[by]).any() else None
    policy = classifier.augmentation
    compiled = classifier.has_keras and network.compiled
    optimizer = network.optimizer if compiled else None
    facts = classifier.trained_with or {}
    read = classifier.reading.described() if classifier.reading else ""
    return pairs(
        [
            ("Epochs", f"{classifier.epochs:,}"),
            ("Weights from epoch", f"{classifier.kept_epoch:,}"),
            ("Stopped because", _STOPPED.get(classifier.stopped, classifier.stopped)),
            (
                f"Lowest {_name_of(by).lower()}",
                None
                if lowest is None
                else f"{history[by][lowest]:.4f} in epoch {history['epoch'][lowest]}",
            ),
            ("Training images", _fact(facts, "images")),
            ("Validation images", _fact(facts, "validation_images")),
            ("Optimiser", optimizer and type(optimizer).__name__),
            ("Learning rate", _fact(facts, "learning_rate", "g")),
            ("Schedule", classifier.schedule),
            ("Batch size", _fact(facts, "batch_size")),
            ("Seed", _fact(facts, "seed", "d")),
            ("Images resized by", classifier.resize),
            ("Files read by", read or None),
            (
                "Augmentation",
                tag("pre", repr(policy).removeprefix("<Policy> "))
                if policy
                else "none",
            ),
        ]
    )


def _fact(facts, name, form=","):
    """Return a number that the classifier remembers as text, or None."""
    value = facts.get(name)
    return None if value is None else f"{value:{form}}"


def _history_figure(name, history):
    """Return the chart of a metric on the training and validation images."""
    lines = {
        kind: history[key]
        for kind, key in (("training", name), ("validation", f"val_{name}"))
        if key in history and np.isfinite(history[key]).any()
    }
    stages = history.get("stage", [])
    starts = [
        epoch
        for epoch, before, stage in zip(
            history["epoch"][1:], stages, stages[1:], strict=False
        )
        if None not in (before, stage) and stage != before
    ]
    title = f"{_name_of(name)} by epoch"
    keys = [
        tag("span", tag("i", class_=f"key {kind}"), kind, class_="legend")
        for kind in lines
    ]
    return tag(
        "figure",
        tag("figcaption", tag("b", _name_of(name)), *keys),
        charts.line_chart(title, history["epoch"], lines, starts),
        tag("output"),
    )


def _name_of(metric):
    """Return a metric's name as a person would write it."""
    name = metric.replace("val_", "validation ").replace("_", " ")
    return name[:1].upper() + name[1:]


def _trainable(classifier):
    """Return how many parameters training may change, or None for an ONNX graph."""
    if not classifier.has_keras:
        return None
    model = classifier.model
    count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return "all" if count == model.count_params() else f"{count:,}"


def model(classifier):
    """Return the parts of the model."""
    network, names = classifier.network, classifier.class_names
    parameters = network.count_params()
    size = " x ".join(str(side or "any") for side in classifier.image_shape)
    few = names if len(names) <= _MOST_CLASSES else names[:_MOST_CLASSES]
    more = f" and {len(names) - len(few):,} more" if len(few) < len(names) else ""
    facts = pairs(
        [
            ("Name", network.name),
            ("Input", f"{size} (height x width x channels), {classifier.values}"),
            (counted(len(names), "class", "classes"), ", ".join(few) + more),
            ("Parameters", None if parameters is None else f"{parameters:,}"),
            ("Trainable", _trainable(classifier)),
        ]
    )
    if not classifier.has_keras:
        return joined([facts, tag("p", "It is an ONNX graph, which has no layers.")])
    if graph_of(network) is None:
        return joined([facts, tag("p", "Its layers cannot be listed.")])
    layers = describe_model(network)
    rows = [
        (
            name,
            kind,
            shape,
            *map(Number, numbers),
        )
        for name, kind, shape, *numbers in zip(*layers.values(), strict=True)
    ]
    columns = (
        "Layer",
        "Type",
        "Output",
        "Parameters",
        "Mult-adds",
        "Receptive field",
    )
    cost = number(sum(layers["mult_adds"]))
    caption = (
        f"{counted(len(rows), 'layer')}, {cost} mult-adds per image; receptive "
        "fields in pixels"
    )
    return joined([facts, table(caption, columns, rows, class_="sortable")])


def data(found):
    """Return which images the classifier was evaluated on."""
    images = found.data
    counts = images.class_counts
    size = " x ".join(map(str, images.image_shape))
    facts = pairs(
        [
            ("Images", f"{len(images):,}"),
            ("Stored in", "files" if images.files else "memory"),
            ("Size", f"{size} (height x width x channels), as passed to the model"),
            ("Files skipped", f"{len(images.skipped):,}" if images.skipped else None),
        ]
    )
    caption, shown = "Images per class", list(counts.items())
    if len(shown) > _MOST_CLASSES:
        shown = sorted(shown, key=lambda item: -item[1])
        shown = shown[: _MOST_ROWS // 2] + shown[-_MOST_ROWS // 2 :]
        caption = (
            f"The {_MOST_ROWS // 2} largest and the {_MOST_ROWS // 2} smallest of "
            f"{len(counts):,} classes"
        )
    largest = max(counts.values())
    rows = [
        (name, Number(count), percent(count / len(images)), _bar(count / largest))
        for name, count in shown
    ]
    return joined(
        [
            facts,
            table(caption, ("Class", "Images", "Share", "Relative to largest"), rows),
        ]
    )


def _bar(share):
    """Return a bar as long as a share of its cell."""
    return tag(
        "span", Html(""), class_="bar", style=f"width:{share:.1%}", aria_hidden="true"
    )


def session(rows):
    """Return what the report was made with."""
    return pairs(rows.items())
