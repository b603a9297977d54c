"""Scenes as files that move: SVG, or GIF."""

import base64
import hashlib
import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from reticnn.coercion import as_float, as_int, shown
from reticnn.plots.growing_field import scene_of_field
from reticnn.plots.preparation import colours_of, image_data_of
from reticnn.plots.scenes import box, picture, scene
from reticnn.plots.shifted_images import scene_of_shifts
from reticnn.plots.sliding import scene_of_steps
from reticnn.runtime.writing import as_file_to_write, replacing, unwritten

# Pixels of an image on a side, and of the width of a GIF for each of a scene.
_SIDE, _SHARPER = 320, 2

_COLOURS = 128

# Signs that Pillow's own font lacks.
_PLAIN = {ord("\u00d7"): "x", ord("\u2192"): ">", ord("\u2026"): ".."}

# Sans-serif letters that systems have.
_FONT = "Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"


def save_animation(x, path=None, *, image=None, seconds=None, most=64):
    """Save a film of what a network does, as SVG or GIF.

    The file is self-contained, plays in any browser and on any page, and repeats. An
    SVG stays sharp at any size, is usually smaller, and stands still, showing its last
    frame, if a reader has asked for less motion.

    Args:
        x: What `sliding_window`, `layer_window`, `receptive_field` or `shift_response`
            returned; or images, an array (n, height, width, channels) or image data,
            which are shown one after another.
        path: Path of the file, which ends in `.svg` or `.gif`; or None for an SVG in
            the folder for temporary files. Default None.
        image: For a receptive field, the image to draw it on, an array (height, width,
            channels), 0 to 255, or image data, whose first is used. Default None.
        seconds: How long each frame is shown, or None for a pace that is easy to
            follow. The last is shown three times as long. Default None.
        most: Whole number, the largest number of frames. If a window has more steps,
            this many are shown, spread evenly. Default 64.

    Returns:
        The path of the file, which replaces any existing one.

    Raises:
        TypeError: If `x` is not one of these.
        ValueError: If the path has another extension, `image` is given for anything
            other than a receptive field, or there are more images than `most`.

    Example:
        >>> window = sliding_window(5, 3, padding="same")
        >>> path = save_animation(window, "same.svg")

    Source:
        Dumoulin and Visin (2016), A guide to convolution arithmetic for deep learning,
        arXiv:1603.07285, draws convolutions in this way. The drawings are our own.
    """
    drawn = _scene_of(x, image, as_int(most, "most"))
    if seconds is not None:
        drawn["seconds"] = as_float(seconds, "seconds", above=0)
    if path is None:
        handle, path = tempfile.mkstemp(".svg")
        os.close(handle)
    path = as_file_to_write(path)
    writers = {".svg": svg_of, ".gif": gif_of}
    ending = Path(path).suffix.lower()
    if ending not in writers:
        raise ValueError(f"`path` must end in `.svg` or `.gif`, not {shown(path)}.")
    with replacing(path, unwritten(path)) as part:
        Path(part).write_bytes(writers[ending](drawn))
    return path


def _scene_of(x, image, most):
    """Return the scene of what there is a film of."""
    if isinstance(x, Mapping) and "image_size" in x:
        return scene_of_field(x, image)
    if image is not None:
        raise ValueError(
            "`image` is only for a receptive field, which is drawn on it. Leave it out."
        )
    if isinstance(x, Mapping) and "windows" in x:
        return scene_of_steps(x, most)
    if isinstance(x, Mapping) and "outputs" in x:
        return scene_of_shifts(x)
    if isinstance(x, (str, type(None))) or (isinstance(x, Mapping) and "table" in x):
        raise TypeError(
            "`x` must be what `sliding_window()`, `layer_window()`, "
            "`receptive_field()` or `shift_response()` returned, or images, not "
            f"{shown(x)}."
        )
    return _scene_of_images(image_data_of(x, "x"), most)


def _scene_of_images(data, most):
    if len(data) > most:
        raise ValueError(
            f"`x` has {len(data)} images, and a film at most {most} frames. Give "
            "fewer, or a higher `most`."
        )
    pixels = np.clip(np.rint(data.read(np.arange(len(data)))), 0, 255).astype("uint8")
    pixels = colours_of(pixels)
    height, width = (
        side * _SIDE / max(pixels.shape[1:3]) for side in pixels.shape[1:3]
    )
    frames = [
        [box(0, 0, width, height, fill="#FFFFFF"), picture(0, 0, width, height, one)]
        for one in pixels
    ]
    return scene(width, height, frames, 0.8)


# SVG


def svg_of(drawn):
    """Return a scene as an SVG file: each shape once, with the time it is shown."""
    count = len(drawn["frames"])
    shapes = _with_frames(drawn["frames"])
    known = hashlib.sha256(repr(shapes).encode()).hexdigest()[:6]
    every, styles, body, last = frozenset(range(count)), {}, [], None
    for shape, frames in shapes:
        if frames != last:
            if body:
                body.append("</g>")
            name = styles.setdefault(frames, f"f{known}{len(styles)}")
            body.append("<g>" if frames == every else f'<g class="{name}">')
        body.append(_element(shape))
        last = frames
    rules = [
        _rule(name, frames, count) for frames, name in styles.items() if frames != every
    ]
    seconds = (count + 2) * drawn["seconds"]
    names = ",".join(f".{name}" for frames, name in styles.items() if frames != every)
    moving = f"{names}{{animation:{seconds:g}s step-end infinite}}" if names else ""
    still = f"{names}{{animation:none}}" if names else ""
    size = f"0 0 {drawn['width']:g} {drawn['height']:g}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" '
        f'width="{drawn["width"]:g}" height="{drawn["height"]:g}" role="img" '
        f'id="s{known}" font-family="{_FONT}" style="max-width:100%;height:auto">',
        f"<style>#s{known} text{{text-anchor:middle}}",
        moving,
        *rules,
        f"@media (prefers-reduced-motion:reduce){{{still}}}",
        "</style>",
        *body,
        "</g></svg>",
    ]
    return "\n".join(filter(None, lines)).encode()


def _with_frames(frames):
    """Return each shape with the numbers of its frames, in an order of drawing."""
    order, shown_in, shape_of = [], {}, {}
    for number, shapes in enumerate(frames):
        place = 0
        for shape in shapes:
            key = _key(shape)
            if key in shown_in:
                place = order.index(key) + 1
            else:
                order.insert(place, key)
                place += 1
            shape_of[key] = shape
            shown_in.setdefault(key, set()).add(number)
    return [(shape_of[key], frozenset(shown_in[key])) for key in order]


def _key(shape):
    values = {
        name: value.tobytes() if isinstance(value, np.ndarray) else value
        for name, value in shape.items()
    }
    return tuple(values.items())


def _rule(name, frames, count):
    """Return the rules by which shapes are seen in some frames alone."""
    seen = [number in frames for number in range(count)]
    steps, before = [], None
    for number, is_seen in enumerate(seen):
        if is_seen != before:
            share = f"{100 * number / (count + 2):.3f}".rstrip("0").rstrip(".")
            steps.append(f"{share}%{{visibility:{_word(is_seen)}}}")
        before = is_seen
    return (
        f"@keyframes {name}{{{''.join(steps)}}}"
        f".{name}{{animation-name:{name};visibility:{_word(seen[-1])}}}"
    )


def _word(is_seen):
    return "visible" if is_seen else "hidden"


def _element(shape):
    """Return a shape as an element of SVG."""
    x, y = f"{shape['x']:.4g}", f"{shape['y']:.4g}"
    if shape["kind"] == "text":
        # The baseline, as not all programs know of a middle.
        y = f"{shape['y'] + 0.35 * shape['size']:.4g}"
        look = ' font-weight="bold"' if shape["bold"] else ""
        if shape["anchor"] != "middle":
            look += f' style="text-anchor:{shape["anchor"]}"'
        return (
            f'<text x="{x}" y="{y}" font-size="{shape["size"]:.3g}" fill="'
            f'{shape["colour"]}"{look}>{escape(shape["text"])}</text>'
        )
    place = (
        f'x="{x}" y="{y}" width="{shape["width"]:.4g}" height="{shape["height"]:.4g}"'
    )
    if shape["kind"] == "picture":
        data = base64.b64encode(_png(shape["pixels"])).decode()
        return (
            f'<image {place} preserveAspectRatio="none" style="image-rendering:'
            f'pixelated" href="data:image/png;base64,{data}"/>'
        )
    line = ""
    if shape["line"]:
        line = f' stroke="{shape["line"]}" stroke-width="{shape["thick"]:g}"'
    return f'<rect {place} fill="{shape["fill"] or "none"}"{line}/>'


def _png(pixels):
    # With a palette a photo takes half of the bytes.
    file = io.BytesIO()
    few = Image.fromarray(np.ascontiguousarray(pixels)).quantize(_COLOURS)
    few.save(file, "PNG", optimize=True)
    return file.getvalue()


# GIF


def gif_of(drawn):
    """Return a scene as a GIF file."""
    frames = [_painted(drawn, shapes) for shapes in drawn["frames"]]
    # One palette for all, so that colours do not flicker.
    every = Image.fromarray(np.concatenate([np.asarray(one) for one in frames]))
    spread = Image.Quantize.MAXCOVERAGE
    palette = every.quantize(_COLOURS, method=spread, dither=Image.Dither.NONE)
    few = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in frames]
    times = [round(1000 * drawn["seconds"])] * len(few)
    times[-1] *= 3
    file = io.BytesIO()
    few[0].save(
        file, "GIF", save_all=True, append_images=few[1:], duration=times, loop=0
    )
    return file.getvalue()


def _painted(drawn, shapes):
    """Return a frame as an image."""
    size = (round(drawn[side] * _SHARPER) for side in ("width", "height"))
    image = Image.new("RGB", tuple(size), "white")
    pen = ImageDraw.Draw(image)
    for shape in shapes:
        x, y = shape["x"] * _SHARPER, shape["y"] * _SHARPER
        if shape["kind"] == "text":
            anchor = {"middle": "mm", "start": "lm", "end": "rm"}[shape["anchor"]]
            font = ImageFont.load_default(shape["size"] * _SHARPER)
            look = {"stroke_width": 0.4 * _SHARPER if shape["bold"] else 0}
            words = shape["text"].translate(_PLAIN)
            pen.text((x, y), words, shape["colour"], font, anchor=anchor, **look)
            continue
        right, bottom = (
            start + shape[side] * _SHARPER
            for start, side in ((x, "width"), (y, "height"))
        )
        if shape["kind"] == "picture":
            side = max(1, round(right - x)), max(1, round(bottom - y))
            pixels = Image.fromarray(np.ascontiguousarray(shape["pixels"]))
            image.paste(
                pixels.resize(side, Image.Resampling.NEAREST), (round(x), round(y))
            )
        elif right > x and bottom > y:
            thick = max(1, round(shape["thick"] * _SHARPER))
            pen.rectangle((x, y, right, bottom), shape["fill"], shape["line"], thick)
    return image
