"""The kit for a class: its files belong together, its code runs, nothing is lost."""

import importlib.util
import json
import os
import re
from pathlib import Path

import pytest

import reticnn

KIT = Path(reticnn.__file__).parent / "teaching" / "kit"
TOOL = Path(__file__).parents[2] / "tools" / "teaching.py"


@pytest.fixture(scope="module")
def teaching():
    if not TOOL.exists():
        pytest.skip("tools/teaching.py is not beside the tests")
    spec = importlib.util.spec_from_file_location("teaching", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The files


def test_exercises_and_notebooks_are_what_their_source_makes(teaching):
    for name, text in teaching.files().items():
        assert (KIT / name).read_text(encoding="utf-8") == text, (
            f"{name} is not what tools/teaching.py makes: run `make teaching`"
        )


def test_every_exercise_is_whole(teaching):
    _, setup, exercises = teaching.exercises()
    assert {language for language, _ in setup} == {"", "r", "python"}
    assert len(exercises) == 8
    for exercise in exercises:
        for part in ("start", "solution"):
            assert {language for language, _ in exercise[part]} == {"r", "python"}
        for part in ("task", "hint", "answer"):
            assert {language for language, _ in exercise[part]} == {""}


@pytest.mark.parametrize("name", ["exercises", "solutions"])
def test_notebooks_are_valid(name):
    notebook = json.loads((KIT / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", one) for one in ids)
    for cell in notebook["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"id", "cell_type", "metadata", "source"} | code
        if code:
            compile("".join(cell["source"]), name, "exec")


def _code_of(name):
    """Return the code of a notebook, for a class that has little time."""
    notebook = json.loads((KIT / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code = "\n".join("".join(cell["source"]) for cell in cells)
    code = code.replace("n = 1200", "n = 45").replace("epochs = 10", "epochs = 1")
    assert "n = 45" in code and "epochs = 1\n" in code
    return code


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_solutions_run(capsys):
    known = {"__name__": "__main__"}
    exec(compile(_code_of("solutions"), "solutions", "exec"), known)
    printed = capsys.readouterr().out
    assert "2051 2051" in printed  # By hand and of the model.
    assert printed.rstrip().endswith("13446")
    assert known["three"].count_params() == known["packaged"].count_params()
    assert set(known["fits"]) >= {"fully connected", "CNN, two blocks"}


def test_no_slide_is_empty():
    slides = (KIT / "slides.Rmd").read_text(encoding="utf-8")
    # What stands before the first heading becomes a slide without one.
    before, *rest = re.split(r"^## ", slides, flags=re.M)
    assert before.rstrip().endswith("```") and "{=html}" not in before
    for slide in rest:
        shown = slide.partition("<div class")[0].partition("\n")[2]
        assert shown.strip(), slide.partition("\n")[0]


def test_the_guide_and_the_slides_have_one_timetable():
    slides = (KIT / "slides.Rmd").read_text(encoding="utf-8")
    notes = re.findall(r'<div class="notes">\n(\d):(\d\d), (\d+) minutes?\.', slides)
    assert len(notes) == slides.count('<div class="notes">') == slides.count("\n## ")
    begins = [60 * int(hour) + int(minute) for hour, minute, _ in notes]
    lasts = [int(minutes) for *_, minutes in notes]
    assert begins[0] == 0 and begins[-1] + lasts[-1] == 90
    for begin, last, after in zip(begins, lasts, begins[1:], strict=False):
        assert begin + last == after
    guide = (KIT / "instructors-guide.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d):(\d\d) \| (\d):(\d\d) \|", guide, re.M)
    times = [[60 * int(row[i]) + int(row[i + 1]) for i in (0, 2)] for row in rows]
    assert {begin for begin, _ in times} <= set(begins)
    assert [end for _, end in times] == [begin for begin, _ in times[1:]] + [90]


# Copying


def test_the_kit_is_copied_and_nothing_is_lost(tmp_path, refused):
    folder = tmp_path / "new" / "class"
    table = reticnn.teaching_kit(str(folder))
    assert set(table["status"]) == {"copied"}
    assert sorted(os.listdir(folder)) == sorted(os.listdir(KIT))
    assert all(os.path.isfile(file) for file in table["file"])
    (folder / "slides.Rmd").write_text("my own")
    (folder / "notes.txt").write_text("mine")
    (folder / "questions.md").unlink()
    with pytest.warns(UserWarning, match=r"`path`, slides.Rmd .*`overwrite=True`"):
        table = reticnn.teaching_kit(str(folder))
    assert set(table["status"]) == {"copied", "kept", "unchanged"}
    assert (folder / "slides.Rmd").read_text() == "my own"
    table = reticnn.teaching_kit(str(folder), overwrite=True)
    assert table["status"].count("replaced") == 1
    assert (folder / "slides.Rmd").read_bytes() == (KIT / "slides.Rmd").read_bytes()
    assert (folder / "notes.txt").read_text() == "mine"
    with refused(ValueError, "path", "is a file"):
        reticnn.teaching_kit(str(folder / "notes.txt"))
    (folder / "questions.md").unlink()
    (folder / "questions.md").mkdir()
    (folder / "slides.Rmd").unlink()
    with refused(ValueError, "path", "questions.md"):
        reticnn.teaching_kit(str(folder))
    assert not (folder / "slides.Rmd").exists()
