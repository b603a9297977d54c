"""A policy learned from the user's own images."""

import numpy as np
import pytest

from reticnn import (
    augmentation,
    build_cnn,
    image_arrays,
    learn_augmentation,
    shape_images,
    split_images,
)
from reticnn.augmenting.operations import OPERATIONS
from reticnn.runtime.conditions import InterruptedWarning
from reticnn.training.policy_search import _rounds

SIZE = 8


def small_cnn():
    """A model that is built in no time."""
    return build_cnn((SIZE, SIZE, 3), n_blocks=1, filters=2, units=4, batch_norm=False)


@pytest.fixture(scope="module")
def shapes():
    """A few images."""
    return shape_images(40, image_size=SIZE, seed=1)


@pytest.fixture(scope="module")
def learned(shapes):
    """What comes out of a short search, and what it reported."""
    states = []
    result = learn_augmentation(
        small_cnn, shapes, budget=12, trials=3, seed=1, progress=states.append
    )
    return result, states


def test_rounds_halve_the_trials_at_the_same_cost():
    assert _rounds(96, 8) == [(8, 4), (4, 8), (2, 16)]
    assert _rounds(12, 3) == [(3, 2), (2, 3)]
    assert _rounds(2, 2) == [(2, 1)]
    with pytest.raises(ValueError, match="`budget` must be at least 24 epochs for 8"):
        _rounds(23, 8)


@pytest.mark.slow
def test_the_best_of_the_trials_is_the_policy(learned):
    result, _ = learned
    table = result["trials"]
    assert sorted(table["trial"]) == [1, 2, 3]
    # What is left out early may have been the best so far.
    assert sorted(table["epochs"]) == [2, 5, 5]
    assert table["val_loss"] == sorted(table["val_loss"])
    assert result["policy"] == table["policy"][0]
    assert result["stopped"] is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_trial_without_augmentation_goes_to_the_end(shapes, seed):
    result = learn_augmentation(
        small_cnn, shapes, budget=8, trials=4, seed=seed, progress="none"
    )
    table = result["trials"]
    row = table["trial"].index(1)
    assert table["policy"][row] == augmentation()
    assert table["operations"][row] == "none"
    assert all(policy for n, policy in enumerate(table["policy"]) if n != row)
    assert table["epochs"][row] == max(table["epochs"]) == 3


def test_progress_counts_the_epochs_of_all_trials(learned):
    ends = [state for state in learned[1] if state["done"]]
    assert [state["epoch"] for state in ends] == list(range(1, 13))
    assert {state["epochs"] for state in ends} == {12}
    assert all("val_loss" in state for state in ends)


@pytest.mark.slow
def test_harmful_changes_are_left_out(monkeypatch):
    """Where the position of a bar is the class, a flip must lose."""
    only = {"flip": OPERATIONS["flip"]}
    monkeypatch.setattr("reticnn.training.policy_search.OPERATIONS", only)
    rng = np.random.default_rng(1)
    images = np.zeros((80, SIZE, SIZE, 3), "uint8")
    labels = np.repeat(["left", "right"], 40)
    images[:40, :, 1] = images[40:, :, SIZE - 2] = 255
    images += rng.integers(0, 30, images.shape).astype("uint8") // 2
    data = image_arrays(images, labels)
    result = learn_augmentation(
        lambda: build_cnn((SIZE, SIZE, 3), n_blocks=1, filters=4, units=8),
        data,
        validation=split_images(data, 0.5, seed=2)["test"],
        budget=8,
        trials=2,
        batch_size=8,
        learning_rate=0.01,
        progress="none",
        seed=3,
    )
    assert "flip" in result["trials"]["operations"][1]
    assert not result["policy"]


@pytest.mark.slow
def test_lines_and_bars_tell_of_the_same_epochs(shapes, capsys):
    def search(progress):
        return learn_augmentation(
            small_cnn, shapes, budget=2, trials=2, seed=1, progress=progress
        )

    by_lines = search("epoch")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert all("val_loss: " in line for line in lines)
    by_bars = search("bar")
    shown = capsys.readouterr().out
    assert "Epoch 2/2" in shown
    assert shown.count("val_loss") == 2
    assert by_bars == by_lines


def test_stopped_by_hand_the_best_so_far_comes_back(shapes):
    def stop_in_the_second_trial(state):
        if state["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.warns(InterruptedWarning, match="in round 1 of 1"):
        result = learn_augmentation(
            small_cnn,
            shapes,
            budget=8,
            trials=2,
            seed=1,
            progress=stop_in_the_second_trial,
        )
    assert result["stopped"] == "interrupted"
    assert not result["policy"]
    assert result["trials"]["trial"] == [1, 2]


@pytest.mark.parametrize("model_fn", [small_cnn(), None])
def test_models_must_be_built_anew(model_fn, shapes):
    with pytest.raises(TypeError, match="`model_fn` must be a function"):
        learn_augmentation(model_fn, shapes)


def test_a_function_that_builds_no_model_is_told_so(shapes):
    with pytest.raises(TypeError, match="`model_fn` must return a new Keras model"):
        learn_augmentation(lambda: "a model", shapes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"validation": 1.5}, "`validation`"),
        ({"trials": 1}, "`trials` must be a whole number of at least 2"),
        ({"budget": 5}, "`budget` must be at least 24"),
        ({"progress": "loud"}, "`progress`"),
    ],
)
def test_wrong_settings_of_the_search_are_named(settings, message, shapes):
    with pytest.raises(ValueError, match=message):
        learn_augmentation(small_cnn, shapes, **settings)
