"""Weights learned elsewhere: which there are, reading them, freezing them."""

from reticnn.pretrained.catalog import backbones
from reticnn.pretrained.freezing import freeze, unfreeze

__all__ = ["backbones", "freeze", "unfreeze"]
