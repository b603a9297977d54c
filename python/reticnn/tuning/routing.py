"""Which function a setting goes to: the builder, the training, or the augmentation."""

import inspect

from reticnn import augmentation, fit_classifier
from reticnn.coercion import nearest, shown
from reticnn.runtime.backend import keras
from reticnn.runtime.keras_internals import new_like

_AUGMENTATION = "augmentation."

# Of `fit_classifier`, the search gives these itself, or they would undo it.
_OWN = {
    "model": "`build` makes it",
    "data": "it is given once",
    "validation": "it is that of the search",
    "seed": "each trial has its own",
    "progress": "it is that of the search",
    "checkpoint_dir": "trials are kept in `study`",
    "fresh": "each trial has a new model",
}


class Routes:
    """Where settings go, checked by name.

    Attributes:
        settled: Dict of arguments of `fit_classifier` that are the same in all trials.
    """

    def __init__(self, build, names, settled):
        """Check all names.

        Args:
            build: Function that makes a model.
            names: Names of the settings that are searched.
            settled: Dict of what is the same in all trials.

        Raises:
            TypeError: If `build` is not a function.
            ValueError: If a name is of no function or of two.
        """
        self._of_build, self._takes_any, needed = _arguments_of(build)
        self._of_training = _names_of(fit_classifier)
        self._of_augmentation = _names_of(augmentation)
        for name in settled:
            if name not in self._of_training:
                raise ValueError(
                    f"`{name}` is not an argument of `tune_classifier()` or "
                    f"`fit_classifier()`.{nearest(name, self._of_training)}"
                )
            self._check_not_own(name)
        self.settled = settled
        for name in names:
            self._check(name)
        if "augmentation" in {*names, *settled} and any(
            name.startswith(_AUGMENTATION) for name in names
        ):
            raise ValueError(
                "`augmentation` is given besides settings of it, such as "
                f"'{_AUGMENTATION}rotation' in `space`. Leave one of them out."
            )
        for name in needed:
            if name not in names:
                raise ValueError(
                    f"`build` needs `{name}`, which is not in `space`. Put it there, "
                    "as a single value if it is to be the same in all trials."
                )

    def routed(self, values):
        """Return the arguments of the builder and those of the training.

        Args:
            values: Dict of the values of a trial by name.
        """
        of_build, of_training, operations = {}, dict(self.settled), {}
        for name, value in values.items():
            if name.startswith(_AUGMENTATION):
                operations[name.removeprefix(_AUGMENTATION)] = value
            elif name in self._of_training:
                of_training[name] = value
            else:
                of_build[name] = value
        if operations:
            of_training["augmentation"] = augmentation(**operations)
        optimizer = of_training.get("optimizer")
        if isinstance(optimizer, keras.optimizers.Optimizer):
            # It keeps what it learns from the model that it is used for.
            of_training["optimizer"] = new_like(optimizer)
        return of_build, of_training

    def _check(self, name):
        """Raise if a name of the space is of no function or of two."""
        in_training = name in self._of_training
        if name in self.settled:
            raise ValueError(
                f"`{name}` is in `space`, and given as an argument too. Leave one of "
                "them out."
            )
        if name.startswith(_AUGMENTATION):
            operation = name.removeprefix(_AUGMENTATION)
            if operation not in self._of_augmentation:
                raise ValueError(
                    f"`space` has '{name}', and `augmentation()` has no "
                    f"`{operation}`.{nearest(operation, self._of_augmentation)}"
                )
        elif name in self._of_build and in_training:
            raise ValueError(
                f"`space` has '{name}', which is an argument of `build` and of "
                "`fit_classifier()`: it is unclear which is meant. Give the argument "
                "of `build` another name."
            )
        elif in_training:
            self._check_not_own(name)
        elif name not in self._of_build and not self._takes_any:
            known = [*self._of_build, *self._of_training]
            raise ValueError(
                f"`space` has '{name}', which is an argument neither of `build`, whose "
                f"arguments are {shown(tuple(self._of_build))}, nor of "
                f"`fit_classifier()`.{nearest(name, known)}"
            )

    def _check_not_own(self, name):
        if name in _OWN:
            raise ValueError(
                f"`{name}` of `fit_classifier()` cannot be chosen here: {_OWN[name]}."
            )


def _names_of(function):
    return list(inspect.signature(function).parameters)


def _arguments_of(build):
    """Return the names of a builder's arguments, whether it takes any, and the needed.

    Raises:
        TypeError: If it is not a function, or takes arguments without names.
    """
    if not callable(build) or isinstance(build, type):
        raise TypeError(
            "`build` must be a function that makes a new Keras model, with the "
            f"settings in `space` as its arguments, not {shown(build)}."
        )
    try:
        parameters = inspect.signature(build).parameters.values()
    except ValueError:  # Of functions in C, it is not always known.
        return [], True, []
    by_name = [
        p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
    if positional:
        raise TypeError(
            f"`build` takes `{positional[0]}` by position only, and settings have "
            "names."
        )
    needed = [p.name for p in by_name if p.default is p.empty]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return [p.name for p in by_name], takes_any, needed
