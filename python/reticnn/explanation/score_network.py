"""The score of each class, before softmax or sigmoid, as images lead to it."""

import numpy as np

from reticnn.explanation.flat_network import FlatNetwork, Step, Value
from reticnn.layers.scaling import Calibration
from reticnn.outputs import keeps_values, probabilities, squash_of
from reticnn.runtime.backend import keras, without_gradients

# By what slopes are multiplied while they pass layers of half precision, where small
# ones would become 0.
_OF_HALVES = 1024

# Of probabilities of which nothing but a logarithm can be taken.
LEAST = 1e-12

# What outputs are that lie between 0 and 1.
_CHANCES = ("softmax", "sigmoid", "probabilities")

BEFORE = {
    "softmax": "before softmax",
    "sigmoid": "before sigmoid",
    "logits": "logits",
    "distances": "negative squared distance to the prototype",
}


def score_without_squash(units):
    """Return in words what a score is where none is known before the probabilities."""
    return "log odds" if units == 1 else "logarithm of the probability"


class ScoreNetwork:
    """A classifier's network with the scores of the classes besides its outputs.

    Attributes:
        flat: `FlatNetwork`, with what computes the scores.
        scores_are: In words, what the score of a class is.
        classes: How many there are.
    """

    def __init__(self, classifier):
        """Take a `Classifier`."""
        self._model = classifier.model
        self.flat = FlatNetwork(classifier.model)
        self.kind = classifier.output
        halves = (getattr(s.layer, "compute_dtype", "") for s in self.flat.steps)
        self._scale = _OF_HALVES if "float16" in halves else 1
        self.classes = len(classifier.class_names)
        self._units = self.flat.output.shape[-1]
        self._raw, self._is_before = self._before_squash()
        if self.kind in _CHANCES and not self._is_before:
            self.scores_are = score_without_squash(self._units)
        else:
            self.scores_are = BEFORE[self.kind]

    @property
    def ends(self):
        """The values that `joined` is made of."""
        return [self._raw, self.flat.output]

    def joined(self, tensors):
        """Return the scores and the outputs side by side, (n, classes + units).

        Args:
            tensors: List of the tensors in place of `ends`.
        """
        ops = keras.ops
        raw, output = (ops.cast(tensor, "float32") for tensor in tensors)
        return ops.concatenate([self._scores(raw), output], axis=-1)

    def parts(self, joined):
        """Return scores and outputs, float64 arrays, of what `joined` returned."""
        values = keras.ops.convert_to_numpy(joined).astype("float64")
        return values[:, : self.classes], values[:, self.classes :]

    def chances(self, outputs):
        """Return the probability of each class, as `predict_images` does."""
        return probabilities(self._model, self.kind, outputs)

    def of_images(self, images):
        """Return what `joined` does for a tensor of images."""
        return self.joined(self.flat.run({self.flat.image: images}, self.ends))

    def joined_of(self, pixels):
        """Return what `joined` does for an array of images, without gradients."""
        with without_gradients():
            return self.of_images(keras.ops.convert_to_tensor(pixels))

    def score_model(self):
        """Return a Keras model from images to the scores alone, without outputs."""
        return _ScoreModel(self)

    def scores_of_images(self, images):
        """Return the scores, (n, classes), for a tensor of images."""
        (raw,) = self.flat.run({self.flat.image: images}, self.ends[:1])
        return self._scores(keras.ops.cast(raw, "float32"))

    def slopes(self, pull, signs):
        """Return the slopes of signed scores of classes, float64.

        Args:
            pull: What `pullback` returned for `joined`.
            signs: Array (n, classes), how often the score of a class counts.

        Raises:
            NoGradientError: If there are none.
        """
        weights = np.concatenate([signs, np.zeros((len(signs), self._units))], axis=1)
        return pull(self._scale * weights).astype("float64") / self._scale

    def _scores(self, raw):
        """Return the score of each class, (n, classes)."""
        ops = keras.ops
        if self.kind == "distances":
            return -raw
        if self.kind in _CHANCES and not self._is_before:
            raw = ops.clip(raw, LEAST, 1.0)
            if self._units == 1:
                raw = ops.log(raw) - ops.log(ops.clip(1 - raw, LEAST, 1.0))
            else:
                raw = ops.log(raw)
        return ops.concatenate([-raw, raw], axis=-1) if self._units == 1 else raw

    def _before_squash(self):
        """Return the value of the scores and whether they are before softmax or so.

        Calibration, which changes how sure predictions are and not what they look at,
        is left out too.
        """
        found = self._unsquashed(self.flat.output)
        value = found or self.flat.output
        last = self.flat.giving(value)
        if not last or not isinstance(last.layer, Calibration):
            return value, found is not None
        (before,) = last.inputs
        if not last.layer.of_probabilities:
            return before, True
        scores = self._unsquashed(before)
        return scores or before, scores is not None

    def _unsquashed(self, value):
        """Return what a value is without its softmax or sigmoid, or None.

        Where only the shape is changed behind these, the same is done to what goes in.
        Behind anything else, such as a mean of several predictions, there is no one
        score before it.
        """
        end, behind = self.flat.giving(value), []
        while end and squash_of(end.layer) is None and _keeps_values(end):
            behind.append(end)
            end = self.flat.giving(end.inputs[0])
        if not end or squash_of(end.layer) is None or len(end.inputs) != 1:
            return None
        before, use = end.inputs[0], _without_squash(end)
        if use:
            (before,) = self._also(end, use, end.inputs)
        for step in reversed(behind):
            (before,) = self._also(step, step.use, [before])
        return before

    def _also(self, step, use, inputs):
        """Add a step like one that there is, and return what it gives."""
        outputs = [Value(value.shape) for value in step.outputs]
        self.flat.steps.append(Step("", step.layer, inputs, outputs, use))
        return outputs


class _ScoreModel(keras.Model):
    """What a `ScoreNetwork` computes, as Keras runs models.

    It is no graph of the layers, which may have the same names in nested models.
    """

    def __init__(self, network):
        super().__init__(name="scores")
        self._scores_of_images = network.scores_of_images
        used = {id(step.layer): step.layer for step in network.flat.steps}
        self.used = [
            layer for layer in used.values() if isinstance(layer, keras.layers.Layer)
        ]

    def call(self, images):
        return self._scores_of_images(images)


def _keeps_values(step):
    return len(step.inputs) == len(step.outputs) == 1 and keeps_values(step.layer)


def _without_squash(step):
    """Return what a step does but for its softmax or sigmoid, or None for nothing."""
    if isinstance(step.layer, keras.layers.SpectralNormalization):
        twin = _twin(step.layer)
        object.__setattr__(twin, "layer", _linear(step.layer.layer))
    elif isinstance(step.layer, keras.layers.Layer) and step.layer.weights:
        twin = _linear(step.layer)
    else:
        return None
    return lambda tensors: [twin(tensors[0])]


def _linear(layer):
    """Return a layer of the same weights without its activation."""
    twin = _twin(layer)
    # Past Keras, which would note it as a part of the layer.
    object.__setattr__(twin, "activation", keras.activations.linear)
    return twin


def _twin(layer):
    """Return a layer with the very weights of another, which change with them.

    What `copy.copy` makes of a layer is one that is saved and loaded.
    """
    twin = object.__new__(type(layer))
    vars(twin).update(vars(layer))
    return twin
