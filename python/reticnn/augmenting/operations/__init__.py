"""The operations of `augmentation()`, in the order in which they act."""

from reticnn.augmenting.operations.color import COLOR_JITTER, GRAYSCALE, PCA_COLOR
from reticnn.augmenting.operations.crop import CROP
from reticnn.augmenting.operations.distortion import ELASTIC, PERSPECTIVE
from reticnn.augmenting.operations.geometry import (
    FLIP,
    ROTATION,
    SHEAR,
    TRANSLATION,
    ZOOM,
)
from reticnn.augmenting.operations.texture import (
    ERASING,
    GAUSSIAN_BLUR,
    GAUSSIAN_NOISE,
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
        GAUSSIAN_BLUR,
        GAUSSIAN_NOISE,
        ERASING,
    )
}
