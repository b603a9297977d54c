"""A page of images with what speaks for a class in them."""

from pathlib import Path

from reticnn import __version__
from reticnn.coercion import as_int
from reticnn.reporting.markup import Html, counted, joined, pairs, tag
from reticnn.reporting.report import as_page, head_of
from reticnn.reporting.thumbnails import as_address
from reticnn.runtime.backend import NeedingKeras
from reticnn.runtime.writing import replacing, unwritten

as_explanation = NeedingKeras("reticnn.explanation.explained", "as_explanation")
pictures_of_explanation = NeedingKeras(
    "reticnn.plots.attribution", "pictures_of_explanation"
)

# Pixels of the longer side of a picture.
_SIDE = 320


def report_explanation(explanation, path="explanation.html", images=None, n=100):
    """Write a page of images with the parts that speak for a class.

    The page is a single HTML file, to open in a browser, print or send. It contacts no
    server. Each image is shown beside its maps, as in the plot of an explanation, with
    its class and probability. An existing file is replaced only once the page is
    complete.

    Args:
        explanation: What `explain_prediction` returned, such as for a folder.
        path: File to write. `~` is expanded. Default `"explanation.html"`.
        images: The images that were explained, to be shown in their own size. Default
            None.
        n: Whole number of images on the page, the first ones. 100 photos with a map
            each take about 5 MB. Default 100.

    Returns:
        The path of the file written.

    Raises:
        TypeError: If `explanation` is not an explanation.
        ValueError: If `images` are not as many as were explained, or if `path` is a
            folder or does not have the extension of an HTML page.
        FileNotFoundError: If the folder to write in does not exist.
        OSError: If the file cannot be written. An existing one stays as it is.

    Warns:
        UserWarning: If a file cannot be read again, and is shown as the network saw it.

    Example:
        >>> explanation = explain_prediction(classifier, shape_images(10))
        >>> report_explanation(explanation, "why.html")
        'why.html'
    """
    explanation = as_explanation(explanation)
    path = as_page(path)
    drawn = pictures_of_explanation(explanation, images, as_int(n, "n"))
    page = _page(explanation, drawn)
    with replacing(path, unwritten(path)) as whole:
        Path(whole).write_text(page, encoding="utf-8")
    return path


def _page(explanation, drawn):
    count, shown = len(explanation.images), len(drawn["pictures"]) // drawn["columns"]
    lead = f"What speaks for a class in {counted(count, 'image')}"
    if shown < count:
        lead += f", of which the first {shown:,} are shown"
    body = tag(
        "body",
        tag("header", tag("h1", "Explanation"), tag("p", f"{lead}.", class_="lead")),
        tag(
            "main",
            pairs(_facts(explanation)),
            _scale(drawn["scale"]),
            *map(_row, _rows(drawn)),
        ),
        tag("footer", f"Made by reticnn {__version__}"),
    )
    whole = tag("html", head_of("Explanation"), body, lang="en")
    return joined([Html("<!DOCTYPE html>\n"), whole, "\n"])


def _facts(explanation):
    table = explanation.table
    methods = dict.fromkeys(zip(table["method"], table["layer"], strict=True))
    return [
        (
            "Method",
            ", ".join(f"{name} in {of}" if of else name for name, of in methods),
        ),
        ("Score", explanation.scores_are),
    ]


def _scale(scale):
    """Return the colours with what they mean at both ends."""
    colours = ", ".join(scale["colours"])
    labels = [tag("span", label) for label in scale["labels"]]
    return tag(
        "div",
        tag("div", style=f"background:linear-gradient(to right, {colours})"),
        tag("p", *labels),
        class_="scale",
    )


def _rows(drawn):
    """Yield the pictures of each image with their captions."""
    both = list(zip(drawn["pictures"], drawn["text"], strict=True))
    for start in range(0, len(both), drawn["columns"]):
        yield both[start : start + drawn["columns"]]


def _row(pictures):
    figures = [
        tag(
            "figure",
            tag("img", src=as_address(picture, _SIDE), alt=text, loading="lazy"),
            tag("figcaption", *(tag("span", line) for line in text.split("\n"))),
        )
        for picture, text in pictures
    ]
    return tag("div", *figures, class_="maps")
