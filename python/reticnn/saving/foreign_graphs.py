"""ONNX files of others as classifiers, if what goes in and comes out fits."""

import numpy as np

from reticnn.coercion import as_choice, as_class_names
from reticnn.notation import shown
from reticnn.outputs import probabilities
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.foreign.limits import in_short
from reticnn.runtime.foreign.onnx_bytes import last_operation
from reticnn.runtime.onnx_network import Ends, OnnxNetwork

_TYPES = {"tensor(uint8)": True, "tensor(float)": False}
_CHANNELS = (1, 3)
_KINDS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
_DECIMALS = ("tensor(float)", "tensor(double)", "tensor(float16)")

# Pixels of a side that is free, for a trial.
_SIDE = 256


def foreign_network(contents, session, path, class_names, output, load):
    """Return a record and the network of a graph that somebody else has written.

    Args:
        contents: Bytes of the graph.
        session: Session of it.
        path: The file, for messages.
        class_names: Names of its classes in the order of its outputs.
        output: What it gives: `"softmax"`, `"sigmoid"`, `"logits"` or `"auto"`.
        load: As `OnnxNetwork` takes it.

    Raises:
        ValueError: If it does not take images, or does not give one number a class, or
            it is not known what these numbers are, or a trial shows that they are not.

    Warns:
        UserWarning: If it takes decimals, of which nobody knows the range.
    """
    output = as_choice(output, "output", ("auto", *_KINDS.values(), "logits"))
    if class_names is None:
        raise ValueError(
            f"`path` is an ONNX file that `export_classifier()` has not written, and "
            f"says nothing of classes: {path!r}. Give the names of its classes, in the "
            "order of its outputs, as `class_names`."
        )
    class_names = as_class_names(class_names)
    images, channels_first = _images(session, path)
    name, units = _classes(session, path, len(class_names))
    kind = _kind(contents, name, units, output, path)
    of_8_bits = _TYPES[images.type]
    if not of_8_bits:
        warn_user(
            "`path` is an ONNX file that takes floating-point numbers, and is given "
            f"pixels of 0 to 255: {path!r}. If it expects others, such as 0 to 1, its "
            "answers are wrong: put the scaling into the network before it is written."
        )
    _, *sides = (side if isinstance(side, int) else None for side in images.shape)
    if channels_first:
        sides = [*sides[1:], sides[0]]
    scores = name if kind == "logits" else None
    network = OnnxNetwork(
        contents,
        Ends(
            images.name, name, scores, 0, channels_first, of_8_bits, rounded=of_8_bits
        ),
        load,
        session,
        keras_file=None,
        name="network",
        input_shape=(None, *sides),
        output_shape=(None, units),
        parameters=None,
        shares=None,
        prototype_distance=None,
        record={},
    )
    _try(network, kind, path)
    return _record(class_names, kind), network


def _try(network, kind, path):
    """Raise if a network does not give what it is said to, of two made-up images."""
    sides = [side or _SIDE for side in network.input_shape[1:]]
    pixels = np.random.default_rng(0).integers(0, 256, (2, *sides), np.uint8)
    try:
        outputs = network.predict_on_batch(pixels)
    except Exception as error:
        if None in network.input_shape[1:]:
            return  # Of another size, perhaps.
        raise _of_one_image(path, in_short(error)) from error
    if len(outputs) != 2:
        raise _of_one_image(path, f"for two, it gives {len(outputs)}")
    probabilities(network, kind, outputs)
    sums = outputs.sum(axis=1)
    if kind == "logits" and (outputs >= 0).all() and np.allclose(sums, 1, atol=1e-4):
        raise ValueError(
            f"`output` is 'logits', which does not go with {path!r}: what it gives for "
            "an image is not negative and sums to 1, as probabilities do. Give "
            "'softmax'."
        )


def _of_one_image(path, why):
    return ValueError(
        "`path` is an ONNX file that says it takes any number of images, and does not "
        f"({why}): {path!r}. Write it again with their number free in all layers."
    )


def _record(class_names, kind):
    """Return what a file of ours would say."""
    record = dict.fromkeys(("reading", "augmentation", "seen", "class_shares"))
    record |= dict.fromkeys(("set_images", "novelty"))
    record["history"] = {"epoch": []}
    return {**record, "class_names": class_names, "output": kind}


def _images(session, path):
    """Return the input of a graph, and whether it takes channels first."""
    inputs = session.get_inputs()
    fits = len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].type in _TYPES
    if fits:
        batch, first, _, last = inputs[0].shape
        is_first, is_last = first in _CHANNELS, last in _CHANNELS
        if is_first != is_last and not isinstance(batch, int):
            return inputs[0], is_first
    raise ValueError(
        f"`path` is an ONNX file that takes {_described(inputs)}: {path!r}. A network "
        "for images takes one array of 8-bit pixels or single-precision numbers, with "
        "any number of images first, and 1 or 3 channels either last or second."
    )


def _classes(session, path, count):
    """Return the name of the output with a number for each class, and the units."""
    outputs = session.get_outputs()
    fits = [
        (end.name, end.shape[1])
        for end in outputs
        if len(end.shape) == 2
        and max(2, _as_whole(end.shape[1])) == count
        and end.type in _DECIMALS
    ]
    if len(fits) != 1 or not isinstance(fits[0][1], int):
        raise ValueError(
            f"`path` is an ONNX file that gives {_described(outputs)}: {path!r}. For "
            f"the {count} classes of `class_names`, it must return one array of "
            f"floating-point numbers of the shape (images, {count})."
        )
    return fits[0]


def _as_whole(side):
    return side if isinstance(side, int) else 0


def _kind(contents, name, units, output, path):
    """Return what the outputs are, by what the user or the last operation says."""
    found = _KINDS.get(last_operation(contents, name))
    kind = found if output == "auto" else output
    if kind is None:
        raise ValueError(
            f"`output` is missing: {path!r} does not end in softmax or sigmoid, and "
            "does not say whether its outputs are probabilities or scores. Give "
            "'softmax', 'sigmoid' or 'logits'."
        )
    possible = ("sigmoid" if units == 1 else "softmax", "logits")
    if found not in (None, kind) or kind not in possible:
        raise ValueError(
            f"`output` is {shown(output)}, which does not go with {path!r}: it gives "
            f"{units} {'number' if units == 1 else 'numbers'} for an image"
            f"{f', and ends in {found}' if found else ''}."
        )
    return kind


def _described(ends):
    """Return what the inputs or outputs of a graph are, in words."""
    return " and ".join(
        f"{end.name!r} ({end.type.removeprefix('tensor').strip('()')}, "
        f"{' x '.join(map(str, end.shape))})"
        for end in ends
    )
