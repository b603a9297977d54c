"""Image data however they are put together, against the plain arrays in them."""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from reticnn import image_arrays, image_folder, image_table, load_images, split_images
from reticnn.data.conversion import read_at_size
from reticnn.data.digest import images_digest
from reticnn.data.hashing import hashed, hashes_of

CLASSES = ["ant", "bee", "cow"]
SIDE = 6

# Few different images, so that some of them come from several sources.
PIXELS = np.random.default_rng(1).integers(0, 256, (9, SIDE, SIDE, 3), dtype="u1")
CODES = np.arange(len(PIXELS)) % len(CLASSES)


class Part:
    """Image data, with the pixels and the labels that they should have."""

    def __init__(self, data, chosen):
        self.data = data
        self.pixels = PIXELS[chosen]
        self.labels = [CLASSES[code] for code in CODES[chosen]]
        self.chosen = np.array(chosen, int)

    def at(self, positions):
        return Part(self.data[positions], self.chosen[positions])

    def __add__(self, other):
        return Part(self.data + other.data, np.r_[self.chosen, other.chosen])


def _saved_again(first, file):
    Image.open(first).save(file)


_PUT = {
    "file": _saved_again,
    "copy": shutil.copy,
    "link": os.symlink,
    "hard link": os.link,
}


def _arrays(chosen, folder, options):
    types = {"file": "u1", "copy": "i8", "link": "f4", "hard link": ">u2"}
    pixels = PIXELS[chosen].astype(types[options["kind"]])
    labels = [CLASSES[code] for code in CODES[chosen]]
    if options["cache"] == "none":
        pixels = np.asfortranarray(pixels)
    return image_arrays(pixels, labels, class_names=options["order"])


def _files(chosen, folder, kind):
    """Write images, each to a file of its own, or as others that are one file."""
    files = []
    for number, index in enumerate(chosen):
        file = Path(folder, CLASSES[CODES[index]], f"{number:02}.bmp")
        file.parent.mkdir(parents=True, exist_ok=True)
        first = Path(folder).parent / f"{index}.bmp"
        if not first.exists():
            Image.fromarray(PIXELS[index]).save(first)
        _PUT[kind](first, file)
        files.append(str(file))
    return files


def _reading(options):
    return {"image_size": SIDE, "cache": options["cache"]}


def _table(chosen, folder, options):
    files = _files(chosen, folder, options["kind"])
    # As they are called from where they are.
    files = [os.path.relpath(file) for file in files]
    labels = [CLASSES[code] for code in CODES[chosen]]
    return image_table(files, labels, class_names=options["order"], **_reading(options))


def _folder(chosen, folder, options):
    _files(chosen, folder, options["kind"])
    return image_folder(
        os.path.relpath(folder), class_names=options["order"], **_reading(options)
    )


sources = st.tuples(
    st.sampled_from([_arrays, _table, _folder]),
    st.lists(st.integers(0, len(PIXELS) - 1), min_size=1, max_size=8),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["file", "copy", "link", "hard link"]),
            "cache": st.sampled_from(["memory", "disk", "none"]),
            "order": st.permutations(CLASSES),
        }
    ),
)


def _part(folder, source):
    make, chosen, options = source
    if make is _folder:
        # In the order of the classes asked for, and there of the names of the files.
        rank = [options["order"].index(CLASSES[code]) for code in CODES[chosen]]
        data = make(np.array(chosen), folder, options)
        return Part(data, np.array(chosen)[np.argsort(rank, kind="stable")])
    return Part(make(np.array(chosen), folder, options), chosen)


def _numbers(data):
    """Return which of the images there are in the data."""
    images = load_images(data)["images"].astype("f8")
    same = (images[:, None] == PIXELS[None]).all(axis=(2, 3, 4))
    assert (same.sum(axis=1) == 1).all()
    return same.argmax(axis=1)


@pytest.mark.filterwarnings("ignore:The part")
@settings(max_examples=40)
@given(
    some=st.lists(sources, min_size=1, max_size=3),
    drawn=st.data(),
    seed=st.integers(0, 2**32),
)
def test_image_data_are_the_images_in_them(some, drawn, seed):
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        try:
            os.chdir(folder)
            parts = [
                _part(os.path.join(folder, str(number)), source)
                for number, source in enumerate(some)
            ]
            whole = parts[0]
            for part in parts[1:]:
                positions = drawn.draw(_positions(len(part.data)))
                whole = whole + part.at(positions)
            whole = whole.at(drawn.draw(_positions(len(whole.data))))
            # Elsewhere, the same names would be those of other files.
            os.chdir(home)
            _check(whole, drawn, seed)
        finally:
            os.chdir(home)


def _positions(number):
    return st.lists(
        st.integers(-number, number - 1), min_size=1, max_size=2 * number
    ).map(np.array) | st.sampled_from([slice(None), slice(None, None, -1)])


def _check(whole, drawn, seed):
    data, chosen = whole.data, whole.chosen
    np.testing.assert_array_equal(_numbers(data), chosen)
    assert data.labels == whole.labels
    # Again, from the cache, one by one.
    for position in range(len(chosen)):
        assert _numbers(data[[position]]) == chosen[position]
    np.testing.assert_array_equal(_numbers(data[::-1]), chosen[::-1])
    # The same images are the same, wherever they come from.
    for values in (data.identities(), hashes_of(hashed(data)).tolist()):
        assert len(set(values)) == len(set(chosen))
        assert len(set(zip(values, chosen, strict=True))) == len(set(chosen))
    assert images_digest(data) == images_digest(data[:])
    larger = read_at_size(data, (2 * SIDE, SIDE, 3), "data")
    assert load_images(larger)["images"].shape == (len(chosen), 2 * SIDE, SIDE, 3)
    assert larger.labels == whole.labels
    if len(set(chosen)) > 1:
        sides = split_images(data, 0.5, seed=seed)
        train, test = (set(_numbers(side).tolist()) for side in sides.values())
        assert not train & test
        assert train | test == set(chosen)
        assert sum(map(len, sides.values())) == len(chosen)
        for side in sides.values():
            assert side.labels == [CLASSES[CODES[one]] for one in _numbers(side)]
