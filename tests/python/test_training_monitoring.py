"""Metrics besides the accuracy, by which of them epochs are compared, and callbacks."""

import keras
import numpy as np
import pytest

import reticnn
from reticnn.runtime.conditions import InterruptedWarning


@pytest.fixture(scope="module")
def images():
    """Return a few images of three classes."""
    return reticnn.shape_images(30, 3, image_size=8, seed=1)


@pytest.fixture
def train(images):
    """Train a tiny model quietly."""

    def run(model=None, data=images, **settings):
        settled = {"epochs": 3, "batch_size": 8, "progress": "none", "seed": 1}
        model = model or tiny()
        if not getattr(model, "compiled", False):
            settled |= {"optimizer": "sgd", "learning_rate": 0.1}
        return reticnn.fit_classifier(model, data, **{**settled, **settings})

    return run


def tiny(num_classes=3):
    """Build a very small model."""
    settings = {"n_blocks": 1, "filters": 2, "units": 4, "seed": 1}
    return reticnn.build_cnn((8, 8, 3), num_classes, **settings)


def assert_same(one, other):
    """Compare all that training leaves."""
    assert one.history == other.history
    pairs = zip(one.model.get_weights(), other.model.get_weights(), strict=True)
    for ours, theirs in pairs:
        np.testing.assert_array_equal(ours, theirs)


# Metrics


def test_top_k_accuracy_counts_the_right_class_among_the_first(images, train):
    classifier = train(metrics=["top_2_accuracy", "accuracy"], validation=images)
    kept = ["loss", "accuracy", "top_2_accuracy"]
    assert list(classifier.history) == ["epoch", *kept, *(f"val_{n}" for n in kept)]
    table = reticnn.predict_images(classifier, images)
    likely = np.array([table[f".pred_{name}"] for name in classifier.class_names]).T
    codes = [classifier.class_names.index(label) for label in images.labels]
    ranks = [np.sum(row > row[code]) for row, code in zip(likely, codes, strict=True)]
    found = classifier.history["val_top_2_accuracy"][-1]
    assert found == pytest.approx(np.mean(np.array(ranks) < 2))
    smoothed = train(metrics="top_2_accuracy", label_smoothing=0.1, mixup=0.2)
    assert 0 < smoothed.history["top_2_accuracy"][-1] <= 1


def test_metrics_by_name_and_as_objects_are_those_of_keras(train):
    two = reticnn.shape_images(30, image_size=8, seed=1)
    given = [keras.metrics.Recall(name="found"), "auc"]
    classifier = train(tiny(2), two, metrics=given, validation=two)
    truth = np.array([two.class_names.index(label) for label in two.labels])
    table = reticnn.predict_images(classifier, two)
    likely = np.array(table[f".pred_{two.class_names[1]}"])
    for metric, name in (
        (keras.metrics.Recall(), "found"),
        (keras.metrics.AUC(), "auc"),
    ):
        metric.update_state(truth, likely)
        wanted = float(metric.result())
        assert classifier.history[f"val_{name}"][-1] == pytest.approx(wanted, abs=1e-6)
    # The next call says which there are.
    assert "auc" not in list(train(classifier, two, optimizer=None).history)[:3]


def test_metrics_are_saved_with_the_history(train, tmp_path):
    classifier = train(metrics="top_2_accuracy")
    path = reticnn.save_classifier(classifier, tmp_path / "top.reticnn")
    loaded = reticnn.load_classifier(path)
    assert loaded.history == classifier.history
    assert repr(loaded) == repr(classifier)
    assert "top_2_accuracy" in repr(loaded)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("acuracy", "Did you mean 'accuracy'"),
        ("top_3_accuracy", "which every answer reaches with 3 outputs"),
        (["top_2_accuracy", "top_2_accuracy"], "a name that is taken"),
        (keras.metrics.Precision(name="loss"), "a name that is taken"),
        # It would not be measured, as the accuracy is.
        (keras.metrics.BinaryAccuracy("accuracy", threshold=0.9), "is taken"),
        ("auc", "class numbers for 3 outputs"),
        ("categorical_accuracy", "class numbers for 3 outputs"),
        ("f1_score", "class numbers for 3 outputs"),
        (keras.metrics.Mean(), "cannot judge the model"),
        ("mean_io_u", "needs settings of its own"),
        (3, "`metrics` must be names"),
    ],
)
def test_metrics_that_cannot_judge_the_model_are_refused(train, metrics, said):
    with pytest.raises((TypeError, ValueError), match=said):
        train(metrics=metrics)


@pytest.mark.parametrize("metric", ["precision", "recall", "auc", "binary_accuracy"])
def test_metrics_that_would_pool_the_classes_are_refused(train, metric):
    with pytest.raises(ValueError, match="3 outputs for as many yes-or-no answers"):
        train(metrics=metric, label_smoothing=0.1)


def test_metrics_of_one_class_are_those_of_evaluations(train, images):
    given = keras.metrics.Precision(1 / 3, class_id=1, name="precise")
    classifier = train(metrics=given, label_smoothing=0.1, validation=images)
    table = reticnn.predict_images(classifier, images)
    name = classifier.class_names[1]
    told = np.array(table[f".pred_{name}"]) > 1 / 3
    right = told & (np.array(images.labels) == name)
    wanted = right.sum() / told.sum()
    assert 0 < wanted < 1
    assert classifier.history["val_precise"][-1] == pytest.approx(wanted, abs=1e-6)


def test_a_compiled_model_keeps_its_own_metrics(train, refused):
    model = tiny()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    with refused(ValueError, "metrics", "already compiled"):
        train(model, metrics="top_2_accuracy")


# What is monitored


def test_early_stopping_is_as_kerass_own(images, train):
    settings = {"monitor": "accuracy", "min_delta": 0.04}
    asked = {"epochs": 20, "batch_size": 30, "early_stopping": 3, **settings}
    ours = train(**asked)
    loaded = reticnn.load_images(images)
    codes = [images.class_names.index(label) for label in images.labels]
    model = tiny()
    model.compile(
        keras.optimizers.SGD(0.1),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    stops = keras.callbacks.EarlyStopping(
        **settings, patience=3, restore_best_weights=True
    )
    told = model.fit(
        loaded["images"].astype("float32"),
        np.array(codes),
        batch_size=30,
        shuffle=False,
        epochs=20,
        verbose=0,
        callbacks=[stops],
    )
    assert ours.history["accuracy"] == pytest.approx(told.history["accuracy"])
    assert ours.kept_epoch == stops.best_epoch + 1
    assert 0 < ours.kept_epoch < ours.epochs < 20
    for one, other in zip(ours.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_direction_is_known_or_asked_for(images, train, refused):
    class Odd(keras.metrics.MeanMetricWrapper):
        def __init__(self, name="odd"):
            super().__init__(lambda true, given: keras.ops.max(given, axis=-1), name)

    asked = {"metrics": [Odd()], "monitor": "odd", "early_stopping": 1, "epochs": 4}
    with refused(ValueError, "monitor", "higher or lower"):
        train(**asked)
    least = train(**{**asked, "metrics": [Odd()], "mode": "min"})
    values = least.history["odd"]
    assert least.kept_epoch == 1 + int(np.argmin(values))
    most = train(**{**asked, "metrics": [Odd()], "mode": "max"})
    assert most.kept_epoch == 1 + int(np.argmax(most.history["odd"]))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"monitor": "val_loss"}, "there is no `validation`"),
        ({"monitor": "acc"}, "Did you mean 'accuracy'"),
        ({"monitor": "accuracy", "early_stopping": None}, "neither `early_stopping`"),
        ({"min_delta": 0.1, "early_stopping": None}, "neither `early_stopping`"),
        ({"min_delta": -1}, "`min_delta` must be a number of at least 0"),
        ({"mode": "up"}, "`mode` must be one of"),
    ],
)
def test_what_cannot_be_monitored_is_refused(train, settings, said):
    with pytest.raises(ValueError, match=said):
        train(**{"early_stopping": 1, **settings})


def test_metric_that_a_users_own_step_does_not_give_is_named(train):
    model = tiny()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="the metrics of training are"):
        train(model, monitor="accuracy", early_stopping=1)


def test_monitored_runs_go_on_as_if_never_cut_off(images, train, tmp_path):
    asked = {
        "epochs": 6,
        "validation": images[:10],
        "metrics": "top_2_accuracy",
        "monitor": "val_top_2_accuracy",
        "min_delta": 0.01,
        "early_stopping": 3,
        "ema": 0.5,
        "stages": [{"train": "head"}, {"train": "all"}],
    }

    def stop(state):
        if state["epoch"] == 3:
            raise KeyboardInterrupt

    whole = train(checkpoint_dir=tmp_path / "whole", **asked)
    with pytest.warns(InterruptedWarning):
        train(checkpoint_dir=tmp_path / "cut", progress=stop, **asked)
    assert_same(train(checkpoint_dir=tmp_path / "cut", **asked), whole)
    with pytest.raises(ValueError, match=r"another run|other stages"):
        train(checkpoint_dir=tmp_path / "cut", **{**asked, "min_delta": 0.0})


# Callbacks


def test_functions_hear_of_everything_with_plain_numbers(train):
    heard = []

    def note(event):
        return lambda *given: heard.append((event, *given))

    events = ("train_begin", "epoch_begin", "train_batch_end", "epoch_end", "train_end")
    functions = {f"on_{event}": note(event) for event in events}
    with_functions = train(callbacks=functions, epochs=2)
    assert_same(with_functions, train(epochs=2))
    batches = [("train_batch_end", number) for number in (1, 2, 3, 4)]
    of_epoch = ["epoch_begin", *(["train_batch_end"] * 4), "epoch_end"]
    assert [one[0] for one in heard] == ["train_begin", *of_epoch * 2, "train_end"]
    assert [one[:2] for one in heard[2:6]] == batches
    ends = [one[1:] for one in heard if one[0] == "epoch_end"]
    assert [number for number, _ in ends] == [1, 2]
    losses = [logs["loss"] for _, logs in ends]
    assert losses == with_functions.history["loss"]
    assert all(type(value) is float for value in ends[0][1].values())


@pytest.mark.parametrize("frozen", [False, True])
def test_weights_are_up_to_date_after_each_batch(train, frozen):
    """Under JAX they are elsewhere while Keras trains."""
    model = tiny()
    if frozen:  # All but the last layer, so that features are kept.
        reticnn.freeze(model, (0, -1))
    seen = {"callback": [], "function": []}

    class Looks(keras.callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen["callback"].append(self.model.get_weights()[-1])

    def look(batch, logs):
        seen["function"].append(model.get_weights()[-1])

    train(model, callbacks=[Looks(), {"on_train_batch_end": look}], epochs=2)
    for biases in seen.values():
        assert len({each.tobytes() for each in biases}) == 8
        np.testing.assert_array_equal(biases[-1], model.get_weights()[-1])


@pytest.mark.parametrize("frozen", [False, True])
def test_callbacks_see_the_whole_model_and_end_its_training(train, frozen):
    model = tiny()
    if frozen:
        reticnn.freeze(model, 3)
    seen = []

    class Ends(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model)
            self.model.stop_training = epoch == 1

    classifier = train(model, callbacks=[Ends()], epochs=5)
    assert seen == [model, model]
    assert (classifier.stopped, classifier.epochs) == ("early", 2)

    def end(epoch, logs):
        model.stop_training = True

    again = train(model, callbacks={"on_epoch_end": end}, epochs=5)
    assert (again.stopped, again.epochs) == ("early", 1)


def test_kerass_own_callbacks_do_what_they_do(train, tmp_path):
    log = tmp_path / "log.csv"
    given = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
        keras.callbacks.CSVLogger(str(log)),
    ]
    classifier = train(callbacks=given)
    rates = classifier.history["learning_rate"]
    assert rates == pytest.approx([0.05, 0.025, 0.0125])
    lines = log.read_text().splitlines()
    assert lines[0].startswith("epoch,")
    assert len(lines) == 4


def test_callbacks_that_contradict_the_call_or_the_history_are_named(train):
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    for other in ({"schedule": "cosine"}, {"warmup_epochs": 1}):
        with pytest.raises(ValueError, match="sets the learning rate"):
            train(callbacks=scheduler, **other)

    class Notes(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["note"] = "fine"

    with pytest.raises(TypeError, match="puts 'fine' as 'note' among"):
        train(callbacks=Notes())


def test_ended_by_a_callback_a_run_stays_ended(train, tmp_path):
    model = tiny()

    def end(epoch, logs):
        model.stop_training = epoch == 2

    asked = {"callbacks": {"on_epoch_end": end}, "checkpoint_dir": tmp_path}
    first = train(model, epochs=5, **asked)
    assert first.epochs == 2
    with pytest.warns(UserWarning, match="`callbacks` start afresh"):
        again = train(tiny(), epochs=5, **asked)
    assert_same(again, first)


def test_an_error_in_a_callback_ends_training_and_keeps_the_weights(train):
    model = tiny()
    before = model.get_weights()

    def fail(epoch, logs):
        if epoch == 2:
            raise RuntimeError("the disk is on fire")

    said = "`callbacks` fails in `on_epoch_end`: the disk is on fire"
    with pytest.raises(RuntimeError, match=said):
        train(model, callbacks={"on_epoch_end": fail})
    assert not np.array_equal(before[0], model.get_weights()[0])
    assert train(model, epochs=1).epochs == 1


@pytest.mark.parametrize(
    ("callbacks", "said"),
    [
        (3, "must be Keras callbacks"),
        ([keras.callbacks.History], "must be Keras callbacks"),
        ({}, "must be Keras callbacks"),
        ({"on_epoch": print}, "Did you mean 'on_epoch_end'"),
        ({"on_epoch_end": 1}, "where a function is needed"),
        ({"on_epoch_end": lambda epoch: None}, "cannot be called with epoch and logs"),
        (keras.callbacks.EarlyStopping(restore_best_weights=True), "early_stopping"),
        (keras.callbacks.BackupAndRestore("backup"), "checkpoint_dir"),
        (keras.callbacks.SwapEMAWeights(), "ema"),
    ],
)
def test_other_callbacks_are_refused_before_training(train, callbacks, said):
    with pytest.raises((TypeError, ValueError), match=said):
        train(callbacks=callbacks)
