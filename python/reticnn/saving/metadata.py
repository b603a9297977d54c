"""What an exported network says of itself."""

import json

from reticnn.data.value_range import ValueRange
from reticnn.saving.graphs.ends import KEY
from reticnn.saving.save import record_of

FORMAT = 1


def metadata_of(classifier):
    """Return texts by name: all that is known of a classifier, and some of it plainly.

    Under `reticnn` is what `save_classifier` keeps, as JSON; the others are for whoever
    has not this package.
    """
    reading = classifier.reading
    values = reading.value_range if reading else ValueRange()
    return {
        KEY: json.dumps(record_of(classifier)),
        "reticnn_export_format": str(FORMAT),
        "class_names": json.dumps(classifier.class_names),
        "image_shape": json.dumps(classifier.image_shape),
        "resize": classifier.resize or "stretch",
        "files": _files(reading),
        "values": _values(values),
        "set_thresholds": json.dumps(_thresholds(classifier)),
        "novelty_threshold": json.dumps(_novelty(classifier)),
    }


def _values(value_range):
    """Return what pixels are, and how those of deeper files become that."""
    if value_range.pairs is None and value_range.asked is None:
        return "8 bits, 0 to 255"
    return f"8 bits, 0 to 255, from {value_range.code}"


def _files(reading):
    """Return how files are read: as photos are, or otherwise."""
    is_plain = reading is None or (
        reading.is_of_photos and reading.page == "first" and not reading.has_reader
    )
    return "photos" if is_plain else reading.described() or "other bands"


def _thresholds(classifier):
    sets = classifier.sets
    return sets and {"method": sets["method"], **sets["thresholds"]}


def _novelty(classifier):
    novelty = classifier.novelty
    return novelty and {name: novelty[name] for name in ("method", "threshold")}
