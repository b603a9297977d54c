"""Blocks of layers: a Keras tensor in, a Keras tensor out."""

from reticnn.blocks.convnext import convnext_block
from reticnn.blocks.dense import dense_block, transition_block
from reticnn.blocks.inception import inception_module
from reticnn.blocks.plain import (
    as_activation,
    as_dropout,
    as_output,
    classifier_head,
    conv_block,
    domain_adapter,
    global_pool,
)
from reticnn.blocks.residual import residual_block
from reticnn.blocks.separable import separable_block

__all__ = [
    "as_activation",
    "as_dropout",
    "as_output",
    "classifier_head",
    "conv_block",
    "convnext_block",
    "dense_block",
    "domain_adapter",
    "global_pool",
    "inception_module",
    "residual_block",
    "separable_block",
    "transition_block",
]
