"""Dividing image data: splits, folds, and what both keep whole."""
