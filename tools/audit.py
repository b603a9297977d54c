"""Ask for published advisories on the packages of an environment, and on the oldest.

    python tools/audit.py PYTHON

It runs with pip-audit beside it. What is installed for PYTHON decides: status 1 where an
advisory is open. What the lowest versions in pyproject.toml have is printed: the reason
why a bound stays stands beside it there. Where the service cannot be reached, that is
said, and the status is 0: it says nothing of the packages.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def installed(python):
    """Return the packages of an environment, one line for each, as pip freezes them."""
    frozen = subprocess.check_output([python, "-m", "pip", "freeze"], text=True)
    lines = re.findall(r"^([\w.-]+==[\w.]+)", frozen, re.M)
    return [line for line in lines if not line.startswith("reticnn==")]


def lowest():
    """Return the lowest versions that pyproject.toml allows of what everyone needs."""
    project = Path("pyproject.toml").read_text(encoding="utf-8")
    needed = re.search(r"^dependencies = \[\n(.*?)^\]", project, re.M | re.S)[1]
    return [f"{n}=={v}" for n, v in re.findall(r'^ *"([\w-]+)>=([\w.]+)', needed, re.M)]


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
        print(done.stderr.strip().rpartition("\n")[2])
        return []
    found = json.loads(done.stdout)["dependencies"]
    return [package for package in found if "skip_reason" not in package]


def report(title, packages):
    """Print the open advisories on packages; return how many, None if none was asked."""
    asked = answers(packages)
    if not asked:
        print(f"{title}: the advisory service cannot be reached, nothing was checked")
        return None
    count = 0
    for package in asked:
        for fault in package["vulns"]:
            count += 1
            fixed = ", ".join(fault["fix_versions"]) or "no release yet"
            names = ", ".join([fault["id"], *fault["aliases"]])
            print(f"  {package['name']} {package['version']}: {names}; fixed in {fixed}")
    print(f"{title}: {count} open, {len(asked)} of {len(packages)} packages checked")
    return count


if __name__ == "__main__":
    count = report("What is installed", installed(sys.argv[1]))
    if count is not None:
        report("The lowest versions", lowest())
    sys.exit(bool(count))
