"""How much more than its own size a file from a stranger may take, and may say."""

from reticnn.notation import visible

# Above what is in the file: in bytes, for all that is read from it together.
ROOM = 64 * 2**20

# What is compressed may be so many times as large, beyond that: weights of which most
# are zero are, and bombs are hundreds of times.
MOST_TIMES = 10

_MOST_CHARACTERS = 500


def in_mib(size):
    """Return a number of bytes as text."""
    return f"{size / 2**20:,.1f} MiB"


def in_short(error):
    """Return what an error says, which may be as long as a file, as a line to show."""
    text = " ".join(str(error)[: 10 * _MOST_CHARACTERS].split())
    return visible(text[:_MOST_CHARACTERS] + "..." * (len(text) > _MOST_CHARACTERS))
