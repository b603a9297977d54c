"""Add up the counts in JUnit files and print them as one line.

A file that is not there counts as nothing: its tests did not get that far.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def counts(path):
    """Return how many tests of a JUnit file passed, failed and were skipped."""
    passed = failed = skipped = 0
    for suite in ElementTree.parse(path).iter("testsuite"):
        bad = int(suite.get("failures")) + int(suite.get("errors"))
        out = int(suite.get("skipped"))
        passed += int(suite.get("tests")) - bad - out
        failed += bad
        skipped += out
    return passed, failed, skipped


def main(paths):
    """Print the sum over the files that are there."""
    found = [counts(path) for path in paths if Path(path).is_file()]
    passed, failed, skipped = map(sum, zip((0, 0, 0), *found, strict=True))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")


if __name__ == "__main__":
    main(sys.argv[1:])
