# shellcheck shell=bash
# What the scripts in this folder share. Source it from the top of the checkout.

# R packages of the project's own come first.
export R_LIBS=$PWD/.Rlib${R_LIBS:+:$R_LIBS}

# What the user has set for other projects would send ours elsewhere.
unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV

# Enough where a network is slow; without one, the five of pip are a minute.
export PIP_RETRIES=${PIP_RETRIES-2}

# Python reads the path of this checkout in the encoding of the locale, so it must not
# be that of a locale that knows ASCII alone.
[ "$(locale charmap 2>/dev/null)" = UTF-8 ] || export LC_ALL=C.UTF-8

say() { printf '%s\n' "$*"; }

complain() { printf '%s\n' "$*" >&2; }

# run_logged NAME COMMAND...: no one wants to read pages of apt, pip and compiler
# output from a set-up that goes well, so only a failure shows it.
run_logged() {
    local log=$PWD/.logs/$1.log # the command may go elsewhere
    shift
    mkdir -p .logs
    "$@" >"$log" 2>&1 && return
    tail -n 20 "$log" >&2
    complain "The step above failed. All it said is in ${log#"$PWD/"}"
    ! speaks_of_network "$log" ||
        complain "The network cannot be reached from here, or not without a proxy."
    return 1
}

speaks_of_network() {
    grep -qiE 'name resolution|failure resolving|could not (resolve|connect)|network is unreachable|proxyerror|connect(ion)? (to|timed|refused|broken)|newconnectionerror|read timed out' "$1"
}

# limited SECONDS COMMAND...: where a firewall drops packets a download never ends.
limited() {
    local seconds=$1
    shift
    if command -v timeout >/dev/null; then
        timeout --kill-after=5 "$seconds" "$@"
    else
        "$@"
    fi
}

# Those of the folders of this checkout that whoever runs this may not write to, as where
# root has made them.
closed_folders() {
    local folder
    for folder in . .logs .Rlib .venv*; do
        [ ! -d "$folder" ] || [ -w "$folder" ] || say "$folder"
    done
}

# one_at_a_time: two set-ups of one checkout would write into the same folders.
one_at_a_time() {
    local closed
    closed=$(closed_folders | paste -sd' ' -)
    if [ -n "$closed" ]; then
        complain "User $(id -un 2>/dev/null || id -u) may not write to these folders of $PWD:
  $closed
Clone the repository as this user, or make them this user's, as root:
  chown -R $(id -u) $(printf %q "$PWD")"
        exit 1
    fi
    mkdir -p .logs
    command -v flock >/dev/null || return 0
    exec 9>.logs/set-up.lock
    flock --nonblock 9 && return
    say "Another set-up is at work in this checkout: waiting for it"
    flock 9
}

# from_r EXPRESSION: what it gives, whatever the user's profiles print.
from_r() {
    Rscript --no-init-file -e "cat('\n', paste0('answer: ', $1, '\n'), sep = '')" |
        sed -n 's/^answer: //p'
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

can_use_apt() {
    command -v apt-get >/dev/null && as_root true 2>/dev/null
}

# Those of the given Debian packages that are not installed.
not_installed() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
            grep -qx installed || say "$package"
    done
}

# run_apt SECONDS ARGUMENT...: apt waits for others at work, and, source by source, for
# a network that does not answer.
run_apt() {
    as_root env DEBIAN_FRONTEND=noninteractive timeout --kill-after=5 "$1" \
        apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=1 \
        -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 "${@:2}" </dev/null
}

# A new machine has no package lists or old ones. If one of its sources does not
# answer, that may not matter here: the installation tells.
update_apt() {
    [ -z "${apt_is_updated-}" ] || return 0
    say "apt: reading the package lists"
    mkdir -p .logs
    run_apt 120 update >.logs/apt-update.log 2>&1 || true
    apt_is_updated=yes
}

# apt_install PACKAGE...: those that are not there yet.
apt_install() {
    local -a packages
    mapfile -t packages < <(not_installed "$@")
    [ "${#packages[@]}" -gt 0 ] || return 0
    update_apt
    say "apt: installing ${packages[*]}"
    run_logged apt-install run_apt 3600 install --no-install-recommends "${packages[@]}"
}
