"""Block diagrams of models: what the boxes are, and where they stand."""

from reticnn.inspection.diagram.diagram import architecture

__all__ = ["architecture"]
