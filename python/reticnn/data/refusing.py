"""What is not read: images that cannot be understood, or not in bounded memory."""

import math

from reticnn.data.budget import memory


class RefusedError(Exception):
    """An image that can be read, but not be understood, or not in bounded memory."""


def check_memory(count):
    """Raise if an image cannot be decoded in the memory there is for that."""
    if count > memory.most:
        enough = math.ceil(count / 1e8) / 10
        raise RefusedError(
            f"takes {count / 1e9:.1f} GB of memory to decode, more than the "
            f"{memory.most / 1e9:.2f} GB that are used for it: allow more with "
            f"`image_memory({enough})`, or save it smaller, or as a JPEG that is not "
            "progressive"
        )
