"""Values as texts for messages."""

import contextlib
import numbers
import re
import sys
from collections.abc import Mapping

import numpy as np

R_MISSING_INTEGER = -(2**31)

_MOST_CHARACTERS = 80
_MOST_ITEMS = 6


class PythonNotation:
    """How Python writes values and code; `first` is its first position."""

    first = 0

    def literal(self, value):
        """Return a value as code."""
        return repr(value)

    def shape(self, shape):
        """Return what an array with these dimensions is called."""
        return f"an array of shape {self.literal(tuple(shape))}"

    def kind(self, dtype):
        """Return the name of a NumPy dtype."""
        return {"U": "str", "O": "object"}.get(dtype.kind, str(dtype))

    def either(self, python, r):
        """Return the one of two terms that belongs to this language."""
        return python

    def message(self, text):
        """Return a message with the code in it as this language has it."""
        return text


_notation = PythonNotation()


@contextlib.contextmanager
def written_in(notation):
    """Write values as `notation` does until the end, also in other threads."""
    global _notation
    before, _notation = _notation, notation
    try:
        yield
    finally:
        _notation = before


# Of these a terminal makes commands, other lines, or another order of the text: control
# characters, separators, changes of direction, and halves of characters.
_UNSEEN = "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"


def is_visible(text):
    """Return whether a text shows what it is, wherever it is printed."""
    return not re.search(_UNSEEN, text)


def visible(text):
    """Return a text from anywhere so that printing it does nothing but show it."""
    return re.sub(_UNSEEN, _escaped, text)


def visible_lines(text):
    """Return the same of a text whose lines are to stay lines."""
    return re.sub(rf"(?![\n\t]){_UNSEEN}", _escaped, text)


def _escaped(found):
    """Return a letter as Python writes it in code."""
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}"


def shown(value):
    """Return a short text of `value` for an error message, as its user wrote it."""
    value = _plain(value)
    if _is_array(value):
        return _notation.shape(value.shape)
    if isinstance(value, tuple) and any(map(_is_array, value)):
        return " and ".join(map(shown, value))
    if hasattr(value, "columns") and hasattr(value, "shape"):
        rows, columns = value.shape
        return f"a data frame of {rows} rows and {columns} columns"
    if isinstance(value, tuple) and len(value) > _MOST_ITEMS:
        return f"{shown(value[:5])} and {len(value) - 5} more"
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(map(_notation.literal, value)) or "an empty list"
    if isinstance(value, numbers.Integral) and value == R_MISSING_INTEGER:
        return "NA"
    text = _notation.literal(value)
    if len(text) <= _MOST_CHARACTERS:
        return text
    return text[: _MOST_CHARACTERS - 3] + "..."


def shown_positions(indices):
    """Return positions, given from 0, as the reader counts them, and from where."""
    counted = [str(int(index) + _notation.first) for index in indices]
    more = f" and {len(counted) - 5} more" if len(counted) > _MOST_ITEMS else ""
    counted = counted[:5] if more else counted
    word = "position" if len(counted) == 1 else "positions"
    return f"{word} {', '.join(counted)}{more} (counted from {_notation.first})"


def first_position():
    """Return the number that the reader counts positions from."""
    return _notation.first


def shown_kind(dtype):
    """Return the name that the reader knows of a NumPy dtype."""
    return _notation.kind(np.dtype(dtype))


def in_words(python, r):
    """Return the reader's own term where the two languages have different ones."""
    return _notation.either(python, r)


def installing(*packages):
    """Return, in backticks, how to install Python packages where this code runs."""
    quoted = [f'"{package}"' for package in packages]
    several = ", ".join(quoted)
    command = in_words(
        f"{sys.executable} -m pip install {' '.join(quoted)}",
        f"reticulate::py_install({several if len(quoted) == 1 else f'c({several})'})",
    )
    return f"`{command}`"


def translated(text):
    """Return a whole message with the code in it in the reader's language."""
    return _notation.message(text)


def _is_array(value):
    """Return whether a value is an array or a backend's tensor, of many numbers."""
    if isinstance(value, np.ndarray):
        return True
    module = type(value).__module__.partition(".")[0]
    is_one = module in ("torch", "tensorflow", "jax", "jaxlib")
    return is_one and bool(getattr(value, "shape", ())) and hasattr(value, "dtype")


def _plain(value):
    """Return NumPy's numbers as Python's, a list as a tuple, R's 3.0 as its 3."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
