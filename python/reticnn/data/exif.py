"""What a camera has written into a photo: when it was taken, and with what."""

import datetime

from reticnn.notation import visible

# Of a photo itself, and of the part of it that tells how it was taken.
_MAKE, _MODEL, _DATE_TIME = 0x010F, 0x0110, 0x0132
_TAKEN = 0x8769
_TIME_ORIGINAL, _TIME_DIGITIZED, _SUBSECOND, _SERIAL = 0x9003, 0x9004, 0x9291, 0xA431

# No camera has a longer name.
_MOST_LETTERS = 100


def exif_of(image):
    """Return when an image was taken and the camera, as a dict, None if not known.

    The time is that of the camera's clock. A camera is its maker, its model and, if it
    says so, its serial number.

    Args:
        image: Pillow's image, opened and not loaded.
    """
    tags = image.getexif()
    taken = tags.get_ifd(_TAKEN)
    times = (
        taken.get(_TIME_ORIGINAL),
        taken.get(_TIME_DIGITIZED),
        tags.get(_DATE_TIME),
    )
    times = (_time_in(text, taken.get(_SUBSECOND)) for text in times)
    make, model, serial = map(
        _text, (tags.get(_MAKE), tags.get(_MODEL), taken.get(_SERIAL))
    )
    camera = model if model.startswith(make) else f"{make} {model}".strip()
    return {
        "exif_time": next(filter(None, times), None),
        "exif_camera": f"{camera} ({serial})" if camera and serial else camera or None,
    }


def _text(value):
    """Return the text of a tag, empty without one."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return visible(value[:_MOST_LETTERS].replace("\0", " ").strip())


def _time_in(text, subsecond):
    """Return the time that a tag tells, or None."""
    digits = _text(subsecond)
    fraction = f"0.{digits}" if digits.isdecimal() else "0"
    try:
        time = datetime.datetime.strptime(_text(text), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    return time + datetime.timedelta(seconds=float(fraction))
