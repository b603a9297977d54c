"""The block diagram of a model, as tables."""

from collections import Counter

from reticnn.coercion import as_choice, as_int, as_strings
from reticnn.graph import as_graph
from reticnn.inspection.diagram.grouping import boxes_of
from reticnn.inspection.diagram.layout import HEIGHT, WIDTH, laid_out
from reticnn.inspection.diagram.parts import COLOURS, SHOWABLE, parts_of


def architecture(model, most=16, *, show=None, columns=None):
    """Lay out a block diagram of a model.

    Each layer has its own box if there are at most `most` layers. Otherwise a box
    stands for the smallest of the following for which `most` boxes suffice: a layer and
    the normalisation, activation and dropout after it; a block, that is, branches up to
    where they join, and layers whose names start with the same prefix; a stage, that
    is, blocks whose names start with the same prefix and whose feature maps have the
    same size; all layers whose feature maps have the same size. A nested model is one
    box; for its own diagram, use `model.get_layer(name)`.

    Layers named by `show` are not hidden in a box with others: between blocks, such a
    layer has its own box, which does not count towards `most`; the box of a block says
    how many there are in it.

    Args:
        model: Keras model built from layers, or a classifier.
        most: Whole number of at least 2, the largest number of boxes. Default 16.
        show: String or sequence of strings, what to show whatever `most` is:
            `"normalisation"`, `"activation"`, `"dropout"`; `"reduction"`, 1 x 1
            convolutions to fewer channels; and `"auxiliary"`, classifiers that are used
            in training only and are not among the model's layers. Default None.
        columns: Whole number, roughly how many columns of boxes to draw. Fewer make the
            diagram taller, and its text larger at the width of a page. Default None, as
            many as suit a slide.

    Returns:
        Dict of:

        - `boxes`, a table (dict of equal-length lists) with one row per box: `name`;
          `kind`, `"convolution"`, `"pooling"` and so on; `text`, what it does;
          `output_shape`, such as `"32 x 32 x 64"`; `parameters`; `layers`, the number
          of layers; `colour` of its kind; and `x` and `y` of its centre.
        - `arrows`, a table (dict of equal-length lists) with one row per point of an
          arrow: `arrow`, the number of the arrow, from 1; `x` and `y`, in order from
          its start to its tip.
        - `width` and `height` of the diagram, and `box_width` and `box_height`. The
          unit of all these and of all positions is the height of a box; `y` increases
          upwards.

    Raises:
        TypeError: If `model` is not a Keras model or a classifier.
        ValueError: If `model` is not built from layers, `most` is below 2, `show` names
            anything else, or `columns` is below 1.

    Example:
        >>> diagram = architecture(build_cnn())
        >>> diagram["boxes"]["name"][:3]
        ['image', 'rescaling', 'block1_conv1']
    """
    most = as_int(most, "most", minimum=2)
    kinds = [] if show is None else as_strings(show, "show")
    shown = {as_choice(kind, "show", SHOWABLE) for kind in kinds}
    columns = None if columns is None else as_int(columns, "columns")
    boxes, blocks = boxes_of(parts_of(as_graph(model), shown), most)
    layout = laid_out(boxes.sources, columns)
    rows = [_row(boxes, blocks, box) for box in range(len(boxes))]
    names = ("name", "kind", "text", "output_shape", "parameters", "layers")
    table = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    points = [
        (number, round(x, 4), round(y, 4))
        for number, arrow in enumerate(layout.arrows, start=1)
        for x, y in arrow
    ]
    return {
        "boxes": {
            **table,
            "colour": [COLOURS[kind] for kind in table["kind"]],
            "x": [round(x, 4) for x, _ in layout.centres],
            "y": [round(y, 4) for _, y in layout.centres],
        },
        "arrows": {
            key: [point[at] for point in points]
            for at, key in enumerate(("arrow", "x", "y"))
        },
        "width": layout.width,
        "height": layout.height,
        "box_width": WIDTH,
        "box_height": HEIGHT,
    }


def _row(boxes, blocks, box):
    """Return what is written into a box."""
    parts = [boxes.parts[number] for number in boxes.members[box]]
    main = boxes.main(box)
    alone = len(main) == 1
    shape = boxes.last(box).shape
    return (
        main[0].name if alone else _name(boxes, blocks, box),
        main[0].kind if alone else "block",
        main[0].text if alone else _contents(blocks, boxes.members[box], parts),
        " x ".join("any" if side is None else str(side) for side in shape),
        sum(part.parameters for part in parts),
        sum(part.layers for part in parts),
    )


def _name(boxes, blocks, box):
    """Return the name of a box of several layers, which no other box has."""
    name = boxes.name(box)
    if name and sum(boxes.name(other) == name for other in range(len(boxes))) == 1:
        return name
    if blocks is None:
        ends = boxes.main(box)
        return f"{ends[0].name} … {ends[-1].name}"
    inside = _blocks_within(blocks, boxes.members[box])
    first, last = (
        blocks.name(at) or blocks.last(at).name for at in (inside[0], inside[-1])
    )
    return first if first == last else f"{first} … {last}"


def _contents(blocks, members, parts):
    """Return what a box of several layers holds, in numbers."""
    count = 0 if blocks is None else len(_blocks_within(blocks, members))
    convolutions = sum(part.kind in ("convolution", "reduction") for part in parts)
    shown = Counter(part.kind for part in parts if part.shown)
    words = [
        f"{count} blocks" if count > 1 else "",
        # Of kinds that are asked for, the box says how many, and has no more room.
        "" if shown else f"{len(parts)} layers",
        f"{convolutions} convolutions" if convolutions > 1 else "",
        *(f"{number} {kind}{'s' * (number > 1)}" for kind, number in shown.items()),
    ]
    return ", ".join(filter(None, words))


def _blocks_within(blocks, members):
    """Return the numbers of the blocks that a box is made of."""
    inside = set(members)
    return [at for at, block in enumerate(blocks.members) if inside.issuperset(block)]
