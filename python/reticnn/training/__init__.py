"""Training classifiers."""

from reticnn.training.fine_tuning import fine_tune
from reticnn.training.fit import fit_classifier
from reticnn.training.learning_rate import find_learning_rate
from reticnn.training.policy_search import learn_augmentation
from reticnn.training.recipes import recipe_as_lists, training_recipe

__all__ = [
    "find_learning_rate",
    "fine_tune",
    "fit_classifier",
    "learn_augmentation",
    "recipe_as_lists",
    "training_recipe",
]
