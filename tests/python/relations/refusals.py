"""What may be refused, by which words, in which cases, and why."""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """A combination that may be refused, as nothing could be known to be right."""

    pattern: str
    where: Callable
    reason: str


MAY_BE_REFUSED = [
    Refusal(
        "Lambda layers",
        lambda case: case.body == "lambda",
        "a saved Lambda layer would be code that loading runs",
    ),
    Refusal(
        "cannot be copied.*Lambda",
        lambda case: case.body == "lambda",
        "Keras makes no copy of a Lambda layer's code",
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
        "`cache_features` is 2.*(counts in the loss|'mirror' runs code)",
        lambda case: case.extra in ("activity_l2", "added_loss"),
        "what frozen layers add to the loss must be computed anew, and before them "
        "there may be only a layer of the user's own",
    ),
    Refusal(
        r"has its own `(compute_loss|train_step)\(\)`, which may weight",
        lambda case: case.further == "distributed" and case.own != "nothing",
        "whether what is its own is a sum or a mean over the devices is known to "
        "nobody",
    ),
    Refusal(
        "under torch Keras trains on one device",
        lambda case: case.further == "distributed",
        "Keras shares the work between devices under TensorFlow and JAX alone",
    ),
    Refusal(
        "all epochs together have only 1 batch, too few for one step",
        lambda case: case.optimizer == "accumulating" and case.batch_size == 32,
        "few images trained further make one batch, and no step would be taken",
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
