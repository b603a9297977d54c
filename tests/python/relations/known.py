"""What is known to be wrong, and what may be refused.

An entry of `KNOWN` is taken out by whoever mends the fault: a test fails as soon as its
`case` no longer breaks the relation.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from .choices import Case


@dataclass(frozen=True)
class Known:
    """A fault: a relation it breaks, the smallest case, and which cases have it."""

    relation: str
    case: Case
    where: Callable
    reason: str


@dataclass(frozen=True)
class Refusal:
    """A combination that may be refused, as nothing could be known to be right."""

    pattern: str
    where: Callable
    reason: str


KNOWN = [
    Known(
        "trains",
        Case(compiled="function", optimizer="object"),
        lambda case: case.compiled in ("function", "class_name", "mse", "kl"),
        "a loss by its function or class name, or another than the cross-entropy, is "
        "given codes where it wants rows of 0 and 1",
    ),
    Known(
        "predicts_what_keras_predicts",
        Case(head="sigmoid_op"),
        lambda case: (
            case.head in ("sigmoid_op", "softmax_op", "linear_after", "reshape_after")
        ),
        "probabilities are taken for logits where the last operation is not the layer",
    ),
    Known(
        "trains",
        Case(validation="other_order"),
        lambda case: case.validation in ("other_order", "lacks_class"),
        "validation images are not matched by the names of their classes",
    ),
]

MAY_BE_REFUSED = [
    Refusal(
        "Lambda layers",
        lambda case: case.body == "lambda",
        "a saved Lambda layer would be code that loading runs",
    ),
    Refusal(
        "`model`.*`output`|`model` must",
        lambda case: case.body == "subclass",
        "what its `call()` does last is known to nobody",
    ),
    Refusal(
        "`cache_features` is 2",
        lambda case: not case.is_graph or case.body == "lambda",
        "what such a model does with its layers, or a Lambda, is known to nobody",
    ),
    Refusal(
        "`cache_features` is 2",
        lambda case: case.extra in ("noise_in_front", "flips_in_front"),
        "random layers stand before the frozen ones",
    ),
    Refusal(
        "`layer_decay`",
        lambda case: case.body == "subclass",
        "the order of its layers is known to nobody",
    ),
]


def may_be_refused(case, error):
    """Return whether an error is a refusal that the case may meet."""
    said = str(error)
    return isinstance(error, (TypeError, ValueError)) and any(
        re.search(refusal.pattern, said) and refusal.where(case)
        for refusal in MAY_BE_REFUSED
    )


def known_fault(case):
    """Return the entry that a failing case belongs to, or None.

    It may break other relations than the one named, which no one can tell apart.
    """
    return next((known for known in KNOWN if known.where(case)), None)
