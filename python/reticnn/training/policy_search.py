"""Learn a policy from the user's images by successive halving."""

import warnings

import numpy as np

from reticnn.augmenting import augmentation
from reticnn.augmenting.operations import OPERATIONS
from reticnn.coercion import as_float, as_int, as_seed, shown
from reticnn.data.accepting import image_data_of
from reticnn.data.splits.splitting import parts_of_data
from reticnn.runtime.backend import keras
from reticnn.runtime.conditions import InterruptedWarning, warn_user
from reticnn.runtime.randomness import generator
from reticnn.training.building import built, not_a_function
from reticnn.training.callbacks.epoch_progress import (
    as_progress,
    in_reading_order,
    progress_reporters,
)
from reticnn.training.fit import fit_classifier

# On average.
_OPERATIONS_OF_A_TRIAL = 5

_POSITION = ("epoch", "epochs", "step", "steps", "done", "device")


def learn_augmentation(
    model_fn,
    data,
    *,
    validation=0.2,
    budget=96,
    trials=8,
    batch_size=32,
    learning_rate=None,
    progress="auto",
    seed=None,
):
    """Search for an augmentation policy that suits the images.

    This is successive halving: models are trained with random policies, from mild to
    strong, and one without a policy; the half with the lower loss on the validation
    images is trained further, and so on until one is left. The model without a policy
    stays to the end. All start from the same weights and see the images in the same
    order. Each round costs the same number of epochs, so that the last policies are
    compared after the most epochs.

    The policies are made with `augmentation()`. Each of its operations that suits the
    images, except crops and PCA colour, is included with the same probability, so that
    a policy has about five of them, each of random strength.

    With few validation images or few epochs, the best policy may have won by luck, and
    strong policies pay off only in long training. Allow as many epochs as time permits,
    at least enough for a model to learn something in the first round (4 epochs by
    default), and measure the gain on images that were not part of the search.
    Interrupting it (Ctrl-C) returns the best policy so far.

    Args:
        model_fn: Function of no arguments that builds a new model, compiled or not,
            such as `lambda: build_cnn()`.
        data: Image data with labels, or a folder, as in `fit_classifier`.
        validation: Image data on which the policies are compared, or the fraction of
            `data`, in (0, 1), to hold out for this. Default 0.2.
        budget: Whole number of training epochs in total. Default 96.
        trials: Whole number of at least 2, the number of policies to start with.
            Default 8.
        batch_size: Whole number of images per step. Default 32.
        learning_rate: Float above 0, or None for the optimizer's own. Default None.
        progress: As in `fit_classifier`, with the epochs of all trials counted
            together. Default `"auto"`.
        seed: Whole number of at least 0 that fixes the policies, the validation part,
            the weights and the training, or None for new ones each time. Default None.

    Returns:
        Dict: `policy`, the best one, which does nothing if no policy improved on
        training without one; `trials`, a table (dict of equal-length lists) with one
        row per policy, the best first: `trial`, its number, `epochs`, how long it was
        trained, `val_loss`, its lowest validation loss, `operations` as text, and
        `policy`; and `stopped`, `"interrupted"` or None.

    Warns:
        InterruptedWarning: If the search is interrupted.

    Raises:
        TypeError: If `model_fn` is not a function that builds a Keras model.
        ValueError: If `budget` is too small for that many trials, or as in
            `fit_classifier`.

    Example:
        >>> data = split_images(image_folder("photos", 64), seed=1)
        >>> train, test = data["train"], data["test"]
        >>> network = lambda: build_cnn((64, 64, 3), seed=1)
        >>> learned = learn_augmentation(network, train, seed=1)
        >>> learned["trials"]["operations"]  # the best first; "none" is without any
        >>> # Whether it helps is measured on images that were not part of the search.
        >>> for policy in (None, learned["policy"]):
        ...     classifier = fit_classifier(network(), train, augmentation=policy)
        ...     print(evaluate_classifier(classifier, test)["accuracy"])

    Source:
        Successive halving: Jamieson and Talwalkar (2016), arXiv:1502.07943. That random
        policies with few parameters do as well as costly searches: Cubuk et al. (2019),
        arXiv:1909.13719.
    """
    seed = as_seed(seed)
    rounds = _rounds(as_int(budget, "budget"), as_int(trials, "trials", minimum=2))
    data, validation = _parts(data, validation, seed)
    running = _Trials(model_fn, rounds[0][0], seed)
    reporter = _Reporter(progress, sum(count * epochs for count, epochs in rounds))
    stopped = None
    for number, (count, epochs) in enumerate(rounds):
        for trial in running.best(count):
            stopped = trial.train(
                data,
                seed=seed + number,
                validation=validation,
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                progress=reporter.of_next(epochs),
            )
            if stopped:
                break
        if stopped:
            warn_user(
                f"The search was interrupted in round {number + 1} of {len(rounds)}. "
                "The policy is the best so far.",
                InterruptedWarning,
            )
            break
    return {**running.result(), "stopped": stopped}


def _rounds(budget, trials):
    """Return (trials, epochs of each) by round, each round as long in all."""
    counts = [trials]
    while counts[-1] > 2:
        counts.append(-(-counts[-1] // 2))
    if budget < len(counts) * trials:
        raise ValueError(
            f"`budget` must be at least {len(counts) * trials} epochs for {trials} "
            f"trials, not {budget}: each needs at least one. Raise it, or "
            "use fewer `trials`."
        )
    return [(count, budget // len(counts) // count) for count in counts]


def _parts(data, validation, seed):
    """Return the images to train on and those to compare policies on."""
    data = image_data_of(data)
    if isinstance(validation, (int, float, np.number)):
        share = as_float(validation, "validation", above=0, below=1)
        shares = {"train": 1 - share, "validation": share}
        parts = parts_of_data(data, shares, seed, "validation")
        return parts["train"], parts["validation"]
    return data, image_data_of(validation, "validation")


class _Trials:
    """Policies and how well they did."""

    def __init__(self, model_fn, count, seed):
        """Draw the policies, the first being none."""
        model = _new_model(model_fn, seed)
        rng = generator(seed)
        channels = model.input_shape[-1]
        drawn = [{}] + [
            _operations(rng, (number + 0.5) / (count - 1), channels)
            for number in range(count - 1)
        ]
        self._trials = [
            _Trial(number, operations, model_fn, seed)
            for number, operations in enumerate(drawn, 1)
        ]
        self._none = self._trials[0]
        self._none.model = model

    def best(self, count):
        """Return the trials with the lowest losses, and let go of others' models.

        That without any operation is always among them: a policy has to do better
        after as many epochs.
        """
        self._trials.sort(key=lambda trial: (trial.loss, trial.number))
        last = self._trials.index(self._none)
        if last >= count:
            self._trials.insert(count - 1, self._trials.pop(last))
        for trial in self._trials[count:]:
            trial.model = None
        return self._trials[:count]

    def result(self):
        """Return the best policy and the table of all."""
        trials = self.best(len(self._trials))
        return {
            "policy": trials[0].policy,
            "trials": {
                "trial": [trial.number for trial in trials],
                "epochs": [trial.epochs for trial in trials],
                "val_loss": [trial.loss for trial in trials],
                "operations": [_text(trial.operations) for trial in trials],
                "policy": [trial.policy for trial in trials],
            },
        }


class _Trial:
    """A policy, the model that is trained with it, and its lowest loss so far."""

    def __init__(self, number, operations, model_fn, seed):
        """Take the operations as `augmentation()` does."""
        self.number = number
        self.operations = operations
        self.policy = augmentation(**operations)
        self.model = None
        self.epochs = 0
        self.loss = float("inf")
        self._model_fn = model_fn
        self._seed = seed

    def train(self, data, **settings):
        """Train further; return "interrupted" if that was stopped by hand, or None."""
        if self.model is None:
            self.model = _new_model(self._model_fn, self._seed)
        with warnings.catch_warnings():
            # The search itself says that it was cut off.
            warnings.simplefilter("ignore", InterruptedWarning)
            # What the first trial warns of holds for all.
            if self.number > 1 or self.epochs:
                warnings.simplefilter("ignore")
            fitted = fit_classifier(
                self.model, data, augmentation=self.policy, **settings
            )
        losses = fitted.history.get("val_loss", [])
        self.epochs += len(losses)
        self.loss = np.nanmin([self.loss, *losses]).item()
        return "interrupted" if fitted.stopped == "interrupted" else None


def _new_model(model_fn, seed):
    """Return what the function builds, the same weights each time."""
    made = built(model_fn, seed, "model_fn")
    if made is model_fn:
        raise not_a_function(model_fn, "model_fn")
    return made


def _operations(rng, strength, channels):
    """Return operations drawn at random, with at most that share of their most."""
    possible = [
        operation
        for operation in OPERATIONS.values()
        if operation.search and operation.suits(channels)
    ]
    chance = min(0.5, _OPERATIONS_OF_A_TRIAL / len(possible))
    drawn = {}
    while not drawn:
        for operation in possible:
            if rng.random() < chance:
                drawn[operation.name] = operation.search(rng, strength)
    return drawn


def _text(operations):
    settings = (f"{name} {shown(value)}" for name, value in operations.items())
    return ", ".join(settings) or "none"


class _Reporter:
    """Progress over all trials, reported as by `fit_classifier`."""

    def __init__(self, progress, epochs):
        """Take what the user wants to see, and the epochs in all."""
        verbose, _ = progress_reporters(as_progress(progress))
        tellers = {0: None, 1: _bar_teller(), 2: _tell_epoch}
        self._tell = progress if callable(progress) else tellers[verbose]
        self._epochs = epochs
        self._before = 0

    def of_next(self, epochs):
        """Return the `progress` of `fit_classifier` for the next `epochs` epochs."""
        before = self._before
        self._before += epochs
        if self._tell is None:
            return "none"
        return lambda state: self._tell(
            {**state, "epoch": before + state["epoch"], "epochs": self._epochs}
        )


def _tell_epoch(state):
    if state["done"]:
        metrics = ", ".join(f"{n}: {v:.4f}" for n, v in _metrics(state).items())
        print(f"Epoch {state['epoch']}/{state['epochs']}: {metrics}")


def _bar_teller():
    bar = None

    def tell(state):
        nonlocal bar
        metrics = _metrics(state)
        if bar is None:
            print(f"Epoch {state['epoch']}/{state['epochs']}")
            bar = keras.utils.Progbar(state["steps"], stateful_metrics=list(metrics))
        # Progbar itself ends the line at its last step, before validation is done.
        step = state["steps"] if state["done"] else state["step"] - 1
        bar.update(step, list(metrics.items()), finalize=state["done"])
        bar = None if state["done"] else bar

    return tell


def _metrics(state):
    metrics = {name: value for name, value in state.items() if name not in _POSITION}
    return {name: metrics[name] for name in in_reading_order(metrics)}
