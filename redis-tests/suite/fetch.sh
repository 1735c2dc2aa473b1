#!/usr/bin/env bash
# fetch.sh -- gets Redis's own test suite out of Debian's source package into a directory.
#
#     redis-tests/suite/fetch.sh build/redis-suite      afterwards build/redis-suite/redis/runtest is there
#
# Source packages come from where this machine has its packages from: a list of these places is made
# for this one purpose below the directory, and nothing under /etc is changed. The version is that of
# the redis-server that is installed, for suites of other versions expect other behaviour.
set -euo pipefail
directory=${1:?the directory is missing}
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
[ -x "$directory/redis/runtest" ] && exit 0

work=$directory/fetch
rm -rf "$work"
mkdir -p "$work/sources" "$work/lists/partial" "$work/package"

for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$list" ] || continue
    sed -n 's/^deb[[:space:]]/deb-src /p' "$list" >"$work/sources/$(basename "$list" .list)-source.list"
done
for list in /etc/apt/sources.list.d/*.sources; do
    [ -f "$list" ] || continue
    sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/sources/$(basename "$list")"
done

options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/sources"
    -o "Dir::State::lists=$work/lists" -o APT::Sandbox::User=root -q)
version=$(dpkg-query -W -f '${source:Version}' redis-server)
apt-get "${options[@]}" update >"$work/log" 2>&1 &&
    (cd "$work/package" && apt-get "${options[@]}" --download-only source "redis=$version") >>"$work/log" 2>&1 || {
    echo "cannot get the source package redis $version; see $work/log" >&2
    exit 1
}
rm -rf "$directory/redis"
dpkg-source --no-check -x "$work"/package/*.dsc "$directory/redis" >>"$work/log" 2>&1 || {
    echo "cannot unpack the source package redis $version; see $work/log" >&2
    exit 1
}
rm -rf "$work"
