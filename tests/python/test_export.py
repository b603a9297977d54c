"""Classifiers in the formats of others: they agree, and say what they are."""

import json
import zipfile

import exports
import numpy as np
import pytest

import reticnn
from reticnn.export import exporting

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def _run(file, pixels, output="probabilities"):
    session = runtime.InferenceSession(str(file))
    return session.run([output], {"images": pixels})[0]


def _facts(file):
    session = runtime.InferenceSession(str(file))
    return session.get_modelmeta().custom_metadata_map


@pytest.fixture(scope="module")
def pixels():
    return reticnn.load_images(reticnn.shape_images(7, image_size=16, seed=5))["images"]


def _chances(classifier, pixels):
    table = reticnn.predict_images(classifier, pixels)
    return np.array([table[f".pred_{name}"] for name in classifier.class_names]).T


def test_onnx_agrees_and_says_what_it_is(classifier, pixels, tmp_path):
    file = tmp_path / "a.onnx"
    said = reticnn.export_classifier(classifier, file, images=pixels)
    assert said["difference"] < 1e-6
    assert (said["images"], said["bytes"]) == (7, file.stat().st_size)
    wanted = _chances(classifier, pixels)
    np.testing.assert_allclose(_run(file, pixels), wanted, atol=1e-6)
    np.testing.assert_allclose(_run(file, pixels[:1]), wanted[:1], atol=1e-6)
    second = 1 / (1 + np.exp(-_run(file, pixels, "scores")[:, 0]))
    np.testing.assert_allclose(second, wanted[:, 1], atol=1e-6)
    facts = _facts(file)
    assert json.loads(facts["class_names"]) == ["circle", "square"]
    assert json.loads(facts["image_shape"]) == [16, 16, 3]
    assert facts["reticnn_export_format"] == "1"
    assert json.loads(facts["reticnn"])["history"]["epoch"] == list(range(1, 9))
    opset = onnx.load(file).opset_import[0]
    assert (opset.domain, opset.version) == ("", 17)


def test_keras_agrees_and_has_the_facts_inside(classifier, pixels, tmp_path):
    import keras

    file = tmp_path / "a.keras"
    assert reticnn.export_classifier(classifier, file, "keras")["difference"] < 1e-6
    model = keras.models.load_model(file)
    np.testing.assert_allclose(
        model.predict_on_batch(pixels), _chances(classifier, pixels), atol=1e-6
    )
    archive = zipfile.ZipFile(file)
    assert json.loads(archive.read("reticnn.json"))["resize"] == "stretch"
    # Nothing that is needed in training only.
    assert b"optimizer" not in archive.read("model.weights.h5")
    assert classifier.model.compiled and classifier.model.optimizer is not None


@pytest.mark.slow
@pytest.mark.parametrize("format", ["saved_model", "litert"])
def test_tensorflows_formats_agree(classifier, pixels, tmp_path, format):
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras writes them under TensorFlow")
    path = tmp_path / ("folder" if format == "saved_model" else "a.tflite")
    said = reticnn.export_classifier(classifier, path, format, images=pixels)
    assert said["difference"] < 1e-5
    if format == "litert":
        facts = json.loads(zipfile.ZipFile(path).read("reticnn.json"))
    else:
        facts = json.loads((path / "assets.extra" / "reticnn.json").read_text())
    assert json.loads(facts["class_names"]) == ["circle", "square"]


def test_calibration_is_inside_and_scores_are_those_before(
    classifier, pixels, tmp_path
):
    unseen = reticnn.load_images(reticnn.shape_images(60, image_size=16, seed=9))
    labels = unseen["labels"]
    labels[::5] = labels[1::5]  # Nothing is to be calibrated where all is right.
    swapped = reticnn.image_arrays(unseen["images"], labels)
    calibrated = reticnn.calibrate_classifier(classifier, swapped)
    file = tmp_path / "a.onnx"
    reticnn.export_classifier(calibrated, file)
    assert _facts(file)["values"] == "8 bits, 0 to 255"
    with pytest.warns(UserWarning, match="'reticnn>TemperatureScaling'"):
        reticnn.export_classifier(calibrated, tmp_path / "a.keras", "keras")
    np.testing.assert_allclose(
        _run(file, pixels), _chances(calibrated, pixels), atol=1e-6
    )
    energy = reticnn.novelty_scores(calibrated, pixels, method="energy")[".novelty"]
    half = _run(file, pixels, "scores")[:, 0].astype("float64") / 2
    np.testing.assert_allclose(-np.log(2 * np.cosh(half)), energy, atol=1e-5)


@pytest.mark.parametrize("policy", ["float64", "mixed_float16"])
def test_other_precisions_are_written_in_single_precision(
    policy, pixels, tmp_path, tiny_cnn
):
    import keras

    keras.config.set_dtype_policy(policy)
    try:
        model = tiny_cnn(batch_norm=True, rescale=(120, 60))
    finally:
        keras.config.set_dtype_policy("float32")
    classifier = reticnn.Classifier(model, ["a", "b"], {"epoch": []})
    reticnn.export_classifier(classifier, tmp_path / "a.onnx")
    np.testing.assert_allclose(
        _run(tmp_path / "a.onnx", pixels), _chances(classifier, pixels), atol=2e-3
    )


def test_8_bits_are_measured_on_the_images(classifier, shapes, tmp_path):
    file = tmp_path / "a.onnx"
    said = reticnn.export_classifier(classifier, file, images=shapes, quantize="int8")
    at = np.unique(np.linspace(0, len(shapes) - 1, 256).round().astype(int))
    some = reticnn.load_images(shapes[at])["images"]
    apart = np.abs(_run(file, some) - _chances(classifier, some)).max()
    # It is of the file that was written.
    assert said["difference"] == pytest.approx(apart, abs=1e-6) and apart > 1e-5
    table = said["quantized"]
    assert table["network"] == ["float32", "int8"]
    assert said["bytes"] == table["bytes"][1] < table["bytes"][0]
    assert min(table["accuracy"]) > 0.8 and table["agreement"][1] > 0.8
    assert json.loads(_facts(file)["class_names"]) == ["circle", "square"]


def test_images_are_compared_from_all_parts_of_sorted_data(
    classifier, tmp_path, monkeypatch
):
    pixels = np.repeat(np.arange(100, dtype="uint8"), 16 * 16 * 3)
    compared = []

    def noting(_, pixels):
        compared.extend(pixels[:, 0, 0, 0].tolist())
        return _by_classifier(classifier, pixels)

    _by_classifier = exporting._by_classifier
    monkeypatch.setattr(exporting, "_by_classifier", noting)
    said = reticnn.export_classifier(
        classifier, tmp_path / "a.onnx", images=pixels.reshape(100, 16, 16, 3)
    )
    assert said["images"] == len(compared) == 32
    assert (compared[0], compared[-1]) == (0, 99) and max(np.diff(compared)) == 4


def test_what_may_not_hold_in_8_bits_is_warned_of(classifier, pixels, tmp_path):
    data = reticnn.shape_images(60, image_size=16, seed=9)
    with_sets = reticnn.prediction_sets(classifier, data)
    with pytest.warns(UserWarning) as said:
        reticnn.export_classifier(
            with_sets, tmp_path / "a.onnx", images=pixels, quantize="int8"
        )
    said = " ".join(str(one.message) for one in said)
    assert "`images` has 7 to calibrate by" in said
    assert "has prediction sets found for the network in single precision" in said


@pytest.mark.filterwarnings("ignore:`images` has")
def test_accuracy_in_8_bits_is_that_by_distances_where_probabilities_are_0(tmp_path):
    import keras

    # Backends draw different weights, and few see both classes in noise.
    keras.utils.set_random_seed({"torch": 2}.get(keras.backend.backend(), 1))
    rng = np.random.default_rng(1)
    model = reticnn.landmark_model(
        "lenet5",
        num_classes=2,
        variant="original",
        prototypes=6 * rng.choice([-1, 1], (2, 84)),
    )
    pixels = rng.integers(0, 256, (20, 32, 32, 1), "uint8")
    data = reticnn.image_arrays(pixels, ["a", "b"] * 10)
    fitted = reticnn.fit_classifier(model, data, epochs=1, progress="none", seed=1)
    said = reticnn.export_classifier(
        fitted, tmp_path / "a.onnx", images=data, quantize="int8"
    )
    accuracy = reticnn.evaluate_classifier(fitted, data)["accuracy"]
    assert said["quantized"]["accuracy"][0] == pytest.approx(accuracy)
    assert len({*reticnn.predict_images(fitted, data)[".pred_class"]}) == 2


def _without_rescaling():
    return reticnn.build_cnn(
        (16, 16, 3), n_blocks=1, filters=2, units=2, rescale=False, seed=1
    )


def test_what_cannot_be_exported_is_named(classifier, tmp_path, refused, fit, shapes):
    import keras

    export = reticnn.export_classifier
    with refused(ValueError, "quantize", "'int8'", "images"):
        export(classifier, tmp_path / "a.onnx", quantize="int8")
    with refused(ValueError, "quantize", "'keras'"):
        export(classifier, tmp_path / "a.keras", "keras", quantize="int8")
    with refused(ValueError, "path", ".onnx", "a.keras"):
        export(classifier, tmp_path / "a.keras")
    with refused(ValueError, "format", "'tflite'", "litert"):
        export(classifier, tmp_path / "a", "tflite")
    with refused(FileExistsError, "path", "does not exist yet"):
        export(classifier, tmp_path, "r")

    values = reticnn.load_images(shapes)
    standardised = (values["images"] - 120.0) / 60
    data = reticnn.image_arrays(standardised, values["labels"])
    with refused(ValueError, "classifier", "-2 to", "0 to 255"):
        export(fit(_without_rescaling(), data), tmp_path / "b.onnx")

    class Sorted(keras.layers.Layer):
        def call(self, inputs):
            return keras.ops.sort(inputs, axis=-1)

    image = keras.Input((16, 16, 3))
    hidden = Sorted(name="odd")(keras.layers.GlobalAveragePooling2D()(image))
    output = keras.layers.Dense(2, activation="softmax")(hidden)
    odd = fit(keras.Model(image, output), shapes)
    with refused(ValueError, "classifier", "layer 'odd' (Sorted)", "'Sort'"):
        export(odd, tmp_path / "odd.onnx")
    assert not (tmp_path / "odd.onnx").exists()


def test_missing_packages_are_named(classifier, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match='pip install "onnx"'):
        reticnn.export_classifier(classifier, tmp_path / "a.onnx")


# One network of each family, made as small as it can be.
_LANDMARKS = {
    "LeNet": ("lenet5", {"variant": "original", "num_classes": 10}),
    "AlexNet": ("alexnet", {"input_shape": (67, 67, 3)}),
    "Inception": ("googlenet", {"input_shape": (80, 80, 3)}),
    "VGG": ("vgg11", {"input_shape": (32, 32, 3)}),
    "ResNet": ("resnet18", {"input_shape": (32, 32, 3)}),
    "DenseNet": ("densenet_bc_100_12", {}),
    "MobileNet": ("mobilenet", {"input_shape": (32, 32, 3), "width": 0.25}),
    "ConvNeXt": ("convnext_tiny", {"input_shape": (32, 32, 3)}),
}
# Those that are no landmarks.
_BACKBONES = {
    "efficientnet": ("efficientnet_b0", 32),
    "efficientnet_v2": ("efficientnet_v2_b0", 32),
    "inception": ("inception_v3", 75),
    "inception_resnet": ("inception_resnet_v2", 75),
    "mobilenet_v2": ("mobilenet_v2_0.35", 32),
    "mobilenet_v3": ("mobilenet_v3_small_0.75", 32),
    "nasnet": ("nasnet_mobile", 32),
    "resnet_v2": ("resnet50_v2", 32),
    "xception": ("xception", 71),
}


def _agrees(model, tmp_path):
    """Return how far a model and its graph are apart, on images of noise."""
    name = [f"class {number + 1}" for number in range(max(2, model.output_shape[1]))]
    classifier = reticnn.Classifier(model, name, {"epoch": []})
    return reticnn.export_classifier(classifier, tmp_path / "a.onnx")["difference"]


def test_the_tables_have_no_holes():
    landmarks = reticnn.landmark_architectures()["family"]
    assert set(landmarks) == set(_LANDMARKS)
    same = {
        "alexnet",
        "convnext",
        "densenet",
        "googlenet",
        "mobilenet",
        "resnet",
        "vgg",
    }
    assert set(reticnn.backbones()["family"]) == {*_BACKBONES, *same}


@pytest.mark.slow
@pytest.mark.parametrize("family", _LANDMARKS)
def test_landmarks_agree(family, tmp_path):
    import keras

    # Of weights that are drawn, some few make ten times as much of rounding.
    keras.utils.set_random_seed(1)
    name, options = _LANDMARKS[family]
    assert _agrees(reticnn.landmark_model(name, **options), tmp_path) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("family", _BACKBONES)
def test_backbones_agree(family, tmp_path):
    name, side = _BACKBONES[family]
    model = reticnn.transfer_model(name, (side, side, 3), weights=None, seed=1)
    assert _agrees(model, tmp_path) < 1e-5


@pytest.mark.slow
def test_all_that_there_are_can_be_compared(tmp_path):
    known = {
        *(f"landmark {name}" for name in reticnn.landmark_architectures()["name"]),
        *(f"backbone {name}" for name in reticnn.backbones()["name"]),
    }
    assert set(exports.names()) == known
    line, agrees = exports.told("backbone resnet20", tmp_path)
    assert agrees and float(line.split()[-1]) < 1e-5


def test_adapters_sizes_and_heads_of_any_kind_agree(tmp_path):
    import keras

    adapted = reticnn.transfer_model(
        *("mobilenet_0.25", (20, 20, 1)),
        weights=None,
        adapter=True,
        resize_to=32,
        seed=1,
    )
    assert _agrees(adapted, tmp_path) < 1e-5
    image = keras.Input((None, None, 3))
    hidden = keras.layers.Conv2D(3, 3, strides=2, padding="same", groups=3)(image)
    hidden = keras.layers.DepthwiseConv2D(3, dilation_rate=2, padding="same")(hidden)
    # Under torch, Keras repeats the outermost pixels in the mean where one side of an
    # image is padded further than the other.
    padding = "valid" if keras.backend.backend() == "torch" else "same"
    hidden = keras.layers.AveragePooling2D(3, 2, padding=padding)(hidden)
    hidden = keras.layers.GlobalMaxPooling2D()(
        keras.layers.PReLU(shared_axes=[1, 2])(hidden)
    )
    for units, activation in ((1, "sigmoid"), (3, None), (1, None)):
        head = keras.layers.Dense(units, activation=activation)(hidden / 255)
        assert _agrees(keras.Model(image, head), tmp_path) < 1e-5
    # The size is free, too.
    assert _run(tmp_path / "a.onnx", np.zeros((2, 31, 54, 3), "uint8")).shape == (2, 2)


@pytest.mark.parametrize("side", [16, 31, 52])
def test_resized_and_pooled_pixels_are_kerass_at_every_size(tmp_path, side):
    import keras

    image = keras.Input((None, None, 1))
    hidden = keras.layers.MaxPooling2D(1, strides=2, padding="same")(image)
    hidden = keras.layers.Resizing(7, 9, interpolation="nearest")(hidden)
    hidden = keras.layers.Flatten()(hidden)
    model = keras.Model(image, keras.layers.Dense(3)(hidden / 255))
    assert _agrees(model, tmp_path) < 1e-5
    pixels = np.random.default_rng(1).integers(0, 256, (2, 2 * side, 60, 1), "uint8")
    scores = _run(tmp_path / "a.onnx", pixels, "scores")
    np.testing.assert_allclose(scores, model.predict_on_batch(pixels), atol=1e-5)


def test_windows_that_cannot_be_written_for_every_size_are_named(tmp_path, refused):
    import keras

    image = keras.Input((None, None, 1))
    hidden = keras.layers.AveragePooling2D(2, strides=3, padding="same")(image)
    hidden = keras.layers.GlobalMaxPooling2D()(hidden)
    model = keras.Model(image, keras.layers.Dense(2)(hidden / 255))
    with refused(ValueError, "classifier", "smaller than its strides"):
        _agrees(model, tmp_path)
