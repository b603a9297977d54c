"""How good a classifier is."""

from reticnn.evaluation.calibrating import calibrate_classifier
from reticnn.evaluation.compare import compare_classifiers
from reticnn.evaluation.curves import evaluation_curve
from reticnn.evaluation.evaluate import evaluate_classifier
from reticnn.evaluation.novelty import novelty_scores, novelty_threshold
from reticnn.evaluation.prediction_sets import prediction_sets
from reticnn.evaluation.stress import stress_test

__all__ = [
    "calibrate_classifier",
    "compare_classifiers",
    "evaluate_classifier",
    "evaluation_curve",
    "novelty_scores",
    "novelty_threshold",
    "prediction_sets",
    "stress_test",
]
