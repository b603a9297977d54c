"""Training in stages, each with layers and its own settings."""

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

from reticnn.coercion import nearest, shown
from reticnn.notation import in_words
from reticnn.pretrained.freezing import set_flags, trained_layers
from reticnn.training.settings import OF_OPTIMIZER, TrainingSettings

_SETTINGS = (
    "epochs",
    "learning_rate",
    "schedule",
    "warmup_epochs",
    "early_stopping",
    "layer_decay",
    "train_norm",
)
# The optimizer of the first stage is that of all.
_COMPILED = ("optimizer", "ema", "label_smoothing", *OF_OPTIMIZER)


@dataclass
class Stage:
    """A part of training.

    Attributes:
        settings: `TrainingSettings`.
        number: Whole number, 1 for the first stage.
        note: What to report about it.
        fingerprint: Text that differs where the stages up to this one do.
        trained: Ids of the layers that are trained, or None for those that are already.
    """

    settings: TrainingSettings
    number: int
    note: str
    fingerprint: str
    trained: set | None

    def choose_layers(self, model):
        """Let the layers of the stage be trained."""
        if self.trained is not None:
            set_flags(model, self.trained)


def as_stages(stages, settings, model):
    """Return a list of `Stage`s, checked against the model before any is trained.

    Args:
        stages: As in `fit_classifier`, but not None.
        settings: `TrainingSettings` for what a stage does not say.
        model: Keras model.

    Raises:
        TypeError: If `stages` is not a list of dicts.
        ValueError: If a stage has an unknown setting or a wrong value.
    """
    if isinstance(stages, (str, Mapping)) or not isinstance(stages, Sequence):
        raise _wrong_kind(stages)
    if not stages:
        raise ValueError("`stages` is empty. Give at least one stage, or `None`.")
    made, before = [], ""
    for number, given in enumerate(stages, start=1):
        own = _checked(given, number)
        train = own.pop("train", None)
        with_ours = _stage_settings(settings, own, number)
        trained = None if train is None else _trained(model, train, number)
        fingerprint = f"{before}{train} {with_ours.fingerprint()}"
        note = f"Stage {number} of {len(stages)}"
        note += "" if train is None else f", trained: {_plainly(train)}"
        made.append(Stage(with_ours, number, note, fingerprint, trained))
        before = f"{fingerprint}, {with_ours.epochs} epochs; "
    return made


def _plainly(train):
    return train if isinstance(train, str) else shown(train)


def _wrong_kind(value):
    return TypeError(
        f"`stages` must be a list of {in_words('dicts', 'named lists')}, one per "
        f"stage, such as `[{{'train': 'head'}}, {{'train': 'all'}}]`, not "
        f"{shown(value)}."
    )


def _checked(given, number):
    """Return a stage's own settings as a dict."""
    if not isinstance(given, Mapping):
        raise _wrong_kind(given)
    known = ("train", *_SETTINGS)
    for name in given:
        if name not in known:
            raise ValueError(
                f"`stages` has {shown(name)} in stage {number}, which is not one of "
                f"{shown(list(known))}.{nearest(name, known)}"
            )
    return dict(given)


def _stage_settings(settings, own, number):
    kept = {}
    if number > 1:
        kept = {f.name: f.default for f in fields(settings) if f.name in _COMPILED}
    with _saying(number):
        made = replace(settings, **{**kept, **own})
        made.ask_for_rates()
        return made


def _trained(model, train, number):
    with _saying(number):
        return trained_layers(model, train)


@contextmanager
def _saying(number):
    """Say in errors from inside the block which stage they are of."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"`stages`, stage {number}: {error}") from error
