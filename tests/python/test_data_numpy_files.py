"""NumPy files as images: their values, never unpickled, never more than there is."""

import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

from reticnn import (
    check_images,
    image_folder,
    image_table,
    image_tiles,
    load_images,
)

RNG = np.random.default_rng(2)


def _read(path, size=(20, 24), **options):
    return load_images(image_table(path, image_size=size, **options))["images"][0]


def _save(path, array):
    np.save(path, array, allow_pickle=True)
    return path


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
def test_values_are_those_that_numpy_loads(tmp_path, order, save):
    colour = np.asarray(RNG.integers(0, 256, (20, 24, 3)).astype(np.uint8), order=order)
    path = tmp_path / ("a.npy" if save is np.save else "a.npz")
    save(path, colour)
    np.testing.assert_array_equal(_read(path), colour)
    assert _read(path).dtype == np.uint8


@pytest.mark.parametrize(
    "dtype", ["<u2", ">u2", "<i2", "<f4", ">f8", "<f2", "?", "<i8"]
)
def test_every_type_is_brought_to_the_range_asked_for(tmp_path, dtype):
    values = RNG.integers(0, 2 if dtype == "?" else 1000, (20, 24)).astype(dtype)
    path = _save(tmp_path / "a.npy", values)
    high = 1 if dtype == "?" else 1000
    pixels = _read(path, channels=1, value_range=(0, high))[..., 0]
    wanted = values.astype(float) / high * 255
    np.testing.assert_allclose(pixels, wanted, rtol=1e-3, atol=1e-3)


def test_masks_are_black_and_white(tmp_path):
    mask = RNG.integers(0, 2, (20, 24)).astype(bool)
    pixels = _read(_save(tmp_path / "a.npy", mask), channels=1)
    np.testing.assert_array_equal(pixels[..., 0], mask * 255.0)


def test_bands(tmp_path):
    values = RNG.integers(0, 65536, (20, 24, 13)).astype(np.uint16)
    path = _save(tmp_path / "a.npy", values)
    np.testing.assert_allclose(
        _read(path, bands=[3, 12]), values[..., [3, 12]] / 65535 * 255, atol=1e-3
    )
    with pytest.raises(ValueError, match="has 13 bands"):
        _read(path)


class _Harm:
    def __reduce__(self):
        return (open, ("/tmp/reticnn-was-unpickled", "w"))


def test_objects_are_never_unpickled(tmp_path):
    path = _save(tmp_path / "a.npy", np.array([[_Harm(), 1]], dtype=object))
    other = tmp_path / "b.npz"
    np.savez(other, np.array([[_Harm(), 1]], dtype=object))
    for file in (path, other):
        with pytest.raises(ValueError, match="never unpickled"):
            _read(file)
    (tmp_path / "c.npy").write_bytes(pickle.dumps(_Harm()))
    with pytest.raises(ValueError, match="is not an image"):
        _read(tmp_path / "c.npy")


def _bad(path, **options):
    with pytest.raises(ValueError) as caught:
        _read(path, **options)
    return str(caught.value).splitlines()[1]


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros(5), "holds an array of 5, and"),
        (np.zeros((2, 3, 4, 1)), "holds an array of 2 x 3 x 4 x 1"),
        (np.zeros((0, 4)), "holds an array of 0 x 4"),
        (np.zeros((4, 4), complex), "values of type complex"),
        (np.zeros((4, 4), "U3"), "values of type str"),
        (np.zeros((4, 4), "M8[s]"), "values of type"),
        (np.zeros((4, 4), [("a", "u1")]), "values of several fields"),
    ],
)
def test_what_is_no_image_is_named(tmp_path, array, said):
    assert said in _bad(_save(tmp_path / "a.npy", array), channels=1)


def test_missing_values_are_named(tmp_path):
    values = np.ones((20, 24))
    values[3, 4] = np.nan
    said = _bad(_save(tmp_path / "a.npy", values), channels=1, value_range=(0, 1))
    assert "1 of 480 values that are missing or infinite" in said


def test_files_cut_off_are_named(tmp_path):
    array = RNG.integers(0, 256, (20, 24, 3)).astype(np.uint8)
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "b.npz", array)
    for name in ("a.npy", "b.npz"):
        whole = (tmp_path / name).read_bytes()
        for end in (9, 60, len(whole) - 100, len(whole) - 1):
            (tmp_path / name).write_bytes(whole[:end])
            assert "is " in _bad(tmp_path / name), (name, end)


def _header(shape, descr="|u1"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode()


def test_sizes_that_are_not_true_are_named_and_not_allocated(tmp_path):
    (tmp_path / "a.npy").write_bytes(_header("(60000, 60000)") + b"\0" * 1000)
    entry = _header("(30000, 30000)") + b"\0" * 1000
    with zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.npy", entry)
    # Of the entry, the list in the archive says what its header says.
    listed = (tmp_path / "b.npz").read_bytes()
    size, claimed = struct.pack("<L", len(entry)), struct.pack("<L", 900_000_128)
    (tmp_path / "c.npz").write_bytes(listed.replace(size, claimed))
    (tmp_path / "d.npy").write_bytes(_header("(2**40, 2**40)") + b"\0" * 10)
    (tmp_path / "e.npy").write_bytes(_header("(-4, -4)") + b"\0" * 16)
    tracemalloc.start()
    for name in ("a.npy", "b.npz", "c.npz", "d.npy", "e.npy"):
        assert " is damaged" in _bad(tmp_path / name, channels=1) or name == "c.npz"
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_python_unpacks_all_at_once_is_refused(tmp_path, way):
    contents = _header("(4, 4)") + bytes(3 * 10**7)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", way) as archive:
        archive.writestr("image.npy", contents)
    tracemalloc.start()
    assert "compressed in a way that is not NumPy's" in _bad(tmp_path / "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_several_arrays_in_a_file_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", image=np.zeros((4, 4)), mask=np.zeros((4, 4)))
    assert "has 2 arrays ('image', 'mask')" in _bad(tmp_path / "a.npz")


def test_other_archives_are_no_images(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("notes.txt", "none")
    assert "is not an image" in _bad(tmp_path / "a.npz")


def test_folders_of_arrays(tmp_path):
    for name in ("calm", "storm"):
        (tmp_path / name).mkdir()
        for number in range(2):
            np.save(tmp_path / name / f"{number}.npy", np.zeros((4, 4, 3), np.uint8))
    np.save(tmp_path / "labels.npy", np.arange(4))
    data = image_folder(tmp_path, 4)
    assert data.class_counts == {"calm": 2, "storm": 2}
    assert len(data.left_out) == 1
    # Beside photos they are features of these, or the like.
    for name in ("calm", "storm"):
        Image.new("RGB", (4, 4)).save(tmp_path / name / "photo.png")
    with pytest.warns(UserWarning, match=r"5 files of other kinds .*: 5 \.npy"):
        data = image_folder(tmp_path, 4)
    assert data.class_counts == {"calm": 1, "storm": 1}
    with pytest.warns(UserWarning, match=r"5 \.npy"):
        assert check_images(tmp_path)["format"] == ["PNG", "PNG"]


def test_a_file_in_memory_is_read_too(tmp_path):
    # What is open need not be a path's.
    from reticnn.data.file_reading import Reading
    from reticnn.data.readers import numpy_files

    file = io.BytesIO()
    np.save(file, np.arange(12).reshape(3, 4))
    about = numpy_files.described(file, Reading())
    found = numpy_files.values(file, about, Reading(), lambda count: None)
    assert found[..., 0].tolist() == np.arange(12).reshape(3, 4).tolist()


def test_tiles_are_cut_from_values(tmp_path):
    values = RNG.integers(0, 65536, (16, 24)).astype(np.uint16)
    path = _save(tmp_path / "a.npy", values)
    tiles = image_tiles([str(path)], 8, channels=1)
    facts = tiles.facts
    for image, left, top in zip(
        load_images(tiles)["images"], facts["left"], facts["top"], strict=True
    ):
        part = values[top : top + 8, left : left + 8]
        np.testing.assert_allclose(image[..., 0], part / 65535 * 255, atol=1e-3)


@pytest.mark.parametrize(
    "dtype", ["?", "u1", "i1", "u2", ">u2", "i4", "u4", "f4", "f8"]
)
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 4), (1, 7, 3)])
def test_arrays_by_columns_are_those_by_rows(tmp_path, dtype, shape):
    values = np.random.default_rng(1).integers(0, 2, shape) * 90
    values = values.astype(dtype)
    options = {"channels": 1 if len(shape) == 2 else shape[2], "value_range": (0, 255)}
    if dtype in ("?", "u1"):
        options["value_range"] = None
    wanted = _read(_save(tmp_path / "a.npy", values), **options)
    columns = _read(_save(tmp_path / "b.npy", np.asfortranarray(values)), **options)
    np.testing.assert_array_equal(columns, wanted)
