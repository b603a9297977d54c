"""How the papers trained their networks."""

import copy
import textwrap

from reticnn.augmenting import augmentation, rand_augment
from reticnn.augmenting.sequence import as_policy
from reticnn.coercion import as_choice
from reticnn.landmarks.registry import known_landmark, landmark_architectures
from reticnn.models.small import small_network
from reticnn.notation import shown, translated
from reticnn.optimizers.momentum_sgd import MomentumSGD
from reticnn.runtime.backend import keras
from reticnn.training.own_recipes import OWN, REFERENCES

# What the plain data of a recipe names.
_POLICIES = {"augmentation": augmentation, "rand_augment": rand_augment}
_OPTIMIZERS = {"MomentumSGD": MomentumSGD}
_MODELS = {"small_network": small_network}

# Characters of a value in a printed line.
_WIDTH = 44


class Recipe(dict):
    """Arguments of a function, which print with the place where each is stated.

    It is a dict: settings can be read, changed, added and deleted.

    Attributes:
        name: Name of the network.
        places: Dict of where each setting is stated.
        prediction: Dict of arguments of `predict_images`, as the network was tested.
        notes: List of sentences on what else was done.
        reference: What `places` refer to.
        function: The function whose arguments they are, `"fit_classifier"` or
            `"fine_tune"`.
    """

    __module__ = "reticnn"

    def __init__(self, name, written, reference):
        """Make the settings of a `PaperRecipe`."""
        values = {key: value for key, (value, _) in written.settings.items()}
        values = copy.deepcopy(values)
        super().__init__(_made(values))
        self.name, self.reference = name, reference
        self.places = {key: place for key, (_, place) in written.settings.items()}
        self.prediction = {key: value for key, (value, _) in written.prediction.items()}
        self.notes = [translated(note) for note in written.notes]
        self.function = written.function
        # As they are now: what is changed within a schedule has to be seen too.
        self._given = {
            key: copy.copy(value) if isinstance(value, dict) else value
            for key, value in self.items()
        }
        self._texts = {key: _text(key, value) for key, value in values.items()}
        self._tested = {
            key: (_text(key, value), place)
            for key, (value, place) in written.prediction.items()
        }

    def __repr__(self):
        """List the settings, the test and the notes, one per line."""
        lines = [f"<Recipe> {self.name}, arguments of {self.function}():"]
        lines += _columns({key: self._row(key) for key in self})
        if self._tested:
            lines += ["In the test, arguments of predict_images():"]
            lines += _columns(self._tested)
        lines += [_paragraph(note, "* ", "  ") for note in self.notes]
        return "\n".join([*lines, _paragraph(self.reference)])

    def as_lists(self):
        """Return what R makes a recipe of."""
        return {
            "name": self.name,
            "function": self.function,
            "settings": dict(self),
            "texts": self._texts,
            "places": self.places,
            "prediction": self.prediction,
            "tested": {key: list(row) for key, row in self._tested.items()},
            "notes": self.notes,
            "reference": self.reference,
        }

    def _row(self, key):
        """Return the text of a setting, and its place unless it was changed."""
        given = self._given.get(key)
        plain = isinstance(given, (int, float, str, dict))
        if self[key] is given or (plain and self[key] == given):
            return self._texts[key], self.places[key]
        return shown(self[key]), "changed" if key in self._given else "added"


def training_recipe(name):
    """Return the settings with which a paper trained its architecture, or our own.

    Args:
        name: Name of the architecture, one of `landmark_architectures()["name"]`. Or a
            recipe of our own: `"small"`, for small photos from scratch in about ten
            minutes on two cores, with the function that builds its network as `model`;
            or `"transfer"`, for a pretrained network and a few hundred photos.

    Returns:
        `Recipe`, a dict of arguments for `fit_classifier` that prints each setting with
        the place in the paper where it is stated, what else the paper did, and how it
        tested. `places` and `notes` are these texts, and `prediction` is a dict of
        arguments for `predict_images`. The settings of `"transfer"` are arguments for
        `fine_tune`, and its defaults. The optimizer is a Keras optimizer if its
        settings differ from Keras's defaults. Settings that the paper does not mention
        are left out.

    Raises:
        ValueError: If there is no such architecture.

    Example:
        >>> recipe = training_recipe("alexnet")
        >>> recipe["batch_size"], recipe["epochs"]
        (128, 90)
        >>> recipe.places["epochs"]
        'section 5'
        >>> recipe["epochs"] = 10  # Then: fit_classifier(model, data, **recipe)
        >>> recipe = training_recipe("small")
        >>> recipe["model"]((48, 48, 3), 10).output_shape
        (None, 10)
        >>> # For 32 x 32 and two classes: fit_classifier(data=data, **recipe)
    """
    landmark = known_landmark(name) if isinstance(name, str) else None
    if landmark is None:
        name = as_choice(name, "name", [*OWN, *landmark_architectures()["name"]])
        return Recipe(name, OWN[name], REFERENCES[name])
    return Recipe(landmark.name, landmark.recipe, landmark.reference)


def recipe_as_lists(**arguments):
    """Return `training_recipe` as lists, for R."""
    return training_recipe(**arguments).as_lists()


def _made(values):
    """Return settings with the objects that plain data stand for."""
    values = dict(values)
    if "optimizer" in values:
        values["optimizer"] = _optimizer(*values["optimizer"])
    if "model" in values:
        values["model"] = _MODELS[values["model"]]
    if "augmentation" in values:
        made = [_POLICIES[kind](**given) for kind, given in values["augmentation"]]
        values["augmentation"] = as_policy(made)
    return values


def _optimizer(name, settings):
    """Return one of our optimizers or of Keras's; one without settings by its name."""
    if name in _OPTIMIZERS:
        return _OPTIMIZERS[name](**settings)
    if not settings:
        return name
    return keras.optimizers.get({"class_name": name, "config": settings})


def _text(key, value):
    """Return a setting as code that makes it, in the reader's language."""
    if key == "optimizer":
        name, settings = value
        return _code(name, settings) if settings else shown(name)
    if key == "augmentation":
        return ", then ".join(_code(kind, given) for kind, given in value)
    if key == "model":
        return value
    return value.__name__ if callable(value) else shown(value)


def _code(function, arguments):
    """Return the code of a call."""
    listed = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return translated(f"`{function}({listed})`").strip("`")


def _columns(rows):
    """Return lines of names, texts and places; a long text takes several."""
    width = max(map(len, rows), default=0)
    lines = []
    for name, (text, place) in rows.items():
        first, *more = textwrap.wrap(text, _WIDTH, break_long_words=False) or [""]
        lines.append(f"  {name:<{width}}  {first:<{_WIDTH}}  {place}".rstrip())
        lines += [f"  {'':<{width}}  {line}" for line in more]
    return lines


def _paragraph(text, first="", other=""):
    """Return a text in lines of the console's usual width."""
    return textwrap.fill(text, 80, initial_indent=first, subsequent_indent=other)
