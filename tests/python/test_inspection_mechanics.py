"""Windows, receptive fields and shifts, as Keras's own layers have them."""

import itertools

import keras
import numpy as np
import pytest

import reticnn

_POOLS = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}


def _by_keras(image, kernel, kind, **settings):
    if kind == "convolution":
        layer = keras.layers.Conv2D(1, kernel.shape, use_bias=False, **settings)
        layer.build((None, None, None, 1))
        layer.set_weights([kernel[..., None, None]])
    else:
        layer = _POOLS[kind](kernel.shape, **settings)
    return keras.ops.convert_to_numpy(layer(image[None, ..., None]))[0, ..., 0]


@pytest.mark.parametrize("kind", ["convolution", *_POOLS])
def test_results_are_those_of_kerass_layers(kind):
    generator = np.random.default_rng(1)
    sizes = [(3, 3), (2, 3), (4, 4), (1, 1)]
    for size, strides, padding in itertools.product(
        sizes, [1, (2, 1), 3], ["valid", "same"]
    ):
        if (keras.backend.backend(), kind, padding) == ("torch", "average", "same"):
            # Keras repeats the outermost pixels in the mean where one side of an image
            # is padded further than the other.
            continue
        image = generator.normal(size=(6, 7)).astype("float32")
        kernel = generator.normal(size=size).astype("float32")
        given = kernel if kind == "convolution" else size
        settings = {"strides": strides, "padding": padding}
        found = reticnn.sliding_window(image, given, kind=kind, **settings)
        expected = _by_keras(image, kernel, kind, **settings)
        np.testing.assert_allclose(found["result"], expected, atol=1e-5)
        # Each value under a window is the pixel at its place, or outside.
        steps, around = found["steps"], found["padding"]
        padded = np.pad(image, [(around["top"], 9), (around["left"], 9)])
        for at, window in enumerate(found["windows"][..., 0]):
            top = steps["top"][at] + around["top"]
            left = steps["left"][at] + around["left"]
            there = padded[top : top + size[0], left : left + size[1]]
            np.testing.assert_allclose(np.nan_to_num(window), there, rtol=1e-6)


def test_dilation_is_that_of_keras():
    image = np.random.default_rng(1).normal(size=(7, 6)).astype("float32")
    kernel = np.ones((3, 2), "float32")
    settings = {"dilation_rate": (2, 3), "padding": "same"}
    found = reticnn.sliding_window(image, kernel, **settings)
    expected = _by_keras(image, kernel, "convolution", **settings)
    np.testing.assert_allclose(found["result"], expected, atol=1e-5)


def test_what_is_left_over_of_same_padding_goes_behind():
    found = reticnn.sliding_window(6, 3, strides=2, padding="same")
    assert found["padding"] == {"top": 0, "bottom": 1, "left": 0, "right": 1}


@pytest.fixture(scope="module")
def branched():
    """Return a model of branches, strides, groups, gates and shared layers."""
    layers = keras.layers
    x = image = keras.Input((21, 18, 3))
    x = layers.Conv2D(4, 3, strides=2, activation="relu", name="first")(x)
    one = layers.DepthwiseConv2D((1, 5), padding="same", name="depthwise")(x)
    other = layers.MaxPooling2D(3, 1, "same", name="pool")(x)
    other = layers.Conv2D(4, 2, padding="same", groups=2, name="groups")(other)
    x = layers.Concatenate(name="joined")([one, other])
    x = layers.BatchNormalization()(x) * 2.0
    x = layers.Conv2D(2, 3, strides=2, padding="same", name="last")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Dense(2, activation="sigmoid")(gate)
    return keras.Model(image, layers.Multiply(name="gated")([x, gate]))


@pytest.mark.parametrize("layer", ["first", "depthwise", "pool", "groups"])
def test_steps_of_a_layer_are_what_it_computes(branched, layer):
    image = np.random.default_rng(1).integers(0, 256, (21, 18, 3))
    for number in (1, 4):
        found = reticnn.layer_window(branched, image, layer, filter=number)
        maps = reticnn.feature_maps(branched, image, layer)[layer][0, ..., number - 1]
        np.testing.assert_allclose(found["result"], maps, rtol=1e-3, atol=1e-3)
        if found["kind"] == "convolution" and not found["activation"]:
            sums = (found["windows"] * found["kernel"]).sum(axis=(1, 2, 3))
            np.testing.assert_allclose(
                sums + found["bias"], maps.ravel(), rtol=1e-3, atol=1e-3
            )


def test_a_layer_that_does_something_else_is_refused(refused):
    class Doubled(keras.layers.Conv2D):
        def call(self, inputs):
            return 2 * super().call(inputs)

    image = keras.Input((8, 8, 3))
    model = keras.Model(image, Doubled(2, 3, name="doubled")(image))
    with refused(ValueError, "layer", "doubled", "cannot be shown"):
        reticnn.layer_window(model, np.full((8, 8, 3), 9), "doubled")
    with refused(ValueError, "model", "doubled", "unknown way"):
        reticnn.receptive_field(model)


def _seen_by_trying(model, layer, unit):
    """Return the rectangle of pixels that change a unit, of many random images."""
    maps = keras.Model(model.inputs, model.get_layer(layer).output)
    generator = np.random.default_rng(1)
    height, width, channels = model.input_shape[1:]
    seen = np.zeros((height, width), bool)
    for _ in range(4):
        image = generator.normal(size=(height, width, channels)).astype("float32")
        batch = np.repeat(image[None], height * width, axis=0)
        rows, columns = np.divmod(np.arange(height * width), width)
        batch[np.arange(len(batch)), rows, columns] += 20 * generator.choice([-1, 1])
        both = [np.concatenate([image[None], batch])]
        start, *after = keras.ops.convert_to_numpy(maps(both))[:, unit[0], unit[1]]
        changes = abs(np.array(after) - start) > 1e-5 * abs(start).max()
        seen |= changes.any(axis=-1).reshape(height, width)
    return [np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0)]


@pytest.mark.parametrize(
    ("layer", "unit"), [("joined", (2, 3)), ("last", (0, 0)), ("gated", (2, 3))]
)
def test_a_field_is_what_changes_the_unit(branched, layer, unit):
    rows, columns = _seen_by_trying(branched, layer, unit)
    position = [at + 1 for at in unit]
    table = reticnn.receptive_field(branched, layer, position)["table"]
    image = {name: column[0] for name, column in table.items()}
    assert (image["top"], image["height"]) == (rows[0], np.ptp(rows) + 1)
    assert (image["left"], image["width"]) == (columns[0], np.ptp(columns) + 1)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2DTranspose(2, 3, strides=2, padding="same"),
        keras.layers.Conv2DTranspose(2, 4, strides=3),
        keras.layers.UpSampling2D(2, interpolation="bilinear"),
        keras.layers.Resizing(13, 5, antialias=True),
        keras.layers.ZeroPadding2D(((2, 1), (0, 3))),
        keras.layers.Cropping2D((1, 2)),
        keras.layers.GroupNormalization(2),
        keras.layers.LayerNormalization(),
    ],
    ids=lambda layer: layer.name,
)
def test_fields_behind_layers_of_other_kinds(layer):
    image = keras.Input((9, 8, 2))
    # Weights that no other cancels.
    x = keras.layers.Conv2D(4, 1, kernel_initializer="random_uniform")(image)
    x = layer(x)
    model = keras.Model(image, keras.layers.Identity(name="behind")(x))
    unit = tuple(side // 2 for side in x.shape[1:3])
    rows, columns = _seen_by_trying(model, "behind", unit)
    field = reticnn.receptive_field(model, "behind", [at + 1 for at in unit])
    seen = [field["table"][name][0] for name in ("top", "height", "left", "width")]
    assert seen == [rows[0], np.ptp(rows) + 1, columns[0], np.ptp(columns) + 1]


def test_fields_of_the_workshops_network_are_those_of_the_table():
    model = reticnn.build_cnn((64, 64, 3))
    described = reticnn.describe_model(model)
    sides = dict(zip(described["name"], described["receptive_field"], strict=True))
    table = reticnn.receptive_field(model)["table"]
    for name, height in zip(table["name"][1:], table["field_height"][1:], strict=True):
        assert height == sides[name]


def test_maps_follow_shifts_by_the_stride_and_no_others(shapes):
    model = reticnn.build_cnn((16, 16, 3), n_blocks=2, filters=4, seed=1)
    found = reticnn.shift_response(model, shapes, "block1_pool", shifts=(0, 1, 2, 3, 4))
    assert found["stride"] == 2
    exact = [value == 0 for value in found["table"]["difference"]]
    assert exact == [True, False, True, False, True]
    convolution = reticnn.shift_response(model, shapes, "block1_conv1")
    assert set(convolution["table"]["difference"]) == {0.0}
    down = reticnn.shift_response(
        model, shapes, "block1_pool", shifts=2, direction="down"
    )
    assert down["table"]["difference"] == [0.0]
    # By so much that nothing is left, and of outputs without a place.
    far = reticnn.shift_response(model, shapes, "block2_pool", shifts=14)["table"]
    assert far["compared"] == [0] and np.isnan(far["difference"][0])
    answer = reticnn.shift_response(model, shapes)
    assert answer["stride"] is None and answer["outputs"].shape[1:] == (1,)


def test_pixels_are_shuffled_alike_and_labels_stay(shapes):
    shuffled = reticnn.shuffle_pixels(shapes, seed=1)
    assert shuffled.labels == shapes.labels
    before, after = (
        reticnn.load_images(data)["images"].reshape(len(shapes), -1, 3)
        for data in (shapes, shuffled)
    )
    # Where the first image's pixels went, those of all others went as well.
    places = [int((before[0] == one).all(axis=1).argmax()) for one in after[0]]
    assert (before[:, places] == after).mean() > 0.95
    assert (np.sort(before, axis=1) == np.sort(after, axis=1)).all()
    image = np.arange(64).reshape(1, 8, 8, 1)
    moved = reticnn.shuffle_pixels(image, 0.25, seed=1) != image
    assert moved.sum() == 16
    more = reticnn.shuffle_pixels(image, 0.5, seed=1) != image
    assert more.sum() == 32 and (more | ~moved).all()


@pytest.mark.parametrize(
    ("call", "error", "argument", "part"),
    [
        (lambda: reticnn.sliding_window(3, 4), ValueError, "kernel", "3 x 3"),
        (lambda: reticnn.sliding_window(5, 0), ValueError, "kernel", "0"),
        (
            lambda: reticnn.sliding_window(5, np.ones((2, 2)), kind="max"),
            ValueError,
            "kernel",
            "size",
        ),
        (
            lambda: reticnn.sliding_window(9, 3, strides=2, dilation_rate=2),
            ValueError,
            "dilation_rate",
            "2",
        ),
        (
            lambda: reticnn.sliding_window(np.zeros((4, 4, 3))),
            ValueError,
            "image",
            "layer_window",
        ),
    ],
)
def test_what_cannot_be_is_refused(refused, call, error, argument, part):
    with refused(error, argument, part):
        call()


def test_layers_and_places_that_are_not_there_are_refused(branched, refused):
    image = np.zeros((21, 18, 3), "uint8")
    with refused(ValueError, "layer", "joined", "Concatenate"):
        reticnn.layer_window(branched, image, "joined")
    with refused(ValueError, "filter", "4", "9"):
        reticnn.layer_window(branched, image, "first", filter=9)
    with refused(ValueError, "position", "99"):
        reticnn.receptive_field(branched, "last", (1, 99))
    square = keras.Input((8, 8, 1))
    swapped = keras.Model(square, keras.layers.Permute((2, 1, 3))(square))
    with refused(ValueError, "model", "Permute", "unknown way"):
        reticnn.receptive_field(swapped)
    with refused(ValueError, "image_size", "30"):
        reticnn.receptive_field(branched, image_size=30)
    with refused(ValueError, "shifts", "18"):
        reticnn.shift_response(branched, image, shifts=18)
    open_sized = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.Conv2D(1, 3)]
    )
    with refused(ValueError, "image_size", "any size"):
        reticnn.receptive_field(open_sized)
    table = reticnn.receptive_field(open_sized, image_size=12)["table"]
    assert table["height"] == [3, 1]
