"""One file that loads anywhere and runs no code."""

from reticnn.saving.save import load_classifier, save_classifier

__all__ = ["load_classifier", "save_classifier"]
