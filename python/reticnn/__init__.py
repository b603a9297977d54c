"""Image classification with convolutional networks, from R and from Python.

Every public function is imported from here: ``reticnn.build_cnn``,
``reticnn.fit_classifier`` and so on. Importing the package is cheap: Keras and its
backend start with the first function that needs them, so ``KERAS_BACKEND`` can still
be chosen after ``import reticnn``.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "conv_block": "blocks",
    "global_pool": "blocks",
    "classifier_head": "blocks",
    "build_mlp": "models",
    "build_cnn": "models",
    "augment": "augmenting",
    "augmentation": "augmenting",
    "rand_augment": "augmenting",
    "trivial_augment": "augmenting",
    "auto_augment": "augmenting",
    "learn_augmentation": "augmenting.learning",
    "augmentation_layer": "augmenting.layer",
    "image_folder": "data",
    "image_table": "data",
    "image_arrays": "data",
    "shape_images": "data",
    "cats_and_dogs": "data",
    "split_images": "data",
    "load_images": "data",
    "find_learning_rate": "training",
    "check_images": "data",
    "fit_classifier": "training",
    "predict_images": "prediction",
    "evaluate_classifier": "prediction",
    "save_classifier": "saving",
    "load_classifier": "saving",
}

__all__ = [
    "augment",
    "augmentation",
    "augmentation_layer",
    "auto_augment",
    "build_cnn",
    "build_mlp",
    "cats_and_dogs",
    "check_images",
    "classifier_head",
    "conv_block",
    "evaluate_classifier",
    "find_learning_rate",
    "fit_classifier",
    "global_pool",
    "image_arrays",
    "image_folder",
    "image_table",
    "learn_augmentation",
    "load_classifier",
    "load_images",
    "predict_images",
    "rand_augment",
    "save_classifier",
    "shape_images",
    "split_images",
    "trivial_augment",
]


def __getattr__(name):
    """Import a public function from its room at first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'reticnn' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"reticnn.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    """List the public functions, imported already or not."""
    return sorted({*globals(), *_HOME})
