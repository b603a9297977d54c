"""Classifiers in the formats of others."""

from reticnn.export.exporting import export_classifier

__all__ = ["export_classifier"]
