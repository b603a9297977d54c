"""The bytes of ONNX models, read without the package onnx, which takes long to start.

They are Protocol Buffers: fields, each a number, a kind, and a value.
"""

_GRAPH, _NODE, _INPUT = 7, 1, 11
_NAME, _TYPE, _TENSOR, _ELEMENTS = 1, 2, 1, 1
_NODE_OUTPUT, _NODE_KIND = 2, 4

_FLOAT = 1
_WHOLE, _LONG, _PART, _SHORT = 0, 1, 2, 5


def with_decimals(contents, name):
    """Return an ONNX model that takes decimals where another takes 8-bit pixels.

    Args:
        contents: Bytes of the other, which begins with turning its input into decimals.
        name: Name of the input.
    """
    changed = bytearray(contents)
    for graph in _parts(contents, (0, len(contents)), _GRAPH):
        for given in _parts(contents, graph, _INPUT):
            if _text(contents, given, _NAME) == name:
                (kind,) = _parts(contents, given, _TYPE)
                (tensor,) = _parts(contents, kind, _TENSOR)
                ((start, _),) = _parts(contents, tensor, _ELEMENTS)
                changed[start] = _FLOAT
    return bytes(changed)


def last_operation(contents, name):
    """Return the kind of the operation that gives an output of an ONNX model, or None.

    Args:
        contents: Bytes of the model.
        name: Name of the output.
    """
    for graph in _parts(contents, (0, len(contents)), _GRAPH):
        for node in _parts(contents, graph, _NODE):
            if name in _texts(contents, node, _NODE_OUTPUT):
                return _text(contents, node, _NODE_KIND)
    return None


def _texts(contents, span, number):
    spans = _parts(contents, span, number)
    return [contents[start:end].decode() for start, end in spans]


def _text(contents, span, number):
    return next(iter(_texts(contents, span, number)), None)


def _parts(contents, span, number):
    """Return the spans of the values of the fields with a number within a span."""
    return [
        (start, end)
        for field, start, end in _fields(contents, *span)
        if field == number
    ]


def _fields(contents, at, end):
    """Yield the number of each field, and where its value starts and ends."""
    while at < end:
        key, at = _whole(contents, at)
        kind, start = key & 7, at
        if kind == _WHOLE:
            _, at = _whole(contents, at)
        elif kind in (_LONG, _SHORT):
            at += 8 if kind == _LONG else 4
        elif kind == _PART:
            length, start = _whole(contents, at)
            at = start + length
        else:
            raise ValueError(f"no field of an ONNX model is of the kind {kind}")
        yield key >> 3, start, at


def _whole(contents, at):
    """Return a number of any length, 7 bits in each byte, and where it ends."""
    value = shift = 0
    while True:
        byte = contents[at]
        value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return value, at
