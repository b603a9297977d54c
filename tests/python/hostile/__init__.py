"""Files that a stranger may send in place of a classifier or of weights.

`kinds()` has them by name. Each is made of an honest file, one of whose parts is
changed: `archives` changes how the parts are packed, `configs` what the model is made
of, `arrays` its weights, and `records` what is said of the classifier. None of them
does harm if it is loaded all the same, but for files that it writes into a folder of
its own, and the memory that it takes.
"""

from hostile.honest import Honest
from hostile.kind import Kind

__all__ = ["Honest", "Kind", "kinds"]


def kinds():
    """Return all `Kind`s by their names."""
    from hostile import archives, arrays, configs, records

    made = {}
    for module in (records, archives, configs, arrays):
        for kind in module.kinds():
            assert kind.name not in made, kind.name
            made[kind.name] = kind
    return made
