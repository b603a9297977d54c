"""Class activation maps: which feature map to take, and how gradients weigh it."""

import numpy as np

from reticnn.coercion import shown
from reticnn.explanation.flat_network import has_kernels, maps_of, values_in_place
from reticnn.explanation.map_region import on_images, region_seen
from reticnn.inspection.filters import layer_name
from reticnn.runtime.backend import keras, without_gradients
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.gradients import NoGradientError, pullback

# What explains a network without feature maps.
INSTEAD = "'gradient', 'integrated_gradients' or 'occlusion'"


class ClassActivation:
    """One of the methods that weigh the feature maps of a layer.

    Attributes:
        layer: Name of the layer.
    """

    def __init__(self, network, method, layer=None):
        """Take a `ScoreNetwork`, the method's name, and a layer's name or None."""
        self._network = network
        self._flat = network.flat
        self._combined = _COMBINED[method]
        _check_channels_last(network, method)
        step = _last_maps(network, method) if layer is None else _named(network, layer)
        self.layer = step.name
        self._maps = maps_of(step)
        self._beside = self._flat.beside(self._maps, network.ends)
        self._region = region_seen(self._flat, self._maps)

    def of_batch(self, pixels, targets, positions):
        """Return the maps and scores of images, as `explain_prediction` has them.

        Args:
            pixels: Array (n, height, width, channels).
            targets: `Targets`.
            positions: Of the images in the data. They do not matter here.

        Returns:
            `Explained`.
        """
        flat, network = self._flat, self._network
        with without_gradients():
            images = keras.ops.convert_to_tensor(pixels)
            maps, *beside = flat.run({flat.image: images}, [self._maps, *self._beside])
        known = dict(zip(self._beside, beside, strict=True))

        def joined(maps):
            return network.joined(flat.run({**known, self._maps: maps}, network.ends))

        value, pull = pullback(joined, maps)
        explained = targets.explained(network, value)
        features = keras.ops.convert_to_numpy(keras.ops.cast(maps, "float32"))
        features = features.astype("float64")
        for signs in explained.signs:
            try:
                slopes = network.slopes(pull, signs)
            except NoGradientError as error:
                raise ValueError(
                    f"`layer` is {self.layer!r}, but the classes' scores have no "
                    "gradient there: a layer behind it cannot be differentiated. "
                    "Use a later layer, or `method='occlusion'`."
                ) from error
            found = self._combined(features, slopes)
            explained.maps.append(on_images(found, pixels.shape[1:3], self._region))
        return explained


def _grad_cam(maps, slopes):
    """Return (n, height, width): maps weighted by the mean slope, above 0."""
    weights = slopes.mean(axis=(1, 2), keepdims=True)
    return np.maximum((weights * maps).sum(axis=-1), 0)


def _grad_cam_plus_plus(maps, slopes):
    """Return the same with the mean over where a slope is positive, each by its share.

    The shares are those of the paper for the exponential of the score, with slopes
    cancelled that are in both parts of the fraction.
    """
    sums = maps.sum(axis=(1, 2), keepdims=True)
    below = 2 + sums * slopes
    shares = np.divide(1, below, out=np.zeros_like(below), where=below != 0)
    shares[slopes == 0] = 0
    weights = (shares * np.maximum(slopes, 0)).sum(axis=(1, 2), keepdims=True)
    return np.maximum((weights * maps).sum(axis=-1), 0)


def _layer_cam(maps, slopes):
    """Return maps weighted at each place by the slope there, if positive."""
    return np.maximum((np.maximum(slopes, 0) * maps).sum(axis=-1), 0)


_COMBINED = {
    "grad_cam": _grad_cam,
    "grad_cam++": _grad_cam_plus_plus,
    "layer_cam": _layer_cam,
}


def _check_channels_last(network, method):
    for step in network.flat.steps:
        if has_kernels(step) and _format(step.layer) == "channels_first":
            raise ValueError(
                f"`method` is {method!r}, which takes feature maps (height, width, "
                f"channels), and layer {step.name!r} has its channels first. Use "
                f"{INSTEAD}."
            )


def _format(layer):
    return getattr(layer, "data_format", None)


def _last_maps(network, method):
    """Return the last step that gives learned feature maps, for all ways if it can."""
    steps = _learned(network)
    if not steps:
        raise ValueError(
            f"`method` is {method!r}, which needs feature maps of a convolution, and "
            f"the classifier's model has none that its layers tell of. Use {INSTEAD}."
        )
    score = network.ends[0]
    for step in reversed(steps):
        if not network.flat.passes_by(maps_of(step), score):
            return step
    warn_user(
        f"`layer` is not given, and no feature maps are on every way through the "
        f"network: those of {steps[-1].name!r} show a part of it. Choose with `layer`, "
        f"or use {INSTEAD}."
    )
    return steps[-1]


def _learned(network):
    """Return the steps that give feature maps of convolutions the score depends on."""
    steps, learned, placed = [], set(), values_in_place(network.flat)
    for step in network.flat.before(network.ends[0]):
        follows = learned.intersection(step.inputs)
        if maps_of(step) in placed and (has_kernels(step) or follows):
            learned.update(step.outputs)
            if step.name:
                steps.append(step)
    return steps


def _named(network, layer):
    """Return the step of the layer that is called so."""
    steps = {}
    for step in network.flat.steps:
        if step.name:
            steps.setdefault(step.name, []).append(step)
    name = layer_name(steps, layer, "layer")
    names = [step.name for step in _learned(network)]
    some = f" Layers that have some: {shown(names[-5:])}." if names else ""
    if len(steps[name]) > 1:
        raise ValueError(
            f"`layer` is {name!r}, which is used {len(steps[name])} times in the "
            f"network, so its feature maps are several.{some}"
        )
    (step,) = steps[name]
    if maps_of(step) is None:
        shape = shown(tuple(step.outputs[0].shape[1:]))
        raise ValueError(
            f"`layer` is {name!r}, whose output of shape {shape} is not feature maps "
            f"with more than one row and column.{some}"
        )
    if maps_of(step) not in values_in_place(network.flat):
        raise ValueError(
            f"`layer` is {name!r}, whose rows and columns are not those of the images: "
            f"it, or a layer before it, rearranges them.{some}"
        )
    if network.ends[0] not in network.flat.behind(maps_of(step)):
        raise ValueError(
            f"`layer` is {name!r}, on which the classes' scores do not depend.{some}"
        )
    return step
