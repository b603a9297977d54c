"""How the settings of the next trial are chosen, and which trials end early."""

from functools import partial

from reticnn.coercion import as_choice, shown
from reticnn.runtime.randomness import generator
from reticnn.tuning.places import place_of

SAMPLERS = ("tpe", "random", "grid", "cmaes")
PRUNERS = ("median", "hyperband")

# Streams of random numbers, one for each purpose.
_OF_SAMPLER, _OF_TRIAL, _OF_GRID = range(3)

# So many trials are drawn at random before TPE learns from them, and before a median is
# one.
_RANDOM_TRIALS, _TRIALS_OF_A_MEDIAN = 5, 5
# No trial ends before this epoch, or this fold, which is the same for all.
_FIRST_EPOCH, _FIRST_FOLD = 3, 1


def seed_of_trial(seed, place):
    """Return the seed that a trial is trained with."""
    return int(generator(seed, _OF_TRIAL, place).integers(2**31))


def sampler_for(optuna, name, space, seed, study):
    """Return what draws the settings of trials, each from a seed of its own.

    Args:
        optuna: The package.
        name: One of `SAMPLERS`.
        space: `SearchSpace`.
        seed: Whole number.
        study: Optuna study.
    """
    name = as_choice(name, "sampler", SAMPLERS)
    if name == "grid":
        return Grid(optuna, space, seed, study)
    makers = {
        "tpe": partial(
            optuna.samplers.TPESampler,
            n_startup_trials=_RANDOM_TRIALS,
            multivariate=True,
            group=True,
            constant_liar=True,
            warn_independent_sampling=False,
        ),
        "random": optuna.samplers.RandomSampler,
        "cmaes": partial(optuna.samplers.CmaEsSampler, warn_independent_sampling=False),
    }
    return Seeded(makers[name], seed, study)


def pruner_for(optuna, name, objectives, epochs, by_fold):
    """Return what ends trials early, by the name of the way or None.

    Args:
        optuna: The package.
        name: One of `PRUNERS`, or None.
        objectives: `Objectives`.
        epochs: Whole number of epochs of a trial, or None if they differ.
        by_fold: Whether trials may end after folds, and not after epochs.

    Raises:
        ValueError: If there are several objectives, or the name is of no way.
    """
    if name is None:
        return optuna.pruners.NopPruner()
    if len(objectives.names) > 1:
        raise ValueError(
            f"`pruning` is {shown(name)}, and there are several objectives, by which "
            "no trial can be called worse early on. Leave it out, or give one "
            "`objective`."
        )
    if as_choice(name, "pruning", PRUNERS) == "median":
        first = _FIRST_FOLD if by_fold else _FIRST_EPOCH
        return optuna.pruners.MedianPruner(_TRIALS_OF_A_MEDIAN, first)
    steps = None if by_fold else epochs
    return optuna.pruners.HyperbandPruner(1, steps or "auto")


class _Placed:
    """A sampler that knows the place of the trial that it draws for."""

    def __init__(self, seed, study):
        self._seed, self._study = seed, study

    def _place(self, trial):
        return place_of(trial, self._study.get_trials(deepcopy=False))


class Seeded(_Placed):
    """One of Optuna's samplers, made anew for each trial.

    What it draws hangs on the seed, the place of the trial and the trials before it,
    never on what this process has drawn before.
    """

    def __init__(self, make, seed, study):
        """Take what makes a sampler from a seed."""
        super().__init__(seed, study)
        self._make = make
        self._inner = make(seed=0)

    def before_trial(self, study, trial):
        """Make the sampler for a trial."""
        place = self._place(trial)
        drawn = generator(self._seed, _OF_SAMPLER, place).integers(2**31)
        self._inner = self._make(seed=int(drawn))
        self._inner.before_trial(study, trial)

    def __getattr__(self, name):
        """Do everything else as Optuna's own does."""
        return getattr(self._inner, name)


class Grid(_Placed):
    """All combinations of a space, each in one place, in random order."""

    def __init__(self, optuna, space, seed, study):
        """Write the combinations down."""
        super().__init__(seed, study)
        grid = space.grid()
        order = generator(seed, _OF_GRID).permutation(len(grid))
        self._grid = [grid[number] for number in order]
        self._distributions = {
            name: setting.distribution(optuna)
            for name, setting in space.settings.items()
        }

    def __len__(self):
        """Return the number of combinations."""
        return len(self._grid)

    def before_trial(self, study, trial):
        """Look up the combination in the place of the trial."""
        # Others than there are places for are given back: any will do.
        place = self._place(trial)
        self._labels = self._grid[min(place, len(self._grid) - 1)]

    def infer_relative_search_space(self, study, trial):
        """Return what is drawn at once: everything that matters."""
        return {name: self._distributions[name] for name in self._labels}

    def sample_relative(self, study, trial, search_space):
        """Return the combination."""
        return self._labels

    def after_trial(self, study, trial, state, values):
        """Keep nothing."""
