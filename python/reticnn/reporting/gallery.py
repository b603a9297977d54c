"""The images of a report: right, wrong and unsure, with what spoke for it."""

import numpy as np

from reticnn.reporting.markup import percent, tag
from reticnn.reporting.thumbnails import as_address, choices, short_paths, thumbnails
from reticnn.runtime.backend import NeedingKeras

explain_prediction = NeedingKeras("reticnn.explanation.explain", "explain_prediction")
overlays = NeedingKeras("reticnn.plots.attribution", "overlays")

_CHOICES = {
    "wrong": (
        "Most confident errors",
        "Wrong predictions with the highest probability.",
    ),
    "uncertain": (
        "Least confident",
        "Predictions with the lowest probability of the predicted class.",
    ),
    "right": (
        "Most confident and correct",
        "Correct predictions with the highest probability.",
    ),
    "typical": (
        "Typical",
        "For each of the largest cells of the confusion matrix, the image with the "
        "median probability.",
    ),
}

_OF_MAPS = (
    "Below each image, orange shows what speaks for the predicted class and blue what "
    "speaks against it, by the method {}."
)

# The choices whose images are explained.
_EXPLAINED = ("wrong", "uncertain", "right")


def pictures(found, explanations=None):
    """Return images that are predicted correctly, wrongly and uncertainly.

    With the name of a method, what speaks for the predicted class is beside them.
    """
    chosen = choices(found.data.codes, found.probabilities)
    positions = np.concatenate(list(chosen.values()))
    addresses = thumbnails(found.data, positions) if len(positions) else {}
    maps = _maps(found, chosen, explanations) if explanations else {}
    files = found.data.files and short_paths(found.data.files)
    parts = []
    for kind, (title, text) in _CHOICES.items():
        figures = [
            figure_of(
                *(found, position, addresses[int(position)], files),
                why=maps.get(int(position)) if kind in _EXPLAINED else None,
            )
            for position in chosen[kind]
        ]
        parts += [
            tag(
                "div",
                tag("h3", title),
                tag("p", text if figures else "None."),
                tag("div", *figures, class_="pictures"),
            )
        ]
    if maps:
        parts.insert(0, tag("p", _OF_MAPS.format(explanations)))
    return tag("div", *parts, id="gallery")


def _maps(found, chosen, method):
    """Return images with what speaks for the predicted class, by position."""
    positions = np.unique(np.concatenate([chosen[kind] for kind in _EXPLAINED]))
    if len(positions) == 0:
        return {}
    try:
        explanation = explain_prediction(
            found.classifier, found.data[positions], None, method, progress="none"
        )
    except ValueError as error:
        # There it is another argument.
        raise ValueError(str(error).replace("`method`", "`explanations`")) from error
    return {
        int(position): as_address(picture)
        for position, picture in zip(positions, overlays(explanation), strict=True)
    }


def figure_of(found, position, address, files, why=None):
    """Return an image with its prediction, and what spoke for it if that is known."""
    names = found.classifier.class_names
    row, chances = found.data.codes[position], found.probabilities[position]
    column = chances.argmax()
    right, sure = row == column, percent(chances[column])
    source = files[position] if files else f"image {position + 1:,}"
    outcome = "correct" if right else f"mistaken for {names[column]}"
    alt = f"{names[row]}, {outcome}, probability {sure}"
    true = f"true: {names[row]} ({percent(chances[row])})"
    return tag(
        "figure",
        tag("img", src=address, alt=alt, loading="lazy", title=source),
        why
        and tag("img", src=why, alt=f"what speaks for {names[column]}", loading="lazy"),
        tag(
            "figcaption",
            tag("b", "✓ " if right else "✗ ", names[column], " ", sure),
            None if right else tag("span", true),
            tag("small", source),
        ),
        class_="hit" if right else "miss",
        data_cell=f"{row}-{column}",
    )
