"""How good a classifier is."""

from reticnn.evaluation.calibrating import calibrate_classifier
from reticnn.evaluation.curves import evaluation_curve
from reticnn.evaluation.evaluate import evaluate_classifier

__all__ = ["calibrate_classifier", "evaluate_classifier", "evaluation_curve"]
