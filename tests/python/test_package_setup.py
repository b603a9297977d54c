"""What the scripts of the set-up say where something is missing."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.skipif(
        not (TOP / "tools" / "common.sh").exists(), reason="No checkout here"
    ),
    pytest.mark.skipif(sys.platform != "linux", reason="The tools of Linux"),
]

# What a new machine has not.
ABSENT = re.compile(r"(python|R|Rscript|make|apt|dpkg|sudo|chromium)([\d.-].*)?$")


@pytest.fixture
def checkout():
    """Copy what the set-up needs to where every user can read it."""
    folder = Path(tempfile.mkdtemp())
    for name in [".ci", "tools"]:
        shutil.copytree(TOP / name, folder / name)
    for name in ["Makefile", "pyproject.toml", "DESCRIPTION"]:
        shutil.copy(TOP / name, folder)
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def commands_of_a_new_machine(folder):
    """Return a folder of links to this machine's commands, without some."""
    folder.mkdir()
    for place in ["/usr/bin", "/bin"]:
        for command in Path(place).iterdir():
            link = folder / command.name
            if not ABSENT.match(command.name) and not link.is_symlink():
                link.symlink_to(command)
    return folder


def said_by(command, cwd, path, **user):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={
            "PATH": str(path),
            "HOME": str(cwd),
            "LANG": "C.UTF-8",
            "PYTHON": "/no/python",
        },
        capture_output=True,
        text=True,
        timeout=60,
        **user,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_one_round_names_all_that_is_missing(checkout, tmp_path):
    path = commands_of_a_new_machine(tmp_path / "commands")
    said = said_by([".ci/run"], checkout, path)
    for needed in ["/no/python is of no use", " r-base-dev ", "There is no make"]:
        assert needed in said
    assert "command not found" not in said


@pytest.mark.parametrize("script", ["setup-python.sh", "setup-r.sh"])
def test_a_checkout_of_another_user_is_named(checkout, script):
    (checkout / ".logs").mkdir()
    (checkout / ".logs").chmod(0o555)
    (checkout / ".venv").mkdir(0o555)
    user = {}
    if os.geteuid() == 0:
        # Root may write everywhere.
        os.chown(checkout, 65534, 65534)
        user = {"user": 65534, "group": 65534, "extra_groups": []}
    command = ["bash", f"tools/{script}", ".venv"]
    said = said_by(command, checkout, "/usr/bin:/bin", **user)
    assert f"may not write to these folders of {checkout}:\n  .logs .venv\n" in said
    assert "ermission denied" not in said
