"""Drawings and films of windows, receptive fields and shifts."""

import io
import re

import numpy as np
import pytest
from PIL import Image

import reticnn
from reticnn.plots.animation import _element, svg_of
from reticnn.plots.sliding import scene_of_steps

EDGES = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]


@pytest.fixture(scope="module")
def made(shapes):
    """Return one of each kind of what films are made of."""
    model = reticnn.build_cnn((16, 16, 3), n_blocks=2, filters=4, seed=1)
    return {
        "edges": reticnn.sliding_window(4, EDGES, padding="same"),
        "pooling": reticnn.sliding_window(5, 2, kind="average", padding="same"),
        "dilated": reticnn.sliding_window(6, 3, dilation_rate=2),
        "layer": reticnn.layer_window(model, shapes),
        "field": reticnn.receptive_field(model),
        "shifts": reticnn.shift_response(model, shapes, "block1_pool"),
        "answers": reticnn.shift_response(model, shapes),
    }


def test_figures_can_be_saved(made, tmp_path):
    figures = [reticnn.plot_window(made[name]) for name in list(made)[:4]]
    figures.append(reticnn.plot_receptive_field(made["field"]))
    figures += [reticnn.plot_shift_response(made[name]) for name in list(made)[5:]]
    for figure in figures:
        figure.savefig(tmp_path / "figure.png", dpi=50)
        pixels = np.asarray(Image.open(tmp_path / "figure.png").convert("L"))
        assert pixels.min() < 140 and pixels[0, 0] == 255


def test_the_sum_that_is_written_is_that_of_the_step(made):
    window = made["edges"]
    for step, result in enumerate(window["steps"]["result"], 1):
        written = [text.get_text() for text in _texts(window, step)]
        terms, _, total = written[-1].replace("\u00b7", "*").rpartition(" = ")
        assert eval(terms) == float(total) == result


def _texts(window, step):
    return reticnn.plot_window(window, step).axes[0].texts


def test_an_svg_shows_in_each_frame_what_is_in_it(made):
    drawn = scene_of_steps(made["edges"], 64)
    svg = svg_of(drawn).decode()
    groups = re.findall(r'<g(?: class="(\w+)")?>(.*?)</g>', svg, re.S)
    count = len(drawn["frames"])
    assert count == 16
    for number, shapes in enumerate(drawn["frames"]):
        share = 100 * (number + 0.5) / (count + 2)
        seen = [body for name, body in groups if not name or _is_seen(svg, name, share)]
        elements = re.findall(r"<(?:text|rect|image)\b.*?(?:/>|</text>)", "".join(seen))
        assert sorted(elements) == sorted({_element(shape) for shape in shapes})
        # The numbers are written over their cells.
        assert elements.index(_element(shapes[1])) > elements.index(_element(shapes[0]))


def _is_seen(svg, name, share):
    """Return what the style says of a group at a share of the time, in percent."""
    steps = re.search(rf"@keyframes {name}{{(.*?}})}}", svg)[1]
    found = re.findall(r"([\d.]+)%{visibility:(\w+)}", steps)
    return [word for at, word in found if float(at) <= share][-1] == "visible"


@pytest.mark.parametrize("ending", ["svg", "gif"])
def test_films_are_small_and_complete(made, shapes, tmp_path, ending):
    made = {**made, "images": shapes[:5]}
    for name, one in made.items():
        path = tmp_path / f"{name}.{ending}"
        image = {"image": shapes} if name == "field" else {}
        assert reticnn.save_animation(one, path, most=9, **image) == str(path)
        data = path.read_bytes()
        assert 1000 < len(data) < 180_000, name
        if ending == "gif":
            with Image.open(io.BytesIO(data)) as film:
                assert film.is_animated and film.info["loop"] == 0
                film.seek(film.n_frames - 1)
        else:
            assert b"http" not in data.replace(b"http://www.w3.org/2000/svg", b"")


def test_what_no_film_is_made_of_is_refused(made, shapes, tmp_path, refused):
    with refused(ValueError, "path", ".svg", "a.mp4"):
        reticnn.save_animation(made["edges"], tmp_path / "a.mp4")
    with refused(TypeError, "x", "sliding_window"):
        reticnn.save_animation("a.svg")
    with refused(ValueError, "image", "receptive field"):
        reticnn.save_animation(made["edges"], image=shapes)
    with refused(ValueError, "x", "5 images", "most"):
        reticnn.save_animation(shapes[:5], most=4)
    with refused(TypeError, "window", "sliding_window"):
        reticnn.plot_window(made["field"])
    with refused(ValueError, "step", "16", "17"):
        reticnn.plot_window(made["edges"], 17)
    with refused(ValueError, "image", "16 x 16", "8 x 8"):
        reticnn.plot_receptive_field(made["field"], np.zeros((8, 8, 3), "uint8"))
