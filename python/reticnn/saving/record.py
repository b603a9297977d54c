"""What a saved file says of a classifier besides its model, checked field by field."""

from reticnn import __version__
from reticnn.augmenting.policy import Policy
from reticnn.coercion import as_seen
from reticnn.data.file_reading import Reading
from reticnn.data.resizing import RESIZES
from reticnn.memory import SeenImages
from reticnn.notation import is_visible, shown
from reticnn.optimizers.schedule_settings import are_settings
from reticnn.outputs import ClassShares
from reticnn.outputs.reference import METHODS, OF_FEATURES, Reference
from reticnn.outputs.set_images import SetImages
from reticnn.runtime.foreign.texts import read_json
from reticnn.saving.search_record import is_search

FORMAT = 1

_LARGEST = 10**300
_LONGEST_NAME = 1000
_STOPPED = ("interrupted", "early", "nan")
_OUTPUTS = ("softmax", "sigmoid", "logits", "distances", "probabilities")
_OF_MEASURES = {
    f"{when}{limit}"
    for when in ("before", "after")
    for limit in ("", "_lower", "_upper")
}
_OF_SETS = {"method", "coverage", "by_class", "images", "penalty", "free"}
_OF_SETS |= {"views", "thresholds", "folds"}
_OF_THRESHOLDS = {"threshold", "coverage_lower", "coverage_upper"}
_METHODS_OF_SETS = ("threshold", "adaptive", "regularized")
_CALIBRATIONS = ("temperature", "vector", "isotonic")
_FACTS = {
    "batch_size",
    "highest_value",
    "images",
    "learning_rate",
    "lowest_value",
    "seed",
    "validation_images",
}


class NewerFormatError(ValueError):
    """The file was saved by a version that this one knows nothing of."""


def read_record(text):
    """Return the record of a saved file, a dict, once each of its fields is known good.

    What older versions did not write is missing in it.

    Args:
        text: Its JSON, as bytes.

    Raises:
        NewerFormatError: If it is in a newer format.
        ValueError: If it is no such record, naming the field.
    """
    record = read_json(text)
    if not isinstance(record, dict) or not _is_whole(record.get("format"), 1):
        raise ValueError("it does not say its format")
    if record["format"] > FORMAT:
        raise NewerFormatError(
            f"`path` was saved by reticnn {shown(record.get('reticnn'))} in format "
            f"{shown(record['format'])}; this is reticnn {__version__}, which reads "
            f"format {FORMAT}. Update reticnn"
        )
    _check_class_names(record.get("class_names"))
    _check_history(record.get("history"))
    for field, is_good in _FIELDS.items():
        value = record.get(field)
        if value is not None and not is_good(value, record):
            raise ValueError(f"its `{field}` cannot be {shown(value)}")
    _read_parts(record)
    return record


def _check_class_names(names):
    if not isinstance(names, list) or not all(map(_is_name, names)):
        raise ValueError(f"its class names cannot be {shown(names)}")
    # Such as differ in case can be told apart by whoever reads them, and by R.
    looks = set(map(as_seen, names))
    if len(names) < 2 or len(looks) < len(names) or "class" in names:
        raise ValueError(f"its class names must be different ones, not {shown(names)}")


def _is_name(value):
    """Return whether a value is a text that can stand for a class or a metric."""
    return (
        isinstance(value, str)
        and is_visible(value)
        and len(value) <= _LONGEST_NAME
        and as_seen(value) != ""
    )


def _check_history(history):
    """Raise unless there is a column of epochs, and others of numbers, as long."""
    if not isinstance(history, dict) or not isinstance(history.get("epoch"), list):
        raise ValueError("it has no training history")
    epochs = history["epoch"]
    if not all(_is_whole(epoch, 1) for epoch in epochs):
        raise ValueError("the epochs of its training history are not counted")
    for name, column in history.items():
        if not _is_name(name):
            raise ValueError(f"its training history has a column {shown(name)}")
        if not isinstance(column, list) or len(column) != len(epochs):
            raise ValueError(f"its training history has {shown(name)} of other epochs")
        for value in column:
            if value is not None and not _is_number(value):
                raise ValueError(
                    f"its training history has {shown(value)} as {shown(name)}"
                )


def _is_number(value):
    """Return whether a value is a number that R has, too, or NaN."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    # Not all whole numbers of JSON are floats.
    return not (isinstance(value, int) and abs(value) >= _LARGEST)


def _is_whole(value, least):
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and least <= value < 2**53


def _is_shape(value, record):
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(side is None or _is_whole(side, 1) for side in value)
    )


def _are_facts(value, record):
    if not isinstance(value, dict):
        return False
    facts = {**value}
    schedule, monitor = facts.pop("schedule", None), facts.pop("monitor", None)
    return (
        set(facts) <= _FACTS
        and all(fact is None or _is_number(fact) for fact in facts.values())
        and (schedule is None or are_settings(schedule))
        and (monitor is None or _is_monitor(monitor))
    )


def _is_monitor(value):
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and value[1] in ("min", "max")
    )


def _is_calibration(value, record):
    """Return whether a value says how a classifier is calibrated, and how well."""
    if not isinstance(value, dict):
        return False
    facts = {**value}
    temperature, level = facts.pop("temperature", None), facts.pop("level", None)
    return (
        set(facts) == {"method", "images", "measures"}
        and isinstance(facts["method"], str)
        and facts["method"] in _CALIBRATIONS
        and _is_whole(facts["images"], 1)
        and all(fact is None or _is_number(fact) for fact in (temperature, level))
        and _is_table_of_measures(facts["measures"])
    )


def _is_table_of_measures(value):
    """Return whether a value is a table of numbers, with the names of measures."""
    if not isinstance(value, dict) or {"measure", *_OF_MEASURES} != set(value):
        return False
    columns = list(value.values())
    return (
        all(isinstance(column, list) for column in columns)
        and len(set(map(len, columns))) == 1
        and all(map(_is_name, value["measure"]))
        and all(_is_number(each) for name in _OF_MEASURES for each in value[name])
    )


def _are_sets(value, record):
    """Return whether a value says what prediction sets a classifier has."""
    # Older files have none of folds, of which there were no sets.
    if not isinstance(value, dict) or {*value, "folds"} != _OF_SETS:
        return False
    folds = value.get("folds")
    return (
        (folds is None or _is_whole(folds, 2))
        and value["method"] in _METHODS_OF_SETS
        and _is_number(value["coverage"])
        and 0 < value["coverage"] < 1
        and isinstance(value["by_class"], bool)
        and _is_whole(value["images"], 1)
        and _is_number(value["penalty"])
        and _is_whole(value["free"], 0)
        and _are_views(value["views"])
        and _are_thresholds(value["thresholds"], value["by_class"], record)
    )


def _are_views(value):
    if not isinstance(value, dict) or set(value) != {"tta", "crops", "scales"}:
        return False
    scales = value["scales"]
    if scales is not None and not isinstance(scales, list):
        return False
    counts = [value["tta"], value["crops"], *(scales or ())]
    return all(_is_whole(count, 0) for count in counts)


def _are_thresholds(value, by_class, record):
    """Return whether a value is a table of one threshold, or one per class."""
    if not isinstance(value, dict) or set(value) != {"class", "n", *_OF_THRESHOLDS}:
        return False
    classes = record["class_names"] if by_class else [None]
    return (
        value["class"] == classes
        and all(_is_long_as(classes, column) for column in value.values())
        and all(_is_whole(n, 1) for n in value["n"])
        and all(_is_number(each) for name in _OF_THRESHOLDS for each in value[name])
    )


def _is_long_as(classes, column):
    return isinstance(column, list) and len(column) == len(classes)


def _are_flags(value):
    """Return whether a value says what is trained: older files, of layers alone."""
    if isinstance(value, dict):
        return set(value) == {"parts", "weights"} and not any(
            isinstance(flags, dict) or not _are_flags(flags) for flags in value.values()
        )
    return isinstance(value, list) and all(isinstance(flag, bool) for flag in value)


def _are_texts(value):
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


# Whether a field has a value that it may have, which is looked at if there is one.
_FIELDS = {
    "reticnn": lambda value, _: isinstance(value, str),
    "keras": lambda value, _: isinstance(value, str),
    "backend": lambda value, _: isinstance(value, str),
    "image_shape": _is_shape,
    "resize": lambda value, _: isinstance(value, str) and value in RESIZES,
    "stopped": lambda value, _: isinstance(value, str) and value in _STOPPED,
    "kept_epoch": lambda value, record: (
        _is_whole(value, 0) and value <= len(record["history"]["epoch"])
    ),
    "trained_with": _are_facts,
    "output": lambda value, _: isinstance(value, str) and value in _OUTPUTS,
    "calibration": _is_calibration,
    "sets": _are_sets,
    "search": is_search,
    "name": lambda value, _: isinstance(value, str),
    "parameters": lambda value, _: _is_whole(value, 0),
    "shares": lambda value, _: isinstance(value, list) and all(map(_is_number, value)),
    "prototype_distance": lambda value, _: _is_number(value),
    "trainable": lambda value, _: _are_flags(value),
    "compiled_here": lambda value, _: isinstance(value, bool),
    "log_loss": lambda value, _: isinstance(value, bool),
    "digests": lambda value, _: _are_texts(value),
    "parts": lambda value, _: _are_texts(value),
    "spared_from_decay": lambda value, _: (
        isinstance(value, list) and all(_is_whole(position, 0) for position in value)
    ),
}


def _read_parts(record):
    """Put the objects into a record that it describes."""
    record["augmentation"] = _read_policy(record.get("augmentation"))
    record["reading"] = _read_reading(record.get("reading"))
    record["class_shares"] = _read_shares(record)
    record["set_images"] = _read_set_images(record)
    record["novelty"] = _read_novelty(record.get("novelty"))
    try:
        record["seen"] = SeenImages.from_config(record.get("seen"))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"its `seen` cannot be read: {error}") from error


def _read_shares(record):
    config, count = record.get("class_shares"), len(record["class_names"])
    try:
        return ClassShares.from_config(config, count)
    except (AttributeError, TypeError, ValueError, KeyError, OverflowError) as error:
        raise ValueError(f"its `class_shares` cannot be read: {error}") from error


def _read_set_images(record):
    sets = record.get("sets")
    if sets is None:
        return None
    try:
        return SetImages.from_config(record.get("set_images"), sets.get("folds"))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"its `set_images` cannot be read: {error}") from error


def config_of_novelty(novelty):
    """Return plain values for what `novelty_threshold` has found, or for None."""
    if novelty is None:
        return None
    reference = novelty["reference"]
    return {**novelty, "reference": reference and reference.to_config()}


def _read_novelty(config):
    if config is None:
        return None
    try:
        found = dict(config)
        reference = found["reference"]
        if reference is not None:
            found["reference"] = Reference.from_config(reference)
        of_features = found["method"] in OF_FEATURES
        if (
            set(found) != {"method", "share", "threshold", "images", "reference"}
            or found["method"] not in METHODS
            or of_features != (reference is not None)
            or (of_features and found["reference"].method != found["method"])
            or not all(_is_number(found[name]) for name in ("share", "threshold"))
            or not 0 < found["share"] < 1
            or not _is_whole(found["images"], 1)
        ):
            raise ValueError("it is no such thing")
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        raise ValueError(f"its `novelty` cannot be read: {error}") from error
    return found


def _read_reading(config):
    try:
        return None if config is None else Reading.from_config(config)
    except (AttributeError, TypeError, ValueError, KeyError, OverflowError) as error:
        raise ValueError(f"its `reading` cannot be read: {error}") from error


def _read_policy(config):
    try:
        return None if config is None else Policy.from_config(config)
    except (AttributeError, TypeError, ValueError, KeyError, OverflowError) as error:
        raise ValueError(f"its `augmentation` cannot be read: {error}") from error
