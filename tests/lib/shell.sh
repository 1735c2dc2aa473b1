# shell.sh -- what the shell tests share: counting checks, waiting, free ports. To be sourced by bash.
# shellcheck shell=bash

checks_passed=0
checks_failed=0

# Runs a command as one check; its output is shown when it fails.
check() { # what it shows, command...
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        checks_passed=$((checks_passed + 1))
        echo "  ok: $what"
    else
        checks_failed=$((checks_failed + 1))
        echo "  FAILED: $what"
        printf '    %s\n' "$*" "$output"
    fi
}

# Prints the counts; false if a check failed or none was made.
checks_end() {
    echo "$checks_passed passed, $checks_failed failed"
    [ "$checks_failed" -eq 0 ] && [ "$checks_passed" -gt 0 ]
}

# Tries a command ten times a second until it succeeds; false after so many seconds.
wait_until() { # seconds, command...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# Whether the command prints exactly this line.
prints() { # expected, command...
    local expected=$1 output
    shift
    output=$("$@" 2>&1)
    [ "$output" = "$expected" ] && return
    echo "expected: $expected"
    echo "answered: $output"
    return 1
}

# Sets the array free_ports to so many TCP ports on which nothing listens. Below the kernel's range
# for outgoing connections, which would take them while we are not looking.
find_free_ports() { # count
    local port
    free_ports=()
    while [ ${#free_ports[@]} -lt "$1" ]; do
        port=$((10000 + RANDOM % 20000))
        [[ " ${free_ports[*]} " == *" $port "* ]] && continue
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || free_ports+=("$port")
    done
}
