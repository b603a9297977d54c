"""How the papers trained their networks."""

from reticnn.augmenting import augmentation, rand_augment
from reticnn.augmenting.sequence import as_policy
from reticnn.landmarks.registry import find_landmark
from reticnn.optimizers.momentum_sgd import MomentumSGD
from reticnn.runtime.backend import keras

# What the plain data of a recipe names.
_POLICIES = {"augmentation": augmentation, "rand_augment": rand_augment}
_OPTIMIZERS = {"MomentumSGD": MomentumSGD}


def training_recipe(name):
    """Return the settings with which a paper trained its architecture.

    Args:
        name: Name of the architecture, one of `landmark_architectures()["name"]`.

    Returns:
        Dict of arguments for `fit_classifier`. The optimizer is a Keras optimizer if
        its settings differ from Keras's defaults. Settings that the paper does not
        mention are left out. Where the paper divides the learning rate by ten a few
        times, the recipe has a cosine schedule instead. The recipes of AlexNet and
        ConvNeXt include an augmentation, which crops to 7/8 of height and width.

    Raises:
        ValueError: If there is no such architecture.

    Example:
        >>> recipe = training_recipe("alexnet")
        >>> recipe["batch_size"], recipe["epochs"]
        (128, 90)
    """
    recipe = dict(find_landmark(name).recipe)
    recipe["optimizer"] = _optimizer(*recipe["optimizer"])
    if "augmentation" in recipe:
        made = [_POLICIES[kind](**given) for kind, given in recipe["augmentation"]]
        recipe["augmentation"] = as_policy(made)
    return recipe


def _optimizer(name, settings):
    """Return one of our optimizers or of Keras's; one without settings by its name."""
    if name in _OPTIMIZERS:
        return _OPTIMIZERS[name](**settings)
    if not settings:
        return name
    return keras.optimizers.get({"class_name": name, "config": settings})
