"""Landmark architectures: the networks of the papers, built from visible blocks.

One module holds one family; importing it registers its architectures. They are plain
facts and functions until a network is built.
"""

from reticnn.landmarks import (  # noqa: F401
    alexnet,
    convnext,
    densenet,
    googlenet,
    lenet,
    mobilenet,
    resnet,
    resnet_cifar,
    vgg,
)
from reticnn.landmarks.convnext_ladder import convnext_ladder
from reticnn.landmarks.registry import landmark_architectures

__all__ = ["convnext_ladder", "landmark_architectures"]
