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
is_ready() { [ "$(cat "$record" 2>/dev/null)" = "$wanted" ]; }

! is_ready || exit 0
one_at_a_time
! is_ready || exit 0
say "R: installing reticnn into .Rlib"
mkdir -p .Rlib
# R leaves it where an installation is cut off, and then refuses every later one.
rm -rf .Rlib/00LOCK-*
run_logged install-package R CMD INSTALL --library=.Rlib .
say "$wanted" >"$record"
