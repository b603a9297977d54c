"""JSON whose depth and number of values are bounded."""

import json

_MOST_VALUES = 500_000
_DEEPEST = 250


def read_json(text):
    """Return what JSON says.

    Args:
        text: Bytes, in UTF-8, or a string.

    Raises:
        ValueError: If it is no JSON, or holds too many values, or too many within each
            other.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    # Each value but the first has a comma or an opening bracket before it.
    values = 1 + sum(map(text.count, ",[{"))
    if values > _MOST_VALUES:
        raise ValueError(f"its JSON has up to {values:,} values")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("its JSON is too deep") from None
    if _depth(value) > _DEEPEST:
        raise ValueError(f"its JSON is more than {_DEEPEST} levels deep")
    return value


def _depth(value):
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [item for value in level for item in _items(value)]
    return depth


def _items(value):
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
