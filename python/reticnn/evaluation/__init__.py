"""How good a classifier is."""

from reticnn.evaluation.curves import evaluation_curve
from reticnn.evaluation.evaluate import evaluate_classifier

__all__ = ["evaluate_classifier", "evaluation_curve"]
