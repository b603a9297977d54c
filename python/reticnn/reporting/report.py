"""Put a report together and write it."""

import datetime
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from reticnn import __version__
from reticnn.coercion import shown
from reticnn.evaluation.measuring import measured
from reticnn.notation import in_words
from reticnn.reporting import gallery, sections
from reticnn.reporting.markup import Html, counted, joined, percent, tag
from reticnn.reporting.search import search
from reticnn.runtime.backend import NeedingKeras, device_name, keras
from reticnn.runtime.onnx_runtime import imported
from reticnn.runtime.writing import as_file_to_write, replacing, unwritten

as_method = NeedingKeras("reticnn.explanation.explain", "as_method")

# Nothing is fetched from anywhere, whatever a page might be made to contain.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)


def report_classifier(
    classifier,
    data,
    path="report.html",
    *,
    class_names=None,
    batch_size=32,
    session=None,
    progress="auto",
    output="auto",
    explanations=None,
):
    """Write a report about a classifier: how good it is, where it fails, what it is.

    The report is a single HTML file, to open in a browser, print or send. It is
    self-contained, contacts no server, and stays below 3 MB whatever the number of
    images. If the model is known to have been trained on some of the images, these come
    first. Then come the measures of `evaluate_classifier`, the confusion matrix (with
    more than 30 classes, the pairs confused most often), images that the classifier got
    right or wrong with most confidence or was unsure about, the calibration of its
    probabilities, the training, the search that chose its settings if it is from
    `refit()`, the layers, the data, and the versions in use. Clicking a cell of the
    confusion matrix shows its images; clicking a column name sorts the table. An
    existing file is replaced only once the report is complete.

    Images are predicted once, batch by batch; those shown, at most 72, are read again.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`, or a Keras
            model from images to classes.
        data: Image data or a folder, as in `evaluate_classifier`; preferably images
            that were not used in training.
        path: File to write. `~` is expanded. Default `"report.html"`.
        class_names: For a Keras model, the names of its classes in the order of its
            outputs, or None for those of the data in their order. Default None.
        batch_size: Whole number of images per batch. Default 32.
        session: Dict of further facts to list about the session, such as
            `{"Project": "pets"}`, or None. Default None.
        progress: As in `predict_images`. Default `"auto"`.
        output: For a Keras model, what it outputs, as in `predict_images`. Default
            `"auto"`.
        explanations: Name of a method of `explain_prediction`, such as `"grad_cam"`, or
            for a network without convolutions `"occlusion"`: images that were
            classified with most confidence, right or wrong, and those the classifier
            was unsure about, are then shown with a map of what speaks for the predicted
            class. Or None for no maps. Default None.

    Returns:
        The path of the file written.

    Raises:
        TypeError: If `classifier` is not a classifier, `data` not image data, or
            `session` not a dict with a name for each value.
        ValueError: If the data have no images, no labels, a class unknown to the
            classifier, or images of a size or number of channels that the model does
            not take, or if `path` is a folder or does not have the extension of an HTML
            page.
        FileNotFoundError: If the folder to write in does not exist.
        OSError: If the file cannot be written. An existing one stays as it is.
        RuntimeError: In a process forked from the one that started Keras.

    Warns:
        UserWarning: If images in memory are resized to what the model takes, or files
            are resized differently than in training.

    Example:
        >>> report_classifier(classifier, shape_images(200, seed=2), "shapes.html")
        'shapes.html'

    Source:
        Reliability diagrams and calibration error: Guo et al. (2017),
        arXiv:1706.04599.
    """
    path = as_page(path)
    extra = _checked(session)
    if explanations is not None:
        explanations = as_method(explanations, "explanations")
    found = measured(classifier, data, class_names, batch_size, progress, output)
    session = {**_session(found.classifier), **extra}
    page = _page(found, session, explanations)
    with replacing(path, unwritten(path)) as whole:
        Path(whole).write_text(page, encoding="utf-8")
    return path


def as_page(path):
    """Return the path of a page of HTML that can be written."""
    path = as_file_to_write(path)
    ending = os.path.splitext(path)[1]
    if ending.lower() in ("", ".html", ".htm"):
        return path
    page = os.path.basename(path.removesuffix(ending) + ".html")
    raise ValueError(
        f"`path` ends in {ending!r}, but a report is a page of HTML. Call it {page!r}; "
        "a browser prints it, also as a PDF."
    )


def _checked(session):
    """Return the rows that the user adds to the section on the session."""
    if session is None:
        return {}
    named = isinstance(session, Mapping) and all(
        isinstance(name, str) and name for name in session
    )
    if not named:
        raise TypeError(
            f"`session` must be {in_words('a dict', 'a named list')} with a name for "
            f"each value, not {shown(session)}."
        )
    return {name: str(value) for name, value in session.items()}


def _session(classifier):
    """Return what the report is made with."""
    return {
        "Written": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "reticnn": __version__,
        **_computed_by(classifier),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "System": platform.platform(),
    }


def _computed_by(classifier):
    """Return what the classifier predicts with."""
    if not classifier.has_keras:
        runtime = imported("onnxruntime", "classifier")
        return {"ONNX Runtime": runtime.__version__, "Computed on": "CPU"}
    backend = keras.backend.backend()
    return {
        "Keras": keras.__version__,
        "Backend": f"{backend} {sys.modules[backend].__version__}",
        "Computed on": device_name().split(" ")[0],
    }


def _page(found, session, explanations):
    classifier = found.classifier
    contents = {
        "Leaks": sections.leaks(found),
        "Metrics": sections.metrics(found),
        "Confusion": sections.confusion(found),
        "Images": gallery.pictures(found, explanations),
        "Calibration": sections.reliability(found),
        "Training": sections.training(classifier),
        "Search": search(classifier),
        "Model": sections.model(classifier),
        "Data": sections.data(found),
        "Session": sections.session(session),
    }
    contents = {name: part for name, part in contents.items() if part is not None}
    links = [tag("a", name, href=f"#{name.lower()}") for name in contents]
    body = tag(
        "body",
        tag(
            "header",
            tag("h1", classifier.network.name),
            tag("p", _summary(found), class_="lead"),
            sections.headline(found),
            tag("nav", *links, aria_label="Sections"),
        ),
        tag(
            "main",
            *(
                tag("section", tag("h2", name), content, id=name.lower())
                for name, content in contents.items()
            ),
        ),
        tag("footer", f"Made by reticnn {__version__}"),
        tag("script", _part("page.js")),
    )
    right = found.scores["accuracy"]
    title = classifier.network.name
    if right == right:
        title += f": {percent(right)} right"
    whole = tag("html", head_of(title), body, lang="en")
    return joined([Html("<!DOCTYPE html>\n"), whole, "\n"])


def head_of(title):
    """Return the head of a page, with its style."""
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        # Without one, browsers ask the server for it.
        tag("link", rel="icon", href="data:,"),
        tag("style", _part("page.css")),
    )


def _summary(found):
    n, right = found.scores["n"], found.scores["accuracy"]
    missing = int(np.isnan(found.probabilities).any(axis=1).sum())
    classes = counted(len(found.classifier.class_names), "class", "classes")
    outcome = f"{percent(right)} are classified correctly"
    if missing:
        outcome = f"the model returns NaN for {missing:,} of them"
    return (
        f"A classifier for {classes}, evaluated on {counted(n, 'labelled image')}: "
        f"{outcome}."
    )


def _part(name):
    """Return the text of a file beside this one."""
    return Html(Path(__file__).with_name(name).read_text(encoding="utf-8"))
