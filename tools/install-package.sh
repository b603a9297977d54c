#!/usr/bin/env bash
# Installs the R package into .Rlib when a file of it has changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

record=.Rlib/reticnn/made-from.txt

# Contents, not times: a checkout of another branch or a deleted file counts too.
state_of_sources() {
    local part
    for part in DESCRIPTION NAMESPACE LICENSE R man inst python/reticnn; do
        [ ! -e "$part" ] || find "$part" -type f ! -path '*/__pycache__/*' -print0
    done | LC_ALL=C sort -z | xargs -0 cksum | cksum
}

wanted=$(state_of_sources)
[ "$(cat "$record" 2>/dev/null)" != "$wanted" ] || exit 0
say "R: installing reticnn into .Rlib"
mkdir -p .Rlib
# No lock: one left by an interrupted run would stop every later one.
run_logged install-package R CMD INSTALL --library=.Rlib --no-lock .
say "$wanted" >"$record"
