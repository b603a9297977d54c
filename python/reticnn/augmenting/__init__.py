"""Augmentation: random changes to images, each resampled only once."""

from reticnn.augmenting.aug_mix import aug_mix
from reticnn.augmenting.autoaugment import auto_augment, rand_augment, trivial_augment
from reticnn.augmenting.compose import augmentation
from reticnn.augmenting.in_memory import augment
from reticnn.augmenting.policy import Policy
from reticnn.augmenting.principal_colors import pca_color
from reticnn.augmenting.three_augment import three_augment

__all__ = [
    "Policy",
    "aug_mix",
    "augment",
    "augmentation",
    "auto_augment",
    "pca_color",
    "rand_augment",
    "three_augment",
    "trivial_augment",
]
