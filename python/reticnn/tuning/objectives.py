"""What trials are judged by: measures of an evaluation, and the size of the model."""

import re

from reticnn.coercion import as_strings, nearest, shown

_LOWER_IS_BETTER = {"loss", "log_loss", "brier_score", "calibration_error", "mean_cost"}
_HIGHER_IS_BETTER = {
    "accuracy",
    "balanced_accuracy",
    "kappa",
    "mcc",
    "roc_auc",
    "pr_auc",
}
_PARAMETERS = "parameters"
_TOP_K = re.compile(r"top_(\d+)_accuracy")


class Objectives:
    """One measure or several, each with its direction.

    Attributes:
        names: List of measures.
        directions: List of `"minimize"` or `"maximize"`.
        top_k: The numbers k of top-k accuracies among them, or None.
    """

    def __init__(self, names):
        """Check names of measures.

        Raises:
            ValueError: If one is not known, or is named twice.
        """
        names = as_strings(names, "objective") or []
        known = {*_LOWER_IS_BETTER, *_HIGHER_IS_BETTER, _PARAMETERS}
        for name in names:
            if name not in known and not _TOP_K.fullmatch(name):
                raise ValueError(
                    "`objective` must be measures of `evaluate_classifier()`, or "
                    f"{shown(_PARAMETERS)}, not {shown(name)}.{nearest(name, known)}"
                )
        if not names or len(set(names)) < len(names):
            raise ValueError(
                f"`objective` must be one or several measures, each named once, not "
                f"{shown(names)}."
            )
        self.names = names
        lower = {*_LOWER_IS_BETTER, _PARAMETERS}
        self.directions = ["minimize" if n in lower else "maximize" for n in names]
        found = [_TOP_K.fullmatch(name) for name in names]
        self.top_k = [int(one[1]) for one in found if one] or None

    def check_costs(self, costs):
        """Raise if there are costs without a use, or a use without costs."""
        if (costs is None) == ("mean_cost" in self.names):
            raise ValueError(
                "`costs` must be given where 'mean_cost' is an `objective`, and only "
                f"there: `objective` is {shown(self.names)}."
            )

    def of(self, scores, model):
        """Return the value of each, from an evaluation and the model."""
        scores = {**scores, _PARAMETERS: model.count_params()}
        return [float(scores[name]) for name in self.names]

    def of_epoch(self, logs):
        """Return how good an epoch is, in the direction of the only measure.

        That is the accuracy or the loss on the validation images, as training has no
        other measure of them.
        """
        if self.names == ["accuracy"] and "val_accuracy" in logs:
            return logs["val_accuracy"]
        loss = logs["val_loss"]
        return loss if self.directions == ["minimize"] else -loss
