"""What a folder of checkpoints knows of the folds that it is for."""

import json
import os

from reticnn.coercion import as_seed
from reticnn.notation import shown
from reticnn.runtime.conditions import CheckpointError
from reticnn.runtime.randomness import DrawnSeed
from reticnn.runtime.writing import reason_of, replacing, unwritten

_FILE = "reticnn-folds.json"
_FORMAT = 1


class FoldRecord:
    """The seed and the folds of a cross-validation, in its folder or not kept."""

    def __init__(self, folder):
        """Read what is there.

        Args:
            folder: Folder, or None.

        Raises:
            CheckpointError: If it cannot be read.
        """
        self._path = folder and os.path.join(folder, _FILE)
        self._there = None
        if folder and os.path.lexists(self._path):
            self._there = _read(self._path)

    def seed(self, given):
        """Return the seed of the folds: that of the run that goes on, or a new one.

        Args:
            given: Whole number, `DrawnSeed` or None.

        Raises:
            CheckpointError: If the run that is there has another seed.
        """
        drawn = given.number if isinstance(given, DrawnSeed) else given
        if self._there is None:
            return as_seed(drawn)
        there = self._there["seed"]
        if drawn is given is not None and as_seed(given) != there:
            raise self._other(f"seed: there {there}, here {shown(given)}")
        return there

    def keep(self, seed, folds):
        """Note the folds, or compare them with those that are there.

        Raises:
            CheckpointError: If these are others.
            OSError: If they cannot be written.
        """
        own = {
            "format": _FORMAT,
            "seed": seed,
            "folds": [[fold.repeat, fold.fold, fold.images] for fold in folds],
        }
        if self._there is not None:
            if self._there["folds"] != own["folds"]:
                raise self._other("other folds, or folds of other images")
        elif self._path:
            say = unwritten(self._path, "checkpoint_dir")
            with replacing(self._path, say) as whole, open(whole, "w") as file:
                json.dump(own, file)

    def _other(self, problem):
        return CheckpointError(
            f"`checkpoint_dir` has another cross-validation, {self._path!r}: "
            f"{problem}. Use another folder, or delete what is in this one."
        )


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        if record["format"] > _FORMAT:
            raise ValueError("it comes from a newer reticnn")
        return {"seed": as_seed(record["seed"]), "folds": record["folds"]}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"`checkpoint_dir` has a list of folds that cannot be used "
            f"({reason_of(error)}): {path!r}. Use another folder, or delete what is in "
            "this one."
        ) from error
