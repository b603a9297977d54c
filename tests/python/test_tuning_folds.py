"""Searches whose trials are judged by folds."""

import statistics
from itertools import count

import keras
import numpy as np
import pytest
from tuning_by_hand import build, images, settings_of, tune

import reticnn
from reticnn.memory import seen_by
from reticnn.runtime.conditions import InterruptedWarning
from reticnn.runtime.randomness import generator


@pytest.fixture(scope="module")
def tuned():
    """Return a search of three trials on folds."""
    return tune(v=3, trials=3)


def test_a_trial_is_the_mean_over_folds_trained_by_hand(tuned):
    row = {name: column[1] for name, column in tuned.trials.items()}
    accuracies = []
    for number, fold in enumerate(reticnn.fold_images(images(), 3, seed=1), 1):
        classifier = reticnn.fit_classifier(
            lambda: build(units=row["units"]),
            fold["train"],
            learning_rate=row["learning_rate"],
            epochs=1,
            progress="none",
            seed=int(generator(row["seed"], number).integers(2**31)),
        )
        scores = reticnn.evaluate_classifier(classifier, fold["test"])
        accuracies.append(scores["accuracy"])
    assert row["accuracy"] == statistics.fmean(accuracies)
    assert row["epochs_trained"] == 3


def test_each_fold_of_a_trial_has_a_model_that_knows_only_its_images():
    made = []

    def watched(units):
        made.append(build(units))
        return made[-1]

    tune(watched, {"units": [2, 3]}, v=4, trials=2, validation=0.2)
    known = [seen_by(model) for model in made]
    assert [len(one.trained_on) + len(one.held_out) for one in known] == [30] * 8
    learned = [frozenset({*one.trained_on, *one.held_out}) for one in known]
    # Each image is unknown to one of the four models of a trial, the same each time.
    for images_of in (learned[:4], learned[4:]):
        assert not frozenset.intersection(*images_of)
    assert learned[:4] == learned[4:]


def test_folds_are_the_same_in_whichever_way_they_are_given(tuned):
    data = images()
    folds = reticnn.fold_images(data, 3, seed=1)
    assert settings_of(tune(data=data, folds=folds)) == settings_of(tuned)
    at = {index: position for position, index in enumerate(data.indices.tolist())}
    pairs = [
        [[at[i] for i in fold[part].indices.tolist()] for part in ("train", "test")]
        for fold in folds
    ]
    assert settings_of(tune(v=pairs)) == settings_of(tuned)


def test_refit_trains_on_all_images_for_a_typical_number_of_epochs(tuned):
    classifier = tuned.refit(progress="none")
    assert classifier.trained_with["images"] == 40
    stopped = tune(
        v=2,
        trials=1,
        epochs=4,
        validation=0.25,
        early_stopping=1,
        space={"units": 2, "learning_rate": 1.0},
    )
    again = stopped.refit(progress="none")
    assert again.epochs <= stopped.trials["epochs_trained"][0] / 2 + 1
    assert "val_loss" not in again.history


@pytest.mark.parametrize(
    "pruning", ["median", pytest.param("hyperband", marks=pytest.mark.slow)]
)
def test_pruning_ends_a_trial_after_a_fold(pruning):
    # With inputs so large, the loss is large however the weights begin.
    space = {"scale": [0.8, 0.9, 1.0, 1.1, 1.2, 200.0, 300.0, 400.0]}
    found = tune(
        space=space,
        sampler="grid",
        trials=None,
        v=4,
        pruning=pruning,
        objective="log_loss",
        seed=1,
    )
    pruned = [
        epochs
        for epochs, state in zip(
            found.trials["epochs_trained"], found.trials["state"], strict=True
        )
        if state == "pruned"
    ]
    assert pruned and all(1 <= epochs < 4 for epochs in pruned)
    assert found.best["scale"][0] <= 1.2


def test_a_search_cut_off_within_a_fold_goes_on(tmp_path, hears_ctrl_c):
    made = count()

    def cut_off(units):
        # In the second fold of the third trial.
        if next(made) == 7:
            raise KeyboardInterrupt
        return build(units)

    whole = settings_of(tune(v=3, trials=4))
    study = tmp_path / "study.journal"
    with pytest.warns(InterruptedWarning, match="interrupted after 2 trials"):
        tune(cut_off, v=3, trials=4, study=study)
    assert settings_of(tune(v=3, trials=4, study=study)) == whole
    for other in ({"v": 4}, {"v": None}, {"v": 3, "validation": 0.3}):
        with pytest.raises(ValueError, match="another `"):
            tune(study=study, **other)


def test_what_leaks_between_folds_is_refused(refused):
    same = build()
    with refused(ValueError, "build", "earlier trial or fold"):
        tune(lambda: same, {"learning_rate": [0.1, 0.2]}, v=2)
    learned = reticnn.fit_classifier(build(), images(), epochs=1, progress="none")
    with refused(ValueError, "build", "trained already"):
        tune(lambda: learned.model, {"learning_rate": [0.1, 0.2]}, v=2)
    pixels = np.stack([images().read([at])[0] for at in range(40)])

    def adapted(units):
        norm = keras.layers.Normalization()
        norm.adapt(pixels)
        x = keras.Input((8, 8, 3))
        y = keras.layers.Dense(units)(keras.layers.Flatten()(norm(x)))
        y = keras.layers.Dense(2, activation="softmax")(y)
        return keras.Model(x, y)

    with pytest.warns(UserWarning, match="normalisation adapted to images"):
        tune(adapted, {"units": 2}, v=2, trials=1)


def test_an_augmentation_learns_from_the_images_to_train_on_alone():
    sizes = []

    def policy(data):
        sizes.append(len(data))
        return reticnn.augmentation(flip="horizontal")

    found = tune(v=2, trials=2, augmentation=policy)
    assert found.trials["state"] == ["complete"] * 2
    assert sizes == [20] * 4


def test_folds_that_cannot_judge_are_named(refused):
    with refused(ValueError, "v", "`folds` are given as well"):
        tune(v=2, folds=reticnn.fold_images(images(), 2))
    with refused(ValueError, "validation", "fraction of the training images"):
        tune(v=2, validation=images())
    codes = images().codes
    ones, others = (np.flatnonzero(codes == code).tolist() for code in (0, 1))
    with refused(ValueError, "v", "lack the class"):
        tune(v=[[ones, others], [others, ones]])
    with refused(ValueError, "folds", "other images than `data`"):
        tune(folds=reticnn.fold_images(reticnn.shape_images(40, image_size=8), 2))
