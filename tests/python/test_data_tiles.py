"""Large images as image data of tiles."""

import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from reticnn import (
    evaluate_classifier,
    fit_classifier,
    image_tiles,
    load_images,
    plot_tiles,
    predict_images,
    split_images,
)
from reticnn.plots.maps import map_of_tiles
from reticnn.plots.preparation import pictures_of_images


def _picture(height, width, seed=0):
    blobs = np.random.default_rng(seed).integers(0, 256, (9, 11, 3), np.uint8)
    return cv2.resize(blobs, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def pictures(tmp_path):
    """Return the paths of three images of 61 x 83 pixels, of several formats."""
    options = {"tif": {"compression": "tiff_lzw", "tiffinfo": {278: 16}}}
    paths = []
    for number, ending in enumerate(("png", "tif", "bmp")):
        paths.append(str(tmp_path / f"{number}.{ending}"))
        picture = Image.fromarray(_picture(61, 83, number))
        picture.save(paths[-1], **options.get(ending, {}))
    return paths


def _cut(path, place):
    """Return a tile as Pillow has it."""
    left, top, width, height = place
    whole = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    return np.asarray(whole.crop((left, top, left + width, top + height)))


def _pixels(data):
    return load_images(data)["images"]


def _places(data):
    columns = (data.facts[of] for of in ("left", "top", "width", "height"))
    return list(zip(*columns, strict=True))


def test_tiles_cover_the_whole_image(pictures):
    data = image_tiles(pictures, (20, 30), overlap=4)
    assert repr(data).splitlines() == [
        "<ImageData> 48 tiles of 3 images, 20 x 30 x 3, in files",
        "no labels",
        "in 3 groups",
        "facts: left, top, width, height",
    ]
    assert data.files == np.repeat(pictures, 16).tolist()
    assert data.groups == data.files
    assert sorted({left for left, *_ in _places(data)}) == [0, 26, 52, 53]
    assert sorted({top for _, top, *_ in _places(data)}) == [0, 16, 32, 41]


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_tiles_are_what_lies_in_their_places(pictures, cache):
    data = image_tiles(pictures, 24, 6, cache=cache)
    wanted = [_cut(*pair) for pair in zip(data.files, _places(data), strict=True)]
    order = np.random.default_rng(1).permutation(len(data))
    for positions in (order[:7], order, np.array([3, 3, 40]), np.arange(len(data))):
        found = data.read(positions)
        np.testing.assert_array_equal(found, [wanted[at] for at in positions])
    some = data[order[:5]] + data[order[5:9]]
    np.testing.assert_array_equal(
        load_images(some)["images"], [wanted[at] for at in order[:9]]
    )
    assert _places(some) == [_places(data)[at] for at in order[:9]]


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("kind", ["PNG", "late", "TIFF", "JPEG"])
def test_places_are_those_of_the_upright_image(tmp_path, kind, orientation):
    path = str(tmp_path / "a")
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture, file = Image.fromarray(_picture(61, 83)), io.BytesIO()
    picture.save(file, "PNG" if kind == "late" else kind, exif=exif)
    encoded = file.getvalue()
    if kind == "late":
        # Behind the pixels, where it may be too.
        at = encoded.index(b"eXIf") - 4
        end = at + struct.unpack_from(">I", encoded, at)[0] + 12
        rest = encoded[:at] + encoded[end:]
        encoded = rest[:-12] + encoded[at:end] + rest[-12:]
    (tmp_path / "a").write_bytes(encoded)
    data = image_tiles(path, 20)
    wanted = [_cut(path, place) for place in _places(data)]
    np.testing.assert_allclose(load_images(data)["images"], wanted, atol=3)


def test_a_jpeg_is_read_at_a_part_of_its_size_for_small_tiles(tmp_path):
    path = str(tmp_path / "a.jpg")
    Image.fromarray(_picture(403, 605)).save(path, quality=95)
    small = load_images(image_tiles(path, 128, image_size=32))["images"]
    whole = load_images(image_tiles(path, 128))["images"]
    wanted = [
        cv2.resize(tile, (32, 32), interpolation=cv2.INTER_AREA) for tile in whole
    ]
    assert np.abs(small.astype(int) - wanted).mean() < 3


def test_labels_are_of_images_or_of_tiles(pictures):
    of_images = image_tiles(pictures, 30, labels=["cat", "dog", "cat"])
    assert of_images.class_counts == {"cat": 18, "dog": 9}
    labels = ["cat", "dog", "cow"] * 9
    assert image_tiles(pictures, 30, labels=labels).labels == labels
    with pytest.raises(ValueError, match="one per path, 3, or one per tile, 27, not 4"):
        image_tiles(pictures, 30, labels=["cat", "dog"] * 2)


def test_groups_and_facts_are_those_of_the_images(pictures):
    facts = {"site": ["north", "south", "north"]}
    data = image_tiles(pictures, 30, groups="site", facts=facts)
    assert data.groups == data.facts["site"] == np.repeat(facts["site"], 9).tolist()
    with pytest.raises(ValueError, match="`facts` has columns called 'top'"):
        image_tiles(pictures, 30, facts={"top": [1, 2, 3]})


def test_weights_are_those_of_the_images(pictures):
    data = image_tiles(pictures, 30, weights=[0, 1.5, 2])
    assert data.weights == np.repeat([0, 1.5, 2], 9).tolist()
    with pytest.raises(ValueError, match="27 values for 3 images"):
        image_tiles(pictures, 30, weights=np.ones(27))


def test_no_image_is_in_two_parts(pictures, tmp_path):
    more = [str(tmp_path / f"more-{number}.png") for number in range(5)]
    for number, path in enumerate(more):
        Image.fromarray(_picture(61, 83, 9 + number)).save(path)
    data = image_tiles(pictures + more, 30, labels=["cat", "dog"] * 4)
    for seed in range(5):
        parts = split_images(data, (0.5, 0.25, 0.25), seed=seed)
        files = [set(part.files) for part in parts.values()]
        assert sum(map(len, files)) == len(set.union(*files)) == 8
        assert parts["train"].class_counts == {"cat": 18, "dog": 18}


# Bad input


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"tile_size": 0}, "`tile_size` must be a whole number of at least 1, not 0"),
        ({"tile_size": 30, "overlap": 30}, "`overlap` must be less than .* 30, not 30"),
        ({"tile_size": 30, "overlap": -1}, "`overlap` must be .* at least 0, not -1"),
        ({"tile_size": 30, "channels": 0}, "`channels`"),
        ({"tile_size": 30, "cache": "yes"}, "`cache` must be one of"),
        (
            {"tile_size": 62},
            r"3 of 3 files(?s:.)*has 83 x 61 pixels, fewer than a tile",
        ),
        ({"tile_size": 30, "labels": ["cat"] * 3}, "`labels` has only one class"),
    ],
)
def test_arguments_are_checked(pictures, arguments, text):
    with pytest.raises(ValueError, match=text):
        image_tiles(pictures, **arguments)


def test_bad_images_are_named_or_skipped(pictures, tmp_path):
    small, broken = str(tmp_path / "small.png"), str(tmp_path / "broken.png")
    Image.new("RGB", (9, 90)).save(small)
    whole = io.BytesIO()
    Image.fromarray(_picture(61, 83)).save(whole, "PNG")
    with open(broken, "wb") as file:
        file.write(whole.getvalue()[:3000])
    text = tmp_path / "text.png"
    text.write_text("no image")
    with pytest.raises(ValueError, match=r"2 of 5 files(?s:.)*small\.png: has 9 x 90"):
        image_tiles([*pictures, small, str(text)], 30)
    data = image_tiles([*pictures, broken], 30)
    with pytest.raises(ValueError, match=r"1 of 4 files(?s:.)*broken\.png: is damaged"):
        load_images(data)
    files = [small, pictures[0], broken, *pictures[1:]]
    with pytest.warns(UserWarning, match="They are skipped") as caught:
        data = image_tiles(
            files, 30, labels=["cat", "dog"] * 2 + ["dog"], on_bad_image="skip"
        )
    assert len(caught) == 2
    assert data.skipped == [small, broken]
    assert data.files == np.repeat(pictures, 9).tolist()
    assert data.labels == np.repeat(["dog", "dog", "dog"], 9).tolist()


def test_no_tiles_are_made_of_an_image_that_its_bytes_cannot_be(tmp_path):
    whole = io.BytesIO()
    Image.new("RGB", (8, 8)).save(whole, "PNG")
    at = whole.getvalue().index(b"IHDR") + 4
    header = struct.pack(">II", 100_000, 100_000) + whole.getvalue()[at + 8 : at + 13]
    checksum = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    rest = whole.getvalue()[at + 17 :]
    (tmp_path / "a.png").write_bytes(whole.getvalue()[:at] + header + checksum + rest)
    with pytest.raises(
        ValueError, match=r"100,000 x 100,000 pixels, and has \d+ bytes"
    ):
        image_tiles(tmp_path / "a.png", 8)


def test_tiles_of_many_deep_bands_are_their_values(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    values = np.random.default_rng(1).integers(0, 4096, (48, 64, 5), dtype=np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, tile=(16, 16), planarconfig="contig")
    data = image_tiles(path, 20, channels=5, value_range=(0, 4095))
    found = load_images(data)["images"]
    assert found.dtype == np.float32
    for tile, (left, top, width, height) in zip(found, _places(data), strict=True):
        wanted = values[top : top + height, left : left + width] / 4095 * 255
        np.testing.assert_allclose(tile, wanted, atol=0.01)


@pytest.mark.parametrize("cache", ["auto", "memory", "disk"])
def test_a_function_reads_images_for_their_tiles_once(pictures, cache):
    calls = []

    def reader(path):
        calls.append(path)
        return np.asarray(Image.open(path))

    options = {"overlap": 6, "image_size": 16, "labels": list("aba")}
    wanted = image_tiles(pictures, 24, **options)
    data = image_tiles(pictures, 24, cache=cache, reader=reader, **options)
    assert calls == [os.path.abspath(path) for path in pictures]
    np.testing.assert_allclose(_pixels(data), _pixels(wanted), atol=1)
    assert data.facts == wanted.facts
    assert data.labels == wanted.labels
    part = data[[5, 2]]
    np.testing.assert_array_equal(_pixels(part), _pixels(data)[[5, 2]])
    assert len(calls) == 3
    # For a model that takes another size, each image is read once more.
    larger = data.read_at((24, 24, 3))
    assert len(calls) == 6
    own = image_tiles(pictures, 24, overlap=6)
    np.testing.assert_array_equal(_pixels(larger), _pixels(own))


def test_images_of_which_a_function_makes_no_tiles_are_named_or_skipped(pictures):
    def reader(path):
        if path == os.path.abspath(pictures[0]):
            raise OSError("gone")
        return np.asarray(Image.open(path))

    with pytest.raises(ValueError, match="`reader` fails: gone"):
        image_tiles(pictures, 24, reader=reader)
    with pytest.warns(UserWarning, match="`reader` fails: gone"):
        data = image_tiles(pictures, 24, reader=reader, on_bad_image="skip")
    assert data.skipped == [pictures[0]]
    assert set(data.files) == set(pictures[1:])
    with pytest.raises(ValueError, match="fewer than a tile of 500 x 500"):
        image_tiles(pictures[1], 500, reader=lambda path: np.zeros((40, 30)))
    with pytest.raises(ValueError, match="`cache` must not be 'none'"):
        image_tiles(pictures[1], 24, reader=reader, cache="none")
    sizes = iter([(40, 30), (50, 30)])
    data = image_tiles(pictures[1], 24, reader=lambda path: np.zeros(next(sizes)))
    with pytest.raises(ValueError, match="30 x 50 pixels now, and had 30 x 40"):
        data.read_at((12, 12, 3))


def test_values_that_a_function_reads_keep_their_depth_in_tiles(tmp_path):
    path = str(tmp_path / "a.csv")
    values = np.arange(24 * 24 * 5).reshape(24, 24, 5)
    np.savetxt(path, values.ravel())
    data = image_tiles(
        path,
        8,
        bands=[4, 0],
        value_range=(0, 2880),
        reader=lambda path: np.loadtxt(path).reshape(24, 24, 5),
    )
    assert len(data) == 9
    wanted = values[8:16, 8:16][..., [4, 0]] * (255 / 2880)
    np.testing.assert_allclose(_pixels(data)[4], wanted, rtol=1e-5)


def test_an_image_that_has_changed_is_read_anew_or_named(pictures):
    data = image_tiles(pictures, 30)
    before = load_images(data)["images"]
    Image.fromarray(_picture(61, 83, 7)).save(pictures[0], compress_level=0)
    with pytest.warns(UserWarning, match="Files have changed") as caught:
        after = data.read(np.array([2, 12]))
    assert str(caught[0].message).count("0.png") == 1
    np.testing.assert_array_equal(after[0], _cut(pictures[0], _places(data)[2]))
    np.testing.assert_array_equal(after[1], before[12])
    # The others of that image too.
    np.testing.assert_array_equal(
        data.read(np.array([0]))[0], _cut(pictures[0], _places(data)[0])
    )
    Image.fromarray(_picture(90, 90)).save(pictures[1])
    with pytest.raises(ValueError, match="has 90 x 90 pixels now, and had 83 x 61"):
        load_images(image_tiles(pictures[:1], 30) + data)


# With a classifier


@pytest.fixture
def large(tmp_path, shapes):
    """Return paths of two images made of 12 and 6 shapes of 16 x 16, and the shapes."""
    shapes = load_images(shapes)["images"][:18]
    paths = []
    for number, cells in enumerate((shapes[:12], shapes[12:])):
        rows = [np.hstack(cells[at : at + 3]) for at in range(0, len(cells), 3)]
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(np.vstack(rows)).save(paths[-1])
    return paths, shapes


def test_predictions_of_tiles_are_those_of_their_pixels(large, classifier):
    paths, shapes = large
    data = image_tiles(paths, 16)
    table = predict_images(classifier, data)
    wanted = predict_images(classifier, shapes)
    names = [f".pred_{name}" for name in classifier.class_names]
    for name in names:
        np.testing.assert_allclose(table[name], wanted[name], atol=1e-6)
    assert table[".file"] == data.files
    assert list(zip(table[".left"], table[".top"], strict=True))[:4] == [
        (0, 0),
        (16, 0),
        (32, 0),
        (0, 16),
    ]
    assert set(table[".width"] + table[".height"]) == {16}
    chances = np.transpose([table[name] for name in names])
    own = [chances[:12], chances[12:]]
    votes = np.eye(len(names))
    means = {
        "mean": [some.mean(axis=0) for some in own],
        "max": [some.max(axis=0) for some in own],
        "vote": [votes[some.argmax(axis=1)].mean(axis=0) for some in own],
    }
    mixed = data[np.random.default_rng(1).permutation(len(data))]
    for summarise, wanted in means.items():
        table = predict_images(classifier, mixed, summarise=summarise)
        order = [table[".file"].index(path) for path in paths]
        found = np.transpose([table[name] for name in names])[order]
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        assert [table[".tiles"][at] for at in order] == [12, 6]


def test_scales_and_crops_work_on_tiles(large, classifier):
    data = image_tiles(large[0], 24)
    assert len(predict_images(classifier, data, crops=5)[".left"]) == len(data)


def test_an_image_counts_once_where_its_tiles_are_put_together(large, classifier):
    names = classifier.class_names
    data = image_tiles(large[0], 16, labels=names[:2], class_names=names)
    assert evaluate_classifier(classifier, data)["n"] == 18
    scores = evaluate_classifier(classifier, data, summarise="mean")
    table = predict_images(classifier, data, summarise="mean")
    right = np.equal(table[".pred_class"], names[:2]).mean()
    assert (scores["n"], scores["accuracy"]) == (2, right)
    chance = [table[f".pred_{name}"][at] for at, name in enumerate(names[:2])]
    assert scores["loss"] == pytest.approx(-np.log(chance).mean(), rel=1e-4)
    of_tiles = image_tiles(large[0], 16, labels=names[:2] * 9, class_names=names)
    with pytest.raises(ValueError, match=r"takes an image to be of one class.*0\.png"):
        evaluate_classifier(classifier, of_tiles, summarise="mean")


def test_only_tiles_are_put_together(shapes, classifier, large):
    with pytest.raises(ValueError, match=r"`summarise` .* but `images` has no tiles"):
        predict_images(classifier, shapes[:2], summarise="mean")
    with pytest.raises(ValueError, match=r"`summarise` .* but `data` has no tiles"):
        evaluate_classifier(classifier, shapes[:4], summarise="vote")
    with pytest.raises(ValueError, match="`summarise` must be one of"):
        predict_images(classifier, image_tiles(large[0], 16), summarise="median")


@pytest.mark.slow
def test_a_classifier_is_trained_on_tiles(large, tiny_cnn):
    data = image_tiles(large[0], 8, labels=["cat", "dog"])
    classifier = fit_classifier(tiny_cnn(), data, epochs=1, seed=1)
    assert classifier.class_names == ["cat", "dog"]
    table = predict_images(classifier, image_tiles(large[0], 8), summarise="vote")
    assert len(table[".file"]) == 2


# As a map


def _table(paths, shares):
    """Return predictions of four tiles of one image, and one of another."""
    places = [(0, 0), (20, 0), (0, 20), (20, 20), (0, 0)]
    return {
        ".pred_class": ["cat" if share > 0.5 else "dog" for share in shares],
        ".pred_cat": shares,
        ".pred_dog": [1 - share for share in shares],
        ".file": [*paths[:1] * 4, paths[1]],
        ".left": [left for left, _ in places],
        ".top": [top for _, top in places],
        ".width": [20] * 5,
        ".height": [20] * 5,
    }


@pytest.fixture
def white(tmp_path):
    """Return the paths of two white images of 40 x 40."""
    paths = [str(tmp_path / f"{number}.png") for number in range(2)]
    for path in paths:
        Image.new("RGB", (40, 40), "white").save(path)
    return paths


def test_a_map_has_the_colours_of_the_classes(white):
    drawn = map_of_tiles(_table(white, [0.9, 0.1, 0.6, 0.4, 0.9]))
    picture = drawn["picture"]
    assert picture.shape == (40, 40, 3)
    assert (drawn["width"], drawn["height"], drawn["title"]) == (40, 40, "0.png")
    corners = [picture[y, x].tolist() for y in (5, 35) for x in (5, 35)]
    assert corners[0] == corners[2] != corners[1] == corners[3]
    assert drawn["legend"]["name"] == ["cat", "dog"]
    # Of an image with a tile alone, the rest has no colour.
    other = map_of_tiles(_table(white, [0.9, 0.1, 0.6, 0.4, 0.9]), white[1])["picture"]
    assert other[5, 5].tolist() == corners[0]
    assert (other[25:] == 255).all()


def test_a_map_of_one_class_is_darker_where_it_is_more_probable(white):
    table = _table(white, [0.9, 0.1, 0.6, 0.4, 0.9])
    blue = map_of_tiles(table, class_name="cat")["picture"][..., 2].astype(int)
    assert blue[5, 5] < blue[35, 5] < blue[35, 35] < blue[5, 35]
    # Where tiles overlap, their mean counts.
    table[".left"][1] = 10
    over = map_of_tiles(table, class_name="cat")["picture"][..., 2].astype(int)
    assert blue[5, 5] == over[5, 5] < over[5, 15] < over[5, 25]
    table[".pred_cat"][0] = float("nan")
    assert (map_of_tiles(table, class_name="cat")["picture"][:20, :10] == 255).all()


def test_a_map_without_its_image_is_told_so(white):
    table = _table(white, [0.9, 0.1, 0.6, 0.4, 0.9])
    os.remove(white[0])
    with pytest.warns(UserWarning, match=r"drawn without the image: .*0\.png"):
        drawn = map_of_tiles(table)
    assert (drawn["width"], drawn["height"]) == (40, 40)


def test_maps_check_their_arguments(white):
    table = _table(white, [0.9, 0.1, 0.6, 0.4, 0.9])
    with pytest.raises(ValueError, match=r"`class_name` must be one of .* not 'cow'"):
        plot_tiles(table, class_name="cow")
    with pytest.raises(ValueError, match="`file` must be one of the images"):
        plot_tiles(table, "elsewhere.png")
    for wrong in (["cat"], {".pred_class": ["cat"]}, None):
        with pytest.raises(TypeError, match="`predictions` must be what"):
            plot_tiles(wrong)
    with pytest.raises(ValueError, match="`predictions` has no rows"):
        plot_tiles({name: [] for name in table})


@pytest.mark.parametrize("classes", [2, 9])
def test_maps_are_drawn(white, tmp_path, classes):
    table = _table(white, [0.9, 0.1, 0.6, 0.4, 0.9])
    table |= {f".pred_more{number}": [0.01] * 5 for number in range(classes - 2)}
    figure = plot_tiles(table)
    figure.savefig(tmp_path / "map.png")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[:2] == ["cat", "dog"]
    assert len(names) == min(classes, 7)
    plot_tiles(table, class_name="dog").savefig(tmp_path / "dog.png")


def test_predictions_of_tiles_go_to_their_pictures(white):
    data = image_tiles(white, 20)
    shares = np.linspace(0.1, 0.9, len(data)).tolist()
    table = {".pred_class": ["cat"] * len(data), ".pred_cat": shares}
    names = ("left", "top", "width", "height")
    table |= {".file": data.files, **{f".{name}": data.facts[name] for name in names}}
    order = [6, 0, 3]
    drawn = pictures_of_images(data[order], table)
    assert drawn["text"] == [f"cat {100 * shares[at]:.0f}%" for at in order]
