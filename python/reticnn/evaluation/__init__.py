"""How good a classifier is."""

from reticnn.evaluation.evaluate import evaluate_classifier

__all__ = ["evaluate_classifier"]
