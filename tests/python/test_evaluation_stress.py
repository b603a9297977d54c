"""Changes that leave an image what it shows, and how a classifier stands them."""

import keras
import numpy as np
import pytest

from reticnn import (
    evaluate_classifier,
    image_arrays,
    load_images,
    plot_stress,
    shape_images,
    stress_test,
)
from reticnn.evaluation.changes import CHANGES
from reticnn.evaluation.intervals import wilson

N = 40


@pytest.fixture(scope="module")
def data():
    return shape_images(N, image_size=16, seed=9)


def _rows(table):
    rows = zip(*table.values(), strict=True)
    return {(row[0], row[1], row[4]): row for row in rows}


def _images(channels=3, size=(20, 16), n=6, seed=1):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (n, *size, channels)).astype("uint8")


NUMBERS = np.arange(6, dtype="uint32")


def _model(function, channels=3, side=16):
    image = keras.Input((side, side, channels))
    return keras.Model(image, function(image))


def test_shifts_are_by_whole_pixels_to_one_side():
    images = _images()
    seen = set()
    for pixels in CHANGES["shift"].strengths:
        moved = CHANGES["shift"].applied(images, pixels, NUMBERS)
        for before, after in zip(images, moved, strict=True):
            around = [(pixels, pixels)] * 2 + [(0, 0)]
            wide = np.pad(before, around, "symmetric")
            sides = {
                (down, right): wide[
                    pixels + down * pixels : pixels + down * pixels + 20,
                    pixels + right * pixels : pixels + right * pixels + 16,
                ]
                for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1))
            }
            own = [to for to, shown in sides.items() if np.array_equal(shown, after)]
            assert len(own) == 1
            seen.add(own[0])
    assert len(seen) > 1


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("name", CHANGES)
def test_changes_grow_and_leave_the_originals(name, channels):
    images = np.repeat(np.repeat(_images(channels, (5, 4)), 4, axis=1), 4, axis=2)
    before, change = images.copy(), CHANGES[name]
    changed = [change.applied(images, at, NUMBERS) for at in change.strengths]
    gaps = [np.abs(after.astype(float) - before).mean() for after in changed]
    assert gaps[0] > 0
    # Shifts move to where an image may be more like itself.
    assert name == "shift" or gaps == sorted(gaps)
    np.testing.assert_array_equal(images, before)
    for after in changed:
        assert after.shape == images.shape
        assert after.dtype == images.dtype
    # What happens to an image does not depend on the others.
    alone = change.applied(images[2:3], change.strengths[-1], NUMBERS[2:3])
    np.testing.assert_array_equal(alone, changed[-1][2:3])


def test_strengths_are_what_they_say():
    plain = np.full((40, 20, 20, 3), 100, "uint8")
    numbers = np.arange(40, dtype="uint32")

    def changed(name, level, images=plain):
        change = CHANGES[name]
        return change.applied(images, change.strengths[level], numbers).astype(float)

    assert np.unique(changed("brightness", 2)).tolist() == [49, 151]
    halves = plain.copy()
    halves[:, :10] = 200
    assert changed("contrast", 1, halves)[0, [0, -1], 0, 0] == pytest.approx([180, 120])
    assert changed("noise", 2).std() == pytest.approx(20, rel=0.05)
    covered = (changed("occlusion", 3) != 100).mean(axis=(1, 2, 3))
    assert covered == pytest.approx(np.full(40, 0.3), abs=0.03)
    line = np.zeros((40, 31, 31, 1), "float32")
    line[:, 15, 15] = 255
    blurred = changed("blur", 1, line)[0, :, :, 0]
    at = np.arange(31) - 15
    assert (blurred.sum(axis=1) * at**2).sum() / blurred.sum() == pytest.approx(
        1, rel=0.05
    )
    bars = np.zeros((40, 21, 21, 1), "float32")
    bars[:, 10, :] = 255
    turned = changed("rotation", 3, bars)[:, :, :, 0]
    angles = [
        np.degrees(np.arctan(np.polyfit(*np.nonzero(image > 128)[::-1], 1)[0]))
        for image in turned
    ]
    assert np.abs(angles) == pytest.approx(np.full(40, 30), abs=3)
    assert min(angles) < 0 < max(angles)


def test_table_is_what_predictions_of_changed_images_give(classifier, data):
    found = stress_test(classifier, data, changes=["noise", "shift"], batch_size=7)
    assert list(dict.fromkeys(found["change"])) == ["none", "noise", "shift"]
    rows = _rows(found)
    plain = evaluate_classifier(classifier, data)
    assert rows["none", 0, "accuracy"][6] == plain["accuracy"]
    assert ("none", 0, "consistency") not in rows
    numbers = _numbers_of(data)
    images = load_images(data)["images"]
    before = np.array(plain["predictions"]["predicted"])
    for level, pixels in enumerate(CHANGES["shift"].strengths, 1):
        moved = CHANGES["shift"].applied(images, pixels, numbers)
        scores = evaluate_classifier(classifier, image_arrays(moved, data.labels))
        row = rows["shift", level, "accuracy"]
        assert row[2:6] == (pixels, "pixels", "accuracy", N)
        assert row[6] == pytest.approx(scores["accuracy"])
        same = before == np.array(scores["predictions"]["predicted"])
        row = rows["shift", level, "consistency"]
        assert row[6] == pytest.approx(same.mean())
        np.testing.assert_allclose(row[7:], wilson(same.sum(), N, 0.95))


def _numbers_of(data):
    return data.pixel_identities().astype("uint32")


def test_neither_order_nor_batches_nor_types_make_a_difference(classifier, data):
    some = ["shift", "noise", "occlusion"]
    wanted = stress_test(classifier, data, changes=some)
    order = np.random.default_rng(3).permutation(N)
    assert stress_test(classifier, data[order], changes=some, batch_size=9) == wanted
    images = load_images(data)["images"].astype("float64")
    floats = image_arrays(images, data.labels)
    assert stress_test(classifier, floats, changes="shift") == stress_test(
        classifier, data, changes="shift"
    )


def test_an_invariant_classifier_is_consistent(data):
    """The mean of an image says where there is more light, wherever that is."""

    def brighter(image):
        mean = keras.ops.mean(image, (1, 2, 3))[:, None] / 255
        return keras.ops.sigmoid(50 * (mean - 0.3))

    found = stress_test(
        _model(brighter), data, changes=["shift", "brightness"], output="sigmoid"
    )
    rows = _rows(found)
    for level in range(1, 9):
        assert rows["shift", level, "consistency"][6] > 0.8
    assert rows["brightness", 5, "consistency"][6] < 0.8


def test_without_labels_there_is_consistency_alone(classifier, data):
    bare = image_arrays(load_images(data)["images"])
    found = stress_test(classifier, bare, changes="jpeg")
    assert set(found["measure"]) == {"consistency"}
    labelled = _rows(stress_test(classifier, data, changes="jpeg"))
    assert all(labelled[key] == row for key, row in _rows(found).items())
    assert plot_stress(found) is not None


def test_groups_are_drawn_whole(classifier, data):
    copies = data[np.tile(np.arange(10), 4)]
    groups = list(range(10)) * 4
    few = _rows(
        stress_test(
            classifier, data[np.arange(10)], changes="noise", groups=list(range(10))
        )
    )
    many = _rows(stress_test(classifier, copies, changes="noise", groups=groups))
    apart = _rows(stress_test(classifier, copies, changes="noise"))
    key = "noise", 5, "accuracy"
    assert many[key][6:] == pytest.approx(few[key][6:])
    assert many[key][8] - many[key][7] > apart[key][8] - apart[key][7]


def test_networks_of_small_and_of_many_banded_images(refused):
    small = shape_images(8, image_size=16, seed=2)
    images = load_images(small)["images"][:, ::3, ::3][:, :5, :5]
    bands = np.concatenate([images, images], axis=3)
    data = image_arrays(bands, small.labels)

    def classes(image):
        return keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(image))

    model = _model(classes, channels=6, side=5)
    with pytest.warns(UserWarning, match=r"Shifts by .*5, 6, 7, 8.* are left out"):
        found = stress_test(model, data)
    assert found["strength"].count(4) == 2
    assert set(found["change"]) == {"none", *CHANGES}
    tiny = image_arrays(bands[:, :1, :1], small.labels)
    with refused(ValueError, "changes", "1 x 1"):
        stress_test(_model(classes, 6, 1), tiny, changes="shift")


def test_nan_and_values_out_of_range_are_said(data):
    def odd(image):
        dark = keras.ops.min(image, (1, 2, 3))[:, None] < 30
        chance = keras.ops.mean(image, (1, 2, 3))[:, None] / 255
        return keras.ops.where(dark, chance, np.nan * chance)

    images = load_images(data)["images"].astype("float32")
    images[:, 0, 0] = 10
    with pytest.warns(UserWarning, match="The model returns NaN for .* changed or not"):
        found = stress_test(
            _model(odd),
            image_arrays(images, data.labels),
            changes="brightness",
            output="sigmoid",
        )
    estimates = [_rows(found)["brightness", level, "accuracy"][6] for level in (1, 5)]
    assert not np.isnan(_rows(found)["none", 0, "accuracy"][6])
    assert np.isnan(estimates[1])
    with pytest.warns(UserWarning, match="outside 0 to 255"):
        wide = image_arrays(images * 3 - 100, data.labels)
    with pytest.warns(
        UserWarning, match="40 of 40 images with values outside 0 to 255"
    ):
        stress_test(
            _model(lambda x: keras.ops.mean(x, (1, 2, 3))[:, None] * 0 + 0.4),
            wide,
            changes="blur",
            output="sigmoid",
        )


def test_images_of_training_are_said_and_progress_told(classifier):
    seen, calls = shape_images(1000, image_size=16, seed=1)[:30], []
    with pytest.warns(UserWarning, match="was trained on, 30 of 30"):
        stress_test(classifier, seen, changes="blur", progress=calls.append)
    assert calls[-1] == {"step": 6, "steps": 6, "done": True}


def test_bad_input_is_named(refused, classifier, data):
    with refused(ValueError, "changes", "'shfit'", "Did you mean 'shift'?"):
        stress_test(classifier, data, changes=["noise", "shfit"])
    with refused(ValueError, "intervals", "95"):
        stress_test(classifier, data, intervals=95)
    with refused(ValueError, "data", "'cat'"):
        stress_test(
            classifier, image_arrays(_images(size=(16, 16)), ["cat", "dog"] * 3)
        )
    with refused(ValueError, "data", "no images"):
        stress_test(classifier, data[:0])
    with refused(TypeError, "classifier"):
        stress_test(3, data)


def test_stress_is_drawn(refused, classifier, data, tmp_path):
    pytest.importorskip("matplotlib")
    found = stress_test(classifier, data, changes=["jpeg", "contrast"])
    figure = plot_stress(found)
    assert [axes.get_title() for axes in figure.axes] == [
        "JPEG\n(quality)",
        "Contrast\n(times the contrast)",
    ]
    texts = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert texts == ["80", "50", "30", "15", "7"]
    figure.savefig(tmp_path / "stress.png")
    with refused(TypeError, "stress", "`stress_test()`"):
        plot_stress({"change": []})
