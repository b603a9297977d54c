"""What pretrained networks want done to pixels, as layers of the model itself."""

from reticnn.backend import keras

_CAFFE_MEANS = (103.939, 116.779, 123.68)  # Blue, green, red, of 0 to 255.
_MEANS = (0.485, 0.456, 0.406)
_DEVIATIONS = (0.229, 0.224, 0.225)


def preprocess(x, mode):
    """Turn RGB images, 0 to 255, into what a pretrained network was trained on.

    Args:
        x: Keras tensor, (batch, height, width, 3).
        mode: `"caffe"`, BGR minus ImageNet's means; `"tf"`, -1 to 1; `"torch"`, minus
            ImageNet's means and divided by its deviations; `"inside"`, as they are.

    Returns:
        Keras tensor of the same shape.

    Source:
        `keras.applications.imagenet_utils.preprocess_input`.
    """
    if mode == "caffe":
        x = keras.ops.flip(x, axis=-1)
        offset = [-mean for mean in _CAFFE_MEANS]
        return keras.layers.Rescaling(1.0, offset, name="preprocessing")(x)
    if mode == "tf":
        return to_unit_range(x, name="preprocessing")
    if mode == "torch":
        return keras.layers.Rescaling(
            [1 / (255 * deviation) for deviation in _DEVIATIONS],
            [
                -mean / deviation
                for mean, deviation in zip(_MEANS, _DEVIATIONS, strict=True)
            ],
            name="preprocessing",
        )(x)
    return x


def to_unit_range(x, name):
    """Turn 0 to 255 into -1 to 1."""
    return keras.layers.Rescaling(1 / 127.5, -1.0, name=name)(x)


def to_pixel_range(x, name):
    """Turn -1 to 1 into 0 to 255."""
    return keras.layers.Rescaling(127.5, 127.5, name=name)(x)
