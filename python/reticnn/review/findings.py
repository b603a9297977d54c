"""What a review finds, as a table."""

from collections import Counter
from typing import Any, NamedTuple

from reticnn.notation import visible

# From worst to mildest, and within each in the order of the kinds.
SEVERITIES = ("high", "medium", "low")

_COLUMNS = (
    "finding",
    "kind",
    "severity",
    "part",
    "image",
    "file",
    "label",
    "value",
    "threshold",
    "extra",
    "why",
)


class Finding(NamedTuple):
    """One thing that a review found.

    Attributes:
        kind: One of the kinds of `review_images`.
        severity: "high", "medium" or "low".
        images: Positions of the images, counted over all parts; none for a class.
        why: Text.
        value: The number that was looked at.
        threshold: The number that it is compared with.
        extra: Those of the images that the others make superfluous.
    """

    kind: str
    severity: str
    images: Any
    why: str
    value: float
    threshold: float
    extra: frozenset = frozenset()


class Review(dict):
    """The table of what `review_images` found, a dict of lists of equal length.

    Attributes:
        sizes: Dict of the number of images of each part; the name is None where the
            data have no parts.
        kinds: List of the kinds that were looked for.
    """

    __module__ = "reticnn"

    def __init__(self, columns, sizes, kinds):
        """Take the columns, the sizes of the parts and the kinds looked for."""
        super().__init__(columns)
        self.sizes = sizes
        self.kinds = kinds

    def __repr__(self):
        """Count the findings of each kind, and give the first reason of each."""
        number = _counted(sum(self.sizes.values()), "image")
        if None not in self.sizes:
            parts = [f"{visible(name)} {size:,}" for name, size in self.sizes.items()]
            number += f" ({', '.join(parts)})"
        total = len(set(self["finding"]))
        found = _counted(total, "finding") if total else "no finding"
        lines = [f"<Review> {number}: {found}"]
        rows = list(zip(self["finding"], self["kind"], self["why"], strict=True))
        first = {kind: why for _, kind, why in reversed(rows)}
        findings = Counter(kind for _, kind in {row[:2] for row in rows})
        images = Counter(kind for _, kind, _ in rows)
        width = max(map(len, findings), default=0)
        for kind in dict.fromkeys(self["kind"]):
            lines.append(
                f"{kind:<{width}}  {findings[kind]:>6,} "
                f"({_counted(images[kind], 'image')}), such as: {visible(first[kind])}"
            )
        return "\n".join(lines)


def _counted(number, what):
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def table_of(findings, parts, kinds):
    """Return a `Review` with a row for each image of each finding, the worst first.

    Args:
        findings: List of `Finding`.
        parts: Dict of image data by the names of the parts.
        kinds: The kinds looked for, in their order.
    """
    places = [(name, at) for name, data in parts.items() for at in range(len(data))]
    files = [file for data in parts.values() for file in _listed(data.files, data)]
    labels = [label for data in parts.values() for label in _listed(data.labels, data)]

    def rank(finding):
        distance = abs(finding.value - finding.threshold)
        return SEVERITIES.index(finding.severity), kinds.index(finding.kind), -distance

    columns = {name: [] for name in _COLUMNS}
    for number, finding in enumerate(sorted(findings, key=rank), 1):
        for image in finding.images if len(finding.images) else [None]:
            part, at = (None, None) if image is None else places[image]
            row = {
                "finding": number,
                "kind": finding.kind,
                "severity": finding.severity,
                "part": part,
                "image": at,
                "file": None if image is None else files[image],
                "label": None if image is None else labels[image],
                "value": float(finding.value),
                "threshold": float(finding.threshold),
                "extra": image in finding.extra,
                "why": finding.why,
            }
            for name, value in row.items():
                columns[name].append(value)
    return Review(columns, {name: len(data) for name, data in parts.items()}, kinds)


def _listed(values, data):
    return [None] * len(data) if values is None else values
