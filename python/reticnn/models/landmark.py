"""The way in to all landmark architectures."""

from reticnn.coercion import (
    as_bool,
    nearest,
    shown,
)
from reticnn.landmarks.registry import build_landmark, find_landmark
from reticnn.pretrained.imagenet import (
    imagenet_file,
    is_imagenet,
    take_keras_momentum,
    twin_of,
    twins_hint,
)
from reticnn.pretrained.loading import put_weights
from reticnn.runtime.randomness import seeded_keras


def landmark_model(
    name,
    input_shape=None,
    num_classes=None,
    *,
    weights=None,
    output="auto",
    rescale=True,
    seed=None,
    **options,
):
    """Build a landmark architecture as described in its paper.

    Args:
        name: Name of the architecture, one of `landmark_architectures()["name"]`, or
            `"convnext_ladder"` for a step between ResNet-50 and ConvNeXt-T.
        input_shape: (height, width, channels) of the images, or None for the paper's.
            Default None.
        num_classes: Whole number of classes, at least 2, or None for the paper's.
            Default None.
        weights: None for random ones; the path of a file with the network's weights
            (`.keras`, `.h5` as distributed by Keras, a saved classifier, or
            `.weights.h5` of exactly this model); a Keras model or classifier that has
            them; or `"imagenet"`, those of the same network in `keras.applications`,
            downloaded once and kept. The top, or its last layer, stays random if the
            weights have no top, or one for another number of classes; a top for the
            same number of classes that does not fit, such as one for images of another
            size, is refused. Keras's weights need `conv_bias=True` for a ResNet and
            `activation="relu6"` for a MobileNet; torchvision's ResNets need
            `stride_in="3x3"`. If only strides or activations differ, as between ResNet
            v1 and v1.5 or some steps of the ladder, weights still fit: a warning says
            so for a model, a classifier or a file of either, but cannot for other
            files. Default None.
        output: `"auto"`, `"softmax"`, `"sigmoid"` or `"logits"`, as in
            `classifier_head`. Default `"auto"`.
        rescale: True converts the pixels, 0 to 255, to the scale of the paper inside
            the model. Default True.
        seed: Whole number of at least 0 that fixes the initial weights, or None for
            Keras's global random state. Default None.
        **options: Options of the family, by name:

            - AlexNet: `groups`, 2 (default), where the second, fourth and fifth
              convolutions are split into two groups that each see half of the channels,
              as on the paper's two GPUs; or 1, where they see all channels.
            - ConvNeXt: `drop_rate`, fraction of the images for which the last block is
              skipped during training, rising linearly from 0 at the first block, or
              None (default) for the paper's value for this network; `layer_scale` as in
              `convnext_block`.
            - The ladder of ConvNeXt: `step`, one of `convnext_ladder()["step"]` or its
              number from 1 (default `"separate_downsampling"`, the last, which is
              ConvNeXt-T); `drop_rate` and `layer_scale` as for ConvNeXt (default 0.1
              and 1e-6 from the second step on, where they belong to the training).
            - DenseNet: `stem` as for ResNet, except for CIFAR, where it is small;
              `dropout` as in `dense_block`, also in
              the transitions (default 0; the paper uses 0.2 when there is no
              augmentation).
            - GoogLeNet: `auxiliary`, True (default) for two auxiliary classifiers on
              intermediate layers, whose losses have weight 0.3 during training. They
              are frozen and trained together with the model's last layer; predictions
              and saved files do not include them.
            - LeNet: `variant`, `"original"` (default), with trainable subsampling, the
              partial connections of C3, scaled tanh, and distances to prototypes as
              output; or `"modern"`, with average pooling, full connections, tanh and
              softmax. For the original there are also `prototypes`, an array
              (num_classes, 84) of numbers around -1 and 1, one row per class, that stay
              fixed, or None (default) for bitmaps of the ten digits; and
              `squash_convolutions`, True (default) to apply the tanh to C1 and C3 too,
              as the paper's text says, or False to apply it to the subsampling layers
              only.
            - MobileNet: `width`, factor that scales the number of filters in every
              layer, rounded down (default 1); `activation`, `"relu"` (default), or
              `"relu6"` as in `keras.applications`.
            - ResNet: `stem`, `"standard"` (default), a 7 x 7 convolution and max
              pooling, both with stride 2, or `"small"`, a 3 x 3 convolution with stride
              1, as in the paper for images of 32 x 32; `shortcut`, `conv_bias` and
              `zero_gamma` as in `residual_block`, and for 50 and more layers
              `stride_in` (`"3x3"` is ResNet v1.5, torchvision's). For CIFAR (20, 32,
              44, 56 and 110 layers) there are `shortcut`, here `"padding"` by default
              as in the paper, and `zero_gamma`.

    Returns:
        `keras.Model`, not compiled, from images (n, height, width, channels), 0 to 255,
        to probabilities as returned by `classifier_head`.

    Raises:
        TypeError: If an argument has the wrong type, or the family has no such option.
        ValueError: If there is no such architecture, the images are too small for it,
            an argument is outside its range, or the weights do not fit (the message
            then names the layer and the shapes).
        FileNotFoundError: If `weights` is a file that does not exist.
        ConnectionError: If ImageNet weights are not on this machine and cannot be
            downloaded (without an internet connection, within 15 seconds).

    Warns:
        UserWarning: If the weights come from a model, a classifier or a file of either
            in which layers have other strides or activations.

    Example:
        >>> landmark_model("vgg16", num_classes=10).count_params()
        134301514

    Source:
        The column `reference` of `landmark_architectures()`.
    """
    landmark = find_landmark(name)
    _check_options(landmark, options)
    with seeded_keras(seed):
        model = build_landmark(
            landmark,
            input_shape,
            num_classes,
            output=output,
            rescale=as_bool(rescale, "rescale"),
            **options,
        )
    if is_imagenet(weights):
        twin = twin_of(landmark, options)
        whole = model.layers[-1].units == landmark.num_classes
        weights = imagenet_file(twin, model.input_shape[1:], whole)
        take_keras_momentum(model)
    put_weights(model, weights, hint=twins_hint(landmark, options))
    return model


def _check_options(landmark, options):
    known = landmark.options
    for option in options:
        if option not in known:
            listed = f"its options are {shown(known)}" if known else "it has none"
            raise TypeError(
                f"`{option}` is not an option of {landmark.name!r}: {listed}."
                f"{nearest(option, known)}"
            )
