"""A check of every error that a test expects: would R users find Python in it?

The message is made for Python; what `shown` and the like wrote in it is known, and so
is what they would have written for R.
"""

import linecache
import re
from contextlib import contextmanager
from pathlib import Path

import reticnn
from reticnn.notation import RNotation, showing, translated, written_in

_CORE = str(Path(reticnn.__file__).parent)

# In what is left without quoted texts.
PYTHON = re.compile(
    r"\b(None|True|False|dict|dicts|tuple|tuples|lambda|dtype)\b"  # words
    r"|\b\w+=[^=\s]"  # name=value
    r"|(?<![\w$)])\((-?\d+|NULL),( [^()]*)?\)"  # (32, 32, 3)
    r"|(?<![\w`])\[(?![\w ]+\])[^\]]*\]|\{'"  # [1, 2] and {'a': 1}
    r"|<class |<U\d| object at 0x|<function|\bnp\."
    r"|`[A-Za-z]\w*\.\w+[(.]"  # keras.Input(
    r"|\bin R\b|counted from 0"
)
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")


class _BothNotations(showing.PythonNotation):
    """Python's notation, which remembers what R's would have been."""

    def __init__(self):
        self.pairs = []

    def literal(self, value):
        return self._both("literal", value)

    def shape(self, shape):
        return self._both("shape", shape)

    def kind(self, dtype):
        return self._both("kind", dtype)

    def either(self, python, r):
        self.pairs.append((python, r))
        return python

    def _both(self, how, value):
        python = getattr(super(), how)(value)
        # Those within it came before it, and are replaced with it.
        self.pairs.append((python, getattr(RNotation(), how)(value)))
        return python


def in_r(message, pairs):
    """Return a message as R shows it."""
    different = {pair for pair in pairs if pair[0] != pair[1]}
    for python, r in sorted(different, key=lambda pair: -len(pair[0])):
        message = message.replace(python, r)
        if len(python) > 80:
            message = message.replace(python[:77], r[:77])
    message = message.replace("counted from 0", "counted from 1")
    # What follows is as long and as technical as Keras makes it.
    message = message.split("Keras says:")[0]
    with written_in(RNotation()):
        return translated(message)


def python_in(message):
    """Return what in a message for R is Python's, or nothing."""
    found = PYTHON.search(_QUOTED.sub("''", message))
    return found and found[0]


def _is_raised_by_us(trace):
    """Return whether an error is of a `raise` in the core.

    pytest's own `statement` parses the whole file, which fails now and then while other
    threads parse (python/cpython#106905).
    """
    while trace.tb_next:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename
    return file.startswith(_CORE) and "raise " in linecache.getline(
        file, trace.tb_lineno
    )


class Reader:
    """`pytest.raises` and `pytest.warns` that read what they catch as R users do."""

    def __init__(self, raises, warns):
        """Take pytest's own."""
        self._raises, self._warns = raises, warns
        self.notation = _BothNotations()

    @contextmanager
    def raises(self, *args, **kwargs):
        """Expect an error."""
        self.notation.pairs.clear()
        with self._raises(*args, **kwargs) as caught:
            yield caught
        # Not what Python or Keras raised.
        if _is_raised_by_us(caught.tb):
            # Nor what the message quotes of theirs.
            cause = str(caught.value.__cause__ or "\0")
            self._read(str(caught.value).replace(cause, ""))

    @contextmanager
    def warns(self, *args, **kwargs):
        """Expect warnings."""
        self.notation.pairs.clear()
        with self._warns(*args, **kwargs) as caught:
            yield caught
        for warning in caught:
            if issubclass(warning.category, UserWarning):
                self._read(str(warning.message))

    def _read(self, message):
        for_r = in_r(message, self.notation.pairs)
        assert not python_in(for_r), f"Python, {python_in(for_r)}, for R: {for_r}"
