#!/usr/bin/env bash
# Makes a virtual environment with the project and its test tools in it.
#
#   tools/setup-python.sh [--lowest | --latest] FOLDER [REQUIREMENT...]
#
# --lowest takes the lowest versions that pyproject.toml allows, Python's too where
# it is found. --latest takes the newest Keras and TensorFlow that it allows, also
# where they are pre-releases. PYTHON in the environment names the interpreter. What is
# there already is left alone, but with --latest, which always looks for a newer one.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

lowest=
latest=
case $1 in
--lowest) lowest=yes && shift ;;
--latest) latest=yes && shift ;;
esac
folder=$1
shift
requirements=(-e ".[tensorflow,plot,science,tune,test]" "$@")
# pip's `--pre` would be for all packages. A bound that is a pre-release is for one.
[ -z "$latest" ] || requirements+=(--upgrade "keras>=3.dev0" "tensorflow>=2.dev0")

oldest_python=$(sed -n 's/^requires-python = ">=\([0-9.]*\).*/\1/p' pyproject.toml)
newest_python=3.13 # TensorFlow has no stable release for a newer one

# fault_of PYTHON NEWEST: why it cannot be used, or nothing where it can. R loads
# Python as a shared library, which not every build of Python has.
fault_of() {
    if ! "$1" -c '' 2>/dev/null; then
        say "it does not run"
        return
    fi
    "$1" - "$oldest_python" "$2" <<'EOP'
import importlib.util, os, sys
from sysconfig import get_config_var

def numbers(version):
    return tuple(int(part) for part in version.split("."))

def has_shared_library():
    if get_config_var("PYTHONFRAMEWORK"):
        return True
    if not get_config_var("Py_ENABLE_SHARED"):
        return False
    name = get_config_var("INSTSONAME") or ""
    folder = get_config_var("LIBDIR") or ""
    folders = (folder, os.path.join(folder, get_config_var("MULTIARCH") or ""))
    return any(os.path.isfile(os.path.join(place, name)) for place in folders)

if not numbers(sys.argv[1]) <= sys.version_info[:2] <= numbers(sys.argv[2]):
    print("it is Python %d.%d" % sys.version_info[:2])
elif not has_shared_library():
    print("it has no shared libpython, so R cannot load it")
elif importlib.util.find_spec("ensurepip") is None:
    print("it has no ensurepip, so it cannot make environments")
EOP
}

first_usable_python() {
    local python
    local -a names=(python3 python3.13 python3.12 python3.11 python3.10 /usr/bin/python3)
    [ -z "$lowest" ] || names=("python$oldest_python" "${names[@]}")
    for python in "${names[@]}"; do
        if [ -z "$(fault_of "$python" "$newest_python")" ]; then
            say "$python"
            return
        fi
    done
    return 1
}

# Debian keeps the shared library, and what makes environments, apart.
complete_debians_python() {
    local packages
    apt_install python3 python3-venv
    packages=$(/usr/bin/python3 -c 'import sys; print("libpython%d.%d" % sys.version_info[:2])')
    apt_install "$packages"
}

explain_which_python() {
    complain "No Python from $oldest_python to $newest_python with a shared libpython and venv was found.
  Debian and Ubuntu, as root:  apt-get install python3 python3-venv libpython3-dev
  pyenv:                       PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3.12
Or name one:                   make setup PYTHON=/where/it/is/python3"
    return 1
}

# The interpreter to build on: the one asked for, or the first that will do.
chosen_python() {
    local fault
    if [ -n "${PYTHON-}" ]; then
        fault=$(fault_of "$PYTHON" 99)
        [ -z "$fault" ] && say "$PYTHON" && return
        complain "PYTHON=$PYTHON is of no use: $fault."
        return 1
    fi
    first_usable_python && return
    can_use_apt && complete_debians_python >&2 && first_usable_python && return
    explain_which_python
}

# What the folder was made from; if this has changed, the folder is updated.
wanted_record() {
    say "${lowest:+lowest }${requirements[*]}" "$(cksum <pyproject.toml)"
}

origin_of() {
    "$1" -c 'import sys; print(sys.base_prefix, sys.version)' 2>/dev/null
}

# Stands in the folder while work on it is unfinished. Of a package that was cut off
# while it was unpacked, pip says that it is there.
unfinished=$folder/unfinished.txt

# A venv breaks when its interpreter goes or when the checkout is moved.
is_sound() {
    [ ! -e "$unfinished" ] || return
    [ -n "$(origin_of "$folder/bin/python")" ] || return
    [ -z "${PYTHON-}" ] ||
        [ "$(origin_of "$folder/bin/python")" = "$(origin_of "$PYTHON")" ]
}

holds_this_checkout() {
    "$folder/bin/python" - <<'EOP'
import importlib.util, os, sys
spec = importlib.util.find_spec("reticnn")
here = os.path.join(os.getcwd(), "python", "reticnn", "__init__.py")
sys.exit(spec is None or not os.path.samefile(spec.origin, here))
EOP
}

is_ready() {
    [ -z "$latest" ] && is_sound && holds_this_checkout &&
        [ "$(cat "$folder/made-from.txt" 2>/dev/null)" = "$(wanted_record)" ]
}

make_environment() {
    local python
    python=$(chosen_python)
    say "Python: installing reticnn's core and its tools into $folder (TensorFlow is large: some minutes)"
    [ ! -f "$folder/pyvenv.cfg" ] && [ ! -e "$unfinished" ] || rm -rf "$folder"
    mkdir -p "$folder"
    touch "$unfinished"
    run_logged "venv" "$python" -m venv "$folder"
}

install_requirements() {
    local python=$folder/bin/python
    if [ -n "$lowest" ]; then
        run_logged "pip-uv" "$python" -m pip install uv &&
            run_logged "pip-${folder#.}" "$python" -m uv pip install --python "$python" \
                --resolution lowest-direct "${requirements[@]}"
    else
        run_logged "pip-${folder#.}" "$python" -m pip install "${requirements[@]}"
    fi
}

# pip says so before it begins: what failed before, as for want of a network, has left
# the environment as it was.
nothing_was_changed() {
    [ -z "$lowest" ] &&
        ! grep -q '^Installing collected packages' ".logs/pip-${folder#.}.log"
}

installed_versions() {
    "$folder/bin/python" - <<'EOP'
import platform
from importlib.metadata import version
print("Python", platform.python_version(), end="")
for name in ("keras", "tensorflow", "numpy"):
    print(f", {name} {version(name)}", end="")
EOP
}

! is_ready || exit 0
one_at_a_time
! is_ready || exit 0
if is_sound; then
    say "Python: bringing $folder up to date"
else
    make_environment
fi
rm -f "$folder/made-from.txt"
touch "$unfinished"
if ! install_requirements; then
    ! nothing_was_changed || rm "$unfinished"
    exit 1
fi
wanted_record >"$folder/made-from.txt"
rm "$unfinished"
say "Python: $folder has $(installed_versions)"
