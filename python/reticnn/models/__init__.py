"""Whole networks, ready to be trained."""

from reticnn.models.landmark import landmark_model
from reticnn.models.simple import build_cnn, build_mlp
from reticnn.models.transfer import transfer_model

__all__ = ["build_cnn", "build_mlp", "landmark_model", "transfer_model"]
