"""Carry texts and times between R and Python, and names of files as they are.

reticulate gives R a text with bytes that are not UTF-8 (in Python: surrogates) without
these bytes, and takes such a text of R's for another one. So each byte of such a text
that is not ASCII crosses as a private character of Unicode, and is put back on the
other side. `R/text.R` does the same in R.

It has no way for a column of times either, or of days: they cross as numbers, seconds
or days since 1970, in a dict whose only key says which.
"""

import datetime
from collections.abc import Mapping

_FIRST = 0x10F000
_CARRIED = {chr(_FIRST + byte): bytes([byte]) for byte in range(128, 256)}


_TIMES, _DAYS = ".times", ".days"
_EPOCH = datetime.datetime(1970, 1, 1)


def received(value):
    """Return what R has sent, with the texts and times in it as Python has them."""
    return _with_each(value, _received_text, lambda items: items, _received_times)


def sent(value):
    """Return what R is to be given, with texts and times as they can cross."""
    return _with_each(value, _sent_text, _sent_times, lambda columns: columns)


def named(names, values):
    """Return a dict, whose keys reticulate makes of names in R's locale only."""
    return dict(zip(map(_received_text, names), values, strict=True))


def attribute(item, name):
    """Return an attribute of an object as R is to be given it."""
    return sent(getattr(item, name))


def _with_each(value, text, times, columns):
    """Return a value with changes made to what is in it, wherever it is.

    `text` is for texts, `times` for lists, `columns` for dicts.
    """
    if isinstance(value, str):
        return value if value.isascii() else text(value)
    if isinstance(value, Mapping) and type(value) is dict:
        return columns(
            {
                _with_each(name, text, times, columns): _with_each(
                    item, text, times, columns
                )
                for name, item in value.items()
            }
        )
    if type(value) in (list, tuple):
        items = [_with_each(item, text, times, columns) for item in value]
        return times(type(value)(items))
    return value


def _received_times(columns):
    """Return a dict as R sent it, or the times or days that it stands for."""
    if len(columns) != 1:
        return columns
    (name, numbers), *_ = columns.items()
    if name == _TIMES:
        return [_at(number, seconds=number) for number in numbers]
    if name == _DAYS:
        days = [_at(number, days=number) for number in numbers]
        return [None if day is None else day.date() for day in days]
    return columns


def _at(number, **after):
    """Return a time, or None for a number that is not one."""
    return None if number != number else _EPOCH + datetime.timedelta(**after)


def _sent_times(items):
    """Return a list as it is, or the dict that stands for times or days."""
    kind = next((type(item) for item in items if item is not None), None)
    if kind is datetime.datetime:
        second = datetime.timedelta(seconds=1)
        return {_TIMES: [_number_of(item, second) for item in items]}
    if kind is datetime.date:
        items = [
            item and datetime.datetime.combine(item, datetime.time()) for item in items
        ]
        return {_DAYS: [_number_of(item, datetime.timedelta(days=1)) for item in items]}
    return items


def _number_of(time, unit):
    """Return how many units a time is after 1970, NaN for None."""
    return float("nan") if time is None else (time - _EPOCH) / unit


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
