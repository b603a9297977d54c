"""Images that a review found to belong together."""

from collections.abc import Mapping

from reticnn.coercion import printable, shown

_COLUMNS = ("finding", "image", "part", "file", "label")


def as_together(review, data, name="keep_together"):
    """Return lists of positions of images that a split is to leave together.

    Args:
        review: What `review_images` returned for the same data, or rows of it, or None.
        data: Image data.
        name: The argument's name, for messages.

    Raises:
        TypeError: If it is no review.
        ValueError: If it is one of other images.
    """
    if review is None:
        return []
    if not isinstance(review, Mapping) or not set(_COLUMNS) <= set(review):
        raise TypeError(
            f"`{name}` must be what `review_images()` returned for `data`, not "
            f"{shown(review)}."
        )
    together = {}
    unknown = [None] * len(data)
    known = list(zip(data.files or unknown, data.labels or unknown, strict=True))
    rows = zip(*map(review.get, _COLUMNS), strict=True)
    for finding, image, part, file, label in rows:
        if part is not None:
            raise ValueError(
                f"`{name}` is a review of parts, such as {shown(part)}. Review `data` "
                "as they are now, before they are split."
            )
        if image is None:
            continue
        image = int(image)
        if not 0 <= image < len(data) or (file, label) != known[image]:
            at = "" if file is None else f", such as {printable(file)!r}"
            raise ValueError(
                f"`{name}` is a review of other images than `data`{at}. Review `data` "
                "as they are now."
            )
        together.setdefault(finding, []).append(image)
    if data.files is None:
        _check_same_pixels(review, together, data, name)
    return [images for images in together.values() if len(images) > 1]


def _check_same_pixels(review, together, data, name):
    """Raise if images in memory that a review found to be the same are not.

    They have no names by which those of other data would be known.
    """
    kinds = review.get("kind")
    if kinds is None:
        return
    pairs = zip(review["finding"], kinds, strict=True)
    same = {finding for finding, kind in pairs if kind == "exact_duplicates"}
    for finding in same & set(together):
        if len(set(data[together[finding]].pixel_identities().tolist())) > 1:
            raise ValueError(
                f"`{name}` is a review of other images than `data`: some that were the "
                "same are not. Review `data` as they are now."
            )
