"""The settings of a training run, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from reticnn.augmenting.policy import Policy
from reticnn.augmenting.sequence import as_policy
from reticnn.coercion import as_bool, as_choice, as_float, as_int, as_string, shown
from reticnn.optimizers.schedule_settings import as_schedule
from reticnn.training.callbacks.given import as_callbacks, sets_rates
from reticnn.training.further_metrics import as_metrics

_NEWER = ("monitor", "mode", "min_delta", "metrics", "train_norm")

# What optimizers of Keras's are made with, under the same names.
OF_OPTIMIZER = ("weight_decay", "global_clipnorm", "gradient_accumulation_steps")


@dataclass
class TrainingSettings:
    """What `fit_classifier` was asked for, checked when it is made."""

    epochs: int
    batch_size: int
    augmentation: Policy | None = None
    optimizer: Any = None
    learning_rate: float | None = None
    schedule: Any = "constant"
    warmup_epochs: int = 0
    weight_decay: float | None = None
    global_clipnorm: float | None = None
    gradient_accumulation_steps: int | None = None
    label_smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    class_weight: Any = None
    early_stopping: int | None = None
    monitor: str | None = None
    mode: str = "auto"
    min_delta: float = 0.0
    ema: float | None = None
    mixed_precision: bool = False
    cache_features: Any = "auto"
    layer_decay: float | None = None
    train_norm: bool = True
    metrics: Any = None
    callbacks: Any = None

    def __post_init__(self):
        """Check each setting under its own name."""
        self._check(as_int, "epochs", "batch_size")
        self._check(as_int, "warmup_epochs", minimum=0)
        self._check(as_policy, "augmentation")
        self._check(as_int, "early_stopping")
        self._check(as_string, "monitor")
        self._check(as_float, "min_delta", minimum=0)
        self.mode = as_choice(self.mode, "mode", ("auto", "min", "max"))
        self.metrics = as_metrics(self.metrics)
        self.callbacks = as_callbacks(self.callbacks)
        self._check(as_float, "learning_rate", above=0)
        self._check(as_float, "weight_decay", "mixup", "cutmix", minimum=0)
        self._check(as_float, "global_clipnorm", above=0)
        self._check(as_int, "gradient_accumulation_steps")
        self._check(as_float, "label_smoothing", minimum=0, below=1)
        self._check(as_float, "ema", above=0, below=1)
        self._check(as_float, "layer_decay", above=0, maximum=1)
        self.schedule = as_schedule(self.schedule)
        self._check_rate()
        self.train_norm = as_bool(self.train_norm, "train_norm")
        self.mixed_precision = as_bool(self.mixed_precision, "mixed_precision")
        self.cache_features = _as_copies(self.cache_features)

    @property
    def mixes(self):
        """Whether images are mixed in pairs."""
        return self.mixup > 0 or self.cutmix > 0

    def fingerprint(self):
        """Return what must be the same for a run to go on: texts by name.

        The optimizer, which may be the model's own, is not among it.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("optimizer", "learning_rate", "ema", *OF_OPTIMIZER):
            del values[name]
        # Checkpoints of older versions do not have what is as it always was.
        for field in fields(self):
            if field.name in _NEWER and values[field.name] == field.default:
                del values[field.name]
        del values["callbacks"]
        if self.metrics is not None:
            values["metrics"] = [getattr(one, "name", one) for one in self.metrics]
        if self.schedule.can_go_on:
            del values["epochs"]
        if isinstance(self.class_weight, Mapping):
            values["class_weight"] = sorted(self.class_weight.items())
        if self.augmentation is not None:
            values["augmentation"] = self.augmentation.to_config()
        return {name: str(value) for name, value in values.items()}

    def ask_for_rates(self):
        """Ask a user's function, if the schedule is one, for the rate of each epoch."""
        self.schedule = self.schedule.for_epochs(self.epochs)

    @property
    def monitors(self):
        """Whether a metric decides over weights, the end or the learning rate."""
        return self.early_stopping is not None or self.schedule.kind == "plateau"

    def _check_rate(self):
        """Raise if there are two learning rates."""
        if self.schedule.gives_rates and self.learning_rate is not None:
            raise ValueError(
                f"`learning_rate` is {shown(self.learning_rate)}, and `schedule` says "
                "itself what the learning rate is. Leave one of them out."
            )
        other = sets_rates(self.callbacks)
        if other and (self.warmup_epochs or not self.schedule.changes_nothing):
            name = "warmup_epochs" if self.schedule.changes_nothing else "schedule"
            raise ValueError(
                f"`callbacks` has {shown(other)}, which sets the learning rate, as "
                f"`{name}` does. Leave one of them out."
            )

    def _check(self, coerce, *names, **limits):
        optional = {
            "augmentation",
            "early_stopping",
            "monitor",
            "learning_rate",
            "ema",
            "layer_decay",
            *OF_OPTIMIZER,
        }
        for name in names:
            value = getattr(self, name)
            if value is not None or name not in optional:
                setattr(self, name, coerce(value, name, **limits))


def _as_copies(value):
    """Return how many copies of each image's features to keep, or the words for it."""
    if isinstance(value, (str, type(None))):
        return as_choice(value, "cache_features", ("auto", "none"))
    try:
        return as_int(value, "cache_features")
    except TypeError:
        raise TypeError(
            "`cache_features` must be 'auto', 'none', or a whole number of copies of "
            f"each image, not {shown(value)}."
        ) from None
