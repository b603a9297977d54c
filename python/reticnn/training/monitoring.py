"""Which metric says how good an epoch was, and in which direction."""

from dataclasses import dataclass

from reticnn.coercion import nearest
from reticnn.notation import shown
from reticnn.runtime.keras_internals import (
    compiled_as_given,
    compiled_here,
    metric_direction,
)

# What the name of a metric says, where the metric itself does not.
_HIGHER = ("accuracy", "acc", "auc", "precision", "recall", "f1_score")
_LOWER = ("loss", "error", "crossentropy", "divergence")
_MODES = {"min": 1, "max": -1}


@dataclass(frozen=True)
class Monitor:
    """A metric by which epochs are compared.

    Attributes:
        name: Its name in the history.
        sign: 1 where lower is better, -1 where higher is.
    """

    name: str
    sign: int

    @property
    def of_validation(self):
        """Whether it is measured on the validation images."""
        return self.name.startswith("val_")

    @property
    def bare_name(self):
        """The name without that it is measured on the validation images."""
        return self.name.removeprefix("val_")

    @property
    def is_loss(self):
        """Whether it is the loss, which has penalties of weights in it."""
        return self.bare_name == "loss"

    def to_config(self):
        """Return its name and `"min"` or `"max"`, what is better."""
        return [self.name, "min" if self.sign == 1 else "max"]

    def cost(self, metrics, name=None):
        """Return a number among some metrics that is lower the better they are.

        Args:
            metrics: Dict of numbers by name.
            name: What the metric is called there, if not as in the history.
        """
        name = name or self.name
        if name not in metrics:
            raise ValueError(
                f"`monitor` is {shown(self.name)}, and the metrics of training are "
                f"{shown(list(metrics))}. Use one of them."
            )
        return self.sign * float(metrics[name])


def monitor_of(settings, model, validated):
    """Return the `Monitor` of a run.

    Args:
        settings: `TrainingSettings`.
        model: Keras model, compiled.
        validated: Whether there are images to validate on.

    Raises:
        ValueError: If there is no such metric, or it is not known in which direction
            it gets better.
    """
    name = settings.monitor or ("val_loss" if validated else "loss")
    monitor = Monitor(name, 1)
    if monitor.of_validation and not validated:
        raise ValueError(
            f"`monitor` is {shown(name)}, but there is no `validation`. Give images to "
            f"validate on, or use {shown(monitor.bare_name)}."
        )
    metrics = _metrics_by_name(model)
    if compiled_here(model) and monitor.bare_name not in ("loss", *metrics):
        known = ["loss", *metrics]
        known += [f"val_{one}" for one in known] if validated else []
        raise ValueError(
            f"`monitor` must be one of {shown(known)}, not {shown(name)}."
            f"{nearest(name, known)}"
        )
    mode = settings.mode
    if mode == "auto":
        mode = _direction(monitor.bare_name, metrics.get(monitor.bare_name))
    if mode is None:
        raise ValueError(
            f"`monitor` is {shown(name)}, and it is not known whether higher or lower "
            'values are better. Use `mode="max"` or `mode="min"`.'
        )
    return Monitor(name, _MODES[mode])


def _direction(name, metric):
    """Return `"min"` or `"max"`, what is better of a metric, or None."""
    said = {"up": "max", "down": "min"}.get(metric_direction(metric))
    if said:
        return said
    for mode, ends in {"max": _HIGHER, "min": _LOWER}.items():
        if any(name == end or name.endswith(f"_{end}") for end in ends):
            return mode
    return None


def _metrics_by_name(model):
    """Return the metric objects that a model is compiled with, by their names."""
    given = compiled_as_given(model)["metrics"] or []
    given = given if isinstance(given, (list, tuple)) else [given]
    return {one.name: one for one in given if hasattr(one, "name")}
