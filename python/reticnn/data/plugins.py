"""What is installed beside Pillow and has it read further formats."""

import contextlib
from functools import cache

from PIL import Image


@cache
def add_plugins():
    """Have Pillow read HEIC and JPEG XL, where packages for that are installed."""
    Image.init()
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    with contextlib.suppress(ImportError):
        import pillow_jxl  # noqa: F401
