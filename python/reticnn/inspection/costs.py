"""What a depthwise separable convolution saves."""

from reticnn.coercion import as_floats, as_ints


def separable_costs(
    in_channels=512,
    out_channels=512,
    *,
    kernel_size=3,
    size=14,
    width=1.0,
    resolution=1.0,
):
    """Compare the costs of a convolution and its depthwise separable form.

    A convolution has `K^2 * C_in * C_out` weights. A separable one has `K^2 * C_in`
    depthwise (spatial) weights, each of which sees one channel, and `C_in * C_out`
    weights that mix the channels. Each weight is used in one multiplication per
    position of the output. Biases are not counted. Each argument may be a sequence,
    which gives one row per element; arguments of length one are used for all rows. The
    defaults are the layer in table 3 of the paper.

    Args:
        in_channels: Whole number of channels, `C_in`. Default 512.
        out_channels: Whole number of filters, `C_out`. Default 512.
        kernel_size: Whole number, height and width of the kernel, `K`. Default 3.
        size: Whole number, height and width of the output's feature maps; 1 gives the
            cost per position. Default 14.
        width: Float above 0, the width multiplier, which scales both numbers of
            channels, rounded down. Default 1.
        resolution: Float above 0, the resolution multiplier, which scales `size`,
            rounded. Default 1.

    Returns:
        Table (dict of equal-length lists): `kernel_size`, `in_channels`, `out_channels`
        and `size`, after both multipliers; `standard_parameters` and
        `separable_parameters`; `standard_mult_adds` and `separable_mult_adds`,
        multiply-adds per image; and `ratio`, the cost of the separable convolution as a
        fraction of the standard one's, `1 / C_out + 1 / K^2`.

    Raises:
        ValueError: If a number is outside its range, or sequences differ in length.

    Example:
        >>> table = separable_costs([32, 64, 128], [64, 128, 128])
        >>> table["standard_parameters"], table["separable_parameters"]
        ([18432, 73728, 147456], [2336, 8768, 17536])

    Source:
        Howard et al. (2017), MobileNets, arXiv:1704.04861, sections 3.1 to 3.4.
    """
    rows = _recycled(
        in_channels=as_ints(in_channels, "in_channels"),
        out_channels=as_ints(out_channels, "out_channels"),
        kernel_size=as_ints(kernel_size, "kernel_size"),
        size=as_ints(size, "size"),
        width=as_floats(width, "width", above=0),
        resolution=as_floats(resolution, "resolution", above=0),
    )
    costs = [_separable_cost(**row) for row in rows]
    return {column: [row[column] for row in costs] for column in costs[0]}


def _separable_cost(in_channels, out_channels, kernel_size, size, width, resolution):
    """Return one row of `separable_costs`."""
    taken, given = (max(1, int(n * width)) for n in (in_channels, out_channels))
    side = max(1, round(size * resolution))
    standard = kernel_size**2 * taken * given
    separable = kernel_size**2 * taken + taken * given
    return {
        "kernel_size": kernel_size,
        "in_channels": taken,
        "out_channels": given,
        "size": side,
        "standard_parameters": standard,
        "separable_parameters": separable,
        # As floats, because R has no whole numbers of that size.
        "standard_mult_adds": float(standard * side**2),
        "separable_mult_adds": float(separable * side**2),
        "ratio": separable / standard,
    }


def _recycled(**columns):
    """Return a dict for each row; columns of one value have it in every row."""
    count = max(map(len, columns.values()))
    for name, values in columns.items():
        if len(values) not in (1, count):
            raise ValueError(
                f"`{name}` has {len(values)} numbers, but another argument has "
                f"{count}. Give one, or {count}."
            )
    full = {
        name: values * (count if len(values) == 1 else 1)
        for name, values in columns.items()
    }
    return [
        dict(zip(full, row, strict=True)) for row in zip(*full.values(), strict=True)
    ]
