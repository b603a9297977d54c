"""What a model's output means: its kind, its loss, and the class probabilities."""

from reticnn.outputs.bare_models import as_classifier_or_model, kind_of_classifier
from reticnn.outputs.class_shares import ClassShares, as_prior, with_prior
from reticnn.outputs.compiled import (
    is_for_several_labels,
    learns_probabilities,
    loss_of,
    smoothing_of,
    takes_logits,
    takes_one_hot,
    targets_of_classes,
)
from reticnn.outputs.last_features import as_rows, features_model
from reticnn.outputs.losses import loss_and_metric, soft_binary_accuracy
from reticnn.outputs.meaning import (
    count_classes,
    keeps_values,
    meaning_of,
    output_kind,
    squash_of,
)
from reticnn.outputs.probabilities import probabilities, slopes_of_drawn_classes
from reticnn.outputs.scores import copy_with_scores, followed_by

__all__ = [
    "ClassShares",
    "as_classifier_or_model",
    "as_prior",
    "as_rows",
    "copy_with_scores",
    "count_classes",
    "features_model",
    "followed_by",
    "is_for_several_labels",
    "keeps_values",
    "kind_of_classifier",
    "learns_probabilities",
    "loss_and_metric",
    "loss_of",
    "meaning_of",
    "output_kind",
    "probabilities",
    "slopes_of_drawn_classes",
    "smoothing_of",
    "soft_binary_accuracy",
    "squash_of",
    "takes_logits",
    "takes_one_hot",
    "targets_of_classes",
    "with_prior",
]
