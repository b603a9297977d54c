"""Predictions for more images than fit into a table, written to a file as they come."""

import contextlib
import json
import os
import time

import numpy as np

from reticnn.coercion import as_ints, shown
from reticnn.data.file_images import FileImages
from reticnn.prediction.accepting_images import images_to_predict
from reticnn.prediction.table_files import BETWEEN, CsvFile, table_file
from reticnn.prediction.tables import tables_of
from reticnn.runtime.conditions import warn_user
from reticnn.runtime.digests import digest_of
from reticnn.runtime.foreign.texts import read_json
from reticnn.runtime.locks import FileLock, HeldError
from reticnn.runtime.onnx_network import OnnxNetwork
from reticnn.runtime.progress import as_step_progress
from reticnn.runtime.writing import (
    as_file_to_write,
    reason_of,
    replacing,
    unwritten,
    way_out_of,
)
from reticnn.saving.fingerprint import digests_of
from reticnn.saving.save import record_of

_FORMAT = 1
_FIELDS = {"run", "rows", "state", "done"}

# What is lost by a kill is at most what is done in about so many seconds.
_SECONDS = 10.0
_FIRST_BATCHES = 4
_MOST_BATCHES = 1000

# What predictions depend on, besides weights, in the record of a classifier.
_KNOWN = ("class_names", "output", "calibration", "sets", "set_images", "novelty")
_KNOWN += ("augmentation", "class_shares")

# What may have become of files since is said, and no other run.
_SIZES = "sizes"

# What a record of a run says.
_OF_RECORD = {"run", "rows", "problems", "state", "done"}

# What a run is told by, as it is called in messages.
_DIFFERENCES = {
    "classifier": "by another classifier",
    "images": "for other images",
    "part": "for another `part`",
    "settings": "with other arguments",
}


def write_predictions(
    classifier,
    images,
    path,
    *,
    class_names=None,
    batch_size=32,
    tta=0,
    crops=1,
    scales=None,
    part=None,
    progress="auto",
    output="auto",
    prior=None,
    type="class",
):
    """Predict the classes of any number of images, and write them to a file.

    Rows are added every few seconds, in the order of the images, so that of all the
    images only the paths are kept in memory. If a run is cut off, for whatever reason,
    the same call continues where it stopped, and the file ends up as if nothing had
    happened. A finished run is not repeated, unless its file is gone.

    Several processes or machines share the work if each is given a different `part` and
    `path`; the rows of all parts, one after another, are those of the whole.

    Args:
        classifier: Classifier, or a Keras model, as in `predict_images`.
        images: Path of a folder, for the images in it and its subfolders; paths of
            images; or image data in files, but not tiles, nor what a `reader` has read.
        path: Path of the file to write, which ends in `.csv`, or in `.parquet` if the
            Python package pyarrow is installed. A file `<path>.run` beside it records
            how far the run has got; until a Parquet file is complete, there is also a
            folder `<path>.parts`.
        class_names: As in `predict_images`. Default None.
        batch_size: Whole number of images per batch. Default 32.
        tta: As in `predict_images`. Default 0.
        crops: As in `predict_images`. Default 1.
        scales: As in `predict_images`. Default None.
        part: Two whole numbers, which part of the images is predicted and how many
            parts there are: `(2, 8)` is the second of eight. None for all. Default
            None.
        progress: As in `predict_images`. Default `"auto"`.
        output: As in `predict_images`. Default `"auto"`.
        prior: As in `predict_images`. Default None.
        type: `"class"` or `"set"`, as in `predict_images`. In a CSV file, semicolons
            separate the classes of a set. Default `"class"`.

    Returns:
        The path of the file, with the columns of `predict_images` and `.problem`, the
        reason why an image cannot be read. Its predictions are then missing; in a CSV
        file, missing values are empty.

    Raises:
        TypeError: As for `predict_images`.
        FileNotFoundError: If a folder does not exist, or if none of the files does.
        ValueError: As for `predict_images`, but not for files that cannot be read; if
            the images are not in files; if `part` is not valid; if the file contains
            anything other than a run with the same arguments, or has become shorter
            since; or if another process is writing it.
        ImportError: If a package is missing.
        OSError: If the file cannot be written. Rows written before stay.

    Warns:
        UserWarning: As for `predict_images`; if images cannot be read, how many; or if
            file sizes have changed since the run began. Other files with the same names
            and sizes are not noticed.

    Example:
        >>> write_predictions(classifier, "~/photos", "predictions.csv")
        'predictions.csv'
        >>> # On the third of four machines:
        >>> write_predictions(classifier, "~/photos", "3.csv", part=(3, 4))
        '3.csv'
    """
    start_progress = as_step_progress(progress)
    path = as_file_to_write(path)
    file = table_file(path)
    tables = tables_of(
        *(classifier, class_names, output, type, prior, batch_size),
        tta=tta,
        crops=crops,
        scales=scales,
    )
    part = _as_part(part)
    if tables.with_sets and isinstance(file, CsvFile):
        _check_names(tables.classifier.class_names)
    problems = {}
    shape = tables.views.reading_shape
    data = images_to_predict(images, shape, tables.classifier, "note")
    data = _noting(data, problems)
    some, run = _part_of(data, part), _told_by(tables, data, part, path)
    with _alone(path):
        record = _begun(path, file, run)
        if not record["done"]:
            _write(path, file, record, tables, some, problems, start_progress)
        file.clear()
    _warn_of_problems(path, record)
    return path


def _as_part(value):
    """Return (number, count) of a part of the images, counted from 1."""
    if value is None:
        return (1, 1)
    part = as_ints(value, "part", minimum=None)
    if len(part) != 2 or not 1 <= part[0] <= part[1]:
        raise ValueError(
            f"`part` must be two whole numbers, as in `part=(2, 8)` for the second "
            f"of eight parts, not {shown(value)}."
        )
    return part


def _check_names(class_names):
    """Raise if classes could not be told apart in a set written as text."""
    parted = [name for name in class_names if BETWEEN in name]
    if parted:
        raise ValueError(
            f"`path` must end in '.parquet' for sets of these classes: {shown(parted)} "
            f"has {BETWEEN!r}, which separates the classes of a set in a CSV file."
        )


def _noting(data, problems):
    """Return image data in files that note in a dict which of them cannot be read."""
    if type(data.source) is not FileImages:
        kinds = {
            data.files is None: "images in memory",
            data.boxes is not None: "tiles",
        }
        raise ValueError(
            "`images` must be image files, which are read one by one, not "
            f"{kinds.get(True, 'images of several sources or from a `reader`')}. Give "
            "a folder or paths, or use `predict_images()`."
        )
    return data.with_source(data.source.noting(problems))


def _part_of(data, part):
    """Return one part of image data."""
    number, count = part
    start, stop = (len(data) * n // count for n in (number - 1, number))
    if start == stop:
        raise ValueError(
            f"`part` has more parts than there are images: {count} for {len(data)}. "
            "Use fewer."
        )
    return data[start:stop]


def _told_by(tables, data, part, path):
    """Return texts by which a run is known to be the same, by what they are of."""
    record = record_of(tables.classifier)
    known = [record[name] for name in _KNOWN]
    known += _digests_of(tables.classifier.network)
    prior = None if tables.prior is None else tables.prior.tolist()
    settings = {**tables.views.settings, "prior": prior, "sets": tables.with_sets}
    how = [data.reading.to_config(), data.resize, data.image_shape]
    how.append(_place_of_files(data, path))
    return {
        "classifier": digest_of(_as_bytes(known)),
        "images": digest_of(_as_bytes(how), *map(os.fsencode, data.files)),
        "part": list(part),
        "settings": digest_of(_as_bytes(settings)),
        _SIZES: digest_of(np.ascontiguousarray(data.source.sizes[data.indices])),
    }


def _place_of_files(data, path):
    """Return the folder of relative paths, as seen from where the predictions go.

    Elsewhere, others may have the same names. None where there are no such paths.
    """
    for file, place in zip(data.files, data.places, strict=True):
        if not os.path.isabs(file):
            folder = place.removesuffix(file)
            with contextlib.suppress(ValueError):  # Of different drives.
                return os.path.relpath(folder, os.path.dirname(os.path.abspath(path)))
            return folder
    return None


def _digests_of(network):
    """Return texts that differ where networks do.

    A graph beside a Keras model has those of the model, which may be loaded meanwhile.
    """
    if isinstance(network, OnnxNetwork):
        return network.record.get("digests") or [digest_of(network.contents)]
    return digests_of(network)


def _as_bytes(value):
    return json.dumps(value, sort_keys=True).encode()


@contextlib.contextmanager
def _alone(path):
    """Hold a path as long as the block runs, so that no other process writes there."""
    try:
        lock = FileLock(f"{path}.lock")
    except HeldError as holder:
        raise ValueError(
            f"`path` is being written by {holder}: {path!r}. Wait until that has "
            "ended, or use another path and another `part`."
        ) from None
    try:
        yield
    finally:
        lock.release(delete=True)


def _begun(path, file, run):
    """Return the record of a run, that of an earlier call if there was one."""
    new = {
        "format": _FORMAT,
        "run": run,
        "rows": 0,
        "problems": 0,
        "state": None,
        "done": False,
    }
    record = _record_at(path)
    if record is None:
        if file.is_there():
            raise ValueError(
                f"`path` exists, without a record of a run beside it: {path!r}. Delete "
                "it, or use another path."
            )
        record = new
        _keep(path, record)
    others = [name for name in run if record["run"].get(name) != run[name]]
    if others == [_SIZES]:
        _warn_of_other_files(path)
    elif others:
        known = [_DIFFERENCES[name] for name in others if name != _SIZES]
        differences = " and ".join(known)
        raise ValueError(
            f"`path` has predictions made {differences}: {path!r}. Use another path, "
            f"or delete the file and {_place_of_record(path)!r} to start again."
        )
    if not file.is_there(record["done"]):
        record = new
    _go_on(path, file, record)
    return record


def _warn_of_other_files(path):
    warn_user(
        "`images` has files that are gone, there again, or larger or smaller than when "
        "they were first predicted: rows written before are of the files as they were, "
        f"in {path!r}. Delete it and {_place_of_record(path)!r} to start again."
    )


def _go_on(path, file, record):
    look = file.check if record["done"] else file.go_on_from
    try:
        look(record["state"])
    except ValueError as error:
        raise ValueError(
            f"`path` {error} when it was last written: {path!r}. Delete it and "
            f"{_place_of_record(path)!r} to start again."
        ) from None


def _record_at(path):
    """Return the record that lies beside a file, or None."""
    place = _place_of_record(path)
    try:
        with open(place, "rb") as file:
            record = read_json(file.read())
        if record["format"] == _FORMAT and {*record} >= _OF_RECORD:
            return record
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(
        f"`path` has a record of its run that cannot be read, {place!r}. Delete both, "
        "or use another path."
    )


def _keep(path, record):
    place = _place_of_record(path)
    with replacing(place, unwritten(place)) as whole, open(whole, "w") as file:
        json.dump(record, file)


def _place_of_record(path):
    return f"{path}.run"


def _write(path, file, record, tables, data, problems, start_progress):
    """Predict what is left of image data, write it, and keep a record of that."""
    sources = tables.views.sources(data)
    batches, size = _FIRST_BATCHES, tables.batch_size
    left = -(-(len(data) - record["rows"]) // size)
    report, step = start_progress(left * len(sources)), 0
    while record["rows"] < len(data):
        start = time.monotonic()
        some = slice(record["rows"], record["rows"] + batches * size)
        within = data[some]
        table = tables.of(
            *(within, [source[some] for source in sources]),
            start_progress=lambda steps, before=step: _from(report, before),
        )
        step += -(-len(within) // size) * len(sources)
        # The same file may be there several times.
        rows = [problems.get(index) for index in within.indices.tolist()]
        problems.clear()
        record["state"] = _added(file, path, _with_problems(table, rows), record)
        record["rows"] += len(within)
        record["problems"] += sum(problem is not None for problem in rows)
        _keep(path, record)
        wanted = batches * _SECONDS / max(time.monotonic() - start, 0.01)
        batches = int(min(max(wanted, 1), 4 * batches, _MOST_BATCHES))
    file.finish(record["state"])
    record["done"] = True
    _keep(path, record)
    file.clear()


def _warn_of_problems(path, record):
    """Warn if there are rows of images that could not be read."""
    count = record["problems"]
    if count:
        warn_user(
            f"{count:,} of {record['rows']:,} images cannot be read: `.problem` in "
            f"{path!r} says why, and their predictions are missing."
        )


def _from(report, before):
    """Return a function that reports steps after others."""
    return lambda step: report(before + step)


def _with_problems(table, problems):
    """Return a table that says of images only why they cannot be read, if so."""
    for name, column in table.items():
        if name != ".file":
            table[name] = [
                value if problem is None else None
                for value, problem in zip(column, problems, strict=True)
            ]
    return {**table, ".problem": problems}


def _added(file, path, table, record):
    """Return the state of a file to which a table has been added."""
    try:
        return file.add(table, record["state"])
    except OSError as error:
        raise OSError(
            f"`path` could not be written ({reason_of(error)}): {path!r}. "
            f"{way_out_of(error)}, and call again: it continues after the "
            f"{record['rows']:,} images that are done."
        ) from error
