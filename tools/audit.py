"""Ask for published advisories on the packages of environments.

    python tools/audit.py FOLDER [FOLDER...]

It runs with pip-audit beside it. What the first environment has decides: status 1 where
an advisory is open. Of others it is only printed, as of the lowest versions supported:
why a bound stays stands beside it in pyproject.toml. Where the service cannot be
reached, that is said, and the status is 0: it says nothing of the packages. It is 1
where pip-audit fails for any other reason.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def installed(folder):
    """Return the packages of an environment, one line for each, as pip freezes them."""
    freeze = [f"{folder}/bin/python", "-m", "pip", "freeze"]
    frozen = subprocess.check_output(freeze, text=True)
    lines = re.findall(r"^([\w.-]+==[\w.]+)", frozen, re.M)
    return [line for line in lines if not line.startswith("reticnn==")]


def answers(packages):
    """Return what pip-audit says of each package; nothing without the service."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "packages.txt")
        file.write_text("\n".join(packages), encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "--format", "json", "--no-deps"]
        command += ["--disable-pip", "--progress-spinner", "off", "-r", str(file)]
        done = subprocess.run(command, capture_output=True, text=True)
    # Without the service there is no JSON, or every package in it was skipped.
    if not done.stdout.strip():
        reason = done.stderr.strip().rpartition("\n")[2]
        if not re.match(r"(requests|urllib3)\.|\S*(Service|Connection)Error", reason):
            sys.exit(f"pip-audit failed:\n{done.stderr.strip()}")
        print(reason)
        return []
    found = json.loads(done.stdout)["dependencies"]
    return [package for package in found if "skip_reason" not in package]


def open_advisories(folder):
    """Print the open advisories on an environment; return how many there are."""
    packages = installed(folder)
    asked = answers(packages)
    if not asked:
        print(f"{folder}: the advisory service cannot be reached, nothing was checked")
        return 0
    count = 0
    for package in asked:
        for fault in package["vulns"]:
            count += 1
            fixed = ", ".join(fault["fix_versions"]) or "no release yet"
            names = ", ".join([fault["id"], *fault["aliases"]])
            print(
                f"  {package['name']} {package['version']}: {names}; fixed in {fixed}"
            )
    print(f"{folder}: {count} open, {len(asked)} of {len(packages)} packages checked")
    return count


if __name__ == "__main__":
    counts = [open_advisories(folder) for folder in sys.argv[1:]]
    sys.exit(counts[0] > 0)
