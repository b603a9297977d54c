"""What a model's output means: its kind, its loss, and the class probabilities."""

from reticnn.outputs.bare_models import as_classifier_or_model, kind_of_classifier
from reticnn.outputs.class_shares import ClassShares, as_prior, with_prior
from reticnn.outputs.last_features import as_rows, features_model
from reticnn.outputs.probabilities import probabilities, slopes_of_drawn_classes
from reticnn.outputs.scores import copy_with_scores, followed_by
from reticnn.runtime.backend import NeedingKeras

is_for_several_labels = NeedingKeras(
    "reticnn.outputs.compiled", "is_for_several_labels"
)
learns_probabilities = NeedingKeras("reticnn.outputs.compiled", "learns_probabilities")
loss_of = NeedingKeras("reticnn.outputs.compiled", "loss_of")
smoothing_of = NeedingKeras("reticnn.outputs.compiled", "smoothing_of")
takes_logits = NeedingKeras("reticnn.outputs.compiled", "takes_logits")
takes_one_hot = NeedingKeras("reticnn.outputs.compiled", "takes_one_hot")
targets_of_classes = NeedingKeras("reticnn.outputs.compiled", "targets_of_classes")

loss_and_metric = NeedingKeras("reticnn.outputs.losses", "loss_and_metric")

count_classes = NeedingKeras("reticnn.outputs.meaning", "count_classes")
keeps_values = NeedingKeras("reticnn.outputs.meaning", "keeps_values")
meaning_of = NeedingKeras("reticnn.outputs.meaning", "meaning_of")
output_kind = NeedingKeras("reticnn.outputs.meaning", "output_kind")
squash_of = NeedingKeras("reticnn.outputs.meaning", "squash_of")

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
    "squash_of",
    "takes_logits",
    "takes_one_hot",
    "targets_of_classes",
    "with_prior",
]
