#!/bin/sh
# docker-entrypoint.sh -- starts a node in a container: as the user quorum, with defaults that make
# sense there.
set -eu

# Options or a configuration file alone mean the server.
case ${1:-} in
'' | -* | *.conf) set -- quorum "$@" ;;
esac

if [ "$1" = quorum ]; then
    # Started as root: hand the volume to the user quorum, and become it.
    if [ "$(id -u)" = 0 ]; then
        find /data ! -user quorum -exec chown quorum:quorum {} +
        exec setpriv --reuid=quorum --regid=quorum --clear-groups -- "$0" "$@"
    fi

    # A container's loopback is nobody's, so listen on all its addresses; who may connect is decided
    # by which ports are published. Not when a configuration file has its own say: the environment
    # would win over it.
    has_file=no
    for argument; do
        case $argument in - | *.conf) has_file=yes ;; esac
    done
    if [ "$has_file" = no ]; then
        export QUORUM_BIND="${QUORUM_BIND-* -::*}"
        export QUORUM_PROTECTED_MODE="${QUORUM_PROTECTED_MODE-no}"
        export QUORUM_DATA="${QUORUM_DATA-/data/quorum}"
    fi
    umask 0077
fi
exec "$@"
