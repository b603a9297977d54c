"""OpenCV, imported when it is first used: the other modules import `cv2` from here."""

import sys
from functools import cache

from reticnn.notation import in_words
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
        package = "opencv-python-headless"
        command = in_words(
            f'{sys.executable} -m pip install "{package}"',
            f'reticulate::py_install("{package}")',
        )
        raise MissingPackageError(
            "What changes, resizes or measures images needs OpenCV, which this Python "
            f"lacks or cannot load ({error}). Install it: `{command}`. Images that "
            "have the size that a model takes are read, trained on and predicted "
            "without it."
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
