"""A recipe as plain data: how a network was trained, and where that is written."""

from dataclasses import dataclass, field

# For images of 32 x 32: 4 pixels of grey on each side, of which 32 x 32 are cut at one
# of 9 x 9 positions (0.14 is just below 4.5 / 32), and half of them mirrored.
CIFAR_AUGMENTATION = [
    (
        "augmentation",
        {
            "flip": "horizontal",
            "translation": 0.14,
            "fill_mode": "constant",
            "fill_value": 115,
            "interpolation": "nearest",
        },
    )
]

# Parts of all epochs after which the rate falls to a tenth, on CIFAR.
HALF_AND_THREE_QUARTERS = {"kind": "step", "at": [0.5, 0.75]}


def on_plateau(lowest=0.0):
    """Return a schedule that falls to a tenth on each plateau, down to `lowest`."""
    return {"kind": "plateau", "factor": 0.1, "patience": 10, "min_lr": lowest}


PLATEAU_NOTE = (
    "The paper does not say when the error has stopped falling; here it has after 10 "
    "epochs without a lower loss (`patience`)."
)


@dataclass(frozen=True)
class PaperRecipe:
    """How a network was trained and tested, each setting with where it is written.

    Attributes:
        settings: Dict of arguments of `fit_classifier`, each a pair of its value and
            its place, such as "section 5". `optimizer` is the name of an optimizer and
            a dict of its settings, `augmentation` a list of names of functions that
            make a policy, each with a dict of its arguments, `model` the name of the
            function that builds the network.
        prediction: Dict of arguments of `predict_images` in the same way.
        notes: Tuple of sentences: what was done besides, and what the source leaves
            open.
        function: The function that takes the settings.
    """

    settings: dict
    prediction: dict = field(default_factory=dict)
    notes: tuple = ()
    function: str = "fit_classifier"
