"""Images damaged at random: nothing kills the process, all are decoded or named.

What is decoded has the pixels that Pillow gives it.
"""

import io
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import reticnn
from reticnn.data.library_settings import while_decoding

_AT_ONCE = 200

# All decoding is done in another process, which a damaged file may kill.
_CHECK = """
import sys
from torture.images import disagreements
print(*disagreements(*sys.argv[1:]), sep="\\n")
"""


def originals():
    """Return a small image of each kind, by a name with its ending."""
    rng = np.random.default_rng(1)
    blobs = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    photo = Image.fromarray(blobs).resize((40, 30), 2)
    grey, flat = photo.convert("L"), photo.convert("P")
    kinds = [
        ("base.jpg", photo, {}),
        ("progressive.jpg", photo, {"progressive": True}),
        ("grey.jpg", grey, {}),
        ("cmyk.jpg", photo.convert("CMYK"), {}),
        ("rgb.png", photo, {}),
        ("palette.png", flat, {"transparency": 3}),
        ("deep.png", Image.fromarray(np.asarray(grey).astype("u2") * 257), {}),
        ("plain.gif", flat, {}),
        ("moving.gif", flat, {"save_all": True, "append_images": [flat.rotate(9)]}),
        ("rgb.bmp", photo, {}),
        ("raw.tif", photo, {}),
        ("lossy.webp", photo, {}),
        ("lossless.webp", photo.convert("RGBA"), {"lossless": True}),
    ]
    kinds += [
        (f"{packed}.tif", photo, {"compression": packed})
        for packed in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits")
    ]
    found = {}
    for name, image, options in kinds:
        file = io.BytesIO()
        image.save(file, Image.registered_extensions()[Path(name).suffix], **options)
        found[name] = file.getvalue()
    return found


def mutated(data, rng):
    """Return bytes with some flipped, cut out, put in, or cut off."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(data))
        how = rng.choice(("flip", "flip", "flip", "set", "insert", "delete", "cut"))
        if how == "flip":
            data[at] ^= 1 << rng.randrange(8)
        elif how == "set":
            data[at] = rng.choice((0, 1, 127, 128, 255))
        elif how == "insert":
            data[at:at] = rng.randbytes(rng.choice((1, 2, 50)))
        elif how == "delete":
            del data[at : at + rng.choice((1, 2, 50))]
        else:
            del data[max(at, 1) :]
        data = data or bytearray(b"\0")
    return bytes(data)


def write_mutated(folder, count, seed):
    """Write damaged images to a folder."""
    rng, whole = random.Random(seed), originals()
    for number in range(count):
        name = rng.choice(sorted(whole))
        path = os.path.join(folder, f"{number:06}-{name}")
        with open(path, "wb") as file:
            file.write(mutated(whole[name], rng))


def disagreements(folder):
    """Return what is wrong with how the images in a folder are decoded, as texts."""
    table = reticnn.check_images(folder)
    readable = [file for file, ok in zip(table["file"], table["ok"], strict=True) if ok]
    wrong = [
        f"{file}: neither decoded nor named"
        for file, ok, problem in zip(
            table["file"], table["ok"], table["problem"], strict=True
        )
        if ok == bool(problem)
    ]
    return wrong + [file for file in readable if not _is_as_pillow_has_it(file)]


def _is_as_pillow_has_it(file):
    """Return whether an image has about the pixels that Pillow gives it, if any.

    Where data are damaged, libraries fill in differently, and not the whole image.
    """
    try:
        with while_decoding, Image.open(file) as image:
            if image.mode not in ("RGB", "L") or image.width * image.height > 10**6:
                return True
            size = image.height, image.width
            wanted = np.asarray(image.convert("RGB"), np.int16)
            if image.getexif().get(0x0112, 1) != 1 or "transparency" in image.info:
                return True
    except Exception as error:
        # Pillow gives up at what OpenCV reads on with.
        return file.endswith(".jpg") and isinstance(error, OSError)
    data = reticnn.image_table(file, image_size=size, cache="none")
    found = reticnn.load_images(data)["images"][0]
    return np.median(np.abs(found - wanted)) <= 2


def run(say, seconds, seed):
    """Decode damaged images for some seconds; return what fell."""
    end, tried, fell = time.monotonic() + seconds, 0, []
    while time.monotonic() < end:
        start = seed * 1_000_000 + tried
        fell += [f"from seed {start}: {text}" for text in fallen_of(_AT_ONCE, start)]
        tried += _AT_ONCE
    say(f"{tried} damaged images")
    return fell


def fallen_of(count, seed):
    """Return what fell of some damaged images, decoded in another process."""
    paths = [Path(__file__).parents[1], Path(reticnn.__file__).parents[1]]
    with tempfile.TemporaryDirectory() as folder:
        write_mutated(folder, count, seed)
        ran = subprocess.run(
            [sys.executable, "-c", _CHECK, folder],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=600,
        )
    fell = [line for line in ran.stdout.split("\n") if line]
    if ran.returncode or ran.stderr:
        fell.append(f"ended with {ran.returncode}, and printed {ran.stderr[-500:]!r}")
    return fell
