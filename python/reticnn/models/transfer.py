"""Transfer learning: a pretrained network below a new head."""

from collections.abc import Mapping

from reticnn.blocks import classifier_head, domain_adapter, global_pool
from reticnn.classifier import unwrapped
from reticnn.coercion import (
    as_choice,
    as_image_shape,
    as_pair,
    nearest,
    shown,
)
from reticnn.graph import without_top
from reticnn.layers.inference import InferenceModel
from reticnn.layers.preprocessing import preprocess, to_pixel_range, to_unit_range
from reticnn.pretrained.catalog import as_backbone
from reticnn.pretrained.freezing import train_from
from reticnn.pretrained.imagenet import imagenet_file, is_imagenet
from reticnn.pretrained.loading import put_weights
from reticnn.runtime.backend import check_process, keras
from reticnn.runtime.randomness import seeded_keras


def transfer_model(
    backbone="vgg16",
    input_shape=(224, 224, 3),
    num_classes=2,
    *,
    weights="imagenet",
    train="head",
    pooling="avg",
    adapter=None,
    units=None,
    dropout=0.0,
    output="auto",
    resize_to=None,
    seed=None,
):
    """Build a classifier on a pretrained network.

    Images, 0 to 255, pass through the backbone's own preprocessing, the backbone,
    pooling and a new head. The backbone is a nested model, available by name:
    `model.get_layer("vgg16")`. It always runs in inference mode, even while it is
    fine-tuned: its batch normalisation keeps its means and variances, and its dropout
    is inactive. The exception is a named backbone with `weights=None`, which has no
    means and variances worth keeping: those of its parts that are trained learn them.

    Args:
        backbone: Name listed by `backbones()` (upper and lower case are the same, and
            Keras's spelling is accepted too), or a Keras model from images to feature
            maps, which gets pixels without preprocessing. If such a model has a top,
            the top is left out; the model's layers are shared, not copied. Default
            `"vgg16"`.
        input_shape: (height, width, channels) of the images. For a backbone with three
            channels, the channel of grey images is repeated; other numbers of channels
            need `adapter`. Default (224, 224, 3).
        num_classes: Whole number of classes, at least 2. Default 2.
        weights: `"imagenet"`, downloaded once through Keras and kept (without an
            internet connection, those for another image size are used, with a warning);
            the path of a file with the backbone's weights, with or without its top
            (`.keras`, `.weights.h5` without the top, `.h5` as distributed by Keras, or
            a saved classifier); a Keras model or classifier that has them, itself or in
            its backbone; or None for random ones. A Keras model given as `backbone`
            keeps its own weights with `"imagenet"` or None. Default `"imagenet"`.
        train: Which part of the backbone is trained along with the head: `"head"`, none
            of it; `"last_block"`; the name of the layer or block to start from; a whole
            number of layers from its end; or `"all"`. Default `"head"`.
        pooling: `"avg"` or `"max"` of each feature map, or `"flatten"`. ConvNeXt's last
            normalisation comes after the pooling, where it was learned, and belongs to
            the backbone. Default `"avg"`.
        adapter: True for a `domain_adapter` before the backbone, a dict of its
            arguments, or None for no adapter. It is always trained. Default None.
        units: Whole number of units of a hidden dense layer; or several, one per hidden
            layer; or None for no hidden layer. Default None.
        dropout: Float in [0, 1), as in `classifier_head`. Default 0.
        output: `"auto"`, `"softmax"`, `"sigmoid"` or `"logits"`, as in
            `classifier_head`. Default `"auto"`.
        resize_to: Whole number or (height, width) in pixels to which the model itself
            first resizes the images, or None. Default None.
        seed: Whole number of at least 0 that fixes the initial weights of the new
            layers, or None for Keras's global random state. Default None.

    Returns:
        `keras.Model`, not compiled, from images (n, height, width, channels), 0 to 255,
        to probabilities as returned by `classifier_head`.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is outside its range, the images are smaller than the
            backbone takes, or the number of channels or the weights do not fit (for
            weights, the message names the layer and the shapes).
        FileNotFoundError: If `weights` is a file that does not exist.
        ConnectionError: If ImageNet weights are not on this machine and cannot be
            downloaded (without an internet connection, within 15 seconds).

    Warns:
        UserWarning: If the weights come from a model, a classifier or a file of either
            in which layers have other strides or activations.

    Example:
        >>> model = transfer_model("convnext_tiny", (32, 32, 3), adapter=True)
        >>> model = transfer_model("vgg16", train="last_block", units=256)

    Source:
        Yosinski et al. (2014), How transferable are features in deep neural networks?,
        arXiv:1411.1792; the networks are those of `keras.applications`.
    """
    check_process()
    input_shape = as_image_shape(input_shape, "input_shape")
    pooling = as_choice(pooling, "pooling", ("avg", "max", "flatten"))
    adapter = _as_adapter(adapter)
    size = input_shape[:2] if resize_to is None else as_pair(resize_to, "resize_to")

    with seeded_keras(seed):
        entry, network = _network(backbone, input_shape, size, resize_to is not None)
        if is_imagenet(weights):
            weights = imagenet_file(entry, (*size, 3)) if entry else None
        put_weights(network, weights, entry)
        kind = keras.Model if entry and weights is None else InferenceModel
        features = network.outputs[0]
        if entry and entry.normalises_pooled and pooling != "flatten":
            features = _normalised_after_pooling(network, pooling)
        network = kind(network.inputs[0], features, name=network.name)
        train_from(network, train)

        inputs = keras.Input(input_shape, name="image")
        x = inputs
        if resize_to is not None:
            x = keras.layers.Resizing(*size, name="resizing")(x)
        x = _with_channels(x, network.input_shape[3], adapter)
        if entry:
            x = preprocess(x, entry.preprocessing)
        x = network(x)
        if len(x.shape) == 4:
            x = _pooled(x, pooling)
        outputs = classifier_head(x, num_classes, units, dropout=dropout, output=output)
        return keras.Model(inputs, outputs, name=f"{network.name}_transfer")


def _network(backbone, input_shape, size, resized):
    """Return the registry's entry or None, and the network without a top."""
    model = unwrapped(backbone)
    if isinstance(model, keras.Model):
        network = without_top(model)
        _check_size_taken(network, size)
        return None, network
    entry = as_backbone(backbone)
    if min(size) < entry.min_size:
        raise ValueError(
            f"`{'resize_to' if resized else 'input_shape'}` is {size[0]} x {size[1]} "
            f"pixels, smaller than the {entry.min_size} x {entry.min_size} that "
            f"{entry.name} takes. Give `resize_to={entry.min_size}` or more, so that "
            f"the model resizes the images itself; {entry.input_size} suits it best."
        )
    return entry, entry.build((*size, 3))


def _check_size_taken(network, size):
    taken = network.input_shape[1:3]
    if any(side not in (None, given) for side, given in zip(taken, size, strict=True)):
        raise ValueError(
            f"`backbone` takes images of {taken[0]} x {taken[1]} pixels, not "
            f"{size[0]} x {size[1]}. Give `resize_to={taken}`, so that the model "
            "resizes the images itself."
        )


def _as_adapter(adapter):
    """Return the adapter's arguments as a dict, or None."""
    if adapter is None or adapter is False:
        return None
    if adapter is True:
        return {}
    known = ("filters", "out_channels", "kernel_size", "batch_norm")
    if not isinstance(adapter, Mapping):
        raise TypeError(
            "`adapter` must be `True`, `None` or the arguments of "
            f"`domain_adapter()` by name, not {shown(adapter)}."
        )
    for name in adapter:
        if name not in known:
            raise ValueError(
                f"`adapter` must have arguments of `domain_adapter()`, {shown(known)}, "
                f"not {name!r}.{nearest(name, known)}"
            )
    return dict(adapter)


def _with_channels(x, wanted, adapter):
    """Return images with as many channels as the backbone takes."""
    given = x.shape[3]
    if adapter is not None:
        x = to_unit_range(x, name="to_unit_range")
        x = domain_adapter(x, **{"out_channels": wanted, **adapter})
        x = to_pixel_range(x, name="to_pixel_range")
    elif given == 1 and wanted == 3:
        x = keras.layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if x.shape[3] == wanted:
        return x
    if adapter is not None:
        raise ValueError(
            f"`adapter` gives {x.shape[3]} channels, the backbone takes {wanted}. "
            "Leave out `out_channels`."
        )
    raise ValueError(
        f"`input_shape` has {given} channels, the backbone takes {wanted}. Use "
        f"`adapter=True`, which learns to convert them to {wanted}."
    )


def _normalised_after_pooling(network, pooling):
    """Return pooled features of a network that ends in their normalisation.

    Without a top, Keras puts that before the pooling.
    """
    last = network.layers[-1]
    again = type(last).from_config(last.get_config())
    features = again(_pooled(last.input, pooling))
    again.set_weights(last.get_weights())
    return features


def _pooled(x, pooling):
    if pooling == "flatten":
        return keras.layers.Flatten()(x)
    return global_pool(x, {"avg": "average", "max": "max"}[pooling])
