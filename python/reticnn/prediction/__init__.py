"""Classes and probabilities of images."""

from reticnn.prediction.predict import predict_images
from reticnn.prediction.write import write_predictions

__all__ = ["predict_images", "write_predictions"]
