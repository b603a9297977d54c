"""Training in stages, with rates by layer, and fine-tuning by default."""

import contextlib
import json
import signal
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

from reticnn import (
    fine_tune,
    layer_table,
    load_classifier,
    save_classifier,
    shape_images,
    transfer_model,
    unfreeze,
)
from reticnn.graph import trainable_flags
from reticnn.pretrained import layer_groups
from reticnn.runtime.backend import keras as our_keras
from reticnn.runtime.conditions import InterruptedWarning
from reticnn.training import layer_rates, run


def _backbone():
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, name="block1_conv1")(x)
    x = keras.layers.BatchNormalization(name="block1_bn1")(x)
    x = keras.layers.ReLU(name="block1_relu1")(x)
    x = keras.layers.Conv2D(4, 3, name="block2_conv1")(x)
    return keras.Model(inputs, x, name="own")


def _model(**arguments):
    keras.utils.set_random_seed(2)
    return transfer_model(_backbone(), (16, 16, 3), seed=1, **arguments)


def _trained(model):
    table = layer_table(model)
    rows = zip(table["name"], table["trainable"], table["parameters"], strict=True)
    return [name for name, trained, parameters in rows if trained and parameters]


def _kernels(model):
    """Return a copy of each kernel, by the name of its layer."""
    own = model.get_layer("own")
    layers = {
        "block1_conv1": own.get_layer("block1_conv1"),
        "block2_conv1": own.get_layer("block2_conv1"),
        "dense": model.layers[-1],
    }
    return {name: np.array(layer.get_weights()[0]) for name, layer in layers.items()}


STAGES = [
    {"train": "head", "epochs": 2, "learning_rate": 0.01},
    {"train": "block2_conv1", "epochs": 1, "learning_rate": 0.001},
    {"train": "all"},
]


def test_stages_train_further_and_further_down(fit, shapes):
    model = _model()
    start = _kernels(model)
    seen = []

    def tell(state):
        if state["done"]:
            seen.append((state["epoch"], state["note"], _trained(model)))

    classifier = fit(model, shapes, epochs=2, stages=STAGES, progress=tell)
    assert classifier.history["epoch"] == [1, 2, 3, 4, 5]
    assert classifier.history["stage"] == [1, 1, 2, 3, 3]
    assert list(classifier.history)[:2] == ["epoch", "stage"]
    assert classifier.stopped is None
    assert "stage" not in repr(classifier)
    assert [epoch for epoch, _, _ in seen] == [1, 2, 3, 4, 5]
    assert seen[0][1].startswith("Stage 1 of 3, trained: head")
    assert "block2_conv1" not in seen[1][2]
    assert "block2_conv1" in seen[2][2] and "block1_conv1" not in seen[2][2]
    assert "block1_conv1" in seen[4][2]
    assert all(not np.array_equal(start[n], k) for n, k in _kernels(model).items())


def test_stages_are_what_unfreezing_by_hand_gives(fit, shapes):
    by_hand = _model()
    first = fit(by_hand, shapes, epochs=2, learning_rate=0.01)
    unfreeze(by_hand, "block2_conv1")
    assert first.history["epoch"] == [1, 2]
    staged = fit(_model(), shapes, stages=STAGES[:1])
    assert staged.history["loss"] == first.history["loss"]
    both = fit(_model(), shapes, stages=STAGES[:2])
    assert both.history["loss"][:2] == first.history["loss"]
    assert _trained(both.model)[:-1] == _trained(by_hand)[:-1]


def test_later_training_has_no_stage(fit, shapes, tmp_path):
    classifier = fit(_model(), shapes, stages=[{"train": "head"}])
    path = save_classifier(classifier, tmp_path / "c.reticnn")
    further = fit(load_classifier(path), shapes)
    assert further.history["stage"][0] == 1
    assert further.history["stage"][1] is None


@pytest.mark.slow
def test_optimizer_of_the_call_serves_all_stages(fit, shapes):
    arguments = {"weight_decay": 0.01, "ema": 0.9, "label_smoothing": 0.1}
    classifier = fit(
        _model(), shapes, optimizer="adam", stages=[*STAGES[:2]], **arguments
    )
    optimizer = classifier.model.optimizer
    assert optimizer.weight_decay == 0.01 and optimizer.use_ema
    assert float(optimizer.learning_rate) == pytest.approx(0.001)


@pytest.mark.slow
def test_each_stage_has_to_be_better_than_the_one_before(fit, shapes):
    model = _model()
    stages = [
        {"train": "head", "epochs": 3},
        {"train": "head", "learning_rate": 100, "epochs": 5},
    ]
    classifier = fit(
        model, shapes, validation=shapes[:20], early_stopping=2, stages=stages
    )
    history = classifier.history
    losses = np.array(history["val_loss"])
    assert history["stage"] == [1, 1, 1, 2, 2]
    assert classifier.stopped == "early"
    compiled = classifier.model.evaluate(
        shapes.read(np.arange(20)), shapes.codes[:20], verbose=0
    )
    assert losses[3:].min() > losses[:3].min()
    assert compiled[0] == pytest.approx(losses[:3].min(), abs=1e-5)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_stages_that_never_began_freeze_nothing(
    fit, shapes, tiny_cnn, monkeypatch, error
):
    model = tiny_cnn()
    before = trainable_flags(model)

    def cut_off(*_):
        assert trainable_flags(model) != before
        raise error

    monkeypatch.setattr(run, "feature_cache", cut_off)
    with pytest.raises(error):
        fit(model, shapes, stages=STAGES)
    assert trainable_flags(model) == before


def test_flat_model_has_a_head_behind_its_last_flattening(fit, shapes, tiny_cnn):
    model = tiny_cnn()
    fit(model, shapes, stages=[{"train": "head"}])
    assert not any("conv" in name for name in _trained(model))
    fit(model, shapes, stages=[{"train": "block2_conv1"}])
    assert "block2_conv1" in _trained(model)
    assert "block1_conv1" not in _trained(model)


RUN = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[3])
from test_training_stages import STAGES, _model
import reticnn

def tell(state):
    print(state["epoch"], flush=True)
    if state["epoch"] == int(sys.argv[4]):
        import os, signal
        # Started in the background of a shell, a process begins deaf to Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.kill(os.getpid(), int(sys.argv[5]))

classifier = reticnn.fit_classifier(
    _model(), reticnn.shape_images(40, image_size=16, seed=1), epochs=2, stages=STAGES,
    validation=0.25, early_stopping=5, checkpoint_dir=sys.argv[1], progress=tell,
    seed=7,
)
np.savez(sys.argv[2], *classifier.model.get_weights())
with open(sys.argv[2] + ".json", "w") as file:
    json.dump([classifier.history, classifier.stopped], file)
"""


def _run(tmp_path, name, epoch=0, signal_number=0):
    folder = str(__file__).rsplit("/", 1)[0]
    arguments = [
        tmp_path / name,
        tmp_path / f"{name}.npz",
        folder,
        epoch,
        signal_number,
    ]
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def _result(tmp_path, name):
    with np.load(tmp_path / f"{name}.npz") as archive:
        weights = [archive[key] for key in archive.files]
    return weights, json.loads((tmp_path / f"{name}.npz.json").read_text())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_killed_in_a_later_stage_goes_on_there(tmp_path):
    whole = _run(tmp_path, "whole")
    assert whole.returncode == 0, whole.stderr
    assert _run(tmp_path, "killed", 5, signal.SIGKILL).returncode == -signal.SIGKILL
    again = _run(tmp_path, "killed")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("5")
    (ours, record), (theirs, expected) = (
        _result(tmp_path, name) for name in ("killed", "whole")
    )
    assert record == expected
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    interrupted = _run(tmp_path, "interrupted", 2, signal.SIGINT)
    assert interrupted.returncode == 0, interrupted.stderr
    _, (history, stopped) = _result(tmp_path, "interrupted")
    assert stopped == "interrupted"
    assert history["epoch"] == [1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("event", "last", "error"),
    [("epoch_begin", 3, KeyboardInterrupt), ("epoch_end", 4, RuntimeError)],
)
def test_a_schedule_of_a_later_stage_leaves_the_way_back(
    fit, shapes, tmp_path, event, last, error
):
    """The optimizer of the model that is left has no variable for the rate any more."""
    stages = [
        {"train": "head", "epochs": 2, "learning_rate": 0.01},
        {"train": "all", "epochs": 3, "schedule": "cosine"},
    ]
    asked = {"stages": stages, "optimizer": "adam", "ema": 0.7, "seed": 3}
    whole = fit(_model(), shapes[:20], **asked)
    model = _model()

    def cut(epoch, logs):
        if epoch == last:
            raise error("cut off")

    cut_off = {**asked, "callbacks": {f"on_{event}": cut}}
    with contextlib.suppress(RuntimeError), warnings.catch_warnings():
        warnings.simplefilter("ignore", InterruptedWarning)
        fit(model, shapes[:20], checkpoint_dir=tmp_path, **cut_off)
    again = fit(model, shapes[:20], checkpoint_dir=tmp_path, **asked)
    assert again.history == whole.history
    for one, other in zip(
        *(each.model.get_weights() for each in (again, whole)), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.slow
def test_checkpoint_of_other_stages_is_refused(fit, shapes, tmp_path):
    fit(_model(), shapes, stages=STAGES, checkpoint_dir=tmp_path)
    other = [{**STAGES[0], "learning_rate": 0.02}, *STAGES[1:]]
    with pytest.raises(ValueError, match="`checkpoint_dir` has the checkpoint of anot"):
        fit(_model(), shapes, stages=other, checkpoint_dir=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer",
    [
        "sgd",
        "adam",
        pytest.param("adamw", marks=pytest.mark.slow),
        pytest.param("nadam", marks=pytest.mark.slow),
        pytest.param("rmsprop", marks=pytest.mark.slow),
    ],
)
def test_updates_fall_by_layer_decay(fit, shapes, optimizer):
    steps = {}
    for decay in (None, 0.5):
        model = _model(train="all")
        start = _kernels(model)
        fit(
            model,
            shapes[:32],
            optimizer=optimizer,
            learning_rate=0.01,
            weight_decay=0.1,
            layer_decay=decay,
        )
        steps[decay] = {
            name: kernel - start[name] for name, kernel in _kernels(model).items()
        }
    names = list(steps[None])
    assert len(names) == 3
    for factor, name in zip([0.25, 0.5, 1], names, strict=True):
        np.testing.assert_allclose(
            steps[0.5][name], factor * steps[None][name], rtol=1e-3, atol=1e-6
        )


def test_normalisation_learns_as_the_layer_before_it():
    model = _model(train="all")
    model.trainable = True
    factors = layer_groups.rate_factors(model, 0.5)
    within = model.get_layer("own")
    rate = {
        layer.name: {factors[id(v)] for v in layer.trainable_variables}
        for layer in within.layers
        if layer.weights
    }
    assert rate == {
        "block1_conv1": {0.25},
        "block1_bn1": {0.25},
        "block2_conv1": {0.5},
    }


def test_optimizer_is_its_own_again_afterwards(fit, shapes):
    classifier = fit(_model(train="all"), shapes[:32], layer_decay=0.5)
    assert not {"_backend_update_step", "_apply_weight_decay"} & set(
        vars(classifier.model.optimizer)
    )


@pytest.mark.slow
def test_rates_by_layer_go_with_averages_and_kept_features(fit, shapes):
    settings = {"layer_decay": 0.5, "ema": 0.9, "epochs": 2, "learning_rate": 0.05}
    kept, plain = (
        fit(_model(train="block2_conv1"), shapes, cache_features=cache, **settings)
        for cache in ("auto", "none")
    )
    for ours, theirs in zip(
        kept.model.get_weights(), plain.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.slow
def test_fine_tuning_goes_from_the_head_to_the_first_layer(shapes):
    data = shape_images(60, image_size=16, seed=3)
    classifier = fine_tune(
        _model(), data, validation=shapes, epochs=2, progress="none", seed=1
    )
    assert classifier.history["stage"] == [1, 1, 2, 2, 3, 3]
    assert "block1_conv1" in _trained(classifier.model)
    further = fine_tune(
        classifier, data, validation=shapes, epochs=1, progress="none", seed=1
    )
    assert further.history["epoch"] == list(range(1, 10))
    assert further.history["val_loss"][-1] <= classifier.history["val_loss"][0]


@pytest.mark.slow
def test_fine_tuning_of_a_known_backbone_takes_its_last_block():
    model = transfer_model("mobilenet_0.25", (32, 32, 3), weights=None)
    data = shape_images(16, image_size=32, seed=1)
    notes = []
    fine_tune(model, data, epochs=1, progress=lambda s: notes.append(s["note"]), seed=1)
    assert any("trained: last_block" in note for note in notes)


@pytest.mark.parametrize(
    ("stages", "error", "parts"),
    [
        ({"train": "head"}, TypeError, ["list of dicts", "not {"]),
        (["head"], TypeError, ["list of dicts", "'head'"]),
        ([], ValueError, ["empty"]),
        ([{"trian": "head"}], ValueError, ["'trian'", "stage 1", "'train'"]),
        ([{}, {"epochs": 1.5}], ValueError, ["stage 2", "`epochs`", "1.5"]),
        ([{"train": "haed"}], ValueError, ["stage 1", "`train`", "'head'"]),
        ([{"train": "last_block"}], ValueError, ["stage 1", "'own'"]),
        ([{"train": 99}], ValueError, ["stage 1", "99"]),
    ],
)
def test_wrong_stages_are_refused_before_training(
    refused, fit, shapes, stages, error, parts
):
    model = _model()
    with refused(error, "stages", *parts):
        fit(model, shapes, stages=stages)
    assert not model.compiled


def test_model_without_a_plain_head_is_refused(refused, fit, shapes):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
    with refused(ValueError, "model", "start of the head", "unfreeze()"):
        fit(model, shapes, stages=[{"train": "head"}])
    with refused(ValueError, "model", "start of the head"):
        fine_tune(model, shapes)


@pytest.mark.parametrize("decay", [0, 1.5, "half"])
def test_layer_decay_is_checked(refused, fit, shapes, decay):
    with refused((TypeError, ValueError), "layer_decay", repr(decay)):
        fit(_model(), shapes, layer_decay=decay)


@pytest.mark.skipif(
    our_keras.backend.backend() != "tensorflow", reason="only TensorFlow cannot"
)
def test_layer_decay_on_several_devices_is_refused(refused):
    with refused(ValueError, "layer_decay", "0.5", "distribute"):
        layer_rates.check_rates(0.5, ["cpu:0", "cpu:1"])
