"""Image classification with convolutional networks, from R and from Python.

Every public function is imported from here: ``reticnn.build_cnn``,
``reticnn.fit_classifier`` and so on. Importing the package is cheap: Keras and its
backend start with the first function that needs them, so ``KERAS_BACKEND`` can still
be chosen after ``import reticnn``.
"""

import importlib

from reticnn.runtime.registration import register_classes, register_with_keras

__version__ = "0.1.0"

_HOME = {
    "conv_block": "blocks",
    "global_pool": "blocks",
    "classifier_head": "blocks",
    "domain_adapter": "blocks",
    "residual_block": "blocks",
    "inception_module": "blocks",
    "dense_block": "blocks",
    "transition_block": "blocks",
    "separable_block": "blocks",
    "convnext_block": "blocks",
    "build_mlp": "models",
    "build_cnn": "models",
    "landmark_architectures": "landmarks",
    "convnext_ladder": "landmarks",
    "landmark_model": "models",
    "training_recipe": "training",
    "describe_model": "inspection",
    "separable_costs": "inspection",
    "architecture": "inspection",
    "layer_filters": "inspection",
    "feature_maps": "inspection",
    "plot_architecture": "plots",
    "plot_augmentation": "plots",
    "plot_by": "plots",
    "plot_comparison": "plots",
    "plot_confusion": "plots",
    "plot_cross_validation": "plots",
    "plot_curve": "plots",
    "plot_description": "plots",
    "plot_explanation": "plots",
    "plot_feature_maps": "plots",
    "plot_filters": "plots",
    "plot_history": "plots",
    "plot_images": "plots",
    "plot_ladder": "plots",
    "plot_rates": "plots",
    "plot_review": "plots",
    "plot_stress": "plots",
    "plot_tiles": "plots",
    "plot_tuning": "plots",
    "backbones": "pretrained",
    "transfer_model": "models",
    "freeze": "pretrained",
    "unfreeze": "pretrained",
    "layer_table": "inspection",
    "augmentation": "augmenting",
    "augment": "augmenting",
    "rand_augment": "augmenting",
    "trivial_augment": "augmenting",
    "pca_color": "augmenting",
    "auto_augment": "augmenting",
    "aug_mix": "augmenting",
    "three_augment": "augmenting",
    "augmentation_layer": "augmenting.layer",
    "learn_augmentation": "training",
    "image_folder": "data",
    "image_table": "data",
    "image_tiles": "data",
    "image_arrays": "data",
    "shape_images": "data",
    "cats_and_dogs": "data",
    "check_images": "data",
    "image_memory": "data",
    "split_images": "data",
    "fold_images": "data",
    "load_images": "data",
    "find_learning_rate": "training",
    "fit_classifier": "training",
    "fine_tune": "training",
    "predict_images": "prediction",
    "evaluate_classifier": "evaluation",
    "evaluation_curve": "evaluation",
    "calibrate_classifier": "evaluation",
    "compare_classifiers": "evaluation",
    "stress_test": "evaluation",
    "explain_prediction": "explanation",
    "prediction_sets": "evaluation",
    "novelty_scores": "evaluation",
    "novelty_threshold": "evaluation",
    "save_classifier": "saving",
    "load_classifier": "saving",
    "report_classifier": "reporting",
    "review_images": "review",
    "cross_validate": "tuning",
    "ensemble_classifiers": "tuning",
    "choice_of": "tuning",
    "log_range": "tuning",
    "real_range": "tuning",
    "tune_classifier": "tuning",
    "whole_range": "tuning",
}

# Classes that users meet as objects made by the functions. They say `reticnn` as their
# module, so that R's methods for them do not depend on where they live.
_HOME_OF_CLASSES = {
    "AutoAugment": "augmenting.autoaugment",
    "Augmentation": "augmenting.compose",
    "Classifier": "classifier",
    "CrossValidation": "evaluation.cross_validated",
    "Explanation": "explanation.explained",
    "ImageData": "data.image_data",
    "Policy": "augmenting.policy",
    "RandAugment": "augmenting.autoaugment",
    "Recipe": "training.recipes",
    "Review": "review.findings",
    "Sequence": "augmenting.sequence",
    "SettingChoices": "tuning.search_space",
    "SettingRange": "tuning.search_space",
    "TrivialAugment": "augmenting.autoaugment",
    "Tuning": "tuning.tuned",
    "AugMix": "augmenting.aug_mix",
    "ThreeAugment": "augmenting.three_augment",
}

# What the plots of both languages draw, and what R's c() gives. R calls these by name;
# users have no need to.
_HOME_OF_PREPARATION = {
    "bars_of_description": "plots.preparation",
    "bars_of_ladder": "plots.preparation",
    "cells_of_confusion": "plots.preparation",
    "cross_validate_told": "tuning",
    "dots_by": "plots.evaluation_dots",
    "dots_of_comparison": "plots.evaluation_dots",
    "explanation_as_lists": "explanation",
    "joined_images": "data.image_data",
    "drawing_of_search": "plots.searches",
    "labels_of_boxes": "plots.preparation",
    "lines_of_curve": "plots.evaluation_curves",
    "lines_of_stress": "plots.evaluation_stress",
    "map_of_tiles": "plots.maps",
    "pairs_of_confusion": "plots.preparation",
    "pictures_of_augmentation": "plots.preparation",
    "pictures_of_explanation": "plots.attribution",
    "pictures_of_feature_maps": "plots.preparation",
    "pictures_of_filters": "plots.preparation",
    "pictures_of_images": "plots.preparation",
    "pictures_of_review": "plots.reviewed",
    "points_of_folds": "plots.folds",
    "points_of_history": "plots.preparation",
    "recipe_as_lists": "training",
    "review_as_lists": "review",
}

# What None means for an argument whose default is something else: here it switches off
# what the argument is for, everywhere else it is the default. Where it is None, the
# functions know themselves what that means.
_OFF = {
    "activation": None,
    "cache": "none",
    "cache_features": "none",
    "distribute": "none",
    "early_stopping": None,
    "layer_scale": None,
    "progress": "none",
    "units": None,
    "weights": None,
}
_OFF_IN = {
    "conv_block": {"pool": None},
    "cross_validate": {"intervals": None},
    "calibrate_classifier": {"intervals": None},
    "evaluate_classifier": {"intervals": None},
    "fine_tune": {"validation": None},
}

__all__ = [
    "architecture",
    "aug_mix",
    "augment",
    "augmentation",
    "augmentation_layer",
    "auto_augment",
    "backbones",
    "build_cnn",
    "build_mlp",
    "calibrate_classifier",
    "cats_and_dogs",
    "check_images",
    "choice_of",
    "classifier_head",
    "compare_classifiers",
    "conv_block",
    "convnext_block",
    "convnext_ladder",
    "cross_validate",
    "dense_block",
    "describe_model",
    "domain_adapter",
    "ensemble_classifiers",
    "evaluate_classifier",
    "evaluation_curve",
    "explain_prediction",
    "feature_maps",
    "find_learning_rate",
    "fine_tune",
    "fit_classifier",
    "fold_images",
    "freeze",
    "global_pool",
    "image_arrays",
    "image_folder",
    "image_memory",
    "image_table",
    "image_tiles",
    "inception_module",
    "landmark_architectures",
    "landmark_model",
    "layer_filters",
    "layer_table",
    "learn_augmentation",
    "load_classifier",
    "load_images",
    "log_range",
    "novelty_scores",
    "novelty_threshold",
    "pca_color",
    "plot_architecture",
    "plot_augmentation",
    "plot_by",
    "plot_comparison",
    "plot_confusion",
    "plot_cross_validation",
    "plot_curve",
    "plot_description",
    "plot_explanation",
    "plot_feature_maps",
    "plot_filters",
    "plot_history",
    "plot_images",
    "plot_ladder",
    "plot_rates",
    "plot_review",
    "plot_stress",
    "plot_tiles",
    "plot_tuning",
    "predict_images",
    "prediction_sets",
    "rand_augment",
    "real_range",
    "report_classifier",
    "residual_block",
    "review_images",
    "save_classifier",
    "separable_block",
    "separable_costs",
    "shape_images",
    "split_images",
    "stress_test",
    "three_augment",
    "training_recipe",
    "transfer_model",
    "transition_block",
    "trivial_augment",
    "tune_classifier",
    "unfreeze",
    "whole_range",
]


def __getattr__(name):
    """Import a public function or class from its room at first use."""
    homes = {**_HOME, **_HOME_OF_CLASSES, **_HOME_OF_PREPARATION}
    if name not in homes:
        raise AttributeError(f"module 'reticnn' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"reticnn.{homes[name]}"), name)
    if name not in _HOME_OF_CLASSES:
        # Not at the top: it takes NumPy with it.
        coercion = importlib.import_module("reticnn.coercion")
        value = coercion.none_as_default(value, {**_OFF, **_OFF_IN.get(name, {})})
    globals()[name] = value
    register_classes()
    return value


def __dir__():
    """List the public functions, imported already or not."""
    return sorted({*globals(), *_HOME})


register_with_keras()
