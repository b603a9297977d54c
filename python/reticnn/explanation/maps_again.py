"""The maps of an explanation made again, of changed images or a changed network."""

import numpy as np

from reticnn.explanation.explain import explainer_of
from reticnn.explanation.score_network import ScoreNetwork
from reticnn.explanation.targets import NOBODY, GivenTargets


class MapsAgain:
    """Explains images as an explanation did: by its methods, for its classes."""

    def __init__(self, explanation, classifier, batch_size):
        """Take an `Explanation`, a `Classifier`, and how many images go at once."""
        table, images = explanation.table, explanation.images
        self._methods = list(dict.fromkeys(table["method"]))
        self._batch_size = batch_size
        self._units = classifier.model.output_shape[1]
        layers = dict(zip(table["method"], table["layer"], strict=True))
        network = ScoreNetwork(classifier)
        self._explainers = [
            explainer_of(
                name,
                network,
                {**explanation.settings, "layer": layers[name]},
                batch_size,
                images.shape[3],
            )
            for name in self._methods
        ]
        self.codes = codes_of_rows(explanation)
        self._codes = self.codes.reshape(len(images), len(self._methods), -1)
        against = table["against"][0]
        names = explanation.class_names
        self._against = None if against is None else names.index(against)

    def maps(self, images):
        """Return the maps of images, one of each in the explanation, row by row.

        Args:
            images: Array (n, height, width, channels).

        Returns:
            Array (rows, height, width).
        """
        found = [self._by_method(at, images) for at in range(len(self._methods))]
        return np.stack(found, axis=1).reshape(-1, *images.shape[1:3])

    def _by_method(self, at, images):
        """Return the maps by one of the methods, (n, targets, height, width)."""
        explainer, parts = self._explainers[at], []
        at_once = getattr(explainer, "at_once", self._batch_size)
        for start in range(0, len(images), at_once):
            batch = slice(start, start + at_once)
            codes = self._codes[batch, at]
            targets = GivenTargets(codes, self._units, self._against)
            pixels = images[batch].astype("float32")
            positions = np.arange(start, start + len(pixels))
            explained = explainer.of_batch(pixels, targets, positions)
            parts.append(np.stack(explained.maps, axis=1))
        return np.concatenate(parts)


def codes_of_rows(explanation):
    """Return the code of the class of each row, or `NOBODY`, int array (rows,)."""
    code = {name: at for at, name in enumerate(explanation.class_names)}
    return np.array([code.get(name, NOBODY) for name in explanation.table["class"]])
