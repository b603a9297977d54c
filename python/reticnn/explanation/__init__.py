"""Why a classifier answered so: maps of what speaks for a class, and what is alike."""

from reticnn.explanation.class_image import class_image, class_image_as_lists
from reticnn.explanation.embedding import embed_images
from reticnn.explanation.explain import explain_prediction, explanation_as_lists
from reticnn.explanation.scoring import explanation_scores, explanation_scores_as_lists
from reticnn.explanation.similar import similar_as_lists, similar_images

__all__ = [
    "class_image",
    "class_image_as_lists",
    "embed_images",
    "explain_prediction",
    "explanation_as_lists",
    "explanation_scores",
    "explanation_scores_as_lists",
    "similar_as_lists",
    "similar_images",
]
