"""Classifiers that predict without Keras: as with it, and Keras only when needed."""

import json
import os
import pickle
import sys
import threading
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from same_tables import same

import reticnn
from reticnn.explanation.occluded import occluding
from reticnn.runtime.conditions import MissingPackageError
from reticnn.saving.fast_start import graph_to_keep, loses_log_loss

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def careful(classifier):
    """Return a classifier with calibration, prediction sets and a novelty threshold."""
    images = reticnn.load_images(reticnn.shape_images(200, image_size=16, seed=11))
    labels = np.array(images["labels"], object)
    labels[1::20] = "circle"  # Every other image is a square.
    others = reticnn.image_arrays(images["images"], labels.tolist())
    calibrated = reticnn.calibrate_classifier(classifier, others, progress="none")
    others = reticnn.shape_images(200, image_size=16, seed=12)
    sets = reticnn.prediction_sets(calibrated, others, coverage=0.8)
    return reticnn.novelty_threshold(sets, others, method="energy")


@pytest.fixture(scope="module")
def folder(classifier, careful, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    reticnn.export_classifier(classifier, folder / "plain.onnx")
    reticnn.export_classifier(careful, folder / "careful.onnx")
    reticnn.save_classifier(classifier, folder / "plain.reticnn", fast_start=True)
    return folder


@pytest.fixture(scope="module")
def loaded(folder):
    return reticnn.load_classifier(folder / "plain.onnx")


@pytest.fixture(scope="module")
def data():
    return reticnn.shape_images(40, image_size=16, seed=21)


@pytest.mark.parametrize("views", [{}, {"tta": 2}, {"crops": 2}])
def test_predictions_are_those_of_the_keras_model(classifier, loaded, data, views):
    want = reticnn.predict_images(classifier, data, **views)
    same(reticnn.predict_images(loaded, data, batch_size=7, **views), want)
    prior = {"circle": 0.9, "square": 0.1}
    want = reticnn.predict_images(classifier, data, prior=prior)
    same(reticnn.predict_images(loaded, data, prior=prior), want)


def test_decimals_are_not_rounded(classifier, loaded, data):
    pixels = reticnn.load_images(data)["images"] * np.float32(0.873)
    want = reticnn.predict_images(classifier, pixels)
    same(reticnn.predict_images(loaded, pixels), want)
    whole = reticnn.predict_images(classifier, pixels.astype("uint8"))
    assert whole[".pred_circle"] != want[".pred_circle"]


def test_after_an_error_no_other_piece_is_begun(loaded):
    begun, is_over = [], threading.Event()

    def run(part):
        begun.append(len(part))
        if len(begun) == 1:
            raise ValueError("of a piece")
        is_over.wait()
        return part

    pixels = np.zeros((40, 400, 400, 1), "uint8")
    with pytest.raises(ValueError, match="of a piece"):
        loaded.network._of_parts(run, pixels)
    is_over.set()
    # It comes after all that is still to be done.
    loaded.network._of_parts(lambda part: part, pixels)
    assert len(begun) <= 1 + os.cpu_count()


def test_crops_at_scales_need_no_keras_model(classifier, loaded):
    images = reticnn.load_images(reticnn.shape_images(5, image_size=40, seed=2))
    options = {"crops": 5, "scales": (18, 24)}
    want = reticnn.predict_images(classifier, images["images"], **options)
    same(reticnn.predict_images(loaded, images["images"], **options), want)


def test_sets_novelty_and_calibration_stay(careful, folder, data):
    loaded = reticnn.load_classifier(folder / "careful.onnx")
    want = reticnn.predict_images(careful, data, type="set")
    assert {".novel", ".pred_set"} <= set(want)
    same(reticnn.predict_images(loaded, data, type="set"), want)
    for method in ("energy", "softmax"):
        want = reticnn.novelty_scores(careful, data, method=method)
        same(reticnn.novelty_scores(loaded, data, method=method), want)
    assert "calibrated by temperature" in repr(loaded)


def test_measures_are_those_of_the_keras_model(classifier, loaded, data):
    want = reticnn.evaluate_classifier(classifier, data)
    have = reticnn.evaluate_classifier(loaded, data)
    for name in ("accuracy", "log_loss", "calibration_error"):
        assert have[name] == pytest.approx(want[name], abs=1e-5)
    assert have["confusion"] == want["confusion"]


def test_distances_to_prototypes_and_ensembles(tmp_path):
    rng = np.random.default_rng(1)
    prototypes = rng.choice([-1, 1], (2, 84))
    model = reticnn.landmark_model(
        "lenet5", num_classes=2, variant="original", prototypes=prototypes
    )
    pixels = rng.integers(0, 256, (5, 32, 32, 1), "uint8")
    others = reticnn.image_arrays(pixels, ["a", "b", "a", "b", "a"])
    first = reticnn.fit_classifier(model, others, epochs=1, progress="none")
    same_classes = reticnn.build_cnn((32, 32, 1), filters=4, n_blocks=1, seed=1)
    second = reticnn.fit_classifier(same_classes, others, epochs=1, progress="none")
    both = reticnn.ensemble_classifiers([first, second])
    for name, one in {"distances": first, "ensemble": both}.items():
        reticnn.export_classifier(one, tmp_path / f"{name}.onnx")
        loaded = reticnn.load_classifier(tmp_path / f"{name}.onnx")
        want = reticnn.predict_images(one, pixels)
        same(reticnn.predict_images(loaded, pixels), want)
        assert loaded.shares == one.shares
        drawn, known = (
            reticnn.explain_prediction(it, pixels[:1], "b", "occlusion")
            for it in (loaded, one)
        )
        assert drawn.scores_are == known.scores_are
        same(drawn.table, known.table)
        drawn, known = (occluding(it, 32)(pixels[0], 1) for it in (loaded, one))
        assert np.abs(known).max() > 0
        np.testing.assert_allclose(drawn, known, atol=3e-3 * np.abs(known).max())


_HIDING = ["occlusion", "rise", "lime", "shap"]


@pytest.mark.parametrize("name", ["plain.onnx", "careful.onnx", "plain.reticnn"])
def test_methods_that_hide_parts_need_no_keras_model(
    classifier, careful, folder, data, name
):
    known = careful if name.startswith("careful") else classifier
    loaded = reticnn.load_classifier(folder / name)
    images = reticnn.load_images(data)["images"][:2]
    options = {"classes": "all", "samples": 30, "patch_size": 4, "seed": 1}
    want = reticnn.explain_prediction(known, images, method=_HIDING, **options)
    have = reticnn.explain_prediction(loaded, images, method=_HIDING, **options)
    assert not loaded.has_keras
    same(have.table, want.table)
    assert have.scores_are == want.scores_are
    np.testing.assert_allclose(have.maps, want.maps, atol=1e-3 * want.maps.max())


def test_methods_that_need_a_keras_model_name_those_that_do_not(folder, data):
    loaded = reticnn.load_classifier(folder / "plain.onnx")
    with pytest.raises(ValueError, match=r"Keras model.*save_classifier.*'occlusion'"):
        reticnn.explain_prediction(loaded, data)


def test_losses_of_what_is_all_but_ruled_out_are_keras_own(folder, data):
    model = reticnn.load_classifier(folder / "plain.reticnn").model
    for weight in model.layers[-1].weights:
        weight.assign(100 * weight)
    sure = reticnn.Classifier(
        model, ["circle", "square"], {"epoch": []}, output="sigmoid"
    )
    labels = ["square", "circle"] * (len(data) // 2)
    others = reticnn.image_arrays(reticnn.load_images(data)["images"], labels)
    path = reticnn.save_classifier(sure, folder / "sure.reticnn", fast_start=True)
    loaded = reticnn.load_classifier(path)
    assert loaded.network.record["log_loss"]
    have, want = (reticnn.evaluate_classifier(it, others) for it in (loaded, sure))
    assert have["loss"] == pytest.approx(want["loss"], rel=1e-4)
    assert have["log_loss"] > 1.1 * have["loss"]


def test_sets_and_novelty_by_equal_probabilities_are_the_same(classifier, tmp_path):
    held_out = reticnn.shape_images(200, image_size=16, seed=31)
    others = reticnn.shape_images(90, image_size=16, seed=32)
    weak = reticnn.build_cnn((16, 16, 3), filters=4, n_blocks=1, units=4, seed=1)
    some = reticnn.shape_images(60, image_size=16, seed=33)
    weak = reticnn.fit_classifier(weak, some, epochs=1, progress="none", seed=1)
    weak = reticnn.calibrate_classifier(
        weak, held_out, method="isotonic", progress="none"
    )
    weak = reticnn.prediction_sets(weak, others, coverage=0.8)
    weak = reticnn.novelty_threshold(weak, others, method="softmax", share=0.2)
    path = reticnn.save_classifier(weak, tmp_path / "a.reticnn", fast_start=True)
    tables = [
        reticnn.predict_images(one, others, type="set", batch_size=batch_size)
        for one in (weak, reticnn.load_classifier(path))
        for batch_size in (1, 7, 90)
    ]
    for table in tables:
        for name in (".pred_set", ".novel"):
            assert table[name] == tables[0][name]
    areas = {
        reticnn.evaluate_classifier(one, others, batch_size=batch_size)["roc_auc"]
        for one in (weak, reticnn.load_classifier(path))
        for batch_size in (1, 7, 90)
    }
    assert len(areas) == 1


def test_what_needs_the_keras_model_says_that_there_is_none(loaded, data):
    with pytest.raises(ValueError, match=r"plain\.onnx.* has no Keras model"):
        reticnn.explain_prediction(loaded, data[:1])
    with pytest.raises(ValueError, match="Use the file that `save_classifier"):
        reticnn.describe_model(loaded)


def test_a_copy_in_another_process_predicts(loaded, data):
    copy = pickle.loads(pickle.dumps(loaded))
    want = reticnn.predict_images(loaded, data)
    same(reticnn.predict_images(copy, data), want)


def test_rows_written_are_those_of_the_table(loaded, tmp_path, cats):
    path = tmp_path / "rows.csv"
    reticnn.write_predictions(loaded, cats, path)
    assert len(path.read_text().splitlines()) == 6
    assert reticnn.write_predictions(loaded, cats, path) == str(path)


def test_a_run_goes_on_once_the_keras_model_is_loaded(
    classifier, folder, tmp_path, cats, refused
):
    loaded, path = reticnn.load_classifier(folder / "plain.reticnn"), tmp_path / "a.csv"
    reticnn.write_predictions(loaded, cats, path)
    assert not loaded.has_keras
    weight = loaded.model.trainable_variables[0]
    for one in (loaded, classifier):
        assert reticnn.write_predictions(one, cats, path) == str(path)
    weight.assign(2 * weight)
    with (
        pytest.warns(UserWarning, match="have been changed since"),
        refused(ValueError, "path", "by another classifier"),
    ):
        reticnn.write_predictions(loaded, cats, path)


def test_keras_model_is_loaded_when_it_is_needed(classifier, folder, data):
    loaded = reticnn.load_classifier(folder / "plain.reticnn")
    want = reticnn.predict_images(classifier, data)
    same(reticnn.predict_images(loaded, data), want)
    assert not loaded.has_keras
    copy = loaded.changed(resize="crop")
    one, other = (
        reticnn.explain_prediction(each, data[:2]) for each in (loaded, classifier)
    )
    np.testing.assert_allclose(one.maps, other.maps, atol=1e-4)
    assert loaded.has_keras and copy.has_keras and not loaded.stale
    same(reticnn.predict_images(loaded, data), want)
    # It is what predicts from then on, whatever becomes of it.
    loaded.model.layers[-1].kernel.assign(-loaded.model.layers[-1].kernel)
    with pytest.warns(reticnn.runtime.conditions.StaleClassifierWarning):
        turned = reticnn.predict_images(loaded, data)
    assert turned[".pred_class"] != want[".pred_class"]


def test_threads_have_one_keras_model(folder):
    loaded = reticnn.load_classifier(folder / "plain.reticnn")
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: loaded.model, range(4)))
    assert all(model is loaded.model for model in models)


def test_a_graph_that_is_too_new_leaves_the_keras_model(folder, tmp_path, data):
    path = tmp_path / "a.reticnn"
    with zipfile.ZipFile(folder / "plain.reticnn") as known:
        parts = {name: known.read(name) for name in known.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, b"of the future" if name == "model.onnx" else part)
    loaded = reticnn.load_classifier(path)
    assert loaded.has_keras
    want = reticnn.load_classifier(folder / "plain.reticnn")
    same(reticnn.predict_images(loaded, data), reticnn.predict_images(want, data))


def test_saved_again_it_is_as_it_was(folder, tmp_path, data):
    for name in ("plain.reticnn", "plain.onnx"):
        loaded = reticnn.load_classifier(folder / name)
        reticnn.save_classifier(loaded, tmp_path / "again.reticnn")
        again = reticnn.load_classifier(tmp_path / "again.reticnn")
        assert not loaded.has_keras and not again.has_keras
        assert again.network.contents == loaded.network.contents
        assert again.network.keras_file == loaded.network.keras_file
        assert again.history == loaded.history
    trained = reticnn.load_classifier(folder / "plain.reticnn")
    reticnn.fit_classifier(trained, data, epochs=1, progress="none")


def test_model_that_has_no_graph_is_named(refused, tmp_path, shapes):
    import keras

    @keras.saving.register_keras_serializable("tests")
    class Odd(keras.layers.Layer):
        def call(self, inputs):
            return keras.ops.sort(inputs, axis=1)

    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            Odd(name="odd_one"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, "softmax"),
        ]
    )
    fitted = reticnn.fit_classifier(model, shapes, epochs=1, progress="none")
    with refused(ValueError, "fast_start", "odd_one"):
        reticnn.save_classifier(fitted, tmp_path / "a.reticnn", fast_start=True)
    assert not (tmp_path / "a.reticnn").exists()


def _parts(path):
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


BOTH = ["model.keras", "model.onnx", "classifier.json"]
WITHOUT = ["model.keras", "classifier.json"]


def test_graph_is_kept_unless_it_is_not_wanted(
    classifier, folder, tmp_path, refused, monkeypatch
):
    path = tmp_path / "a.reticnn"
    for fast_start, parts in {None: BOTH, True: BOTH, False: WITHOUT}.items():
        reticnn.save_classifier(classifier, path, fast_start=fast_start)
        assert _parts(path) == parts
    # Of what was loaded, too.
    loaded = reticnn.load_classifier(folder / "plain.reticnn")
    reticnn.save_classifier(loaded, path, fast_start=False)
    assert _parts(path) == WITHOUT and not loaded.has_keras
    assert reticnn.load_classifier(path).has_keras
    assert loaded.model.built  # From here on, it is what predicts.
    reticnn.save_classifier(loaded, path)
    assert _parts(path) == BOTH
    exported = reticnn.load_classifier(folder / "plain.onnx")
    with refused(ValueError, "fast_start", "from an ONNX file", "Leave it out"):
        reticnn.save_classifier(exported, path, fast_start=False)
    assert _parts(path) == BOTH
    for package in ("onnxruntime", "onnx"):
        monkeypatch.setitem(sys.modules, package, None)
        reticnn.save_classifier(classifier, path)
        assert _parts(path) == WITHOUT
        with pytest.raises(MissingPackageError, match=f"`fast_start`.* {package},"):
            reticnn.save_classifier(classifier, path, fast_start=True)


def test_graph_that_may_do_harm_is_kept_only_if_it_is_wanted(fit, shapes, tmp_path):
    import keras

    @keras.saving.register_keras_serializable("tests")
    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    def model(dtype, layers):
        policy = keras.DTypePolicy(dtype)
        return keras.Sequential(
            [
                keras.Input((16, 16, 3)),
                *layers,
                keras.layers.Flatten(dtype=policy),
                keras.layers.Dense(2, "softmax", dtype=policy),
            ]
        )

    path = tmp_path / "a.reticnn"
    for dtype, layers in (("float32", [Doubled()]), ("mixed_bfloat16", [])):
        fitted = fit(model(dtype, layers), shapes)
        reticnn.save_classifier(fitted, path)
        assert _parts(path) == WITHOUT
    plain = fit(model("float32", []), shapes)
    graph, _ = graph_to_keep(plain, None, 10**6)
    assert graph_to_keep(plain, None, len(graph))[0] == graph
    assert graph_to_keep(plain, None, len(graph) - 1)[0] is None
    assert graph_to_keep(plain, True, 0)[0] == graph


def test_file_that_has_lost_its_keras_model_is_refused(folder, tmp_path, refused):
    path = tmp_path / "a.reticnn"
    with (
        zipfile.ZipFile(folder / "plain.reticnn") as known,
        zipfile.ZipFile(path, "w") as archive,
    ):
        for name in BOTH[1:]:
            archive.writestr(name, known.read(name))
    with refused(ValueError, "path", "damaged", "a part of it is missing"):
        reticnn.load_classifier(path)


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x08\x08" + bytes(100)])
def test_file_that_is_none_is_refused(refused, tmp_path, content):
    file = tmp_path / "bad.onnx"
    file.write_bytes(content)
    with refused(ValueError, "path", "not an ONNX file", "bad.onnx"):
        reticnn.load_classifier(file)


WITHOUT_KERAS = """
import sys
import reticnn

classifier = reticnn.load_classifier(sys.argv[1])
data = reticnn.shape_images(20, image_size=16, seed=21)
table = reticnn.predict_images(classifier, data, tta=1)
scores = reticnn.evaluate_classifier(classifier, data)
reticnn.plot_confusion(scores)
reticnn.plot_history(classifier)
reticnn.report_classifier(classifier, data, sys.argv[2])
print(sorted({"keras", "tensorflow", "jax", "torch", "h5py"} & set(sys.modules)))
"""


def test_predicting_measuring_and_plotting_start_neither_keras_nor_tensorflow(
    run_python, folder, tmp_path
):
    pytest.importorskip("matplotlib")
    for name in ("careful.onnx", "plain.reticnn"):
        result = run_python(WITHOUT_KERAS, folder / name, tmp_path / "page.html")
        assert result.stdout == "[]\n", result.stderr
        page = (tmp_path / "page.html").read_text("utf-8")
        assert "ONNX Runtime" in page and "28,09" in page


_PREDICTS = """
import sys, numpy as np, reticnn
loaded = reticnn.load_classifier(sys.argv[1])
reticnn.predict_images(loaded, np.zeros((1, 16, 16, 3), "uint8"))
"""


def test_onnx_runtime_tells_nobody_and_leaves_no_mark(run_python, folder, tmp_path):
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), str(tmp_path))
    # These, too, would have it say nothing.
    others = dict.fromkeys(("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS"))
    result = run_python(_PREDICTS, folder / "plain.onnx", **places, **others)
    assert (result.returncode, result.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


# ONNX files of others


def _graph(
    file, shape=("n", 4, 4, 3), *, kind="FLOAT", end="Softmax", further=(), opset=17
):
    """Write a network: means over the image, times weights, an end and what follows."""
    from onnx import TensorProto, helper, numpy_helper

    axes = [2, 3] if shape[1] == 3 else [1, 2]
    weights = np.arange(6, dtype="float32").reshape(3, 2) / 100
    nodes = [
        helper.make_node("Cast", ["photos"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=axes, keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["scores"]),
    ]
    given = "scores"
    for name in (end, *further):
        taken = [given, "one"] if name == "Reshape" else [given]
        given = "answer" if name == (end, *further)[-1] else name
        nodes.append(helper.make_node(name, taken, [given]))
    graph = helper.make_graph(
        nodes,
        "theirs",
        [helper.make_tensor_value_info("photos", getattr(TensorProto, kind), shape)],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.array([1, 2]), "one"),
        ],
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    file.write_bytes(model.SerializeToString())
    return file, weights


@pytest.mark.parametrize("shape", [("n", 4, 4, 3), ("n", 3, 4, 4)])
@pytest.mark.parametrize("kind", ["UINT8", "FLOAT"])
@pytest.mark.filterwarnings("ignore:`path` is an ONNX file that takes floating-point")
def test_network_of_somebody_else_predicts(tmp_path, shape, kind):
    file, weights = _graph(tmp_path / "theirs.onnx", shape, kind=kind)
    loaded = reticnn.load_classifier(file, class_names=["ant", "bee"])
    pixels = np.random.default_rng(3).integers(0, 256, (5, 4, 4, 3), "uint8")
    powers = np.exp(pixels.mean(axis=(1, 2)) @ weights)
    table = reticnn.predict_images(loaded, pixels)
    want = powers[:, 1] / powers.sum(axis=1)
    np.testing.assert_allclose(table[".pred_bee"], want, atol=1e-5)
    assert loaded.image_shape == (4, 4, 3)
    data = reticnn.image_arrays(pixels, ["bee", "ant", "bee", "bee", "ant"])
    assert reticnn.evaluate_classifier(loaded, data)["n"] == 5
    with pytest.raises(ValueError, match="Keep that file"):
        reticnn.save_classifier(loaded, tmp_path / "a.reticnn")


def test_network_of_somebody_else_in_8_bits_is_given_no_decimals(tmp_path):
    file, _ = _graph(tmp_path / "theirs.onnx", kind="UINT8")
    loaded = reticnn.load_classifier(file, class_names=["ant", "bee"])
    pixels = np.random.default_rng(3).integers(0, 255, (5, 4, 4, 3), "uint8")
    table = reticnn.predict_images(loaded, pixels)
    assert reticnn.predict_images(loaded, pixels + np.float32(0.3)) == table
    # As are files of 16 bits among others of 8.
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    Image.fromarray(pixels[0]).save(paths[0])
    Image.fromarray(np.arange(16, dtype="uint16").reshape(4, 4) * 4000).save(paths[1])
    alone = reticnn.predict_images(loaded, paths[:1])[".pred_bee"]
    assert reticnn.predict_images(loaded, paths)[".pred_bee"][:1] == alone


def test_network_of_somebody_else_is_served_apart(tmp_path, monkeypatch):
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    file, _ = _graph(tmp_path / "theirs.onnx", kind="UINT8")
    loaded = reticnn.load_classifier(file, class_names=["ant", "bee"])
    pixels = np.random.default_rng(3).integers(0, 256, (9, 4, 4, 3), "uint8")
    data = reticnn.image_arrays(pixels, ["bee", "ant", "bee"] * 3)
    loaded = reticnn.prediction_sets(loaded, data, coverage=0.8)
    Image.fromarray(pixels[0]).save(tmp_path / "a.png")
    # What lies in the working directory is no module of Python's.
    (tmp_path / "json.py").write_text("raise ValueError('not this one')")
    monkeypatch.chdir(tmp_path)
    server = reticnn.served_apart(
        *(loaded, 0, "127.0.0.1"),
        api_key=None,
        prior=None,
        batch_size=4,
        max_megabytes=1,
        max_megapixels=1,
    )
    body = (tmp_path / "a.png").read_bytes()
    with urllib.request.urlopen(f"{server.address}/predict", body) as answer:
        (row,) = json.load(answer)["predictions"]
    server.stop()
    assert not server.is_running
    want = reticnn.predict_images(loaded, pixels[:1], type="set")
    assert [row["set"]] == want[".pred_set"]
    assert row["probabilities"]["ant"] == pytest.approx(want[".pred_ant"][0], abs=1e-6)


def test_what_somebody_elses_outputs_are_is_said_or_refused(refused, tmp_path):
    file, weights = _graph(tmp_path / "a.onnx", kind="UINT8", end="Identity")
    with refused(ValueError, "output", "a.onnx", "'logits'"):
        reticnn.load_classifier(file, class_names=["ant", "bee"])
    loaded = reticnn.load_classifier(file, class_names=["ant", "bee"], output="logits")
    pixels = np.full((1, 4, 4, 3), 200, "uint8")
    scores = np.full(3, 200) @ weights
    want = 1 / (1 + np.exp(scores[0] - scores[1]))
    have = reticnn.predict_images(loaded, pixels)[".pred_bee"]
    assert have == pytest.approx([want], abs=1e-5)
    with refused(ValueError, "output", "sigmoid", "2 numbers"):
        reticnn.load_classifier(file, class_names=["ant", "bee"], output="sigmoid")
    with refused(ValueError, "output", "said to be 'softmax'", "'logits'"):
        reticnn.load_classifier(file, class_names=["ant", "bee"], output="softmax")
    file, _ = _graph(tmp_path / "b.onnx", kind="UINT8", further=["Identity"])
    with refused(ValueError, "output", "sums to 1", "Give 'softmax'"):
        reticnn.load_classifier(file, class_names=["ant", "bee"], output="logits")


def test_network_of_somebody_else_that_takes_one_image_is_named(
    refused, tmp_path, capfd
):
    file, _ = _graph(tmp_path / "a.onnx", kind="UINT8", further=["Reshape"])
    with refused(ValueError, "path", "a.onnx", "any number of images, and does not"):
        reticnn.load_classifier(file, class_names=["ant", "bee"], output="softmax")
    assert capfd.readouterr() == ("", "")


def test_file_of_somebody_else_that_does_not_fit_is_named(refused, tmp_path, folder):
    load, names = reticnn.load_classifier, ["ant", "bee"]
    file, _ = _graph(tmp_path / "a.onnx", kind="UINT8")
    with refused(ValueError, "path", "a.onnx", "`class_names`"):
        load(file)
    with refused(ValueError, "path", "3 classes", "n x 2"):
        load(file, class_names=["ant", "bee", "cow"])
    with refused(ValueError, "class_names", "knows that itself"):
        load(folder / "plain.onnx", class_names=names)
    with refused(ValueError, "class_names", "knows that itself"):
        load(folder / "plain.reticnn", class_names=names)
    _graph(tmp_path / "one.onnx", (1, 4, 4, 3), kind="UINT8")
    with refused(ValueError, "path", "'photos'", "1 x 4 x 4 x 3"):
        load(tmp_path / "one.onnx", class_names=names)
    _graph(tmp_path / "new.onnx", kind="UINT8", opset=99)
    with refused(ValueError, "path", "new.onnx", "99"):
        load(tmp_path / "new.onnx", class_names=names)
    _graph(tmp_path / "float.onnx")
    with pytest.warns(UserWarning, match="numbers, and is given pixels of 0"):
        load(tmp_path / "float.onnx", class_names=names)


def _compiled(loss, classes=3, **arguments):
    """Return a network that is compiled with a loss."""
    import keras

    image = keras.Input((16, 16, 3))
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, keras.layers.Dense(classes, **arguments)(hidden))
    model.compile("sgd", loss)
    return model


@pytest.mark.parametrize("kind", ["plain", "logits", "smoothed", "summed", "decay"])
def test_losses_are_those_of_the_keras_model(fit, tmp_path, kind):
    import keras

    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (30, 16, 16, 3)).astype("uint8")
    data = reticnn.image_arrays(pixels, ["a", "b", "c"] * 10)
    smoothed = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    decayed = {"activation": "softmax", "kernel_regularizer": "l2"}
    plain = "sparse_categorical_crossentropy"
    loss, arguments = {
        "plain": (plain, {"activation": "softmax"}),
        "logits": (keras.losses.SparseCategoricalCrossentropy(from_logits=True), {}),
        "smoothed": (smoothed, {"activation": "softmax"}),
        "summed": (
            keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
            {"activation": "softmax"},
        ),
        "decay": (plain, decayed),
    }[kind]
    trained = fit(_compiled(loss, **arguments), data)
    path = reticnn.save_classifier(trained, tmp_path / "a.reticnn", fast_start=True)
    loaded = reticnn.load_classifier(path)
    have, want = (
        reticnn.evaluate_classifier(one, data)["loss"] for one in (loaded, trained)
    )
    assert have == pytest.approx(want, rel=1e-4)
    assert loaded.has_keras == (kind not in ("plain", "logits"))


def test_a_loss_that_weighs_one_of_many_classes_is_no_log_loss():
    import keras

    def weighed(codes, chances):
        codes = keras.ops.cast(keras.ops.reshape(codes, (-1,)), "int32")
        losses = keras.losses.sparse_categorical_crossentropy(codes, chances)
        return losses * keras.ops.where(codes == 7, 2.0, 1.0)

    found = [
        loses_log_loss(
            reticnn.Classifier(
                _compiled(loss, 8, activation="softmax"),
                list("abcdefgh"),
                {"epoch": []},
                output="softmax",
            )
        )
        for loss in ("sparse_categorical_crossentropy", weighed)
    ]
    assert found == [True, False]


def test_a_damaged_onnx_file_is_named(folder, tmp_path, refused):
    contents = (folder / "plain.onnx").read_bytes()
    for start in (contents.index(b'"class_names"'), contents.index(b"reticnn_export")):
        path = tmp_path / "damaged.onnx"
        path.write_bytes(contents[:start] + b"\xff" * 20 + contents[start + 20 :])
        with refused(ValueError, "path", path):
            reticnn.load_classifier(path)
