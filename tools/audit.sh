#!/usr/bin/env bash
# Checks what is installed in .venv, and in .venv-lowest where `make test-lowest` has made
# it, against published advisories, with pip-audit in an environment of its own. Without
# a network it says so, and is no failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

folder=.venv-audit
if ! "$folder/bin/python" -m pip_audit --version >/dev/null 2>&1; then
    say "Audit: installing pip-audit into $folder"
    rm -rf "$folder"
    run_logged audit-venv .venv/bin/python -m venv "$folder"
    if ! run_logged audit-pip "$folder/bin/python" -m pip install pip-audit; then
        speaks_of_network .logs/audit-pip.log || exit 1
        say "Audit: skipped"
        exit 0
    fi
fi
folders=(.venv)
[ ! -d .venv-lowest ] || folders+=(.venv-lowest)
"$folder/bin/python" tools/audit.py "${folders[@]}"
