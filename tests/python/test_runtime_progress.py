import pytest

from reticnn import evaluate_classifier, predict_images, report_classifier
from reticnn.runtime import progress as progress_room


@pytest.fixture(scope="module")
def classifier(fit, tiny_cnn, shapes):
    """Return a classifier of the shapes."""
    return fit(tiny_cnn(), shapes)


@pytest.fixture
def report(tmp_path):
    """Return a function that writes a report and takes no path."""

    def run(classifier, data, **arguments):
        return report_classifier(classifier, data, tmp_path / "r.html", **arguments)

    return run


@pytest.fixture(params=[predict_images, evaluate_classifier, report_classifier])
def work(request, report):
    """Return each function that predicts images."""
    return report if request.param is report_classifier else request.param


def test_function_is_told_of_the_batches(work, classifier, shapes):
    told = []
    work(classifier, shapes, batch_size=7.0, progress=told.append)
    steps = -(-len(shapes) // 7)
    assert told[-1] == {"step": steps, "steps": steps, "done": True}
    steps_done = [state["step"] for state in told]
    assert steps_done == sorted(set(steps_done))
    assert all(state == {**state, "steps": steps} for state in told)
    assert [state["done"] for state in told[:-1]] == [False] * (len(told) - 1)


def test_every_scale_counts(classifier, shapes):
    told = []
    predict_images(
        classifier, shapes[:10], batch_size=5, scales=(16, 20), progress=told.append
    )
    assert told[-1]["steps"] == 4


def test_bar_is_drawn_to_its_end(work, classifier, shapes, capsys):
    steps = -(-len(shapes) // 7)
    work(classifier, shapes, batch_size=7, progress="bar")
    assert f"{steps}/{steps}" in capsys.readouterr().out


@pytest.mark.parametrize("progress", ["none", "auto"])
def test_nothing_is_said_where_nobody_watches(
    work, classifier, shapes, capsys, progress
):
    work(classifier, shapes, progress=progress)
    assert capsys.readouterr().out == ""


def test_bar_waits_for_work_that_takes_long(classifier, shapes, capsys, monkeypatch):
    monkeypatch.setattr(progress_room, "someone_is_watching", lambda: True)
    predict_images(classifier, shapes)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(progress_room, "_SECONDS_BEFORE_A_BAR", 0.0)
    predict_images(classifier, shapes)
    assert "2/2" in capsys.readouterr().out


@pytest.mark.parametrize("value", ["epoch", True, 1.0])
def test_unknown_progress_is_named(refused, work, classifier, shapes, value):
    with refused(ValueError, "progress", "'auto', 'bar', 'none'"):
        work(classifier, shapes, progress=value)


def test_failing_function_ends_the_work(classifier, shapes):
    def fail(state):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        predict_images(classifier, shapes, progress=fail)
