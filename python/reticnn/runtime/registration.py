"""Make the package's classes known to Keras, whichever of the two is imported first.

A model saved with one of our layers names it, and Keras looks for the name among the
classes registered. To import them with the package would start Keras, which takes
seconds and settles the backend; so that waits until somebody imports Keras.
"""

import contextlib
import importlib
import importlib.util
import os
import pkgutil
import sys
from functools import cache

_CORE = os.path.dirname(os.path.dirname(__file__))
_DECORATOR = "register_keras_serializable"


def register_with_keras():
    """Register now if Keras is there, else when it has been imported."""
    if "keras" in sys.modules:
        register_classes()
    else:
        sys.meta_path.insert(0, _KerasFinder())


def wait_for_keras_no_more():
    """Register nothing when Keras has been imported: who imports it sees to that."""
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not isinstance(finder, _KerasFinder)
    ]


_all_are_known = False


def register_classes():
    """Import the modules with classes, unless Keras or one of them is being imported.

    Then whoever imports it calls this later.
    """
    global _all_are_known
    if _all_are_known or "keras" not in sys.modules:
        return
    if not (_is_starting() or _is_being_imported()):
        for module in modules_with_classes():
            importlib.import_module(module)
        _name_after_the_package()
        _all_are_known = True


@cache
def modules_with_classes():
    """Return the names of all modules of the package that register something.

    They are found by the names in their code, so that nobody has to keep a list of
    them, and without importing the others. Python's importers give the code wherever it
    is: also in a zip archive, and where sources have been left out.
    """
    return sorted(name for name, code in _codes(_CORE) if _DECORATOR in code.co_names)


def _codes(folder, package="reticnn"):
    """Yield the name and the code of each module of a package that is no package."""
    for finder, name, is_package in pkgutil.iter_modules([folder]):
        full = f"{package}.{name}"
        if is_package:
            yield from _codes(os.path.join(folder, name), full)
        else:
            yield full, finder.find_spec(full).loader.get_code(full)


def _name_after_the_package():
    """Let the classes say `reticnn` as their module, and be found there.

    Keras writes a class's module into files, and R has methods by it; neither is to
    depend on where a class lives.
    """
    package = sys.modules["reticnn"]
    registered = sys.modules["keras"].saving.get_custom_objects()
    # Another thread may be registering, too.
    for name, value in list(registered.items()):
        if name.startswith("reticnn>") and isinstance(value, type):
            value.__module__ = package.__name__
            setattr(package, value.__name__, value)


def _is_starting():
    """Return whether Keras is being started by us."""
    stopping = sys.modules.get("reticnn.runtime.stopping")
    return stopping is not None and stopping.is_under_way("keras")


def _is_being_imported():
    """Return whether this thread is importing a module of the package.

    It cannot have the others then. What other threads are importing, it waits for.
    """
    frame = sys._getframe(1)
    while frame is not None:
        is_module = frame.f_code.co_name == "<module>"
        if is_module and frame.f_globals.get("__name__", "").startswith("reticnn."):
            return True
        frame = frame.f_back
    return False


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


def is_by_keras(kind):
    """Return whether a class is Keras's own."""
    return _home_of(kind) == "keras"


def is_ours(kind):
    """Return whether a class is one of this package."""
    return _home_of(kind) == "reticnn"


def _home_of(kind):
    """Return the package that a class is from. One written in R may have none."""
    return str(getattr(kind, "__module__", "")).partition(".")[0]
