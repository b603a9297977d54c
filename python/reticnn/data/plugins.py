"""What is installed beside Pillow and has it read further formats."""

import contextlib
from functools import cache

from PIL import Image


@cache
def add_plugins():
    """Have Pillow read HEIC and JPEG XL, where packages for that are installed."""
    Image.init()
    if heif() is not None:
        heif().register_heif_opener()
    with contextlib.suppress(ImportError):
        import pillow_jxl  # noqa: F401


@cache
def heif():
    """Return the package that reads HEIC, or None if it is not installed."""
    try:
        import pillow_heif
    except ImportError:
        return None
    return pillow_heif
