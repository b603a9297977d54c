"""Training classifiers."""

from reticnn.training.fit import fit_classifier

__all__ = ["fit_classifier"]
