"""What a server says of images: as `predict_images` does of files."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from reticnn.data.array_images import ArrayImages
from reticnn.data.decoding import upright_sizes
from reticnn.data.file_reading import Reading
from reticnn.data.image_data import ImageData
from reticnn.data.library_settings import while_decoding
from reticnn.prediction.accepting_images import images_to_predict
from reticnn.prediction.conformal import sets_of_single_views
from reticnn.prediction.other_values import warn_of_other_values
from reticnn.prediction.tables import tables_of
from reticnn.runtime.backend import NeedingKeras
from reticnn.runtime.progress import as_step_progress
from reticnn.serving.batching import Batches

occluding = NeedingKeras("reticnn.explanation.occluded", "occluding")

# Images that are decoded at the same time; each may use all threads of OpenCV.
_DECODERS = min(4, os.cpu_count() or 1)


class Read(NamedTuple):
    """An image that has been read.

    Attributes:
        pixels: Array (height, width, channels), as the classifier takes it.
        sides: (height, width) of the image in its file, upright.
    """

    pixels: np.ndarray
    sides: tuple


class UnreadableError(Exception):
    """A file that is no image that can be read, with the reason."""


def tables_to_serve(classifier, prior, batch_size):
    """Return what makes tables of predictions, `Tables`, with the arguments checked.

    Args:
        classifier: `Classifier`.
        prior: Shares of the classes, as in `predict_images`.
        batch_size: Whole number of images per batch.

    Raises:
        ValueError: If the classifier cannot predict files, or for what
            `predict_images` refuses.
    """
    sets = sets_of_single_views(classifier) if prior is None else None
    tables = tables_of(
        *(classifier, None, "auto", "set" if sets else "class", prior, batch_size),
        tta=0,
        crops=1,
        scales=None,
    )
    # Whether it can be given files, of which this is none that is read.
    data = images_to_predict(
        [os.devnull], tables.views.reading_shape, tables.classifier, "note"
    )
    warn_of_other_values(data, tables.classifier, "images")
    return tables


class Answers:
    """A classifier that answers whoever asks, in batches.

    Attributes:
        classifier: `Classifier`.
        pool: Threads that decode images.
    """

    def __init__(self, tables, most_pixels):
        """Make a classifier ready.

        Args:
            tables: What `tables_to_serve` returned.
            most_pixels: Images of more are not decoded.
        """
        self._tables = tables
        self.classifier = tables.classifier
        self._most_pixels = most_pixels
        self._shape = tables.views.reading_shape
        self._warm_up()
        self._batches = Batches(self._answers_of, tables.batch_size)
        self._explain = None
        self.pool = ThreadPoolExecutor(_DECODERS, "reticnn-serve")
        # One at a time: each takes many predictions.
        self.explaining = ThreadPoolExecutor(1, "reticnn-explain")

    @property
    def has_sets(self):
        """Whether there are prediction sets."""
        return self._tables.with_sets

    @property
    def has_novelty(self):
        """Whether it is said which images are novel."""
        return self.classifier.novelty is not None

    def close(self):
        """End all threads."""
        self.pool.shutdown(cancel_futures=True)
        self.explaining.shutdown(cancel_futures=True)
        self._batches.close()

    def answer(self, pixels):
        """Return a future of the prediction for pixels, a dict."""
        return self._batches.ask(pixels)

    def read(self, path):
        """Return an image file as the classifier takes it.

        Returns:
            `Read`.

        Raises:
            UnreadableError: If it cannot be read.
        """
        problems = {}
        with while_decoding:
            sides = self._sides_of(path)
            data = self._data_at(path)
            data = data.with_source(data.source.noting(problems))
            (source,) = self._tables.views.sources(data)
            (pixels,) = source.read(np.arange(1))
        if problems:
            raise UnreadableError(problems[0])
        return Read(pixels, sides)

    def map_of(self, pixels, name):
        """Return what speaks for a class in an image, (height, width)."""
        if self._explain is None:
            self._explain = occluding(self.classifier, self._tables.batch_size)
        return self._explain(pixels, self.classifier.class_names.index(name))

    def _data_at(self, path):
        return images_to_predict([path], self._shape, self.classifier, "note")

    def _sides_of(self, path):
        """Return (height, width) of an upright image, which nobody has decoded yet."""
        reading = self.classifier.reading or Reading()
        sizes, problems = upright_sizes([path], reading)
        if problems:
            raise UnreadableError(problems[0])
        width, height = sizes[0]
        if width * height > self._most_pixels:
            raise UnreadableError(
                f"has {width:,} x {height:,} pixels, and images of more than "
                f"{self._most_pixels / 1e6:g} megapixels are not decoded here"
            )
        return height, width

    def _warm_up(self):
        """Have the network ready for batches of any size, so that nobody waits."""
        count = 1
        while count <= self._tables.batch_size:
            self._answers_of([np.full(self._shape, 127, np.uint8)] * count)
            count *= 2

    def _answers_of(self, images):
        """Return the prediction for each of several arrays, as dicts."""
        data = ImageData(ArrayImages(np.stack(images)))
        table = self._tables.of(
            data, self._tables.views.sources(data), as_step_progress("none")
        )
        return [self._row(table, index) for index in range(len(data))]

    def _row(self, table, index):
        names = self.classifier.class_names
        chances = {name: _known(table[f".pred_{name}"][index]) for name in names}
        predicted = table[".pred_class"][index]
        row = {
            "class": predicted,
            "probability": None if predicted is None else chances[predicted],
            "probabilities": chances,
        }
        # A class may be called "set", too.
        if self.has_sets:
            row["set"] = table[".pred_set"][index]
        if self.has_novelty:
            row["novel"] = table[".novel"][index]
        return row


def _known(number):
    """Return a number as JSON has it, which has no NaN."""
    return None if math.isnan(number) else number
