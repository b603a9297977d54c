"""Which trials of a study count, and who is at work on them.

A trial whose worker is gone is done again, by the same settings and the same seed: a
new record takes its place. So trials have places, counted from 0, besides the numbers
that the storage gives to records.
"""

import os
import platform
import threading
import time
import uuid
from contextlib import contextmanager, suppress

from reticnn.runtime.locks import lives
from reticnn.runtime.stopping import done_in_full

# What is kept with a record, each written at once: a database takes its time for it.
# `WORKER` has the place too; `PLACE` is that of a record that is to be done again.
PLACE, RETRY, SURPLUS, WORKER, BEAT = "place", "retry_of", "surplus", "worker", "beat"
FACTS = "facts"

# A worker elsewhere shows that it is at work; if it has not for so long, it is gone.
_SECONDS_BETWEEN_BEATS = 30
_SECONDS_OF_SILENCE = 300
# The same for one that has begun a record, and not yet said who it is.
_SECONDS_TO_SAY = 30

# The records that this process is at work on.
_at_work = set()


def counting(trials):
    """Return the records that count: the latest of each place, and none too many."""
    first_retry = {}
    for trial in sorted(trials, key=lambda one: one.number):
        origin = trial.user_attrs.get(RETRY)
        if origin is not None:
            first_retry.setdefault(origin, trial.number)
    return [
        trial
        for trial in trials
        if trial.number not in first_retry
        and not trial.user_attrs.get(SURPLUS)
        and first_retry.get(trial.user_attrs.get(RETRY), trial.number) == trial.number
    ]


def place_of(trial, trials):
    """Return the place of a record among all."""
    place = kept_place(trial)
    if place is None:
        place = sum(one.number < trial.number for one in counting(trials))
    return place


def kept_place(trial):
    """Return the place of a record as it was written down, or None."""
    attributes = trial.user_attrs
    return attributes.get(WORKER, {}).get(PLACE, attributes.get(PLACE))


class Workers:
    """Sees to it that records whose workers are gone are done again."""

    def __init__(self, study):
        """Take an Optuna study."""
        self._study = study
        self._seen = {}

    @contextmanager
    def at_work(self, trial, place):
        """Say that this process is at work on a record in a place, in the block."""
        token = uuid.uuid4().hex
        _at_work.add(token)
        ended = threading.Event()
        try:
            worker = {
                PLACE: place,
                "host": platform.node(),
                "process": os.getpid(),
                "began": _began(os.getpid()),
                "token": token,
            }
            trial.set_user_attr(WORKER, worker)
            thread = threading.Thread(
                target=self._beat, args=(trial, ended), daemon=True
            )
            thread.start()
            yield
        finally:
            ended.set()
            _at_work.discard(token)

    def _beat(self, trial, ended):
        beats = 0
        while not ended.wait(_SECONDS_BETWEEN_BEATS):
            beats += 1
            # A storage that is away for a while is no reason to end the training.
            with suppress(Exception):
                trial.set_user_attr(BEAT, beats)

    def recover(self, trials, running):
        """Have those done again whose workers are gone.

        Args:
            trials: List of all records.
            running: Optuna's state of records that are at work.

        Returns:
            Whether there are any.
        """
        gone = [
            trial
            for trial in counting(trials)
            if trial.state == running and self._is_gone(trial)
        ]
        for trial in gone:
            self.give_up(trial, trials)
        return bool(gone)

    def give_up(self, trial, trials):
        """Have a record done again by whoever comes next, with the same settings."""
        place = place_of(trial, trials)

        def put_back():
            known = self._study.get_trials(deepcopy=False)
            if not any(t.user_attrs.get(RETRY) == trial.number for t in known):
                self._study.enqueue_trial(
                    trial.params, user_attrs={RETRY: trial.number, PLACE: place}
                )
            with suppress(Exception):  # Another has done so.
                self._study.tell(trial.number, state=_failed())

        done_in_full(put_back)

    def _is_gone(self, trial):
        worker = trial.user_attrs.get(WORKER)
        if worker is None:
            return self._has_not_changed(trial.number, None, _SECONDS_TO_SAY)
        if worker["host"] == platform.node():
            process = worker["process"]
            if process == os.getpid():
                return worker["token"] not in _at_work
            return not lives(process) or _began(process) != worker["began"]
        beat = trial.user_attrs.get(BEAT, 0)
        return self._has_not_changed(trial.number, beat, _SECONDS_OF_SILENCE)

    def _has_not_changed(self, number, beat, seconds):
        """Return whether a record has been the same for some time, by our own clock."""
        before, since = self._seen.get(number, (beat, None))
        if since is None or before != beat:
            self._seen[number] = beat, time.monotonic()
            return False
        return time.monotonic() - since > seconds


def _failed():
    from optuna.trial import TrialState

    return TrialState.FAIL


def _began(process):
    """Return when a process began, as its system counts it, or None."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return None
