"""Block diagrams of models: what the boxes are, and where they stand."""

from reticnn.diagrams.diagram import architecture

__all__ = ["architecture"]
