"""The workshop's data: cats and dogs, 32 by 32 pixels."""

import contextlib
import io
import lzma
import os
import pickle
import tarfile
import zlib
from functools import partial

import numpy as np

from reticnn.coercion import as_path, shown
from reticnn.data.accepting import load_images
from reticnn.data.array_images import ArrayImages
from reticnn.data.decoding import bad_files_message, decode_images
from reticnn.data.file_reading import Reading
from reticnn.data.folders.folder import image_folder
from reticnn.data.image_data import ImageData
from reticnn.data.listing import is_photo_name
from reticnn.runtime.downloads import network

_CLASS_NAMES = ["cat", "dog"]
_CIFAR_CODES = [3, 5]
_CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
_CIFAR_FILES = {
    "train": [f"data_batch_{number}" for number in range(1, 6)],
    "test": ["test_batch"],
}


def cats_and_dogs(path=None):
    """Load the workshop's cats and dogs.

    There are 10,000 images for training and 2,000 for testing, in colour, 32 x 32
    pixels: classes 3 and 5 of CIFAR-10.

    Args:
        path: None to download CIFAR-10 once through Keras (170 MB, kept in Keras's
            cache); or a local copy: the folder or archive of that download
            (`cifar-10-batches-py`, `cifar-10-python.tar.gz`), or a folder or tar
            archive with `train` and `test` folders, each with `cat` and `dog` folders
            of images. Default None.

    Returns:
        Dict of image data, `train` and `test`, with the classes cat and dog.

    Raises:
        FileNotFoundError: If `path` does not exist.
        ValueError: If `path` is not one of these.
        ConnectionError: If the download fails (without an internet connection, within
            seconds).

    Example:
        >>> data = cats_and_dogs()
        >>> data["train"]
        <ImageData> 10,000 images, 32 x 32 x 3, in memory
        cat  5,000
        dog  5,000

    Source:
        Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
    """
    if path is None:
        return _downloaded()
    path = as_path(path, "path")
    if not os.path.exists(path):
        raise FileNotFoundError(f"`path` does not exist: {path!r}. Check the spelling.")
    if os.path.isdir(path):
        return _from_folder(path)
    if os.path.isfile(path) and tarfile.is_tarfile(path):
        try:
            return _from_archive(path)
        except (EOFError, tarfile.TarError, zlib.error, lzma.LZMAError) as error:
            raise ValueError(
                f"`path` is a damaged archive: {path!r} ({error}). Download it again."
            ) from error
    raise ValueError(f"`path` must be a folder or a tar archive, not {path!r}.")


def _downloaded():
    """Return the data from Keras's cache, filled by Keras if it is empty."""
    from reticnn.runtime.backend import keras

    fix = (
        "Download it with an internet connection and pass its path as `path`, or try "
        "`shape_images()`, which needs no download."
    )
    home = os.path.expanduser(os.environ.get("KERAS_HOME", os.path.join("~", ".keras")))
    kept = os.path.join(home, "datasets", "cifar-10-batches-py-target_archive")
    with contextlib.nullcontext() if os.path.exists(kept) else network(_CIFAR_URL, fix):
        train, test = keras.datasets.cifar10.load_data()
    return {
        "train": _two_classes([train[0]], train[1]),
        "test": _two_classes([test[0]], test[1]),
    }


def _from_folder(path):
    for folder in (
        path,
        os.path.join(path, "cifar-10-batches-py"),
        os.path.join(path, "cifar-10-batches-py-target", "cifar-10-batches-py"),
    ):
        if os.path.isfile(os.path.join(folder, "test_batch")):
            return _from_batches(partial(_open_in, folder), path)
    data = image_folder(path, 32, cache="none")
    _check_layout(data, path)
    return {
        part: ImageData(
            ArrayImages(load_images(data[part])["images"]),
            data[part].codes,
            data[part].class_names,
        )
        for part in ("train", "test")
    }


def _open_in(folder, name):
    return open(os.path.join(folder, name), "rb")


def _from_archive(path):
    """Return the data from a tar archive, read without unpacking it to the disk."""
    with tarfile.open(path) as archive:
        members = {member.name: member for member in archive if member.isfile()}
        batches = {os.path.basename(name): name for name in members}
        if "test_batch" in batches:
            return _from_batches(
                lambda name: archive.extractfile(members[batches[name]]), path
            )
        files = _archived_images(archive, members)
    _check_layout(files, path)
    return {part: _decoded(files[part]) for part in ("train", "test")}


def _archived_images(archive, members):
    """Return the images in an archive by part and class, as files in memory."""
    files = {}
    for name, member in sorted(members.items()):
        *_, part, class_name, file = ["", "", *name.split("/")]
        if class_name in _CLASS_NAMES and is_photo_name(file):
            data = io.BytesIO(archive.extractfile(member).read())
            data.name = name
            files.setdefault(part, {}).setdefault(class_name, []).append(data)
    return files


def _decoded(files):
    images = [file for name in _CLASS_NAMES for file in files[name]]
    codes = np.repeat([0, 1], [len(files[name]) for name in _CLASS_NAMES])
    pixels, problems, _ = decode_images(images, (32, 32), Reading())
    if problems:
        raise ValueError(
            f"`path`: {bad_files_message(images, problems, len(images))}\n"
            "Download the archive again."
        )
    return ImageData(ArrayImages(pixels), codes, list(_CLASS_NAMES))


def _check_layout(data, path):
    """Raise unless there is a train and a test part with cats and dogs in each."""
    for part in ("train", "test"):
        classes = data.get(part, ()) if isinstance(data, dict) else ()
        names = sorted(getattr(classes, "class_names", classes))
        if names != _CLASS_NAMES:
            raise ValueError(
                f"`path` must have `train` and `test` folders with `cat` and `dog` "
                f"folders of images, or CIFAR-10's batches; {path!r} has "
                f"{shown(names)} as the classes of {part!r}."
            )


def _from_batches(open_batch, path):
    """Return the data from CIFAR-10's own files; `open_batch` opens one by name."""
    data = {}
    for part, names in _CIFAR_FILES.items():
        pixels, labels = [], []
        for name in names:
            # Unpickling and unpacking raise many kinds of errors on damaged files.
            try:
                with open_batch(name) as file:
                    batch = _ArraysOnly(file, encoding="bytes").load()
                images = batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
                labels.extend(batch[b"labels"])
            except Exception as error:
                raise ValueError(
                    f"`path` has no readable {name} of CIFAR-10: {path!r} "
                    f"({error}). Download the data again."
                ) from error
            pixels.append(images)
        data[part] = _two_classes(pixels, np.array(labels))
    return data


def _two_classes(pixels, labels):
    """Return the cats and dogs among CIFAR-10's images."""
    labels = labels.ravel()
    chosen = np.isin(labels, _CIFAR_CODES)
    images = np.ascontiguousarray(np.concatenate(pixels)[chosen])
    codes = np.searchsorted(_CIFAR_CODES, labels[chosen])
    return ImageData(ArrayImages(images), codes, list(_CLASS_NAMES))


class _ArraysOnly(pickle.Unpickler):
    """Read pickled arrays, and nothing that could run code."""

    _allowed = frozenset(
        {
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module, name):
        """Return one of the few things that arrays are made of."""
        if (module, name) not in self._allowed:
            raise ValueError(
                f"`path` is not CIFAR-10: its files ask for {module}.{name}."
            )
        return super().find_class(module, name)
