"""DICOM files, by their values: of a file no more is looked at than its image.

Elements that tell of a patient are skipped where they stand. What is said of a file
that cannot be read is said in our words: pydicom's could hold something of its header.
"""

import contextlib
import io
import logging
import math
import struct
from collections.abc import Sequence
from functools import cache

import numpy as np

from reticnn.data.described import Described, check_room
from reticnn.data.readers.peers import missing
from reticnn.data.readers.sizes import size_in
from reticnn.data.refusing import RefusedError
from reticnn.data.value_range import scaled_values

ENDINGS = (".dcm", ".dicom", ".dic", ".ima")

# Without a handler, Python prints what is logged.
logging.getLogger("pydicom").addHandler(logging.NullHandler())

# What is read of a header. All else is skipped: above all who is in the image.
_TAGS = (
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("NumberOfFrames", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("VOILUTSequence", "ModalityLUTSequence", "RescaleSlope", "RescaleIntercept"),
    *("RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData"),
    *("GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData"),
    *("BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
)

# Where a file of several frames has what is said of one of them.
_SHARED, _OF_EACH = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_OF_VALUES, _OF_WINDOW = "PixelValueTransformationSequence", "FrameVOILUTSequence"

# A header has no more bytes and is read in no more steps: where elements lie in others,
# each of them takes some kilobytes of memory.
_LONGEST_HEADER = 32 << 20
_MOST_STEPS = 100_000

# The elements that hold an image, of floating-point values or of whole numbers; and how
# many bytes come before their values.
_FIRST_PIXELS = 0x7FE00008
_PIXELS = {0x0008: "f4", 0x0009: "f8", 0x0010: None}
_LONGEST_HEAD = 12

# What frames with windows of their own are brought to, so that they can be bands.
_PIXELS_LIMITS = (0, 255)

_GREYS = ("MONOCHROME1", "MONOCHROME2")
_PALETTE = "PALETTE COLOR"
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")

# How values get into a window, if not along a line: by a table, or along a curve.
_TABLE = "table"


def is_mine(beginning):
    """Return whether a file that begins so is one."""
    return beginning[128:132] == b"DICM"


@cache
def is_readable():
    """Return whether the package that reads such files is installed."""
    try:
        import pydicom.encaps
        import pydicom.filereader
        import pydicom.pixels  # noqa: F401
    except ImportError:
        return False
    return True


def described(file, reading):
    """Return what the header of a file says.

    Raises:
        RefusedError: If its values cannot be read, or not in the memory there is.
    """
    if not is_readable():
        raise missing("pydicom", "a DICOM file")
    header = _header_of(file)
    frames = [
        _Frame(header, number, reading) for number in _chosen(header, reading.page)
    ]
    colours = 3 if header.has_palette else header.samples
    has_window = any(frame.has_window for frame in frames)
    if has_window and len({frame.limits for frame in frames}) > 1:
        dtype, limits = np.dtype("f4"), _PIXELS_LIMITS
    else:
        dtype = np.result_type(*(frame.dtype for frame in frames))
        lows, highs = zip(*(frame.limits for frame in frames), strict=True)
        limits = min(lows), max(highs)
    about = Described(
        "DICOM",
        header.columns,
        header.rows,
        colours * len(frames),
        dtype,
        limits,
        is_colour=colours == 3 and len(frames) == 1,
        has_own_limits=has_window,
        has_more_pages=header.frames > 1,
        is_negative=header.is_white_low,
        details=(header, frames),
    )
    length = file.seek(0, io.SEEK_END)
    check_room(about, length, _bytes_to_decode(about, header))
    for frame in frames:
        header.check_frame(file, frame.number)
    return about


def values(file, about, reading, take):
    """Return the values of a file, (height, width, bands): grey ones rescaled."""
    header, frames = about.details
    take(_bytes_to_decode(about, header))
    found = [
        _within(frame.values(header.stored(file, frame.number)), frame, about)
        for frame in frames
    ]
    found = found[0] if len(found) == 1 else np.concatenate(found, axis=2)
    if found.shape != (about.height, about.width, about.bands):
        raise RefusedError(
            f"is damaged: its values are {found.shape}, not "
            f"{(about.height, about.width, about.bands)}"
        )
    return found


def _within(found, frame, about):
    """Return the values of a frame, as pixels where each frame has its own window."""
    if not about.has_own_limits or frame.limits == about.limits:
        return found
    return scaled_values(found, (frame.limits,))


def _bytes_to_decode(about, header):
    """Return the memory that it takes: as stored, rescaled, and in 64 bits."""
    return about.count * (20 + header.bytes_each)


def _chosen(header, page):
    """Return the numbers of the frames that are read."""
    if page == "first":
        return [0]
    if page == "bands":
        return list(range(header.frames))
    if page >= header.frames:
        frames = f"{header.frames} frame{'' if header.frames == 1 else 's'}"
        raise RefusedError(f"has {frames}, and not as many as `page` says")
    return [page]


def _header_of(file):
    """Return what is known of the image in a file."""
    import pydicom.filereader

    with _in_our_words("its header cannot be understood"):
        file.seek(0)
        dataset = pydicom.filereader.read_partial(
            _Header(file),
            stop_when=lambda tag, *_: tag >= _FIRST_PIXELS,
            specific_tags=[pydicom.tag.Tag(name) for name in _TAGS],
        )
        return _Image(dataset, file.tell(), file.read(_LONGEST_HEAD))


class _Header:
    """A file of which no more is read than a header needs."""

    def __init__(self, file):
        self._file = file
        self._left = _LONGEST_HEADER
        self._steps = 0

    def __getattr__(self, name):
        return getattr(self._file, name)

    def read(self, size=-1):
        """Return the next bytes."""
        if size is None or size < 0:
            # What pydicom does only where it has all of a file inflated.
            raise RefusedError(
                "is a DICOM file that is deflated as a whole, which is not read: save "
                "it in another way"
            )
        self._steps += 1
        if size > self._left or self._steps > _MOST_STEPS:
            raise RefusedError(
                "is damaged, or has a header that is longer than any real one"
            )
        found = self._file.read(size)
        self._left -= len(found)
        return found


@contextlib.contextmanager
def _in_our_words(problem):
    """Have whatever pydicom raises said without its words."""
    try:
        yield
    except (RefusedError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error.__context__, RefusedError):
            raise error.__context__ from None
        # Neither its text nor what led to it is for anybody to see.
        raise RefusedError(f"is damaged: {problem} ({type(error).__name__})") from None


class _Image:
    """What a header says of an image, whose element stands at a place of the file."""

    def __init__(self, dataset, place, head):
        get = dataset.get
        self.dataset = dataset
        self.rows, self.columns = get("Rows"), get("Columns")
        self.allocated = get("BitsAllocated")
        if not (self.rows and self.columns and self.allocated and len(head) >= 8):
            raise RefusedError("has no image: it is a DICOM file of another kind")
        self.syntax = dataset.file_meta.get("TransferSyntaxUID")
        if self.syntax is None:
            raise RefusedError("is damaged: nothing says how its image is stored")
        order = "<" if self.syntax.is_little_endian else ">"
        self.floats = _PIXELS.get(struct.unpack(f"{order}HH", head[:4])[1])
        self._start = place + (8 if self.syntax.is_implicit_VR else _LONGEST_HEAD)
        self.frames = max(1, int(get("NumberOfFrames") or 1))
        self.samples = get("SamplesPerPixel") or 1
        self.colours = str(get("PhotometricInterpretation", "")).strip()
        self.is_white_low = self.colours == "MONOCHROME1"
        self.has_palette = self.colours == _PALETTE
        self.bits = get("BitsStored") or self.allocated
        self.bytes_each = -(-self.allocated // 8)
        self.is_signed = bool(get("PixelRepresentation"))
        self._check()

    def _check(self):
        wanted = {1: (*_GREYS, _PALETTE), 3: _COLOURS}.get(self.samples, ())
        if self.colours not in wanted:
            raise RefusedError(
                f"has {self.samples} values for each pixel, of a kind that is not read"
            )
        if self.allocated not in (1, 8, 16, 32, 64) or not (
            0 < self.bits <= self.allocated
        ):
            raise RefusedError(
                f"is damaged: it says to have {self.bits} of {self.allocated} bits"
            )
        if self.syntax.is_compressed:
            self._check_can_be_decoded()

    def _check_can_be_decoded(self):
        from pydicom.pixels import get_decoder

        name = self.syntax.name.split(" (")[0].split(" Image Compression")[0]
        try:
            decoder = get_decoder(self.syntax)
        except NotImplementedError:
            raise RefusedError(
                f"is compressed as {name}, which is not read: convert it"
            ) from None
        if not decoder.is_available:
            library = "openjpeg" if "2000" in name else "libjpeg"
            raise missing(
                f"pylibjpeg with pylibjpeg-{library}",
                f"a DICOM file compressed as {name}",
            )

    @property
    def _stored_bytes(self):
        """Bytes of a frame that is not compressed."""
        count = self.rows * self.columns * self.samples
        if self.allocated == 1:
            return -(-count // 8)
        if self.colours == "YBR_FULL_422":
            count = count // 3 * 2
        return count * self.bytes_each

    def check_frame(self, file, frame):
        """Raise if a frame is not there, or of another size than the header says."""
        if not self.syntax.is_compressed:
            there = file.seek(0, io.SEEK_END) - self._start
            if there < self._stored_bytes * (frame + 1):
                raise RefusedError(
                    f"is damaged: its image has {max(0, there):,} bytes, and takes "
                    f"{self._stored_bytes * self.frames:,}"
                )
            return
        encoded = self._encoded(file, frame)
        if self.syntax.name == "RLE Lossless":
            # Never longer than what does not repeat itself at all.
            fits = len(encoded) <= 2 * self._stored_bytes + 1024
            found = "one of a larger size"
        else:
            size = size_in(encoded)
            fits = size == (self.columns, self.rows)
            found = "one of {} x {}".format(*size) if size else "none that is known"
        if not fits:
            raise RefusedError(
                f"is damaged: it says to have {self.columns} x {self.rows} pixels, and "
                f"the image in it is {found}"
            )

    def _encoded(self, file, frame):
        from pydicom.encaps import get_frame

        offsets = None
        if "ExtendedOffsetTable" in self.dataset:
            names = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
            offsets = tuple(self.dataset.get(name) for name in names)
        with _in_our_words("its image cannot be found"):
            file.seek(self._start)
            return get_frame(
                file, frame, number_of_frames=self.frames, extended_offsets=offsets
            )

    def stored(self, file, frame):
        """Return a frame as it is stored, with colours as red, green and blue."""
        if self._is_plain:
            return self._plain_values(file, frame)
        from pydicom.pixels import pixel_array

        with _in_our_words("its image cannot be decoded"):
            file.seek(0)
            return pixel_array(file, index=frame)

    @property
    def _is_plain(self):
        """Whether frames are stored as NumPy has them, as most are."""
        return (
            not self.syntax.is_compressed
            and self.syntax.is_little_endian
            and self.samples == 1
            and self.allocated in (8, 16, 32)
            and self.dataset.get("HighBit") == self.bits - 1
            and not self.floats
        )

    def _plain_values(self, file, frame):
        """Return what pydicom would, in a third of the time."""
        file.seek(self._start + frame * self._stored_bytes)
        stored = file.read(self._stored_bytes)
        kind = f"<{'i' if self.is_signed else 'u'}{self.bytes_each}"
        found = np.frombuffer(stored, kind).reshape(self.rows, self.columns)
        unused = self.allocated - self.bits
        return (found << unused) >> unused if unused else found


class _Frame:
    """What is said of the values of a frame."""

    def __init__(self, image, number, reading):
        self._dataset = image.dataset
        self.number = number
        self._slope = self._window = None
        with _in_our_words("its header cannot be understood"):
            limits, self.dtype = self._meaning(image)
            says_window = image.colours in _GREYS and self._says_window()
            if says_window and reading.value_range.asked is None:
                self._window = self._windowing()
        self.has_window = self._window is not None
        self.limits = self._window[0] if self.has_window else limits
        # Of 8 bits only where values are pixels already: not where a range that was
        # asked for takes the place of a window.
        is_replaced = says_window and not self.has_window
        if self.dtype == np.uint8 and (is_replaced or self.limits != (0, 255)):
            self.dtype = np.dtype("u2")

    def _meaning(self, image):
        """Return the limits and the type of the values that an image has."""
        if image.floats:
            return (0, 1), np.dtype(image.floats)
        if image.has_palette:
            return _of_bits(self._dataset.RedPaletteColorLookupTableDescriptor[2])
        lowest = -(2 ** (image.bits - 1)) if image.is_signed else 0
        stored = _of_bits(image.bits, lowest)
        return self._rescaled(*stored) if image.colours in _GREYS else stored

    def _said(self, group, name):
        """Return an element of this frame, of all frames, or of the file; or None."""
        for of_frames, number in ((_OF_EACH, self.number), (_SHARED, 0)):
            items = self._dataset.get(of_frames) or []
            if number < len(items) and items[number].get(group):
                found = items[number][group].value[0].get(name)
                if found is not None:
                    return found
        return self._dataset.get(name)

    def _rescaled(self, limits, dtype):
        """Return the limits and the type of what an apparatus means by its values."""
        if self._dataset.get("ModalityLUTSequence"):
            return _of_bits(self._dataset.ModalityLUTSequence[0].LUTDescriptor[2])
        slope = self._said(_OF_VALUES, "RescaleSlope")
        intercept = self._said(_OF_VALUES, "RescaleIntercept")
        if slope is None or intercept is None or (slope, intercept) == (1, 0):
            return limits, dtype
        self._slope, self._intercept = float(slope), float(intercept)
        ends = [end * self._slope + self._intercept for end in limits]
        if not (all(map(math.isfinite, ends)) and self._slope):
            raise RefusedError(
                f"has values rescaled by {self._slope:g} and {self._intercept:g}, "
                "which cannot be"
            )
        if not all(map(float.is_integer, (self._slope, self._intercept))):
            return tuple(sorted(ends)), np.dtype("f4")
        low, high = sorted(map(int, ends))
        _, dtype = _of_bits((high - low).bit_length(), low)
        return (low, high), dtype

    def _says_window(self):
        """Return whether the file says what is black and white."""
        return (
            bool(self._dataset.get("VOILUTSequence"))
            or None not in self._centre_and_width()
        )

    def _centre_and_width(self):
        """Return the centre and the width of the file's window, None if not said."""
        names = ("WindowCenter", "WindowWidth")
        return [_first(self._said(_OF_WINDOW, name)) for name in names]

    def _windowing(self):
        """Return the limits of the file's window, and how values get there."""
        if self._dataset.get("VOILUTSequence"):
            bits = self._dataset.VOILUTSequence[0].LUTDescriptor[2]
            return (0, 2**bits - 1), _TABLE
        centre, width = map(float, self._centre_and_width())
        if not (math.isfinite(centre) and 0 < width < math.inf):
            raise RefusedError(
                f"has a window {width:g} wide around {centre:g}, which is impossible: "
                "give the values that are black and white as `value_range`"
            )
        kind = str(self._said(_OF_WINDOW, "VOILUTFunction") or "LINEAR").upper()
        if kind == "SIGMOID":
            return (0, 255), (centre, width)
        if kind == "LINEAR" and width > 1:
            centre, width = centre - 0.5, width - 1
        return (centre - width / 2, centre + width / 2), None

    def values(self, stored):
        """Return values as they are meant, (height, width, bands)."""
        with _in_our_words("its values cannot be rescaled"):
            found = self._in_window(self._meant(stored))
        return found.reshape(*found.shape[:2], -1)

    def _meant(self, stored):
        from pydicom import pixels

        if "RedPaletteColorLookupTableData" in self._dataset:
            return pixels.apply_color_lut(stored, self._dataset)
        if self._dataset.get("ModalityLUTSequence"):
            return pixels.apply_modality_lut(stored, self._dataset)
        if self._slope is None:
            return stored
        if self._slope == 1 and self.dtype.kind != "f":
            return np.add(stored, int(self._intercept), dtype=self.dtype)
        return (stored * self._slope + self._intercept).astype(self.dtype)

    def _in_window(self, found):
        way = self._window and self._window[1]
        if way is None:
            return found
        if way == _TABLE:
            from pydicom.pixels import apply_voi

            return apply_voi(found, self._dataset)
        centre, width = way
        return 255 / (1 + np.exp(-4 * (found - centre) / width))


def _first(value):
    """Return the first of several values, or the only one; None if there is none."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value[0] if len(value) else None
    return None if value in (None, "") else value


def _of_bits(bits, low=0):
    """Return the limits and the type of whole numbers that have so many bits."""
    size = next(size for size in (8, 16, 32, 64) if bits + (low < 0) <= size)
    limits = (low, low + 2**bits - 1)
    return limits, np.dtype(f"{'i' if low < 0 else 'u'}{size // 8}")
