"""The page is looked at as text by a parser, and once in a real browser."""

import json
import math
import re
import shutil
import socket
import subprocess
import threading
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
from PIL import Image

from reticnn import (
    build_mlp,
    evaluate_classifier,
    explain_prediction,
    image_arrays,
    image_folder,
    report_classifier,
    report_explanation,
    shape_images,
)
from reticnn.classifier import Classifier
from reticnn.data.array_images import ArrayImages
from reticnn.evaluation.calibration import calibration
from reticnn.evaluation.metrics import classification_metrics
from reticnn.reporting.sections import _error_of_gap, _verdict

EMPTY = {"img", "link", "meta"}


class Page(HTMLParser):
    """A page's elements and words; its tags must be balanced."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements, self.words, self._open = [], [], []
        self.feed(self.source)
        self.close()
        assert not self._open
        self.text = " ".join(self.words)

    def handle_starttag(self, name, attributes):
        """Note an element."""
        self.elements.append((name, dict(attributes)))
        if name not in EMPTY:
            self._open.append(name)

    def handle_endtag(self, name):
        """Compare with the element that is open."""
        assert self._open.pop() == name

    def handle_data(self, data):
        """Note what can be read."""
        if not {"script", "style"} & set(self._open):
            self.words.extend(data.split())

    def all(self, name, **wanted):
        """Return the attributes of the elements that have the wanted ones."""
        return [
            attributes
            for kind, attributes in self.elements
            if kind == name and wanted.items() <= attributes.items()
        ]

    def addresses(self):
        """Return every address that a browser could fetch or go to."""
        names = ("src", "href", "srcset", "action", "data", "poster", "xlink:href")
        return [
            attributes[name]
            for _, attributes in self.elements
            for name in names
            if name in attributes
        ]


@pytest.fixture(scope="module")
def report(classifier, tmp_path_factory):
    """Return the path of a report on 300 shapes, some of them misclassified."""
    path = tmp_path_factory.mktemp("report") / "shapes.html"
    noisy = shape_images(300, image_size=16, seed=2).read(np.arange(300)).astype(float)
    noisy += np.random.default_rng(1).normal(0, 45, noisy.shape)
    data = image_arrays(noisy.clip(0, 255).round(), ["circle", "square"] * 150)
    report_classifier(classifier, data, path, session={"Project": "shapes"})
    return path, data


# The page as text


def test_page_has_all_sections_and_needs_nothing_else(report):
    page = Page(report[0])
    assert [section["id"] for section in page.all("section")] == [
        "metrics",
        "confusion",
        "images",
        "calibration",
        "training",
        "model",
        "data",
        "session",
    ]
    assert all(address.startswith(("data:", "#")) for address in page.addresses())
    assert not re.search(r"url\(|@import|fetch\(|https?:(?!//www.w3.org)", page.source)
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert {link["href"][1:] for link in page.all("a")} <= ids


def test_page_can_be_read_by_everyone(report):
    page = Page(report[0])
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert all(image["alt"] for image in page.all("img"))
    assert all(chart["aria-label"] for chart in page.all("svg", role="img"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(header["scope"] for header in page.all("th"))


def test_figures_are_those_of_the_evaluation(report, classifier):
    path, data = report
    page, scores = Page(path), evaluate_classifier(classifier, data)
    assert 0 < scores["accuracy"] < 1
    for name in ("accuracy", "roc_auc", "log_loss", "brier_score", "calibration_error"):
        assert f" {scores[name]:.4f} " in page.text
    fields = page.all("td", **{"class": "hit"}) + page.all("td", **{"class": "miss"})
    assert len(fields) == np.count_nonzero(scores["confusion"]["n"])
    epochs = len(classifier.history["epoch"])
    assert len(page.all("circle", **{"class": "dot training"})) == 2 * epochs
    assert f"{classifier.model.count_params():,}" in page.text
    for text in ("block1_conv1", "300 labelled images", "Project shapes", "Adam"):
        assert text in page.text


def test_training_is_told_with_its_settings(report):
    text = Page(report[0]).text
    facts = ("Training images 1,000", "Validation images 100", "Batch size 32")
    for fact in (*facts, "Learning rate 0.003", "Seed 1"):
        assert fact in text


def test_classifier_is_called_too_sure_only_where_the_images_can_tell():
    sure, codes = np.array([[0.9, 0.1]] * 20), np.array([0] * 16 + [1] * 4)
    gap, error = 0.9 - 0.8, _error_of_gap(codes, sure)
    # Of 20 Bernoulli trials with 0.8: sqrt(0.8 * 0.2 / 19).
    assert error == pytest.approx(math.sqrt(0.16 / 19))
    assert "may be chance" in _verdict(gap, error)
    # Four images of each group are as one, and then five groups tell less.
    alone, grouped = (np.repeat(np.arange(20 // size), size) for size in (1, 4))
    assert _error_of_gap(codes, sure, alone) == pytest.approx(error)
    by_hand = math.sqrt(5 / 4 * (4 * (4 * 0.2) ** 2 + (4 * 0.8) ** 2)) / 20
    assert _error_of_gap(codes, sure, grouped) == pytest.approx(by_hand)
    assert "so few groups" in _verdict(gap, by_hand, grouped)
    many = _error_of_gap(np.tile(codes, 50), np.tile(sure, (50, 1)))
    assert "is over-confident" in _verdict(gap, many)
    assert "is under-confident" in _verdict(-gap, many)
    assert "about as confident" in _verdict(0.001, 0.002)
    assert "unknown" in _verdict(0.1, _error_of_gap(codes[:1], sure[:1]))


def test_images_are_the_most_and_least_confident_ones(report):
    page = Page(report[0])
    figures = page.all("figure", **{"class": "hit"})
    mistakes = page.all("figure", **{"class": "miss"})
    assert len(figures) >= 12 and mistakes
    assert len(figures + mistakes) <= 60
    shown = re.findall(r"([✓✗]) (?:circle|square) >?([\d.]+)%", page.text)
    surest_wrong = [float(sure) for mark, sure in shown if mark == "✗"]
    assert surest_wrong[0] == max(surest_wrong)
    wrong = [image["alt"] for image in page.all("img") if "mistaken" in image["alt"]]
    assert len(wrong) == len(mistakes)


def test_names_and_paths_are_text_and_not_markup(tmp_path, classifier, write_image):
    names = ["<script>alert(1)</script>", "\"&'><img src=http://x.invalid/>"]
    for index, folder in enumerate(("a", "b")):
        write_image(tmp_path / folder / f"x&<i>{index}.png", (90 * index, 0, 0))
    data = image_folder(str(tmp_path), 16)
    data.class_names = names
    report_classifier(
        classifier.model,
        data,
        tmp_path / "r.html",
        class_names=names,
        session={"<b>": "</dd>"},
    )
    page = Page(tmp_path / "r.html")
    assert len(page.all("script")) == 1
    assert page.all("i") == page.all("b", src="http://x.invalid/") == []
    assert all(address.startswith(("data:", "#")) for address in page.addresses())
    assert "a/x&<i>0.png" in page.text.replace("\\", "/")
    assert str(tmp_path) not in page.source
    assert "No training is recorded" in page.text


def test_many_classes_make_a_list_of_pairs_and_a_small_page(tmp_path):
    count = 400
    names = [f"class {number}" for number in range(count)]
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(count, activation="softmax")(x))
    random = np.random.default_rng(1)
    x = random.integers(0, 256, (900, 8, 8, 1)).astype("uint8")
    labels = [names[code] for code in random.integers(0, count, 900)]
    path = tmp_path / "many.html"
    report_classifier(model, image_arrays(x, labels, class_names=names), path)
    page = Page(path)
    assert "pairs confused most often, of 400 classes" in page.text
    assert "The 30 of 400 classes with the lowest F1" in page.text
    assert len(page.all("tr")) < 150
    assert path.stat().st_size < 500_000


def test_large_photographs_are_shown_small(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((512, 384, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    x = np.random.default_rng(1).integers(0, 256, (70, 512, 384, 3)).astype("uint8")
    path = tmp_path / "large.html"
    report_classifier(model, image_arrays(x, ["cat", "dog"] * 35), path)
    assert path.stat().st_size < 3_000_000
    assert all(
        image["src"].startswith("data:image/jpeg") for image in Page(path).all("img")
    )


def test_images_are_read_once_but_for_those_shown(classifier, tmp_path):
    class CountingImages(ArrayImages):
        read_so_far = 0

        def read(self, indices):
            self.read_so_far += len(indices)
            return super().read(indices)

    data = shape_images(300, image_size=16, seed=1)
    data.source = CountingImages(data.read(np.arange(300)))
    report_classifier(classifier, data, tmp_path / "r.html")
    assert 300 < data.source.read_so_far <= 360


def test_history_may_have_gaps_stages_and_one_epoch(classifier, shapes, tmp_path):
    histories = [
        {"epoch": [1], "loss": [0.5], "accuracy": [0.5]},
        {
            "epoch": [1, 2, 3],
            "stage": [1, 1, 2],
            "loss": [0.5, 0.5, 0.5],
            "val_loss": [float("nan"), 0.4, 0.3],
        },
    ]
    for history in histories:
        kept = Classifier(classifier.model, classifier.class_names, history, "early")
        report_classifier(kept, shapes, tmp_path / "r.html")
        page = Page(tmp_path / "r.html")
        assert "it no longer improved" in page.text
        assert len(page.all("line", **{"class": "stage"})) == ("stage" in history)
        assert "nan" not in "".join(path["d"] for path in page.all("path"))


def test_data_of_one_class_and_a_single_image_have_a_page(classifier, tmp_path):
    data = shape_images(1, image_size=16, seed=1)
    report_classifier(classifier, data, tmp_path / "r.html")
    assert "1 labelled image:" in Page(tmp_path / "r.html").text


# Calibration by bins


def test_calibration_bins_make_up_the_calibration_error():
    random = np.random.default_rng(1)
    scores = random.dirichlet(np.ones(3), 200)
    codes = random.integers(0, 3, 200)
    bins = calibration(codes, scores)
    assert bins["n"].sum() == 200
    assert np.isnan(bins["accuracy"][:5]).all()  # The highest of three is above 1/3.
    gaps = np.nansum(bins["n"] * np.abs(bins["probability"] - bins["accuracy"]))
    names = [f"class {code}" for code in range(scores.shape[1])]
    measured = classification_metrics(codes, scores, names)
    assert gaps / 200 == pytest.approx(measured["calibration_error"])


# The file


def test_path_is_expanded_and_an_older_file_replaced(
    classifier, shapes, tmp_path, monkeypatch
):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    older = tmp_path / "r.html"
    older.write_text("older")
    assert report_classifier(classifier, shapes, "~/r.html") == str(older)
    assert older.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == [older]


def test_bytes_that_are_no_text_are_in_the_report_in_hex(classifier, tmp_path):
    data = shape_images(20, image_size=16, seed=2)
    path = tmp_path / "r.html"
    session = {"By": "Ren\udce9", "\udcff": "x", "Half": "\ud800 caf\u00e9"}
    report_classifier(classifier, data, path, session=session)
    words = Page(path).text
    for text in (r"Ren\xe9", r"\xff", "\\ud800 caf\u00e9"):
        assert text in words
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_bad_arguments_are_refused_and_leave_no_file(
    refused, classifier, shapes, tmp_path
):
    path = tmp_path / "r.html"
    unlabelled = image_arrays(np.zeros((2, 16, 16, 3), "uint8"))
    with refused(TypeError, "classifier", "fit_classifier()"):
        report_classifier("cnn", shapes, path)
    with refused(TypeError, "data", "image_folder()"):
        report_classifier(classifier, 3, path)
    with refused(FileNotFoundError, "data", "'photos'"):
        report_classifier(classifier, "photos", path)
    with refused(ValueError, "data", "no labels"):
        report_classifier(classifier, unlabelled, path)
    with refused(ValueError, "data", "no images"):
        report_classifier(classifier, shapes[:0], path)
    with refused(FileNotFoundError, "path", "does not exist"):
        report_classifier(classifier, shapes, tmp_path / "no" / "r.html")
    with refused(ValueError, "path", "folder"):
        report_classifier(classifier, shapes, tmp_path)
    with refused(ValueError, "path", "'.pdf'", "'pets.html'"):
        report_classifier(classifier, shapes, tmp_path / "pets.pdf")
    with refused(TypeError, "session", "a dict"):
        report_classifier(classifier, shapes, path, session=["R"])
    with refused(TypeError, "session", "a name for each value"):
        report_classifier(classifier, shapes, path, session={"": "R"})
    assert not path.exists()


# In a browser

QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--enable-logging=stderr",
    "--v=0",
]

# A user's clicks; what they do goes to the console.
CLICKS = """
<script>
const shown = () => document.querySelectorAll("#gallery figure:not([hidden])").length;
const before = shown();
document.querySelector("td.miss button").click();
const filtered = shown(), said = document.querySelector(".filter").innerText;
document.querySelector(".filter button").click();
const [, , , parameters] = document.querySelectorAll("#model th button");
parameters.click();
const first = document.querySelector("#model tbody tr td:nth-child(4)").textContent;
const reading = document.querySelector("#training .reading");
reading.dispatchEvent(new PointerEvent("pointerenter"));
const output = document.querySelector("#training output").textContent;
const wide = document.documentElement.scrollWidth > innerWidth;
const fetched = performance.getEntriesByType("resource")
  .map((entry) => entry.name).filter((name) => !name.startsWith("data:"));
console.log(JSON.stringify({
  before, filtered, said, all: shown(), first, output, wide, fetched
}));
</script>
"""


@pytest.fixture
def asked_for():
    """Give the port of a proxy that never answers, and what it was asked for."""
    asked = []
    server = socket.create_server(("127.0.0.1", 0))

    def listen():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(200).decode(errors="replace"))

    threading.Thread(target=listen, daemon=True).start()
    yield server.getsockname()[1], asked
    server.close()


@pytest.mark.slow
def test_browser_shows_the_page_without_errors_or_requests(
    classifier, report, asked_for, tmp_path
):
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip("No Chromium found: Debian's package is chromium")
    port, asked = asked_for
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    page.write_text(report[0].read_text(encoding="utf-8") + CLICKS, encoding="utf-8")
    result = subprocess.run(
        [
            browser,
            *QUIET,
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--proxy-server=127.0.0.1:{port}",
            "--proxy-bypass-list=<-loopback>",
            "--window-size=500,1200",
            f"--screenshot={picture}",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = re.findall(r'CONSOLE.*?\] "(.*)", source', result.stderr)
    assert len(said) == 1, result.stderr
    seen = json.loads(said[0])
    assert 0 < seen["filtered"] < seen["before"] == seen["all"]
    pattern = r"(\d+) of the (\d+) images of (\w+) mistaken for (\w+)"
    shown, count, truth, taken_for = re.match(pattern, seen["said"]).groups()
    fields = evaluate_classifier(classifier, report[1])["confusion"]
    assert (truth, taken_for, int(count)) in zip(*fields.values(), strict=True)
    assert int(shown) == seen["filtered"]
    assert seen["first"] == "9,248"
    assert seen["output"].startswith("Epoch 1: training ")
    assert not seen["wide"]
    assert seen["fetched"] == []
    # The browser itself asks its maker for updates, whatever its options.
    own = re.compile(r"\S+ \S*\.(google|googleapis|gstatic)\.com[:/]")
    assert [line for line in asked if not own.match(line)] == []
    with Image.open(picture) as image:
        colours = image.convert("RGB").getcolors(image.width * image.height)
    assert len(colours) > 100


def test_images_that_were_in_training_come_first(classifier, tmp_path):
    trained = shape_images(1000, image_size=16, seed=1)[:30]
    new = shape_images(20, image_size=16, seed=77)
    path = tmp_path / "leaks.html"
    with pytest.warns(UserWarning, match="30 of 50"):
        report_classifier(classifier, new + trained, path, progress="none")
    page = Page(path)
    assert page.all("section")[0]["id"] == "leaks"
    assert "The model was trained on 30 of these 50 images" in page.text
    right = evaluate_classifier(classifier, new, progress="none")["accuracy"]
    assert f"Of the 20 other images, {100 * right:.1f}% are classified" in page.text
    assert "and 18 more" in page.text
    report_classifier(classifier, new, path, progress="none")
    assert Page(path).all("section")[0]["id"] == "metrics"


def test_maps_are_beside_the_images_that_are_explained(classifier, tmp_path):
    data = shape_images(30, image_size=16, seed=2)
    plain = tmp_path / "plain.html"
    report_classifier(classifier, data, plain, progress="none")
    path = tmp_path / "maps.html"
    report_classifier(
        classifier, data, path, progress="none", explanations="integrated_gradients"
    )
    page, before = Page(path), Page(plain)
    maps = [one for one in page.all("img") if "speaks for" in one["alt"]]
    assert len(page.all("img")) == len(before.all("img")) + len(maps)
    # Those of the typical images alone have none.
    explained = page.source.split("Typical")[0].count("<figure")
    assert len(maps) == explained > 12
    assert len({one["src"] for one in maps}) > 12
    assert "integrated_gradients" in page.text
    with pytest.raises(ValueError, match="`explanations`"):
        report_classifier(classifier, data, path, explanations="cam")
    mlp = build_mlp((16, 16, 3), units=4)
    with pytest.raises(ValueError, match="`explanations` is 'grad_cam'"):
        report_classifier(mlp, data, path, explanations="grad_cam")


def test_a_page_of_explanations_has_all_maps(classifier, cats, tmp_path):
    explanation = explain_prediction(classifier, cats, "all", "gradient")
    path = tmp_path / "why.html"
    assert report_explanation(explanation, path, n=3) == str(path)
    page = Page(path)
    assert len(page.all("img")) == 3 * 3
    assert len(page.all("div", **{"class": "maps"})) == 3
    assert "5 images, of which the first 3 are shown" in page.text
    assert "1.png" in page.text
    assert all(one.startswith(("data:", "#")) for one in page.addresses())
    with pytest.raises(TypeError, match="`explanation`"):
        report_explanation(cats, path)
    with pytest.raises(ValueError, match="`path`"):
        report_explanation(explanation, tmp_path / "why.pdf")
    assert Page(path).source == page.source
