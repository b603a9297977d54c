"""What is computed when it is asked for first."""

import os
import threading

import pytest

from reticnn.runtime.lazy import cached_property


def test_of_several_threads_all_have_what_the_first_has_computed():
    class Asked:
        both = threading.Barrier(2, timeout=20)

        @cached_property
        def value(self):
            """Return a value that is equal to no other."""
            self.both.wait()
            return object()

    asked, found = Asked(), []
    threads = [
        threading.Thread(target=lambda: found.append(asked.value)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1] is asked.value
    assert Asked.value.__doc__ == "Return a value that is equal to no other."


FORKED = """
import os, signal, threading
from reticnn.data.file_images import FileImages

class Waiting(FileImages):
    begun, goes_on = threading.Event(), threading.Event()

    def has_headers(self):
        self.begun.set()
        self.goes_on.wait()
        return self

    _like = property(has_headers, lambda self, value: None)

images = Waiting(["a.png"], (8, 8))
thread = threading.Thread(target=lambda: images.dtype)
thread.start()
images.begun.wait()
child = os.fork()
if not child:
    signal.alarm(20)
    print(FileImages(["a.jpg"], (8, 8)).dtype, flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1])
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="No forks here")
def test_a_forked_process_reads_files_whatever_other_threads_were_at(run_python):
    run = run_python(FORKED)
    assert run.stdout.split() == ["uint8", "0"], run.stderr
