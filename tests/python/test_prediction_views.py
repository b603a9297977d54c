import gc
import weakref

import keras
import numpy as np
import pytest
from PIL import Image

from reticnn import (
    augmentation,
    augmentation_layer,
    build_cnn,
    image_arrays,
    image_folder,
    image_table,
    landmark_model,
    predict_images,
    transfer_model,
)
from reticnn.augmenting.host import apply
from reticnn.prediction.fully_convolutional import fully_convolutional


@pytest.fixture(scope="module")
def noise():
    """Return four images of 18 x 20, larger than the classifier takes."""
    return np.random.default_rng(1).integers(0, 256, (4, 18, 20, 3)).astype("u1")


@pytest.fixture
def photos(tmp_path):
    """Write five images of three sizes to files; return their paths."""
    draw = np.random.default_rng(2)
    paths = []
    for number, size in enumerate([(40, 30), (24, 24), (40, 30), (24, 50), (24, 24)]):
        pixels = draw.integers(0, 256, (*size, 3)).astype("u1")
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(pixels).save(paths[-1])
    return paths


def _circle(*arguments, **options):
    return np.array(predict_images(*arguments, **options)[".pred_circle"])


def _cut(images, mirrored=True):
    """Return by hand the crops of 16 x 16 of images of 18 x 20."""
    corners = [(0, 0), (0, 4), (2, 0), (2, 4), (1, 2)]
    crops = [images[:, top : top + 16, left : left + 16] for top, left in corners]
    return crops + [crop[:, :, ::-1] for crop in crops] * mirrored


def _valid_net(output="softmax", units=7):
    """Return a network whose every position sees the same as the net on a window."""
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(5, 3, activation="relu")(image)
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Conv2D(6, 2, activation="relu")(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    for _ in range(bool(units)):
        x = keras.layers.Dense(units, activation="tanh")(x)
        x = keras.layers.BatchNormalization()(x)
    classes = 1 if output == "sigmoid" else 3
    return keras.Model(image, keras.layers.Dense(classes, activation=output)(x))


def _with_logits(model):
    """Return the model without its last activation."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.layers[-1].activation = keras.activations.linear
    return copy


# Crops


@pytest.mark.parametrize("crops", [5, 10.0])
def test_crops_are_those_cut_by_hand(classifier, noise, crops):
    by_hand = [_circle(classifier, crop) for crop in _cut(noise, crops == 10)]
    assert len(by_hand) == crops
    got = _circle(classifier, noise, crops=crops, batch_size=3)
    np.testing.assert_allclose(got, np.mean(by_hand, axis=0), atol=1e-6)
    assert abs(got - by_hand[-1]).max() > 1e-4


@pytest.mark.filterwarnings("error::UserWarning")
def test_files_are_read_with_room_for_crops(fit, tiny_cnn, photos, tmp_path):
    for kind, file in zip("ab", photos, strict=False):
        (tmp_path / "two" / kind).mkdir(parents=True)
        Image.open(file).save(tmp_path / "two" / kind / "1.png")
    trained = fit(tiny_cnn(), image_folder(tmp_path / "two", 16, resize="crop"))
    data = image_folder(tmp_path / "two", 18, resize="crop")
    pixels = data.read(np.arange(2))
    by_hand = [
        predict_images(trained, pixels[:, top : top + 16, left : left + 16])[".pred_a"]
        for top, left in [(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)]
    ]
    wanted = pytest.approx(np.mean(by_hand, axis=0), abs=1e-6)
    for images in (data.files, data, image_folder(tmp_path / "two", resize="crop")):
        assert predict_images(trained, images, crops=5)[".pred_a"] == wanted


def test_arrays_without_room_for_crops_are_enlarged(classifier, noise, tmp_path):
    small = noise[:, :16, :16]
    with pytest.warns(UserWarning, match="18 x 18 that crops of 16 x 16 are cut from"):
        got = _circle(classifier, small, crops=10)
    files = [str(tmp_path / f"{number}.png") for number in range(4)]
    for file, image in zip(files, small, strict=True):
        Image.fromarray(image).save(file)
    np.testing.assert_allclose(got, _circle(classifier, files, crops=10), atol=1e-6)


def test_every_crop_is_changed_by_tta(classifier, noise):
    policy = augmentation(flip="horizontal", translation=0.05)
    positions = np.zeros(4, int)
    by_hand = [
        _circle(classifier, view)
        for crop in _cut(noise, mirrored=False)
        for view in (crop, *(apply(policy, crop, 0, n, positions) for n in range(2)))
    ]
    got = _circle(classifier, noise, crops=5, tta=2)
    np.testing.assert_allclose(got, np.mean(by_hand, axis=0), atol=1e-6)


# Scales


@pytest.mark.slow
@pytest.mark.parametrize("output", ["softmax", "sigmoid", "linear"])
@pytest.mark.parametrize("units", [7, None])
def test_dense_layers_slide_over_a_larger_image(output, units):
    keras.utils.set_random_seed(1)
    model = _valid_net(output, units)
    images = np.random.default_rng(1).uniform(0, 3, (2, 18, 22, 3)).astype("f4")
    logits = _with_logits(model)
    scores = [
        logits.predict_on_batch(images[:, top : top + 12, left : left + 12])
        for top in range(0, 7, 2)
        for left in range(0, 11, 2)
    ]
    mean = keras.ops.convert_to_tensor(np.mean(scores, axis=0))
    wanted = keras.ops.convert_to_numpy(model.layers[-1].activation(mean))
    made = fully_convolutional(model)
    np.testing.assert_allclose(made.predict_on_batch(images), wanted, atol=1e-5)
    same = images[:, :12, :12]
    np.testing.assert_allclose(
        made.predict_on_batch(same), model.predict_on_batch(same), atol=1e-6
    )


@pytest.mark.parametrize(("side", "positions"), [(256, 2), (384, 6), (512, 10)])
def test_positions_of_vgg_are_those_of_the_paper(side, positions):
    with keras.StatelessScope(initialize_variables=False):
        made = fully_convolutional(landmark_model("vgg16"))
        first = next(layer for layer in made.layers if "scores" in layer.name)
        maps = keras.Model(made.inputs, first.output)
        shape = maps.compute_output_shape((1, side, side, 3))
    keras.utils.clear_session()
    assert shape == (1, positions, positions, 4096)


def test_softmax_layer_behind_the_scores_is_applied_to_their_mean():
    model = _valid_net("linear")
    ended = keras.Model(model.inputs, keras.layers.Softmax()(model.outputs[0]))
    images = np.random.default_rng(1).uniform(0, 3, (2, 16, 14, 3)).astype("f4")
    scores = np.exp(fully_convolutional(model).predict_on_batch(images))
    got = fully_convolutional(ended).predict_on_batch(images)
    np.testing.assert_allclose(got, scores / scores.sum(1, keepdims=True), atol=1e-5)


def _mobilenet(side):
    return landmark_model("mobilenet", (side, side, 3), 4, seed=1, width=0.25)


def _transfer(side):
    backbone = build_cnn((side, side, 3), filters=4, n_blocks=2, seed=1)
    return transfer_model(backbone, (side, side, 3), 4, weights=None, seed=1)


def _squeezing(side):
    return keras.applications.MobileNetV3Small((side, side, 3), weights=None, classes=4)


@pytest.mark.parametrize(
    "build",
    [
        _transfer,
        pytest.param(_mobilenet, marks=pytest.mark.slow),
        pytest.param(_squeezing, marks=pytest.mark.slow),
    ],
)
def test_pooled_networks_are_those_built_for_the_larger_image(build):
    model, larger = build(32), build(64)
    draw = np.random.default_rng(1)
    images = draw.integers(0, [[[[60]]], [[[160]]], [[[256]]]], (3, 64, 64, 3))
    images = images.astype("u1")
    # Normalised as it would be after training; else all images have the same scores.
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images[:, :32, :32].astype("f4"), training=True)
    larger.set_weights(model.get_weights())
    # Scores far from each other would make all probabilities 0 or 1.
    while keras.ops.max(larger(images.astype("f4"), training=False)) > 0.9:
        for kernel in (model.trainable_weights[-2], larger.trainable_weights[-2]):
            kernel.assign(kernel / 2)
    table = predict_images(model, images, scales=64, batch_size=4)
    got = np.transpose([table[f".pred_class_{number}"] for number in (1, 2, 3, 4)])
    wanted = keras.ops.convert_to_numpy(larger(images.astype("f4"), training=False))
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    assert np.ptp(wanted, axis=0).max() > 0.01


def test_scales_are_averaged_with_the_aspect_of_each_file(photos):
    model = _valid_net()
    made = fully_convolutional(model)
    by_hand = np.zeros((5, 3))
    for index, file in enumerate(photos):
        for side in (12, 20):
            image = np.asarray(Image.open(file))
            sides = np.array(image.shape[:2])
            size = tuple(np.rint(sides * side / min(sides)).astype(int).tolist())
            pixels = image_table([file], image_size=size).read([0])
            by_hand[index] += made.predict_on_batch(pixels)[0] / 2
    table = predict_images(model, photos, scales=(12.0, 20.0), batch_size=3)
    got = np.transpose([table[f".pred_class_{number}"] for number in (1, 2, 3)])
    np.testing.assert_allclose(got, by_hand, atol=1e-6)
    assert table[".file"] == photos


@pytest.mark.filterwarnings("error::UserWarning")
def test_arrays_are_scaled_and_changed_by_tta(classifier, noise):
    policy = augmentation(flip="horizontal", translation=0.05)
    made = fully_convolutional(classifier.model)
    view = apply(policy, noise, 0, 0, np.zeros(4, int))
    wanted = 1 - np.mean(
        [made.predict_on_batch(x)[:, 0] for x in (noise, view)], axis=0
    )
    got = _circle(classifier, image_arrays(noise), scales=18, tta=1)
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    grey = noise[..., :1]
    np.testing.assert_allclose(
        _circle(classifier, grey, scales=20),
        _circle(classifier, grey.repeat(3, axis=3), scales=20),
        atol=1e-6,
    )


def test_crops_are_cut_at_each_scale(classifier, noise):
    larger = noise.repeat(2, axis=1).repeat(2, axis=2)[:, :18, :20]
    got = _circle(classifier, larger, scales=18, crops=10)
    np.testing.assert_allclose(got, _circle(classifier, larger, crops=10), atol=1e-6)
    both = _circle(classifier, larger, scales=(18, 24), crops=5)
    each = [_circle(classifier, larger, scales=side, crops=5) for side in (18, 24)]
    np.testing.assert_allclose(both, np.mean(each, axis=0), atol=1e-6)


def test_larger_images_are_shown_fewer_at_once():
    model = _valid_net()
    images = np.random.default_rng(1).uniform(0, 3, (6, 12, 12, 3)).astype("f4")
    shown = []
    made = fully_convolutional(model)
    predict = made.predict_on_batch
    made.predict_on_batch = lambda pixels: shown.append(len(pixels)) or predict(pixels)
    predict_images(model, images, scales=24, batch_size=4)
    assert shown == [1, 1, 1, 1, 1, 1]


def test_model_of_any_size_reads_files_at_the_scales(photos):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    table = predict_images(model, photos, scales=20)
    assert len(table[".pred_class"]) == 5
    alone = predict_images(model, photos[3], scales=20)
    assert table[".pred_class_1"][3] == pytest.approx(alone[".pred_class_1"][0])


def test_made_once_with_the_models_own_weights_and_dropped_with_it(noise):
    model = _valid_net()
    made = fully_convolutional(model)
    assert fully_convolutional(model) is made
    assert {id(w) for w in made.weights} == {id(w) for w in model.weights}
    before = predict_images(model, noise, scales=18)[".pred_class_1"]
    model.layers[-1].bias.assign([3.0, 0.0, 0.0])
    after = predict_images(model, noise, scales=18)[".pred_class_1"]
    assert min(np.subtract(after, before)) > 0.1
    again = keras.models.model_from_json(model.to_json())
    names = [[layer.name for layer in one.layers] for one in (model, again)]
    assert names[0] == names[1]
    watched = weakref.ref(model)
    del model, made
    gc.collect()
    assert watched() is None


def test_original_lenet_has_distances_averaged():
    model = landmark_model("lenet5", seed=1)
    images = np.random.default_rng(1).integers(0, 256, (2, 36, 36, 1)).astype("u1")
    windows = [
        model.predict_on_batch(images[:, top : top + 32, left : left + 32])
        for top in (0, 4)
        for left in (0, 4)
    ]
    got = fully_convolutional(model).predict_on_batch(images)
    np.testing.assert_allclose(got, np.mean(windows, axis=0), rtol=1e-4)


def test_augmentation_in_the_model_does_nothing_to_larger_images(noise):
    plain, augmented = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
    head = keras.Sequential(
        [
            keras.layers.Conv2D(2, 3),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    layer = augmentation_layer(augmentation(rotation=0.1))
    results = [
        predict_images(keras.Model(image, head(start)), noise, scales=(17, 20))
        for image, start in ((plain, plain), (augmented, layer(augmented)))
    ]
    assert results[0] == results[1]


# What cannot be done


@pytest.mark.parametrize("crops", [0, 3, 7, 1.5, "ten"])
def test_bad_crops_are_named(refused, classifier, noise, crops):
    with refused((TypeError, ValueError), "crops", crops):
        predict_images(classifier, noise, crops=crops)


@pytest.mark.parametrize("scales", [0, [], "large", (24, 1.5)])
def test_bad_scales_are_named(refused, classifier, noise, scales):
    with refused((TypeError, ValueError), "scales"):
        predict_images(classifier, noise, scales=scales)


def test_scales_smaller_than_the_network_are_refused(refused, classifier, noise):
    model = _valid_net()
    with refused(ValueError, "scales", "11 x 11", "12 or more"):
        predict_images(model, noise, scales=(11, 24))
    with refused(ValueError, "scales", "at least 16", "not 15"):
        predict_images(classifier, noise, scales=15, crops=5)


@pytest.mark.parametrize("crops", [1, 5])
def test_the_aspect_of_the_images_decides_what_is_too_small(refused, crops, tmp_path):
    image = keras.Input((24, 32, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(image))
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    images = np.random.default_rng(1).integers(0, 256, (3, 24, 32, 3)).astype("u1")
    seen = predict_images(model, images, scales=24, crops=crops)
    alone = predict_images(model, images)
    assert seen[".pred_class"] == alone[".pred_class"]
    standing = images.swapaxes(1, 2)
    with refused(ValueError, "scales", "has 24", "32 x 24"):
        predict_images(model, standing, scales=24, crops=crops)
    predict_images(model, standing, scales=32, crops=crops)
    Image.fromarray(images[0]).save(tmp_path / "lying.png")
    Image.fromarray(standing[0]).save(tmp_path / "standing.png")
    predict_images(model, [str(tmp_path / "lying.png")], scales=24, crops=crops)
    with refused(ValueError, "scales", "has 24", "32 x 24"):
        predict_images(model, [str(tmp_path / "standing.png")], scales=24, crops=crops)
    with refused(ValueError, "scales", "23"):
        predict_images(model, images, scales=23, crops=crops)


def test_absurd_scales_are_refused(refused, classifier, noise):
    with refused(ValueError, "scales", "at most 10000", "not 2000000"):
        predict_images(classifier, noise, scales=(24, 2_000_000))


def test_crops_of_a_model_of_any_size_are_refused(refused, noise):
    image = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(image)
    model = keras.Model(image, keras.layers.Dense(2)(x))
    with refused(ValueError, "crops", "any size", "not 10", "`scales`"):
        predict_images(model, noise, crops=10)


def _image_and_maps():
    image = keras.Input((16, 16, 3))
    return image, keras.layers.Conv2D(4, 3)(image)


def _resized():
    image = keras.Input((16, 16, 3))
    x = keras.layers.Resizing(8, 8, name="shrunk")(image)
    return image, keras.layers.GlobalAveragePooling2D()(x)


def _cropped():
    image = keras.Input((16, 16, 3))
    layer = augmentation_layer(augmentation(crop=(8, 8)))
    layer.name = "cut"
    return image, keras.layers.GlobalAveragePooling2D()(layer(image))


def _normalised():
    image, x = _image_and_maps()
    x = keras.layers.Flatten()(x)
    return image, keras.layers.LayerNormalization(name="over_all")(x)


def _reshaped():
    image, x = _image_and_maps()
    return image, keras.layers.GlobalAveragePooling1D()(
        keras.layers.Reshape((14 * 14, 4), name="in_a_row")(x)
    )


def _joined():
    image, x = _image_and_maps()
    flat = keras.layers.Dense(4)(keras.layers.Flatten()(x))
    pooled = keras.layers.GlobalMaxPooling2D()(x)
    return image, keras.layers.Concatenate(name="both")([pooled, flat])


@pytest.mark.parametrize(
    ("build", "layer"),
    [
        (_resized, "'shrunk' (Resizing)"),
        (_cropped, "'cut' (AugmentationLayer)"),
        (_normalised, "'over_all' (LayerNormalization)"),
        (_reshaped, "'in_a_row' (Reshape)"),
        (_joined, "'both' (Concatenate)"),
    ],
)
def test_layer_that_stands_in_the_way_is_named(refused, noise, build, layer):
    image, x = build()
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    with refused(ValueError, "scales", layer, "Leave `scales` out"):
        predict_images(model, noise, scales=24)


def test_reason_is_given_without_the_texts_of_keras(noise):
    class Fussy(keras.layers.Layer):
        def build(self, shape):
            self.side = shape[1]

        def call(self, x):
            if x.shape[1] != self.side:
                raise ValueError("I want to know the size.")
            return x

    image, x = _image_and_maps()
    x = keras.layers.GlobalAveragePooling2D()(Fussy(name="fussy")(x))
    model = keras.Model(image, keras.layers.Dense(2)(x))
    reason = r"\(Fussy\) does not take them: I want to know the size\. Leave"
    with pytest.raises(ValueError, match=reason):
        predict_images(model, noise, scales=24)


def test_model_without_listed_layers_is_refused(refused, noise):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inside = build_cnn((16, 16, 3), filters=2, n_blocks=1, units=2)

        def call(self, inputs):
            return self.inside(inputs)

    model = Own()
    model(noise[:, :16, :16].astype("f4"))
    with pytest.raises(ValueError, match=r"`(scales|classifier|model)`"):
        predict_images(model, noise, scales=24)
