"""Classifiers of which odd things are said."""

import json

from hostile.kind import Kind

_SCHEDULES = (
    "step",
    {"at": [1]},
    {"kind": "best"},
    {"kind": ["step"]},
    {"kind": "step", "at": [[1]]},
    {"kind": "step", "at": 10**400},
    {"kind": "step", "\x1b": 1},
    {"kind": "keras", "class": "a b"},
)

_MEASURES = {
    "measure": ["log_loss"],
    **{
        f"{when}{limit}": [0.5]
        for when in ("before", "after")
        for limit in ("", "_lower", "_upper")
    },
}
_CALIBRATION = {
    "method": "temperature",
    "images": 100,
    "temperature": 1.5,
    "level": 0.95,
    "measures": _MEASURES,
}
_OF_CALIBRATION = [
    ("method", "platt"),
    ("method", ["vector"]),
    ("images", -1),
    ("images", 10**400),
    ("temperature", "1"),
    ("temperature", 10**400),
    ("level", [0.9]),
    ("measures", []),
    ("measures", {**_MEASURES, "measure": ["\x1b[2J"]}),
    ("measures", {**_MEASURES, "after": ["low"]}),
    ("measures", {**_MEASURES, "after": []}),
    ("measures", {**_MEASURES, "\x1b": [1.0]}),
]
_THRESHOLDS = {
    "class": [None],
    "n": [20],
    "threshold": [0.5],
    "coverage_lower": [0.7],
    "coverage_upper": [0.9],
}
_SETS = {
    "method": "threshold",
    "coverage": 0.9,
    "by_class": False,
    "images": 20,
    "penalty": 0.0,
    "free": 0,
    "views": {"tta": 0, "crops": 1, "scales": None},
    "thresholds": _THRESHOLDS,
}
_OF_SETS = [
    ("method", "aps"),
    ("method", ["threshold"]),
    ("coverage", 1),
    ("coverage", "0.9"),
    ("by_class", 1),
    ("by_class", True),
    ("images", 0),
    ("penalty", "\x1b"),
    ("free", -1),
    ("views", {"tta": 0}),
    ("views", {"tta": "0", "crops": 1, "scales": None}),
    ("views", {"tta": 0, "crops": 1, "scales": "\x1b"}),
    ("thresholds", []),
    ("thresholds", {**_THRESHOLDS, "class": ["\x1b[2J"]}),
    ("thresholds", {**_THRESHOLDS, "threshold": ["0.5"]}),
    ("thresholds", {**_THRESHOLDS, "threshold": [0.5, 0.5]}),
    ("thresholds", {**_THRESHOLDS, "n": [10**400]}),
]
_REFERENCE = {
    "method": "neighbours",
    "width": 2,
    "images": 1,
    "points": "AACAPwAAAAA=",
    "directions": None,
}
_NOVELTY = {
    "method": "neighbours",
    "share": 0.05,
    "threshold": 0.5,
    "images": 20,
    "reference": _REFERENCE,
}
_OF_NOVELTY = [
    ("method", "knn"),
    ("method", "energy"),
    ("method", "mahalanobis"),
    ("share", 0),
    ("share", "0.05"),
    ("threshold", None),
    ("images", 1.5),
    ("reference", None),
    ("reference", "x"),
    ("reference", {**_REFERENCE, "points": "x"}),
    ("reference", {**_REFERENCE, "points": ""}),
    ("reference", {**_REFERENCE, "points": 1}),
    ("reference", {**_REFERENCE, "width": 3}),
    ("reference", {**_REFERENCE, "width": 10**400}),
    ("reference", {**_REFERENCE, "width": True}),
    ("reference", {**_REFERENCE, "directions": "AACAPwAAAAA="}),
    ("reference", {**_REFERENCE, "method": "mahalanobis"}),
]


def kinds():
    """Yield them."""
    for name, (field, value) in _fields().items():
        yield Kind(name, ".reticnn", _maker(field, value), _word(field))
    for name, text in _texts().items():
        yield Kind(
            name,
            ".reticnn",
            lambda honest, folder, t=text: honest.classifier_file(text=t),
        )


def _word(field):
    words = {"class_names": "class", "history": "history", "format": "format"}
    return words.get(field, field)


def _maker(field, value):
    def make(honest, folder):
        changed = value(honest.record[field]) if callable(value) else value
        return honest.classifier_file(record={**honest.record, field: changed})

    return make


def _maker_of_text(text):
    return lambda honest, folder: honest.classifier_file(text=text)


def _column(name, values):
    """Return a change that gives the history one more column."""
    return lambda history: {**history, name: values}


def _fields():
    names = {
        "no names": [],
        "one name": ["circle"],
        "three names": ["a", "b", "c"],
        "the same name twice": ["circle", "circle"],
        "names that look the same": ["circle", "cir\u200bcle"],
        "names of the same letters": ["\u00e4", "a\u0308"],
        "names with more spaces": ["a b", "a\u00a0 b "],
        "a name of which nothing is seen": ["\u200b", "square"],
        "an empty name": ["", "square"],
        "a name of spaces": ["  ", "square"],
        "a name with NUL": ["a\0b", "square"],
        "a name of half a character": ["\ud83d", "square"],
        "a name with a command": ["\x1b[2J", "square"],
        "a name with a title": ["\x1b]0;owned\x07", "square"],
        "a name with a command of one byte": ["\x9b2J", "square"],
        "a name on two lines": ["a\nb", "square"],
        "a name that goes back": ["a\rb", "square"],
        "a name that runs backwards": ["a\u202eb", "square"],
        "a name of a megabyte": ["a" * 10**6, "square"],
        "a number for a name": [1, 2],
        "a list for a name": [["a"], ["b"]],
        "nothing for a name": [None, "square"],
        "a text for names": "ab",
        "an object for names": {"a": 1, "b": 2},
        "no names at all": None,
        "a name for the classes": ["class", "square"],
    }
    formats = {
        "format -1": -1,
        "format 0": 0,
        "format true": True,
        "format 1.0": 1.0,
        "format '1'": "1",
        "no format": None,
        "a long format": 10**400,
        "a newer format": 2,
    }
    histories = {
        "a history of texts": "loss",
        "a history of lists": [[1]],
        "no history": None,
        "a history without epochs": {"loss": [1.0]},
        "epochs that are texts": {"epoch": ["1"]},
        "epochs that are true": {"epoch": [True]},
        "epochs before the first": {"epoch": [0]},
        "epochs of 400 digits": {"epoch": [10**400]},
        "a longer column": _column("loss", [1.0, 2.0]),
        "a shorter column": _column("loss", []),
        "a column of texts": _column("loss", ["low"]),
        "a column of lists": _column("loss", [[1.0]]),
        "a column that is true": _column("loss", [True]),
        "a column that is none": _column("loss", 1.0),
        "a loss of 400 digits": _column("loss", [10**400]),
        "a metric with a command": _column("\x1b[31m", [1.0]),
        "a metric without a name": _column("", [1.0]),
        "a metric with NUL": _column("a\0", [1.0]),
        "a metric of half a character": _column("\udc80", [1.0]),
    }
    others = {
        "kept_epoch": (-1, 99, 1.5, True, "1", 10**400, [1]),
        "resize": (1, "x", ["pad"], {"a": 1}, "\x1b"),
        "augmentation": (0.5, "flip", [], {"policy": 1}, {"policy": ["x"]}, {"a": 1}),
        "stopped": ("late", 1, ["nan"], "\x1b[2J"),
        "trained_with": (
            *([1], "x", {"seed": "x"}, {"a": 1}, {"seed": 10**400}),
            *({"schedule": value} for value in _SCHEDULES),
        ),
        "output": ("text", 1, ["softmax"], "\x1b"),
        "class_shares": (
            *([1], "x", {"a": 1}, {"shares": 1}),
            *(
                {"shares": [0.5, 0.5], "smoothing": 0, "doubts": [], **odd}
                for odd in (
                    {"shares": [1]},
                    {"shares": [0.5, 0.6]},
                    {"shares": [-1, 2]},
                    {"shares": ["a", "b"]},
                    {"shares": [10**400, 0]},
                    {"smoothing": 1},
                    {"smoothing": "\x1b"},
                    {"doubts": [[1]]},
                    {"doubts": ["\x1b[2J"]},
                    {"doubts": 1},
                )
            ),
        ),
        "seen": ([1], "x", {"a": "b"}, {"trained_on": "x"}, {"trained_on": 1}),
        "trainable": ("x", {"a": 1}, [1, 0], [None]),
        "calibration": (
            *(1, "x", ["temperature"], {"method": "temperature"}),
            *({**_CALIBRATION, field: value} for field, value in _OF_CALIBRATION),
            _CALIBRATION,  # The model has none.
        ),
        "sets": (
            *(1, "x", ["threshold"], {"method": "threshold"}),
            *({**_SETS, field: value} for field, value in _OF_SETS),
        ),
        "novelty": (
            *(1, "x", ["energy"], {"method": "energy"}),
            *({**_NOVELTY, field: value} for field, value in _OF_NOVELTY),
        ),
        "compiled_here": (1, "yes", [True]),
        "spared_from_decay": ("x", {"a": 1}, [-1], [10**6], [[1]], [1.5], [True]),
        "image_shape": ("x", [1, 2], [0, 0, 0], ["a", 1, 1], [True, 1, 1]),
        "keras": (3, ["x"], {"a": 1}),
        "reticnn": (1, [], {"a": 1}),
        "backend": (1, [], {"a": 1}),
    }
    made = {}
    for field, values in {
        "class_names": names,
        "format": formats,
        "history": histories,
    }.items():
        made.update({name: (field, value) for name, value in values.items()})
    for field, values in others.items():
        for value in values:
            shown = json.dumps(value)
            made[f"{field} {shown[:30]}"] = field, value
    return made


def _texts():
    return {
        "a record 900 deep": b"[" * 900 + b"]" * 900,
        "a record 100,000 deep": b"[" * 10**5 + b"]" * 10**5,
        "objects 100,000 deep": b'{"a":' * 10**5 + b"1" + b"}" * 10**5,
        "a record of a million lists": b"[" + b"[]," * 10**6 + b"1]",
        "a record that is no JSON": b"{",
        "a record that is a number": b"1",
        "a record of 10,000 digits": b'{"format": ' + b"1" * 10**4 + b"}",
        "a record in no code": b"\xff\xff",
        "no record": b"",
    }
