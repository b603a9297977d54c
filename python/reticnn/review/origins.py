"""Images of one moment or one group: bursts, and groups in several parts."""

from itertools import pairwise

import numpy as np

from reticnn.notation import shown
from reticnn.review.findings import Finding

_TOLD = ("exif_time", "exif_camera", "file_width", "file_height")


def facts_of(parts):
    """Return what is told of each image, by its file or by the user, as dict of lists.

    It is None where it is not known.
    """
    facts = {name: [] for name in _TOLD}
    for data in parts:
        told = {} if data.files is None else data.file_facts()
        told = {**told, **data.facts}
        for name, values in facts.items():
            values += told.get(name, [None] * len(data))
    return facts


def sizes_of(facts):
    """Return measures of each file: its shorter side and its aspect, or NaN."""
    sizes = np.array([facts["file_width"], facts["file_height"]], float)
    shorter, longer = sizes.min(axis=0), sizes.max(axis=0)
    return {"side": shorter, "aspect": longer / shorter}


def bursts(facts, parts, seconds):
    """Return the findings on photos of one camera that follow each other in seconds.

    Args:
        facts: Dict of lists, from `facts_of`.
        parts: Dict of image data by name.
        seconds: Float, the longest time between two photos of a burst.
    """
    known = [
        (camera, time, image)
        for image, (camera, time) in enumerate(
            zip(facts["exif_camera"], facts["exif_time"], strict=True)
        )
        if camera is not None and hasattr(time, "hour")
    ]
    known.sort()
    bursts, longest = [], []
    for before, after in pairwise(known):
        gap = (after[1] - before[1]).total_seconds()
        if before[0] != after[0] or gap > seconds:
            continue
        if bursts and bursts[-1][-1] == before[2]:
            bursts[-1].append(after[2])
            longest[-1] = max(longest[-1], gap)
        else:
            bursts.append([before[2], after[2]])
            longest.append(gap)
    return [
        _burst(images, gap, parts, seconds)
        for images, gap in zip(bursts, longest, strict=True)
    ]


def _burst(images, gap, parts, seconds):
    names = _names_of(images, parts)
    where = "" if len(names) < 2 else f", in the parts {', '.join(map(shown, names))}"
    why = (
        f"{len(images)} photos of one camera, at most {gap:g} seconds apart, of "
        f"{seconds:g}{where}"
    )
    severity = "low" if len(names) < 2 else "high"
    return Finding("burst", severity, sorted(images), why, gap, seconds)


def divided_groups(parts):
    """Return the findings on groups that have images in several parts."""
    images, start = {}, 0
    for data in parts.values():
        for at, group in enumerate(data.groups or []):
            images.setdefault(group, []).append(start + at)
        start += len(data)
    findings = []
    for group, members in images.items():
        names = _names_of(members, parts)
        if len(names) > 1:
            why = f"the group {shown(group)} is in the parts "
            why += ", ".join(map(shown, names))
            findings.append(
                Finding("group_in_parts", "high", members, why, len(names), 1)
            )
    return findings


def _names_of(images, parts):
    """Return the names of the parts that have images, in their order."""
    ends = np.cumsum(list(map(len, parts.values())))
    numbers = np.unique(np.searchsorted(ends, images, side="right"))
    return [list(parts)[number] for number in numbers]
