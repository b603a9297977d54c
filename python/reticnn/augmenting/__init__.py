"""Augmentation: random changes to images, each resampled only once."""

from reticnn.augmenting.autoaugment import auto_augment, rand_augment, trivial_augment
from reticnn.augmenting.compose import augmentation
from reticnn.augmenting.in_memory import augment
from reticnn.augmenting.policy import Policy

__all__ = [
    "Policy",
    "augment",
    "augmentation",
    "auto_augment",
    "rand_augment",
    "trivial_augment",
]
