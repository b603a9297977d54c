"""The pages that a server shows, each of them one file that fetches nothing."""

import base64
import hashlib
import html
import json
import re
from functools import cache
from pathlib import Path


@cache
def main_page():
    """Return the page that images are dropped on."""
    return _text("page.html")


def docs_page(said):
    """Return the page that describes the API.

    Args:
        said: Dict, as `openapi` returns it.
    """
    parts = []
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            parts.append(_section(method.upper(), path, operation))
    page = _text("docs.html")
    return page.replace("<!-- operations -->", "\n".join(parts))


@cache
def policy_of(page):
    """Return what a page may do, for the header Content-Security-Policy.

    Its own script and style alone are run, and it reaches this server alone.
    """
    return (
        f"default-src 'none'; script-src {_hashes('script', page)}; "
        f"style-src {_hashes('style', page)}; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"
    )


def _hashes(tag, page):
    texts = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    digests = [hashlib.sha256(text.encode()).digest() for text in texts]
    sources = [f"'sha256-{base64.b64encode(one).decode()}'" for one in digests]
    return " ".join(sources) or "'none'"


def _text(name):
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _section(method, path, operation):
    """Return what a page says of one address, as HTML."""
    rows = [
        f"<dt>{_code(parameter['name'])} in the {parameter['in']}</dt>"
        f"<dd>{_text_as_html(parameter['description'])}</dd>"
        for parameter in operation.get("parameters", ())
    ]
    rows += [
        f"<dt>{status}</dt><dd>{_text_as_html(response['description'])}</dd>"
        for status, response in operation["responses"].items()
    ]
    examples = [
        f"<pre><code>{html.escape(example)}</code></pre>"
        for example in operation.get("x-examples", ())
    ]
    content = operation["responses"]["200"].get("content", {})
    answer = content.get("application/json", {}).get("example")
    if answer:
        text = html.escape(json.dumps(answer, indent=2, ensure_ascii=False))
        examples.append(f"<p>answers</p><pre><code>{text}</code></pre>")
    return (
        f"<section><h2><span class='method'>{method}</span> {_code(path)}</h2>"
        f"<p>{_text_as_html(operation['description'])}</p><dl>{''.join(rows)}</dl>"
        f"{''.join(examples)}</section>"
    )


def _text_as_html(text):
    """Return a text as HTML, with code where it stands between backticks."""
    return re.sub("`(.*?)`", r"<code>\1</code>", html.escape(text))


def _code(text):
    return f"<code>{html.escape(text)}</code>"
