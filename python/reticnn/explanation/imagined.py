"""Images that a network has been asked to imagine."""

from collections.abc import Mapping

from reticnn.coercion import shown
from reticnn.notation import visible

# Rows that are printed.
_MOST = 10

_FIELDS = ("images", "table", "scores_are")


class ClassImages:
    """Images for which a class, or a filter, responds strongly, from `class_image`.

    Attributes:
        images: uint8 array (n, height, width, channels).
        table: Dict of equal-length lists, with a row for each image.
        scores_are: What a score is, in words.
    """

    __module__ = "reticnn"

    def __init__(self, images, table, scores_are):
        """Put images together with what they are about."""
        self.images = images
        self.table = table
        self.scores_are = scores_are

    def __len__(self):
        """Count the images."""
        return len(self.images)

    def __repr__(self):
        """Say what the images are of, and how the scores rose."""
        count, height, width, _ = self.images.shape
        lines = [
            f"<ClassImages> {count:,} image{'' if count == 1 else 's'} of {height} x "
            f"{width}",
            f"score  {self.scores_are}",
        ]
        for row in range(min(count, _MOST)):
            lines.append(f"{self.name(row)}: {self._scores(row)}")
        if count > _MOST:
            lines.append(f"and {count - _MOST:,} more")
        return "\n".join(lines)

    def name(self, row):
        """Return what an image is of, in words."""
        if "class" in self.table:
            return visible(self.table["class"][row])
        return f"{visible(self.table['layer'][row])} {self.table['filter'][row]:.0f}"

    def _scores(self, row):
        start, score = self.table["start"][row], self.table["score"][row]
        text = f"score {start:.3g} to {score:.3g}"
        if "probability" in self.table:
            text += f", probability {self.table['probability'][row]:.3f}"
        return text


def as_class_images(value, name="class_images"):
    """Return `ClassImages`, or make them again of the dict that R has of them."""
    if isinstance(value, Mapping) and set(_FIELDS) <= set(value):
        return ClassImages(**{field: value[field] for field in _FIELDS})
    if isinstance(value, ClassImages):
        return value
    raise TypeError(
        f"`{name}` must be what `class_image()` returned, not {shown(value)}."
    )
