"""Values and code in messages, in Python's notation and in R's."""

import ast

import numpy as np
import pytest

from reticnn.notation import (
    RNotation,
    in_words,
    shown,
    shown_kind,
    shown_positions,
    translated,
    written_in,
)
from reticnn.runtime.relay import call_with_warnings


def in_r(write, *args):
    """Return what a function writes for R."""
    with written_in(RNotation()):
        return write(*args)


@pytest.mark.parametrize(
    ("value", "python", "r"),
    [
        (None, "None", "NULL"),
        (True, "True", "TRUE"),
        (np.False_, "False", "FALSE"),
        (3.0, "3", "3"),
        (np.float64(0.5), "0.5", "0.5"),
        (float("inf"), "inf", "Inf"),
        (float("nan"), "nan", "NaN"),
        (-(2**31), "NA", "NA"),
        ("cat", "'cat'", "'cat'"),
        ((1, 2.0, 3), "(1, 2, 3)", "c(1, 2, 3)"),
        ([1], "(1,)", "1"),
        ([], "an empty list", "an empty list"),
        (["a", "b"], "'a', 'b'", "'a', 'b'"),
        ([True, 1], "(True, 1)", "list(TRUE, 1)"),
        ([None, 32], "(None, 32)", "list(NULL, 32)"),
        ([(1, 2), (3, 4)], "((1, 2), (3, 4))", "list(c(1, 2), c(3, 4))"),
        (range(3), "range(0, 3)", "an object of class range"),
        (list(range(8)), "(0, 1, 2, 3, 4) and 3 more", "c(0, 1, 2, 3, 4) and 3 more"),
        ({"a": 1.0, "b": 2}, "{'a': 1, 'b': 2}", "c(a = 1, b = 2)"),
        ({"a b": "x"}, "{'a b': 'x'}", "c('a b' = 'x')"),
        ({"a": None}, "{'a': None}", "list(a = NULL)"),
        ({"\x1b[2J": 1}, "{'\\x1b[2J': 1}", "c('\\x1b[2J' = 1)"),
        (np.zeros((2, 3)), "an array of shape (2, 3)", None),
        (
            len,
            "<built-in function len>",
            "an object of class builtin_function_or_method",
        ),
    ],
)
def test_values_are_written_as_their_reader_writes_them(value, python, r):
    assert shown(value) == python
    wanted = r or "an array with the dimensions c(2, 3)"
    assert in_r(shown, value) == wanted


def test_what_has_no_notation_in_r_is_told_by_its_kind():
    assert in_r(shown, lambda x: x) == "a function"
    assert in_r(shown, np.zeros(4)) == "a vector of 4 values"
    assert in_r(shown, np.zeros(())) == "a single value"
    assert in_r(shown, object()) == "an object of class object"
    assert len(in_r(shown, {f"name{i}": "x" * 20 for i in range(9)})) == 80


def test_positions_are_counted_as_the_reader_counts():
    assert shown_positions([0, 4]) == "positions 0, 4 (counted from 0)"
    assert in_r(shown_positions, np.array([0, 4])) == "positions 1, 5 (counted from 1)"
    assert (
        shown_positions(range(9))
        == "positions 0, 1, 2, 3, 4 and 4 more (counted from 0)"
    )


def test_kinds_and_terms_are_the_readers():
    assert shown_kind("<U73") == "str"
    assert in_r(shown_kind, "<U73") == "character"
    assert in_r(shown_kind, "float16") == shown_kind("float16") == "float16"
    assert (in_words("dict", "list"), in_r(in_words, "dict", "list")) == (
        "dict",
        "list",
    )


@pytest.mark.parametrize(
    ("python", "r"),
    [
        ("data", "data"),
        ("None", "NULL"),
        ("units=64", "units = 64"),
        ("adapter=True, seed=1", "adapter = TRUE, seed = 1"),
        ("(32, 32, 3)", "c(32, 32, 3)"),
        ("(-5, -2)", "c(-5, -2)"),
        ("[{'train': 'head'}, {'n': 1}]", "list(list(train = 'head'), list(n = 1))"),
        ("build_cnn(units=None)", "build_cnn(units = NULL)"),
        ("keras.Input((32, 32, 3))", "keras$Input(c(32L, 32L, 3L))"),
        ("x = keras.Input((32,))", "x <- keras$Input(c(32L))"),
        ("classifier.model.save()", "classifier$model$save()"),
        ("data['train']", "data$train"),
        ("lambda: build_cnn()", "function() build_cnn()"),
        # No code, or none of Python's: left as it is.
        (".pred_<class>", ".pred_<class>"),
        ("parallel::makeCluster()", "parallel::makeCluster()"),
        ("x[1:2]", "x[1:2]"),
        ("a < b", "a < b"),
        ("-", "-"),
        ("-" * 900 + "1", "-" * 900 + "1"),
    ],
)
def test_code_in_a_message_becomes_r_code(python, r):
    message = f"Use `{python}`, as None said (1, 2)."
    assert translated(message) == message
    assert in_r(translated, message) == f"Use `{r}`, as None said (1, 2)."


def test_a_parser_that_another_thread_disturbs_is_asked_again(monkeypatch):
    parse, calls = ast.parse, []

    def disturbed(code):
        calls.append(code)
        if len(calls) == 1:
            raise SystemError("AST constructor recursion depth mismatch")
        return parse(code)

    monkeypatch.setattr(ast, "parse", disturbed)
    assert in_r(translated, "`units=None`") == "`units = NULL`"
    assert len(calls) == 2


def test_only_calls_from_r_are_answered_in_its_notation():
    def refuse():
        raise ValueError(f"`x` must be `None`, not {shown(True)}.")

    with pytest.raises(ValueError, match="`x` must be `NULL`, not TRUE"):
        call_with_warnings(refuse)
    with pytest.raises(ValueError, match="`x` must be `None`, not True"):
        refuse()
