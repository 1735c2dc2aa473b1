#!/bin/sh
# install.sh -- installs what is missing of deps/packages.txt, and checks the versions of the rest.
#
#     deps/install.sh [build|test|suite|fuzz|bench|coverage|tool]...      default: build
#
# Says one line for each thing it does and nothing when there is nothing to do. Needs apt-get (and
# root, or sudo) only when something is missing.
set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd) || exit 1
list=$here/packages.txt
scopes=" ${*:-build} "

# libevent's fixes of September 2026 came to Debian 12 with this package; older ones are warned of.
libevent_fixed=2.1.12-stable-8+deb12u1

say() { echo "deps: $*"; }
die() {
    echo "deps: $*" >&2
    exit 1
}

for scope in $scopes; do
    case $scope in
    build | test | suite | fuzz | bench | coverage | tool) ;;
    *) die "no scope '$scope'; scopes are build, test, suite, fuzz, bench, coverage and tool" ;;
    esac
done

is_there() { # check package
    case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    pkg:*) pkg-config --exists "${1#pkg:}" 2>/dev/null ;;
    deb) [ "$(dpkg-query -W -f '${db:Status-Status}' "$2" 2>/dev/null)" = installed ] ;;
    *) die "$list: unknown check '$1' of $2" ;;
    esac
}

# Calls "$1 package check minimum" for each row whose scope was asked for.
each_row() {
    while read -r package check minimum scope _; do
        case $package in '' | '#'*) continue ;; esac
        case $scopes in *" $scope "*) "$1" "$package" "$check" "$minimum" ;; esac
    done <"$list"
}

missing=''
collect_missing() {
    is_there "$2" "$1" || missing="$missing $1"
}

check_version() {
    is_there "$2" "$1" || die "$1 is still missing; install $1 and try again"
    [ "$3" = - ] && return
    module=${2#pkg:}
    pkg-config --atleast-version="$3" "$module" ||
        die "$1 is $(pkg-config --modversion "$module"); at least $3 is needed: install a newer $1"
}

install_missing() {
    command -v apt-get >/dev/null 2>&1 ||
        die "missing, and no apt-get here to install them:$missing"
    as_root=''
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            die "missing:$missing; as root, run: apt-get install$missing"
        as_root=sudo
    fi
    # RUNLEVEL=1 tells invoke-rc.d that the machine is in single-user mode, so that no service is
    # started: a redis-server on port 6379 would stand where a node of ours wants to listen.
    quiet="env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y -o=Dpkg::Use-Pty=0"
    say "installing$missing"
    # The package lists of a fresh machine or image are empty or old: fetch them only then.
    # shellcheck disable=SC2086 # words on purpose
    if ! $as_root $quiet install --no-install-recommends $missing >/dev/null 2>&1; then
        say "updating the package lists"
        $as_root $quiet update >/dev/null || die "apt-get update failed"
        $as_root $quiet install --no-install-recommends $missing >/dev/null ||
            die "apt-get could not install:$missing"
    fi
}

warn_of_old_libevent() {
    case $scopes in *" build "*) ;; *) return ;; esac
    command -v dpkg-query >/dev/null 2>&1 || return
    installed=$(dpkg-query -W -f '${Version}' libevent-dev 2>/dev/null) || return
    if [ -n "$installed" ] && dpkg --compare-versions "$installed" lt "$libevent_fixed"; then
        say "warning: libevent-dev $installed lacks security fixes; apt-get install libevent-dev" \
            "for $libevent_fixed or later"
    fi
}

each_row collect_missing
if [ -n "$missing" ]; then
    install_missing
fi
each_row check_version
warn_of_old_libevent
