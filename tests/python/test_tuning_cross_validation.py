"""Cross-validation: nothing is learned from the images that a fold is tested on."""

import json
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

import reticnn
from reticnn.evaluation.cross_validated import CrossValidation, FoldFound

OPTIONS = {"epochs": 2, "validation": 0.2, "early_stopping": 1, "seed": 1}
OPTIONS |= {"progress": "none", "batch_size": 16}


def small_cnn(input_shape, num_classes):
    """Build a network with all that is random in training."""
    return reticnn.build_cnn(
        input_shape, num_classes, filters=4, n_blocks=1, units=4, dropout=0.2
    )


def _validated(data, **options):
    policy = reticnn.augmentation(flip="horizontal")
    settled = {"augmentation": policy, **OPTIONS, **options}
    return reticnn.cross_validate(small_cnn, data, 3, **settled)


@pytest.fixture(scope="module")
def validated(shapes):
    """Return a cross-validation that nothing has disturbed."""
    return _validated(shapes)


def _assert_same(one, other):
    assert one.predictions == other.predictions
    np.testing.assert_equal(one.folds, other.folds)
    np.testing.assert_equal(one.measures, other.measures)
    for first, second in zip(one.classifiers, other.classifiers, strict=True):
        assert first.history == second.history
        weights = zip(first.model.weights, second.model.weights, strict=True)
        for mine, theirs in weights:
            np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def test_each_image_is_predicted_by_the_classifier_that_has_not_seen_it(
    validated, shapes
):
    table = validated.predictions
    assert sorted(table["image"]) == list(range(60))
    assert table["truth"] == [shapes.labels[at] for at in table["image"]]
    for fold in reticnn.fold_images(shapes, 3, seed=1):
        rows = np.flatnonzero(np.equal(table["fold"], fold["fold"]))
        assert [table["image"][row] for row in rows] == fold["test"].indices.tolist()
        classifier = validated.classifiers[fold["fold"] - 1]
        own = reticnn.predict_images(classifier, fold["test"])
        assert own[".pred_circle"] == [table[".pred_circle"][row] for row in rows]
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            scores = reticnn.evaluate_classifier(classifier, fold["test"])
        for name in ("accuracy", "log_loss", "roc_auc", "calibration_error"):
            at = fold["fold"] - 1
            assert validated.folds[name][at] == pytest.approx(scores[name])
        assert len(classifier.seen.held_out) == 8


def test_measures_are_those_of_all_predictions_and_of_the_folds(validated):
    table = validated.predictions
    right = np.equal(table["truth"], table[".pred_class"])
    rows = dict(zip(validated.measures["measure"], range(9), strict=True))
    at = rows["accuracy"]
    assert validated.measures["estimate"][at] == right.mean()
    assert validated.measures["mean"][at] == pytest.approx(
        np.mean(validated.folds["accuracy"])
    )
    assert validated.measures["sd"][at] == pytest.approx(
        np.std(validated.folds["accuracy"], ddof=1)
    )
    pooled = validated.evaluation
    assert validated.measures["lower"][at] == pooled["intervals"]["lower"][0]
    assert len(reticnn.evaluation_curve(pooled, "roc")["class"]) > 2
    assert validated.folds["n_train"] == [40] * 3
    assert validated.folds["n_test"] == [20] * 3
    assert "accuracy" in repr(validated)
    assert "3 folds, 60 predictions" in repr(validated)


@pytest.mark.slow
def test_processes_find_the_same(validated, shapes):
    told = []
    _assert_same(_validated(shapes, workers=2, progress=told.append), validated)
    assert {state["fold"] for state in told} == {1, 2, 3}
    assert {state["folds"] for state in told} == {3}


@pytest.mark.slow
def test_killed_and_resumed(validated, shapes, tmp_path, run_python):
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[2]); import reticnn;"
        "from test_tuning_cross_validation import _validated;"
        "stop = lambda s: (s['fold'], s['epoch'], s['done']) == (2, 1, True);"
        "data = reticnn.shape_images(60, image_size=16, seed=1);"
        "_validated(data, checkpoint_dir=sys.argv[1],"
        "  progress=lambda s: os._exit(9) if stop(s) else None)"
    )
    here = __file__.rpartition("/")[0]
    assert run_python(code, tmp_path, here).returncode == 9
    trained = []
    resumed = _validated(shapes, checkpoint_dir=tmp_path, progress=trained.append)
    # What processes have trained is gone on with here, and the other way round.
    _assert_same(_validated(shapes, checkpoint_dir=tmp_path, workers=2), validated)
    _assert_same(resumed, validated)
    assert (1, 1) not in {(state["fold"], state["epoch"]) for state in trained}
    # Another run is not gone on with; without a seed, it is the one that is there.
    with pytest.raises(ValueError, match="seed: there 1, here 2"):
        _validated(shapes, checkpoint_dir=tmp_path, seed=2)
    with pytest.raises(ValueError, match="other folds"):
        _validated(shapes[:58], checkpoint_dir=tmp_path)
    (tmp_path / "reticnn-folds.json").write_text("{}")
    with pytest.raises(ValueError, match="cannot be used"):
        _validated(shapes, checkpoint_dir=tmp_path)


def test_interrupted(shapes):
    def stop(state):
        if state["fold"] == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="1 of 3 folds"):
        found = _validated(shapes, progress=stop, epochs=1)
    assert found.stopped == "interrupted"
    assert found.folds["fold"] == [1]
    assert "1 of 3 folds (stopped: interrupted)" in repr(found)


def _one_fold(data, build=small_cnn, **options):
    """Cross-validate with a single fold, whose last 20 images are tested on."""
    count = len(data)
    pairs = [(range(count - 20), range(count - 20, count))]
    settled = {"epochs": 1, "seed": 1, "progress": "none", "intervals": None}
    return reticnn.cross_validate(build, data, pairs, **{**settled, **options})


def test_functions_are_given_the_images_to_train_on_alone(shapes):
    given = []

    def build(data, seed, num_classes=2):
        given.append(data)
        image = keras.Input((16, 16, 3))
        normal = keras.layers.Normalization()
        normal.adapt(reticnn.load_images(data)["images"])
        x = keras.layers.Flatten()(normal(image))
        return keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))

    def policy(data):
        given.append(data)
        return reticnn.augmentation(pca_color=reticnn.pca_color(data))

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = _one_fold(shapes, build, augmentation=policy)
    assert [data.indices.tolist() for data in given] == [list(range(40))] * 2
    mean = found.classifiers[0].model.layers[1].mean
    pixels = shapes.read(np.arange(40)).astype("float32")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(mean).ravel(), pixels.mean((0, 1, 2)), rtol=1e-4
    )


def test_what_was_found_in_all_images_is_warned_of(shapes):
    normal = keras.layers.Normalization()
    normal.adapt(reticnn.load_images(shapes)["images"])

    def build():
        image = keras.Input((16, 16, 3))
        x = keras.layers.Flatten()(normal(image))
        return keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))

    policy = reticnn.augmentation(pca_color=reticnn.pca_color(shapes))
    with pytest.warns(UserWarning) as caught:
        _one_fold(shapes, build, augmentation=policy)
    texts = " ".join(str(warning.message) for warning in caught)
    assert "normalisation adapted to images" in texts
    assert "`augmentation` has colour axes" in texts


def test_range_of_values_is_that_of_the_images_to_train_on(tmp_path, shapes):
    rng = np.random.default_rng(1)
    files, labels = [], ["dark", "light"] * 15
    for at in range(30):
        most = 60_000 if at >= 10 else 3_000
        pixels = rng.integers(0, most, (16, 16)).astype("uint16")
        Image.fromarray(pixels).save(tmp_path / f"{at:02}.png")
        files.append(tmp_path / f"{at:02}.png")
    data = reticnn.image_table(
        files, labels, image_size=16, channels=1, value_range="data"
    )
    found = _one_fold(data)
    (low, high), *_ = found.classifiers[0].reading.value_range.pairs
    assert high < 3_001
    # The others are read by the same range.
    wanted = reticnn.image_table(
        files[10:], labels[10:], image_size=16, channels=1, value_range=(low, high)
    )
    own = reticnn.predict_images(found.classifiers[0], wanted)
    assert own[".pred_dark"] == found.predictions[".pred_dark"]
    assert found.predictions[".file"] == [str(file) for file in files[10:]]


def test_a_model_that_may_know_the_images_is_refused(shapes, tiny_cnn, refused):
    def validate(build):
        return reticnn.cross_validate(build, shapes, 2, epochs=1, progress="none")

    model, shared = tiny_cnn(), keras.layers.Dense(2, activation="softmax")
    optimizer = keras.optimizers.Adam()

    def with_shared():
        image = keras.Input((16, 16, 3))
        return keras.Model(image, shared(keras.layers.Flatten()(image)))

    def with_optimizer():
        made = tiny_cnn()
        made.compile(optimizer, "binary_crossentropy")
        return made

    def trained_by_keras():
        made = tiny_cnn()
        made.compile("adam", "binary_crossentropy")
        made.fit(shapes.read(np.arange(8)), shapes.codes[:8], verbose=0)
        return made

    def trained():
        return reticnn.fit_classifier(
            tiny_cnn(), shapes, epochs=1, progress="none"
        ).model

    with refused(ValueError, "build", "the model of fold 1", "inside the function"):
        validate(lambda: model)
    assert not model.compiled
    with refused(ValueError, "build", "share weights", "dense"):
        validate(with_shared)
    with refused(ValueError, "build", "the same optimizer"):
        validate(with_optimizer)
    with refused(ValueError, "build", "optimizer has done 1 step,"):
        validate(trained_by_keras)
    with refused(ValueError, "build", "already, on 30 of the 30 images to test"):
        validate(trained)
    with refused(TypeError, "build", "a function"):
        validate(tiny_cnn())
    with refused(TypeError, "build", "3"):
        validate(lambda: 3)
    with refused(TypeError, "build", "'depth'"):
        validate(lambda depth: tiny_cnn())


def test_a_frozen_part_may_be_shared(shapes, refused):
    base = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(2, 3)])
    base.trainable = False

    def build():
        image = keras.Input((16, 16, 3))
        x = keras.layers.Flatten()(base(image))
        return keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))

    found = reticnn.cross_validate(build, shapes, 2, epochs=1, progress="none")
    assert len(found.classifiers) == 2
    # Stages may train it, and then it would know the images of the other fold.
    with refused(ValueError, "build", "share weights", "stages"):
        reticnn.cross_validate(build, shapes, 2, stages=[{"train": "all"}])


def test_folds_that_are_given(shapes, refused):
    groups = np.arange(60) // 5
    folds = reticnn.fold_images(shapes, 2, groups=groups, repeats=2, seed=1)
    with refused(ValueError, "folds", "other images than `data`"):
        reticnn.cross_validate(small_cnn, shapes + shapes[:1], folds=folds)
    with refused(ValueError, "v", "10"):
        reticnn.cross_validate(small_cnn, shapes, 10, folds=folds)
    with refused(TypeError, "folds", "3"):
        reticnn.cross_validate(small_cnn, shapes, folds=3)
    leaking = [{**folds[0], "train": shapes[:40], "test": shapes[39:]}]
    with refused(ValueError, "folds", "1 image in both parts"):
        reticnn.cross_validate(small_cnn, shapes, folds=leaking)
    squares = np.flatnonzero(shapes.codes == 1)
    pairs = [(squares, np.setdiff1d(np.arange(60), squares))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with refused(ValueError, "v", "lack the class 'circle'"):
            reticnn.cross_validate(small_cnn, shapes, pairs)


def test_arguments(shapes, refused):
    def validate(**options):
        return reticnn.cross_validate(small_cnn, shapes, 2, **options)

    with refused(TypeError, "fresh", "new model"):
        validate(fresh=True)
    with refused(TypeError, "epoch", "epochs"):
        validate(epoch=3)
    with refused(ValueError, "validation", "fraction"):
        validate(validation=shapes)
    with refused(ValueError, "workers", "`callbacks`"):
        validate(workers=2, callbacks={"on_epoch_end": lambda epoch, logs: None})
    with refused(ValueError, "workers", "0"):
        validate(workers=0)
    unlabelled = reticnn.image_arrays(shapes.read(np.arange(4)))
    with refused(ValueError, "data", "no labels"):
        reticnn.cross_validate(small_cnn, unlabelled)


def test_layers_that_workers_do_not_know_are_named(shapes, refused):
    class Own(keras.layers.Layer):
        def call(self, x):
            return x

    def build():
        image = keras.Input((16, 16, 3))
        x = keras.layers.Flatten()(Own()(image))
        return keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))

    with refused(ValueError, "workers", "'Own'"):
        reticnn.cross_validate(build, shapes, 2, workers=2, epochs=1)


def test_several_predictions_of_an_image_are_no_several_images(validated, shapes):
    classifier = validated.classifiers[0]
    chances = np.column_stack([np.linspace(0.1, 0.9, 60), np.linspace(0.9, 0.1, 60)])

    def found(repeats):
        return CrossValidation(
            [
                FoldFound(
                    repeat,
                    1,
                    np.arange(60),
                    40,
                    shapes.codes,
                    chances,
                    classifier,
                    "all",
                )
                for repeat in range(1, repeats + 1)
            ],
            shapes,
            level=0.95,
            wanted=repeats,
        )

    def width(measured):
        return measured["upper"][0] - measured["lower"][0]

    once, often = found(1).measures, found(9).measures
    assert once["estimate"] == pytest.approx(often["estimate"])
    assert width(often) == pytest.approx(width(once), rel=0.1)
    json.dumps(found(2).folds)


def test_plot_shows_each_fold_and_all(validated, refused):
    figure = reticnn.plot_cross_validation(validated, ["accuracy", "log_loss"])
    panels = figure.axes
    assert [axes.get_xlabel() for axes in panels] == ["Accuracy", "Log loss"]
    drawn = [line.get_xdata()[0] for line in panels[0].lines]
    assert drawn == [*validated.folds["accuracy"], validated.evaluation["accuracy"]]
    labels = [label.get_text() for label in panels[0].get_yticklabels()]
    assert labels == ["1", "2", "3", "all"]
    with refused(ValueError, "measures", "'acuracy'", "accuracy"):
        reticnn.plot_cross_validation(validated, "acuracy")
    with refused(TypeError, "cross_validation", "3"):
        reticnn.plot_cross_validation(3)
