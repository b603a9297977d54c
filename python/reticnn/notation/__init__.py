"""Values and code in messages, in the notation of whoever reads them.

Messages are written for Python: a value comes from `shown`, and code stands in
backticks. For a call from R, the relay switches to R's notation: values are then
written as R does, and `translated` writes what stands in backticks as R's code.
"""

from reticnn.notation.r_notation import RNotation
from reticnn.notation.showing import (
    R_MISSING_INTEGER,
    first_position,
    in_words,
    installing,
    is_visible,
    shown,
    shown_kind,
    shown_positions,
    translated,
    visible,
    visible_lines,
    written_in,
)

__all__ = [
    "R_MISSING_INTEGER",
    "RNotation",
    "first_position",
    "in_words",
    "installing",
    "is_visible",
    "shown",
    "shown_kind",
    "shown_positions",
    "translated",
    "visible",
    "visible_lines",
    "written_in",
]
