import json
import os
import pickle
import socket
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reticnn import cats_and_dogs, load_images

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("RETICNN_SHARED", CHECKOUT.parent / "shared"))

CAT, DOG = 3, 5
BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]

# Images of one colour: the classes can be told by the pixels that come out.
COLOURS = {"cat": (200, 100, 0), "dog": (0, 50, 250)}


def _check(data, n_train, n_test):
    """Check that the data are 32 by 32 images of the two colours, classes right."""
    assert list(data) == ["train", "test"]
    assert len(data["train"]) == n_train
    assert len(data["test"]) == n_test
    for part in data.values():
        assert part.class_names == ["cat", "dog"]
        assert part.files is None
        loaded = load_images(part)
        assert loaded["images"].shape == (len(part), 32, 32, 3)
        assert loaded["images"].dtype == np.uint8
        colours = np.array([COLOURS[label] for label in loaded["labels"]])
        distance = np.abs(loaded["images"].astype(int) - colours[:, None, None])
        assert distance.max() <= 4


@pytest.fixture
def folders(tmp_path, write_image):
    """Return a folder of train and test folders with images of 40 by 30 pixels."""
    for part, count in (("train", 3), ("test", 2)):
        for class_name, colour in COLOURS.items():
            for number in range(count):
                path = tmp_path / "pets" / part / class_name / f"{number}.png"
                write_image(path, colour, size=(40, 30))
    return tmp_path / "pets"


@pytest.fixture
def batches(tmp_path):
    """Return a folder like CIFAR-10's: five images of each of ten classes a batch."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in BATCHES:
        labels = [label for label in range(10) for _ in range(5)]
        pixels = np.full((50, 3, 32 * 32), 77, np.uint8)
        for code, colour in ((CAT, COLOURS["cat"]), (DOG, COLOURS["dog"])):
            pixels[np.array(labels) == code] = np.array(colour)[:, None]
        batch = {b"data": pixels.reshape(50, 3072), b"labels": labels}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    return folder


def _archive(folder, path, mode, name=None):
    with tarfile.open(path, mode) as archive:
        archive.add(folder, folder.name if name is None else name)
    return path


# What is read


@pytest.mark.parametrize("as_path", [str, Path])
def test_image_folder(folders, as_path):
    _check(cats_and_dogs(as_path(folders)), 6, 4)


@pytest.mark.parametrize(
    ("ending", "mode", "name"),
    [("tar.xz", "w:xz", None), ("tar.gz", "w:gz", "."), ("tar", "w", "a/b/pets")],
)
def test_archive_of_image_folders(folders, tmp_path, ending, mode, name):
    archive = _archive(folders, tmp_path / f"pets.{ending}", mode, name)
    _check(cats_and_dogs(archive), 6, 4)


def test_other_files_in_an_archive_are_left_out(folders, tmp_path):
    for name in (".DS_Store", "Thumbs.db", "notes.txt"):
        (folders / "train" / "cat" / name).write_text("no image")
    (folders / "readme.txt").write_text("no image")
    _check(cats_and_dogs(_archive(folders, tmp_path / "pets.tar", "w")), 6, 4)


def test_cifar_folder(batches):
    _check(cats_and_dogs(batches), 50, 10)


def test_folder_that_holds_the_cifar_folder(batches):
    _check(cats_and_dogs(batches.parent), 50, 10)


def test_cifar_archive(batches, tmp_path):
    archive = _archive(batches, tmp_path / "cifar-10-python.tar.gz", "w:gz")
    _check(cats_and_dogs(archive), 50, 10)


def test_cifar_as_pickled_in_its_time(batches):
    # The original was pickled by a NumPy that called its modules otherwise.
    for name in BATCHES:
        pickled = (batches / name).read_bytes()
        old = pickled.replace(b"cnumpy._core.", b"cnumpy.core.")
        (batches / name).write_bytes(old)
    _check(cats_and_dogs(batches), 50, 10)


@pytest.mark.slow
def test_the_real_images():
    path = SHARED / "data" / "cats-dogs-32.tar.xz"
    if not path.exists():
        pytest.skip(f"No {path}; RETICNN_SHARED names the folder it is in")
    data = cats_and_dogs(path)
    assert data["train"].class_counts == {"cat": 5000, "dog": 5000}
    assert data["test"].class_counts == {"cat": 1000, "dog": 1000}
    assert data["train"].image_shape == (32, 32, 3)
    images = load_images(data["test"])["images"]
    assert len(np.unique(images, axis=0)) > 1990
    with tarfile.open(path) as archive:
        member = archive.extractfile("cats-dogs-cifar32/test/dog/0000.jpg")
        first_dog = np.asarray(Image.open(member))
    np.testing.assert_array_equal(images[1000], first_dog)


# What is wrong with a copy


class _Harm:
    """Pickled, it asks for a file to be created."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("archived", [False, True])
def test_pickle_that_runs_code_is_refused(refused, batches, tmp_path, archived):
    harm = tmp_path / "harm"
    (batches / "data_batch_1").write_bytes(pickle.dumps(_Harm(str(harm)), protocol=2))
    path = _archive(batches, tmp_path / "c.tar.gz", "w:gz") if archived else batches
    with refused(ValueError, "path", "io.open"):
        cats_and_dogs(path)
    assert not harm.exists()


damages = {
    "missing": lambda file: file.unlink(),
    "empty": lambda file: file.write_bytes(b""),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:1000]),
    "text": lambda file: file.write_text("not found"),
    "other keys": lambda file: file.write_bytes(pickle.dumps({b"a": 1}, protocol=2)),
    "a list": lambda file: file.write_bytes(pickle.dumps([1], protocol=2)),
}


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("damage", damages.values(), ids=damages.keys())
def test_damaged_cifar_is_refused(refused, batches, tmp_path, damage, archived):
    damage(batches / "data_batch_3")
    path = _archive(batches, tmp_path / "c.tar.gz", "w:gz") if archived else batches
    with refused((ValueError, FileNotFoundError), "path", "data_batch_3", path):
        cats_and_dogs(path)


def test_damaged_images_in_a_folder_are_named(folders):
    bad = folders / "train" / "cat" / "bad.jpg"
    bad.write_text("no image")
    with pytest.raises(ValueError, match="1 of 7 files cannot be read") as caught:
        cats_and_dogs(folders)
    assert str(bad) in str(caught.value)


def test_damaged_images_in_an_archive_are_named(folders, tmp_path):
    (folders / "train" / "cat" / "bad.jpg").write_text("no image")
    archive = _archive(folders, tmp_path / "pets.tar", "w")
    with pytest.raises(ValueError, match="1 of 7 files cannot be read") as caught:
        cats_and_dogs(archive)
    assert "train/cat/bad.jpg" in str(caught.value)


@pytest.mark.parametrize("ending", ["tar.xz", "tar.gz"])
def test_archive_cut_off_is_refused(refused, folders, tmp_path, ending):
    # Pixels that do not compress, so that the cut is within them.
    noise = np.random.default_rng(1).integers(0, 256, (90, 90, 3), dtype="u1")
    for file in folders.rglob("*.png"):
        Image.fromarray(noise).save(file)
    archive = tmp_path / f"pets.{ending}"
    _archive(folders, archive, f"w:{archive.suffix[1:]}")
    archive.write_bytes(archive.read_bytes()[:-5000])
    with refused(ValueError, "path", archive):
        cats_and_dogs(archive)


@pytest.mark.parametrize("missing", ["test", "test/dog", "train"])
@pytest.mark.parametrize("archived", [False, True])
def test_missing_part_is_refused(refused, folders, tmp_path, missing, archived):
    (folders / missing).rename(tmp_path / "away")
    path = _archive(folders, tmp_path / "pets.tar", "w") if archived else folders
    with refused(ValueError, "path", path):
        cats_and_dogs(path)


def test_other_classes_are_refused(refused, folders):
    for part in ("train", "test"):
        (folders / part / "dog").rename(folders / part / "wolf")
    with refused(ValueError, "path", "`cat` and `dog`", "'wolf'", folders):
        cats_and_dogs(folders)


def test_other_files_are_refused(refused, tmp_path):
    file = tmp_path / "pets.csv"
    file.write_text("cat,dog")
    with refused(ValueError, "path", "a folder or a tar archive", file):
        cats_and_dogs(file)


def test_missing_copy_is_refused(refused, tmp_path):
    with refused(FileNotFoundError, "path", tmp_path / "pets", "spelling"):
        cats_and_dogs(tmp_path / "pets")


@pytest.mark.parametrize("path", [3.0, "", ["pets"]])
def test_other_than_a_path_is_refused(refused, path):
    with refused(TypeError, "path", "non-empty string"):
        cats_and_dogs(path)


# Without a network

# Folders to make before each try come as arguments.
downloads = """
import json, os, sys, reticnn
tries = []
for folder in sys.argv[1:]:
    os.makedirs(folder, exist_ok=True)
    try:
        reticnn.cats_and_dogs()
    except ConnectionError as error:
        tries.append(str(error))
print(json.dumps(tries))
"""


@pytest.fixture(scope="module")
def without_network(run_python, tmp_path_factory):
    """Download through a proxy that refuses, and through one that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refusing = closed.getsockname()[1]

    def run(port, *folders):
        home = tmp_path_factory.mktemp("keras")
        return run_python(
            downloads,
            *(home / folder for folder in folders),
            KERAS_HOME=str(home),
            https_proxy=f"http://127.0.0.1:{port}",
            HTTPS_PROXY=None,
            no_proxy=None,
            NO_PROXY=None,
        )

    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        ThreadPoolExecutor() as threads,
    ):
        dropped = threads.submit(run, silent.getsockname()[1], "datasets")
        # What Keras unpacks into; it asks for the archive beside it all the same.
        unpacked = "datasets/cifar-10-batches-py-target"
        refused = run(refusing, "datasets", unpacked)
        return {"refused": refused, "dropped": dropped.result()}


@pytest.mark.slow
@pytest.mark.parametrize(("case", "tries"), [("refused", 2), ("dropped", 1)])
def test_download_without_a_network_says_what_to_do(without_network, case, tries):
    result = without_network[case]
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert len(told) == tries
    for message in told:
        assert "cifar-10-python.tar.gz" in message
        assert "`path`" in message
        assert "`shape_images()`" in message
