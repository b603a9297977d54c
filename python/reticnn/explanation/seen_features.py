"""What a network sees in images, at its last layer or at any other, as rows."""

from reticnn.coercion import shown
from reticnn.explanation.flat_network import FlatNetwork
from reticnn.graph import has_weights
from reticnn.inspection.filters import layer_name
from reticnn.layers.mean_probabilities import MeanProbabilities
from reticnn.runtime.backend import keras


class FeatureModel(keras.Model):
    """A network up to some of its values, whose rows stand side by side.

    It is no graph of the layers, which may have the same names in nested models.
    """

    def __init__(self, flat, values):
        """Take a `FlatNetwork` and those of its values that are wanted."""
        super().__init__(name="features")
        self._flat, self._values = flat, values
        on_the_way = {id(step): step for value in values for step in flat.before(value)}
        used = {id(step.layer): step.layer for step in on_the_way.values()}
        self.used = [
            layer for layer in used.values() if isinstance(layer, keras.layers.Layer)
        ]

    def call(self, images):
        """Return (n, features), float32; of feature maps, their means."""
        images = keras.ops.cast(images, "float32")
        found = self._flat.run({self._flat.image: images}, self._values)
        rows = [_as_rows(keras.ops.cast(one, "float32")) for one in found]
        return rows[0] if len(rows) == 1 else keras.ops.concatenate(rows, axis=-1)


def feature_model(model, layer=None, gives_classes=True):
    """Return a model from images to what a layer gives, or to the last features.

    Args:
        model: Keras model.
        layer: Name of a layer, or None for what the last layer with weights is given;
            of an ensemble, what that of each member is.
        gives_classes: Whether the model gives classes, and not features already.

    Raises:
        ValueError: If there is no such layer, or it has not one output of one row for
            each image.
    """
    flat = FlatNetwork(model)
    if layer is not None:
        value, name = value_of_layer(flat, layer)
        _check_rows(value, name)
        return FeatureModel(flat, [value])
    return FeatureModel(flat, _last_features(flat, flat.output, gives_classes))


def _last_features(flat, end, gives_classes):
    """Return the values that are classified, by the structure of the network.

    It is the end itself where that cannot be told, as of a model with its own `call()`,
    and where the network gives features.
    """
    for step in reversed(flat.before(end)):
        if any(flat.passes_by(value, end) for value in step.outputs):
            continue
        if isinstance(step.layer, MeanProbabilities):
            found = [_last_features(flat, one, gives_classes) for one in step.inputs]
            return [value for one in found for value in one]
        if has_weights(step.layer):
            before, after = step.inputs[0], step.outputs[0]
            is_last = len(after.shape) == 2 or gives_classes
            return [before] if is_last and before is not flat.image else [end]
    return [end]


def value_of_layer(flat, layer):
    """Return the value that the layer of that name gives, and its whole name.

    Raises:
        ValueError: If there is none, it is used several times, it has several outputs,
            or feature maps with their channels first.
    """
    steps = {}
    for step in flat.steps:
        if step.name:
            steps.setdefault(step.name, []).append(step)
    name = layer_name(steps, layer, "layer")
    if len(steps[name]) > 1:
        raise ValueError(
            f"`layer` is {name!r}, which is used {len(steps[name])} times in the "
            "network, and gives something else each time. Use the layer behind it."
        )
    (step,) = steps[name]
    if len(step.outputs) > 1:
        raise ValueError(
            f"`layer` is {name!r}, which has {len(step.outputs)} outputs. Use the "
            "layer behind it."
        )
    if len(step.outputs[0].shape) > 2 and _channels_first(step.layer):
        raise ValueError(
            f"`layer` is {name!r}, whose feature maps have their channels first. Use a "
            "layer behind the pooling."
        )
    return step.outputs[0], name


def _check_rows(value, name):
    """Raise unless a value has rows, or feature maps."""
    shape = value.shape
    if len(shape) < 2:
        raise ValueError(
            f"`layer` is {name!r}, whose output of shape {shown(tuple(shape))} is not "
            "one row per image. Use another layer."
        )
    sides = shape[1:] if len(shape) != 4 else shape[3:]
    if None in sides:
        raise ValueError(
            f"`layer` is {name!r}, whose output of shape {shown(tuple(shape[1:]))} has "
            "no fixed number of values. Use a layer behind the pooling."
        )


def _channels_first(layer):
    return getattr(layer, "data_format", None) == "channels_first"


def _as_rows(features):
    """Return features as rows: of feature maps, their means."""
    if len(features.shape) == 4:
        return keras.ops.mean(features, axis=(1, 2))
    return keras.ops.reshape(features, (keras.ops.shape(features)[0], -1))
