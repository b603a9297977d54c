#!/usr/bin/env bash
# Runs two rows of make's targets side by side: most targets keep one core busy for most
# of the time. The first row is shown as it runs, the second when the first is done. All
# of them are run, and what has failed is named at the end.
#
#   tools/side-by-side.sh "TARGET..." "TARGET..."
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

place=$(mktemp -d)
failures=$place/failures
beside=$place/beside
touch "$failures"

run_row() {
    local target
    for target in "$@"; do
        say "== $target"
        "${MAKE:-make}" "$target" || say "$target" >>"$failures"
    done
}

start_row() {
    local -a targets
    read -ra targets <<<"$1"
    run_row "${targets[@]}" </dev/null &
}

# Each row in a process group of its own, so that all of it can be stopped.
set -m
start_row "$1"
first=$!
start_row "$2" >"$beside" 2>&1
second=$!
set +m
stop_rows() {
    kill -- "-$first" "-$second" 2>/dev/null || true
    rm -rf "$place"
}
trap stop_rows EXIT
trap 'exit 130' INT TERM

wait "$first"
wait "$second"
cat "$beside"
if [ -s "$failures" ]; then
    say "Failed: $(paste -sd' ' "$failures")"
    exit 1
fi
