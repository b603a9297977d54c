"""Put the predictions of the tiles of an image together."""

import numpy as np

from reticnn.coercion import as_choice, shown

# Where in its image a tile is, as the table of predictions says it.
PLACE_COLUMNS = (".left", ".top", ".width", ".height")

_SUMMARIES = (None, "mean", "max", "vote")


def as_summary(value):
    """Return how the tiles of an image are put together, or None."""
    return as_choice(value, "summarise", _SUMMARIES)


def check_tiles(data, name):
    """Raise if image data are not tiles of images."""
    if data.boxes is None:
        raise ValueError(
            f"`summarise` combines the tiles of each image, but `{name}` has no tiles. "
            "Make them with `image_tiles()`, or leave `summarise` out."
        )


class ImagesOfTiles:
    """Which tiles are of one image.

    Attributes:
        first: int array, the position of the first tile of each image, in their order.
        counts: int array, how many tiles each image has.
    """

    def __init__(self, data):
        """Take image data that are tiles."""
        numbers = {}
        self._image = np.array(
            [numbers.setdefault(place, len(numbers)) for place in data.places], int
        )
        _, self.first = np.unique(self._image, return_index=True)
        self.counts = np.bincount(self._image)

    def summarised(self, chances, summarise):
        """Return the probabilities of each image from those of its tiles.

        Args:
            chances: Array, (tiles, classes).
            summarise: "mean", "max" or "vote".

        Returns:
            Array, (images, classes), NaN where a tile has NaN.
        """
        if summarise == "max":
            most = np.zeros((len(self.first), chances.shape[1]))
            np.maximum.at(most, self._image, chances)
            return most
        if summarise == "vote":
            votes = np.eye(chances.shape[1])[np.argmax(chances, axis=1)]
            # A tile without a prediction has no vote, and nobody knows the others'.
            votes[np.isnan(chances).any(axis=1)] = np.nan
            chances = votes
        sums = np.zeros((len(self.first), chances.shape[1]))
        np.add.at(sums, self._image, chances)
        return sums / self.counts[:, None]

    def common(self, values, name, files):
        """Return the value of each image, which all its tiles must have.

        Args:
            values: List of a value per tile.
            name: The argument that they come from, for messages.
            files: The path of the image of each tile.

        Raises:
            ValueError: If the tiles of an image have several.
        """
        of_images = [values[first] for first in self.first]
        for at, image in enumerate(self._image):
            if values[at] != of_images[image]:
                pair = [of_images[image], values[at]]
                raise ValueError(
                    f"`{name}` has several values, {shown(pair)}, for the tiles of "
                    f"{files[at]!r}, which `summarise` makes one image. Leave "
                    "`summarise` out, or give the same to all tiles of an image."
                )
        return of_images

    def labels(self, codes, class_names, files):
        """Return the code of the class of each image, which all its tiles must have.

        Raises:
            ValueError: If the tiles of an image are of several classes.
        """
        own = codes[self.first]
        other = np.flatnonzero(codes != own[self._image])
        if len(other):
            at = other[0]
            names = sorted({class_names[codes[at]], class_names[own[self._image[at]]]})
            raise ValueError(
                "`summarise` takes an image to be of one class, but the tiles of "
                f"{files[at]!r} are of the classes {shown(names)}. Leave `summarise` "
                "out, or label whole images."
            )
        return own
