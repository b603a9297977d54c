"""HDF5 files whose arrays are elsewhere, or larger than the file."""

import re
import struct
import zipfile
import zlib

import h5py
import numpy as np

from hostile.kind import Kind

# The weights of the layer `head`, in Keras's files and in those of earlier versions.
_GROUP, _ARRAY = "layers/dense/vars", "0"
_LEGACY_GROUP, _LEGACY_ARRAY = "head/head", "kernel:0"

# Fifty kilobytes.
_ZEROS = zlib.compress(bytes(5 * 10**7))

# A kilobyte.
_MEGABYTE = zlib.compress(bytes(2**20))


def kinds():
    """Yield them, each in a classifier, a model, and files of weights."""
    for name, (change, large) in _changes().items():
        for ending in (".reticnn", ".keras", ".weights.h5", ".h5"):
            make = _maker(change, ending)
            yield Kind(f"{name} in {ending}", ending, make, "", large)
    for name, change in _legacy_changes().items():
        yield Kind(f"{name} in .h5", ".h5", _maker(change, ".h5"), "listed twice")
    for ending in (".reticnn", ".keras"):
        yield Kind(f"weights without numbers in {ending}", ending, _absent(ending))
    yield Kind("two pieces in one place in .h5", ".h5", _same_place, "same place")
    for what, change in {"pieces": _add_pieces, "links": _add_links}.items():
        name = f"a damaged list of {what} in .h5"
        yield Kind(name, ".h5", _damaged_list(change), "newer way")
    yield Kind("zeros packed twice in .keras", ".keras", _packed_twice, "", True)
    yield Kind("texts that take nothing in .h5", ".h5", _texts_of_nothing)
    yield Kind("one text under 4,000 names in .h5", ".h5", _one_text, "4,001.0 MiB")


def _same_place(honest, folder):
    """Have two pieces of an array that are the same bytes."""
    at = []

    def change(file, group, name, folder):
        del group[name]
        array = group.create_dataset(name, data=np.eye(4, 2), chunks=(2, 2))
        at.extend(array.id.get_chunk_info(n).byte_offset for n in range(2))

    contents = _changed(honest.legacy, change, _LEGACY_GROUP, _LEGACY_ARRAY, folder)
    first, second = (struct.pack("<Q", offset) for offset in at)
    assert contents.count(second) == 1
    return contents.replace(second, first)


def _damaged_list(add):
    """Have a list of a newer kind, over which HDF5 ends the process."""

    def change(file, group, name, folder):
        path = file.filename
        file.close()
        with h5py.File(path, "r+", libver="latest") as file:
            add(file[_LEGACY_GROUP], name)

    def make(honest, folder):
        before = honest.legacy
        contents = _changed(before, change, _LEGACY_GROUP, _LEGACY_ARRAY, folder)
        changed = bytearray(contents)
        changed[contents.index(b"BTHD") + 6] ^= 1
        return bytes(changed)

    return make


def _add_pieces(group, name):
    del group[name]
    sizes = {"chunks": (2, 2), "maxshape": (None, None)}
    group.create_dataset(name, data=np.eye(4, 2), **sizes)


def _add_links(group, name):
    more = group.create_group("more")
    for number in range(20):
        more.create_group(f"{number}")


def _packed_twice(honest, folder):
    """Have compressed zeros, compressed again as a part of a model."""

    def change(file, group, name, folder):
        del group[name]
        zeros = np.zeros((2**14, 2**12), np.float32)
        group.create_dataset(name, data=zeros, chunks=(2**8, 2**12), compression=9)

    weights = _changed(honest.weights, change, _GROUP, _ARRAY, folder)
    return honest.keras_file(weights=weights, compression=zipfile.ZIP_DEFLATED)


def _one_text(honest, folder):
    """Have 4,000 names of weights that are all the same text, of a megabyte."""

    def change(file, group, name, folder):
        file.attrs["model_config"] = "n" * 2**20
        file["head"].attrs["weight_names"] = ["n" * 777] * 4000

    contents = _changed(honest.legacy, change, _LEGACY_GROUP, _LEGACY_ARRAY, folder)
    # HDF5 refers to a text by its length, where a collection of texts is, and a number.
    collection = contents.index(b"n" * 2**20) - 32
    assert contents[collection:].startswith(b"GCOL")
    long = struct.pack("<LQL", 2**20, collection, 1)
    reference = re.escape(struct.pack("<L", 777)) + rb".{8}..\0\0"
    contents, count = re.subn(reference, lambda found: long, contents, flags=re.S)
    assert count == 4000
    return contents


def _texts_of_nothing(honest, folder):
    """Have texts through which HDF5 goes for ever."""

    def change(file, group, name, folder):
        file.attrs["keras_version"] = "3"
        for layer in file.attrs["layer_names"]:
            file[layer].attrs["weight_names"] = ["a", "b"]

    contents = _changed(honest.legacy, change, _LEGACY_GROUP, _LEGACY_ARRAY, folder)
    changed, first = bytearray(contents), contents.index(b"GCOL") + 16
    changed[first : first + 16] = bytes(16)
    return bytes(changed)


def _absent(ending):
    """Have wide layers whose weights the file says it has, and has not."""

    def make(honest, folder):
        def change(file, group, name, folder):
            file.create_dataset("wide", (7900, 7900), "int8")

        def widen(config):
            layer = {
                "module": "keras.layers",
                "class_name": "Dense",
                "config": {"name": "wide", "units": 7900},
                "registered_name": None,
                "build_config": {"input_shape": [None, 7900]},
            }
            config["config"]["layers"].insert(1, layer)

        model = honest.keras_file(
            config=honest.changed_config(widen),
            weights=_changed(honest.weights, change, _GROUP, _ARRAY, folder),
        )
        return model if ending == ".keras" else honest.classifier_file(model=model)

    return make


def _maker(change, ending):
    def make(honest, folder):
        group, name = (
            (_LEGACY_GROUP, _LEGACY_ARRAY) if ending == ".h5" else (_GROUP, _ARRAY)
        )
        before = honest.legacy if ending == ".h5" else honest.weights
        weights = _changed(before, change, group, name, folder)
        if ending in (".h5", ".weights.h5"):
            return weights
        model = honest.keras_file(weights=weights)
        return model if ending == ".keras" else honest.classifier_file(model=model)

    return make


def _changed(contents, change, group, name, folder):
    """Return a file after a change to one of its arrays."""
    path = folder / "changed.h5"
    path.write_bytes(contents)
    with h5py.File(path, "r+") as file:
        change(file, file[group], name, folder)
    contents = path.read_bytes()
    path.unlink()
    return contents


def _secret(folder):
    """Return a file that is not to be read."""
    path = folder / "secret.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.ones((4, 2), "float32")
    return str(path)


def _external_link(file, group, name, folder):
    del group[name]
    group[name] = h5py.ExternalLink(_secret(folder), "a")


def _external_group(file, group, name, folder):
    path = group.name
    del file[path]
    file[path] = h5py.ExternalLink(_secret(folder), "/")


def _soft_link(file, group, name, folder):
    file["elsewhere"] = group[name][()]
    del group[name]
    group[name] = h5py.SoftLink("/elsewhere")


def _endless_link(file, group, name, folder):
    group["more"] = h5py.SoftLink("/")


def _external_storage(file, group, name, folder):
    secret = folder / "secret"
    secret.write_bytes(bytes(1000))
    del group[name]
    group.create_dataset(name, (4, 2), "float32", external=[(str(secret), 0, 32)])


def _virtual(file, group, name, folder):
    layout = h5py.VirtualLayout((4, 2), "float32")
    layout[:] = h5py.VirtualSource(_secret(folder), "a", (4, 2))
    del group[name]
    group.create_virtual_dataset(name, layout)


def _sized(shape, **options):
    def change(file, group, name, folder):
        del group[name]
        group.create_dataset(name, shape, "float32", **options)

    return change


def _zeros(file, group, name, folder):
    del group[name]
    array = group.create_dataset(
        name, (2**16, 2**12), "float32", chunks=(2**10, 2**12), compression="gzip"
    )
    for start in range(0, 2**16, 2**10):
        array[start : start + 2**10] = 0


def _cycle(file, group, name, folder):
    group["again"] = file["/"]


def _alias(file, group, name, folder):
    for n in range(100):
        group[f"{name}{n}"] = group[name]


def _texts(file, group, name, folder):
    del group[name]
    group.create_dataset(name, data=["a" * 1000] * 8, dtype=h5py.string_dtype())


def _references(file, group, name, folder):
    array = group[name].ref
    del group[name]
    group.create_dataset(name, data=[array], dtype=h5py.ref_dtype)


def _records(file, group, name, folder):
    del group[name]
    group.create_dataset(name, data=np.zeros(8, [("a", "f4"), ("b", "f4")]))


def _kind_of_its_own(file, group, name, folder):
    del group[name]
    group[name] = np.dtype("float32")


def _scaled(file, group, name, folder):
    del group[name]
    group.create_dataset(name, (4, 2), "int32", chunks=(4, 2), scaleoffset=0)


def _packed_as(contents):
    """Return a change to an array of one piece, which is packed to something else."""

    def change(file, group, name, folder):
        del group[name]
        array = group.create_dataset(
            name, (4, 2), "float32", chunks=(4, 2), compression="gzip"
        )
        array.id.write_direct_chunk((0, 0), contents)

    return change


def _small_in_large_pieces(file, group, name, folder):
    del group[name]
    for number in range(100):
        array = group.create_dataset(
            f"more{number}",
            (4,),
            "f4",
            chunks=(2**18,),
            maxshape=(None,),
            compression=9,
        )
        array.id.write_direct_chunk((0,), _MEGABYTE)


def _packed_in_ways(*ways):
    """Return a change to an array that is packed in several ways, one on another."""

    def change(file, group, name, folder):
        del group[name]
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((4, 2))
        for way in ways:
            way(made)
        space = h5py.h5s.create_simple((4, 2))
        kind = h5py.h5t.IEEE_F32LE
        array = h5py.h5d.create(group.id, name.encode(), kind, space, made)
        h5py.Dataset(array)[:] = 1

    return change


def _shuffle(made):
    made.set_shuffle()


def _deflate(made):
    made.set_deflate(9)


def _nothing(file, group, name, folder):
    del group[name]
    group[name] = h5py.Empty("float32")


def _half_there(file, group, name, folder):
    del group[name]
    array = group.create_dataset(name, (4, 2), "float32", chunks=(2, 2))
    array.id.write_direct_chunk((0, 0), bytes(16))


def _packed_otherwise(file, group, name, folder):
    del group[name]
    group.create_dataset(name, data=np.eye(4, 2), compression="lzf")


def _wide_values(file, group, name, folder):
    del group[name]
    group.create_dataset(name, (2, 2), "V500000000")


def _changes():
    """Return changes by what they do, and whether that takes long or much."""
    return {
        "an array in another file by a link": (_external_link, False),
        "a group in another file": (_external_group, False),
        "an array by a soft link": (_soft_link, False),
        "a link to the whole": (_endless_link, False),
        "an array stored in another file": (_external_storage, False),
        "a virtual array": (_virtual, False),
        "an array of 400 GB": (_sized((10**5, 10**6)), False),
        "an array of exabytes": (_sized((2**30, 2**30)), False),
        "an array of empty pieces": (
            _sized((10**5, 10**4), chunks=(1000, 1000), compression="gzip"),
            False,
        ),
        "an array of zeros, compressed": (_zeros, True),
        "an array that is compressed": (
            _sized((4, 2), chunks=(4, 2), compression="gzip"),
            False,
        ),
        "a piece that unpacks to 50 MB": (_packed_as(_ZEROS), False),
        "a piece that unpacks to too little": (_packed_as(zlib.compress(b"")), False),
        "a piece that does not unpack": (_packed_as(b"no zlib"), False),
        "an array without half of its pieces": (_half_there, False),
        "small arrays in large pieces": (_small_in_large_pieces, False),
        "an array shuffled 31 times": (_packed_in_ways(*[_shuffle] * 31), False),
        "an array packed by zlib twice": (_packed_in_ways(_deflate, _deflate), False),
        "an array of nothing": (_nothing, False),
        "an array packed by LZF": (_packed_otherwise, False),
        "an array in one large piece": (
            _sized((4, 2), chunks=(2**14, 2**14), maxshape=(None, None)),
            False,
        ),
        "a group in itself": (_cycle, False),
        "an array of many names": (_alias, False),
        "an array of texts": (_texts, False),
        "an array of references": (_references, False),
        "an array of records": (_records, False),
        "a type for an array": (_kind_of_its_own, False),
        "an array packed otherwise": (_scaled, False),
        "values of half a gigabyte": (_wide_values, False),
    }


def _legacy_changes():
    """Return what can only be in files of earlier versions."""

    def same_name(file, group, name, folder):
        names = [f"head/{name}".encode()] * 4000
        file["head"].attrs["weight_names"] = np.array(names)

    def many_layers(file, group, name, folder):
        del file.attrs["layer_names"]
        file.attrs["layer_names"] = np.array([b"head"] * 6000)

    def other_spelling(file, group, name, folder):
        file["head"].attrs["weight_names"] = [f"head/{name}", f"head/./{name}"]

    return {
        "one array under 4,000 names": same_name,
        "one array under two spellings": other_spelling,
        "one layer 6,000 times": many_layers,
    }
