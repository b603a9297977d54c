"""Split image data at random: by class, in the proportions asked for."""

from collections.abc import Mapping

import numpy as np

from reticnn.coercion import as_float, as_seed, shown
from reticnn.data.accepting import image_data_of
from reticnn.notation import in_words
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.randomness import generator

# Products of whole numbers and proportions are exact up to this.
_ROUNDING = 1e-9


def split_images(data, prop=0.8, *, seed=None):
    """Split image data at random, stratified by class.

    Each part gets its proportion of the images, and of the images of each class, to
    within one image. Classes with few images are spread over the parts.

    Args:
        data: Image data, or the path of a folder, as in `image_folder`.
        prop: Float in (0, 1), the proportion for training, with the rest for testing;
            or two or three proportions that sum to 1, for training and test or
            training, validation and test; or a dict of proportions by name of the part.
            Default 0.8.
        seed: Whole number of at least 0 that fixes the split, or None for a new one
            each time. Default None.

    Returns:
        Dict of image data: `train` and `test`; with three proportions `train`,
        `validation` and `test`; or the names given. No image is in two parts: an image
        that the data hold several times, as the same file, as copies of a file, with
        the same pixels in memory or as copies that `augment` made, is in one of them as
        often, and counts once in the proportions.

    Raises:
        TypeError: If `data` is not image data.
        ValueError: If the proportions are not positive or do not sum to 1, or a part
            would get no image.

    Warns:
        UserWarning: If a part has no image of a class that is in the data.

    Example:
        >>> parts = split_images(shape_images(100), 0.8, seed=1)
        >>> len(parts["train"]), len(parts["test"])
        (80, 20)
    """
    return parts_of_data(image_data_of(data), _proportions(prop), as_seed(seed))


def parts_of_data(data, shares, seed, name="prop"):
    """Return the parts of image data by name.

    Args:
        data: Image data.
        shares: Dict of the parts' proportions by name, which sum to 1.
        seed: Whole number.
        name: The argument that gave the proportions, for messages.
    """
    image, first = _images(data)
    codes = (np.zeros(len(data), int) if data.codes is None else data.codes)[first]
    part_of_image = np.empty(len(first), int)
    counts = _rounded(np.bincount(codes), np.array(list(shares.values())), seed)
    for code in np.unique(codes):
        shuffled = generator(seed, code).permutation(np.flatnonzero(codes == code))
        part_of_image[shuffled] = np.repeat(np.arange(len(shares)), counts[code])
    empty = np.array(list(shares))[counts.sum(axis=0) == 0].tolist()
    if empty:
        raise ValueError(
            f"`{name}` leaves no image for {shown(empty)}: `data` has only "
            f"{_number(first, data)}. Use more images, or a larger proportion for that "
            "part."
        )
    part_of_position = part_of_image[image]
    parts = {
        part: data[np.flatnonzero(part_of_position == number)]
        for number, part in enumerate(shares)
    }
    _warn_of_missing_classes(data, parts)
    return parts


def _images(data):
    """Return which image each position has, and the first position of each image.

    Positions with the same image have the same number.
    """
    numbers = {}
    image = np.array(
        [numbers.setdefault(one, len(numbers)) for one in data.identities()], int
    )
    _, first = np.unique(image, return_index=True)
    return image, first


def _number(different, data):
    """Return how many different images there are, for a message."""
    if len(different) == len(data):
        return f"{len(data)}"
    return f"{len(different)}, {len(data)} with those that are the same"


def _rounded(sizes, shares, seed):
    """Return how many images of each class (rows) go to each part (columns).

    Every number is its share rounded up or down, and so is every sum over the classes.
    Rounding each class by itself would favour the same part again and again.
    """
    exact = sizes[:, None] * shares
    counts = np.floor(exact + _ROUNDING).astype(int)
    fractions = np.clip(exact - counts, 0, 1)
    fractions[fractions < _ROUNDING] = 0
    extra = _rounded_up(
        fractions,
        sizes - counts.sum(axis=1),
        _largest_remainders(sizes.sum() * shares, sizes.sum()) - counts.sum(axis=0),
        generator(seed).permutation(len(sizes)),
    )
    return counts + extra


def _largest_remainders(exact, total):
    """Return whole numbers near `exact` that sum to `total`."""
    whole = np.floor(exact + _ROUNDING).astype(int)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: total - whole.sum()]] += 1
    return whole


def _rounded_up(fractions, of_class, of_part, order):
    """Return which fractions are rounded up, as an array of 0 and 1.

    Args:
        fractions: Array, (classes, parts).
        of_class: How many are to be rounded up in each row.
        of_part: How many are to be rounded up in each column.
        order: The order in which the classes take their turn.
    """
    up = np.zeros(fractions.shape, int)
    owed = np.zeros(fractions.shape[1])
    for code in order:
        owed += fractions[code]
        wanted = np.where(fractions[code] > 0, owed, -np.inf)
        chosen = np.argsort(-wanted, kind="stable")[: of_class[code]]
        up[code, chosen] = 1
        owed[chosen] -= 1
    while (up.sum(axis=0) > of_part).any():
        _move_one(up, fractions > 0, of_part)
    return up


def _move_one(up, allowed, of_part):
    """Take one from a column that has too many, for one that has too few.

    Where no row can do that directly, it goes over other columns.
    """
    sums = up.sum(axis=0)
    start = int(np.argmax(sums - of_part))
    came_from, queue = {start: None}, [start]
    while sums[queue[0]] >= of_part[queue[0]]:
        here = queue.pop(0)
        for there in set(range(up.shape[1])) - set(came_from):
            rows = np.flatnonzero((up[:, here] > up[:, there]) & allowed[:, there])
            if len(rows):
                came_from[there] = here, rows[0]
                queue.append(there)
    there = queue[0]
    while came_from[there]:
        here, row = came_from[there]
        up[row, here], up[row, there] = 0, 1
        there = here


def _warn_of_missing_classes(data, parts):
    """Warn if a part lacks classes that the data have."""
    if data.codes is None:
        return
    present = np.unique(data.codes)
    for part, images in parts.items():
        missing = np.setdiff1d(present, images.codes)
        if len(missing):
            names = [data.class_names[code] for code in missing]
            warn_user(
                f"The part {part!r} has no image of {len(names)} of the "
                f"{len(present)} classes: {shown(names)}. They have too few images to "
                "be in every part."
            )


def _proportions(prop):
    """Return the parts' proportions by name."""
    if isinstance(prop, Mapping):
        names, values = list(prop), list(prop.values())
    elif isinstance(prop, (list, tuple, np.ndarray)) and np.size(prop) > 1:
        values = list(prop)
        names = {2: ["train", "test"], 3: ["train", "validation", "test"]}.get(
            len(values)
        )
    else:
        share = as_float(np.asarray(prop), "prop", above=0, below=1)
        return {"train": share, "test": 1 - share}
    if names is None:
        raise ValueError(
            f"`prop` must be one, two or three proportions, not {shown(prop)}. "
            f"For more parts, name them with {in_words('a dict', 'a named list')}."
        )
    shares = [as_float(value, "prop", above=0, below=1) for value in values]
    if abs(sum(shares) - 1) > 1e-6:
        raise ValueError(
            f"`prop` must sum to 1, not {sum(shares):g} as {shown(shares)} does."
        )
    return dict(zip(names, shares, strict=True))
