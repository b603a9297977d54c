"""A page and an API for a classifier."""

from reticnn.serving.apart import served_apart
from reticnn.serving.serve import serve_classifier

__all__ = ["serve_classifier", "served_apart"]
