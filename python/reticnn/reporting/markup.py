"""Write HTML in which no text from a user can be mistaken for markup."""

from html import escape

from reticnn.coercion import printable
from reticnn.notation import visible_lines

_EMPTY = {"img", "link", "meta"}


class Html(str):
    """Text that is already HTML; any other text is escaped when it is added."""

    __slots__ = ()


def tag(name, /, *content, **attributes):
    """Return an element as HTML.

    Args:
        name: The element's name.
        *content: `Html`, text to be escaped, or None for nothing.
        **attributes: Values by name, a value of None or False leaving its attribute
            out. `class_` is `class`, and `data_row` is `data-row`.
    """
    start = name + "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _EMPTY:
        return Html(f"<{start}>")
    return Html(f"<{start}>{joined(content)}</{name}>")


def joined(parts):
    """Return parts of a page, `Html` or text to be escaped, joined in sequence."""
    return Html(
        "".join(
            part if isinstance(part, Html) else _escaped(part)
            for part in parts
            if part is not None
        )
    )


def _escaped(value):
    return escape(visible_lines(printable(str(value))))


def table(caption, columns, rows, **attributes):
    """Return a table whose first column names the rows.

    Args:
        caption: Text, what the table shows.
        columns: The columns' names.
        rows: Sequences of cells, at least one: numbers, which are right-aligned,
            `Html`, or text.
        **attributes: Attributes of the table.
    """
    kinds = ["number" if isinstance(cell, Number) else None for cell in rows[0]]
    head = tag(
        "tr",
        *(
            tag("th", name, scope="col", class_=kind)
            for name, kind in zip(columns, kinds, strict=True)
        ),
    )
    body = [
        tag("tr", tag("th", first, scope="row"), *map(_cell, others))
        for first, *others in rows
    ]
    return scrolling(
        caption,
        tag(
            "table",
            tag("caption", caption),
            tag("thead", head),
            tag("tbody", *body),
            **attributes,
        ),
    )


def scrolling(label, content):
    """Return content in a box that scrolls if the screen is too small for it."""
    return tag(
        "div", content, class_="scroll", role="region", aria_label=label, tabindex=0
    )


def pairs(rows):
    """Return a list of names with values, leaving out those that are None."""
    return tag(
        "dl",
        *(
            tag("div", tag("dt", name), tag("dd", value))
            for name, value in rows
            if value is not None
        ),
    )


def _cell(value):
    """Return a table cell; numbers keep their value for sorting."""
    if isinstance(value, Number):
        return tag("td", value.text, class_="number", data_value=repr(value.value))
    return tag("td", value)


class Number:
    """A number in a table, as text and as the value to sort by."""

    def __init__(self, value, decimals=0):
        """Take a number; NaN is shown as a dash."""
        self.value = float(value)
        self.text = number(value, decimals)


def number(value, decimals=0):
    """Return a number as text, or a dash for one that is not defined."""
    return "-" if value != value else f"{value:,.{decimals}f}"


def percent(share, decimals=1):
    """Return a proportion as text; anything short of all is never 100%."""
    if share != share:
        return "-"
    text = f"{100 * share:.{decimals}f}%"
    if share < 1 and text.startswith("100"):
        return f">{100 - 10**-decimals:.{decimals}f}%"
    return text


def counted(n, what, several=None):
    """Return a count with its noun: "1 image", "2,000 images"."""
    return f"{n:,} {what if n == 1 else several or what + 's'}"
