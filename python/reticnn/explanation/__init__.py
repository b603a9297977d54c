"""Why a classifier answered so: maps of what speaks for a class."""

from reticnn.explanation.explain import explain_prediction, explanation_as_lists
from reticnn.explanation.scoring import explanation_scores, explanation_scores_as_lists

__all__ = [
    "explain_prediction",
    "explanation_as_lists",
    "explanation_scores",
    "explanation_scores_as_lists",
]
