"""Downloads that fail soon, and say what to do, where there is no network."""

import contextlib
import socket
import threading
import urllib.request

from reticnn.runtime.stopping import end_of
from reticnn.runtime.writing import (
    is_lack_of_permission,
    is_lack_of_room,
    reason_of,
    way_out_of,
)

# The longest silence, once before the download and once within it: below 15 together.
SECONDS = 7


@contextlib.contextmanager
def network(url, fix):
    """Run a download of `url` inside the block, or raise within 15 seconds.

    The operating system alone can wait minutes for a network that drops packets
    instead of refusing them.

    Args:
        url: Address of the file, asked for first.
        fix: What its user can do without a network, for the message.

    Raises:
        ConnectionError: If the address does not answer, or falls silent later.
        OSError: If the file cannot be kept.
    """
    problem = _problem_reaching(url)
    if problem is not None:
        raise ConnectionError(f"{url} cannot be reached ({problem}). {fix}")
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS)
    try:
        yield
    except Exception as error:
        if is_lack_of_room(error) or is_lack_of_permission(error):
            raise OSError(
                f"{url} could not be kept ({reason_of(error)}). {way_out_of(error)}, "
                "or set the environment variable KERAS_HOME, by default '~/.keras', to "
                "a folder that has room and that you may write to."
            ) from error
        # Keras turns what goes wrong while it downloads into plain Exceptions.
        if not isinstance(error, OSError) and type(error) is not Exception:
            raise
        raise ConnectionError(f"{url} broke off ({_reason(error)}). {fix}") from error
    finally:
        socket.setdefaulttimeout(previous)


def _reason(error):
    """Return what is wrong in words, without the names that Python has for it."""
    if isinstance(error, urllib.error.HTTPError):
        return error
    error = getattr(error, "reason", error)
    return getattr(error, "strerror", None) or error


def _problem_reaching(url):
    """Return why `url` does not answer, or None if it does."""
    answer = []

    def ask():
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=SECONDS):
                answer.append(None)
        except Exception as error:
            answer.append(_reason(error))

    # Looking up a host name has no time limit of its own, so a thread has one for it.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    end_of(thread, SECONDS)
    return answer[0] if answer else f"no answer in {SECONDS} seconds"
