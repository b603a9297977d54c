"""Libraries that read what this package does not, and need not be installed."""

from reticnn.data.refusing import RefusedError


def missing(name, what):
    """Return the error that a library is missing, which a file needs to be read.

    Args:
        name: Its name.
        what: The kind of file, with its article.
    """
    return RefusedError(
        f"is {what}, which needs the Python package {name}: install {name}"
    )
