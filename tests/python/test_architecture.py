"""The house: rooms stand on floors, and import only from rooms below them."""

import ast
import re
from pathlib import Path

import pytest

import reticnn

CORE = Path(reticnn.__file__).parent

# From the ground up. A room imports from rooms of lower floors, and from its own floor
# as long as nothing goes in a circle.
FLOORS = [
    {"coercion", "notation", "installation"},
    {"runtime"},
    {"layers", "optimizers", "data"},
    {"blocks", "augmenting"},
    {"landmarks", "outputs", "classifier", "memory", "graph"},
    {"saving", "pretrained"},
    {"models", "prediction", "inspection"},
    {"training", "evaluation", "explanation", "review"},
    {"tuning", "export", "serving"},
    {"plots", "reporting", "teaching"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# Both are the house itself, not rooms: the way in, which knows every room by name, and
# the registration of classes, which finds modules by their text and names none.
# And one that looks for what may be missing, and imports nothing; and one that imports
# packages of others that may be missing.
IMPORTLIB_ALLOWED = {
    "__init__.py",
    "installation.py",
    "runtime/registration.py",
    "runtime/backend.py",
    "runtime/onnx_runtime.py",
}

FILES = sorted(CORE.rglob("*.py"))


def name_of(file):
    """Return the dotted name of a module of the core."""
    parts = file.relative_to(CORE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(file): file for file in FILES}


def room_of(module):
    """Return the room of a module, "" for the house itself."""
    room = [*module.split("."), ""][1]
    return "" if room == "__main__" else room


def imports_of(file):
    """Yield the modules of the core that a file imports, with the import's node."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "reticnn":
                    yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}, line {node.lineno}: imports are absolute"
            if node.module.split(".")[0] == "reticnn":
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield (inner if inner in MODULES else node.module), node
        elif is_later_import(node):
            yield node.args[0].value, node


def is_later_import(node):
    """Return whether a node is a function that is imported once Keras is started."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "NeedingKeras"
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value in MODULES
    )


def circle_in(arrows):
    """Return a circle in a dict of sets, as a list, or None."""
    done, way = set(), []

    def visit(node):
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return None
        way.append(node)
        for other in sorted(arrows.get(node, ())):
            found = visit(other)
            if found:
                return found
        done.add(way.pop())
        return None

    return next(filter(None, map(visit, sorted(arrows))), None)


def test_every_room_has_a_floor():
    assert {room_of(module) for module in MODULES} - {""} <= set(FLOOR_OF)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    own = room_of(module)
    if not own:
        return  # The way in.
    for imported, node in imports_of(MODULES[module]):
        room = room_of(imported)
        if room:
            assert FLOOR_OF[room] <= FLOOR_OF[own], (
                f"{module}, line {node.lineno}: {own!r} imports from {room!r}, "
                "which stands on a higher floor"
            )


def test_no_room_imports_itself_by_way_of_another():
    arrows = {}
    for module, file in MODULES.items():
        for imported, _ in imports_of(file):
            if room_of(module) and room_of(imported) not in ("", room_of(module)):
                arrows.setdefault(room_of(module), set()).add(room_of(imported))
    assert circle_in(arrows) is None


def test_no_module_imports_itself_by_way_of_another():
    arrows = {
        module: {imported for imported, _ in imports_of(file)} - {"reticnn", module}
        for module, file in MODULES.items()
        if file.name != "__init__.py"
    }
    assert circle_in(arrows) is None


@pytest.mark.parametrize("module", MODULES)
def test_no_import_of_the_core_hides_in_a_function(module):
    for imported, node in imports_of(MODULES[module]):
        later = imported == "reticnn.runtime.backend" or isinstance(node, ast.Call)
        assert node.col_offset == 0 or later, f"line {node.lineno}: {imported}"


@pytest.mark.parametrize("module", MODULES)
def test_importlib_is_used_by_the_house_alone(module):
    file = MODULES[module]
    used = "importlib" in file.read_text(encoding="utf-8")
    assert not used or file.relative_to(CORE).as_posix() in IMPORTLIB_ALLOWED


def test_no_two_files_have_one_name_but_for_one_job():
    # The face of a room, and what a room has of an architecture.
    same_job = {"__init__", "convnext", "lenet"}
    names = [file.stem for file in FILES]
    assert {name for name in names if names.count(name) > 1} <= same_job


def test_the_guide_for_contributors_shows_these_floors():
    guide = Path(__file__).parents[2] / "CONTRIBUTING.md"
    rows = re.findall(r"^\| (\d+) \| (`.*?`) \|", guide.read_text("utf-8"), re.M)
    shown = [set() for _ in FLOORS]
    for floor, rooms in rows:
        shown[int(floor) - 1].update(re.findall(r"`(\w+)`", rooms))
    assert shown == FLOORS
