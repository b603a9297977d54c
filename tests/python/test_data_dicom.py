"""DICOM files: what pydicom makes of their pixels, and nothing of the patient."""

import io
import json
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from reticnn import (
    check_images,
    evaluate_classifier,
    fit_classifier,
    image_folder,
    image_table,
    load_classifier,
    load_images,
    predict_images,
    report_classifier,
    save_classifier,
)
from reticnn.data.file_reading import Reading
from reticnn.data.readers import dicom
from reticnn.data.refusing import RefusedError

pydicom = pytest.importorskip("pydicom")
from pydicom import uid  # noqa: E402
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset  # noqa: E402
from pydicom.encaps import encapsulate  # noqa: E402
from pydicom.sequence import Sequence  # noqa: E402

NAME = "Byron^Ada^Private"
RNG = np.random.default_rng(1)


def write_dicom(
    path, pixels, syntax=uid.ExplicitVRLittleEndian, encoded=None, bits=None, **header
):
    """Write a file by pydicom's own writer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = syntax
    implicit, little = syntax.is_implicit_VR, syntax.is_little_endian
    data = FileDataset(str(path), {}, b"\0" * 128, meta, implicit, little)
    data.PatientName, data.PatientID = NAME, "SECRET-4711"
    data.PatientBirthDate = "18151210"
    data.SOPClassUID, data.SOPInstanceUID = uid.SecondaryCaptureImageStorage, "1.2.3.4"
    frames = header.pop("frames", 1)
    shape = pixels.shape[1:] if frames > 1 else pixels.shape
    data.Rows, data.Columns = shape[:2]
    data.SamplesPerPixel = shape[2] if len(shape) == 3 else 1
    if frames > 1:
        data.NumberOfFrames = frames
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = "RGB" if len(shape) == 3 else "MONOCHROME2"
    size = 8 * pixels.dtype.itemsize
    data.BitsAllocated, data.BitsStored = size, bits or size
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in header.items():
        setattr(data, name, value)
    if encoded is None:
        order = "<" if little else ">"
        data.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    else:
        data.PixelData = encapsulate(encoded)
    data["PixelData"].VR = "OW" if size > 8 else "OB"
    data.save_as(path, enforce_file_format=True)
    return path


def _read(path, size, **options):
    options = {"channels": 1, **options}
    return load_images(image_table(path, image_size=size, **options))["images"][0]


def _grey(path, size, **options):
    return _read(path, size, **options)[..., 0]


def _twelve(height=20, width=24):
    return RNG.integers(0, 4096, (height, width)).astype(np.uint16)


# Values and what they mean


def test_eight_bits_are_pixels_as_they_are(tmp_path):
    grey = RNG.integers(0, 256, (20, 24)).astype(np.uint8)
    colour = RNG.integers(0, 256, (20, 24, 3)).astype(np.uint8)
    a = write_dicom(tmp_path / "a.dcm", grey)
    b = write_dicom(tmp_path / "b.dcm", colour)
    assert _grey(a, (20, 24)).dtype == np.uint8
    np.testing.assert_array_equal(_grey(a, (20, 24)), grey)
    np.testing.assert_array_equal(_read(b, (20, 24), channels=3), colour)
    np.testing.assert_array_equal(
        _read(a, (20, 24), channels=3), grey[..., None].repeat(3, axis=2)
    )


def test_bits_stored_are_the_range_of_the_type(tmp_path):
    values = _twelve()
    path = write_dicom(tmp_path / "a.dcm", values, bits=12)
    np.testing.assert_allclose(_grey(path, (20, 24)), values / 4095 * 255, atol=1e-3)


@pytest.mark.parametrize(
    "syntax",
    [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian],
)
def test_window_of_the_file_after_slope_and_intercept(tmp_path, syntax):
    values = _twelve()
    path = write_dicom(
        tmp_path / "a.dcm",
        values,
        syntax,
        bits=12,
        RescaleSlope=2,
        RescaleIntercept=-1024,
        WindowCenter=[40, 600],
        WindowWidth=[400, 1500],
    )
    units = values * 2.0 - 1024
    # The standard's formula, C.11.2.1.2.1.
    wanted = np.clip(((units - 39.5) / 399 + 0.5) * 255, 0, 255)
    np.testing.assert_allclose(_grey(path, (20, 24)), wanted, atol=1e-3)


@pytest.mark.parametrize("kind", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("slope", [1, 0.37])
def test_windows_are_as_pydicom_applies_them(tmp_path, kind, slope):
    values = RNG.integers(-2048, 2048, (20, 24)).astype(np.int16)
    path = write_dicom(
        tmp_path / "a.dcm",
        values,
        RescaleSlope=slope,
        RescaleIntercept=-24,
        WindowCenter=100,
        WindowWidth=900,
        VOILUTFunction=kind,
    )
    data = pydicom.dcmread(path)
    shown = pydicom.pixels.apply_modality_lut(data.pixel_array, data)
    shown = pydicom.pixels.apply_voi_lut(shown, data)
    low, high = -32768 * slope - 24, 32767 * slope - 24
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = _grey(path, (20, 24))
    wanted = (shown - low) / (high - low) * 255
    np.testing.assert_allclose(pixels, wanted, atol=0.01)


def test_a_range_that_is_given_is_in_the_units_of_the_file(tmp_path):
    values = _twelve()
    path = write_dicom(
        tmp_path / "a.dcm",
        values,
        bits=12,
        RescaleSlope=1,
        RescaleIntercept=-1024,
        WindowCenter=40,
        WindowWidth=400,
    )
    units = values - 1024.0
    given = _grey(path, (20, 24), value_range=(-1000, 1000))
    np.testing.assert_allclose(
        given, np.clip((units + 1000) / 2000 * 255, 0, 255), atol=1e-3
    )
    whole = _grey(path, (20, 24), value_range="type")
    np.testing.assert_allclose(whole, values / 4095 * 255, atol=1e-3)


@pytest.mark.parametrize("value_range", [None, "type", "data", (500, 3000)])
@pytest.mark.parametrize("header", [{}, {"WindowCenter": 1500, "WindowWidth": 1000}])
def test_monochrome1_is_the_negative(tmp_path, value_range, header):
    values = _twelve()
    one = write_dicom(tmp_path / "1.dcm", values, bits=12, **header)
    kind = {"PhotometricInterpretation": "MONOCHROME1"}
    other = write_dicom(tmp_path / "2.dcm", values, bits=12, **header, **kind)
    options = {"value_range": value_range}
    np.testing.assert_allclose(
        255 - _grey(one, (20, 24), **options),
        _grey(other, (20, 24), **options),
        atol=0.01,
    )


def test_monochrome1_of_eight_bits(tmp_path):
    values = RNG.integers(0, 256, (20, 24)).astype(np.uint8)
    kind = {"PhotometricInterpretation": "MONOCHROME1"}
    path = write_dicom(tmp_path / "a.dcm", values, **kind)
    np.testing.assert_array_equal(_grey(path, (20, 24)), 255 - values)


@pytest.mark.parametrize("kind", ["MONOCHROME2", "MONOCHROME1"])
def test_a_range_takes_the_place_of_a_window_of_eight_bits(tmp_path, kind):
    pixels = RNG.integers(0, 256, (20, 24), dtype=np.uint8)
    header = {"WindowCenter": 120, "WindowWidth": 80}
    path = tmp_path / "a.dcm"
    write_dicom(path, pixels, **header, PhotometricInterpretation=kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given = _grey(path, (20, 24), value_range=(100, 140))
    wanted = np.clip((pixels.astype(float) - 100) * 255 / 40, 0, 255)
    wanted = 255 - wanted if kind == "MONOCHROME1" else wanted
    np.testing.assert_allclose(given, wanted, atol=1e-3)
    low, high = np.percentile(pixels, (0.1, 99.9))
    found = _grey(path, (20, 24), value_range="data")
    wanted = np.clip((pixels - low) * 255 / (high - low), 0, 255)
    wanted = 255 - wanted if kind == "MONOCHROME1" else wanted
    np.testing.assert_allclose(found, wanted, atol=1e-2)
    own = _grey(path, (20, 24), value_range="type")
    wanted = 255.0 - pixels if kind == "MONOCHROME1" else pixels
    np.testing.assert_allclose(own, wanted, atol=1e-3)


def test_fractions_without_a_window_are_measured_and_said(tmp_path):
    values = RNG.integers(0, 30000, (20, 24)).astype(np.int16)
    path = write_dicom(
        tmp_path / "a.dcm", values, RescaleSlope=0.31, RescaleIntercept=0
    )
    with pytest.warns(UserWarning, match="nothing says which of them are black"):
        pixels = _grey(path, (20, 24))
    assert pixels.min() == 0 and pixels.max() == 255


def _lut(entries, bits, first=0):
    item = Dataset()
    item.add_new(0x00283002, "US", [len(entries), first, bits])
    item.add_new(0x00283006, "US", entries)
    return Sequence([item])


@pytest.mark.parametrize("bits", [5, 8, 12, 16])
@pytest.mark.parametrize("kind", ["i2", "u2"])
def test_bits_that_are_not_used_do_not_count(tmp_path, bits, kind):
    noise = RNG.integers(0, 65536, (20, 24)).astype("u2").view(kind)
    path = write_dicom(
        tmp_path / "a.dcm", noise, bits=bits, RescaleSlope=1, RescaleIntercept=-7
    )
    wanted = pydicom.pixels.pixel_array(path).astype(float) - 7
    with open(path, "rb") as file:
        about = dicom.described(file, Reading(channels=1))
        found = dicom.values(file, about, Reading(channels=1), lambda count: None)
    np.testing.assert_array_equal(found[..., 0], wanted)
    assert about.limits[0] <= wanted.min() and wanted.max() <= about.limits[1]


def test_tables_of_values_are_applied(tmp_path):
    values = RNG.integers(0, 256, (20, 24)).astype(np.uint16)
    table = [int(1023 * (i / 255) ** 2) for i in range(256)]
    path = write_dicom(tmp_path / "a.dcm", values, VOILUTSequence=_lut(table, 10))
    wanted = np.array(table)[values] / 1023 * 255
    np.testing.assert_allclose(_grey(path, (20, 24)), wanted, atol=0.01)
    wanted = np.array(table)[values] / 65535 * 255
    path = write_dicom(tmp_path / "b.dcm", values, ModalityLUTSequence=_lut(table, 16))
    np.testing.assert_allclose(_grey(path, (20, 24)), wanted, atol=0.01)


def test_palettes_become_colours(tmp_path):
    values = RNG.integers(0, 256, (20, 24)).astype(np.uint8)
    tables = {
        "Red": np.arange(256),
        "Green": np.arange(256)[::-1],
        "Blue": np.full(256, 7),
    }
    header = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, table in tables.items():
        header[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 8]
        entries = np.asarray(table, np.uint8).tobytes()
        header[f"{name}PaletteColorLookupTableData"] = entries
    path = write_dicom(tmp_path / "a.dcm", values, **header)
    wanted = np.stack([table[values] for table in tables.values()], axis=-1)
    np.testing.assert_array_equal(_read(path, (20, 24), channels=3), wanted)


def test_frames(tmp_path):
    frames = RNG.integers(0, 256, (4, 20, 24)).astype(np.uint8)
    path = write_dicom(tmp_path / "a.dcm", frames, frames=4)
    np.testing.assert_array_equal(_grey(path, (20, 24)), frames[0])
    np.testing.assert_array_equal(_grey(path, (20, 24), page=2), frames[2])
    bands = _read(path, (20, 24), page="bands", channels=4)
    np.testing.assert_array_equal(bands, np.moveaxis(frames, 0, -1))
    with pytest.raises(ValueError, match="has 4 frames, and not as many as `page`"):
        _grey(path, (20, 24), page=4)


def test_files_of_several_frames_are_counted(tmp_path):
    frames = RNG.integers(0, 4096, (3, 20, 24)).astype(np.uint16)
    files = [write_dicom(tmp_path / "a.dcm", frames, frames=3)]
    files += [write_dicom(tmp_path / "b.dcm", frames[0])]
    said = "1 of 2 files have several pages, or frames, of which the first is read"
    with pytest.warns(UserWarning, match=said):
        load_images(image_table(files, image_size=(20, 24), channels=1))
    with pytest.warns(UserWarning, match=said):
        check_images(tmp_path)


def test_what_is_said_of_each_frame_counts_for_it(tmp_path):
    frames = RNG.integers(0, 4096, (2, 20, 24)).astype(np.uint16)

    def groups(intercept, centre):
        rescaling, window, item = Dataset(), Dataset(), Dataset()
        rescaling.RescaleSlope, rescaling.RescaleIntercept = 1, intercept
        window.WindowCenter, window.WindowWidth = centre, 2000
        item.PixelValueTransformationSequence = Sequence([rescaling])
        item.FrameVOILUTSequence = Sequence([window])
        return item

    path = write_dicom(
        tmp_path / "a.dcm",
        frames,
        bits=12,
        frames=2,
        PerFrameFunctionalGroupsSequence=Sequence([groups(0, 1500), groups(-500, 700)]),
    )
    bands = _read(path, (20, 24), page="bands", channels=2)
    for number, (intercept, centre) in enumerate([(0, 1500), (-500, 700)]):
        units = frames[number] + float(intercept)
        wanted = np.clip(((units - centre + 0.5) / 1999 + 0.5) * 255, 0, 255)
        pixels = _grey(path, (20, 24), page=number)
        np.testing.assert_allclose(pixels, wanted, atol=0.01)
        np.testing.assert_allclose(bands[..., number], wanted, atol=0.01)


def test_frames_of_different_slopes_have_one_range_as_bands(tmp_path):
    frames = RNG.integers(0, 4096, (2, 20, 24)).astype(np.uint16)
    frames[:, 0, 0] = 4095

    def groups(slope):
        rescaling, item = Dataset(), Dataset()
        rescaling.RescaleSlope, rescaling.RescaleIntercept = slope, 0
        item.PixelValueTransformationSequence = Sequence([rescaling])
        return item

    header = {"PerFrameFunctionalGroupsSequence": Sequence([groups(1), groups(2)])}
    path = write_dicom(tmp_path / "a.dcm", frames, bits=12, frames=2, **header)
    bands = _read(path, (20, 24), page="bands", channels=2)
    np.testing.assert_allclose(bands[..., 0], frames[0] / 8190 * 255, atol=0.01)
    np.testing.assert_allclose(bands[..., 1], frames[1] / 4095 * 255, atol=0.01)


@pytest.mark.parametrize("bands", [[0, 1, 2], [2, 0, 1], [2, 0], [1, 1]])
def test_monochrome1_has_the_range_of_each_band_that_is_chosen(tmp_path, bands):
    frames = RNG.integers(0, 4096, (3, 20, 24)).astype(np.uint16)
    kind = {"PhotometricInterpretation": "MONOCHROME1", "bits": 12, "frames": 3}
    path = write_dicom(tmp_path / "a.dcm", frames, **kind)
    ranges = [(0, 1000), (500, 4000), (100, 2000)][: len(bands)]
    options = {"page": "bands", "channels": None, "value_range": ranges}
    image = _read(path, (20, 24), bands=bands, **options)
    for channel, (band, (low, high)) in enumerate(zip(bands, ranges, strict=True)):
        wanted = 255 - np.clip((frames[band] - float(low)) / (high - low), 0, 1) * 255
        np.testing.assert_allclose(image[..., channel], wanted, atol=0.01)


# Compressed


def _encoded(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def test_compressed_as_pydicom_decodes_it(tmp_path):
    y, x = np.mgrid[:32, :40]
    grey = ((x * 5 + y * 3) % 256).astype(np.uint8)
    deep = (grey.astype(np.uint16) << 4) + 3
    colour = np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1)
    cases = [
        (grey, uid.JPEGBaseline8Bit, _encoded(grey, "JPEG", quality=95), {}),
        (
            colour,
            uid.JPEGBaseline8Bit,
            _encoded(colour, "JPEG", quality=95, subsampling=0),
            {"PhotometricInterpretation": "YBR_FULL"},
        ),
        (
            deep,
            uid.JPEG2000Lossless,
            _encoded(deep, "JPEG2000", no_jp2=True, irreversible=False),
            {},
        ),
    ]
    for number, (pixels, syntax, encoded, header) in enumerate(cases):
        path = write_dicom(
            tmp_path / f"{number}.dcm", pixels, syntax, [encoded], **header
        )
        wanted = pydicom.pixels.pixel_array(path)
        read = _read(
            path, (32, 40), channels=3 if pixels.ndim == 3 else 1, value_range="type"
        )
        if wanted.dtype == np.uint16:
            wanted = wanted / 65535 * 255
            np.testing.assert_array_equal(pydicom.pixels.pixel_array(path), deep)
        np.testing.assert_allclose(read, wanted.reshape(read.shape), atol=1e-3)
        assert np.abs(read - _as_bytes(pixels).reshape(read.shape)).max() < 40


def _as_bytes(pixels):
    return pixels / 65535 * 255 if pixels.dtype == np.uint16 else pixels.astype(float)


def test_run_lengths(tmp_path):
    frames = np.repeat(RNG.integers(0, 256, (3, 20, 6)), 4, axis=2).astype(np.uint8)
    path = write_dicom(tmp_path / "a.dcm", frames, frames=3)
    data = pydicom.dcmread(path)
    data.compress(uid.RLELossless)
    data.save_as(path)
    np.testing.assert_array_equal(_grey(path, (20, 24), page=1), frames[1])


@pytest.mark.parametrize(
    ("syntax", "said"),
    [
        (uid.JPEGLSLossless, "compressed as JPEG-LS Lossless.* install pylibjpeg"),
        (uid.JPEGLosslessSV1, "compressed as JPEG Lossless.* install pylibjpeg"),
        (uid.MPEG2MPML, "compressed as MPEG2 .*, which is not read: convert it"),
    ],
)
def test_what_no_plugin_reads_is_named(tmp_path, syntax, said):
    decoders = pytest.importorskip("pydicom.pixels.decoders")
    one = getattr(decoders, f"{syntax.keyword}Decoder", None)
    if one is not None and one.is_available:
        pytest.skip("A plugin for it is installed.")
    pixels = RNG.integers(0, 256, (20, 24)).astype(np.uint8)
    path = write_dicom(tmp_path / "a.dcm", pixels, syntax, [b"\xff\xd8\xff\xd9"])
    with pytest.raises(ValueError, match=rf"a\.dcm: is .*{said}"):
        _grey(path, 8)


# Bad files


def _bad(path, size=8, **options):
    with pytest.raises(ValueError) as caught:
        _grey(path, size, **options)
    line = str(caught.value).splitlines()[1]
    assert line.startswith(str(path))
    assert NAME not in str(caught.value) and "4711" not in str(caught.value)
    return line


def test_truncated_files_are_named(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", _twelve(), bits=12)
    whole = path.read_bytes()
    for end in (140, 300, len(whole) - 500, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert re.search("is damaged|has no image", _bad(path)), end


def test_compressed_files_cut_off_are_named(tmp_path):
    deep = _twelve(32, 40)
    encoded = _encoded(deep, "JPEG2000", no_jp2=True, irreversible=False)
    path = write_dicom(tmp_path / "a.dcm", deep, uid.JPEG2000Lossless, [encoded])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - len(encoded) + 30])
    assert "is damaged" in _bad(path)


def test_sizes_that_are_not_true_are_named_before_anything_is_decoded(tmp_path):
    pixels = RNG.integers(0, 256, (20, 24)).astype(np.uint8)
    path = write_dicom(tmp_path / "a.dcm", pixels, Rows=65_000, Columns=65_000)
    assert "to have 65,000 x 65,000 pixels" in _bad(path)
    path = write_dicom(tmp_path / "b.dcm", pixels, Rows=2000)
    assert "its image has 480 bytes, and takes 48,000" in _bad(path)
    large = _encoded(np.zeros((3000, 3000), np.uint8), "JPEG")
    path = write_dicom(tmp_path / "c.dcm", pixels, uid.JPEGBaseline8Bit, [large])
    said = "says to have 24 x 20 pixels, and the image in it is one of 3000 x 3000"
    assert said in _bad(path)
    path = write_dicom(tmp_path / "d.dcm", pixels, uid.RLELossless, [large])
    assert "is damaged" in _bad(path)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"BitsStored": 99}, "99 of 8 bits"),
        ({"BitsAllocated": 7}, "is damaged"),
        ({"SamplesPerPixel": 2}, "2 values for each pixel"),
        ({"PhotometricInterpretation": "HSV"}, "of a kind that is not read"),
        ({"Rows": 0}, "has no image"),
        ({"WindowCenter": 1, "WindowWidth": -5}, "a window -5 wide around 1"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "rescaled by 0 and 0"),
        ({"NumberOfFrames": 3, "page": 2}, "is damaged: its image has 480 bytes"),
    ],
)
def test_wrong_headers_are_named(tmp_path, header, said):
    pixels = RNG.integers(0, 256, (20, 24)).astype(np.uint8)
    options = {"page": header.pop("page")} if "page" in header else {}
    path = write_dicom(tmp_path / "a.dcm", pixels, **header)
    assert said in _bad(path, **options)


def test_numbers_that_are_no_numbers_are_named(tmp_path):
    pixels = RNG.integers(0, 256, (20, 24)).astype(np.uint8)
    path = write_dicom(tmp_path / "a.dcm", pixels, WindowCenter="128", WindowWidth=16)
    path.write_bytes(path.read_bytes().replace(b"128 ", b"Ada "))
    assert "its header cannot be understood" in _bad(path)


def test_a_file_without_an_image_is_named(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", _twelve())
    data = pydicom.dcmread(path)
    del data.PixelData
    data.save_as(path)
    assert "has no image: it is a DICOM file of another kind" in _bad(path)


def test_endless_headers_are_not_read_on(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", _twelve())
    whole = path.read_bytes()
    # A sequence of no end, with empty items.
    at = whole.index(b"\x28\x00\x02\x00")
    item = b"\xfe\xff\x00\xe0" + b"\0" * 4
    sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + item * 200_000
    path.write_bytes(whole[:at] + sequence + whole[at:])
    with open(path, "rb") as file, pytest.raises(RefusedError, match="header that is"):
        dicom.described(file, Reading())


def test_deflated_files_are_named(tmp_path):
    path = write_dicom(
        tmp_path / "a.dcm", _twelve(), uid.DeflatedExplicitVRLittleEndian
    )
    assert "deflated as a whole, which is not read" in _bad(path)


# Folders


def test_folder_of_dicom_files(tmp_path):
    for name, shade in (("healthy", 500), ("ill", 3000)):
        for number in range(2):
            values = np.full((20, 24), shade + number, np.uint16)
            write_dicom(tmp_path / name / f"{number}.DCM", values, bits=12)
    data = image_folder(tmp_path, (20, 24), channels=1)
    assert data.class_counts == {"healthy": 2, "ill": 2}
    np.testing.assert_allclose(
        load_images(data)["images"].mean(axis=(1, 2, 3)),
        np.array([500, 501, 3000, 3001]) / 4095 * 255,
        atol=1e-3,
    )
    table = check_images(tmp_path)
    assert table["format"] == ["DICOM"] * 4 and table["ok"] == [True] * 4
    assert table["width"] == [24] * 4 and table["height"] == [20] * 4


def test_files_without_an_ending_are_known_by_what_is_in_them(tmp_path):
    for name in ("IM0001", "1.2.840.113619.2"):
        write_dicom(tmp_path / "ill" / name, np.zeros((4, 4), np.uint8))
        write_dicom(tmp_path / "well" / name, np.zeros((4, 4), np.uint8))
    write_dicom(tmp_path / "well" / "DICOMDIR", np.zeros((4, 4), np.uint8))
    (tmp_path / "well" / "README").write_text("none")
    (tmp_path / "well" / "a.7").write_text("none")
    data = image_folder(tmp_path, 4)
    assert data.class_counts == {"ill": 2, "well": 2}
    assert len(data.left_out) == 3


def test_nothing_of_the_patient_leaves_the_files(tmp_path, tiny_cnn):
    for name, shade in (("healthy", 500), ("ill", 3000)):
        for number in range(4):
            values = np.full((16, 16), shade + number, np.uint16)
            path = tmp_path / "scans" / name / f"{number}.dcm"
            write_dicom(path, values, bits=12, WindowCenter=2000, WindowWidth=4000)
    data = image_folder(tmp_path / "scans", 16)
    classifier = fit_classifier(tiny_cnn(), data, epochs=1, progress="none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluation = evaluate_classifier(classifier, data)
        report_classifier(classifier, data, path=tmp_path / "report.html")
    save_classifier(classifier, tmp_path / "saved.reticnn")
    loaded = load_classifier(tmp_path / "saved.reticnn")
    predicted = predict_images(loaded, tmp_path / "scans" / "ill" / "1.dcm")
    assert len(predicted[".pred_class"]) == 1
    kept = [
        (tmp_path / "report.html").read_bytes(),
        (tmp_path / "saved.reticnn").read_bytes(),
        json.dumps(evaluation, default=str).encode(),
        json.dumps(predicted).encode(),
        repr((data, vars(data), check_images(tmp_path / "scans"))).encode(),
    ]
    for text in kept:
        for secret in ("Byron", "Ada^", "4711", "18151210"):
            assert secret.encode() not in text
