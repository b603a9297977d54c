"""Work in other threads that ends soon after whoever waits for it is told to stop.

Ctrl-C is heard between two steps of Python in the main thread. In R it is heard in no
other place, as R takes the signal itself: not while the thread waits for another. So it
waits for short times, again and again; and where it stops waiting, it tells the threads
so, which look for that between two pieces of their work.
"""

import contextlib
import os
import signal
import socket
import threading
import time
from concurrent.futures import Future, wait
from functools import partial
from types import BuiltinFunctionType

# The longest time in which nothing is heard.
_SECONDS = 0.05

# Work that has been told to stop ends within this time, or is not waited for.
_LAST_SECONDS = 0.5

_own = threading.local()

# After this time, Ctrl-C has led to something or was dropped.
_UNWINDING_SECONDS = 0.3

# How often Ctrl-C has been acted on by work that goes on.
_taken = 0

# Where Ctrl-C is written for us to hear it.
_descriptors = set()

# Who listens, the last one where it is written now.
_listeners = []


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


@contextlib.contextmanager
def _wanted_until(stopped):
    """Let what this thread does in the block be wanted until an event is set."""
    before = getattr(_own, "stopped", None)
    _own.stopped = stopped
    try:
        check_wanted()
        yield
    finally:
        _own.stopped = before


def result_of(future):
    """Return the result of work in another thread, once it is there."""
    while not future.done():
        wait([future], _SECONDS)
        check_wanted()
    return future.result()


def end_of(thread, seconds):
    """Wait for the end of a thread, but no longer than some time."""
    end = time.monotonic() + seconds
    while thread.is_alive() and time.monotonic() < end:
        thread.join(_SECONDS)
        check_wanted()


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
        with _wanted_until(stopped):
            return function(*args)

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


def done_in_full(function):
    """Return whether nobody wanted to stop while a function was at work.

    Where half of its work would be worse than waiting, it is begun anew after Ctrl-C.

    Args:
        function: Function without arguments, which may be called again at any moment.
    """
    undisturbed = True
    while True:
        try:
            function()
            return undisturbed
        except KeyboardInterrupt:
            note_taken()
            undisturbed = False


def assign_in_full(pairs):
    """Put values into variables, all of them before Ctrl-C is heard.

    Args:
        pairs: Iterable of variables and what they are to be.
    """
    pairs = list(pairs)

    def assign():
        for variable, value in pairs:
            variable.assign(value)

    if not done_in_full(assign):
        raise KeyboardInterrupt


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


_under_way = {}


def done_whole(name, function):
    """Return what a function gives, whose work is never cut off.

    Whoever waits for it may stop: the work goes on, and who comes next waits for it.

    Args:
        name: Name of the work.
        function: Function without arguments, called in a thread of its own.
    """
    if not is_under_way(name):
        future = Future()

        def do():
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        thread = threading.Thread(target=do, name=f"reticnn-{name}", daemon=True)
        # Before the thread: from then on, the work is done only once.
        _under_way[name] = future
        try:
            thread.start()
        except RuntimeError:  # There are as many threads as there can be.
            del _under_way[name]
            raise
    return result_of(_under_way[name])


def is_under_way(name):
    """Return whether `done_whole` has begun work and not ended it."""
    return name in _under_way and not _under_way[name].done()


@contextlib.contextmanager
def listening():
    """Hear Ctrl-C in the block at once, whatever the main thread is doing.

    While TensorFlow has the main thread wait for a batch, Python tells nobody there of
    the signal; but it writes its number to a socket, where another thread finds it. If
    the socket is somebody else's, the block is not in the main thread, or the user has
    other plans for the signal, the thread that reads the batch does so to its end.
    """
    if not _ends_work() or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.set_wakeup_fd(-1)
    if before not in {-1, *_descriptors}:
        signal.set_wakeup_fd(before)
        yield
        return
    outer, heard, known = getattr(_own, "heard", None), _Heard(), _taken
    try:
        _own.heard = heard
        signal.set_wakeup_fd(heard.fileno(), warn_on_full_buffer=False)
        yield
        if known == _taken:
            check_heard()
    finally:
        signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        _own.heard = outer
        heard.close()


def _hear_for_nobody():
    """Have a forked child's signals not written where the parent listens."""
    with contextlib.suppress(ValueError):  # Python's threads know of no signals.
        descriptor = signal.set_wakeup_fd(-1)
        if descriptor not in {-1, *_descriptors}:
            signal.set_wakeup_fd(descriptor)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_hear_for_nobody)


def _ends_work():
    """Return whether Ctrl-C raises `KeyboardInterrupt`.

    Python's own handler does so, and reticulate's: both are in C. What a handler of the
    user's does is known to the user alone.
    """
    return isinstance(signal.getsignal(signal.SIGINT), BuiltinFunctionType)


@contextlib.contextmanager
def drops_made_good():
    """Have Ctrl-C sent again in the block where it was dropped.

    Python raises `KeyboardInterrupt` between any two steps of whatever it does, and it
    gets lost where an object is taken away, or code in C has called the step and takes
    any error of it for no. So another thread sees whether it has led to anything.
    """
    if not _ends_work() or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.set_wakeup_fd(-1)
    if before != -1:
        signal.set_wakeup_fd(before)
        yield
        return
    watch = _Watch()
    try:
        signal.set_wakeup_fd(watch.heard.fileno(), warn_on_full_buffer=False)
        watch.start()
        yield
        watch.check_led_to_something()
    except Exception as error:
        # Code in C makes other errors of it too.
        watch.check_led_to_something(error)
        raise
    finally:
        signal.set_wakeup_fd(-1)
        watch.end()


class _Watch(threading.Thread):
    """A thread that sends Ctrl-C again, once nothing can have come of it."""

    def __init__(self):
        super().__init__(name="reticnn-watch", daemon=True)
        self.heard = _Heard()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._before = _taken

    def run(self):
        """Look for Ctrl-C again and again until the end."""
        while not self._ended.wait(_SECONDS):
            if self._is_open():
                self._ended.wait(_UNWINDING_SECONDS)
                with self._lock:
                    if not self._ended.is_set() and self._is_open():
                        signal.raise_signal(signal.SIGINT)

    def check_led_to_something(self, error=None):
        """Raise if Ctrl-C was dropped, and the work has come to its end meanwhile."""
        if self._is_open():
            raise KeyboardInterrupt from error

    def end(self):
        """End the thread, which sends nothing from now on."""
        with self._lock:
            self._ended.set()
        self.heard.close()

    def _is_open(self):
        """Return whether Ctrl-C was heard, and nobody has acted on it since."""
        heard = any([one.has_heard() for one in list(_listeners)])
        return heard and self._before == _taken


def note_taken():
    """Note that Ctrl-C has reached code of ours which acts on it, and goes on."""
    global _taken
    _taken += 1


def wanted_here():
    """Return a function that returns a context for work in any other thread.

    The work is wanted as long as the block of `listening` here goes on without Ctrl-C.
    """
    heard = getattr(_own, "heard", None)
    return partial(_wanted_until, heard) if heard else contextlib.nullcontext


def check_heard():
    """Raise if Ctrl-C was heard in the block of `listening` here, and got lost.

    Python raises between any two steps of whatever it does, and drops what is raised
    while it takes away an object.
    """
    heard = getattr(_own, "heard", None)
    if heard is not None and heard.is_set():
        raise KeyboardInterrupt


def comes_of_nan(error):
    """Return whether an error is torch's, whose cross-entropy of two takes no NaN."""
    refusal = "all elements of input should be between 0 and 1"
    return isinstance(error, RuntimeError) and refusal in str(error)


def comes_of_stopping(error):
    """Return whether an error is Ctrl-C, or what Ctrl-C has become on its way.

    TensorFlow makes other errors of it if it comes while TensorFlow raises its own, as
    it does for a batch that nobody wants any more.
    """
    heard = getattr(_own, "heard", None)
    comes = isinstance(error, KeyboardInterrupt) or (
        heard is not None and heard.is_set()
    )
    if comes:
        note_taken()
    return comes


@contextlib.contextmanager
def wanted_for(seconds):
    """Let what this thread does in the block be wanted for some time only.

    Args:
        seconds: Float, or None for work that is wanted however long it takes.
    """
    if seconds is None:
        yield
        return
    with _wanted_until(_Deadline(time.monotonic() + seconds)):
        yield


class _Deadline:
    """An event that is set from a moment on."""

    def __init__(self, end):
        self._end = end

    def is_set(self):
        """Return whether it is past the moment."""
        return time.monotonic() > self._end


class _Heard:
    """An event that is set by Ctrl-C."""

    def __init__(self):
        self._here, self._there = socket.socketpair()
        self._here.setblocking(False)
        self._there.setblocking(False)
        self._closed = self._interrupted = False
        _descriptors.add(self.fileno())
        _listeners.append(self)

    def fileno(self):
        """Return where the numbers of signals are to be written."""
        return self._there.fileno()

    def is_set(self):
        """Return whether Ctrl-C was heard, or nobody listens any more."""
        return self.has_heard() or self._closed

    def has_heard(self):
        """Return whether Ctrl-C was heard."""
        with contextlib.suppress(OSError):
            self._interrupted |= signal.SIGINT in self._here.recv(4096)
        return self._interrupted

    def close(self):
        """Listen no more."""
        self._closed = True
        _descriptors.discard(self.fileno())
        _listeners.remove(self)
        self._here.close()
        self._there.close()
