"""How sure a classifier is of images of which a part is shown: areas under curves."""

import numpy as np

from reticnn.explanation.perturbing import in_chunks
from reticnn.outputs import probabilities
from reticnn.runtime.keras_internals import predicted
from reticnn.runtime.opencv import cv2
from reticnn.runtime.randomness import generator

# Cells on a side of random maps, which lie in regions as maps do.
_CELLS = 8


class PuttingIn:
    """Puts pixels into blank images by their rank, and asks for probabilities.

    Attributes:
        shares: Array (steps + 1,) of what part of the pixels is shown, 0 to 1.
    """

    def __init__(self, classifier, batch_size, blank, steps):
        """Take what stands for nothing, a function from images to blank ones."""
        self._classifier = classifier
        self._batch_size = batch_size
        self._blank = blank
        self.shares = np.linspace(0, 1, steps + 1)

    def chances(self, images, jobs, report):
        """Return probabilities of all classes, (jobs, steps + 1, classes).

        Args:
            images: Array (n, height, width, channels).
            jobs: List of (position of an image, ranks of its pixels); the pixel of rank
                0 is shown first.
            report: Function to call with the number of images predicted.
        """
        blank = np.stack([self._blank(image[None])[0] for image in images])
        copies = (
            self._shown(images[at], blank[at], ranks, share)
            for at, ranks in jobs
            for share in self.shares[1:-1]
        )
        ends = (pair[at] for pair in zip(blank, images, strict=True) for at in (0, 1))
        ends = self._predicted(ends, report)
        between = self._predicted(copies, report, len(ends))
        ends = ends.reshape(len(images), 2, -1)
        found = np.empty((len(jobs), len(self.shares), ends.shape[2]))
        found[:, 1:-1] = between.reshape(len(jobs), len(self.shares) - 2, -1)
        for job, (at, _) in enumerate(jobs):
            found[job, [0, -1]] = ends[at]
        return found

    def chances_of_whole(self, images):
        """Return probabilities of all classes, (n, classes), for images as they are."""
        return self._predicted(images, lambda number: None)

    def number(self, images, jobs):
        """Return how many images `chances` predicts."""
        return 2 * len(images) + len(jobs) * (len(self.shares) - 2)

    def _shown(self, image, blank, ranks, share):
        is_shown = ranks < round(share * ranks.size)
        return np.where(is_shown[..., None], image, blank)

    def _predicted(self, copies, report, done=0):
        model, kind = self._classifier.model, self._classifier.output
        found = [np.zeros((0, len(self._classifier.class_names)))]
        for chunk in in_chunks(copies, self._batch_size):
            outputs = predicted(model, np.stack(chunk).astype("float32"))
            found.append(probabilities(model, kind, outputs))
            done += len(chunk)
            report(done)
        return np.concatenate(found)


def ranks_of(found, rng):
    """Return the rank of each pixel, 0 for the highest; what is equal in any order."""
    order = np.lexsort((rng.random(found.size), -found.ravel()))
    ranks = np.empty(found.size, int)
    ranks[order] = np.arange(found.size)
    return ranks.reshape(found.shape)


def random_map(size, rng):
    """Return a map that points anywhere, smooth as those of methods are."""
    height, width = size
    cells = np.minimum(size, _CELLS) + 1
    coarse = rng.standard_normal(cells)
    # Larger than the image, so that the grid lies elsewhere each time.
    large = -(-np.array(size) * cells // (cells - 1))
    fine = cv2.resize(coarse, large[::-1], interpolation=cv2.INTER_CUBIC)
    top = rng.integers(large[0] - height + 1)
    left = rng.integers(large[1] - width + 1)
    return fine[top : top + height, left : left + width]


def curves_of_maps(maps, images_of_rows, codes, putting, images, samples, seed, report):
    """Return probabilities by the share of the pixels that is shown or taken away.

    Random maps are those of the image, the same for all of its rows. What is left of an
    image when the highest of a random map are taken away is as random, so that their
    curve of deletion is that of insertion the other way round.

    Args:
        maps: Array (rows, height, width).
        images_of_rows: The position of each row's image.
        codes: The class of each row.
        putting: `PuttingIn`.
        images: Array (n, height, width, channels).
        samples: How many random maps an image has.
        seed: Whole number.
        report: Function to call with the number of images predicted.

    Returns:
        Dict of arrays (rows, steps + 1): `"insertion"`, `"deletion"`, and
        `"random"`, those put in by random maps.
    """
    jobs = []
    for at, found in zip(images_of_rows, maps, strict=True):
        ranks = ranks_of(np.nan_to_num(found), generator(seed, int(at), 0))
        jobs += [(at, ranks), (at, ranks.size - 1 - ranks)]
    for at in range(len(images)):
        rng = generator(seed, at, 1)
        drawn = (random_map(images.shape[1:3], rng) for _ in range(samples))
        jobs += [(at, ranks_of(one, rng)) for one in drawn]
    chances = putting.chances(images, jobs, report)
    of_maps, of_random = np.split(chances, [2 * len(maps)])
    of_random = of_random.reshape(len(images), samples, *chances.shape[1:])
    means = of_random.mean(axis=1)[images_of_rows]
    rows = np.arange(len(maps))
    return {
        "insertion": of_maps[0::2][rows, :, codes],
        "deletion": of_maps[1::2][rows, ::-1, codes],
        "random": means[rows, :, codes],
    }
