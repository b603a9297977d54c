"""Landmark architectures: the networks of the papers, built from visible blocks.

One module holds one family. Importing it enters its architectures into the register.
"""

from reticnn.landmarks.registry import (
    landmark_architectures,
    landmark_model,
    training_recipe,
)

__all__ = ["landmark_architectures", "landmark_model", "training_recipe"]
