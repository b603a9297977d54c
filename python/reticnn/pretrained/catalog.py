"""Pretrained networks to start from: plain data, and how to look it up."""

import re
from dataclasses import dataclass

from reticnn.coercion import nearest, shown
from reticnn.graph import without_top
from reticnn.landmarks.registry import (
    build_landmark,
    find_landmark,
    known_landmark,
)
from reticnn.pretrained.backbone import Backbone

_STORAGE = "https://storage.googleapis.com/tensorflow/keras-applications/"
_WIDTHS = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}


@dataclass(frozen=True)
class LandmarkBackbone(Backbone):
    """A landmark architecture that `keras.applications` does not have."""

    def build(self, input_shape):
        """Return the network up to its feature maps, with random weights."""
        landmark = find_landmark(self.name)
        model = build_landmark(landmark, input_shape, 2, **self.options)
        return without_top(model)

    def cached_files(self, whole=False):
        """Return no files: there are none."""
        return []


def backbones():
    """List the pretrained networks that `transfer_model` can start from.

    Returns:
        Table (dict of equal-length lists) with one row per network: `name`; `family`;
        `parameters`, without the top; `input_size`, the height and width in pixels it
        was designed for; `min_size`, the smallest it accepts; `preprocessing`, what
        `transfer_model` does to pixels from 0 to 255; `weights`, those available,
        `"imagenet"` from Keras, or `"none"` for landmark models that Keras does not
        have; and `cached`, whether the weights are already on this machine.

    Example:
        >>> table = backbones()
        >>> table["name"][:3]
        ['alexnet', 'convnext_base', 'convnext_large']

    Source:
        `keras.applications`, and `landmark_architectures`.
    """
    entries = [BACKBONES[name] for name in sorted(BACKBONES)]
    return {
        "name": [entry.name for entry in entries],
        "family": [entry.family for entry in entries],
        "parameters": [entry.parameters for entry in entries],
        "input_size": [entry.input_size for entry in entries],
        "min_size": [entry.min_size for entry in entries],
        "preprocessing": [_PREPROCESSING[entry.preprocessing] for entry in entries],
        "weights": ["imagenet" if entry.file else "none" for entry in entries],
        "cached": [bool(entry.cached_files()) for entry in entries],
    }


def as_backbone(value, name="backbone"):
    """Return the entry for a name, whatever its case, hyphens and underscores."""
    found = find_backbone(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(
            f"`{name}` must be a name that `backbones()` lists or a Keras model, not "
            f"{shown(value)}.{nearest(value, list(BACKBONES))}"
        )
    return found


def find_backbone(name):
    """Return the entry for a name as people or Keras write it, or None."""
    plain = {_plain(known): entry for known, entry in BACKBONES.items()}
    # Keras puts the width and the size of the images behind some names.
    sized = re.fullmatch(r"(.+)_(\d\.\d\d)_(\d+|None)", name)
    if sized:
        name = sized[1] + _width(float(sized[2]))
    return plain.get(_plain(name))


def last_blocks(name):
    """Return the patterns for the last block of the networks of a name, if any.

    Keras's network and the landmark architecture of a name call their layers
    differently.
    """
    known = (find_backbone(name), known_landmark(name))
    return list(dict.fromkeys(one.last_block for one in known if one))


def _plain(name):
    return re.sub(r"[-_\s]", "", name.lower())


_PREPROCESSING = {
    "caffe": "RGB to BGR, minus ImageNet's mean of each channel",
    "tf": "divided by 127.5, minus 1",
    "torch": "divided by 255, minus ImageNet's mean, divided by its deviation",
    "inside": "the network's own first layers",
}

_TF_FILE = "{name}_weights_tf_dim_ordering_tf_kernels_notop.h5"

_VGG = (
    ("vgg16", "VGG16", 14_714_688),
    ("vgg19", "VGG19", 20_024_384),
)
_RESNET = (
    ("resnet50", "ResNet50", 23_587_712),
    ("resnet101", "ResNet101", 42_658_176),
    ("resnet152", "ResNet152", 58_370_944),
)
_RESNET_V2 = (
    ("resnet50_v2", "ResNet50V2", 23_564_800),
    ("resnet101_v2", "ResNet101V2", 42_626_560),
    ("resnet152_v2", "ResNet152V2", 58_331_648),
)
_MOBILENET = {1.0: 3_228_864, 0.75: 1_832_976, 0.5: 829_536, 0.25: 218_544}
_MOBILENET_V2 = {
    1.0: 2_257_984,
    0.35: 410_208,
    0.5: 706_224,
    0.75: 1_382_064,
    1.3: 3_766_048,
    1.4: 4_363_712,
}
_MOBILENET_V3 = (
    ("small", "", 939_120, {}),
    ("small", "_0.75", 583_160, {"alpha": 0.75}),
    ("small", "_minimalistic", 441_000, {"minimalistic": True}),
    ("large", "", 2_996_352, {}),
    ("large", "_0.75", 1_808_736, {"alpha": 0.75}),
    ("large", "_minimalistic", 1_437_608, {"minimalistic": True}),
)
_DENSENET = ((121, 7_037_504), (169, 12_642_880), (201, 18_321_984))
_EFFICIENTNET = (
    (224, 4_049_571),
    (240, 6_575_239),
    (260, 7_768_569),
    (300, 10_783_535),
    (380, 17_673_823),
    (456, 28_513_527),
    (528, 40_960_143),
    (600, 64_097_687),
)
_EFFICIENTNET_V2 = (
    ("b0", 224, 5_919_312),
    ("b1", 240, 6_931_124),
    ("b2", 260, 8_769_374),
    ("b3", 300, 12_930_622),
    ("s", 384, 20_331_360),
    ("m", 480, 53_150_388),
    ("l", 480, 117_746_848),
)
_CONVNEXT = (
    ("tiny", "Tiny", 27_820_128),
    ("small", "Small", 49_454_688),
    ("base", "Base", 87_566_464),
    ("large", "Large", 196_230_336),
    ("xlarge", "XLarge", 348_147_968),
)
_LANDMARKS = (
    ("vgg11", "vgg", 9_220_480, 224, 32, {}),
    ("vgg13", "vgg", 9_404_992, 224, 32, {}),
    ("alexnet", "alexnet", 2_334_080, 227, 64, {}),
    ("googlenet", "googlenet", 5_973_552, 224, 32, {"auxiliary": False}),
    ("resnet18", "resnet", 11_186_112, 224, 32, {}),
    ("resnet34", "resnet", 21_301_696, 224, 32, {}),
    ("resnet20", "resnet", 270_448, 32, 8, {}),
    ("resnet32", "resnet", 465_776, 32, 8, {}),
    ("resnet44", "resnet", 661_104, 32, 8, {}),
    ("resnet56", "resnet", 856_432, 32, 8, {}),
    ("resnet110", "resnet", 1_735_408, 32, 8, {}),
    ("densenet_bc_100_12", "densenet", 789_720, 32, 8, {}),
    ("densenet161", "densenet", 26_691_936, 224, 32, {}),
    ("densenet264", "densenet", 31_047_232, 224, 32, {}),
)


def _vgg_and_resnet():
    for name, function, parameters in _VGG:
        yield Backbone(
            name, "vgg", function, parameters, 224, 32, "caffe", "block5_conv1",
            _TF_FILE.format(name=name), f"{_STORAGE}{name}/",
        )  # fmt: skip
    for name, function, parameters in _RESNET:
        yield Backbone(
            name, "resnet", function, parameters, 224, 32, "caffe",
            "conv5_block1_1_conv", _TF_FILE.format(name=name), f"{_STORAGE}resnet/",
        )  # fmt: skip
    for name, function, parameters in _RESNET_V2:
        file = _TF_FILE.format(name=name.replace("_", ""))
        yield Backbone(
            name, "resnet_v2", function, parameters, 224, 32, "tf",
            "conv5_block1_preact_bn", file, f"{_STORAGE}resnet/",
        )  # fmt: skip


def _inception():
    yield Backbone(
        "inception_v3", "inception", "InceptionV3", 21_802_784, 299, 75, "tf",
        ">mixed9", _TF_FILE.format(name="inception_v3"), f"{_STORAGE}inception_v3/",
    )  # fmt: skip
    yield Backbone(
        "inception_resnet_v2", "inception_resnet", "InceptionResNetV2", 54_336_736,
        299, 75, "tf", ">block8_9_ac", _TF_FILE.format(name="inception_resnet_v2"),
        f"{_STORAGE}inception_resnet_v2/",
    )  # fmt: skip
    yield Backbone(
        "xception", "xception", "Xception", 20_861_480, 299, 71, "tf",
        "block14_sepconv1", _TF_FILE.format(name="xception"), f"{_STORAGE}xception/",
    )  # fmt: skip


def _mobilenet():
    for alpha, parameters in _MOBILENET.items():
        yield Backbone(
            "mobilenet" + _width(alpha), "mobilenet", "MobileNet", parameters, 224, 32,
            "tf", r"conv_dw_\d+", f"mobilenet_{_WIDTHS[alpha]}_{{size}}_tf_no_top.h5",
            f"{_STORAGE}mobilenet/", (128, 160, 192, 224), {"alpha": alpha},
        )  # fmt: skip
    for alpha, parameters in _MOBILENET_V2.items():
        file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_"
        yield Backbone(
            "mobilenet_v2" + _width(alpha), "mobilenet_v2", "MobileNetV2", parameters,
            224, 32, "tf", r"block_\d+_expand", f"{file}{alpha}_{{size}}_no_top.h5",
            f"{_STORAGE}mobilenet_v2/", (96, 128, 160, 192, 224), {"alpha": alpha},
        )  # fmt: skip
    for size, variant, parameters, options in _MOBILENET_V3:
        minimal = "_minimalistic" if "minimalistic" in options else ""
        file = f"weights_mobilenet_v3_{size}{minimal}_224_{options.get('alpha', 1.0)}"
        yield Backbone(
            f"mobilenet_v3_{size}{variant}", "mobilenet_v3",
            f"MobileNetV3{size.title()}", parameters, 224, 32, "inside",
            r"expanded_conv_\d+_expand", f"{file}_float_no_top_v2.h5",
            f"{_STORAGE}mobilenet_v3/", options=options,
        )  # fmt: skip


def _densenet_and_nasnet():
    for depth, parameters in _DENSENET:
        yield Backbone(
            f"densenet{depth}", "densenet", f"DenseNet{depth}", parameters, 224, 32,
            "torch", "conv5_block1_0_bn", _TF_FILE.format(name=f"densenet{depth}"),
            f"{_STORAGE}densenet/",
        )  # fmt: skip
    yield Backbone(
        "nasnet_mobile", "nasnet", "NASNetMobile", 4_269_716, 224, 32, "tf",
        ">normal_concat_11", "nasnet_mobile_no_top.h5",
        f"{_STORAGE}nasnet/NASNet-mobile-no-top.h5",
    )  # fmt: skip
    yield Backbone(
        "nasnet_large", "nasnet", "NASNetLarge", 84_916_818, 331, 32, "tf",
        ">normal_concat_17", "nasnet_large_no_top.h5",
        f"{_STORAGE}nasnet/NASNet-large-no-top.h5",
    )  # fmt: skip


def _efficientnet():
    for number, (size, parameters) in enumerate(_EFFICIENTNET):
        yield Backbone(
            f"efficientnet_b{number}", "efficientnet", f"EfficientNetB{number}",
            parameters, size, 32, "inside", r"block7\w_expand_conv",
            f"efficientnetb{number}_notop.h5",
            "https://storage.googleapis.com/keras-applications/",
        )  # fmt: skip
    for variant, size, parameters in _EFFICIENTNET_V2:
        yield Backbone(
            f"efficientnet_v2_{variant}", "efficientnet_v2",
            f"EfficientNetV2{variant.upper()}", parameters, size, 32, "inside",
            r"block\w+_expand_conv", f"efficientnetv2-{variant}_notop.h5",
            f"{_STORAGE}efficientnet_v2/",
        )  # fmt: skip


def _convnext():
    for variant, function, parameters in _CONVNEXT:
        yield Backbone(
            f"convnext_{variant}", "convnext", f"ConvNeXt{function}", parameters, 224,
            32, "inside", r"\w+_stage_3_block_0_depthwise_conv",
            f"convnext_{variant}_notop.h5", f"{_STORAGE}convnext/",
            normalises_pooled=True,
        )  # fmt: skip


def _landmarks():
    for name, family, parameters, size, smallest, options in _LANDMARKS:
        yield LandmarkBackbone(
            name, family, "", parameters, size, smallest, "inside",
            find_landmark(name).last_block, "", "", options=options,
        )  # fmt: skip


def _width(alpha):
    """Return what a width multiplier adds to a name."""
    return "" if alpha == 1 else f"_{alpha:g}"


# Keras's networks before ours.
_FAMILIES = (
    _vgg_and_resnet, _inception, _mobilenet, _densenet_and_nasnet, _efficientnet,
    _convnext, _landmarks,
)  # fmt: skip
BACKBONES = {entry.name: entry for family in _FAMILIES for entry in family()}
