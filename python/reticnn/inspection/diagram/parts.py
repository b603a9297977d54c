"""The layers of a model as the parts of a diagram: kind, words, connections."""

from dataclasses import dataclass

from reticnn.graph import count_new_parameters, graph_of, walk
from reticnn.layers.auxiliary import AuxiliaryModel
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import calls_in, name_of_input

# Colours of the kinds, in the order of a legend. Those of Okabe and Ito, which
# colour-blind people can distinguish; the kinds of whole parts are darker.
COLOURS = {
    "input": "#7F7F7F",
    "convolution": "#0072B2",
    "reduction": "#00406B",
    "normalisation": "#CC79A7",
    "activation": "#E6C200",
    "pooling": "#D55E00",
    "dropout": "#E69F00",
    "merging": "#56B4E9",
    "dense": "#009E73",
    "other": "#999999",
    "auxiliary": "#7A3B00",
    "block": "#4B3F8F",
    "model": "#882255",
}

# What only works on the values of the layer before it.
FOLDED = ("normalisation", "activation", "dropout")

# What can be asked for.
SHOWABLE = (*FOLDED, "reduction", "auxiliary")

_ACTIVATIONS = (
    "activation",
    "relu",
    "gelu",
    "silu",
    "softmax",
    "sigmoid",
    "tanh",
    "elu",
)
_DROPPING = ("dropout", "stochasticdepth", "gaussiannoise")


@dataclass
class Part:
    """A layer, as it is called at one point of a model.

    Attributes:
        name: The layer's name.
        kind: One of `COLOURS`.
        text: What it does, in a few words.
        shape: Shape of its output without the batch.
        parameters: Number of its parameters; none where the layer is used again.
        sources: Positions of the parts that it gets its values from.
        padding: Whether it only pads, for the layer behind it.
        shown: Whether it is to be seen, however many boxes there are.
        layers: Number of layers that it stands for.
    """

    name: str
    kind: str
    text: str
    shape: tuple
    parameters: int
    sources: list
    padding: bool = False
    shown: bool = False
    layers: int = 1

    @property
    def is_main(self):
        """Whether a box is named after it, rather than after what it goes with."""
        return self.shown or (self.kind not in FOLDED and not self.padding)


def parts_of(graph, shown=()):
    """Return the parts of a graph, its inputs first, each after its sources.

    Args:
        graph: Keras model.
        shown: Kinds that are to be seen. Default none.
    """
    sources = {}

    def note(call, name, given):
        sources[call] = given
        return [call] * len(call.outputs)

    # What flows through the graph is where it comes from: an input, or a call.
    outputs = walk(graph, range(len(graph.inputs)), note, enters=_never)
    parts = [_input_part(tensor) for tensor in graph.inputs]
    index_of, seen = {index: index for index in range(len(parts))}, set()
    heads = _heads(graph) if "auxiliary" in shown else []
    for call in _in_branches(sources, outputs):
        index_of[call] = len(parts)
        before = sorted({index_of[source] for source in sources[call]})
        part = _part(call, before, seen)
        if part.kind == "convolution" and "reduction" in shown:
            part.kind = _kind_of_convolution(call)
        part.shown = part.kind in shown
        parts.append(part)
        given = set(map(id, call.outputs))
        parts += [
            _head_part(head, index_of[call]) for tap, head in heads if id(tap) in given
        ]
    return parts


def _heads(graph):
    """Return the auxiliary classifiers of a model, and the tensors they start from."""
    return graph.auxiliary_heads() if isinstance(graph, AuxiliaryModel) else []


def _head_part(head, source):
    layers = len(calls_in(head))
    return Part(
        head.name,
        "auxiliary",
        f"{layers} layers, in training only",
        tuple(head.outputs[0].shape[1:]),
        head.count_params(),
        [source],
        shown=True,
        layers=layers,
    )


def _kind_of_convolution(call):
    """Return `"reduction"` for a 1 x 1 convolution to fewer channels."""
    alone = {1, (1,), (1, 1)}
    narrows = call.outputs[0].shape[-1] < call.inputs[0].shape[-1]
    is_pointwise = getattr(call.layer, "kernel_size", None) in alone
    return "reduction" if is_pointwise and narrows else "convolution"


def _never(call, given):
    """Return False: a nested model is one part."""
    return False


def _in_branches(sources, outputs):
    """Return the calls of a graph, branch by branch in the order they are merged."""
    done = {}
    waiting = [(output, False) for output in reversed(outputs)]
    while waiting:
        call, has_sources = waiting.pop()
        if call not in sources or call in done:
            continue
        if has_sources:
            done[call] = True
            continue
        waiting.append((call, True))
        waiting += [(source, False) for source in reversed(sources[call])]
    return list(done)


def _input_part(tensor):
    shape = tuple(tensor.shape[1:])
    return Part(name_of_input(tensor), "input", "Input", shape, 0, [])


def _part(call, sources, seen):
    layer = call.layer
    return Part(
        layer.name,
        _kind(layer, sources),
        _text(layer),
        tuple(call.outputs[0].shape[1:]),
        count_new_parameters(layer, seen),
        sources,
        "ZeroPadding" in type(layer).__name__,
    )


def _kind(layer, sources):
    """Return the kind of a layer, by its class, so that those of others fit in too."""
    name = type(layer).__name__
    if graph_of(layer) is not None:
        return "model"
    if "Normalization" in name:
        return "normalisation"
    if "Pool" in name or "Subsampling" in name:
        return "pooling"
    if "Conv" in name:
        return "convolution"
    if "Dense" in name:
        return "dense"
    if any(word in name.lower() for word in _DROPPING):
        return "dropout"
    if len(sources) > 1:
        return "merging"
    if any(word in name.lower() for word in _ACTIVATIONS):
        return "activation"
    return "other"


def _text(layer):
    """Return what a layer does, such as `Conv2D 3 x 3, 32, relu`."""
    words = [type(layer).__name__]
    nested = graph_of(layer)
    if nested is not None:
        return f"Model of {len(calls_in(nested))} layers"
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if window is not None:
        words[0] += f" {_times(window)}"
    if isinstance(layer, keras.layers.Dense):
        words[0] += f" {layer.units}"
    elif isinstance(getattr(layer, "filters", None), int):
        words[0] += f", {layer.filters}"
    strides = getattr(layer, "strides", 1)
    if strides not in (1, (1, 1), window):
        words.append(f"stride {_stride(strides)}")
    if getattr(layer, "groups", 1) > 1 and "Conv" in words[0]:
        words.append(f"{layer.groups} groups")
    activation = getattr(layer, "activation", None)
    activation = getattr(activation, "__name__", "linear")
    if activation != "linear":
        words.append(activation)
    if hasattr(layer, "rate"):
        words.append(f"{layer.rate:g}")
    return ", ".join(words)


def _times(window):
    sides = (window, window) if isinstance(window, int) else window
    return " x ".join(map(str, sides))


def _stride(strides):
    sides = {strides} if isinstance(strides, int) else set(strides)
    return str(sides.pop()) if len(sides) == 1 else _times(strides)
