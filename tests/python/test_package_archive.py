"""The source archive and what is installed from it, and what type checkers see."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import reticnn

CHECKOUT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


def outcome_of(*command, cwd):
    """Run a command as a user would who knows nothing of this checkout."""
    variables = {
        name: text for name, text in os.environ.items() if name != "PYTHONPATH"
    }
    command = [str(part) for part in command]
    return subprocess.run(
        command, cwd=cwd, env=variables, capture_output=True, text=True
    )


def run(*command, cwd="."):
    done = outcome_of(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Build the source archive as `python -m build --sdist` does."""
    folder = tmp_path_factory.mktemp("archive")
    python = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder]
    run(*python, cwd=CHECKOUT)
    (path,) = folder.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def fresh_python(archive, tmp_path_factory):
    """Make an environment that has reticnn from the archive, and nothing else of ours.

    What reticnn needs is taken from the environment of the tests.
    """
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    # Hatchling is in the environment of the tests: nothing comes from the network.
    built = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    run(*built, "--wheel-dir", folder / "wheels", archive)
    (wheel,) = (folder / "wheels").glob("*.whl")
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel)
    return python


def modules_of(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in Path(folder).rglob("*.py*")
        if "__pycache__" not in path.parts
    }


def test_archive_has_the_whole_core_and_its_tests(archive):
    with tarfile.open(archive) as members:
        names = {name.partition("/")[2] for name in members.getnames()}
    core = {f"python/{name}" for name in modules_of(CHECKOUT / "python")}
    tests = {f"tests/python/{name}" for name in modules_of(CHECKOUT / "tests/python")}
    assert core | tests | {"python/reticnn/py.typed", "README.md"} <= names
    assert not any(name.startswith(("inst", ".venv", ".Rlib")) for name in names)


def test_archive_installs_a_core_that_works(fresh_python, tmp_path):
    others = importlib.metadata.distribution("keras").locate_file("")
    code = f"""if True:
        import reticnn, sys
        print(reticnn.__file__)
        sys.path.append({str(others)!r})
        print(reticnn.rand_augment())
        print(len(reticnn.shape_images(4)))
    """
    lines = run(fresh_python, "-c", code, cwd=tmp_path).splitlines()
    assert Path(lines[0]).is_relative_to(fresh_python.parents[1])
    assert lines[-1] == "4"


def test_metadata_names_the_pythons_that_are_supported(fresh_python, tmp_path):
    code = "import importlib.metadata as m; print(m.metadata('reticnn'))"
    said = run(fresh_python, "-c", code, cwd=tmp_path)
    named = re.findall(r"Python :: (3\.\d+)$", said, re.M)
    assert f"Requires-Python: >={named[0]}\n" in said
    assert "Project-URL: Source, https://github.com/reticnn/reticnn\n" in said


# Type checkers


def test_stub_names_what_the_package_imports_at_first_use():
    stub = (CHECKOUT / "python/reticnn/__init__.pyi").read_text()
    named = {
        name: home
        for home, names in re.findall(
            r"^from reticnn\.([\w.]+) import (\([^)]*\)|.*)", stub, re.M
        )
        for name in re.findall(r"(\w+) as \1", names)
    }
    assert named == {**reticnn._HOME, **reticnn._HOME_OF_CLASSES}


@pytest.fixture
def complaints_of_mypy(fresh_python, tmp_path):
    """Check a script as its author would, with reticnn installed from the archive."""
    pytest.importorskip("mypy")

    def check(code):
        script = tmp_path / "script.py"
        script.write_text(code)
        mypy = [sys.executable, "-m", "mypy", "--python-executable", fresh_python]
        cache = ["--cache-dir", tmp_path / "cache"]
        return outcome_of(*mypy, *cache, script, cwd=tmp_path).stdout

    return check


def test_mypy_knows_functions_and_their_arguments(complaints_of_mypy):
    right = (
        "import reticnn\n"
        "print(reticnn.augment(reticnn.shape_images(8).x, reticnn.rand_augment()))\n"
    )
    assert "Success: no issues" in complaints_of_mypy(right)
    said = complaints_of_mypy("import reticnn\nreticnn.build_cnn(num_clases=3)\n")
    assert 'Unexpected keyword argument "num_clases" for "build_cnn"' in said
    said = complaints_of_mypy("import reticnn\nreticnn.build_cn()\n")
    assert 'Module has no attribute "build_cn"' in said
