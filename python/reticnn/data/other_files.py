"""Files of other kinds that lie beside images: which they are, and how many."""

import os
import re
from collections import Counter

from reticnn.runtime.conditions import warn_user

# Files that systems make for themselves, in every folder.
_OF_THE_SYSTEM = {"thumbs.db", "desktop.ini", "icon\r"}

# What reads files with these endings, if it is installed.
_READERS = {
    "pillow-heif": (".heic", ".heics", ".heif", ".heifs", ".hif"),
    "pillow-jxl-plugin": (".jxl",),
    "pydicom": (".dcm", ".dicom", ".dic", ".ima"),
}
_INSTALL = {ending: name for name, endings in _READERS.items() for ending in endings}

# Endings of files that hold pictures which nothing here reads.
_PICTURES = {
    f".{ending}"
    for kind in (
        # Photos, and raw files of cameras.
        "heic heics heif heifs hif jxl jxr hdp wdp avif avifs jls exr hdr",
        "3fr arw bay cr2 cr3 crw dcr dng erf fff gpr iiq k25 kdc mef mos mrw nef nrw",
        "orf pef ptx raf raw rw2 rwl sr2 srf srw x3f",
        # Of science.
        "czi dcm dicom ima lif lsm mha mhd mrxs nd2 ndpi nii nrrd oib oif oir scn svs",
        "vsi nc hdf5 mat npy npz",
        # Pages, drawings, films.
        "ai cdr djvu eps indd pdf ps svg wmf xcf",
        "3gp avi m2ts m4v mkv mov mp4 mpeg mpg mts webm wmv",
    )
    for ending in kind.split()
}

# So many endings are named.
_NAMED = 10

_ENDING = re.compile(r"\.[a-z0-9_+~-]{1,12}")


def is_of_the_user(name):
    """Return whether a file is neither hidden nor one that systems make."""
    return not name.startswith(".") and name.lower() not in _OF_THE_SYSTEM


def left_out_text(files):
    """Return how many files of other kinds there are, by their endings.

    As in "36 files of other kinds are left out: 12 .heic (install pillow-heif), 24
    .nef".
    """
    if len(files) == 1:
        return f"1 file of another kind is left out: {_counted(files)}"
    return f"{len(files):,} files of other kinds are left out: {_counted(files)}"


def no_images_text(files):
    """Return a sentence on the files of other kinds where there are no images."""
    if not files:
        return ""
    return f" The files there are of other kinds: {_counted(files)}."


def warn_of_pictures(files, name):
    """Warn if pictures are among the files of other kinds that are left out.

    Args:
        files: Their paths.
        name: The argument that names the folder, for the message.
    """
    if any(_ending_of(file) in _PICTURES for file in files):
        warn_user(
            f"In `{name}`, {left_out_text(files)}. Convert those that are images, or "
            "read them with a `reader`, which `image_folder()` accepts."
        )


def _ending_of(file):
    """Return what a file's kind is called by, "" where that is unclear."""
    ending = os.path.splitext(file)[1].lower()
    return ending if _ENDING.fullmatch(ending) else ""


def _counted(files):
    counts = sorted(Counter(map(_ending_of, files)).items())
    named = counts if len(counts) <= _NAMED else _most_frequent(counts)
    parts = [f"{count:,} {_kind(ending)}" for ending, count in named]
    rest = len(files) - sum(count for _, count in named)
    return ", ".join([*parts, *([f"{rest:,} with other endings"] if rest else [])])


def _most_frequent(counts):
    """Return the counts of the endings that most files have, still sorted."""
    return sorted(sorted(counts, key=lambda pair: -pair[1])[:_NAMED])


def _kind(ending):
    """Return an ending, and what to install to have such files read."""
    if not ending:
        return "without an ending"
    install = _INSTALL.get(ending)
    return f"{ending} (install {install})" if install else ending
