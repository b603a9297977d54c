"""Which file has the ImageNet weights of a network, and how it gets here."""

import os

from reticnn.graph import leaves_of
from reticnn.pretrained.backbone import cache, with_top
from reticnn.pretrained.catalog import as_backbone
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.downloads import network


def is_imagenet(weights):
    """Return whether weights are asked for as `"imagenet"`, in any case."""
    return isinstance(weights, str) and weights.lower() == "imagenet"


def imagenet_file(entry, input_shape, whole=False):
    """Return the path of Keras's file of ImageNet weights, downloaded if need be.

    The shapes of the weights do not depend on the size of the images: without a
    network, a file for another size will do.

    Args:
        entry: `Backbone`.
        input_shape: (height, width, channels) of the images, which some of the files
            are for.
        whole: Bool, the file with the weights of the top.

    Raises:
        ValueError: If there are no such weights.
        ConnectionError: If they are not on this machine, for images of any size, and
            cannot be downloaded; within 15 seconds where there is no network.
    """
    if not entry.file:
        raise ValueError(
            f"`weights` is 'imagenet', but there are no such weights for {entry.name}. "
            "Give a file, a model or a classifier that has some, or `None`."
        )
    name = entry.weight_file(input_shape)
    if whole:
        name = with_top(name)
    for file in (name, with_top(name)):
        path = os.path.join(cache(), file)
        if os.path.isfile(path):
            return path
    url = entry.weight_url(input_shape)
    try:
        return _downloaded(entry, name, with_top(url) if whole else url)
    except ConnectionError:
        others = entry.cached_files(whole)
        if not others:
            raise
        warn_user(
            f"{name!r} cannot be downloaded, so the weights of {entry.name} are those "
            f"of {others[0]!r}, learned from images of another size."
        )
        return others[0]


def _downloaded(entry, file, url):
    fix = (
        f"The weights of {entry.name} are not on this machine: {file!r} is missing in "
        f"{cache()!r}. Download it with an internet connection and put it there, or "
        "give its path as `weights`. Or choose a backbone that `backbones()` lists as "
        "cached, or `weights=None` for random weights."
    )
    with network(url, fix):
        return keras.utils.get_file(
            file, url, cache_dir=os.path.dirname(cache()), cache_subdir="models"
        )


def take_keras_momentum(model):
    """Let running statistics change as slowly as in Keras's networks.

    Those that come with the weights were learned from more images than most users have.
    """
    slow = keras.layers.BatchNormalization().momentum
    for layer in leaves_of(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = slow


def twin_of(landmark, options):
    """Return the `Backbone` of Keras that is the same network as a landmark model.

    Args:
        landmark: The model's `Landmark`.
        options: Dict of the options that it was made with.

    Raises:
        ValueError: If Keras has no such network.
    """
    if not landmark.twin:
        raise ValueError(
            f"`weights` is 'imagenet', but there are no such weights for "
            f"{landmark.name!r}, which is not in `keras.applications`. Give a file "
            "or a model of your own, or `None` for random weights."
        )
    hint = twins_hint(landmark, options)
    if hint:
        raise ValueError(
            f"`weights` is 'imagenet', but these weights are for another network.{hint}"
        )
    width = landmark.chosen(options).get("width", 1)
    return as_backbone(landmark.twin if width == 1 else f"{landmark.twin}_{width:g}")


def twins_hint(landmark, options):
    """Return the options with which a network is that of Keras, if they differ."""
    chosen = landmark.chosen(options)
    missing = [
        f"`{name}={value!r}`"
        for name, value in landmark.twin_options.items()
        if chosen[name] != value
    ]
    return f" To use Keras's, give {', '.join(missing)}." if missing else ""
