"""What a network looks for: images for which a class or a filter responds most."""

import numpy as np

from reticnn.coercion import as_int, as_ints, as_pair, as_seed, none_as_default, shown
from reticnn.explanation.fourier_images import FourierImages, Moved
from reticnn.explanation.imagined import ClassImages
from reticnn.explanation.score_network import ScoreNetwork
from reticnn.explanation.seen_features import value_of_layer
from reticnn.explanation.targets import ALL, Targets
from reticnn.outputs import as_classifier_or_model
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.gradients import NoGradientError, pullback
from reticnn.runtime.progress import as_step_progress
from reticnn.runtime.randomness import generator

# The image begins with its longest waves, and shorter ones are let in after each.
_OCTAVES = 4

# By how much images are moved in each step, as a share of their side and of their size.
_SHIFT, _SCALE = 1 / 16, 0.1

# Images that climb together, filters that are shown, and the side of images for a
# network that takes any.
_AT_ONCE, _FILTERS, _SIDE = 8, 9, 128


def class_image(
    classifier,
    classes=None,
    *,
    layer=None,
    filters=None,
    steps=256,
    image_size=None,
    seed=None,
    class_names=None,
    progress="auto",
    output="auto",
):
    """Make images for which a class, or a filter of a layer, responds strongly.

    They show what a network looks for, not what photos look like: scores rise far above
    those of any photo. An image begins as noise and climbs along the gradient of the
    score. It is composed of waves, the longest first, and of colours that are
    uncorrelated in photos, and is shifted and scaled slightly in each step, so that
    shapes arise instead of patterns of single pixels.

    Args:
        classifier: Classifier from `fit_classifier` or `load_classifier`, or a Keras
            model from images to classes.
        classes: Name of the class, or several names, or None for all. Default None.
        layer: Name of a layer as listed by `describe_model`, with or without the names
            of the models it is in, whose filters are shown instead of classes; or None.
            Default None.
        filters: Which filters, or units, of the layer: a whole number, counted from 1
            as in `plot_feature_maps`, or several; None for the first nine. For feature
            maps, the score is the mean over height and width of the values above 0.
            Default None.
        steps: Whole number of steps. Default 256.
        image_size: Height and width of the images in pixels, one number if they are
            equal, for a network that takes images of any size; None for the network's
            own size, or else 128. Default None.
        seed: Whole number of at least 0 that fixes the result, or None for a new one in
            each call. Default None.
        class_names: For a Keras model, the names of its classes, as in
            `predict_images`. Default None.
        progress: `"bar"`, `"none"`, `"auto"` or a function, as in `predict_images`.
            Default `"auto"`.
        output: For a Keras model, what it outputs, as in `predict_images`. Default
            `"auto"`.

    Returns:
        `ClassImages`, which prints what it contains, with the attributes `images`,
        uint8 array (n, height, width, channels), 0 to 255; `table`, a dict of
        equal-length lists with a row for each: `class`, or `layer` and `filter`;
        `start` and `score`, those of the initial noise and of the image; and the
        `probability` of the class; and `scores_are`, which says in words what a score
        is. For a class it is that of `explain_prediction`. `plot_class_images` shows
        the images.

    Raises:
        TypeError: If `classifier` is not a classifier.
        ValueError: If there is no such class, layer or filter, `classes` and `layer`
            are both given, `filters` are given without a layer, the network cannot be
            differentiated, or takes images of another size.

    Warns:
        StaleClassifierWarning: If the model has been changed since the classifier was
            made.
        UserWarning: If a filter does not respond to any image along the way.

    Example:
        >>> classifier = fit_classifier(build_cnn(), shape_images(400), epochs=3)
        >>> images = class_image(classifier, seed=1)
        >>> images.table["class"]
        ['circle', 'square']
        >>> plot_class_images(images).savefig("classes.png")
        >>> edges = class_image(classifier, layer="block1_conv1", filters=(1, 2))

    Source:
        Olah, Mordvintsev and Schubert (2017), Feature Visualization, Distill 2. The
        colours are those of their idea, with axes of our own. Octaves: Mordvintsev,
        Olah and Tyka (2015), Inceptionism. Adam: Kingma and Ba (2015),
        arXiv:1412.6980.
    """
    start_progress = as_step_progress(progress)
    classifier = as_classifier_or_model(classifier, class_names, output)
    steps, seed = as_int(steps, "steps"), as_seed(seed)
    network = ScoreNetwork(classifier)
    wanted = _wanted(classifier, network, classes, layer, filters)
    shape = _image_shape(classifier, image_size)
    number = len(wanted.signs)
    report = start_progress(-(-number // _AT_ONCE) * steps)
    parts = []
    for start in range(0, number, _AT_ONCE):
        signs = wanted.signs[start : start + _AT_ONCE]
        done = len(parts) * steps
        parts.append(_climbed(wanted, signs, shape, steps, seed, report, done))
    noise, images = (np.concatenate(part) for part in zip(*parts, strict=True))
    return ClassImages(images, wanted.table(noise, images), wanted.scores_are)


def class_image_as_lists(**arguments):
    """Return what `class_image` does as R is given it."""
    make = none_as_default(class_image, {"progress": "none"})
    return dict(vars(make(**arguments)))


class _OfClasses:
    """The scores of classes.

    Attributes:
        signs: Array (n, values), how often each value counts for an image.
        scores_are: What a score is, in words.
    """

    def __init__(self, network, class_names, classes):
        wanted = ALL if classes is None else classes
        targets = Targets(class_names, network.flat.output.shape[-1], wanted)
        every = targets.codes
        self.signs = np.concatenate(
            [targets.signs(np.array([code]), len(class_names)) for code in every]
        )
        self._names = [class_names[code] for code in every]
        self._codes, self._network = every, network
        self.scores_are = network.scores_are

    def slopes(self, pixels, signs):
        """Return the slopes of the scores by the pixels."""
        _, pull = pullback(self._network.of_images, _tensor(pixels))
        return self._network.slopes(pull, signs)

    def table(self, noise, images):
        """Return the columns for images, and for the noise that they began with."""
        scores, chances = [], None
        for pixels in (noise, images):
            parts = [
                self._network.parts(self._network.of_images(_tensor(some)))
                for some in _chunks(pixels)
            ]
            values = np.concatenate([part[0] for part in parts])
            scores.append((values * self.signs).sum(axis=1).tolist())
            outputs = np.concatenate([part[1] for part in parts])
            chances = self._network.chances(outputs)
        rows = np.arange(len(images))
        return {
            "class": self._names,
            "start": scores[0],
            "score": scores[1],
            "probability": chances[rows, self._codes].tolist(),
        }


class _OfFilters:
    """The mean responses of filters, or those of units; attributes as of classes."""

    def __init__(self, network, layer, filters):
        self._flat = network.flat
        self._value, self._layer = value_of_layer(network.flat, layer)
        count = self._value.shape[-1]
        if len(self._value.shape) not in (2, 4) or count is None:
            raise ValueError(
                f"`layer` is {self._layer!r}, whose output of shape "
                f"{shown(tuple(self._value.shape[1:]))} is neither feature maps nor "
                "units in a row. Use another layer."
            )
        maps = len(self._value.shape) == 4
        self.scores_are = "mean response above 0" if maps else "response of the unit"
        self._filters = _as_filters(filters, count, self._layer)
        self.signs = np.eye(count)[np.array(self._filters) - 1]

    def _responses(self, images):
        (found,) = self._flat.run({self._flat.image: images}, [self._value])
        found = keras.ops.cast(found, "float32")
        if len(found.shape) == 2:
            return found
        # Behind a linear filter, what is above and below 0 would cancel each other.
        return keras.ops.mean(keras.ops.relu(found), axis=(1, 2))

    def slopes(self, pixels, signs):
        """Return the slopes of the responses by the pixels."""
        _, pull = pullback(self._responses, _tensor(pixels))
        return pull(signs).astype("float64")

    def table(self, noise, images):
        """Return the columns for images, and for the noise that they began with."""
        start, score = (
            (np.concatenate(list(map(self._of, _chunks(pixels)))) * self.signs)
            .sum(axis=1)
            .tolist()
            for pixels in (noise, images)
        )
        silent = [
            one
            for one, before, now in zip(self._filters, start, score, strict=True)
            if before == now == 0
        ]
        if silent:
            warn_user(
                f"Filters {shown(silent)} of {self._layer!r} respond to none of the "
                "images, so there is no gradient to climb. Take the layer before "
                "its activation, if there is one, or another `seed`."
            )
        return {
            "layer": [self._layer] * len(self._filters),
            "filter": self._filters,
            "start": start,
            "score": score,
        }

    def _of(self, pixels):
        found = self._responses(_tensor(pixels))
        return keras.ops.convert_to_numpy(found).astype("float64")


def _wanted(classifier, network, classes, layer, filters):
    """Return what is to respond."""
    if layer is None and filters is not None:
        raise ValueError(
            f"`filters` is {shown(filters)}, but no `layer` is given. Give its name, "
            "or leave `filters` out."
        )
    if layer is None:
        return _OfClasses(network, classifier.class_names, classes)
    if classes is not None:
        raise ValueError(
            f"`classes` is {shown(classes)}, and `layer` is {shown(layer)}. Give one "
            "of them: images are either for classes or for the filters of a layer."
        )
    return _OfFilters(network, layer, filters)


def _as_filters(filters, count, layer):
    """Return the numbers of filters, counted from 1."""
    if filters is None:
        return list(range(1, min(count, _FILTERS) + 1))
    numbers = list(as_ints(filters, "filters"))
    beyond = [number for number in numbers if number > count]
    if beyond or not numbers:
        raise ValueError(
            f"`filters` must be numbers of 1 to {count}, those of {layer!r}, not "
            f"{shown(filters)}."
        )
    return numbers


def _image_shape(classifier, image_size):
    """Return the (height, width, channels) of the images."""
    *taken, channels = classifier.image_shape
    size = taken if image_size is None else list(as_pair(image_size, "image_size"))
    pairs = list(zip(size, taken, strict=True))
    if any(own is not None and side != own for side, own in pairs):
        raise ValueError(
            f"`image_size` is {shown(image_size)}, but the network takes images of "
            f"{taken[0]} x {taken[1]}. Leave it out."
        )
    return (*(side or _SIDE for side in size), channels)


def _climbed(wanted, signs, shape, steps, seed, report, done):
    """Return the noise and what becomes of it, uint8 arrays of images."""
    images = FourierImages(shape, len(signs), seed)
    noise = _whole(images.pixels())
    for step in range(steps):
        octave = step * _OCTAVES // steps
        images.limit = 0.5 ** (_OCTAVES - octave)
        shift = _SHIFT * min(shape[:2])
        moved = Moved(shape[:2], shift, _SCALE, generator(seed, 1, step))
        try:
            slopes = wanted.slopes(moved.of(images.pixels()), signs)
        except NoGradientError as error:
            raise ValueError(
                "`classifier` has scores without a gradient by the pixels: a layer of "
                "its model cannot be differentiated, so no image can climb."
            ) from error
        images.climb(moved.back(_finite(slopes)))
        report(done + step + 1)
    images.limit = 0.5
    return noise, _whole(images.pixels())


def _finite(slopes):
    """Return slopes with 0 for what half precision cannot hold, and refuse only NaN."""
    if np.isnan(slopes).all(axis=(1, 2, 3)).any():
        raise ValueError(
            "`classifier` has a score whose gradient is NaN, so no image can "
            "climb. Look at the weights of the model."
        )
    return np.nan_to_num(slopes, nan=0.0, posinf=0.0, neginf=0.0)


def _whole(pixels):
    return np.rint(pixels).astype("uint8")


def _chunks(pixels):
    return [pixels[at : at + _AT_ONCE] for at in range(0, len(pixels), _AT_ONCE)]


def _tensor(pixels):
    return keras.ops.convert_to_tensor(pixels.astype("float32"))
