"""Carry texts between R and Python whatever the locale, and names of files as they are.

reticulate gives R a text with bytes that are not UTF-8 (in Python: surrogates) without
these bytes, and takes such a text of R's for another one. So each byte of such a text
that is not ASCII crosses as a private character of Unicode, and is put back on the
other side. `R/text.R` does the same in R.
"""

from collections.abc import Mapping

_FIRST = 0x10F000
_CARRIED = {chr(_FIRST + byte): bytes([byte]) for byte in range(128, 256)}


def received(value):
    """Return what R has sent, with the texts in it as Python has them."""
    return _with_texts(value, _received_text)


def sent(value):
    """Return what R is to be given, with the texts in it as they can cross."""
    return _with_texts(value, _sent_text)


def named(names, values):
    """Return a dict, whose keys reticulate makes of names in R's locale only."""
    return dict(zip(map(_received_text, names), values, strict=True))


def attribute(item, name):
    """Return an attribute of an object as R is to be given it."""
    return sent(getattr(item, name))


def _with_texts(value, change):
    """Return a value with a change made to the texts in it, wherever they are."""
    if isinstance(value, str):
        return value if value.isascii() else change(value)
    if isinstance(value, Mapping) and type(value) is dict:
        return {
            _with_texts(name, change): _with_texts(item, change)
            for name, item in value.items()
        }
    if type(value) in (list, tuple):
        return type(value)(_with_texts(item, change) for item in value)
    return value


def _received_text(text):
    if not any(letter in _CARRIED for letter in text):
        return text
    parts = (_CARRIED.get(letter, letter.encode()) for letter in text)
    return b"".join(parts).decode("utf-8", "surrogateescape")


def _sent_text(text):
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return _as_carried(text.encode("utf-8", "surrogateescape"))


def _as_carried(path):
    """Return bytes as a text: as UTF-8 if they are that, or else byte by byte."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 128 else chr(_FIRST + byte) for byte in path)
