"""Make the package's classes known to Keras, whichever of the two is imported first.

A model saved with one of our layers names it, and Keras looks for the name among the
classes registered. To import them with the package would start Keras, which takes
seconds and settles the backend; so that waits until somebody imports Keras.
"""

import contextlib
import importlib
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path

_CORE = Path(__file__).parents[1]
_DECORATOR = re.compile(r"^@keras\.saving\.register_keras_serializable\b", re.MULTILINE)


def register_with_keras():
    """Register now if Keras is there, else when it has been imported."""
    if "keras" in sys.modules:
        register_classes()
    else:
        sys.meta_path.insert(0, _KerasFinder())


def register_classes():
    """Import the modules with classes, unless Keras itself is still being imported."""
    if "keras" in sys.modules and not _backend_is_starting():
        for module in modules_with_classes():
            importlib.import_module(module)
        _name_after_the_package()


@cache
def modules_with_classes():
    """Return the names of all modules of the package that register something.

    They are found by their text, so that nobody has to keep a list of them, and without
    importing the others.
    """
    files = sorted(_CORE.rglob("*.py"))
    return [
        ".".join(("reticnn", *file.relative_to(_CORE).with_suffix("").parts))
        for file in files
        if _DECORATOR.search(file.read_text(encoding="utf-8"))
    ]


def _name_after_the_package():
    """Let the classes say `reticnn` as their module, and be found there.

    Keras writes a class's module into files, and R has methods by it; neither is to
    depend on where a class lives.
    """
    package = sys.modules["reticnn"]
    registered = sys.modules["keras"].saving.get_custom_objects()
    for name, value in registered.items():
        if name.startswith("reticnn>") and isinstance(value, type):
            value.__module__ = package.__name__
            setattr(package, value.__name__, value)


def _backend_is_starting():
    backend = sys.modules.get("reticnn.runtime.backend")
    return backend is not None and not hasattr(backend, "keras")


class _KerasFinder:
    """Finds Keras as all others would, and has the classes registered after it."""

    def find_spec(self, name, path=None, target=None):
        """Return what Python wants to know of a module, None for all but Keras."""
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module):
                execute(module)
                # What is missing is named when the package is used, not Keras.
                with contextlib.suppress(ImportError):
                    register_classes()

            spec.loader.exec_module = execute_and_register
        return spec
