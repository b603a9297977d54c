#!/usr/bin/env bash
# R CMD build and R CMD check as CRAN does it, on a machine without Python: the
# package must load, and its tests and examples must skip what needs Python.
# Nothing goes to the network. One note is fine: that the package is new.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source=$place/reticnn
commands=$place/commands
log=$place/reticnn.Rcheck/00check.log

# R CMD build copies the whole folder first: gigabytes, with the environments. And tar
# complains of folders that change meanwhile, as they do where tests run beside this.
copy_checkout() {
    mkdir "$source"
    tar -cf - --exclude=__pycache__ --exclude=./doc -- .Rbuildignore ./* |
        tar -xf - -C "$source"
}

# All commands but those that reticulate could find a Python with.
link_commands_without_python() {
    local folder name
    mkdir "$commands"
    (
        IFS=:
        for folder in $PATH; do
            # The first folder of the path that has a command wins.
            ln -s "$folder"/* "$commands" 2>/dev/null || true
        done
    )
    for name in python pypy uv conda mamba micromamba pyenv poetry pipenv; do
        rm -f "$commands/$name"*
    done
}

# without_python COMMAND...: with a home of its own too, as reticulate looks there
# for environments and for uv; the libraries that R finds now stay.
without_python() {
    local libraries
    libraries=$(from_r '.libPaths()' | paste -sd: -)
    mkdir -p "$place/home"
    env -u RETICULATE_PYTHON -u RETICULATE_PYTHON_ENV -u RETICULATE_PYTHON_FALLBACK \
        -u RETICULATE_UV -u VIRTUAL_ENV -u CONDA_PREFIX -u WORKON_HOME -u XDG_DATA_HOME \
        RETICULATE_USE_MANAGED_VENV=no RETICULATE_MINICONDA_ENABLED=no \
        PATH="$commands" HOME="$place/home" XDG_CACHE_HOME="$place/home/.cache" \
        R_USER_CACHE_DIR="$place/home/.cache" R_LIBS="$libraries" \
        "$@"
}

# pyenv's commands, where it knows no Python of that name: there, and of no use. The
# vignettes have to do without Python in this case too.
write_shims() {
    mkdir "$place/shims"
    cat >"$place/shims/python" <<'EOS'
#!/bin/sh
echo "pyenv: ${0##*/}: command not found" >&2
exit 127
EOS
    chmod +x "$place/shims/python"
    ln -s python "$place/shims/python3"
}

# R CMD check looks at CRAN in several places: not where told not to, and where it
# cannot be told, an empty folder stands for CRAN.
keep_from_network() {
    mkdir -p "$place/cran/src/contrib"
    : >"$place/cran/src/contrib/PACKAGES"
    say "options(repos = c(CRAN = 'file://$place/cran'))" >"$place/profile.R"
    export R_PROFILE=$place/profile.R
    export _R_CHECK_CRAN_INCOMING_REMOTE_=false
    export _R_CHECK_SYSTEM_CLOCK_=false
    export _R_CHECK_XREFS_USE_ALIASES_FROM_CRAN_=false
    # Other tests run beside it: what an example takes by the clock says little here.
    export _R_CHECK_EXAMPLE_TIMING_THRESHOLD_=60
    # In megabytes. The core is five hundred small files, which take whole blocks of a disk;
    # the archive, which is what CRAN has a limit for, has half as many.
    export _R_CHECK_PKG_SIZES_THRESHOLD_=7
}

# in_place COMMAND...: away from the checkout, whose .venv reticulate would find.
in_place() {
    (cd "$place" && "$@")
}

python_is_hidden() {
    in_place without_python Rscript -e \
        'quit(status = suppressWarnings(reticulate::py_available(initialize = TRUE)))'
}

# Not all of the package's own files belong into it.
strays() {
    tar -tzf "$1" | grep -E '/__pycache__/|\.pyc$|/\.|^reticnn/(python|tools|benchmarks)/' || true
}

keep_logs() {
    rm -rf .logs/check-r
    mkdir -p .logs/check-r
    find "$place/reticnn.Rcheck" -maxdepth 2 \
        \( -name '00*' -o -name '*.Rout*' -o -name '*-Ex.*' \) -type f \
        -exec cp {} .logs/check-r \;
}

keep_from_network
link_commands_without_python
if ! python_is_hidden; then
    complain "reticulate still finds a Python: nothing would be tried without it."
    exit 1
fi

say "R CMD build"
copy_checkout
write_shims
run_logged check-r-build in_place without_python env PATH="$place/shims:$commands" \
    R CMD build --no-manual reticnn
archive=$(echo "$place"/reticnn_*.tar.gz)
if [ -n "$(strays "$archive")" ]; then
    complain "These files must not be in the package; see .Rbuildignore:"
    strays "$archive" >&2
    exit 1
fi

say "R CMD check --as-cran ($(du -k "$archive" | cut -f1) kB, no Python to be found)"
in_place without_python R CMD check --as-cran --no-manual "$archive" \
    >.logs/check-r.log 2>&1 || true # check-findings.R judges
if [ ! -f "$log" ]; then
    complain "R CMD check did not start: $(cat .logs/check-r.log)"
    exit 1
fi
keep_logs
grep -h '^\[ FAIL' .logs/check-r/testthat.Rout* | tail -n 1 || true
if ! Rscript tools/check-findings.R "$log"; then
    complain "The logs are in .logs/check-r"
    exit 1
fi
say "R CMD check: $(sed -n 's/^Status: //p' "$log")"
