"""The search: one trial after the other, until there are enough."""

import math
import time

from reticnn.coercion import printable
from reticnn.runtime.stopping import note_taken
from reticnn.tuning.judging import LeakError
from reticnn.tuning.places import FACTS, SURPLUS, Workers, counting, place_of
from reticnn.tuning.samplers import seed_of_trial
from reticnn.tuning.storing import optuna_here
from reticnn.tuning.trying import PrunedError

FAILURES_IN_A_ROW = 10

# How often to look whether the trials of other workers are done.
_SECONDS_BETWEEN_LOOKS = 0.5


class Search:
    """Trials of a study, as many as there are to be in all.

    Attributes:
        stopped: `"interrupted"`, `"minutes"` or `"failures"` if it came to an early
            end, else None.
    """

    def __init__(self, study, space, try_out, seed, total, end, report):
        """Take what the search is of.

        Args:
            study: Optuna study, with its sampler and pruner.
            space: `SearchSpace`.
            try_out: Function of values, a seed, and a function to report epochs to or
                None; it returns a `Tried`.
            seed: Whole number.
            total: Whole number of trials in all, or infinity.
            end: When to begin no more trials, by the clock of `time.monotonic`, or
                infinity.
            report: Function to call with each trial that is done.
        """
        optuna = optuna_here()
        self.stopped = None
        self._states = optuna.trial.TrialState
        self._optuna, self._study, self._space = optuna, study, space
        self._try_out, self._seed, self._total = try_out, seed, total
        self._end, self._report = end, report
        self._workers = Workers(study)
        self._prunes = not isinstance(study.pruner, optuna.pruners.NopPruner)

    def run(self):
        """Do trials until there are enough, or the time is up, or it is cut off."""
        failures = 0
        try:
            while self.stopped is None and self._is_unfinished(known := self._trials()):
                found = self._next(known)
                if found is None:
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
                    continue
                state = self._do(*found)
                failures = failures + 1 if state == self._states.FAIL else 0
                if failures == FAILURES_IN_A_ROW:
                    self.stopped = "failures"
        except KeyboardInterrupt:
            note_taken()
            self.stopped = "interrupted"

    def _is_unfinished(self, known):
        """Return whether there is a trial to do or to wait for, in time."""
        done = sum(trial.state.is_finished() for trial in counting(known))
        if done >= self._total:
            return False
        if time.monotonic() >= self._end:
            self.stopped = "minutes"
            return False
        return True

    def _trials(self):
        return self._study.get_trials(deepcopy=False)

    def _next(self, known):
        """Return a trial to do and its place, or None where others do all.

        Args:
            known: List of all records, as they have just been read.
        """
        # A database takes its time for each look.
        if self._workers.recover(known, self._states.RUNNING):
            known = self._trials()
        known = counting(known)
        waiting = any(trial.state == self._states.WAITING for trial in known)
        if len(known) >= self._total and not waiting:
            return None
        trial = self._study.ask()
        # Others may have begun some at the same moment.
        known = self._trials()
        own = next(one for one in known if one.number == trial.number)
        place = place_of(own, known)
        if place < self._total and any(o.number == own.number for o in counting(known)):
            return trial, place
        trial.set_user_attr(SURPLUS, True)
        self._study.tell(trial, state=self._states.FAIL)
        return None

    def _do(self, trial, place):
        """Do a trial, and return its state."""
        try:
            with self._workers.at_work(trial, place):
                start = time.monotonic()
                state, values, facts = self._outcome(trial, place)
                facts["seconds"] = round(time.monotonic() - start, 3)
                trial.set_user_attr(FACTS, facts)
                self._finish(trial, values, state)
        except BaseException:
            known = self._trials()
            self._workers.give_up(known[trial.number], known)
            raise
        self._report(self._trials()[trial.number])
        return state

    def _outcome(self, trial, place):
        """Return the state, the values and the facts that a trial comes to."""
        seed = seed_of_trial(self._seed, place)
        facts = {"seed": seed}
        trained = 0

        def report(step, value, epochs):
            nonlocal trained
            trained = epochs
            # Optuna takes NaN for better than nothing, and the end comes by itself.
            if math.isfinite(value):
                trial.report(value, step)
                if trial.should_prune():
                    raise PrunedError

        try:
            labels = self._space.suggested(
                lambda name, setting: setting.suggested(trial, name)
            )
            tried = self._try_out(
                self._space.values(labels), seed, report if self._prunes else None
            )
        except PrunedError:
            return self._states.PRUNED, None, {**facts, "epochs": trained}
        except LeakError:
            raise
        except Exception as error:
            text = printable(f"{type(error).__name__}: {error}")
            return self._states.FAIL, None, {**facts, "error": text}
        if tried.values is None:
            facts["error"] = "The loss became NaN."
            return self._states.PRUNED, None, {**facts, **tried.facts}
        return self._states.COMPLETE, tried.values, {**facts, **tried.facts}

    def _finish(self, trial, values, state):
        """Write down what a trial has come to, unless somebody else has done so."""
        try:
            self._study.tell(trial, values, state)
        except ValueError:
            kept = self._trials()[trial.number]
            if not kept.state.is_finished():
                raise
