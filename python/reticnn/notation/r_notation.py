"""Values and code as R writes them."""

import ast
import math
import numbers
import re
from collections.abc import Mapping


class RNotation:
    """How R writes values and code; `first` is its first position."""

    first = 1

    def literal(self, value):
        """Return a value as code, or what kind of object it is."""
        if _is_scalar(value):
            return _scalar(value)
        if isinstance(value, Mapping):
            return _collection(value.values(), map(str, value))
        if isinstance(value, (list, tuple, set, frozenset)):
            return _collection(value)
        if callable(value) and type(value).__name__ in ("function", "method"):
            return "a function"
        kind = value if isinstance(value, type) else type(value)
        return f"an object of class {kind.__name__}"

    def shape(self, shape):
        """Return what an array with these dimensions is called."""
        if len(shape) == 0:
            return "a single value"
        if len(shape) == 1:
            return f"a vector of {shape[0]} values"
        return f"an array with the dimensions {self.literal(tuple(shape))}"

    def kind(self, dtype):
        """Return the name of a NumPy dtype."""
        known = {"U": "character", "O": "list", "b": "logical", "c": "complex"}
        return known.get(dtype.kind, str(dtype))

    def either(self, python, r):
        """Return the one of two terms that belongs to this language."""
        return r

    def message(self, text):
        """Return a message with the code in it, which is in backticks, as R's."""
        return re.sub(r"`([^`\n]+)`", lambda span: f"`{r_code(span[1])}`", text)


def r_code(code):
    """Return Python code as R's, and what is no code, or has no match, as it is.

    It may be an expression, an assignment, or arguments such as `units=64, seed=1`.
    """
    for written, read in ((code, _statement), (f"_({code})", _arguments)):
        try:
            (statement,) = _parsed(written).body
            return read(statement)
        except (SyntaxError, ValueError, RecursionError, MemoryError, _NotInRError):
            continue
    return code


def _parsed(code):
    """Return code as a syntax tree.

    Python before 3.13 fails (python/cpython#106905) where another thread, such as one
    of TensorFlow's, parses meanwhile. It hardly does so again.
    """
    for _ in range(3):
        try:
            return ast.parse(code)
        except SystemError:
            continue
    return ast.parse(code)


class _NotInRError(Exception):
    """Code of a kind that is not translated."""


def _is_scalar(value):
    return value is None or isinstance(value, (bool, str, numbers.Real))


def _scalar(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (str, numbers.Integral)):
        return repr(value)
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(float(value))


def _collection(values, names=()):
    """Return values as code, as a vector if they are of one kind and a list if not."""
    values, names = list(values), list(names)
    kinds = {_kind_of_vector(value) for value in values}
    items = [RNotation().literal(value) for value in values]
    if names:
        items = [f"{_name(n)} = {item}" for n, item in zip(names, items, strict=True)]
    if len(kinds) != 1 or None in kinds:
        return f"list({', '.join(items)})"
    return items[0] if len(items) == 1 and not names else f"c({', '.join(items)})"


def _kind_of_vector(value):
    """Return the kind of R's vector that a value can be an element of, or None."""
    if value is None or not _is_scalar(value):
        return None
    return next(kind for kind in (bool, str, numbers.Real) if isinstance(value, kind))


def _name(name):
    return name if re.fullmatch(r"[A-Za-z][\w.]*", name) else repr(name)


def _statement(statement):
    if isinstance(statement, ast.Expr):
        return _expression(statement.value)
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        # `units=64` is an argument, `x = keras.Input(...)` an assignment.
        sign = "<-" if isinstance(statement.value, ast.Call) else "="
        value = _expression(statement.value)
        return f"{statement.targets[0].id} {sign} {value}"
    raise _NotInRError


def _arguments(statement):
    return _expression(statement.value)[len("_(") : -len(")")]


def _expression(node, whole=""):
    """Return an expression as R's, with `whole` behind whole numbers."""
    writer = _WRITERS.get(type(node))
    if writer is None:
        raise _NotInRError
    return writer(node, whole)


def _constant(node, whole):
    text = _scalar(node.value) if _is_scalar(node.value) else None
    if text is None:
        raise _NotInRError
    return f"{text}{whole}" if type(node.value) is int else text


def _sequence(node, whole):
    items = [_expression(item, whole) for item in node.elts]
    nested = any(
        isinstance(item, (ast.Dict, ast.Tuple, ast.List)) for item in node.elts
    )
    return f"{'list' if nested else 'c'}({', '.join(items)})"


def _dict(node, whole):
    pairs = zip(node.keys, node.values, strict=True)
    items = [f"{_name(key.value)} = {_expression(v, whole)}" for key, v in pairs]
    return f"list({', '.join(items)})"


def _call(node, _):
    # Functions of Keras want whole numbers, ours take R's doubles.
    whole = "L" if isinstance(node.func, ast.Attribute) else ""
    given = [_expression(value, whole) for value in node.args]
    given += [f"{a.arg} = {_expression(a.value, whole)}" for a in node.keywords]
    return f"{_expression(node.func)}({', '.join(given)})"


def _element(node, _):
    if not isinstance(node.slice, ast.Constant) or not isinstance(
        node.slice.value, str
    ):
        raise _NotInRError
    return f"{_expression(node.value)}${node.slice.value}"


def _function(node, _):
    names = ", ".join(argument.arg for argument in node.args.args)
    return f"function({names}) {_expression(node.body)}"


def _negative(node, whole):
    if not isinstance(node.op, ast.USub):
        raise _NotInRError
    return f"-{_expression(node.operand, whole)}"


_WRITERS = {
    ast.Attribute: lambda node, _: f"{_expression(node.value)}${node.attr}",
    ast.Call: _call,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.Lambda: _function,
    ast.List: _sequence,
    ast.Name: lambda node, _: node.id,
    ast.Subscript: _element,
    ast.Tuple: _sequence,
    ast.UnaryOp: _negative,
}
