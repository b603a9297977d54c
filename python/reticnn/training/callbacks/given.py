"""Callbacks of the user's."""

import contextlib
import inspect

from reticnn.coercion import nearest
from reticnn.notation import shown
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import sync_weights

# Of these, ours do the same, and know of checkpoints, averages and stages.
_OURS = {
    "BackupAndRestore": "`checkpoint_dir`",
    "SwapEMAWeights": "`ema`",
}
_EVENTS = tuple(
    f"on_{part}_{end}"
    for part in ("train", "epoch", "train_batch", "test", "test_batch")
    for end in ("begin", "end")
)


def as_callbacks(value):
    """Return a list of Keras callbacks, made of functions where they are those.

    Args:
        value: None, a Keras callback, a dict of functions by the names of the events,
            or a list of such.
    """
    if value is None:
        return []
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    return [_callback(item) for item in items]


class Functions(keras.callbacks.Callback):
    """Call functions when something happens, with plain numbers counted from 1."""

    def __init__(self, functions):
        """Take a dict of functions by the names of the events."""
        super().__init__()
        for event, function in functions.items():
            setattr(self, event, _with_plain_numbers(event, function))


class GivenCallbacks(keras.callbacks.Callback):
    """Let the user's callbacks see the whole model, and stop its training.

    What is trained may be only the part of it that is not frozen.
    """

    def __init__(self, callbacks, model, best):
        """Take Keras callbacks, the whole model, and `BestWeights`."""
        super().__init__()
        self._whole = model
        self._best = best
        for event in _EVENTS:
            setattr(self, event, self._passed_on(event, callbacks))
        self._callbacks = callbacks

    def set_model(self, model):
        """Take what is trained."""
        super().set_model(model)
        for callback in self._callbacks:
            callback.set_model(self._whole)

    def set_params(self, params):
        """Take the numbers of epochs and steps."""
        super().set_params(params)
        for callback in self._callbacks:
            callback.set_params(params)

    def _passed_on(self, event, callbacks):
        """Return a function that tells all callbacks of an event."""
        looks = any(_hears(callback, event) for callback in callbacks)

        def pass_on(*arguments, **logs):
            if event == "on_train_begin":
                self._whole.stop_training = False
            if looks:
                # Keras does so for the model that it trains, and for no function.
                sync_weights(self.model)
            for callback in callbacks:
                with _named_in_errors(event):
                    getattr(callback, event)(*arguments, **logs)
            if event == "on_epoch_end":
                _check_numbers(arguments[-1])
            if self._whole.stop_training and event != "on_train_end":
                self.model.stop_training = True
                self._best.stopped = self._best.stopped or "early"

        return pass_on


def sets_rates(callbacks):
    """Return the name of the first callback that sets the learning rate, or None."""
    kinds = (
        keras.callbacks.LearningRateScheduler,
        keras.callbacks.ReduceLROnPlateau,
    )
    return next(
        (type(one).__name__ for one in callbacks if isinstance(one, kinds)), None
    )


def _hears(callback, event):
    """Return whether a callback does anything at an event."""
    # The older names, which Keras still calls too.
    names = {event, event.replace("on_train_batch", "on_batch")}
    return any(
        getattr(getattr(callback, name), "__func__", None)
        is not getattr(keras.callbacks.Callback, name)
        for name in names
    )


@contextlib.contextmanager
def _named_in_errors(event):
    """Say in errors from inside the block that a callback raised them.

    They keep their class, as what they mean is known to whoever gave the callback.
    """
    try:
        yield
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        error.args = (f"`callbacks` fails in `{event}`: {said}",)
        raise


def _check_numbers(logs):
    """Raise if a callback has put something else than numbers among the metrics."""
    for name, value in logs.items():
        try:
            float(value)
        except (TypeError, ValueError):
            raise TypeError(
                f"`callbacks` has one that puts {shown(value)} as {shown(name)} among "
                "the metrics of the epoch, whose history is of numbers. Keep it "
                "elsewhere."
            ) from None


def _callback(item):
    if isinstance(item, keras.callbacks.Callback):
        kind = type(item).__name__
        ours = _OURS.get(kind)
        if kind == "EarlyStopping" and item.restore_best_weights:
            ours = "`early_stopping`, with `monitor`"
        if ours:
            raise ValueError(
                f"`callbacks` has {shown(kind)} of Keras's, which changes weights that "
                f"`fit_classifier()` keeps. Use {ours} instead."
            )
        return item
    if isinstance(item, dict) and item:
        for event, function in item.items():
            _check(event, function)
        return Functions(item)
    raise TypeError(
        "`callbacks` must be Keras callbacks, or functions named by what they are "
        f"called for, as in `{{'on_epoch_end': function}}`, not {shown(item)}."
    )


def _check(event, function):
    """Raise if a function cannot be called for an event."""
    if event not in _EVENTS:
        raise ValueError(
            f"`callbacks` has a function for {shown(event)}, which is not one of "
            f"{', '.join(map(shown, _EVENTS))}.{nearest(event, _EVENTS)}"
        )
    if not callable(function):
        raise TypeError(
            f"`callbacks` has {shown(function)} for {shown(event)}, where a function "
            "is needed."
        )
    given = _given(event)
    try:
        inspect.signature(function).bind(*given)
    except ValueError:  # Of functions in C, it is not always known.
        return
    except TypeError as error:
        raise TypeError(
            f"`callbacks` has a function for {shown(event)} that cannot be called with "
            f"{' and '.join(given)} ({error})."
        ) from error


def _given(event):
    """Return what a function is called with for an event."""
    if "batch" in event:
        return ("batch", "logs")
    return ("epoch", "logs") if "epoch" in event else ("logs",)


def _with_plain_numbers(event, function):
    """Return what Keras calls for an event, and what calls a function in turn."""

    def of_number(number, logs=None):
        function(number + 1, _plain(logs))

    def of_training(logs=None):
        function(_plain(logs))

    return of_number if len(_given(event)) == 2 else of_training


def _plain(logs):
    return {name: float(value) for name, value in (logs or {}).items()}
