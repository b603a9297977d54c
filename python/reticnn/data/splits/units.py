"""What a split leaves whole: each image with its copies, each group with its images."""

import numpy as np

from reticnn.coercion import shown


class Units:
    """The images of image data, and the units that no split divides.

    Attributes:
        image: int array, the number of the image at each position. Positions with the
            same image have the same number.
        first: int array, the first position of each image.
        unit: int array, the number of the unit of each image. Without groups each image
            is one. With groups, units are in the order of their names, so that a split
            does not depend on the order of the images.
        names: List of the groups of each unit, listed, or None without groups. Groups
            that have an image in common are one unit.
    """

    def __init__(self, data, together=()):
        """Tell which images of the data belong together.

        Args:
            data: Image data.
            together: Lists of positions that count as one image. Default none.
        """
        numbers = {}
        self.image = np.array(
            [numbers.setdefault(one, len(numbers)) for one in data.identities()], int
        )
        if together:
            self.image = _merged(self.image, together)
        _, self.first = np.unique(self.image, return_index=True)
        self.names = None
        self.unit = np.arange(len(self.first))
        if data.groups is not None:
            self._join(data.groups)

    def __len__(self):
        """Count the units."""
        return len(self.first) if self.names is None else len(self.names)

    @property
    def of_position(self):
        """The number of the unit at each position."""
        return self.unit[self.image]

    def counts(self, values):
        """Return how many images of each unit have each value, (units, values).

        Args:
            values: int array, counted from 0, one per position. Of copies that have
                several, the lowest counts.
        """
        of_image = np.full(len(self.first), np.iinfo(int).max)
        np.minimum.at(of_image, self.image, values)
        counts = np.zeros((len(self), values.max(initial=0) + 1), int)
        np.add.at(counts, (self.unit, of_image), 1)
        return counts

    def told_of_large(self, shares):
        """Return what to say if a group is larger than a part is to be, or nothing."""
        sizes = np.bincount(self.unit, minlength=len(self)) / len(self.unit)
        largest = int(np.argmax(sizes))
        if sizes[largest] <= min(shares.values()):
            return ""
        names = self.names[largest]
        has = (
            f"{names[0]!r} alone has"
            if len(names) == 1
            else f"{shown(names)}, which have images in common, together have"
        )
        return f" {has} {sizes[largest]:.1%} of the images."

    def described(self):
        """Return how many units there are, for a message."""
        total, images = len(self.image), len(self.first)
        if self.names is None:
            if images == total:
                return f"{total}"
            return f"{images}, {total} with those that are the same"
        groups = sum(map(len, self.names))
        text = f"{groups} group{'s' * (groups != 1)}"
        if groups == len(self.names):
            return text
        joined = max(self.names, key=len)
        return (
            f"{text}, of which some have images in common, such as {shown(joined[:3])}"
        )

    def _join(self, groups):
        """Make one unit of all images that groups, or copies in several, tie up."""
        leader = {}
        for image, group in zip(self.image.tolist(), groups, strict=True):
            # Numbers are images, texts are groups.
            one, other = _leader(leader, image), _leader(leader, group)
            leader[one] = other
        members = {}
        for group in sorted(set(groups)):
            members.setdefault(_leader(leader, group), []).append(group)
        number = {one: count for count, one in enumerate(members)}
        self.names = list(members.values())
        self.unit = np.array(
            [number[_leader(leader, image)] for image in range(len(self.first))], int
        )


def _merged(image, together):
    """Return the numbers of images, one number for those at listed positions."""
    leader = {}
    for positions in together:
        for position in positions[1:]:
            one, other = (_leader(leader, image[at]) for at in (position, positions[0]))
            leader[one] = other
    numbers = {}
    leaders = [_leader(leader, one) for one in image]
    return np.array([numbers.setdefault(one, len(numbers)) for one in leaders], int)


def _leader(leader, one):
    """Return the one that stands for all that `one` is tied to."""
    way = []
    while leader.setdefault(one, one) != one:
        way.append(one)
        one = leader[one]
    for passed in way:
        leader[passed] = one
    return one
