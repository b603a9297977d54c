"""What plots are given."""

from reticnn.coercion import shown


def check_table(value, name, maker, keys):
    """Raise if a value is not what a function returns: a dict with these keys."""
    if not isinstance(value, dict) or not all(key in value for key in keys):
        raise TypeError(
            f"`{name}` must be the result of `{maker}()`, not {shown(value)}."
        )
