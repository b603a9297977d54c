"""Images as points: near each other if a network takes them for alike."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_choice, as_int, as_labels, as_seed, shown
from reticnn.data.image_data import ImageData
from reticnn.explanation.embedding import as_embedding
from reticnn.notation import installing
from reticnn.plots.figures import bare, new_figure
from reticnn.plots.maps import COLOURS, OTHERS
from reticnn.plots.preparation import as_predictions, image_data_of, pictures_of_data
from reticnn.runtime.conditions import MissingPackageError, warn_user

METHODS = ("pca", "tsne", "umap")

# The side of a thumbnail, as a share of that of the plot.
_SIDE = 0.07

_INCHES = 5.0


def plot_embedding(
    embedding, data=None, predictions=None, method="pca", thumbnails=0, seed=None
):
    """Show images as points, close together if they look alike to a network.

    Args:
        embedding: What `embed_images` returned.
        data: The image data that were embedded, or the class of each image, for the
            colours; or None for points of one colour. Default None.
        predictions: Predictions of these images, from `predict_images`, or the
            predicted classes alone: those that are not the true class are ringed. Or
            None. Default None.
        method: How rows become points in a plane: `"pca"`, the first two principal
            components, the same every time and true to large distances; `"tsne"`
            (t-SNE) or `"umap"`, which keep neighbours together, but in which distances
            between groups and sizes of groups mean nothing. These need scikit-learn and
            umap-learn in Python, and the packages Rtsne and uwot in R. Default `"pca"`.
        thumbnails: Whole number of images to show as thumbnails, spread over the plot.
            They need image data as `data`. Default 0.
        seed: Whole number of at least 0 that fixes the result of t-SNE and UMAP, or
            None for a new one each time. Default None.

    Returns:
        `matplotlib.figure.Figure`. The seven most frequent classes have colours that
        colour-blind people can tell apart; all others are grey.

    Raises:
        TypeError: If `embedding` does not consist of numbers in rows.
        ValueError: If `data` or `predictions` are of another number of images,
            `predictions` are given without classes, `thumbnails` without images, or
            there are too few images for the method.
        ImportError: If matplotlib, or what the method needs, is not installed.

    Warns:
        UserWarning: If rows are NaN, which are left out.

    Example:
        >>> data = shape_images(300, seed=2)
        >>> predictions = predict_images(classifier, data)
        >>> embedding = embed_images(classifier, data)
        >>> figure = plot_embedding(embedding, data, predictions, thumbnails=20)
        >>> figure.savefig("map.png")
    """
    drawn = points_of_embedding(embedding, data, predictions, method, thumbnails, seed)
    points = {name: np.array(column) for name, column in drawn["points"].items()}
    figure = new_figure(_INCHES + 1.6 * bool(drawn["legend"]["name"]), _INCHES)
    axes = bare(figure.subplots())
    colours = dict(zip(drawn["legend"]["name"], drawn["legend"]["colour"], strict=True))
    for name, colour in (colours or {None: COLOURS[0]}).items():
        own = points["class"] == name
        axes.scatter(
            *(points["x"][own], points["y"][own]), s=22, color=colour, label=name
        )
    wrong = points["wrong"].astype(bool)
    if wrong.any():
        axes.scatter(
            *(points["x"][wrong], points["y"][wrong]),
            s=70,
            facecolors="none",
            edgecolors="#000000",
            label=drawn["ring"],
        )
    axes.set(xlabel=drawn["axes"][0], ylabel=drawn["axes"][1])
    _draw_thumbnails(axes, drawn["thumbnails"])
    if colours:
        figure.legend(loc="outside right upper", frameon=False)
    return figure


def _draw_thumbnails(axes, thumbnails):
    """Draw images with their middle on their points."""
    limits = [*axes.get_xlim(), *axes.get_ylim()]
    width, height = limits[1] - limits[0], limits[3] - limits[2]
    for picture, x, y in zip(
        *(thumbnails[name] for name in ("picture", "x", "y")), strict=True
    ):
        half = _SIDE * width / 2, _SIDE * height / 2
        box = (x - half[0], x + half[0], y - half[1], y + half[1])
        axes.imshow(picture, extent=box, aspect="auto", zorder=3)
    axes.set(xlim=limits[:2], ylim=limits[2:])


def points_of_embedding(
    embedding,
    data=None,
    predictions=None,
    method="pca",
    thumbnails=0,
    seed=None,
    places=None,
):
    """Return the points that `plot_embedding` draws.

    Args:
        embedding: As for `plot_embedding`, as the other arguments.
        data: Image data or classes.
        predictions: Predictions.
        method: Name of the method.
        thumbnails: Number of images.
        seed: Seed.
        places: The points, (n, 2), if R has found them itself.

    Returns:
        Dict of `points`, a dict of equal-length lists `x`, `y`, `class` and `wrong`;
        `axes`, their two names; `legend`, a dict of the lists `name` and `colour`;
        `ring`, what a ring stands for; `thumbnails`, a dict of the lists `picture`, `x`
        and `y`; and `side`, that of a thumbnail as a share of the plot's.
    """
    embedding = as_embedding(embedding, "embedding")
    count = len(embedding)
    method = as_choice(method, "method", METHODS)
    thumbnails = as_int(thumbnails, "thumbnails", minimum=0)
    images, labels = _images_and_labels(data, count)
    _check_thumbnails(thumbnails, images, data)
    wrong = _wrong(predictions, images, labels, count)
    known = _known(embedding)
    if places is None:
        found, names = _placed(embedding[known], method, as_seed(seed))
    else:
        found, names = np.asarray(places), _names(method)
    shown_as, legend = _shown_as(labels, known)
    chosen = _spread(found, thumbnails)
    return {
        "points": {
            "x": found[:, 0].tolist(),
            "y": found[:, 1].tolist(),
            "class": shown_as,
            "wrong": wrong[known].tolist(),
        },
        "axes": names,
        "legend": legend,
        "ring": "misclassified",
        "thumbnails": {
            "picture": pictures_of_data(images[known[chosen]]) if len(chosen) else [],
            "x": found[chosen, 0].tolist(),
            "y": found[chosen, 1].tolist(),
        },
        "side": _SIDE,
    }


# Points


def rows_to_place(embedding):
    """Return the rows that are numbers, for R to place them itself."""
    embedding = as_embedding(embedding, "embedding")
    rows = embedding[np.isfinite(embedding).all(axis=1)]
    _check_differ(rows)
    return rows


def _known(embedding):
    """Return the positions of the rows that are numbers, and warn of others."""
    finite = np.isfinite(embedding).all(axis=1)
    if not finite.any():
        raise ValueError("`embedding` has no row of numbers: all have NaN.")
    if not finite.all():
        warn_user(
            f"`embedding` has {(~finite).sum()} of {len(finite)} rows with NaN, which "
            "are left out."
        )
    return np.flatnonzero(finite)


def _placed(rows, method, seed):
    """Return points, (n, 2), and the names of the axes."""
    if method == "pca":
        points, shares = principal_components(rows.astype("float64"))
        return points, _names(method, shares)
    _check_enough(len(rows), method)
    _check_differ(rows)
    place = {"tsne": _by_tsne, "umap": _by_umap}[method]
    return place(rows, seed).astype("float64"), _names(method)


def _names(method, shares=()):
    if method == "pca":
        return [
            f"Component {number} ({100 * share:.0f} % of the variance)"
            for number, share in enumerate(shares, 1)
        ]
    kind = {"tsne": "t-SNE", "umap": "UMAP"}[method]
    return [f"{kind} 1", f"{kind} 2"]


def principal_components(rows):
    """Return the first two principal components, (n, 2), and their shares of variance.

    Their signs are such that the largest coefficient is positive.
    """
    rows = rows - rows.mean(axis=0)
    whole = (rows**2).sum()
    if len(rows) > rows.shape[1]:
        # Of many rows, the axes follow from their triangular factor.
        _, sizes, axes = np.linalg.svd(np.linalg.qr(rows, mode="r"))
    else:
        _, sizes, axes = np.linalg.svd(rows, full_matrices=False)
    axes, sizes = axes[:2], sizes[:2]
    largest = abs(axes).argmax(axis=1)
    axes = axes * np.where(axes[range(len(axes)), largest] < 0, -1, 1)[:, None]
    points = np.zeros((len(rows), 2))
    points[:, : len(axes)] = rows @ axes.T
    shares = np.zeros(2)
    shares[: len(sizes)] = sizes**2 / (whole or 1)
    return points, shares.tolist()


def _check_enough(count, method):
    if count < 5:
        raise ValueError(
            f"`method` is {method!r}, which needs at least 5 images, and `embedding` "
            f"has {count}. Use 'pca'."
        )


def _check_differ(rows):
    """Raise if all rows are the same, of which scikit-learn's t-SNE would crash."""
    if len(rows) and not np.ptp(rows, axis=0).any():
        raise ValueError(
            "`embedding` has the same numbers in all rows, so nothing tells the "
            "images apart. Use `method='pca'`, or another layer."
        )


def _by_tsne(rows, seed):
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise _not_installed("tsne", "scikit-learn") from error
    perplexity = min(30, (len(rows) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(
        rows
    )


def _by_umap(rows, seed):
    try:
        from umap import UMAP
    except ImportError as error:
        raise _not_installed("umap", "umap-learn") from error
    neighbours = min(15, len(rows) - 1)
    # With a seed there is one thread, which umap-learn would say.
    return UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit_transform(rows)


def _not_installed(method, package):
    return MissingPackageError(
        f"`method` is {method!r}, which needs {package}. Install it, "
        f"{installing(package)}, or use 'pca'."
    )


# Classes and images


def _images_and_labels(data, count):
    """Return the image data, or None, and the class of each image, or None."""
    if data is None:
        return None, None
    if isinstance(data, (ImageData, Mapping)):
        images = image_data_of(data, "data")
        labels = images.labels
    else:
        images = None
        codes, names = as_labels(data, name="data")
        labels = [names[code] for code in codes]
    number = len(labels if images is None else images)
    if number != count:
        raise ValueError(
            f"`data` has {number:,} images, and `embedding` {count:,} rows. Give the "
            "images that were embedded, or their classes."
        )
    return images, labels


def _check_thumbnails(thumbnails, images, data):
    if thumbnails and images is None:
        raise ValueError(
            f"`thumbnails` is {thumbnails}, and `data` is {shown(data)}. Give the "
            "image data that were embedded, or leave `thumbnails` out."
        )


class _Unfiled(list):
    """Classes of images of which no files are known."""

    files = None


def _wrong(predictions, images, labels, count):
    """Return whether each image is predicted wrongly."""
    if predictions is None:
        return np.zeros(count, bool)
    if labels is None:
        raise ValueError(
            "`predictions` are given, but `data` has no classes to compare them with. "
            "Give image data with labels, or the class of each image, or leave "
            "`predictions` out."
        )
    table = as_predictions(predictions, _Unfiled(labels) if images is None else images)
    guesses = zip(table[".pred_class"], labels, strict=True)
    return np.array([guess is not None and guess != label for guess, label in guesses])


def _shown_as(labels, known):
    """Return the name of each point in the legend, and the names with their colours."""
    if labels is None:
        return [None] * len(known), {"name": [], "colour": []}
    names = [labels[position] for position in known]
    often = [name for name, _ in Counter(names).most_common()]
    kept = sorted(often[: len(COLOURS)])
    colours = list(COLOURS[: len(kept)])
    rest = len(often) - len(kept)
    if not rest:
        return names, {"name": kept, "colour": colours}
    others = f"{rest} other{'s' * (rest > 1)}"
    names = [name if name in kept else others for name in names]
    return names, {"name": [*kept, others], "colour": [*colours, OTHERS]}


def _spread(points, count):
    """Return the positions of some points, each as far as can be from all before."""
    count = min(count, len(points))
    if count == 0:
        return np.zeros(0, int)
    scaled = (points - points.mean(axis=0)) / (np.ptp(points, axis=0) + 1e-12)
    chosen = [int(abs(scaled).sum(axis=1).argmax())]
    nearest = np.full(len(points), np.inf)
    for _ in range(count - 1):
        away = ((scaled - scaled[chosen[-1]]) ** 2).sum(axis=1)
        nearest = np.minimum(nearest, away)
        chosen.append(int(nearest.argmax()))
    return np.array(chosen)
