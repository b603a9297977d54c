"""What R calls of the core in addition to its public functions."""

import contextlib
import inspect
import random
import re
import sys
import warnings
from functools import partial

from reticnn.coercion import printable
from reticnn.notation import RNotation, translated, visible_lines, written_in
from reticnn.runtime.carrying import attribute, named, received, sent
from reticnn.runtime.conditions import r_class
from reticnn.runtime.randomness import DrawnSeed
from reticnn.runtime.registration import register_classes
from reticnn.runtime.stopping import drops_made_good

__all__ = ["Call", "attribute", "call_with_warnings", "load_keras", "named"]


def call_with_warnings(function, /, *args, **kwargs):
    """Return what `function` returns, and the texts and kinds of the warnings it gave.

    A public function may be given by its name, so that Ctrl-C is heard while it and
    Keras are imported.

    These texts, and those of errors, are in R's notation. A kind is the class that R
    gives the warning, `"reticnn_warning"` if it has none of its own.
    """
    with written_in(RNotation()), warnings.catch_warnings(record=True) as caught:
        try:
            if isinstance(function, str):
                function = getattr(sys.modules["reticnn"], function)
            value = function(*received(args), **received(kwargs))
        except Exception as error:
            _put_in_r(error)
            raise
        texts = [_for_r(str(warning.message)) for warning in caught]
    kinds = [r_class(warning.category) or "reticnn_warning" for warning in caught]
    return sent(value), texts, kinds


class Call:
    """A call from R: first it takes what R sends, then it works, then it answers.

    Ctrl-C may cut off the work alone. Where it comes while reticulate converts a value,
    it is dropped, or becomes an error about something else, or ends the process. So R
    has it wait in the other two steps.
    """

    def __init__(self, function, /, *args, **kwargs):
        """Take a function, or the name of a public one, and its arguments."""
        self._work = partial(call_with_warnings, function, *args, **kwargs)

    def run(self):
        """Do the work."""
        work, self._work = self._work, None
        with drops_made_good(), _scopes_kept():
            self._answer = work()

    def answer(self):
        """Return, once, what `call_with_warnings` does."""
        answer, self._answer = self._answer, None
        return answer


def _scopes_kept():
    """Return a context in which Keras's scopes are kept, once there can be any."""
    internals = sys.modules.get("reticnn.runtime.keras_internals")
    kept = getattr(internals, "scopes_kept", contextlib.nullcontext)
    return kept()


def _put_in_r(error):
    """Give an error a text in R's notation that R can be given."""
    if len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (_for_r(error.args[0]),)


def _for_r(message):
    """Return a message in R's notation, with bytes of file names as R shows them."""
    text = visible_lines(printable(translated(message)))
    return re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", text)


class LeftByJump(BaseException):
    """R has jumped out of a function that Python called: no error of the function's."""


def reader_of_r(function):
    """Return a function of R's, from a path to an array, as the core calls it.

    R gives what it returns as `value`, or the text of its error as `error`. If neither,
    R has jumped out of the function, and waits for all work to end.
    """

    def read(path):
        try:
            answer = function(sent(path))
        except Exception as error:
            raise LeftByJump(*error.args) from error
        if answer.get("error") is not None:
            raise RuntimeError(received(answer["error"]))
        return answer.get("value")

    return read


def builder_of_r(function, names, needed):
    """Return a function of R's that builds a model, as the core calls it.

    Args:
        function: Function of a seed for R's own random numbers, and of a dict of
            arguments. It gives what the user's function returns as `value`, or the text
            of its error as `error`. If neither, R has jumped out of it.
        names: Names of the arguments of the user's function, `...` among them.
        needed: Those of them without a default.
    """
    of_kind = inspect.Parameter

    def build(**arguments):
        try:
            # Of Python's own numbers, which are seeded for each model.
            answer = function(random.getrandbits(31), sent(arguments))
        except Exception as error:
            raise LeftByJump(*error.args) from error
        if answer.get("error") is not None:
            raise RuntimeError(received(answer["error"]))
        return answer.get("value")

    build.__signature__ = inspect.Signature(
        [
            of_kind("others", of_kind.VAR_KEYWORD)
            if name == "..."
            else of_kind(
                name,
                of_kind.KEYWORD_ONLY,
                default=of_kind.empty if name in needed else None,
            )
            # In Python those that take any name are the last.
            for name in sorted(names, key="...".__eq__)
        ]
    )
    return build


def drawn_seed(number):
    """Return a seed that R drew, so that it is known from one that the user gave."""
    return DrawnSeed(int(number))


def load_keras():
    """Return Keras, started quietly, which knows our classes in the models it loads."""
    # Not at the top: R imports this with the core, and starts Keras when it is used.
    from reticnn.runtime.backend import start_keras

    keras = start_keras()
    register_classes()
    return keras
