"""Tables of predictions, compared."""

import numpy as np


def same(have, want):
    """Assert that two tables are the same, their numbers to 1e-5."""
    assert list(have) == list(want)
    for name, column in want.items():
        if isinstance(column[0], float):
            np.testing.assert_allclose(have[name], column, atol=1e-5)
        else:
            assert have[name] == column
