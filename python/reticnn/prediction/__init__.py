"""Classes and probabilities of images."""

from reticnn.prediction.predict import predict_images

__all__ = ["predict_images"]
