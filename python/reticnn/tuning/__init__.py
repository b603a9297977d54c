"""Search over settings, cross-validation, ensembles."""

from reticnn.tuning.cross_validation import cross_validate, cross_validate_told
from reticnn.tuning.ensembles import ensemble_classifiers
from reticnn.tuning.search_space import choice_of, log_range, real_range, whole_range
from reticnn.tuning.tune import tune_classifier

__all__ = [
    "choice_of",
    "cross_validate",
    "cross_validate_told",
    "ensemble_classifiers",
    "log_range",
    "real_range",
    "tune_classifier",
    "whole_range",
]
