#!/usr/bin/env bash
# Sees to R and to the R packages that DESCRIPTION names. Debian's packages go into
# the system; what Debian has not, or not new enough, goes into .Rlib. Where all is
# there already, it says nothing. Packages named as arguments are seen to as well.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/common.sh

debians_r=(r-base-core r-base-dev pandoc qpdf)
needed_by_reticulate=(Matrix Rcpp RcppTOML here jsonlite png rappdirs withr)
needed_by_checks=(codetools roxygen2)
also_needed=("$@")
part_of_r=" compiler datasets grDevices graphics grid methods parallel splines stats stats4 tcltk tools utils "

# A line "name" or "name>=version" for R and for each package, as DESCRIPTION says.
wanted_packages() {
    local wanted
    awk '
        /^[A-Za-z]/ { counts = /^(Depends|Imports|LinkingTo|Suggests):/; sub(/^[^:]*:/, "") }
        counts { list = list "," $0 }
        END { gsub(/[ ()\t]/, "", list); gsub(/,+/, "\n", list); print list }
    ' DESCRIPTION | while read -r wanted; do
        [[ -z $wanted || $part_of_r == *" ${wanted%%>=*} "* ]] || say "$wanted"
    done
    printf '%s\n' "${needed_by_reticulate[@]}" "${needed_by_checks[@]}" "${also_needed[@]}"
}

has_r() {
    command -v Rscript >/dev/null
}

missing_packages() {
    if has_r; then
        wanted_packages | sort -u | Rscript --no-init-file tools/missing-packages.R |
            sed -n 's/^missing: //p'
    else
        wanted_packages | sort -u
    fi
}

nothing_is_missing() {
    local missing
    missing=$(missing_packages) && [ -z "$missing" ]
}

names_of() {
    sed -e 's/>=.*//' -e '/^R$/d'
}

debian_names_of() {
    names_of | tr '[:upper:]' '[:lower:]' | sed 's/^/r-cran-/'
}

# An R that is not Debian's has libraries of its own, where apt puts nothing.
apt_is_for_this_r() {
    can_use_apt || return
    ! has_r || { [ "$(R RHOME)" = /usr/lib/R ] && [ -z "$(not_installed r-base-core)" ]; }
}

# What R CMD check and vignettes use counts as well, but only where apt can bring it.
is_ready() {
    nothing_is_missing &&
        { ! apt_is_for_this_r || [ -z "$(not_installed "${debians_r[@]}")" ]; }
}

debian_has() {
    local minimum=0 candidate
    [[ $1 != *">="* ]] || minimum=${1#*>=}
    candidate=$(apt-cache policy "$(say "$1" | debian_names_of)" 2>/dev/null |
        sed -n 's/^ *Candidate: \([0-9].*\)/\1/p')
    [ -n "$candidate" ] && dpkg --compare-versions "$candidate" ge "$minimum"
}

install_from_debian() {
    local wanted
    local -a packages=()
    apt_install "${debians_r[@]}"
    ! nothing_is_missing || return 0
    update_apt
    while read -r wanted; do
        ! debian_has "$wanted" || packages+=("$(say "$wanted" | debian_names_of)")
    done < <(missing_packages)
    [ "${#packages[@]}" = 0 ] || apt_install "${packages[@]}"
}

# CRAN may be out of reach in any way, unanswered packets included.
install_from_cran() {
    say "R: asking CRAN for $(missing_packages | names_of | paste -sd' ' -)"
    if ! missing_packages | R_DEFAULT_INTERNET_TIMEOUT=10 limited 30 \
        Rscript tools/cran.R offers >.logs/cran-offers.log 2>&1; then
        say "R: CRAN does not answer, or does not have it"
        return 1
    fi
    say "R: installing it from CRAN into .Rlib"
    run_logged cran-install Rscript tools/cran.R install < <(missing_packages)
}

# Where this machine gets Debian's own packages from.
debian_archive() {
    local release
    release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    # shellcheck disable=SC2016 # apt fills it in
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        'Origin: Debian' 'Component: main' "Codename: $release" | sed -n 1p
}

# fetch_debian_source FOLDER RELEASE PACKAGE: the upstream archive alone, with
# package lists of its own: the machine's sources stay as they are.
fetch_debian_source() {
    local archive keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    local -a with_own_lists=(
        -o "Dir::Etc::SourceList=$1/sources.list" -o Dir::Etc::SourceParts=-
        -o "Dir::State::Lists=$1/lists" -o "Dir::Cache=$1/cache"
        -o Debug::NoLocking=true -o Acquire::Languages=none
        -o Acquire::http::Timeout=15 -o Acquire::Retries=0
    )
    archive=$(debian_archive) && [ -n "$archive" ] || return
    say "deb-src [signed-by=$keyring] $archive $2 main" >"$1/sources.list"
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
    cd "$1" &&
        limited 60 apt-get -q "${with_own_lists[@]}" update &&
        limited 300 apt-get -q "${with_own_lists[@]}" source \
            --download-only --tar-only "$3"
}

build_debians_newer_reticulate() {
    local folder
    [ "$(missing_packages | names_of)" = reticulate ] || return
    command -v apt-get >/dev/null || return
    say "R: building reticulate from Debian trixie's source into .Rlib (half a minute)"
    folder=$(mktemp -d)
    chmod 755 "$folder" # apt downloads as a user of its own
    (run_logged reticulate-source fetch_debian_source "$folder" trixie r-cran-reticulate) &&
        mkdir -p .Rlib &&
        run_logged reticulate-build R CMD INSTALL --library=.Rlib "$folder"/*.orig.tar.*
    rm -rf "$folder"
}

# Some releases of Debian have a reticulate that is too old. Of the other packages that
# is not known, and the package lists may not be there to ask.
that_debian_has() {
    local wanted
    while read -r wanted; do
        [[ $wanted == reticulate* ]] && ! debian_has "$wanted" || say "$wanted"
    done
}

# All that Debian and Ubuntu can bring of it, so that one round is enough.
missing_debian_packages() {
    not_installed "${debians_r[@]}"
    missing_packages | that_debian_has | debian_names_of
}

explain_what_is_missing() {
    local packages
    packages=$(missing_debian_packages | paste -sd' ' -)
    complain "R's side needs these, and they could not be installed from here:
  $(missing_packages | sed 's/>=/ >= /' | paste -sd, - | sed 's/,/, /g')"
    can_use_apt || complain "(There is no apt, or neither root nor sudo without a password to use it.)"
    [ -z "$packages" ] || complain "Debian and Ubuntu, as root:
  apt-get install --no-install-recommends $packages"
    complain "Anywhere else: install R 4.1 or newer in your system's way.
Then, in R, what is still missing:
  install.packages(c($(missing_packages | names_of | sed 's/.*/"&"/' | paste -sd, - | sed 's/,/, /g')))
and run the same command again."
}

! is_ready || exit 0
one_at_a_time
! is_ready || exit 0
# R leaves them where an installation is cut off, and then refuses every later one.
rm -rf .Rlib/00LOCK*
say "R: seeing to R and its packages"
mkdir -p .logs
if apt_is_for_this_r; then
    install_from_debian || true
fi
if has_r && ! nothing_is_missing; then
    install_from_cran || build_debians_newer_reticulate || true
fi
if ! nothing_is_missing; then
    explain_what_is_missing
    exit 1
fi
say "R: $(from_r R.version.string) with reticulate $(from_r 'packageVersion("reticulate")')"
