"""Progress over folds."""

from reticnn.training.callbacks.epoch_progress import as_progress, in_reading_order

_POSITION = ("epoch", "epochs", "step", "steps", "done", "device", "note")


class FoldProgress:
    """What is reported of the training of each fold."""

    def __init__(self, progress):
        """Take the progress that the user wants, as in `fit_classifier`."""
        self._how = as_progress(progress)
        self.folds = None

    def of_fold(self, number):
        """Return the `progress` of `fit_classifier` for a fold, counted from 1.

        Where lines are printed, this prints which fold begins.
        """
        if callable(self._how):
            return lambda state: self._how(self._of_fold(number, state))
        if self._how != "none":
            print(f"Fold {number} of {self.folds}")
        return self._how

    def tell(self, number, state):
        """Report how far a fold is that is trained elsewhere, beside others."""
        if callable(self._how):
            self._how(self._of_fold(number, state))
        elif self._how != "none" and state["done"]:
            names = in_reading_order(state.keys() - set(_POSITION))
            metrics = ", ".join(f"{name}: {state[name]:.4f}" for name in names)
            print(
                f"Fold {number} of {self.folds}, epoch {state['epoch']}/"
                f"{state['epochs']}: {metrics}",
                flush=True,
            )

    def _of_fold(self, number, state):
        note = "\n".join(
            filter(None, [f"Fold {number} of {self.folds}", state.get("note")])
        )
        return {**state, "fold": number, "folds": self.folds, "note": note}
