"""R's help pages come from the docstrings: what they say, in R's words."""

import importlib.util
import inspect
import re
from pathlib import Path

import pytest

import reticnn
from reticnn.landmarks.registry import find_landmark

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "documentation.py"


@pytest.fixture(scope="module")
def documentation():
    """Return the script that writes R's words."""
    if not SCRIPT.exists():
        pytest.skip("No tools/documentation.py beside these tests")
    spec = importlib.util.spec_from_file_location("documentation", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("python", "r"),
    [
        ("or None. Default True.", "or `NULL`. Default `TRUE`."),
        ("(height,\n    width) of `x`", "`c(height, width)` of `x`"),
        ("Float in [0, 1) or in (0, 1)", "Number in `[0, 1)` or in (0, 1)"),
        ("as `fit_classifier` does", "as [fit_classifier()] does"),
        ("`augment`", "[augment()][augment.array()]"),
        ("`augmentation` is an argument", "`augmentation` is an argument"),
        ("`transfer_model(adapter=True)`", "`transfer_model(adapter = TRUE)`"),
        ('`landmark_architectures()["name"]`', "`landmark_architectures()$name`"),
        (
            '`[{"train": "head", "rate": 1e-4}]`',
            '`list(list(train = "head", rate = 1e-4))`',
        ),
        ('`["gpu:0", "gpu:1"]`', '`c("gpu:0", "gpu:1")`'),
        ("`(-4, None)` or `(start, stop)`", "`list(-4, NULL)` or `c(start, stop)`"),
        ("`lambda: build_cnn()`", "`function() build_cnn()`"),
        ("`model.get_layer(name)`", "`model$get_layer(name)`"),
        (
            "`keras.applications`, `<name>_conv1`",
            "`keras.applications`, `<name>_conv1`",
        ),
        ("a dict of dicts", "a named list of named lists"),
        ("applied in sequence", "applied in sequence"),
        ("`keras.Model` or NaN", "Keras model or `NaN`"),
        ("arXiv:1409.1556.", "\\doi{10.48550/arXiv.1409.1556}."),
    ],
)
def test_words_of_python_become_those_of_r(documentation, python, r):
    names, functions = {"augmentation", "x"}, set(reticnn.__all__)
    assert documentation.in_r(python, names=names, functions=functions) == r


def test_every_public_function_is_read(documentation):
    found = [name for name, *_ in documentation.public_functions()]
    assert sorted(found) == sorted(reticnn.__all__)


def test_parts_are_told_apart(documentation):
    docstring = inspect.getdoc(reticnn.landmark_model)
    parts = list(documentation.parts(docstring))
    arguments = {name: text for part, name, text in parts if part == "args"}
    assert list(arguments) == list(inspect.signature(reticnn.landmark_model).parameters)
    assert "\n- AlexNet: `groups`" in arguments["options"]
    assert {part for part, *_ in parts} == {
        "title",
        "args",
        "returns",
        "raises",
        "warns",
        "source",
    }


@pytest.mark.parametrize("name", reticnn.landmark_architectures()["name"])
def test_options_of_every_landmark_are_documented(name):
    landmark = find_landmark(name)
    docstring = inspect.getdoc(reticnn.landmark_model)
    families = re.findall(r"^ +- (\w+): ((?:.|\n {10})*)", docstring, re.M)
    said = [text for family, text in families if name.startswith(family.lower())]
    named = set(re.findall(r"`(\w+)`", "".join(said)))
    assert named >= set(landmark.options)
