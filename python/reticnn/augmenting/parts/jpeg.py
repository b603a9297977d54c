"""The part `"jpeg"`: images are compressed as JPEG, and decoded.

Its parameter is `"jpeg"`, (n,), int32, the quality, 1 to 100, or 0 to leave an image as
it is. OpenCV does it, on the host only.
"""

import numpy as np

from reticnn.augmenting.parts.part import Parameters, Part, arguments, one_by_one
from reticnn.runtime.opencv import cv2


def _prepare(image_shape, parameters, constants):
    """Return the quality of the images that are compressed."""
    qualities = parameters["jpeg"]
    return {"jpeg_quality": arguments([qualities.tolist()], qualities > 0)}


@one_by_one("jpeg_quality")
def _on_host(image, result, quality):
    whole = image
    if image.dtype != np.uint8:
        whole = np.rint(np.clip(image, 0, 255)).astype(np.uint8)
    is_grey = image.ndim == 2
    # OpenCV has blue first, which matters as luma is kept better.
    given = whole if is_grey else cv2.cvtColor(whole, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", given, [cv2.IMWRITE_JPEG_QUALITY, quality])
    kind = cv2.IMREAD_GRAYSCALE if is_grey else cv2.IMREAD_COLOR_RGB
    result[...] = cv2.imdecode(data, kind)


JPEG = Part("jpeg_compression", Parameters, _on_host, None, _prepare)
