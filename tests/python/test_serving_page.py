"""The page of a server, in a real browser."""

import csv
import io
import json
import shutil

import pytest
from PIL import Image

import reticnn

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
webdriver = pytest.importorskip("selenium.webdriver")

from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

pytestmark = pytest.mark.slow

# What a browser says of an answer that refuses, whatever the page makes of it.
_OF_REFUSALS = "the server responded with a status of 4"


@pytest.fixture(scope="module")
def browser():
    """Start a browser that nobody sees."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("No Chromium with its driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    started = webdriver.Chrome(options, Service(driver))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def careful(shapes, tiny_cnn, fit):
    """Return a classifier with prediction sets and novelty."""
    made = fit(tiny_cnn(), shapes)
    new = [reticnn.shape_images(60, image_size=16, seed=seed) for seed in (22, 23)]
    made = reticnn.novelty_threshold(made, new[0], reference=shapes)
    return reticnn.prediction_sets(made, new[1], coverage=0.8)


@pytest.fixture(scope="module")
def server(careful):
    """Serve the classifier until the module's tests have ended."""
    started = reticnn.serve_classifier(careful, 0)
    yield started
    started.stop()


@pytest.fixture
def photos(tmp_path):
    """Return the paths of two images."""
    images = reticnn.load_images(reticnn.shape_images(2, image_size=40, seed=7))
    paths = [tmp_path / "one, 1.png", tmp_path / "two.png"]
    for path, image in zip(paths, images["images"], strict=True):
        Image.fromarray(image).save(path)
    return paths


@pytest.fixture
def page(browser, server):
    """Open the page, and see at the end that it has made no mistake."""
    _forget(browser)
    opened = Page(browser, server.address)
    yield opened
    messages = [one["message"] for one in browser.get_log("browser")]
    assert not [text for text in messages if _OF_REFUSALS not in text]
    for address in _asked_for(browser):
        assert address.startswith((server.address, "blob:", "data:")), address


def _forget(browser):
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    for kind in ("browser", "performance"):
        browser.get_log(kind)


def _asked_for(browser):
    """Return the addresses that the browser has asked anything of."""
    events = [
        json.loads(one["message"])["message"] for one in browser.get_log("performance")
    ]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


class Page:
    """The page as somebody uses it."""

    def __init__(self, browser, address):
        self.browser = browser
        browser.get(address)
        self.until(lambda: self.text("facts") != "…")

    def until(self, happens):
        """Wait for something."""
        WebDriverWait(self.browser, 30, 0.05).until(lambda _: happens())

    def text(self, name):
        """Return the text of an element, seen or not."""
        return self.browser.find_element(By.ID, name).get_attribute("textContent")

    def find(self, selector):
        """Return all elements that a selector of CSS selects."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def add(self, *paths):
        """Choose files, and wait for the answers."""
        before = len(self.find(".card"))
        chooser = self.browser.find_element(By.ID, "files")
        chooser.send_keys("\n".join(map(str, paths)))
        self.until(lambda: len(self.find(".card")) == before + len(paths))
        self.until(lambda: not self.find(".waiting"))


def test_photos_are_answered_in_order(page, careful, photos):
    assert page.text("facts") == (
        "Knows 2 classes: circle, square. Sees images of 16 \u00d7 16 pixels."
    )
    page.add(*photos)
    expected = reticnn.predict_images(careful, photos, type="set")
    cards = page.find(".card")
    for index, (card, photo) in enumerate(zip(cards, photos, strict=True)):
        name = expected[".pred_class"][index]
        chance = expected[f".pred_{name}"][index]
        assert card.find_element(By.CLASS_NAME, "name").text == photo.name
        answer = card.find_element(By.CLASS_NAME, "answer").text
        assert answer == f"{name} {100 * chance:.0f} %"
        lengths = [
            bar.get_attribute("style")
            for bar in card.find_elements(By.CSS_SELECTOR, ".track span")
        ]
        assert lengths[0].startswith(f"width: {100 * chance:.2f}"[:10])
        assert "Prediction set" in card.text
    width = "return document.querySelector('.card img').naturalWidth"
    assert page.browser.execute_script(width) == 40
    assert page.text("status").startswith(
        "2 photos have been classified. The last, two.png"
    )


def test_what_is_no_image_is_told_with_the_reason(page, photos, tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("no image")
    page.add(photos[0], other)
    (problem,) = page.find(".problem")
    assert problem.text.startswith("The file is not an image")
    assert page.text("heading") == "Results: 2"


def test_the_table_has_the_columns_of_write_predictions(
    page, careful, photos, tmp_path
):
    other = tmp_path / "notes.txt"
    other.write_text("no image")
    page.add(*photos, other)
    told = page.browser.execute_script("return table()")
    told = list(csv.DictReader(io.StringIO(told)))
    path = tmp_path / "a.csv"
    reticnn.write_predictions(careful, [*photos, other], path, type="set")
    with open(path, newline="") as file:
        written = list(csv.DictReader(file))
    assert list(told[0]) == list(written[0])
    assert [row[".file"] for row in told] == ["one, 1.png", "two.png", "notes.txt"]
    for one, row in zip(told, written, strict=True):
        assert (one[".pred_class"], one[".pred_set"]) == (
            row[".pred_class"],
            row[".pred_set"],
        )
    assert float(told[0][".pred_circle"]) == pytest.approx(
        float(written[0][".pred_circle"]), abs=1e-6
    )
    page.browser.find_element(By.ID, "clear").click()
    assert page.find(".card") == []


def test_a_heat_map_lies_over_the_photo(page, photos):
    page.add(photos[0])
    (button,) = page.find(".why button")
    button.click()
    page.until(lambda: page.find(".map"))
    page.until(lambda: button.is_enabled())
    boxes = page.browser.execute_script(
        "return [...document.querySelectorAll('.picture img')]"
        ".map((image) => [image.naturalWidth, image.clientWidth, image.clientHeight])"
    )
    assert boxes[0] == boxes[1]
    assert button.text == "Hide heat map for"
    button.click()
    assert page.find(".map") == []


def test_photos_can_be_dropped(page):
    page.browser.execute_script(
        """
        const canvas = Object.assign(document.createElement("canvas"), {width: 30});
        canvas.toBlob((blob) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([blob], "dropped.png"));
          document.body.dispatchEvent(
            new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true})
          );
        });
        """
    )
    page.until(lambda: page.find(".answer"))
    assert page.find(".name")[0].text == "dropped.png"


def test_it_suits_keyboards_and_screen_readers(page, photos):
    page.add(photos[0])
    for control in page.find("button, input:not([aria-hidden]), select, a"):
        if control.is_displayed():
            assert control.accessible_name, control.get_attribute("outerHTML")
    for image in page.find("img"):
        assert image.get_attribute("alt") is not None
    assert page.find("[aria-live=polite]")
    page.browser.execute_script("document.activeElement.blur()")
    reached = []
    for _ in range(7):
        webdriver.ActionChains(page.browser).send_keys(Keys.TAB).perform()
        active = page.browser.switch_to.active_element
        reached.append(active.get_attribute("id") or active.tag_name)
    assert reached == ["files", "camera", "csv", "clear", "button", "select", "a"]


@pytest.mark.parametrize("width", [320, 375, 1200])
def test_it_fits_the_width_of_a_screen(page, photos, width):
    page.add(*photos)
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 700, "deviceScaleFactor": 2, "mobile": width < 600},
    )
    size = "return [document.documentElement.scrollWidth, innerWidth]"
    needed, there = page.browser.execute_script(size)
    assert (needed <= width, there) == (True, width)
    stacked = "return getComputedStyle(document.querySelector('.card'))"
    columns = page.browser.execute_script(f"{stacked}.gridTemplateColumns").split()
    assert len(columns) == (1 if width < 600 else 2)


def test_it_is_dark_where_that_is_liked(page):
    def ground(scheme):
        page.browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        code = "return getComputedStyle(document.body).backgroundColor"
        return page.browser.execute_script(code)

    assert ground("dark") == "rgb(21, 24, 28)"
    assert ground("light") == "rgb(246, 247, 249)"


def test_the_docs_are_a_page_without_a_script(page):
    page.browser.get(page.browser.current_url + "docs")
    assert "POST /predict" in page.browser.find_element(By.TAG_NAME, "main").text
    assert page.find("script") == []


def test_a_server_with_a_key_asks_for_it(browser, careful, photos):
    _forget(browser)
    server = reticnn.serve_classifier(careful, 0, api_key="open sesame")
    page = Page(browser, server.address)
    assert not page.browser.find_element(By.ID, "drop").is_displayed()
    key = page.browser.find_element(By.ID, "key-text")
    key.send_keys("other", Keys.ENTER)
    page.until(lambda: page.text("key-said") == "That is not the key. Try again.")
    key.clear()
    key.send_keys("open sesame", Keys.ENTER)
    page.until(lambda: page.browser.find_element(By.ID, "drop").is_displayed())
    page.add(photos[0])
    assert page.find(".answer")
    server.stop()
    page.browser.find_element(By.ID, "files").send_keys(str(photos[1]))
    page.until(lambda: page.find(".problem"))
    assert page.find(".problem")[0].text.startswith("The server does not answer")


def test_odd_names_of_classes_are_shown_and_in_the_table(
    browser, shapes, tiny_cnn, fit, photos, tmp_path
):
    _forget(browser)
    odd = {"circle": "set", "square": "<b>constructor</b>"}
    images = reticnn.load_images(shapes)
    labels = [odd[label] for label in images["labels"]]
    named = fit(tiny_cnn(), reticnn.image_arrays(images["images"], labels))
    server = reticnn.serve_classifier(named, 0)
    other = tmp_path / "notes.txt"
    other.write_text("no image")
    page = Page(browser, server.address)
    page.add(photos[0], other)
    assert set(odd.values()) == {name.text for name in page.find(".chances dt")}
    assert not page.find(".note")
    told = list(csv.DictReader(io.StringIO(browser.execute_script("return table()"))))
    server.stop()
    want = reticnn.predict_images(named, photos[0])
    for name in odd.values():
        column = f".pred_{name}"
        assert float(told[0][column]) == pytest.approx(want[column][0], abs=1e-6)
        assert told[1][column] == ""
