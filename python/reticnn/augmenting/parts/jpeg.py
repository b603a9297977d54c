"""The part `"jpeg"`: images are compressed as JPEG, and decoded.

Its parameter is `"jpeg"`, (n,), int32, the quality, 1 to 100, or 0 to leave an image as
it is. OpenCV does it, on the host only.
"""

import cv2
import numpy as np

from reticnn.augmenting.parts.part import Parameters, Part, in_place


@in_place
def _on_host(images, parameters, constants):
    for image, quality in zip(images, parameters["jpeg"].tolist(), strict=True):
        if not quality:
            continue
        whole = image
        if image.dtype != np.uint8:
            whole = np.rint(np.clip(image, 0, 255)).astype(np.uint8)
        settings = [cv2.IMWRITE_JPEG_QUALITY, quality]
        is_grey = image.shape[2] == 1
        # OpenCV has blue first, which matters as luma is kept better.
        given = whole if is_grey else cv2.cvtColor(whole, cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".jpg", given, settings)
        decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        if not is_grey:
            decoded = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
        image[...] = decoded.reshape(image.shape)


JPEG = Part("jpeg_compression", Parameters, _on_host, None)
