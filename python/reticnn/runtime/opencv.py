"""OpenCV, imported when it is first used: the other modules import `cv2` from here."""

from functools import cache

from reticnn.notation import installing
from reticnn.runtime.conditions import MissingPackageError


class _OpenCV:
    """The module `cv2`; where there is none, the first use of it says so."""

    def __getattr__(self, name):
        return getattr(_module(), name)


@cache
def _module():
    try:
        import cv2
    except ImportError as error:
        raise MissingPackageError(
            "Changing, resizing or measuring images needs OpenCV, which this Python "
            f"lacks or cannot load ({error}). Install it: "
            f"{installing('opencv-python-headless')}. Images that have the size that a "
            "model takes are read, trained on and predicted without it."
        ) from error
    return cv2


def has_opencv():
    """Return whether OpenCV is there."""
    try:
        _module()
    except ImportError:
        return False
    return True


cv2 = _OpenCV()
