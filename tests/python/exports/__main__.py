"""`python -m exports [NAME ...]`: compare all networks, or those whose names have one.

Prints the largest difference of a probability, or the layer in the way.
"""

import sys
import tempfile
from pathlib import Path

from . import names, told

if __name__ == "__main__":
    wanted = sys.argv[1:] or [""]
    chosen = [name for name in names() if any(part in name for part in wanted)]
    disagree = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            line, agrees = told(name, Path(folder))
            print(line, flush=True)
            disagree += not agrees
    print(f"{len(chosen)} networks, {disagree} of which disagree")
    sys.exit(disagree > 0)
