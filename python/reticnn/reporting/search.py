"""The section of a report on the search that chose the settings."""

import math

from reticnn.reporting import svg as charts
from reticnn.reporting.markup import Number, counted, joined, pairs, table, tag


def search(classifier):
    """Return what the search was, or None if the classifier comes from none."""
    found = classifier.search
    if found is None:
        return None
    states = ", ".join(f"{count:,} {state}" for state, count in found["states"].items())
    number = sum(found["states"].values())
    facts = pairs(
        [
            ("Trials", f"{number:,}: {states}"),
            *((name, _setting(value)) for name, value in found["settings"].items()),
        ]
    )
    figures = [
        _history(found, name, direction)
        for name, direction in zip(
            found["objectives"], found["directions"], strict=True
        )
    ]
    return joined(
        [
            tag(
                "p",
                f"The settings are those of trial {found['trial']:,} of "
                f"{counted(number, 'trial')} of a search. The images used to choose it "
                "make it look a little better than it is.",
            ),
            facts,
            tag("div", *figures, class_="side-by-side"),
            _importance(found["importance"], len(figures) > 1),
        ]
    )


def _setting(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _history(found, name, direction):
    """Return the chart of an objective by trial, with the best until then."""
    trials, values = found["history"]["trial"], found["history"][name]
    if not trials:
        return None
    better = min if direction == "minimize" else max
    best = [better(values[: end + 1]) for end in range(len(values))]
    title = name.replace("_", " ").capitalize()
    keys = [
        tag("span", tag("i", class_=f"key {kind}"), text, class_="legend")
        for kind, text in (("training", "trial"), ("validation", "best until then"))
    ]
    return tag(
        "figure",
        tag("figcaption", tag("b", title), *keys),
        charts.search_chart(f"{title} by trial", trials, values, best),
        tag("output"),
    )


def _importance(importance, several):
    """Return the table of how much each setting matters, or None if nobody knows."""
    rows = [
        (*([objective.replace("_", " ")] * several), setting, Number(value, 2))
        for objective, setting, value in zip(
            *(importance[name] for name in ("objective", "setting", "importance")),
            strict=True,
        )
        if not math.isnan(value)
    ]
    if not rows:
        return None
    columns = (*(["Objective"] * several), "Setting", "Importance")
    return table(
        "Share of the variation between trials that each setting explains (fANOVA)",
        columns,
        rows,
    )
