"""Training classifiers."""

from reticnn.training.fit import fit_classifier
from reticnn.training.learning_rate import find_learning_rate

__all__ = ["find_learning_rate", "fit_classifier"]
