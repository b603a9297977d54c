"""The README's Python lines run as they stand there."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.slow
def test_readme_python_prints_what_it_shows(tmp_path, monkeypatch, capsys):
    text = README.read_text(encoding="utf-8")
    code, shown = re.search(
        r"```python\n(.*?)```\n\n```\n(.*?)```", text, re.S
    ).groups()
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(README), "exec"), {})
    printed = capsys.readouterr().out
    without_digits = re.compile(r"\d+(\.\d+)?(e-?\d+)?")
    for line in shown.splitlines():
        assert without_digits.sub("#", line) in without_digits.sub("#", printed)
    assert (tmp_path / "shapes.reticnn").exists()
