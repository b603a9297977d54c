"""Archives that unpack to more than they are, or whose entries lead elsewhere."""

import io
import json
import struct
import warnings
import zipfile

from hostile.honest import packed
from hostile.kind import Kind


def kinds():
    """Yield them."""
    for name, make in _classifiers().items():
        yield Kind(name, ".reticnn", _alone(make))
    for name, make in _models().items():
        yield Kind(f"{name} in .keras", ".keras", _alone(make))
        yield Kind(f"{name} in .reticnn", ".reticnn", _within(make))


def _alone(make):
    return lambda honest, folder: make(honest)


def _within(make):
    return lambda honest, folder: honest.classifier_file(model=make(honest))


_DEFLATED = {"compression": zipfile.ZIP_DEFLATED}

# A hundred kilobytes of a file, compressed.
_ZEROS = bytes(10**8)


def _classifiers():
    return {
        "no archive": lambda honest: b"classifier",
        "nothing at all": lambda honest: b"",
        "an empty archive": lambda honest: packed({}),
        "a compressed classifier": lambda honest: honest.classifier_file(**_DEFLATED),
        "a compressed model": lambda honest: honest.classifier_file(
            model=honest.keras_file(**_DEFLATED)
        ),
        "a classifier of zeros": lambda honest: honest.classifier_file(
            text=_ZEROS, **_DEFLATED
        ),
        "a model of zeros": lambda honest: honest.classifier_file(
            model=_ZEROS, **_DEFLATED
        ),
        "an extra entry of zeros": lambda honest: honest.classifier_file(
            more={"more": _ZEROS}, **_DEFLATED
        ),
        "a classifier in a classifier": lambda honest: honest.classifier_file(
            model=honest.classifier_file()
        ),
        "two records": lambda honest: _with_twin(honest.classifier_file()),
        "a record of another length": lambda honest: _with_size(
            honest.classifier_file(), 10**9
        ),
        "a record of no length": lambda honest: _with_size(honest.classifier_file(), 0),
        "a long index": lambda honest: packed({f"{n:07}": b"" for n in range(100_000)}),
        "an index that says it is long": lambda honest: _with_index(
            honest.classifier_file(), 2**32 - 2
        ),
        "a large index of 64 bits": lambda honest: _with_index(
            honest.classifier_file(), 2**32 - 1
        ),
        "a long index that a comment hides": lambda honest: _with_long_index(
            b"c" * 65535
        ),
        "a long index that its place hides": lambda honest: _with_long_index(b""),
        "an encrypted record": lambda honest: _with_flag(honest.classifier_file(), 1),
    }


def _models():
    """Return models, each of which is alone or in a classifier."""
    return {
        "weights of zeros": lambda honest: honest.keras_file(
            weights=_ZEROS, **_DEFLATED
        ),
        "a configuration of spaces": lambda honest: honest.keras_file(
            text=b" " * len(_ZEROS), **_DEFLATED
        ),
        "an asset of zeros": lambda honest: honest.keras_file(
            more={"assets/x": _ZEROS}, **_DEFLATED
        ),
        "bzip2": lambda honest: honest.keras_file(compression=zipfile.ZIP_BZIP2),
        "LZMA": lambda honest: honest.keras_file(compression=zipfile.ZIP_LZMA),
        "weights that say they are few": lambda honest: _with_size(
            honest.keras_file(weights=_ZEROS, **_DEFLATED),
            100,
            b"model.weights",
        ),
        "weights that say they are many": lambda honest: _with_size(
            honest.keras_file(), 2**31, b"model.weights"
        ),
        "one entry under many names": lambda honest: _overlapping(honest),
        "no configuration": lambda honest: packed({"model.weights.h5": honest.weights}),
        "no weights": lambda honest: packed(
            {"config.json": json.dumps(honest.config).encode()}
        ),
        "weights as NumPy has them": lambda honest: packed(
            {
                "config.json": json.dumps(honest.config).encode(),
                "model.weights.npz": b"",
            }
        ),
        "half of a model": lambda honest: honest.keras_file()[:9000],
        "a model of another kind": lambda honest: b"PK" + honest.weights,
    }


def _central(contents, name=b""):
    """Return where the index has its entry for a name, of which it is the beginning."""
    at = contents.find(b"PK\1\2")
    while contents[at + 46 : at + 46 + len(name)] != name:
        at = contents.index(b"PK\1\2", at + 4)
    return at


def _with_size(contents, size, name=b""):
    changed = bytearray(contents)
    at = _central(contents, name)
    struct.pack_into("<L", changed, at + 24, size)
    if not struct.unpack_from("<H", changed, at + 10)[0]:
        struct.pack_into("<L", changed, at + 20, size)
    return bytes(changed)


def _with_flag(contents, flag):
    changed = bytearray(contents)
    struct.pack_into("<H", changed, _central(contents) + 8, flag)
    return bytes(changed)


def _with_index(contents, size):
    """Change what an archive says of the length of its index."""
    changed = bytearray(contents)
    struct.pack_into("<L", changed, contents.rindex(b"PK\5\6") + 12, size)
    return bytes(changed)


def _with_long_index(comment):
    """Have an index whose length is said in 64 bits, and another one in 32."""
    number = 100_000
    entry = bytearray(46)
    struct.pack_into("<4sBBH", entry, 0, b"PK\1\2", 20, 3, 20)
    index = bytes(entry) * number
    long = (44, 45, 45, 0, 0, number, number, len(index), 0)
    # Whoever looks for the end from behind takes this place for it.
    place = len(index) if comment else int.from_bytes(b"PK\6\6", "little")
    return b"".join(
        [
            index,
            struct.pack("<4sQ2H2L4Q", b"PK\6\6", *long),
            struct.pack("<4sLQL", b"PK\6\7", 0, place, 1),
            struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 46, 0, len(comment)),
            comment,
        ]
    )


def _with_twin(contents):
    file = io.BytesIO(contents)
    with zipfile.ZipFile(file, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("classifier.json", b"{}")
    return file.getvalue()


def _overlapping(honest):
    """Have a thousand entries that are all the same bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", json.dumps(honest.config))
        archive.writestr("model.weights.h5", honest.weights)
        archive.writestr("assets/0", bytes(10**6))
        for n in range(1, 1000):
            twin = zipfile.ZipInfo(f"assets/{n}")
            first = archive.getinfo("assets/0")
            for field in ("header_offset", "CRC", "compress_size", "file_size"):
                setattr(twin, field, getattr(first, field))
            archive.filelist.append(twin)
        archive._didModify = True
    return file.getvalue()
