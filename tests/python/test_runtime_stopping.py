import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from reticnn.runtime.files import NotAFileError, opened
from reticnn.runtime.stopping import (
    StoppedError,
    assign_in_full,
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


# Ctrl-C


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.usefixtures("hears_ctrl_c")
def test_values_are_put_in_place_in_full_before_ctrl_c_is_heard():
    class Place:
        value = 0

        def assign(self, value):
            if (self.value, value) == (0, 5):
                self.value = None
                os.kill(os.getpid(), signal.SIGINT)
            self.value = value

    places = [Place() for _ in range(9)]
    with pytest.raises(KeyboardInterrupt):
        assign_in_full((place, number) for number, place in enumerate(places))
    assert [place.value for place in places] == list(range(9))


# A process that interrupts itself in the import of Keras and at the tenth file that it
# opens, moments that no load can shift.
LONG_WORK = """
import os, signal, sys, warnings
import reticnn

# Started in the background of a shell, a process begins deaf to the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
warnings.simplefilter("ignore")
folder = sys.argv[1]
open_file = os.open
opened = []
cut = []


def counted(path, *arguments, **named):
    if str(path).endswith(".gif"):
        opened.append(path)
        if len(opened) == 10:
            os.kill(os.getpid(), signal.SIGINT)
    return open_file(path, *arguments, **named)


def cut_import(event, arguments):
    if event == "import" and arguments[0] == "keras.src.models" and not cut:
        cut.append(event)
        os.kill(os.getpid(), signal.SIGINT)


def photos():
    return reticnn.image_folder(folder, 8, cache="none")


def cut_off(work, *arguments, **named):
    opened.clear()
    try:
        result = work(*arguments, **named)
    except KeyboardInterrupt:
        result = None
    ended = len(opened)
    # What was cut off works again, and nothing goes on meanwhile.
    assert reticnn.load_images(photos()[:2])["images"].any()
    gone_on = len(opened) - ended - 2
    assert 10 <= ended < 200, (work, ended)
    assert gone_on <= 8, (work, gone_on)
    return result


sys.addaudithook(cut_import)
try:
    reticnn.build_cnn((8, 8, 3))
except KeyboardInterrupt:
    print("cut")
model = reticnn.build_cnn((8, 8, 3), n_blocks=1, filters=2, batch_norm=True)
images = reticnn.load_images(reticnn.shape_images(8, image_size=8))["images"]
shapes = reticnn.image_arrays(images, ["cat", "dog"] * 4)
os.open = counted
assert cut_off(reticnn.check_images, folder) is None
assert cut_off(reticnn.image_folder, folder, on_bad_image="skip") is None
assert cut_off(reticnn.load_images, photos()) is None
assert cut_off(reticnn.review_images, photos()) is None
assert cut_off(reticnn.find_learning_rate, model, photos()) is None
cut_off(reticnn.fit_classifier, model, photos(), progress="none")
classifier = cut_off(
    reticnn.fit_classifier, model, shapes, validation=photos(), progress="none"
)
assert classifier.stopped == "interrupted"
assert cut_off(reticnn.predict_images, classifier, photos()) is None
assert cut_off(reticnn.evaluate_classifier, classifier, photos()) is None
page = folder + ".html"
assert cut_off(reticnn.report_classifier, classifier, photos(), page) is None
assert not os.path.exists(page)

# After the last epoch, when images are looked at that were cropped in training.
small = reticnn.build_cnn((8, 8, 3), n_blocks=1, filters=2, batch_norm=False)
few = reticnn.image_folder(folder, 10)[[0, 1, 2, 3, -1, -2, -3, -4]]
crop = reticnn.augmentation(crop=8)
classifier = cut_off(
    reticnn.fit_classifier, small, few, augmentation=crop, epochs=1, progress="none"
)
assert (classifier.stopped, len(classifier.history["loss"])) == ("interrupted", 1)


class Own(Exception):
    pass


def own(*_):
    heard.append(1)
    if len(heard) > 1:
        raise Own


def interrupt(state):
    if state["epoch"] == 1 and state["done"]:
        os.kill(os.getpid(), signal.SIGINT)


# Whoever has other plans for the signal is not interrupted by us.
heard = []
signal.signal(signal.SIGINT, own)
whole = reticnn.fit_classifier(small, shapes, epochs=3, progress=interrupt)
assert (whole.stopped, heard) == (None, [1])
try:
    reticnn.fit_classifier(small, shapes, epochs=3, progress=interrupt)
except Own:
    print("held")
"""


TRACED = """
import os, signal, sys, time, warnings
import reticnn

signal.signal(signal.SIGINT, signal.default_int_handler)
warnings.simplefilter("ignore")
data = reticnn.shape_images(16, image_size=8)
model = reticnn.build_cnn((8, 8, 3), n_blocks=1, filters=2)


class Ends:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(9):
            len("")


def cut_in_a_graph(frame, event, _):
    if (event, frame.f_code.co_name) != ("call", "__exit__"):
        return
    scope = getattr(frame.f_locals["self"], "gen", None)
    if scope and scope.gi_code.co_filename.endswith("func_graph.py"):
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGINT)


def fitted():
    return reticnn.fit_classifier(model, data, epochs=2, progress="none")


sys.setprofile(cut_in_a_graph)
print(fitted().stopped)
classifier = fitted()
print(classifier.stopped, len(reticnn.predict_images(classifier, data)[".pred_class"]))

# Ctrl-C that Python drops, as it comes while an object is taken away.
from reticnn.runtime.stopping import drops_made_good
try:
    with drops_made_good():
        Ends()
        while True:
            time.sleep(0.01)
except KeyboardInterrupt:
    print("heard")
for error in (None, KeyError):
    try:
        with drops_made_good():
            Ends()
            if error:
                raise error
    except KeyboardInterrupt:
        print("heard")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow",
    reason="TensorFlow's graphs",
)
def test_ctrl_c_at_the_end_of_a_scope_leaves_a_session_that_can_be_used(run_python):
    run = run_python(TRACED, limit=60)
    assert run.stdout.split() == ["interrupted", "None", "16", *3 * ["heard"]], (
        run.stderr
    )


FORKS = """
import os, signal, time
from reticnn.runtime.stopping import check_heard, listening

signal.signal(signal.SIGINT, signal.default_int_handler)
with listening():
    child = os.fork()
    if not child:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        except KeyboardInterrupt:
            os._exit(0)
    print(os.waitpid(child, 0)[1])
    check_heard()
print(signal.set_wakeup_fd(-1))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="No forks here")
def test_ctrl_c_in_a_forked_process_is_not_for_this_one(run_python):
    run = run_python(FORKS)
    assert run.stdout.split() == ["0", "-1"], run.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_ctrl_c_ends_all_work_on_files_at_once(tmp_path, run_python):
    tile = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(tile).resize((1600, 1200)).save(tmp_path / "photo.gif")
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(100):
            link = tmp_path / "photos" / name / f"{number}.gif"
            os.link(tmp_path / "photo.gif", link)
    run = run_python(LONG_WORK, tmp_path / "photos")
    assert run.stdout.split() == ["cut", "held"], run.stderr
