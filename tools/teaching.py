"""Make the exercises and solutions, for R and as notebooks, from one source.

`tools/teaching/exercises.md` has each exercise once: the task, what to start from, a
hint, the solution and the answer, with code in both languages. A notebook's code is
Python's, which every Jupyter can run without a further kernel; it shows R's beside it.
"""

import json
import re
from pathlib import Path

SOURCE = Path(__file__).parent / "teaching" / "exercises.md"
KIT = Path(__file__).parents[1] / "python" / "reticnn" / "teaching" / "kit"

_HEAD = """---
title: "{title}"
output:
  html_document:
    toc: true
    toc_float: true
    df_print: paged
---

```{{r setup, include = FALSE}}
knitr::opts_chunk$set(comment = "#>", fig.width = 7, fig.height = 4, dpi = 96)
```
"""

_NOTE = (
    "The code of this notebook is Python's, which every Jupyter can run. The functions "
    "have the same names and arguments in R: where you see *In R*, the same step is "
    "folded away in that language."
)


def exercises(source=SOURCE):
    """Return the title, the set-up and the exercises of a source.

    An exercise is a dict of its `name` and of its parts, `task`, `start`, `hint`,
    `solution` and `answer`, each a list of pieces: pairs of a language, "" for text,
    and its lines.
    """
    text = source.read_text(encoding="utf-8")
    head, *rest = re.split(r"^## ", text, flags=re.M)
    title, _, setup = head.removeprefix("# ").partition("\n")
    made = []
    for section in rest:
        task, *parts = re.split(r"^### ", section, flags=re.M)
        name, _, task = task.partition("\n")
        exercise = {"name": name, "task": pieces(task)}
        for part in parts:
            heading, _, body = part.partition("\n")
            exercise[heading.lower()] = pieces(body)
        made.append(exercise)
    return title, pieces(setup), made


def pieces(lines):
    """Return text and code in their order, as pairs of a language and the text."""
    found = re.split(r"^```(r|python)\n(.*?)^```\n", lines, flags=re.M | re.S)
    pairs = [("", found[0])]
    for language, code, after in zip(
        found[1::3], found[2::3], found[3::3], strict=True
    ):
        pairs += [(language, code), ("", after)]
    return [(language, body.strip("\n")) for language, body in pairs if body.strip()]


def folded(summary, text):
    """Return text that opens on a click, in HTML and in a notebook."""
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def code_of(part, language):
    """Return the code that a part has in a language."""
    return "\n".join(body for kind, body in part if kind == language)


def text_of(part):
    """Return what a part says without its code."""
    return "\n\n".join(body for kind, body in part if not kind)


def chunk(name, code, options=""):
    """Return code as a chunk of R Markdown; what may draw has a text for it."""
    if "plot" in code:
        options += ', fig.alt = "What the code of this exercise draws"'
    return f"```{{r {name}{options}}}\n{code}\n```"


def document(with_solutions):
    """Return the text of the R Markdown file."""
    title, setup, tasks = exercises()
    title += ", solved" if with_solutions else ""
    parts = [_HEAD.format(title=title).strip()]
    for language, body in setup:
        if language == "r":
            parts.append(chunk("data", body, ", message = FALSE"))
        elif not language:
            parts.append(body)
    for number, task in enumerate(tasks, 1):
        parts += [f"## {task['name']}", text_of(task["task"])]
        if with_solutions:
            parts += _solved(number, task)
        else:
            parts.append(chunk(f"start-{number}", code_of(task["start"], "r")))
            parts.append(folded("Hint", text_of(task["hint"])))
    return "\n\n".join(parts) + "\n"


def _solved(number, task):
    code = chunk(f"solution-{number}", code_of(task["solution"], "r"))
    python = f"```python\n{code_of(task['solution'], 'python')}\n```"
    return [
        folded("Hint", text_of(task["hint"])),
        folded("Solution", f"{code}\n\n{text_of(task['answer'])}"),
        folded("In Python", python),
    ]


def notebook(with_solutions):
    """Return the notebook, as what is written as JSON."""
    title, setup, tasks = exercises()
    title += ", solved" if with_solutions else ""
    texts = [body for language, body in setup if not language]
    part = "solution" if with_solutions else "start"
    cells = [
        _text(f"# {title}\n\n{texts[0]}\n\n{_NOTE}"),
        _text(_in_r(code_of(setup, "r"))),
        _code(code_of(setup, "python")),
        _text("\n\n".join(texts[1:])),
    ]
    for task in tasks:
        cells += [
            _text(f"## {task['name']}\n\n{text_of(task['task'])}"),
            _text(folded("Hint", text_of(task["hint"]))),
            _text(_in_r(code_of(task[part], "r"))),
            _code(code_of(task[part], "python")),
        ]
        if with_solutions:
            cells.append(_text(text_of(task["answer"])))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _in_r(code):
    return folded("In R", f"```r\n{code}\n```")


def _text(text):
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(text)}


def _code(code):
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": _lines(code),
    }


def _lines(text):
    return text.splitlines(keepends=True)


def files():
    """Return the text of each file that is made, by its name."""
    made = {}
    for name, with_solutions in (("exercises", False), ("solutions", True)):
        made[f"{name}.Rmd"] = document(with_solutions)
        as_json = json.dumps(notebook(with_solutions), indent=1, ensure_ascii=False)
        made[f"{name}.ipynb"] = as_json + "\n"
    return made


if __name__ == "__main__":
    for name, text in files().items():
        (KIT / name).write_text(text, encoding="utf-8", newline="\n")
