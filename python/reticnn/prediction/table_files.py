"""Files that tables of predictions are added to, and that outlive a kill."""

import csv
import os
import shutil
from itertools import chain
from types import SimpleNamespace

from reticnn.notation import installing
from reticnn.runtime.conditions import MissingPackageError
from reticnn.runtime.writing import replacing, unwritten

# Between the classes of a set, in a file that has texts only.
BETWEEN = ";"

_ENDS = "\r\n"


class CsvFile:
    """A CSV file in UTF-8: missing values are empty, and sets joined by semicolons."""

    def __init__(self, path):
        """Take the path of the file."""
        self._path = path

    def go_on_from(self, state):
        """Take away all that was written after a state, as `add` returns it.

        Raises:
            ValueError: If the file has less than there was.
        """
        size = state or 0
        if size:
            self.check(size)
        with open(self._path, "r+b" if size else "wb") as file:
            file.truncate(size)

    def check(self, state):
        """Look at a file that is finished.

        Raises:
            ValueError: If it has less than there was.
        """
        there = os.path.getsize(self._path)
        if there < state:
            raise ValueError(f"has {there:,} of the {state:,} bytes it had")

    def is_there(self, is_done=False):
        """Return whether anything has been written, or all of it."""
        return os.path.exists(self._path)

    def add(self, table, state):
        """Add a table to what is in the file at a state, None in the beginning.

        Returns:
            The state then: the number of bytes.
        """
        rows = zip(*map(_as_texts, table.values()), strict=True)
        text = _as_csv(rows if state else chain([table], rows))
        with open(self._path, "ab") as file:
            # The names of files need not be in any encoding.
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def finish(self, state):
        """Make the file what it is to be, when all tables have been added."""

    def clear(self):
        """Delete what the finished file does not need."""


class ParquetFile:
    """A Parquet file, whose parts lie in a folder beside it until it is whole."""

    def __init__(self, path):
        """Take the path of the file.

        Raises:
            MissingPackageError: If pyarrow is not installed.
        """
        self._pyarrow = _pyarrow()
        self._path = path
        self._folder = f"{path}.parts"

    def go_on_from(self, state):
        """Take away all that was written after a state, as `add` returns it.

        Raises:
            ValueError: If the folder has less than there was.
        """
        os.makedirs(self._folder, exist_ok=True)
        lost = [n for n in range(state or 0) if not os.path.exists(self._part(n))]
        if lost:
            raise ValueError(f"has lost {len(lost):,} of its {state:,} parts")
        kept = {os.path.basename(self._part(n)) for n in range(state or 0)}
        for name in os.listdir(self._folder):
            # What a kill has left of a part half written is a folder, swept away when
            # the next one is written.
            if name.endswith(".parquet") and name not in kept:
                os.remove(os.path.join(self._folder, name))

    def check(self, state):
        """Look at a file that is finished, whose parts are gone."""

    def is_there(self, is_done=False):
        """Return whether anything has been written, or all of it."""
        if os.path.exists(self._path):
            return True
        return not is_done and os.path.exists(self._folder)

    def add(self, table, state):
        """Add a table to what is there at a state, None in the beginning.

        Returns:
            The state then: the number of parts.
        """
        number = state or 0
        part = self._part(number)
        with replacing(part, unwritten(part)) as whole:
            self._pyarrow.parquet.write_table(self._typed(table), whole)
        return number + 1

    def finish(self, state):
        """Make one file of all parts, which stay."""
        parquet = self._pyarrow.parquet
        with replacing(self._path, unwritten(self._path)) as whole:
            schema = parquet.read_schema(self._part(0))
            with parquet.ParquetWriter(whole, schema) as writer:
                for number in range(state):
                    writer.write_table(parquet.read_table(self._part(number)))

    def clear(self):
        """Delete what the finished file does not need."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _part(self, number):
        return os.path.join(self._folder, f"{number:06}.parquet")

    def _typed(self, table):
        """Return a table of pyarrow's, each of whose parts has the same types."""
        arrow = self._pyarrow
        types = dict.fromkeys((".pred_class", ".file", ".problem"), arrow.string())
        types[".novel"] = arrow.bool_()
        # A class may be called "set", too: its column comes after that of the class.
        if next(iter(table)) == ".pred_set":
            types[".pred_set"] = arrow.list_(arrow.string())
        schema = arrow.schema(
            [(name, types.get(name, arrow.float64())) for name in table]
        )
        columns = {**table, ".file": list(map(_readable, table[".file"]))}
        return arrow.table(columns, schema=schema)


_KINDS = {".csv": CsvFile, ".parquet": ParquetFile}


def table_file(path):
    """Return the file of a path, by its ending.

    Raises:
        ValueError: If it is another one.
        MissingPackageError: If a package is missing.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in _KINDS:
        raise ValueError(
            f"`path` must end in '.csv' or '.parquet', unlike {path!r}. Give it such "
            "an extension."
        )
    return _KINDS[ending](path)


def _pyarrow():
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingPackageError(
            "`path` is a Parquet file, which needs the Python package pyarrow. Install "
            f"it: {installing('pyarrow')}. Or use a path that ends in '.csv'."
        ) from error
    return pyarrow


def _as_csv(rows):
    """Return the lines of rows, with all in quotes that would break a line."""
    lines = []
    # The writer quotes those characters of which its own ends of lines are made.
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator=_ENDS)
    writer.writerows(rows)
    return "".join(f"{line.removesuffix(_ENDS)}\n" for line in lines)


def _as_texts(column):
    """Return values as a CSV file has them, in words that R knows, too."""
    return [_as_text(value) for value in column]


def _as_text(value):
    if isinstance(value, list):
        return BETWEEN.join(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return None if value != value else value


def _readable(path):
    """Return a path as text, with marks in place of what is none."""
    return os.fsencode(path).decode("utf-8", "replace")
