"""How the papers trained their networks."""

from reticnn.landmarks.registry import find_landmark
from reticnn.runtime.backend import keras


def training_recipe(name):
    """Return how the paper trained an architecture, as arguments of `fit_classifier`.

    Args:
        name: Name of the architecture.

    Returns:
        Dict of arguments. The optimizer is a Keras optimizer where its settings are not
        Keras's own. What a paper does not say is not in it. Where papers divide the
        learning rate by ten a few times, it falls along half a cosine. AlexNet's and
        ConvNeXt's have an augmentation, which crops to 7/8 of height and width.

    Raises:
        ValueError: If there is no such architecture.

    Example:
        >>> recipe = training_recipe("alexnet")
        >>> recipe["batch_size"], recipe["epochs"]
        (128, 90)
    """
    recipe = dict(find_landmark(name).recipe)
    recipe["optimizer"] = _optimizer(*recipe["optimizer"])
    return recipe


def _optimizer(name, settings):
    """Return one of our optimizers or of Keras's; one without settings by its name."""
    ours = keras.saving.get_registered_object(f"reticnn>{name}")
    if ours is not None:
        return ours(**settings)
    if not settings:
        return name
    return keras.optimizers.get({"class_name": name, "config": settings})
