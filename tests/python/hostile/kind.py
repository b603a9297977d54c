"""One kind of hostile file."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of hostile file.

    Attributes:
        name: What it is.
        ending: The extension, by which it is read as one thing or the other.
        make: Function of an `Honest` and of a folder, in which code that the file
            brings would write, to the bytes of the file.
        said: What the error must say, besides the argument and the file.
        large: Whether making it takes long or much memory.
    """

    name: str
    ending: str
    make: Callable
    said: str = ""
    large: bool = False
