"""Split image data at random: by class, whole groups, in the proportions asked for."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from reticnn.coercion import as_float, as_seed, shown
from reticnn.data.accepting import image_data_of
from reticnn.data.decoding import FILE_FACTS
from reticnn.data.facts import as_groups, column_of
from reticnn.data.splits.evening import even_parts
from reticnn.data.splits.ordering import parts_by_rank, ranks_of
from reticnn.data.splits.rounding import rounded
from reticnn.data.splits.together import as_together
from reticnn.data.splits.units import Units
from reticnn.notation import in_words
from reticnn.runtime.conditions import SplitNotice, warn_user
from reticnn.runtime.randomness import generator


def split_images(
    data,
    prop=0.8,
    *,
    groups=None,
    strata=None,
    order_by=None,
    keep_together=None,
    seed=None,
):
    """Split image data at random, stratified by class, or by time.

    Each part gets its proportion of the images, and of the images of each class, to
    within one image. Classes with few images are spread over the parts. If images form
    groups, no group is divided, and each part gets its proportions as nearly as whole
    groups allow: a message says how nearly.

    Args:
        data: Image data, or the path of a folder, as in `image_folder`.
        prop: Float in (0, 1), the proportion for training, with the rest for testing;
            or two or three proportions that sum to 1, for training and test or
            training, validation and test; or a dict of proportions by name of the part.
            Default 0.8.
        groups: Which images belong together, such as those of one site, patient or
            burst: one text or whole number per image, or the name of one of the facts
            in `data`. The parts then have these groups. None for the groups of `data`,
            if there are any. Default None.
        strata: What else to spread as evenly as the classes: one text or number per
            image, many of them equal, or the name of one of the facts. Default None.
        order_by: When each image was made: one number, date or time per image, or the
            name of one of the facts, or `"exif_time"` for when photos were taken. The
            oldest images are for training and the newest for testing, whatever their
            class, and images with the same time are in one part; a group goes where its
            newest image belongs. None for a random split. Default None.
        keep_together: What `review_images` returned for `data`, or rows of it, or None.
            Images in the same finding, such as near duplicates, go into the same part,
            and count as one image. Default None.
        seed: Whole number of at least 0 that fixes the split, or None for a new one
            each time. Default None.

    Returns:
        Dict of image data: `train` and `test`; with three proportions `train`,
        `validation` and `test`; or the names given. No image is in two parts: if the
        data contain an image several times, as the same file, as copies of a file, with
        the same pixels in memory or as copies made by `augment`, all of these are in
        one part, and count once in the proportions. A copy in another format or size is
        an image of its own here: `review_images` finds it, and `keep_together` keeps it
        in the same part. No group is in two parts either; groups that have an image in
        common stay together. With groups, the parts do not depend on the order of the
        images. Files read with `value_range="data"` keep one range of values in all
        parts, the one found before the split, also from test images: a message says so.

    Raises:
        TypeError: If `data` is not image data, a time is not one, or `keep_together` is
            not a review.
        ValueError: If the proportions are not positive or do not sum to 1, a part would
            get no image, there are fewer groups than parts, `groups`, `strata` or
            `order_by` do not have one value per image, `strata` have nearly as many
            values as there are images, both `strata` and `order_by` are given, or
            `keep_together` is a review of other images.

    Warns:
        UserWarning: If a part has no image of a class that is in the data, or if groups
            last so long that a part has images newer than some of the next part.

    Example:
        >>> parts = split_images(shape_images(100), 0.8, seed=1)
        >>> len(parts["train"]), len(parts["test"])
        (80, 20)
    """
    data = image_data_of(data)
    if strata is not None and order_by is not None:
        raise ValueError(
            "`strata` was given together with `order_by`. Give one of them: where time "
            "decides, nothing else can be made even."
        )
    shares = _proportions(prop)
    data = in_groups(data, groups)
    ranks = None
    if order_by is not None:
        ranks = ranks_of(order_by, len(data), facts_to_name(order_by, data))
    strata = strata_of(strata, data)
    together = as_together(keep_together, data)
    parts = parts_of_data(
        data, shares, as_seed(seed), strata=strata, ranks=ranks, together=together
    )
    tell_of_found_range(data)
    return parts


def in_groups(data, groups):
    """Return image data with the groups that are given, or else with their own."""
    if groups is None:
        return data
    return data.with_groups(as_groups(groups, len(data), facts_to_name(groups, data)))


def facts_to_name(value, data):
    """Return the facts that can be named, those of the files only if one of them is."""
    named = value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
    asked = isinstance(named, str) and named in FILE_FACTS and named not in data.facts
    return data.file_facts() if asked and data.files is not None else data.facts


def strata_of(strata, data):
    """Return the stratum of each image, as numbers, or None without strata."""
    if strata is None:
        return None
    facts = facts_to_name(strata, data)
    values = column_of(strata, len(data), facts, "strata", "value")
    # In an order that is not that of the images.
    different = sorted(set(values), key=lambda value: (value is None, value))
    number = {value: count for count, value in enumerate(different)}
    if len(number) > len(values) / 2:
        raise ValueError(
            f"`strata` has {len(number)} different values for {len(values)} images, so "
            "few images share one. Give few values, such as ranges of a number."
        )
    return np.array([number[value] for value in values], int)


def parts_of_data(
    data, shares, seed, name="prop", *, strata=None, ranks=None, together=()
):
    """Return the parts of image data by name.

    Args:
        data: Image data.
        shares: Dict of the parts' proportions by name, which sum to 1.
        seed: Whole number.
        name: The argument that gave the proportions, for messages.
        strata: int array, the stratum of each image, or None. Default None.
        ranks: int array, the rank of each image by time, or None for a random split.
            Default None.
        together: Lists of positions that count as one image. Default none.
    """
    units = Units(data, together)
    if ranks is None:
        part_of_unit = division(data, units, shares, seed, strata)
    else:
        part_of_unit = _parts_by_time(units, ranks, shares)
    check_none_is_empty(part_of_unit, shares, units, name, ranks)
    part = part_of_unit[units.of_position]
    parts = {
        called: data[np.flatnonzero(part == number)]
        for number, called in enumerate(shares)
    }
    if ranks is not None:
        _warn_of_overlap(ranks, part, list(shares))
    elif units.names is not None:
        _tell_how_even(data, units, part_of_unit, shares)
    _warn_of_missing_classes(data, parts, _reason(units, ranks))
    return parts


def division(data, units, shares, seed, strata=None, unlike=()):
    """Return the number of the part of each unit, drawn by the seed.

    Args:
        data: Image data.
        units: `Units` of the data.
        shares: Dict of the parts' proportions by name.
        seed: Whole number.
        strata: int array, the stratum of each image, or None. Default None.
        unlike: Divisions of whole groups, as `shape_of` has them, that are not to come
            again if there are others. Default none.
    """
    shares = np.array(list(shares.values()))
    codes = _codes_of(data)
    if units.names is None:
        return _stratified(codes, strata, units, shares, seed)
    counts = units.counts(codes)
    if strata is not None:
        counts = np.column_stack([counts, units.counts(strata)])
    return even_parts(counts, shares, seed, unlike)


def check_none_is_empty(part_of_unit, shares, units, name, ranks=None):
    """Raise if a part has no unit, as there are too few, or too few times."""
    counts = np.bincount(part_of_unit, minlength=len(shares))
    empty = np.array(list(shares))[counts == 0].tolist()
    if not empty:
        return
    if ranks is not None:
        raise ValueError(
            f"`{name}` leaves no image for {shown(empty)}: the images are of only "
            f"{ranks.max() + 1} different times, and those of one time, or group, stay "
            "together. Use images from more times, or times to the second."
        )
    if units.names is None:
        raise ValueError(
            f"`{name}` leaves no image for {shown(empty)}: `data` has only "
            f"{units.described()}. Use more images, or a larger proportion for that "
            "part."
        )
    raise ValueError(
        f"`{name}` leaves no group for {shown(empty)}: `data` has {units.described()}, "
        "and none is divided. Use images of more groups, or smaller groups."
    )


def _codes_of(data):
    return np.zeros(len(data), int) if data.codes is None else data.codes


def _stratified(codes, strata, units, shares, seed):
    """Return the part of each image, where no images belong together."""
    codes = codes[units.first]
    if strata is not None:
        pairs = np.column_stack([codes, strata[units.first]])
        _, codes = np.unique(pairs, axis=0, return_inverse=True)
        codes = codes.ravel()
    parts = np.empty(len(codes), int)
    counts = rounded(np.bincount(codes), shares, seed)
    for code in np.unique(codes):
        shuffled = generator(seed, code).permutation(np.flatnonzero(codes == code))
        parts[shuffled] = np.repeat(np.arange(len(shares)), counts[code])
    return parts


def _parts_by_time(units, ranks, shares):
    """Return the part of each unit, by the newest of its images."""
    newest = np.full(len(units), -1)
    np.maximum.at(newest, units.of_position, ranks)
    sizes = np.bincount(units.unit, minlength=len(units))
    return parts_by_rank(newest, sizes, np.array(list(shares.values())))


def _warn_of_overlap(ranks, part, names):
    """Warn if images of a part are newer than some of the next."""
    for number, (older, newer) in enumerate(pairwise(names)):
        before, after = ranks[part == number], ranks[part == number + 1]
        late = int((before > after.min()).sum())
        if late:
            warn_user(
                f"{late} of {len(before)} images in {older!r} are newer than the "
                f"oldest in {newer!r}, because groups, or copies of an image, span "
                "more time. Divide such groups by time first, if that is right."
            )


def _tell_how_even(data, units, part_of_unit, shares):
    """Say how many groups and images the parts have, and how even the classes are."""
    sizes = np.bincount(part_of_unit, units.counts(np.zeros(len(data), int)).ravel())
    groups = np.bincount(np.repeat(part_of_unit, list(map(len, units.names))))
    listed = [
        f"{of} group{'s' * (of != 1)} with {of_all:.1%} of the images in {part!r} "
        f"({share:.1%} wanted)"
        for part, of, of_all, share in zip(
            shares, groups.tolist(), sizes / sizes.sum(), shares.values(), strict=True
        )
    ]
    text = f"Groups stay whole: {', '.join(listed)}.{units.told_of_large(shares)}"
    if data.codes is not None:
        text = f"{text} {_least_even(data, units, part_of_unit, shares)}"
    warn_user(text, SplitNotice)


def tell_of_found_range(data):
    """Say so if images of all parts have a say in what is black and white."""
    value_range = data.reading and data.reading.value_range
    if value_range and value_range.origin:
        warn_user(
            f"All parts keep one range of values, {value_range} ({value_range.origin} "
            "before this split, so test images may be among them). Give numbers as "
            "`value_range`, where the data are made, if they must not be.",
            SplitNotice,
        )


def _least_even(data, units, part_of_unit, shares):
    """Return what to say of the class of which a part has too much or too little."""
    counts = units.counts(data.codes)
    in_part = np.zeros((len(shares), counts.shape[1]))
    np.add.at(in_part, part_of_unit, counts)
    has = in_part / np.maximum(counts.sum(axis=0), 1)
    wanted = np.array(list(shares.values()))[:, None]
    off = np.where(counts.sum(axis=0) > 0, np.abs(has - wanted), 0)
    part, code = np.unravel_index(np.argmax(off), off.shape)
    return (
        f"Of the classes, {data.class_names[code]!r} is the least even: "
        f"{list(shares)[part]!r} has {has[part, code]:.1%} of its images."
    )


def _reason(units, ranks):
    """Return why a part may lack a class."""
    if ranks is not None:
        return "No image of that time is of them."
    what = "images" if units.names is None else "groups"
    return f"They have too few {what} to be in every part."


def _warn_of_missing_classes(data, parts, reason):
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
                f"{len(present)} classes: {shown(names)}. {reason}"
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
