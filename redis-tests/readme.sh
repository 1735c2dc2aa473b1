#!/usr/bin/env bash
# readme.sh -- runs what the README tells its readers to type, taken from its very text, so that it
# stays true: the lines of redis-cli and curl under "Use it", and the C program.
#
#     redis-tests/readme.sh REDIS1 REDIS2 REDIS3 HTTP1 HTTP2 HTTP3
#
# The ports stand in for those of the local cluster: 6379 to 6381 and 8001 to 8003.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/lib/shell.sh
. tests/lib/shell.sh
[ $# -eq 6 ] || { echo 'readme.sh takes the ports of three nodes: Redis, then HTTP' >&2; exit 2; }

directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT

# On the ports of the cluster under test.
substitute() {
    sed -E "s/\b6379\b/$1/g; s/\b6380\b/$2/g; s/\b6381\b/$3/g
            s/\b8001\b/$4/g; s/\b8002\b/$5/g; s/\b8003\b/$6/g"
}

# The indented lines under "Use it" that begin with one of the two programs.
examples() {
    sed -n '/^## Use it$/,/^## /p' README.md | grep -E '^    (redis-cli|curl) ' | sed 's/^    //'
}

program() {
    # shellcheck disable=SC2016 # Markdown's fence
    sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d'
}

# A regular expression that the answer to an example must match.
expected() { # line as in the README
    case $1 in
    redis-cli*' SET '*) echo '^OK$' ;;
    redis-cli*' GET hello') echo '^world$' ;;
    redis-cli*' INFO raft') echo '^raft_role:(leader|follower)' ;;
    curl*'/put '*) echo '^\{"ok":true\}$' ;;
    curl*'/get?key=hello'*) echo '^\{"ok":true,"value":"world"\}$' ;;
    curl*'/delete?key=hello'*) echo '^\{"ok":true' ;;
    curl*'/status') echo '"leader": *"node-[123]"' ;;
    *) echo 'nothing is known of this example: say in redis-tests/readme.sh what it answers' ;;
    esac
}

# A local read may lag behind; all others may not, so only it is tried more than once.
try_example() { # line, seconds
    wait_until "$2" answers_as_expected "$1" || { answers_as_expected "$1"; return 1; }
}

answers_as_expected() { # line
    local line output
    line=$(substitute "${ports[@]}" <<<"$1")
    # Errors shall show in the exit status.
    line=${line/#redis-cli /redis-cli -e }
    line=${line/#curl /curl -sS --fail-with-body }
    output=$(timeout 20 bash -c "$line" 2>&1) && grep -qE "$(expected "$1")" <<<"$output" && return
    printf '%s\nanswered: %s\nexpected: %s\n' "$line" "$output" "$(expected "$1")"
    return 1
}

compile() {
    program | substitute "${ports[@]}" >"$directory/hello.c"
    # As the README says to; warnings are not for readers to see.
    cc -Wall -Werror "$directory/hello.c" -lhiredis -o "$directory/hello"
}

ports=("$@")
number=0
while read -r line; do
    number=$((number + 1))
    seconds=0
    [[ $line == *local=true* ]] && seconds=10
    check "$line" try_example "$line" $seconds
done < <(examples)
check 'there were examples of both programs' [ $number -ge 8 ]

# It counts from the beginning only when it has not run before.
timeout 20 redis-cli -p "$1" DEL visits >/dev/null
check 'the C program compiles' compile
check 'it counts' prints 'visit number 1' timeout 20 "$directory/hello"
check 'it counts on' prints 'visit number 2' timeout 20 "$directory/hello"
checks_end
