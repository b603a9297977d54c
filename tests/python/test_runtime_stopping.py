import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reticnn.runtime.files import NotAFileError, opened
from reticnn.runtime.stopping import (
    StoppedError,
    check_wanted,
    result_of,
    results_in,
    work_in,
)


@pytest.fixture
def pool():
    """Return a pool of three threads, all of which end with the test."""
    with ThreadPoolExecutor(3) as pool:
        yield pool


def until_unwanted(begun):
    """Work that has no end of its own."""
    begun.set()
    while True:
        check_wanted()


def test_results_are_in_the_order_of_the_items(pool):
    assert results_in(pool, abs, range(0, -50, -1)) == list(range(50))


def test_error_in_a_thread_is_raised_and_ends_the_others(pool):
    begun = threading.Event()

    def do(item):
        if item:
            until_unwanted(begun)
        begun.wait()
        raise TimeoutError("Of a drive, not of us.")

    with pytest.raises(TimeoutError, match="Of a drive"):
        results_in(pool, do, [0, 1])
    assert results_in(pool, abs, [1] * 3) == [1] * 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, None])
def test_work_ends_with_the_block(pool, error):
    begun = threading.Event()
    try:
        with work_in(pool) as start:
            futures = [start(until_unwanted, begun) for _ in range(9)]
            begun.wait()
            if error:
                raise error
    except (KeyboardInterrupt, ValueError):
        pass
    assert all(future.done() for future in futures)
    ends = [future for future in futures if not future.cancelled()]
    assert ends
    assert all(isinstance(end.exception(), StoppedError) for end in ends)


def test_work_within_work_ends_with_it(pool):
    begun = threading.Event()

    def hand_on():
        with ThreadPoolExecutor(1) as other:
            return results_in(other, until_unwanted, [begun])

    with work_in(pool) as start:
        future = start(hand_on)
        begun.wait()
    assert future.done()


def test_threads_are_free_for_other_work_afterwards(pool):
    with work_in(pool) as start:
        start(until_unwanted, threading.Event())
    check = pool.submit(check_wanted)
    assert check.result() is None
    with work_in(pool) as start:
        assert result_of(start(abs, -1)) == 1


def test_files_are_read_as_long_as_they_are_wanted(pool, tmp_path):
    (tmp_path / "a").write_bytes(b"12")
    begun = threading.Event()

    def read():
        with opened(str(tmp_path / "a")) as file:
            assert file.read(1) == b"1"
            begun.set()
            while True:
                file.read(0)

    with work_in(pool) as start:
        future = start(read)
        begun.wait()
    assert isinstance(future.exception(), StoppedError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="No named pipes here")
def test_pipe_put_in_place_of_a_file_is_not_waited_for(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    status = os.stat(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(NotAFileError, match="named pipe"), monkeypatch.context() as m:
        m.setattr(os, "stat", lambda _: status)
        opened(str(path))
