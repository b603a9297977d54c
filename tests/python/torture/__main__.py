"""`python -m torture [SECONDS] [SEED]`: the modules in turn, in equal shares."""

import importlib
import pkgutil
import sys
import time
import traceback

import torture

NAMES = sorted(
    found.name
    for found in pkgutil.iter_modules(torture.__path__)
    if not found.name.startswith("_")
)


def say(text):
    print(text, flush=True)


def fallen(name, seconds, seed):
    """Run one module; return what fell, which an error of its own is too."""
    try:
        return importlib.import_module(f"torture.{name}").run(say, seconds, seed)
    except Exception:
        return [traceback.format_exc()]


def torment(seconds=600, seed=1):
    """Run all modules; return whether everything held."""
    held = True
    for name in NAMES:
        say(f"== {name}")
        start = time.monotonic()
        fell = fallen(name, seconds / len(NAMES), seed)
        for what in fell:
            say(f"FELL: {what}")
        outcome = f"{len(fell)} fell" if fell else "all held"
        say(f"{name}: {outcome}, {time.monotonic() - start:.0f} s")
        held = held and not fell
    return held


if __name__ == "__main__":
    sys.exit(not torment(*map(int, sys.argv[1:])))
