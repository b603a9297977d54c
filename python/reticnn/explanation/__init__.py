"""Why a classifier answered so: maps of what speaks for a class."""

from reticnn.explanation.explain import explain_prediction, explanation_as_lists

__all__ = ["explain_prediction", "explanation_as_lists"]
