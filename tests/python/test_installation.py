"""The check before a class, where all is well and where it is not."""

import re
import subprocess
from pathlib import Path

import pytest

import reticnn
from reticnn import installation

PROJECT = Path(__file__).parents[2] / "pyproject.toml"

without_numpy = """
import sys
sys.modules["numpy"] = None
import reticnn
table = reticnn.reticnn_check()
print(dict(zip(table["check"], table["ok"])))
"""


def result(code=0, out="", err=""):
    return subprocess.CompletedProcess([], code, out, err)


@pytest.fixture
def trained_as(monkeypatch):
    """Have the training end in some way."""

    def end(done):
        def run(*args, **kwargs):
            if isinstance(done, Exception):
                raise done
            return done

        monkeypatch.setattr(installation.subprocess, "run", run)
        table = reticnn.reticnn_check()
        return dict(zip(table["check"], table["ok"], strict=True)), table

    return end


def test_a_computer_that_is_ready(trained_as, capsys):
    out = "started 3.15.1 tensorflow 4.2\ntrained 4.0 0.1\n"
    ok, table = trained_as(result(out=out))
    assert ok["Keras"] and ok["training"] and ok["Python"]
    lines = capsys.readouterr().out.splitlines()
    assert "ok  training: 600 images, 5 epochs in 4 s, 750 images per second" in lines
    assert set(table) == {"check", "ok", "found", "to_do"}


@pytest.mark.parametrize(
    ("done", "check", "found", "to_do"),
    [
        (result(-4), "Keras", "instruction", "KERAS_BACKEND=torch"),
        (
            result(1, err="a\nImportError: DLL\n"),
            "Keras",
            "ImportError: DLL",
            "new env",
        ),
        (result(1, "started 3 jax 1\n", "\n"), "training", "status 1", "new env"),
        (result(0, "started 3 jax 1\ntrained 4 nan"), "training", "nan", "new env"),
        (subprocess.TimeoutExpired([], 300), "training", "300", "fewer images"),
    ],
)
def test_what_fails_says_what_to_do(trained_as, done, check, found, to_do):
    ok, table = trained_as(done)
    assert ok[check] is False
    at = table["check"].index(check)
    assert found in table["found"][at] and to_do in table["to_do"][at]


def test_packages_that_are_too_old_or_missing(monkeypatch):
    assert installation._package("no_such_module", "it", "1")["ok"] is False
    monkeypatch.setattr(installation, "_version", lambda package: "3.9.1rc2+local")
    row = installation._package("keras", "keras", "3.12.4")
    assert (row["ok"], row["found"]) == (False, "3.9.1rc2+local is too old")
    assert "keras>=3.12.4" in row["to_do"]
    assert installation._package("keras", "keras", "3.9")["ok"]


def test_the_backend_is_the_one_that_keras_would_take(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert installation._needed()[-1][0] == "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    assert installation._needed()[-1][0] == "torch"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert installation._needed()[-1][0] == "jax"


def test_versions_are_those_of_the_project():
    if not PROJECT.exists():
        pytest.skip("pyproject.toml is not beside the tests")
    text = PROJECT.read_text(encoding="utf-8")
    backends = installation._BACKENDS.values()
    for _, package, oldest in (*installation._NEEDED, *backends):
        assert re.search(rf'"{package}>={re.escape(oldest)}[,"]', text), package


def test_it_works_where_numpy_is_missing(run_python):
    done = run_python(without_numpy)
    assert done.returncode == 0, done.stderr
    assert "!!  numpy: missing" in done.stdout
    assert "'training': None" in done.stdout


@pytest.mark.slow
def test_it_trains():
    table = reticnn.lines_of_check()
    assert table["check"][-2:] == ["Keras", "training"]
    assert table["ok"][-2:] == [True, True]
