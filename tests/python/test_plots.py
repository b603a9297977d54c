"""What the figures of matplotlib show."""

import math
import os
import sys
import warnings

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import reticnn
from reticnn.plots.preparation import (
    BLUE,
    GREY,
    ORANGE,
    cells_of_confusion,
    contrast,
    labels_of_boxes,
    pairs_of_confusion,
    pictures_of_filters,
    pictures_of_images,
    points_of_history,
)


@pytest.fixture
def drawn(tmp_path):
    """Check that a figure can be saved, and return its axes that show something."""

    def draw(figure):
        assert isinstance(figure, Figure)
        figure.savefig(tmp_path / "figure.png", dpi=50)
        pixels = np.asarray(Image.open(tmp_path / "figure.png").convert("L"))
        assert pixels.min() < 128 and pixels.max() == 255
        return [axes for axes in figure.axes if axes.has_data()]

    return draw


def pixels_of(axes):
    return np.asarray(axes.images[0].get_array())


def frame_of(axes):
    spine = axes.spines["left"]
    return spine.get_edgecolor() if spine.get_visible() else None


def overlapping(figure, texts):
    """Return the texts that leave the figure or that lie over another one."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = {text: text.get_window_extent(renderer) for text in texts}
    figure_box = figure.bbox.padded(1)
    return [
        text.get_text()
        for text, box in boxes.items()
        if not (
            figure_box.containsx(box.x0)
            and figure_box.containsx(box.x1)
            and figure_box.containsy(box.y0)
            and figure_box.containsy(box.y1)
        )
        or box.count_overlaps(boxes.values()) > 1
    ]


def counted(classes):
    """Return an evaluation of a hundred images a pair of classes."""
    pairs = [(truth, predicted) for truth in classes for predicted in classes]
    truth, predicted = zip(*pairs, strict=True)
    confusion = {"truth": truth, "predicted": predicted, "n": [100] * len(pairs)}
    return {"n": 100 * len(pairs), "confusion": confusion}


def colour(text):
    return (*(int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)), 1.0)


# Images


def test_images_are_shown_as_they_are_with_their_classes(drawn, shapes):
    panels = drawn(reticnn.plot_images(shapes, n=5))
    loaded = reticnn.load_images(shapes[:5])
    assert [axes.get_title() for axes in panels] == loaded["labels"]
    for axes, image in zip(panels, loaded["images"], strict=True):
        assert (pixels_of(axes) == image).all()
        assert frame_of(axes) is None


def test_right_and_wrong_predictions_are_told_apart(drawn):
    images = np.zeros((2, 5, 5), "uint8")
    data = reticnn.image_arrays(images, ["a", "b"])
    predictions = {
        ".pred_class": ["a", "a"],
        ".pred_a": [0.9, 0.6],
        ".pred_b": [0.1, 0.4],
    }
    panels = drawn(reticnn.plot_images(data, predictions))
    assert [axes.get_title() for axes in panels] == ["a 90%", "a 60%\n(true: b)"]
    assert [frame_of(axes) for axes in panels] == [colour(BLUE), colour(ORANGE)]
    (unlabelled, _) = drawn(reticnn.plot_images(images, predictions))
    assert frame_of(unlabelled) is None


def test_long_names_do_not_run_over_those_of_other_images():
    names = ["Golden retriever puppy outside", "Persian long-haired cat", "b_" * 20]
    data = reticnn.image_arrays(np.zeros((9, 5, 5), "uint8"), names * 3)
    guesses = {".pred_class": [names[0]] * 9, f".pred_{names[0]}": [0.5] * 9}
    figure = reticnn.plot_images(data, guesses)
    titles = [axes.title for axes in figure.axes]
    assert overlapping(figure, titles) == []
    shown = "".join(titles[2].get_text().split())
    assert shown == f"Goldenretrieverpuppyoutside50%(true:{names[2]})"
    pictures = [axes.get_window_extent() for axes in figure.axes]
    assert min(box.width for box in pictures) > 100


def test_predictions_of_other_images(refused, shapes):
    with refused(ValueError, "predictions", "1 row for 60"):
        reticnn.plot_images(shapes, {".pred_class": ["circle"]})


def test_predictions_of_files_are_found_by_their_names(
    drawn, refused, tmp_path, write_image
):
    for number in range(6):
        write_image(tmp_path / "ab"[number % 2] / f"{number}.png")
    data = reticnn.image_folder(tmp_path, 8)
    right = {
        ".pred_class": data.labels,
        ".pred_a": [0.5 + 0.01 * row for row in range(len(data))],
        ".pred_b": [0.5 + 0.01 * row for row in range(len(data))],
        ".file": data.files,
    }
    captions = [axes.get_title() for axes in drawn(reticnn.plot_images(data, right))]
    mixed = {name: column[::-1] for name, column in right.items()}
    panels = drawn(reticnn.plot_images(data, mixed))
    assert [axes.get_title() for axes in panels] == captions
    assert {frame_of(axes) for axes in panels} == {colour(BLUE)}
    # Of some images, from the table of all; an image that is there twice.
    some = drawn(reticnn.plot_images(data[[5, 2, 5]], mixed))
    assert [axes.get_title().split()[1] for axes in some] == ["55%", "52%", "55%"]
    elsewhere = {**right, ".file": [os.path.relpath(file) for file in data.files]}
    panels = drawn(reticnn.plot_images(data, elsewhere))
    assert [axes.get_title() for axes in panels] == captions
    with refused(ValueError, "predictions", "no row for 1 of", data.files[0]):
        reticnn.plot_images(data, {name: column[1:] for name, column in right.items()})
    with refused(ValueError, "predictions", "several rows", data.files[0]):
        reticnn.plot_images(data, {name: column * 2 for name, column in right.items()})


@pytest.mark.parametrize("wrong", [3.0, [1.0] * 60, {"mpg": [21.0]}])
def test_what_is_no_prediction_is_refused(refused, shapes, wrong):
    with refused(TypeError, "predictions"):
        reticnn.plot_images(shapes, wrong)


def test_arrays_are_refused_under_the_name_of_the_argument(refused):
    with refused(ValueError, "images", "shape"):
        reticnn.plot_images(3)
    with refused(ValueError, "image", "shape"):
        reticnn.plot_augmentation(3, reticnn.trivial_augment())


def test_augmentation_shows_before_and_after(drawn, shapes):
    policy = reticnn.augmentation(flip="horizontal", rotation=0.1)
    panels = drawn(reticnn.plot_augmentation(shapes, policy, n=3, seed=1))
    assert [axes.get_title() for axes in panels] == ["before", *["after"] * 3]
    image = reticnn.load_images(shapes[:1])["images"]
    changed = reticnn.augment(image, policy, copies=3, seed=1)
    assert (pixels_of(panels[0]) == image[0]).all()
    assert (pixels_of(panels[2]) == changed[1]).all()


# Filters and feature maps


def test_filters_in_colour_and_with_sign(drawn, tiny_cnn):
    model = tiny_cnn()
    panels = drawn(reticnn.plot_filters(model, n=3))
    assert len(panels) == 3
    kernel = reticnn.layer_filters(model)["weights"][0]
    shown = pixels_of(panels[0])
    assert shown.min() == 0 and shown.max() == 255
    assert shown.argmax() == kernel.argmax()
    panels = drawn(reticnn.plot_filters(model, "block2_conv1"))
    means = reticnn.layer_filters(model, "block2_conv1")["weights"][0].mean(axis=-1)
    shown = pixels_of(panels[0]).astype(int)
    assert ((shown[..., 0] > shown[..., 2]) == (means > 0))[abs(means) > 0.01].all()


def test_feature_maps_stand_beside_the_image(drawn, tiny_cnn, shapes):
    model = tiny_cnn()
    figure = reticnn.plot_feature_maps(model, shapes, n=3)
    panels = drawn(figure)
    assert figure.get_suptitle() == "block1_conv1: 3 of 4 feature maps of 16 \u00d7 16"
    maps = reticnn.feature_maps(model, shapes[:1])["block1_conv1"][0]
    assert (pixels_of(panels[0]) == reticnn.load_images(shapes[:1])["images"][0]).all()
    low, high = maps[..., 2].min(), maps[..., 2].max()
    scaled = (maps[..., 2] - low) / (high - low)
    assert pixels_of(panels[3]) == pytest.approx(scaled)


def test_feature_maps_of_a_file_are_those_of_the_model_s_size(
    drawn, refused, tiny_cnn, tmp_path, write_image, shapes
):
    file = str(write_image(tmp_path / "1.png", size=(50, 40)))
    panels = drawn(reticnn.plot_feature_maps(tiny_cnn(), file, "block1_conv1", n=2))
    assert pixels_of(panels[0]).shape[:2] == shapes.image_shape[:2]
    for wrong, said in (
        ({"train": shapes}, "the parts 'train' together"),
        (reticnn.augmentation(), "must be images"),
    ):
        with refused(TypeError, "image", said):
            reticnn.plot_feature_maps(tiny_cnn(), wrong)
        with refused(TypeError, "images", said):
            reticnn.plot_images(wrong)
        with refused(TypeError, "images", said):
            reticnn.feature_maps(tiny_cnn(), wrong)


def test_layers_are_rows_with_the_image_once(drawn, tiny_cnn, shapes):
    names = ["block1_conv1", "block2_conv1"]
    panels = drawn(reticnn.plot_feature_maps(tiny_cnn(), shapes, names, n=2))
    shown = [axes for axes in panels if axes.images]
    assert len(shown) == 1 + 2 * 2
    assert [pixels_of(axes).shape[0] for axes in shown] == [16, 16, 16, 8, 8]


# Charts


def test_history_has_a_line_for_training_and_one_for_validation(drawn, classifier):
    panels = drawn(reticnn.plot_history(classifier))
    assert [axes.get_ylabel() for axes in panels] == ["accuracy", "loss"]
    training, validation = panels[0].lines
    assert list(training.get_ydata()) == classifier.history["accuracy"]
    assert list(validation.get_ydata()) == classifier.history["val_accuracy"]
    assert (training.get_color(), validation.get_color()) == (BLUE, ORANGE)


def test_a_new_stage_has_a_line(drawn, classifier):
    epochs = list(range(1, 5))
    history = {"epoch": epochs, "loss": [4.0, 3.0, 2.0, 1.0], "stage": [1, 1, 2, 2]}
    staged = reticnn.classifier.Classifier(classifier.model, ["a", "b"], history)
    (panel,) = drawn(reticnn.plot_history(staged))
    assert list(panel.lines[0].get_xdata()) == [2.5, 2.5]


def test_a_single_epoch_has_one_tick(drawn, classifier):
    history = {"epoch": [1], "loss": [0.7], "val_loss": [0.8]}
    short = reticnn.classifier.Classifier(classifier.model, ["a", "b"], history)
    (panel,) = drawn(reticnn.plot_history(short))
    low, high = panel.get_xlim()
    assert [at for at in panel.get_xticks() if low <= at <= high] == [1]
    assert [list(line.get_ydata()) for line in panel.lines] == [[0.7], [0.8]]


@pytest.mark.parametrize(
    ("classes", "rotation"),
    [
        ("0123456789", 0),
        (["Golden retriever puppy outside", "Persian long-haired cat"], 0),
        ([f"name of class {number}" for number in range(4)], 90),
        ([f"a name that nobody wants to read {at}" for at in range(10)], 90),
    ],
)
def test_names_over_the_columns_do_not_overlap(classes, rotation):
    figure = reticnn.plot_confusion(counted(classes))
    (axes,) = figure.axes
    columns = axes.get_xticklabels()
    assert [name.get_text() for name in columns] == list(classes)
    assert {name.get_rotation() for name in columns} == {rotation}
    names = [*columns, *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label]
    assert overlapping(figure, names) == []
    assert axes.get_window_extent().width > 400


def test_confusion_has_counts_and_shares_of_the_row(drawn):
    evaluation = {
        "n": 10,
        "confusion": {
            "truth": ["cat", "cat", "dog", "dog"],
            "predicted": ["cat", "dog", "cat", "dog"],
            "n": [3, 1, 2, 4],
        },
    }
    figure = reticnn.plot_confusion(evaluation)
    (axes,) = drawn(figure)
    assert [text.get_text() for text in axes.texts] == [
        "3\n75%",
        "1\n25%",
        "2\n33%",
        "4\n67%",
    ]
    red, _, blue = np.moveaxis(pixels_of(axes)[..., :3], -1, 0)
    assert ((blue > red) == np.eye(2, dtype=bool)).all()
    assert figure.get_supxlabel() == "10 images, 70.0% correct"


def test_description_has_bars_of_layers_with_weights(drawn):
    panels = drawn(
        reticnn.plot_description(reticnn.describe_model(reticnn.build_cnn()))
    )
    assert [bar.get_width() for bar in panels[0].patches] == [
        896,
        9248,
        9248,
        8448,
        257,
    ]
    assert panels[0].get_yticklabels()[0].get_text() == "block1_conv1"


def test_the_ladder_has_the_papers_accuracy_and_the_cost_of_each_step(drawn):
    ladder = reticnn.convnext_ladder()
    accuracy, cost = drawn(reticnn.plot_ladder(ladder))
    ends = [bar.get_x() + bar.get_width() for bar in accuracy.patches]
    np.testing.assert_allclose(ends, ladder["accuracy"])
    # As bars that do not begin at 0 are said to.
    start = {bar.get_x() for bar in accuracy.patches}
    assert start == {74} and "start at 74 %" in accuracy.figure.get_supxlabel()
    assert [text.get_text() for text in cost.texts][:3] == ["4.09", "4.09", "4.53"]
    names = [label.get_text() for label in accuracy.get_yticklabels()]
    assert names == ladder["step"]


def test_rates_have_a_line_at_the_suggestion(drawn):
    rates = {"learning_rate": [0.001, 0.01, 0.1], "loss": [3, 2, 1], "suggestion": 0.01}
    (axes,) = drawn(reticnn.plot_rates(rates))
    assert list(axes.lines[1].get_xdata()) == [0.01, 0.01]
    (axes,) = drawn(reticnn.plot_rates({**rates, "suggestion": None}))
    assert len(axes.lines) == 1


def test_architecture_has_the_text_in_its_boxes(drawn):
    figure = reticnn.plot_architecture(reticnn.build_cnn())
    (axes,) = drawn(figure)
    texts = {text.get_text() for text in axes.texts}
    assert {
        "block1_conv1",
        "Conv2D 3 \u00d7 3, 32",
        "32 \u00d7 32 \u00d7 32 · 896",
    } <= texts
    assert len(axes.patches) == 14
    renderer = FigureCanvasAgg(figure).get_renderer()
    box = axes.patches[0].get_window_extent(renderer)
    for text in axes.texts:
        assert text.get_window_extent(renderer).width <= box.width


def test_arrows_between_columns_are_as_thick_as_others():
    figure = reticnn.plot_architecture(reticnn.build_cnn())
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    ink = 255 - np.asarray(canvas.buffer_rgba())[..., 0].astype(int)
    (axes,) = figure.axes
    (way,) = [line for line in axes.lines if len(line.get_xdata()) > 2][:1]
    points = axes.transData.transform(way.get_xydata())
    # Of its parts, the second is along the bottom, the third goes up.
    (across, bottom), (side, up) = (points[1:3] + points[2:4]).round().astype(int) // 2
    row = len(ink) - bottom
    along = ink[row - 4 : row + 4, across].sum()
    upwards = ink[len(ink) - up, side - 4 : side + 4].sum()
    assert along == pytest.approx(upwards, rel=0.1)


# What is prepared for both languages


@pytest.mark.parametrize(
    ("number", "columns"), [(1, 1), (9, 3), (12, 4), (16, 4), (32, 8)]
)
def test_pictures_fill_their_rows_where_that_is_possible(number, columns):
    images = np.zeros((number, 8, 8, 3), "uint8")
    assert pictures_of_images(images, None, number)["columns"] == columns


def test_images_of_many_bands_are_shown_by_the_first_three():
    pixels = np.arange(2 * 8 * 8 * 13).reshape(2, 8, 8, 13) % 256
    first, _ = pictures_of_images(reticnn.image_arrays(pixels), None, 2)["pictures"]
    assert (first == pixels[0, ..., :3]).all()
    two, _ = pictures_of_images(reticnn.image_arrays(pixels[..., :2]))["pictures"]
    assert (two == pixels[0, ..., :1]).all() and two.shape == (8, 8, 3)


def test_weights_are_blue_below_0_white_at_0_and_orange_above(tiny_cnn):
    model = tiny_cnn()
    layer = model.get_layer("block2_conv1")
    kernel, *bias = layer.get_weights()
    kernel[:2, :2, :, 0] = np.array([[-2, 1], [0, 2]])[..., None]
    kernel[2], kernel[:, 2] = 0, 0
    layer.set_weights([kernel, *bias])
    (picture,) = pictures_of_filters(model, "block2_conv1", 1)["pictures"]
    assert picture[0, 0].tolist() == [0x00, 0x72, 0xB2]
    assert picture[1, 1].tolist() == [0xD5, 0x5E, 0x00]
    assert (picture[1, 0] == 255).all() and (picture[2, 2] == 255).all()


def test_labels_of_boxes_have_room_for_large_numbers():
    boxes = {
        "name": ["a", "b", "c"],
        "text": ["Dense 2"] * 3,
        "output_shape": ["2 x 2"] * 3,
        "parameters": [0, 9248, 102764544.0],
        "colour": [BLUE, ORANGE, GREY],
    }
    drawn = labels_of_boxes(boxes)
    assert drawn["label"] == [
        "a\nDense 2\n2 \u00d7 2",
        "b\nDense 2\n2 \u00d7 2 \u00b7 9,248",
        "c\nDense 2\n2 \u00d7 2 \u00b7 103M",
    ]
    assert drawn["ground"][0] == "#C9E1EF"


def test_history_without_an_epoch_has_no_points():
    drawn = points_of_history({"epoch": [], "loss": []})
    assert drawn["points"] == {"epoch": [], "metric": [], "data": [], "value": []}
    assert drawn["stages"] == []


def test_history_has_lines_only_between_stages():
    stage = [math.nan, math.nan, 1, 1, 2, math.nan, math.nan]
    drawn = points_of_history({"epoch": [1, 2, 3, 4, 5, 6, 7], "stage": stage})
    assert drawn["stages"] == [4.5]
    assert drawn["stage_names"] == ["stage 2"]
    assert drawn["kept"] is drawn["caption"] is None


def test_the_epoch_that_is_kept_is_ringed_if_it_is_not_the_last():
    history = {"epoch": [1, 2, 3], "loss": [1.0, 0.5, 0.8]}
    assert points_of_history(history, 2)["kept"] == 2
    assert "epoch 2" in points_of_history(history, 2)["caption"]
    assert points_of_history(history, 3)["kept"] is None
    assert points_of_history(history, 0)["kept"] is None


@pytest.fixture
def folder_like():
    """Return images of three classes, one after the other, as of a folder."""
    pixels = np.arange(9, dtype="uint8")[:, None, None, None] * np.ones((4, 4, 1))
    return reticnn.image_arrays(pixels, ["a"] * 5 + ["b"] * 3 + ["c"])


def test_images_of_all_classes_are_shown(drawn, folder_like):
    def seen(n, **arguments):
        panels = drawn(reticnn.plot_images(folder_like, n=n, **arguments))
        return [axes.get_title() for axes in panels]

    assert seen(3) == ["a", "b", "c"]
    assert seen(6) == ["a", "a", "a", "b", "b", "c"]
    assert len(seen(100)) == 9
    classes = ["a"] * 5 + ["b"] * 3 + ["b"]
    assert seen(4, predictions=classes) == ["a", "a", "b", "b\n(true: c)"]
    unlabelled = reticnn.load_images(folder_like)["images"]
    grid = pictures_of_images(unlabelled, n=2)
    assert [picture[0, 0, 0] for picture in grid["pictures"]] == [0, 1]


def test_captions_are_broken_between_words_or_made_smaller():
    names = ["Golden retriever", "Staffordshire_bullterrier", "incomprehensibilities"]
    data = reticnn.image_arrays(np.zeros((3, 5, 5), "uint8"), names)
    figure = reticnn.plot_images(data)
    titles = [axes.get_title() for axes in figure.axes if axes.has_data()]
    assert titles[1:] == ["Staffordshire_\nbullterrier", "incomprehensibilities"]
    assert "Golden" in titles[0].split("\n")[0]
    sizes = {axes.title.get_fontsize() for axes in figure.axes}
    assert 5 <= min(sizes) == max(sizes) < 9


def test_many_classes_are_shown_as_the_pairs_confused_most(drawn):
    classes = [f"class {number}" for number in range(40)]
    evaluation = counted(classes)
    n = evaluation["confusion"]["n"]
    n[1], n[41 * 7 + 1] = 300, 500  # class 0 as class 1; class 7 as class 8
    assert pairs_of_confusion(counted(classes[:29])["confusion"]) is None
    pairs = pairs_of_confusion(evaluation["confusion"])["pairs"]
    assert len(pairs["pair"]) == 20
    assert pairs["pair"][:2] == ["class 7 \u2192 class 8", "class 0 \u2192 class 1"]
    assert pairs["text"][:2] == ["500 (11%)", "300 (7%)"]
    (axes,) = drawn(reticnn.plot_confusion(evaluation))
    assert [bar.get_width() for bar in axes.patches[:2]] == [500, 300]
    perfect = counted(classes)
    perfect["confusion"]["n"] = np.eye(40).ravel().tolist()
    assert pairs_of_confusion(perfect["confusion"])["pairs"]["n"] == []
    reticnn.plot_confusion(perfect)


def test_large_confusion_hides_zeros_and_may_come_in_any_order():
    classes = "abcdefg"
    pairs = [(truth, predicted) for predicted in classes for truth in classes]
    truth, predicted = zip(*pairs, strict=True)
    n = [3.0 if row == column else 0.0 for row, column in pairs]
    drawn = cells_of_confusion({"truth": truth, "predicted": predicted, "n": n})
    assert set(drawn["cells"]["text"]) == {"", "3\n100%"}
    assert drawn["cells"]["text"][8] == "3\n100%"
    assert drawn["caption"] == "21 images, 100.0% correct"


def test_numbers_in_a_confusion_matrix_can_be_read_at_each_share():
    for n in range(101):
        drawn = cells_of_confusion(
            {"truth": ["a", "a"], "predicted": ["a", "b"], "n": [n, 100 - n]}
        )["cells"]
        for fill, ink in zip(drawn["fill"], drawn["ink"], strict=True):
            assert contrast(fill, ink) > 3.5
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


def test_no_images_are_refused(refused, shapes):
    with refused(ValueError, "images", "no images"):
        reticnn.plot_images(shapes[[]])


# Bad input


def test_charts_of_something_else(refused):
    with refused(TypeError, "evaluation", "evaluate_classifier", "3"):
        reticnn.plot_confusion(3)
    with refused(TypeError, "description", "describe_model"):
        reticnn.plot_description({"n": 1})
    with refused(TypeError, "rates", "find_learning_rate"):
        reticnn.plot_rates(None)
    with refused(TypeError, "ladder", "convnext_ladder", "3"):
        reticnn.plot_ladder(3)
    with refused(TypeError, "classifier", "3"):
        reticnn.plot_history(3)


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch, classifier):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match='pip install "matplotlib"'):
        reticnn.plot_history(classifier)


def test_an_array_that_may_be_one_image_of_many_bands_is_told_of():
    image = np.zeros((40, 32, 13), np.uint8)
    with pytest.warns(UserWarning, match="40 grey images of 32 x 13 pixels. If it is"):
        assert len(pictures_of_images(image)["pictures"]) == 16
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(pictures_of_images(image[None])["pictures"]) == 1
        assert len(pictures_of_images(image.transpose(2, 0, 1))["pictures"]) == 13
        assert len(pictures_of_images(np.zeros((9, 28, 28), np.uint8))["pictures"]) == 9
