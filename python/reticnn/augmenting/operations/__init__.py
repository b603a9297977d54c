"""The operations of `augmentation()`, in the order in which they act."""

from reticnn.augmenting.operations.camera import (
    DOWNSCALING,
    JPEG_COMPRESSION,
    MOTION_BLUR,
)
from reticnn.augmenting.operations.color import (
    CHANNEL_SHUFFLE,
    COLOR_JITTER,
    COLOR_TEMPERATURE,
    GRAYSCALE,
    PCA_COLOR,
)
from reticnn.augmenting.operations.crop import CROP
from reticnn.augmenting.operations.distortion import ELASTIC, PERSPECTIVE
from reticnn.augmenting.operations.erasing import ERASING
from reticnn.augmenting.operations.geometry import (
    FLIP,
    ROTATION,
    SHEAR,
    TRANSLATION,
    ZOOM,
)
from reticnn.augmenting.operations.texture import (
    GAUSSIAN_BLUR,
    GAUSSIAN_NOISE,
)
from reticnn.augmenting.operations.tones import (
    AUTO_CONTRAST,
    EQUALIZATION,
    GAMMA,
    INVERT,
    POSTERIZATION,
    SHARPENING,
    SOLARIZATION,
)

OPERATIONS = {
    operation.name: operation
    for operation in (
        CROP,
        FLIP,
        TRANSLATION,
        SHEAR,
        ROTATION,
        ZOOM,
        PERSPECTIVE,
        ELASTIC,
        COLOR_JITTER,
        GRAYSCALE,
        PCA_COLOR,
        CHANNEL_SHUFFLE,
        COLOR_TEMPERATURE,
        AUTO_CONTRAST,
        EQUALIZATION,
        GAMMA,
        POSTERIZATION,
        SOLARIZATION,
        INVERT,
        SHARPENING,
        GAUSSIAN_BLUR,
        MOTION_BLUR,
        DOWNSCALING,
        GAUSSIAN_NOISE,
        JPEG_COMPRESSION,
        ERASING,
    )
}
