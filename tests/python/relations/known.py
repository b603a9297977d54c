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


KNOWN = []
_OLD = [
    Known(
        "evaluates_as_scikit_learn",
        Case(own="compute_loss", learning_rate=None),
        lambda case: (
            case.own == "compute_loss" or case.extra in ("activity_l2", "added_loss")
        ),
        "the loss of what Keras has to compute is the last batch's",
    ),
    Known(
        "is_refused_before_anything_is_done",
        Case(
            frozen="backbone", own="train_step", augmentation="flip", cache_features=2
        ),
        lambda case: case.cache_features == 2 and case.own != "nothing",
        "copies of features that cannot be had are refused after compiling",
    ),
]

MAY_BE_REFUSED = [
    Refusal(
        "Lambda layers",
        lambda case: case.body == "lambda",
        "a saved Lambda layer would be code that loading runs",
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
        "`cache_features` is 2.*counts in the loss",
        lambda case: case.extra in ("activity_l2", "added_loss"),
        "what frozen layers add to the loss must be computed anew",
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
