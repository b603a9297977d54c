"""Policies in words."""


def described(operations):
    """Return a line of text for each operation, by its name."""
    return {name: _TEXTS[name](**options) for name, options in operations.items()}


def in_lines(title, lines):
    """Return a policy's text: a title, and lines by their names."""
    width = max(map(len, lines), default=0)
    return "\n".join(
        [
            f"<Policy> {title}",
            *(f"{name:<{width}}  {text}" for name, text in lines.items()),
        ]
    )


def _span(ends, times=1, unit=""):
    """Return a range as text, one number where both ends are the same."""
    lower, upper = (f"{end * times:.4g}" for end in ends)
    return (lower if lower == upper else f"{lower} to {upper}") + unit


def _percent(ends):
    return _span(ends, 100, " %")


def _crop(height, width):
    if isinstance(height, int):
        return f"{height} x {width} pixels"
    return f"{height:.4g} x {width:.4g} of the image, enlarged to its size"


def _flip(mode):
    words = {"horizontal_and_vertical": "horizontal and vertical, each"}
    return f"{words.get(mode, mode + ',')} for half of the images"


def _translation(height_factor, width_factor):
    tall, wide = _percent(height_factor), _percent(width_factor)
    return f"{tall} of the height, {wide} of the width"


def _shear(x_factor, y_factor):
    return f"{_percent(x_factor)} along x, {_percent(y_factor)} along y, to both sides"


def _rotation(factor):
    return _span(factor, 360, " degrees")


def _zoom(height_factor, width_factor):
    tall = f"{_percent(height_factor)} more of the height"
    if width_factor is None:
        return f"{tall} and, by the same, of the width"
    return f"{tall}, {_percent(width_factor)} more of the width"


def _color_jitter(brightness_factor, contrast_factor, saturation_factor, hue_factor):
    texts = []
    if brightness_factor is not None:
        texts.append(f"brightness {_span(brightness_factor, 255)}")
    if contrast_factor is not None:
        lower, upper = contrast_factor
        texts.append(f"contrast times {_span((1 - lower, 1 + upper))}")
    if saturation_factor is not None:
        ends = [end / max(1 - end, 1 / 256) for end in saturation_factor]
        texts.append(f"saturation times {_span(ends)}")
    if hue_factor is not None:
        texts.append(f"hue {_span(hue_factor, 180, ' degrees')} to both sides")
    return ", ".join(texts)


def _grayscale(factor):
    return f"{100 * factor:.4g} % of the images"


def _pca_color(std, eigenvalues, eigenvectors):
    return f"standard deviation {std:.4g}"


def _gaussian_blur(factor, kernel_size, sigma):
    return f"sigma {_span(sigma)} pixels, {_percent(factor)} of the images"


def _gaussian_noise(stddev):
    return f"standard deviation {_span(stddev, 255)}"


def _erasing(factor, scale, fill_value):
    filling = "noise" if fill_value is None else _values(fill_value)
    return (
        f"a box of {_percent(scale)} of the area, for {_percent(factor)} of the "
        f"images, filled with {filling}"
    )


def _values(numbers):
    return ", ".join(f"{number:g}" for number in numbers)


_TEXTS = {
    "crop": _crop,
    "flip": _flip,
    "translation": _translation,
    "shear": _shear,
    "rotation": _rotation,
    "zoom": _zoom,
    "color_jitter": _color_jitter,
    "grayscale": _grayscale,
    "pca_color": _pca_color,
    "gaussian_blur": _gaussian_blur,
    "gaussian_noise": _gaussian_noise,
    "erasing": _erasing,
}
