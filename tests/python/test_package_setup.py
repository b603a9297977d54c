"""What the scripts of the set-up say where something is missing."""

import json
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


def answer(*faults, skipped=False):
    """Return what pip-audit prints of pillow, as a program that prints it."""
    package = {"name": "pillow", "version": "12.3.0", "vulns": list(faults)}
    if skipped:
        package["skip_reason"] = "not found"
    return f"print({json.dumps(json.dumps({'dependencies': [package]}))})"


FAULT = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["13.0"]}


@pytest.mark.parametrize(
    ("program", "status", "said"),
    [
        (answer(), 0, "0 open, 1 of 1 packages checked"),
        (answer(FAULT), 1, "pillow 12.3.0: PYSEC-1, CVE-1; fixed in 13.0"),
        (answer(skipped=True), 0, "cannot be reached, nothing was checked"),
        ("raise ConnectionError('no route')", 0, "cannot be reached"),
        ("raise SystemExit('error: unrecognized arguments')", 1, "pip-audit failed"),
    ],
)
def test_audit_tells_advisories_from_a_service_out_of_reach(
    tmp_path, program, status, said
):
    pip = tmp_path / "bin" / "python"
    pip.parent.mkdir()
    pip.write_text("#!/bin/sh\necho pillow==12.3.0\n")
    pip.chmod(0o755)
    (tmp_path / "pip_audit.py").write_text(program)
    done = subprocess.run(
        [sys.executable, TOP / "tools" / "audit.py", tmp_path],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status
    assert said in done.stdout + done.stderr
