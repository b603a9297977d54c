"""Relations that hold in every combination, and the search for one where they do not.

`choices` has what can be combined, and which levels do not go together; `models` and
`images` make it; `keras_loop` is the oracle, plain Keras; `laws` are the relations;
`refusals` has what may be refused; `search` draws combinations so that every pair of
levels occurs, checks them, and makes a failing one small.
"""

from .choices import Case
from .search import check, draw_cases, faults_of, simplest

__all__ = ["Case", "check", "draw_cases", "faults_of", "simplest"]
