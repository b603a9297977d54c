"""Searches: what trials are, how they are chosen, what is refused."""

import sys
from itertools import count
from pathlib import Path

import keras
import numpy as np
import pytest
from tuning_by_hand import SPACE, build, images, settings_of, tune

import reticnn
from reticnn.runtime.conditions import InterruptedWarning


@pytest.fixture(scope="module")
def tuned():
    """Return a search of five trials."""
    return tune(trials=5, validation=0.25)


def test_a_trial_is_what_its_settings_and_seed_give_by_hand(tuned):
    parts = reticnn.split_images(images(), {"train": 0.75, "validation": 0.25}, seed=1)
    row = {name: column[3] for name, column in tuned.trials.items()}
    classifier = reticnn.fit_classifier(
        lambda: build(units=row["units"]),
        parts["train"],
        learning_rate=row["learning_rate"],
        epochs=1,
        progress="none",
        seed=row["seed"],
    )
    scores = reticnn.evaluate_classifier(classifier, parts["validation"])
    assert scores["accuracy"] == row["accuracy"]


def test_the_best_is_the_first_of_the_highest(tuned):
    best = tuned.best
    at = int(np.argmax(tuned.trials["accuracy"]))
    assert {name: column[0] for name, column in best.items()} == {
        name: column[at] for name, column in tuned.trials.items()
    }
    assert len(best["trial"]) == 1
    assert repr(tuned).startswith("<Tuning> 5 trials: 5 complete\ntrial ")


def test_refit_trains_on_all_images_with_the_settings_of_the_trial(tuned):
    classifier = tuned.refit(2, progress="none")
    assert classifier.trained_with["images"] == 40
    assert classifier.model.layers[-2].units == tuned.trials["units"][1]
    assert classifier.trained_with["seed"] == tuned.trials["seed"][1]
    rate = classifier.trained_with["learning_rate"]
    assert np.isclose(rate, tuned.trials["learning_rate"][1])
    with pytest.raises(ValueError, match=r"`trial` .* 9 is missing"):
        tuned.refit(9)


def test_a_refitted_classifier_shows_its_search_in_the_report(tuned, tmp_path):
    classifier = tuned.refit(progress="none")
    path = reticnn.save_classifier(classifier, tmp_path / "best.reticnn")
    loaded = reticnn.load_classifier(path)
    assert loaded.search == classifier.search
    assert loaded.search["trial"] == tuned.best["trial"][0]
    assert loaded.search["settings"]["units"] == tuned.best["units"][0]
    assert loaded.search["history"]["accuracy"] == tuned.trials["accuracy"]
    page = reticnn.report_classifier(
        loaded, images(), tmp_path / "report.html", progress="none"
    )
    section = Path(page).read_text().partition('id="search"')[2]
    section = section.partition("</section>")[0]
    assert section.count("<circle") == 5
    for part in ("Trials", "5: 5 complete", "units", "learning_rate", "fANOVA"):
        assert part in section
    plain = reticnn.fit_classifier(build(), images(), epochs=1, progress="none")
    assert plain.search is None
    page = reticnn.report_classifier(plain, images(), page, progress="none")
    assert 'id="search"' not in Path(page).read_text()


def test_what_could_not_be_refitted_is_refused_before_the_search(refused):
    others = reticnn.shape_images(10, image_size=8, seed=2)
    weighted = reticnn.image_arrays(
        others.read(range(10)), list(others.labels), weights=[1, 2] * 5
    )
    with refused(ValueError, "validation", "put together", "weights"):
        tune(validation=weighted)


def test_early_stopping_sets_the_epochs_of_refit():
    tuned = tune(
        trials=1, epochs=5, early_stopping=1, learning_rate=1.0, space={"units": 2}
    )
    classifier = tuned.refit(progress="none")
    assert classifier.epochs <= tuned.trials["epochs_trained"][0]
    assert "val_loss" not in classifier.history


def test_importance_sees_which_setting_matters():
    def objective(scale, units):
        return build(units)

    # A rate of 1e-7 learns nothing, whatever the rest.
    space = {"learning_rate": reticnn.log_range(1e-7, 0.3), "units": [2, 3]}
    tuned = tune(
        space=space, trials=12, epochs=3, sampler="random", objective="log_loss"
    )
    importance = tuned.importance
    assert importance["setting"][0] == "learning_rate"
    assert 0.5 < importance["importance"][0] <= 1
    assert set(importance["objective"]) == {"log_loss"}


def test_trials_do_not_hang_on_what_was_done_before():
    whole = settings_of(tune(trials=4, sampler="random"))
    assert settings_of(tune(trials=2, sampler="random")) == whole[:2]
    assert len({row[-2:] for row in whole}) == 4


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "random"])
def test_searches_repeat_with_their_seed(sampler):
    first, again = (tune(sampler=sampler, trials=3) for _ in range(2))
    assert settings_of(first) == settings_of(again)


def test_a_grid_is_gone_through_once():
    space = {
        "units": [2, 3],
        "scale": reticnn.choice_of([0.5, 2], when={"units": 3}),
        "learning_rate": 0.01,
    }
    tuned = tune(space=space, sampler="grid", trials=None)
    pairs = list(zip(tuned.trials["units"], tuned.trials["scale"], strict=True))
    assert sorted(pairs, key=str) == [(2, None), (3, 0.5), (3, 2)]
    assert tuned.stopped is None


def test_several_objectives_have_a_front():
    tuned = tune(
        objective=["accuracy", "parameters"],
        trials=4,
        sampler="grid",
        space={"units": [2, 3, 4, 9]},
    )
    rows = list(zip(tuned.trials["accuracy"], tuned.trials["parameters"], strict=True))
    front = list(zip(tuned.best["accuracy"], tuned.best["parameters"], strict=True))
    for row in rows:
        better = [o for o in rows if o != row and o[0] >= row[0] and o[1] <= row[1]]
        assert (row in front) == (not better)
    if len(front) > 1:
        with pytest.raises(ValueError, match=r"`trial` .* several"):
            tuned.refit()
    with pytest.raises(ValueError, match=r"`pruning` .* several objectives"):
        tune(objective=["accuracy", "parameters"], pruning="median")


def test_pruning_ends_what_does_worse():
    # Rates that go from good to useless.
    space = {"learning_rate": [0.05, 0.04, 0.03, 0.02, 0.01, 1e-7, 1e-8, 1e-9]}
    tuned = tune(
        space=space,
        sampler="grid",
        trials=None,
        epochs=5,
        pruning="median",
        objective="log_loss",
        seed=3,
    )
    states = dict(
        zip(tuned.trials["learning_rate"], tuned.trials["state"], strict=True)
    )
    epochs = dict(
        zip(tuned.trials["state"], tuned.trials["epochs_trained"], strict=True)
    )
    assert set(states.values()) == {"complete", "pruned"}
    assert states[tuned.best["learning_rate"][0]] == "complete"
    assert 3 <= epochs["pruned"] < 5
    at = tuned.trials["state"].index("pruned")
    assert tuned.trials["log_loss"][at] is None


def test_failures_are_kept_and_the_search_goes_on():
    def fragile(units):
        if units == 3:
            raise RuntimeError("no such luck")
        return build(units)

    tuned = tune(fragile, {"units": [2, 3, 4]}, sampler="grid", trials=None)
    states = dict(zip(tuned.trials["units"], tuned.trials["state"], strict=True))
    assert states == {2: "complete", 3: "failed", 4: "complete"}
    errors = dict(zip(tuned.trials["units"], tuned.trials["error"], strict=True))
    assert errors == {2: None, 3: "RuntimeError: no such luck", 4: None}


def test_ten_failures_in_a_row_end_it(tmp_path):
    made = count()

    def fails(units):
        if next(made) > 1:
            raise RuntimeError("out of luck")
        return build(units)

    with pytest.warns(UserWarning, match=r"10 trials in a row .* out of luck"):
        tuned = tune(fails, trials=30)
    assert tuned.stopped == "failures"
    assert len(tuned.trials["trial"]) == 12
    with pytest.raises(ValueError, match=r"10 trials in a row .* out of luck"):
        tune(fails, trials=30, study=tmp_path / "a.journal")


def test_a_loss_that_becomes_nan_ends_a_trial_and_counts_as_bad():
    space = {"learning_rate": [0.01, 1e30]}
    tuned = tune(space=space, sampler="grid", trials=None, batch_size=8)
    rates = tuned.trials["learning_rate"]
    rows = dict(
        zip(
            rates,
            zip(tuned.trials["state"], tuned.trials["error"], strict=True),
            strict=True,
        )
    )
    assert rows[0.01] == ("complete", None)
    assert rows[1e30][0] == "pruned"
    assert "NaN" in rows[1e30][1]


def test_a_model_that_was_trained_before_is_refused():
    same = build()
    with pytest.raises(ValueError, match="`build` returned a model that an earlier"):
        tune(lambda: same, {"learning_rate": [0.1, 0.2]})
    shared = keras.layers.Dense(3)

    def with_shared(frozen):
        shared.trainable = not frozen
        x = keras.Input((8, 8, 3))
        y = keras.layers.Dense(2, activation="softmax")(
            shared(keras.layers.Flatten()(x))
        )
        model = keras.Model(x, y)
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        return model

    rates = {"learning_rate": [0.1, 0.2]}
    with pytest.raises(ValueError, match="layers of such a model"):
        tune(with_shared, {**rates, "frozen": False})
    shared = keras.layers.Dense(3)
    assert tune(with_shared, {**rates, "frozen": True}).stopped is None


def test_ctrl_c_returns_what_there_is_and_the_call_goes_on(tmp_path, hears_ctrl_c):
    made = count()

    def cut_off(units):
        if next(made) == 2:
            raise KeyboardInterrupt
        return build(units)

    whole = settings_of(tune(trials=4))
    study = tmp_path / "study.db"
    with pytest.warns(InterruptedWarning, match="interrupted after 2 trials"):
        tuned = tune(cut_off, trials=4, study=study)
    assert tuned.stopped == "interrupted"
    assert settings_of(tuned) == whole[:2]
    assert settings_of(tune(trials=4, study=study)) == whole
    # There are enough of them now.
    assert settings_of(tune(trials=2, study=study)) == whole


def test_minutes_begin_no_more_trials():
    tuned = tune(trials=None, minutes=1e-6)
    assert tuned.stopped == "minutes"
    assert tuned.trials["trial"] == []


@pytest.mark.parametrize(
    "changed, part",
    [
        ({"space": {**SPACE, "units": [2, 3]}}, "`space`: 'units' was"),
        ({"space": {"units": [2, 3, 4]}}, "`space`, which had 'learning_rate'"),
        ({"epochs": 2}, "`epochs`"),
        ({"objective": "log_loss"}, "`objective`"),
        ({"seed": 2}, "`seed`"),
        ({"sampler": "random"}, "`sampler`"),
        ({"validation": 0.3}, "`data`"),
        ({"build": lambda units: build(units + 1)}, "`build` makes another model"),
    ],
)
def test_another_study_is_refused(kept, changed, part):
    with pytest.raises(ValueError, match=part):
        tune(study=kept, **changed)


def test_choices_of_the_same_names_are_not_the_same(tmp_path):
    given = {"study": str(tmp_path / "a.journal"), "trials": 1}

    def space(rotation):
        policies = {"none": None, "some": reticnn.augmentation(rotation=rotation)}
        return {"augmentation": policies, "learning_rate": {"low": 0.001, "high": 0.1}}

    tune(space=space(0.1), **given)
    assert len(tune(space=space(0.1), **given).trials["trial"]) == 1
    with pytest.raises(ValueError, match="`space`: 'augmentation' was"):
        tune(space=space(0.2), **given)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return the path of a study of two trials."""
    path = str(tmp_path_factory.mktemp("study") / "a.journal")
    tune(study=path, trials=2)
    return path


def test_what_is_no_study_is_named(tmp_path, kept):
    with pytest.raises(ValueError, match=r"`study` must be a file that ends in .*\.db"):
        tune(study="study.txt")
    with pytest.raises(FileNotFoundError, match="`study` is in the folder"):
        tune(study=tmp_path / "nowhere" / "a.db")
    for name in ("a.db", "a.journal"):
        (tmp_path / name).write_text("no study\n" * 3)
        with pytest.raises(ValueError, match="cannot be used as one"):
            tune(study=tmp_path / name)
    with pytest.raises((ValueError, ImportError)) as caught:
        tune(study="postgresql://me:secret@localhost:1/none")
    assert "secret" not in str(caught.value)
    # The seed of the study is the seed of those that give none.
    assert settings_of(tune(study=kept, seed=None, trials=1)) == settings_of(
        tune(study=kept, trials=2)
    )


def test_a_journal_whose_last_line_is_torn_goes_on(tmp_path):
    study = tmp_path / "a.journal"
    whole = settings_of(tune(trials=3))
    tune(study=study, trials=2)
    study.write_bytes(study.read_bytes()[:-20])
    assert settings_of(tune(study=study, trials=3)) == whole


def test_paths_that_sqlite_would_take_for_others_are_refused(tmp_path, refused):
    with refused(ValueError, "study", "?#%{}"):
        tune(study=tmp_path / "a?b.db")


def test_without_optuna_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match='pip install "optuna"'):
        tune()


def test_progress_is_told_after_each_trial(capsys):
    told = []
    tune(trials=2, progress=told.append)
    assert [state["trial"] for state in told] == [1, 2]
    assert told[1]["best"] == max(state["accuracy"] for state in told)
    tune(trials=1, progress="trial")
    assert capsys.readouterr().out.startswith("Trial 1/1: accuracy ")


@pytest.mark.parametrize("kind", ["history", "importance", "slices", "parallel"])
def test_plots_show_complete_trials(tuned, kind):
    figure = reticnn.plot_tuning(tuned, kind)
    texts = [axes.get_xlabel() for axes in figure.axes]
    assert len(figure.axes) == (2 if kind == "slices" else 1)
    if kind == "history":
        best, trials = figure.axes[0].lines
        assert list(trials.get_ydata()) == tuned.trials["accuracy"]
        assert best.get_ydata()[-1] == tuned.best["accuracy"][0]
        assert texts == ["Trial"]
    if kind == "parallel":
        assert len(figure.axes[0].lines) == 5 + 3


def test_plots_refuse_what_they_cannot_show(tuned, refused):
    with refused(ValueError, "objective", "log_loss"):
        reticnn.plot_tuning(tuned, objective="log_loss")
    with refused(TypeError, "tuning", "tune_classifier"):
        reticnn.plot_tuning(tuned.trials)
