"""Turn the core's docstrings into what R's help pages say, in R's words.

What a function's arguments mean is written once, in its docstring. `documentation.R`
runs this when the help pages are made. The sources are read, not imported, so that
nothing starts. One record is printed for each part of each docstring: a line with a
form feed, the function, the part and the argument, then the text.
"""

import ast
import re
from pathlib import Path

CORE = Path(__file__).resolve().parents[1] / "python" / "reticnn"

SECTIONS = ("Args", "Returns", "Raises", "Warns", "Example", "Source")

# What cannot be put into R's words by a rule: in code, and then in the text around it.
CODE = {
    "keras.Model": "Keras model",
    "matplotlib.figure.Figure": "A ggplot",
    "augment": "[augment()][augment.array()]",
    "augment()": "[augment()][augment.array()]",
}
WORDS = [
    (r"Table \(dict of equal-length lists\)", "A tibble"),
    (r"table \(dict of equal-length lists\)", "tibble"),
    (r"tibble of the number of images", "[table()] of the number of images"),
    (r";\s+it\s+is\s+false\s+if\s+it\s+does\s+nothing", ""),
    (r"\bDict\b", "Named list"),
    (r"\bdict\b", "named list"),
    (r"\bdicts\b", "named lists"),
    (r"\bFloat\b", "Number"),
    (r"\bfloat\b", "number"),
    (r"\ba sequence\b", "a vector"),
    (r"\bsequences\b", "vectors"),
    (r"\bfloat32 array", "array"),
    (r",\s+uint8 or float32\b", ""),
    (r",\s+uint8\s+for\s+whole\s+numbers,\s+else\s+float32\b", ""),
    (r"\buint8\b", "bytes"),
    (r"\bmatplotlib\b", "ggplot2"),
    (r"\bNaN\b", "`NaN`"),
    (r"\barXiv:(\d{4}\.\d{4,5})", r"\\doi{10.48550/arXiv.\1}"),
    (r"\bdoi:(10\.\S+?)(?=[.,;)]?(\s|$))", r"\\doi{\1}"),
]

# One of several sizes or limits in parentheses, such as `height` or `-f`.
ITEM = r"(?:-?[\d.]+|-?f|a|b|n|n \* copies|height|width|channels|num_classes)"
TUPLE = re.compile(rf"\(({ITEM}(?:,\s+{ITEM})+)\)")
INTERVAL = re.compile(r"\[[\d.]+,\s[\d.]+[)\]]|(?<=in )\([\d.]+,\s[\d.]+\]")

# R draws a seed where none is given, and `documentation.R` says so.
WITHOUT_SEED = re.compile(r",\s+or\s+None\s+for\s+[^.]*(?=\.)|\s*Default\s+None\.")


def public_functions():
    """Yield (name, docstring, argument names) of every public function."""
    home = next(
        ast.literal_eval(node.value)
        for node in ast.parse(read(CORE / "__init__.py")).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "_HOME"
    )
    for file in sorted(CORE.rglob("*.py")):
        for node in ast.parse(read(file)).body:
            if isinstance(node, ast.FunctionDef) and node.name in home:
                every = ast.walk(node.args)
                names = {arg.arg for arg in every if isinstance(arg, ast.arg)}
                yield node.name, ast.get_docstring(node), names, set(home)


def read(file):
    """Return the text of a file."""
    return file.read_text(encoding="utf-8")


# Parts of a docstring


def parts(docstring):
    """Yield (part, argument, text) of a docstring."""
    pieces = re.split(rf"^({'|'.join(SECTIONS)}):\n", docstring, flags=re.MULTILINE)
    title, _, text = pieces[0].partition("\n\n")
    yield "title", "", title.rstrip(".")
    if text.strip():
        yield "description", "", text.strip()
    for section, text in zip(pieces[1::2], pieces[2::2], strict=True):
        text = dedented(text)
        if section in ("Args", "Raises", "Warns"):
            for name, entry in entries(text):
                yield section.lower(), name, entry
        elif section != "Example":
            yield section.lower(), "", text


def entries(text):
    """Yield (name, text) of each entry of a section such as `Args`."""
    for entry in re.split(r"\n(?=\S)", text):
        name, _, first = entry.partition(": ")
        first, _, rest = first.partition("\n")
        yield name.lstrip("*"), f"{first}\n{dedented(rest)}".strip()


def dedented(text):
    """Return a text without the blanks before all of its lines, and around it."""
    lines = text.rstrip().split("\n")
    width = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return "\n".join(line[width:] for line in lines).strip("\n")


# R's words


def in_r(text, *, names, functions, missing="NULL", links=True):
    """Return a text of a docstring as R's help says it.

    Args:
        text: The text.
        names: Set of the function's arguments, which are no functions to link to.
        functions: Set of the names of public functions.
        missing: What `None` is in R.
        links: Whether functions become links.
    """
    spans = re.split(r"(`[^`]+`)", text)
    for at, span in enumerate(spans):
        if at % 2:
            code = " ".join(span[1:-1].split())
            spans[at] = code_in_r(code, names, functions, missing, links)
        else:
            spans[at] = prose_in_r(span, missing)
    return "".join(spans)


def prose_in_r(text, missing):
    """Return prose with R's words for Python's."""
    text = INTERVAL.sub(lambda found: f"`{found[0]}`", text)
    text = re.sub(
        rf"(?<!in ){TUPLE.pattern}",
        lambda found: f"`c({' '.join(found[1].split())})`",
        text,
    )
    values = {"None": missing, "True": "TRUE", "False": "FALSE"}
    text = re.sub(r"\b(None|True|False)\b", lambda found: f"`{values[found[1]]}`", text)
    for pattern, replacement in WORDS:
        text = re.sub(pattern, replacement, text)
    return text


def code_in_r(code, names, functions, missing, links):
    """Return the code between backquotes as R has it, a function as a link."""
    name = code.removesuffix("()")
    if links and name in functions and name not in names:
        return CODE.get(code, f"[{name}()]")
    if code in CODE:
        return CODE[code]
    for wrapped in (code, f"f({code})"):
        try:
            tree = ast.parse(wrapped, mode="eval").body
        except SyntaxError:
            continue
        text = RCode(wrapped, missing).visit(tree)
        return f"`{text if wrapped == code else text[2:-1]}`"
    return f"`{code}`"


class RCode(ast.NodeVisitor):
    """Writes an expression of Python as one of R."""

    def __init__(self, code, missing):
        """Take the text of the expression, and what `None` is in R."""
        self.code = code
        self.missing = missing

    def generic_visit(self, node):
        """Return what is the same in both languages."""
        return ast.get_source_segment(self.code, node)

    def visit_Constant(self, node):
        """Return a value; strings keep their double quotes."""
        if isinstance(node.value, str):
            return f'"{node.value}"'
        names = {None: self.missing, True: "TRUE", False: "FALSE"}
        is_name = node.value is None or isinstance(node.value, bool)
        return names[node.value] if is_name else self.generic_visit(node)

    def visit_Call(self, node):
        """Return a call, with `$` for methods and blanks around `=`."""
        arguments = [self.visit(value) for value in node.args]
        arguments += [f"{one.arg} = {self.visit(one.value)}" for one in node.keywords]
        function = ast.unparse(node.func).replace(".", "$")
        return f"{function}({', '.join(arguments)})"

    def visit_Subscript(self, node):
        """Return an element of a dict by its name."""
        return f"{self.visit(node.value)}${ast.literal_eval(node.slice)}"

    def visit_Lambda(self, node):
        """Return a function."""
        return f"function({ast.unparse(node.args)}) {self.visit(node.body)}"

    def visit_Tuple(self, node):
        """Return a vector, or a list where R has no vector of such elements."""
        vector = all(
            isinstance(one, (ast.Constant, ast.UnaryOp, ast.Name))
            and getattr(one, "value", "") is not None
            for one in node.elts
        )
        inner = ", ".join(map(self.visit, node.elts))
        return f"{'c' if vector else 'list'}({inner})"

    def visit_List(self, node):
        """Return a vector, or a list where R has no vector of such elements."""
        return self.visit_Tuple(node)

    def visit_Dict(self, node):
        """Return a named list."""
        pairs = zip(node.keys, node.values, strict=True)
        inner = [f"{key.value} = {self.visit(value)}" for key, value in pairs]
        return f"list({', '.join(inner)})"


def main():
    """Print the records."""
    for name, docstring, names, functions in public_functions():
        for part, argument, text in parts(docstring):
            if argument == "seed":
                text = WITHOUT_SEED.sub("", text)
            table = text.startswith("Table (dict of equal-length lists)")
            text = in_r(
                text,
                names=names,
                functions=functions,
                missing="NA" if table else "NULL",
                links=part != "title",
            )
            print(f"\f{name}\t{part}\t{argument}\n{text}")


if __name__ == "__main__":
    main()
