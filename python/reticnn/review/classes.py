"""Classes with too few images, or with many more than others."""

from reticnn.notation import shown
from reticnn.review.findings import Finding


def uneven_classes(parts, thresholds):
    """Return the findings on the sizes of classes in each part."""
    findings = []
    for name, data in parts.items():
        if data.codes is None:
            continue
        where = "" if name is None else f" in the part {shown(name)}"
        counts = data.class_counts
        least = thresholds["small_class"]
        for label, count in counts.items():
            if count < least:
                why = (
                    f"the class {shown(label)} has {count} image{'s' * (count != 1)}"
                    f"{where}, fewer than {least:g}: too few to learn it, or to say "
                    "how well it is learned"
                )
                severity = "medium" if count else "high"
                findings.append(Finding("small_class", severity, [], why, count, least))
        present = {label: count for label, count in counts.items() if count}
        largest = max(present, key=present.get)
        smallest = min(present, key=present.get)
        times = present[largest] / present[smallest]
        if times > thresholds["imbalance"]:
            why = (
                f"the class {shown(largest)} has {times:.3g} times as many images as "
                f"{shown(smallest)}{where}, more than {thresholds['imbalance']:g} times"
            )
            findings.append(
                Finding("imbalance", "low", [], why, times, thresholds["imbalance"])
            )
    return findings
