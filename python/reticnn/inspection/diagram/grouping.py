"""Which parts share a box, so that a diagram of any network fits a page."""

import heapq
import re

from reticnn.inspection.diagram.parts import FOLDED


class Boxes:
    """Parts in boxes, and the arrows between these.

    Attributes:
        members: One list per box, the indices of its parts; each box after those that
            it gets its values from.
        sources: One set per box, the indices of the boxes that it gets its values from.
    """

    def __init__(self, parts, members):
        """Put the boxes in an order in which arrows only go forward."""
        self.parts = parts
        home = {part: number for number, box in enumerate(members) for part in box}
        sources = [
            {home[source] for part in box for source in parts[part].sources} - {number}
            for number, box in enumerate(members)
        ]
        order = _forward(members, sources)
        index_of = {number: index for index, number in enumerate(order)}
        self.members = [sorted(members[number]) for number in order]
        self.sources = [
            {index_of[source] for source in sources[number]} for number in order
        ]

    def __len__(self):
        """Count the boxes."""
        return len(self.members)

    def last(self, box):
        """Return the part whose output is the box's."""
        return self.parts[self.members[box][-1]]

    def joined(self, keys):
        """Return these boxes with neighbours in one that have the same key, not None.

        Neighbours in a forward order can be joined without an arrow going backward.
        """
        keys = [(number,) if key is None else key for number, key in enumerate(keys)]
        joined = []
        for number, members in enumerate(self.members):
            if number and keys[number] == keys[number - 1]:
                joined[-1].extend(members)
            else:
                joined.append(list(members))
        return Boxes(self.parts, joined)

    def main(self, box):
        """Return the parts that a box is named after."""
        parts = [self.parts[number] for number in self.members[box]]
        return [part for part in parts if part.is_main] or parts

    def is_shown(self, box):
        """Return whether a box is a single part that is to be seen in any case."""
        main = self.main(box)
        return len(main) == 1 and main[0].shown

    def fit(self, most):
        """Return whether there are at most so many boxes, besides those to be seen."""
        return sum(not self.is_shown(box) for box in range(len(self))) <= most

    def name(self, box):
        """Return what the names of a box's parts begin with, or None."""
        return common_name([part.name for part in self.main(box)])


def boxes_of(parts, most):
    """Return boxes, as few parts in each as `most` boxes allow, and those of a step on.

    Returns:
        Tuple of the boxes, and of the blocks that they are made of, or None where they
        are made of layers.
    """
    single = Boxes(parts, [[number] for number in range(len(parts))])
    if single.fit(most):
        return single, None
    folded = _folded(single)
    if folded.fit(most):
        return folded, None
    blocks = _blocks(folded)
    if blocks.fit(most):
        return blocks, None
    stages = blocks.joined([_stage_key(blocks, box) for box in range(len(blocks))])
    if stages.fit(most):
        return stages, blocks
    sizes = blocks.joined([_size(blocks, box) for box in range(len(blocks))])
    return min(stages, sizes, key=len), blocks


def _folded(boxes):
    """Join layers with what follows only them, and paddings with what they pad for."""
    parts = boxes.parts
    users = [0] * len(parts)
    for part in parts:
        for source in part.sources:
            users[source] += 1
    home = list(range(len(parts)))
    for number, part in enumerate(parts):
        if len(part.sources) != 1:
            continue
        (source,) = part.sources
        folded = part.kind in FOLDED and not part.shown
        follows = folded or parts[source].padding
        if (
            follows
            and users[source] == 1
            and parts[source].kind not in ("input", "model")
        ):
            home[number] = home[source]
    members = {}
    for number, first in enumerate(home):
        members.setdefault(first, []).append(number)
    return Boxes(parts, list(members.values()))


def _blocks(boxes):
    """Join branches with the box in which they meet, then boxes with similar names."""
    ends = [
        max((user for user, s in enumerate(boxes.sources) if box in s), default=box)
        for box in range(len(boxes))
    ]
    keys, inside, reach = [], None, 0
    for box in range(len(boxes)):
        # From an auxiliary classifier no way leads back to where branches meet.
        if boxes.last(box).kind == "auxiliary":
            keys.append(None)
            continue
        # A box alone between what is before and behind it closes its branches.
        alone = reach <= box
        if inside is None and not alone:
            inside = ("branches", box)
        keys.append(inside)
        if alone:
            inside = None
        reach = max(reach, ends[box])
    return _with_relatives(boxes.joined(keys))


def _with_relatives(boxes):
    """Join neighbours of which one's name goes on where the other's ends."""
    keys, stem = [], None
    for box in range(len(boxes)):
        own = _stem(boxes, box)
        both = common_name([own, stem]) if own and stem else None
        # Branches are not part of what stands before them: stage2_block1, stage2_norm.
        branches = both == stem != own and len(boxes.main(box)) > 1
        if both is None or both not in (own, stem) or branches:
            first, both = box, own
        keys.append(("name", first))
        stem = both
    return boxes.joined(keys)


def _stem(boxes, box):
    """Return the name of a box without its parts' endings, or None.

    Names that Keras gives end in numbers, and say nothing.
    """
    names = [part.name for part in boxes.main(box)]
    if not all(re.search(r"_[^_]*[a-z][^_]*$", name) for name in names):
        return None
    return common_name([name.rsplit("_", 1)[0] for name in names])


def common_name(names):
    """Return the words, set apart by `_`, that all names begin with, or None."""
    words = []
    for same in zip(*(name.split("_") for name in names), strict=False):
        if len(set(same)) > 1:
            break
        words.append(same[0])
    return "_".join(words) or None


def _stage_key(boxes, box):
    """Return what boxes of a stage share: the first word of their names, the size."""
    if boxes.is_shown(box):
        return None
    name = boxes.name(box)
    word = re.match(r"[A-Za-z]+\d*", name or "")
    return word and (word[0], _size(boxes, box))


def _size(boxes, box):
    """Return height and width of feature maps, or None for what is not joined."""
    if boxes.is_shown(box):
        return None
    part = boxes.last(box)
    return part.shape[:2] if len(part.shape) == 3 and part.kind != "input" else None


def _forward(members, sources):
    """Return the boxes' numbers, each after its sources, else as the parts stand."""
    waiting = [len(before) for before in sources]
    users = [[] for _ in members]
    for number, before in enumerate(sources):
        for source in before:
            users[source].append(number)
    ready = [(members[n][0], n) for n, count in enumerate(waiting) if count == 0]
    heapq.heapify(ready)
    order = []
    while ready:
        _, number = heapq.heappop(ready)
        order.append(number)
        for user in users[number]:
            waiting[user] -= 1
            if waiting[user] == 0:
                heapq.heappush(ready, (members[user][0], user))
    return order
