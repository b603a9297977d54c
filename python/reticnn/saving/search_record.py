"""What a saved file says of the search that the settings of a classifier come from."""

_PARTS = {
    "trial",
    "states",
    "objectives",
    "directions",
    "settings",
    "history",
    "importance",
}
_STATES = {"complete", "pruned", "failed"}
_DIRECTIONS = {"minimize", "maximize"}
_IMPORTANCE = {"objective", "setting", "importance"}

# What a report draws has its limits.
_MOST_TRIALS = 1_000_000
_LARGEST = 1e300


def is_search(value, record):
    """Return whether a value says what `refit()` keeps of a search."""
    if not isinstance(value, dict) or set(value) != _PARTS:
        return False
    objectives = value["objectives"]
    return (
        _is_count(value["trial"])
        and _are_texts(objectives)
        and isinstance(value["states"], dict)
        and set(value["states"]) <= _STATES
        and all(map(_is_count, value["states"].values()))
        and _are_texts(value["directions"])
        and len(value["directions"]) == len(objectives)
        and set(value["directions"]) <= _DIRECTIONS
        and isinstance(value["settings"], dict)
        and all(map(_is_plain, value["settings"].values()))
        and _is_table(value["history"], {"trial", *objectives})
        and all(map(_is_count, value["history"]["trial"]))
        and all(map(_are_finite, map(value["history"].get, objectives)))
        and _is_table(value["importance"], _IMPORTANCE)
        and _are_texts(value["importance"]["objective"])
        and _are_texts(value["importance"]["setting"])
        and _are_numbers(value["importance"]["importance"])
    )


def _is_count(value):
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and 0 < value <= _MOST_TRIALS


def _are_texts(value):
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_plain(value):
    return value is None or isinstance(value, (bool, int, float, str))


def _are_numbers(column):
    return all(
        isinstance(value, (int, float)) and not isinstance(value, bool)
        for value in column
    )


def _are_finite(column):
    return _are_numbers(column) and all(abs(value) < _LARGEST for value in column)


def _is_table(value, names):
    """Return whether a value is a dict of lists of one length by these names."""
    return (
        isinstance(value, dict)
        and set(value) == names
        and all(isinstance(column, list) for column in value.values())
        and len(set(map(len, value.values()))) == 1
    )
