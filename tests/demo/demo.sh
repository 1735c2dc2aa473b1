#!/usr/bin/env bash
# demo.sh -- what Quorum does, shown on three real nodes: write and read through redis-cli and curl
# on every node, kill the leader, read on, stop. Exits 0 only if all of it held.
#
#     tests/demo/demo.sh bin        the directory with quorum and quorumctl
#
# Works in a temporary directory and on free ports, so that it can run beside anything else.
set -uo pipefail
bin=$(cd "${1:?the directory with bin/quorum is missing}" && pwd) || exit 1
# shellcheck source=tests/lib/shell.sh
. "$(dirname "$0")/../lib/shell.sh"

# The options are the ones that are shown, whatever the environment has.
for variable in $(compgen -e | grep '^QUORUM_'); do unset "$variable"; done

directory=$(mktemp -d) || exit 1
pids=('' '' '')

stop_all() {
    local i
    for i in 0 1 2; do
        [ -n "${pids[i]}" ] && kill -KILL "${pids[i]}" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$directory"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

find_free_ports 9
raft=("${free_ports[@]:0:3}")
http=("${free_ports[@]:3:3}")
redis=("${free_ports[@]:6:3}")
peers="node-1=localhost:${raft[0]},node-2=localhost:${raft[1]},node-3=localhost:${raft[2]}"

start_node() { # 0, 1 or 2
    local name=node-$(($1 + 1))
    echo "  \$ bin/quorum --id=$name --port=${raft[$1]} --http=${http[$1]} --redis=${redis[$1]} \\"
    echo "        --data=$directory/$name --peers=$peers &"
    "$bin/quorum" "--id=$name" "--port=${raft[$1]}" "--http=${http[$1]}" "--redis=${redis[$1]}" \
        "--data=$directory/$name" "--peers=$peers" >"$directory/$name.log" 2>&1 &
    pids[$1]=$!
}

# Shows a command as one would type it, and runs it; one check: that it prints exactly this.
say() { # expected, command...
    local expected=$1 word line=''
    shift
    for word; do
        case $word in
        *[!a-zA-Z0-9_.:/=-]*) line+=" '$word'" ;;
        *) line+=" $word" ;;
        esac
    done
    echo "  \$$line"
    check "answers $expected" prints "$expected" "$@"
}

post() { # port, body
    say '{"ok":true}' curl -sS --max-time 10 -X POST "http://localhost:$1/put" \
        -H 'Content-Type: application/json' -d "$2"
}

# The place (0 to 2) of the node that all running nodes call the leader; false while they differ.
leader_of() { # places
    local i status first=''
    for i in "$@"; do
        status=$(curl -sS --max-time 10 "http://localhost:${http[i]}/status" 2>/dev/null) || return 1
        status=$(sed -n 's/.*"leader": *"\(node-[123]\)".*/\1/p' <<<"$status")
        [ -n "$status" ] || return 1
        [ -z "$first" ] || [ "$status" = "$first" ] || return 1
        first=$status
    done
    # A survivor may still name the one that is gone.
    [[ " $* " == *" $((${first#node-} - 1)) "* ]] && echo $((${first#node-} - 1))
}

show_logs() {
    local i
    for i in 1 2 3; do
        echo "---- node-$i"
        tail -n 30 "$directory/node-$i.log"
    done
}

echo '== Three nodes start, and one of them becomes the leader'
for i in 0 1 2; do start_node $i; done
if ! wait_until 20 leader_of 0 1 2; then
    echo '  FAILED: no leader within 20 s'
    show_logs
    echo '0 passed, 1 failed'
    exit 1
fi
leader=$(leader_of 0 1 2)
echo "  the leader is node-$((leader + 1))"
"$bin/quorumctl" status "localhost:${redis[0]}" | sed 's/^/  /'
check 'quorumctl status finds all nodes well' "$bin/quorumctl" status "localhost:${redis[0]}"

echo '== A write on any node is seen on every node, at once'
for i in 0 1 2; do
    say OK redis-cli -p "${redis[i]}" SET "from-node-$((i + 1))" "value $i"
    for j in 0 1 2; do
        say "value $i" redis-cli -p "${redis[j]}" GET "from-node-$((i + 1))"
    done
done

echo '== The same over HTTP'
for i in 0 1 2; do
    post "${http[i]}" "{\"key\": \"web-$i\", \"value\": \"v$i\"}"
    for j in 0 1 2; do
        say "{\"ok\":true,\"value\":\"v$i\"}" curl -sS --max-time 10 "http://localhost:${http[j]}/get?key=web-$i"
    done
done
say 'v1' redis-cli -p "${redis[2]}" GET web-1

echo "== The leader, node-$((leader + 1)), dies without a word"
echo "  \$ kill -9 ${pids[leader]}"
kill -KILL "${pids[leader]}"
wait "${pids[leader]}" 2>/dev/null
pids[leader]=''
survivors=()
for i in 0 1 2; do [ $i -ne "$leader" ] && survivors+=($i); done

echo '== The others choose a new one, and nothing is lost'
for i in "${survivors[@]}"; do
    say 'value 2' redis-cli -p "${redis[i]}" GET from-node-3
    say '{"ok":true,"value":"v0"}' curl -sS --max-time 10 "http://localhost:${http[i]}/get?key=web-0"
    say OK redis-cli -p "${redis[i]}" SET after "written by node-$((i + 1))"
done
check 'the survivors agree on a leader' wait_until 20 leader_of "${survivors[@]}"

echo '== The dead node comes back and catches up'
start_node "$leader"
check 'it answers again' wait_until 20 "$bin/quorumctl" ping -p "${redis[leader]}" --ready
say "written by node-$((survivors[1] + 1))" redis-cli -p "${redis[leader]}" GET after

echo '== All stop in order'
for i in 0 1 2; do
    echo "  \$ kill ${pids[i]}"
    kill -TERM "${pids[i]}"
done
for i in 0 1 2; do
    # Not inside check: only this shell, whose children they are, can wait for them.
    wait "${pids[i]}"
    status=$?
    pids[i]=''
    check "node-$((i + 1)) exits with 0" prints 0 echo $status
done

[ "$checks_failed" -eq 0 ] || show_logs
checks_end
