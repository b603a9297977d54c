"""The probability that an operation is done to an image: its settings and draws."""

from reticnn.augmenting.operations.operation import UNIT, Operation
from reticnn.augmenting.operations.reading import as_chance, named, percent
from reticnn.augmenting.random_numbers import happens
from reticnn.coercion import as_float


def done_by_chance(name, slot, part, change, **constants):
    """Return an operation that is done to an image or not, and has no other setting.

    Args:
        name: The argument of `augmentation()`.
        slot: The first of two slots.
        part: Part in which it is done.
        change: Function (composition, on), where `on`, (n,), is 1 for images it is done
            to, else 0.
        **constants: Constants of the part.
    """
    chance, threshold = f"{name}_chance", f"{name}_threshold"

    def read(value):
        given, labels = named(value, name, ("factor",), alone="factor")
        return {"factor": as_chance(given["factor"], labels["factor"])}

    return Operation(
        name=name,
        read=read,
        describe=lambda settings: f"{percent(settings['factor'])} of the images",
        slots={chance: slot, threshold: slot + 1},
        ranges=lambda settings: {chance: settings["factor"], threshold: UNIT},
        part=part,
        change=lambda composition, drawn, settings: change(
            composition, happens(composition.xp, drawn[chance], drawn[threshold])
        ),
        constants=lambda settings: constants,
        search=lambda rng, strength: float(f"{0.5 * strength:.2g}"),
    )


def as_probability(given, labels):
    """Return the setting `probability`, 1 unless it is given."""
    value = given.get("probability", 1.0)
    return as_float(value, labels["probability"], minimum=0, maximum=1)


def of_the_images(settings):
    """Return the setting `probability` as the end of a text."""
    share = settings["probability"]
    return "" if share == 1 else f", for {100 * share:.4g} % of the images"


def done(composition, drawn, name, settings):
    """Return 1 for images that are changed, else 0, (n,)."""
    return happens(composition.xp, settings["probability"], drawn[f"{name}_on"])
