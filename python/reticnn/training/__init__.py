"""Training classifiers."""

from reticnn.training.fine_tuning import fine_tune
from reticnn.training.fit import fit_classifier
from reticnn.training.learning_rate import find_learning_rate

__all__ = ["find_learning_rate", "fine_tune", "fit_classifier"]
