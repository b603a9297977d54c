"""Work in other threads that ends soon after whoever waits for it is told to stop.

Ctrl-C is heard between two steps of Python in the main thread. In R it is heard in no
other place, as R takes the signal itself: not while the thread waits for another. So it
waits for short times, again and again; and where it stops waiting, it tells the threads
so, which look for that between two pieces of their work.
"""

import contextlib
import threading
from concurrent.futures import wait

# The longest time in which nothing is heard.
_SECONDS = 0.05

# Work that has been told to stop ends within this time, or is not waited for.
_LAST_SECONDS = 0.5

_own = threading.local()


class StoppedError(BaseException):
    """Work is of no use any more. No error that is caught on the way to its end."""


def check_wanted():
    """Raise in a thread whose work is of no use any more.

    Raises:
        StoppedError: There. Nothing happens in the main thread, or any of the user's.
    """
    stopped = getattr(_own, "stopped", None)
    if stopped is not None and stopped.is_set():
        raise StoppedError


def result_of(future):
    """Return the result of work in another thread, once it is there."""
    while not future.done():
        wait([future], _SECONDS)
        check_wanted()
    return future.result()


@contextlib.contextmanager
def work_in(pool):
    """Have work done in a pool's threads, of which none goes on after the block.

    Args:
        pool: `ThreadPoolExecutor`.

    Yields:
        Function that starts the work of calling a function with arguments, and returns
        a future for `result_of`.
    """
    stopped = threading.Event()
    begun = set()

    def do(function, args):
        _own.stopped = stopped
        try:
            check_wanted()
            return function(*args)
        finally:
            _own.stopped = None

    def start(function, *args):
        begun.difference_update([future for future in begun if future.done()])
        future = pool.submit(do, function, args)
        begun.add(future)
        return future

    try:
        yield start
    finally:
        stopped.set()
        for future in begun:
            future.cancel()
        _wait_for_the_last(begun)


def _wait_for_the_last(futures):
    left = _LAST_SECONDS
    while left > 0 and not all(future.done() for future in futures):
        wait(futures, _SECONDS)
        left -= _SECONDS


def results_in(pool, function, items):
    """Return the list of what a function gives for each item, called in a pool."""
    with work_in(pool) as start:
        return [
            result_of(future) for future in [start(function, item) for item in items]
        ]
