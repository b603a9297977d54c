"""Drawing of cases, checking, and simplifying those that fail."""

import random
import time
import warnings
from dataclasses import dataclass, fields, replace

from . import laws
from .choices import (
    CHOICES,
    Case,
    broken_rules,
    fits,
    fits_together,
    pair_of,
    pairs_of,
    possible_pairs,
)
from .refusals import may_be_refused


@dataclass(frozen=True)
class Fault:
    """A case that breaks a relation, and how."""

    case: Case
    relation: str
    error: Exception

    def __str__(self):
        """Return code to paste, and what is wrong."""
        lines = [line for line in str(self.error).splitlines() if line.strip()]
        return (
            f"from relations import *\n"
            f"check({self.case!r}, {self.relation!r})\n"
            f"# {type(self.error).__name__}: " + "\n#   ".join(lines[:12])
        )


# Drawing

# Of so many rows, each begun from a pair that is left, the best is taken.
_CANDIDATES = 5


def draw_cases(seed, choices=CHOICES):
    """Return cases in which every pair of levels occurs that can occur.

    Another seed gives other cases. They are drawn one by one, each with as many new
    pairs as a greedy choice finds (Cohen et al. 1997, "The AETG system").
    """
    rng = random.Random(seed)
    left = dict.fromkeys(possible_pairs(choices))
    drawn = []
    while left:
        pairs = list(left)
        tried = [rng.choice(pairs) for _ in range(_CANDIDATES)]
        rows = [_row(pair, choices, left, rng) for pair in tried]
        if not any(rows):
            # They go together, but nothing of a third choice goes with both.
            left = {pair: None for pair in left if pair not in tried}
            continue
        best = max(filter(None, rows), key=lambda row: len(pairs_of(row) & left.keys()))
        drawn.append(best)
        covered = pairs_of(best)
        left = {pair: None for pair in left if pair not in covered}
    rng.shuffle(drawn)
    return [
        Case(**levels, traced=number % 6 == 0, seed=1 + number)
        for number, levels in enumerate(drawn)
    ]


def _row(pair, choices, left, rng):
    """Return levels that have a pair and many of those that are left, or None."""
    levels = dict(pair)
    names = [name for name in choices if name not in levels]
    for name in rng.sample(names, len(names)):
        fitting = [
            level for level in choices[name] if fits_together(levels, name, level)
        ]
        if not fitting:
            return None
        rng.shuffle(fitting)
        levels[name] = max(
            fitting,
            key=lambda level, name=name: sum(
                pair_of((name, level), other) in left for other in levels.items()
            ),
        )
    return levels


# Checking


def faults_of(case, only=None):
    """Return the faults of a case: the relations that it breaks.

    Args:
        case: Case.
        only: Name of the only relation to check, or None for all.

    Raises:
        ValueError: If levels of the case do not go together, so that there is nothing
            to compare it with.
    """
    broken = broken_rules(vars(case))
    if broken:
        raise ValueError(f"{case!r} is no case: {', '.join(broken)}.")
    run = laws.Run(case)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _checked(run, only)
    finally:
        run.close()


def _checked(run, only):
    try:
        run.classifier  # noqa: B018
    except Exception as error:
        if not may_be_refused(run.case, error):
            return [Fault(run.case, "trains", error)]
        if not _is_untouched(run):
            return [Fault(run.case, "is_refused_before_anything_is_done", error)]
        return []
    found = []
    relations = [*laws.ALWAYS, laws.FURTHER[run.case.further]]
    for relation in relations:
        name = relation.__name__
        if only not in (None, name):
            continue
        try:
            relation(run)
        except Exception as error:
            if not may_be_refused(run.case, error):
                found.append(Fault(run.case, name, error))
    return found


def _is_untouched(run):
    """Return whether a model that was refused is as it was."""
    before, model = run.before, run.fresh
    weights = zip(before.weights, model.get_weights(), strict=True)
    return all((old == new).all() for old, new in weights) and model.compiled == (
        run.case.compiled != "no"
    )


def check(case, relation=None):
    """Raise what is wrong with a case, if anything is."""
    for fault in faults_of(case, relation):
        raise fault.error


# Simplifying


def simplest(fault, seconds=120):
    """Return a fault of the same relation whose case has as much plain as possible."""
    end = time.monotonic() + seconds
    last = None
    while last != fault:
        last = fault
        for case in _plainer(fault.case):
            if time.monotonic() > end:
                return fault
            again = _same_fault(case, fault)
            if again:
                fault = again
                break
    return fault


def _plainer(case):
    """Yield cases with more plain levels: first many at once, then one by one."""
    levels = {field.name: getattr(case, field.name) for field in fields(case)}
    differing = [f.name for f in fields(case) if levels[f.name] != f.default]
    plain = {field.name: field.default for field in fields(case)}
    size = len(differing)
    while size:
        for start in range(0, len(differing), size):
            some = differing[start : start + size]
            changed = {name: plain[name] for name in some}
            if fits({**levels, **changed}):
                yield replace(case, **changed)
        size //= 2


def _same_fault(case, fault):
    for other in faults_of(case):
        same = type(other.error) is type(fault.error)
        if other.relation == fault.relation and same:
            return other
    return None


# Searching


class Search:
    """A search that goes on until its time is over.

    Attributes:
        faults: List of the simplest faults found, each of another kind.
    """

    def __init__(self, say=print):
        """Take a function that is told of progress."""
        self._say = say
        self.cases, self.pairs, self.faults = 0, set(), []
        self._possible = set(possible_pairs())

    def run(self, seconds, seed=1, simplify=120):
        """Check the cases of one seed after the other."""
        start = time.monotonic()
        while time.monotonic() < start + seconds:
            self._say(f"Seed {seed}")
            for case in draw_cases(seed):
                if time.monotonic() > start + seconds:
                    break
                self._check(replace(case, seed=seed * 1000 + case.seed), simplify)
                if self.cases % 25 == 0:
                    self._say(self.progress(time.monotonic() - start))
            seed += 1
        self._say(self.progress(time.monotonic() - start))
        return not self.faults

    def progress(self, seconds):
        """Return a line on how far it is."""
        return (
            f"{self.cases} cases; {len(self.pairs):,} of {len(self._possible):,} "
            f"pairs; {len(self.faults)} faults; {seconds:,.0f} seconds"
        )

    def _check(self, case, simplify):
        self.cases += 1
        levels = {name: getattr(case, name) for name in CHOICES}
        self.pairs |= pairs_of(levels) & self._possible
        for fault in faults_of(case):
            if any(_is_like(fault, found) for found in self.faults):
                continue
            small = simplest(fault, simplify)
            if not any(_is_like(small, found) for found in self.faults):
                self.faults.append(small)
                self._say(f"\n{small}\n")


def _is_like(fault, found):
    """Return whether a fault is one that was found, with more than it takes."""
    return fault.relation == found.relation and all(
        getattr(fault.case, field.name) == getattr(found.case, field.name)
        for field in fields(Case)
        if field.name not in ("seed", "traced")
        and getattr(found.case, field.name) != field.default
    )
