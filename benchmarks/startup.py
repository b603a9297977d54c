"""Time of `import reticnn`, against importing Keras, in fresh processes."""

import statistics
import subprocess
import sys

CODE = (
    "import time; t = time.perf_counter(); import {0}; print(time.perf_counter() - t)"
)


def seconds_to_import(module):
    """Return the seconds that one import takes in a fresh process."""
    command = [sys.executable, "-c", CODE.format(module)]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(output.stdout)


def main():
    """Measure and print."""
    times = {"reticnn": [], "keras": []}
    for _ in range(5):
        for module, seconds in times.items():
            seconds.append(seconds_to_import(module))
    for module, seconds in times.items():
        print(f"import {module}: {statistics.median(seconds):.4f} s")
    print("(wanted for reticnn: <= 0.1 s)")


if __name__ == "__main__":
    main()
