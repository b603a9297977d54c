"""How the learning rate changes: as Keras's own schedules and callbacks change it."""

import warnings

import keras
import numpy as np
import pytest

import reticnn
from reticnn.runtime.conditions import InterruptedWarning
from reticnn.runtime.keras_internals import rate_or_schedule

STEPS, EPOCHS, RATE = 3, 4, 0.1
DECAYS = keras.optimizers.schedules


@pytest.fixture(scope="module")
def images():
    """Return a few images of two classes."""
    return reticnn.shape_images(24, image_size=8, seed=1)


@pytest.fixture
def train(images):
    """Train a new tiny model quietly, for three steps per epoch."""

    def run(schedule, model=None, **settings):
        model = model or tiny()
        settled = {
            "epochs": EPOCHS,
            "batch_size": 8,
            "optimizer": "sgd",
            "learning_rate": RATE,
            "progress": "none",
            "seed": 1,
        }
        settings = {**settled, "schedule": schedule, **settings}
        return reticnn.fit_classifier(model, images, **settings)

    return run


def tiny():
    """Build a very small model."""
    return reticnn.build_cnn((8, 8, 3), n_blocks=1, filters=2, units=4, seed=1)


def rates_of(classifier, first=0, count=STEPS * EPOCHS):
    """Return the learning rates of some steps, as the optimizer takes them."""
    schedule = rate_or_schedule(classifier.model.optimizer)
    return [float(schedule(step)) for step in range(first, first + count)]


LIKE_KERAS = {
    "step at epochs": (
        {"kind": "step", "at": [1, 3]},
        DECAYS.PiecewiseConstantDecay([2, 8], [RATE, RATE / 10, RATE / 100]),
    ),
    "step at parts": (
        "step",
        DECAYS.PiecewiseConstantDecay([5, 8], [RATE, RATE / 10, RATE / 100]),
    ),
    "step at a part within an epoch": (
        {"kind": "step", "at": 0.6, "factor": 0.5},
        DECAYS.PiecewiseConstantDecay([7], [RATE, RATE / 2]),
    ),
    "step every few": (
        {"kind": "step", "every": 2, "factor": 0.96},
        DECAYS.ExponentialDecay(RATE, 2 * STEPS, 0.96, staircase=True),
    ),
    "exponential": ("exponential", DECAYS.ExponentialDecay(RATE, 2 * STEPS, 0.94)),
    "exponential otherwise": (
        {"kind": "exponential", "every": 1.5, "factor": 0.5},
        DECAYS.ExponentialDecay(RATE, 1.5 * STEPS, 0.5),
    ),
    "polynomial": ("polynomial", DECAYS.PolynomialDecay(RATE, STEPS * EPOCHS, 0.0)),
    "polynomial otherwise": (
        {"kind": "polynomial", "power": 2, "end_learning_rate": 0.01},
        DECAYS.PolynomialDecay(RATE, STEPS * EPOCHS, 0.01, 2),
    ),
}


@pytest.mark.parametrize("name", LIKE_KERAS)
def test_schedules_are_as_kerass_own_and_begin_anew(train, name):
    ours, theirs = LIKE_KERAS[name]
    classifier = train(ours)
    wanted = [float(theirs(step)) for step in range(STEPS * EPOCHS)]
    assert rates_of(classifier) == pytest.approx(wanted)
    again = train(ours, classifier, optimizer=None)
    assert rates_of(again, STEPS * EPOCHS) == pytest.approx(wanted)


def test_schedule_trains_as_plain_keras_with_its_own(images, train):
    classifier = train("exponential", epochs=2)
    model = tiny()
    decay = DECAYS.ExponentialDecay(RATE, 2 * STEPS, 0.94)
    model.compile(keras.optimizers.SGD(decay), "binary_crossentropy")
    given = train("constant", model, epochs=2, learning_rate=None, optimizer=None)
    for one, other in zip(
        classifier.model.get_weights(), given.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_warm_up_comes_before_what_falls_and_epochs_are_counted_from_the_first(train):
    rises = np.array([0.25, 0.5, 0.75])
    smooth = rates_of(train("exponential", warmup_epochs=1))
    wanted = [RATE * 0.94 ** (step / (2 * STEPS)) for step in range(STEPS * 3)]
    assert smooth == pytest.approx([*(RATE * rises), *wanted])
    step = rates_of(train({"kind": "step", "at": [2, 3]}, warmup_epochs=1))
    wanted = np.repeat([RATE, RATE, RATE / 10, RATE / 100], STEPS)
    wanted[:STEPS] *= rises
    assert step == pytest.approx(wanted)
    decay = DECAYS.ExponentialDecay(RATE, STEPS, 0.5)
    of_keras = rates_of(train(decay, warmup_epochs=1, learning_rate=None))
    wanted = [float(decay(step)) for step in range(STEPS * 3)]
    assert of_keras == pytest.approx([*(RATE * rises), *wanted])


def test_function_gives_the_rate_of_each_epoch(train):
    asked = []

    def rate(epoch):
        asked.append(epoch)
        return np.float32(0.1) / epoch

    classifier = train(rate, learning_rate=None)
    assert asked == [1, 2, 3, 4]
    wanted = [0.1 / epoch for epoch in (1, 2, 3, 4) for _ in range(STEPS)]
    assert rates_of(classifier) == pytest.approx(wanted)
    assert classifier.trained_with["learning_rate"] == pytest.approx(0.1)
    assert "schedule a function of the epoch" in repr(classifier)


class Halving(DECAYS.LearningRateSchedule):
    """A schedule of somebody's own, which Keras knows nothing of."""

    def __call__(self, step):
        return RATE * 0.5 ** keras.ops.cast(step, "float32")

    def get_config(self):
        return {}


class Unsaid(DECAYS.LearningRateSchedule):
    """A schedule that does not say how it is made."""

    def __call__(self, step):
        return RATE


def test_schedule_of_the_users_own_is_followed_and_begins_anew(train):
    classifier = train(Halving(), learning_rate=None)
    wanted = [RATE * 0.5**step for step in range(STEPS * EPOCHS)]
    assert rates_of(classifier) == pytest.approx(wanted)
    again = train(Halving(), classifier, learning_rate=None, optimizer=None)
    assert rates_of(again, STEPS * EPOCHS) == pytest.approx(wanted)


def test_plateau_trains_as_kerass_callback(images, train):
    """Keras's own loop, on the same images in the same order, ends with the same."""
    settings = {"factor": 0.3, "patience": 2, "min_delta": 0.02, "cooldown": 1}
    asked = {"kind": "plateau", **settings, "min_lr": 0.01}
    apart = reticnn.shape_images(10, image_size=8, seed=2)
    ours = train(asked, epochs=12, batch_size=24, validation=apart)
    model = tiny()
    model.compile(
        keras.optimizers.SGD(RATE), "binary_crossentropy", metrics=["accuracy"]
    )
    rates = []

    class Rates(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    def arrays(data):
        loaded = reticnn.load_images(data)
        codes = [data.class_names.index(label) for label in loaded["labels"]]
        return loaded["images"].astype("float32"), np.array(codes)[:, None]

    pixels, targets = arrays(images)
    told = model.fit(
        pixels,
        targets,
        batch_size=24,
        epochs=12,
        shuffle=False,
        verbose=0,
        validation_data=arrays(apart),
        callbacks=[
            keras.callbacks.ReduceLROnPlateau(**settings, min_lr=0.01),
            Rates(),
        ],
    )
    assert rates[0] == pytest.approx(RATE)
    assert rates[-1] == pytest.approx(0.01)
    assert len(set(rates)) > 2
    assert ours.history["val_loss"] == pytest.approx(told.history["val_loss"], rel=1e-4)
    assert rates_of(ours, 0, 1) == pytest.approx(rates[-1:])
    # The next training begins with the rate that this one began with.
    assert train("constant", ours, learning_rate=None).trained_with[
        "learning_rate"
    ] == pytest.approx(RATE)


PLATEAU = {"kind": "plateau", "patience": 1, "min_delta": 10, "factor": 0.3}


@pytest.mark.parametrize(
    "schedule",
    [PLATEAU, "step", "exponential", lambda epoch: 0.1 / epoch, Halving()],
    ids=["plateau", "step", "exponential", "function", "own"],
)
def test_cut_off_runs_go_on_as_if_they_had_not_been(train, tmp_path, schedule):
    settings = {"warmup_epochs": 1}
    if callable(schedule):
        settings["learning_rate"] = None

    def stop(state):
        if state["epoch"] == 4:
            raise KeyboardInterrupt

    whole = train(schedule, checkpoint_dir=tmp_path / "whole", **settings)
    with pytest.warns(InterruptedWarning):
        train(schedule, progress=stop, checkpoint_dir=tmp_path / "cut", **settings)
    cut = train(schedule, checkpoint_dir=tmp_path / "cut", **settings)
    assert cut.history == whole.history
    assert rates_of(cut) == rates_of(whole)
    for one, other in zip(
        cut.model.get_weights(), whole.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@keras.saving.register_keras_serializable("tests")
class After(DECAYS.LearningRateSchedule):
    """A schedule around another one."""

    def __init__(self, inner):
        self.inner = inner

    def __call__(self, step):
        return self.inner(step)

    def get_config(self):
        return {"inner": keras.saving.serialize_keras_object(self.inner)}


class Within(After):
    """The same, which gives the other as it is."""

    def get_config(self):
        return {"inner": self.inner}


@pytest.mark.parametrize("kind", [After, Within])
def test_a_schedule_within_a_schedule_is_known_again(train, tmp_path, kind):
    def fit(rate, inner=DECAYS.ExponentialDecay):
        schedule = kind(inner(rate, 2, 0.9))
        return train(schedule, learning_rate=None, checkpoint_dir=tmp_path, epochs=1)

    assert fit(0.1).history == fit(0.1).history
    for other in ({"rate": 0.05}, {"rate": 0.1, "inner": DECAYS.InverseTimeDecay}):
        with pytest.raises(ValueError, match="another run"):
            fit(**other)


def test_more_epochs_go_on_where_they_do_not_change_those_before(
    train, tmp_path, refused
):
    for number, schedule in enumerate(
        [{"kind": "step", "at": [1, 3]}, "exponential", PLATEAU]
    ):
        train(schedule, epochs=2, checkpoint_dir=tmp_path / str(number))
        longer = train(schedule, checkpoint_dir=tmp_path / str(number))
        assert longer.history == train(schedule).history
    for number, schedule in enumerate(["step", "polynomial"]):
        train(schedule, epochs=2, checkpoint_dir=tmp_path / f"not {number}")
        with pytest.raises(ValueError, match="epochs: there"):
            train(schedule, checkpoint_dir=tmp_path / f"not {number}")
    with pytest.raises(ValueError, match=r"another run.*factor"):
        train(
            {"kind": "step", "at": [1, 3], "factor": 0.5}, checkpoint_dir=tmp_path / "0"
        )


def test_stages_have_schedules_of_their_own(train):
    stages = [
        {"schedule": {"kind": "step", "at": 1}, "epochs": 2},
        {"schedule": "polynomial", "epochs": 3},
    ]
    classifier = train("constant", stages=stages)
    wanted = [RATE * (1 - step / (3 * STEPS)) for step in range(3 * STEPS)]
    assert rates_of(classifier, 2 * STEPS, 3 * STEPS) == pytest.approx(wanted)
    assert classifier.trained_with["schedule"]["kind"] == "polynomial"
    # A function is asked for the epochs that there are, and no others.
    rates = {1: 0.1, 2: 0.05}
    stages = [{"schedule": rates.__getitem__, "epochs": 2}]
    asked = train("constant", epochs=9, learning_rate=None, stages=stages)
    assert asked.trained_with["schedule"]["rates"] == [0.1, 0.05]


def test_schedules_are_kept_as_data(train, tmp_path):
    asked = {
        "step": {"kind": "step", "at": [1, 3], "factor": 0.1},
        "function": {"kind": "function", "rates": [0.1, 0.05]},
        "keras": {
            "kind": "keras",
            "class": "ExponentialDecay",
            "initial_learning_rate": 0.1,
            "decay_steps": 3,
            "decay_rate": 0.5,
            "staircase": False,
        },
    }
    made = {
        "step": train({"kind": "step", "at": [1, 3]}),
        "function": train(lambda epoch: 0.1 / epoch, learning_rate=None, epochs=2),
        "keras": train(DECAYS.ExponentialDecay(0.1, 3, 0.5), learning_rate=None),
    }
    for name, classifier in made.items():
        path = reticnn.save_classifier(classifier, tmp_path / f"{name}.reticnn")
        loaded = reticnn.load_classifier(path)
        assert loaded.trained_with["schedule"] == asked[name]
        assert repr(loaded) == repr(classifier)
        assert rates_of(loaded) == rates_of(classifier)
    assert "schedule step, at 1 and 3, factor 0.1" in repr(made["step"])
    plain = train("constant", epochs=1)
    assert "schedule" not in repr(plain)


WRONG = {
    "unknown": ("setp", "Did you mean 'step'"),
    "no kind": ({"at": [1]}, "without a `kind`"),
    "unknown kind": ({"kind": "setp"}, "`kind` must be one of"),
    "unknown setting": ({"kind": "step", "on": [1]}, "has the setting 'on'"),
    "setting of another": ({"kind": "cosine", "at": [1]}, "which has none"),
    "near": ({"kind": "plateau", "patince": 2}, "Did you mean 'patience'"),
    "both": ({"kind": "step", "at": [1], "every": 2}, "both `at`"),
    "mixed": ({"kind": "step", "at": [0.5, 2]}, "one kind of numbers"),
    "falling": ({"kind": "step", "at": [3, 1]}, "the lowest first"),
    "twice": ({"kind": "step", "at": [1, 1]}, "once"),
    "half an epoch": ({"kind": "step", "at": [1.5]}, "Use 1 or 2"),
    "zero": ({"kind": "step", "at": [0]}, "above 0"),
    "none": ({"kind": "step", "at": []}, "at least one number"),
    "rising": ({"kind": "step", "factor": 1.5}, "`factor` must be a number above 0"),
    "a word": ({"kind": "exponential", "every": "two"}, "`every` must be a number"),
    "no patience": ({"kind": "plateau", "patience": 0}, "`patience` must be a whole"),
    "high end": ({"kind": "polynomial", "end_learning_rate": 0.2}, "lower `end_"),
    "high minimum": ({"kind": "plateau", "min_lr": 0.1}, "lower `min_lr`"),
    "two rates": (lambda epoch: 0.1, "Leave one of them out"),
    "rates of Keras": (DECAYS.CosineDecay(0.1, 5), "Leave one of them out"),
    "NaN": ({"kind": "plateau", "min_delta": float("nan")}, "`min_delta`"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_schedules_are_refused_before_any_work(train, name, refused):
    schedule, said = WRONG[name]
    model = tiny()
    before = model.get_weights()
    with pytest.raises((TypeError, ValueError), match=said) as caught:
        train(schedule, model)
    assert "schedule" in str(caught.value)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda epoch: -0.1, "returns -0.1 for epoch 1"),
        (lambda epoch: "high", "returns 'high' for epoch 1"),
        (lambda epoch: float("nan"), "for epoch 1"),
        (lambda epoch: None if epoch == 3 else 0.1, "for epoch 3"),
    ],
)
def test_functions_that_give_no_rate_are_refused(train, function, said):
    with pytest.raises(ValueError, match=said):
        train(function, learning_rate=None)


def test_other_things_than_schedules_are_refused(train):
    for value in (3, ["step"], DECAYS.CosineDecay):
        with pytest.raises(TypeError, match="`schedule` must be one of"):
            train(value)
    with pytest.raises(ValueError, match=r"Unsaid.*Give its class a"):
        train(Unsaid(), learning_rate=None)
    with pytest.raises(TypeError, match="called with one argument"):
        train(lambda epoch, rate: rate, learning_rate=None)


def test_it_is_said_that_the_first_fall_is_after_the_end(train):
    with pytest.warns(UserWarning, match="after epoch 30, and there are 4"):
        train({"kind": "step", "at": [30, 60]})
    with pytest.warns(UserWarning, match="after epoch 4 at the earliest"):
        train({"kind": "plateau", "patience": 2}, warmup_epochs=1)


RISES = {"initial_learning_rate": 0.0, "decay_steps": 9, "warmup_target": RATE}


def test_kerass_schedule_may_begin_with_a_rate_of_zero(images, train):
    """Its highest rate is the one that further training goes on with."""
    theirs = DECAYS.CosineDecay(**RISES, warmup_steps=3)
    model = tiny()
    classifier = train(theirs, model, learning_rate=None)
    rates = [float(theirs(step)) for step in range(STEPS * EPOCHS)]
    np.testing.assert_allclose(rates_of(classifier), rates, rtol=1e-5)
    before = model.get_weights()
    train("constant", classifier, learning_rate=None, optimizer=None)
    first = STEPS * EPOCHS
    np.testing.assert_allclose(rates_of(classifier, first), RATE, rtol=1e-5)
    now = model.get_weights()
    assert any(np.any(old != new) for old, new in zip(before, now, strict=True))


def test_rates_of_zero_alone_are_refused(train):
    """Nothing would be learned."""
    for schedule in (lambda epoch: 0, DECAYS.PolynomialDecay(0.0, 9, 0.0)):
        with pytest.raises(ValueError, match="the learning rate 0 at its highest"):
            train(schedule, learning_rate=None)


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "cosine"},
        {"schedule": {"kind": "plateau"}},
        {"schedule": "constant", "warmup_epochs": 1},
        {"schedule": "constant", "stages": [{"epochs": 1}, {"warmup_epochs": 1}]},
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_an_optimizers_own_schedule_does_not_give_way_silently(
    train, settings, compiled
):
    """It is not what either of them says."""
    model, optimizer = tiny(), keras.optimizers.SGD(DECAYS.CosineDecay(RATE, 9))
    if compiled:
        model.compile(optimizer, "binary_crossentropy")
        optimizer = None
    before = model.get_weights()
    with pytest.raises(ValueError, match="follows a schedule of its own, CosineDecay"):
        train(model=model, optimizer=optimizer, learning_rate=None, **settings)
    now = model.get_weights()
    assert all(np.all(old == new) for old, new in zip(before, now, strict=True))
    train(model=model, optimizer=optimizer, **settings)


def test_an_optimizer_keeps_its_own_schedule(train):
    """Where nothing else is asked for, and in stages too."""
    own = DECAYS.CosineDecay(RATE, 9)
    stages = [{"epochs": 1}, {"epochs": 3}]
    settings = {"learning_rate": None, "optimizer": keras.optimizers.SGD(own)}
    classifier = train("constant", stages=stages, **settings)
    rates = [float(own(step)) for step in range(STEPS * EPOCHS)]
    np.testing.assert_allclose(rates_of(classifier), rates)
    with pytest.raises(ValueError, match="follows a schedule of its own"):
        train("cosine", classifier, learning_rate=None)


def test_it_is_said_that_a_warm_up_does_not_end(train):
    """As where a recipe's epochs are made fewer."""
    with pytest.warns(UserWarning, match="and `epochs` 2: the learning rate rises to"):
        train("cosine", warmup_epochs=2, epochs=2)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="`warmup_epochs`")
        train("cosine", warmup_epochs=1, epochs=2)


def test_it_is_said_that_averages_stay_what_they_began_with(train):
    """As where a recipe's momentum is kept, and its epochs are made fewer."""
    with pytest.warns(UserWarning, match="12 steps to form: 99.9 % of them are the"):
        train("constant", ema=0.9999)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The averages")
        train("constant", ema=0.7)
