"""Layers that learn at one rate: the blocks of known networks, or single layers."""

import re
from functools import cache

from reticnn.graph import layers_with_parents, leaves_of, scales_and_biases
from reticnn.pretrained.freezing import is_known_network

# By the names of layers, in ours and in Keras's networks. Of VGG's, of which each
# convolution is a group of its own, none of them is.
_BLOCKS = tuple(
    map(
        re.compile,
        (
            r"(stage\d+_block\d+)_\w+",  # ResNet
            r"(conv\d+_block\d+)_\w+",  # Keras's ResNet and DenseNet
            r"(block\d+_layer\d+)_\w+",  # DenseNet
            r"(transition\d+)_\w+",
            r"(pool\d+)_(?:bn|conv)",
            r"(inception\d\w)_\w+",  # GoogLeNet
            r"(block\d+)_(?:depth|point)wise\w*",  # MobileNet
            r"conv_(?:dw|pw)_(\d+)(?:_bn)?",
            r"((?:block|expanded_conv)_\d+|expanded_conv)_\w+",  # its later versions
            r"(block\d+[a-z]+)_\w+",  # EfficientNet
        ),
    )
)
_CONVNEXT = re.compile(
    r"stage(?P<stage>\d)_"
    r"(?:block(?P<block>\d+)_(?:depthwise|norm|widen|narrow|scale)|norm|conv)"
)
# Keras counts from 0, and downsampling by what comes before it.
_KERAS_CONVNEXT = re.compile(
    r"convnext_\w+?_"
    r"(?:stage_(?P<stage>\d)_block_(?P<block>\d+)_\w+|downsampling_\w+_(?P<after>\d))"
)


# The last normalisation of a ConvNeXt learns with the head, as in its authors' code.
_HEAD_NORM = re.compile(r"head_norm|convnext_\w+_head_layernorm")


def rate_factors(model, decay):
    """Return the factor of the learning rate of each trained variable, by its id.

    The last group of layers has 1, and so has what is trained but is not among the
    layers, such as auxiliary classifiers. A layer that several nested models share
    counts where it is used first.
    """
    factors = {id(variable): 1.0 for variable in model.trainable_variables}
    small = set(map(id, scales_and_biases(model)))
    depth = 0
    for group in reversed(layer_groups(model)):
        for layer in group:
            variables = layer.trainable_variables
            factors.update({id(variable): decay**depth for variable in variables})
        depth += any(mixes(layer, small) for layer in group)
    return factors


def layer_groups(model):
    """Return the trained layers of a model as lists of those that learn at one rate.

    Layers without a matrix or kernel, such as normalisations, are of the group of the
    layer before them unless their name says to which block they belong. ConvNeXt's
    groups are those of its authors' code.

    Args:
        model: Keras model.
    """
    leaves = set(map(id, leaves_of(model)))
    small = set(map(id, scales_and_biases(model)))
    is_known, patterns = cache(is_known_network), cache(_patterns)
    groups, of_block, of_head, seen = [], {}, [], set()
    for layer, parents in layers_with_parents(model):
        if id(layer) not in leaves or id(layer) in seen:
            continue
        seen.add(id(layer))
        if not layer.trainable_variables:
            continue
        # Keras's ConvNeXt has small models within it, for downsampling.
        network = next(filter(is_known, reversed(parents)), None)
        block = network and _block(layer.name, patterns(network))
        key = block and (id(network), block)
        if network and _HEAD_NORM.fullmatch(layer.name):
            of_head.append(layer)
        elif key in of_block:
            of_block[key].append(layer)
        elif key or not groups or mixes(layer, small):
            groups.append([*of_head, layer])
            of_head = []
            of_block.update({key: groups[-1]} if key else {})
        else:
            groups[-1].append(layer)
    return [*groups, of_head] if of_head else groups


def mixes(layer, small):
    """Return whether a layer has a trained weight that is not one of the small ones."""
    return any(id(variable) not in small for variable in layer.trainable_variables)


def _patterns(network):
    """Return the patterns for the names of a network's layers, by kind of network.

    Layer scales are in the blocks of ResNets too, on the way to ConvNeXt.
    """
    names = {layer.name for layer in leaves_of(network)}
    if "stage1_block1_widen" in names:
        return (_CONVNEXT,)
    return (_KERAS_CONVNEXT, *_BLOCKS)


def _block(name, patterns):
    """Return what the layers of a block have in common, or None for a single layer."""
    found = next(filter(None, (pattern.fullmatch(name) for pattern in patterns)), None)
    if found is None:
        return None
    if found.re is _CONVNEXT:
        return _convnext_group(int(found["stage"]), int(found["block"] or 1))
    if found.re is _KERAS_CONVNEXT and found["after"]:
        return _convnext_group(int(found["after"]) + 2, 1)
    if found.re is _KERAS_CONVNEXT:
        return _convnext_group(int(found["stage"]) + 1, int(found["block"]) + 1)
    return found[1]


def _convnext_group(stage, block):
    """Return the group of a block: a stage, or of the long third one three blocks."""
    return stage, (block - 1) // 3 if stage == 3 else 0
