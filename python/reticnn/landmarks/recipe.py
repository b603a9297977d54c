"""A recipe as plain data: how a network was trained, and where that is written."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class PaperRecipe:
    """How a network was trained and tested, each setting with where it is written.

    Attributes:
        settings: Dict of arguments of `fit_classifier`, each a pair of its value and
            its place, such as "section 5". `optimizer` is the name of an optimizer and
            a dict of its settings, `augmentation` a list of names of functions that
            make a policy, each with a dict of its arguments.
        prediction: Dict of arguments of `predict_images` in the same way.
        notes: Tuple of sentences: what was done besides, and what the source leaves
            open.
    """

    settings: dict
    prediction: dict = field(default_factory=dict)
    notes: tuple = ()
