#!/usr/bin/env bash
# run.sh -- a real cluster of three, judged by Redis and its clients.
#
#     redis-tests/run.sh build/release        the directory with quorum; what 'make test-redis' runs
#     redis-tests/run.sh build/release side-by-side     no more than that, and a cluster of one as well
#
# Starts three nodes on free ports and in a temporary directory, and runs against them: the same
# commands and bytes on a node and on a real redis-server, client libraries, Redis's own tools, and
# what the README shows. At the end all nodes must hold the same. COUNT is how many commands are compared on
# each connection, SEED where they begin.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
build=$(cd "${1:?the directory with quorum is missing}" && pwd) || exit 1
# shellcheck source=tests/lib/shell.sh
. tests/lib/shell.sh

part=${2:-all}
count=${COUNT:-20000}
seed=${SEED:-1}

# Debian's own: another interpreter in the PATH would not see Debian's client libraries.
python=/usr/bin/python3
export NODE_PATH=/usr/share/nodejs
# No __pycache__ among the sources.
export PYTHONDONTWRITEBYTECODE=1

# The nodes shall have the options given here, whatever the environment has.
for variable in $(compgen -e | grep '^QUORUM_'); do unset "$variable"; done

directory=$(mktemp -d) || exit 1
pids=()

stop_all() {
    [ ${#pids[@]} -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$directory"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

find_free_ports 12
raft=("${free_ports[@]:0:3}")
http=("${free_ports[@]:3:3}")
redis=("${free_ports[@]:6:3}")
lone=("${free_ports[@]:9:3}")
peers="node-1=localhost:${raft[0]},node-2=localhost:${raft[1]},node-3=localhost:${raft[2]}"

start_node() { # 0, 1 or 2
    local name=node-$(($1 + 1))
    "$build/quorum" "--id=$name" "--port=${raft[$1]}" "--http=${http[$1]}" "--redis=${redis[$1]}" \
        "--data=$directory/$name" "--peers=$peers" >"$directory/$name.log" 2>&1 &
    pids+=($!)
}

start_lone_node() {
    "$build/quorum" --id=lone "--port=${lone[0]}" "--http=${lone[1]}" "--redis=${lone[2]}" \
        "--data=$directory/lone" --peers= >"$directory/lone.log" 2>&1 &
    pids+=($!)
}

raft_field() { # port, field
    timeout 10 redis-cli -p "$1" INFO raft | tr -d '\r' | sed -n "s/^raft_$2://p"
}

# Sets leader and follower to the ports of two such nodes; false while there is no leader.
find_roles() {
    local port
    leader='' follower=''
    for port in "${redis[@]}"; do
        case $(raft_field "$port" role) in
        leader) leader=$port ;;
        follower) follower=$port ;;
        esac
    done
    [ -n "$leader" ] && [ -n "$follower" ]
}

# Runs a program that makes its own checks and says how many in its last line.
counted() { # program...
    local line counts
    timeout 180 "$@" >"$directory/counted" 2>&1 </dev/null
    local status=$?
    sed '$d' "$directory/counted"
    line=$(tail -n 1 "$directory/counted")
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        counts=("${BASH_REMATCH[@]:1}")
        # An exit status that says otherwise is believed too.
        [ $status -ne 0 ] && [ "${counts[1]}" -eq 0 ] && counts[1]=1
    else
        echo "$line"
        echo "  FAILED: no counts from $1, exit status $status"
        counts=(0 1)
    fi
    checks_passed=$((checks_passed + counts[0]))
    checks_failed=$((checks_failed + counts[1]))
}

side_by_side() { # port, seed, protocol
    # A second for 1000 commands is ten times what it takes on a slow machine.
    timeout $((60 + count / 1000)) "$python" redis-tests/side_by_side/side_by_side.py \
        --target-port "$1" --count "$count" --seed "$2" --protocol "$3" | tee "$directory/compared"
}

# ---- What the nodes must agree on ----

sample() { # port
    timeout 20 redis-cli -p "$1" --scan --pattern 'key:*' | sort | head -n 200 |
        sed 's/.*/GET "&"/' | timeout 20 redis-cli -p "$1" --no-raw
}

# Whether all nodes say that they have applied the same index; sets states to one line a node,
# index and hash from one answer.
at_one_index() {
    local port
    states=''
    for port in "${redis[@]}"; do
        states+=$(timeout 10 redis-cli -p "$port" INFO raft | tr -d '\r' |
            sed -n 's/^raft_applied_index://p; s/^raft_state_hash://p' | paste -sd ' ')$'\n'
    done
    [ "$(cut -d ' ' -f 1 <<<"${states%$'\n'}" | sort -u | wc -l)" -eq 1 ]
}

same_hashes() {
    wait_until 20 at_one_index || echo 'the nodes never had the same index'
    echo "$states"
    # Not the hash of nothing at all, and one and the same.
    [[ $states =~ ^[1-9][0-9]*\ [0-9a-f]{16}$'\n' ]] && [[ $states != *' 0000000000000000'* ]] &&
        [ "$(sort -u <<<"${states%$'\n'}" | wc -l)" -eq 1 ]
}

all_agree() { # what each is asked, command that gets the port...
    local what=$1 port first
    shift
    first=$("$@" "${redis[0]}")
    [ "$(wc -l <<<"$first")" -ge 3 ] || { echo "too little: $first"; return 1; }
    for port in "${redis[@]:1}"; do
        diff <(echo "$first") <("$@" "$port") || { echo "$what differs on $port"; return 1; }
    done
}

keyspace() { # port
    timeout 10 redis-cli -p "$1" INFO keyspace
    timeout 10 redis-cli -p "$1" DBSIZE
    timeout 10 redis-cli -p "$1" DEBUG DIGEST
}

# ---- The run ----

for i in 0 1 2; do start_node $i; done
if ! wait_until 20 find_roles; then
    tail -n 30 "$directory"/*.log
    echo '  FAILED: no leader within 20 s'
    echo '0 passed, 1 failed'
    exit 1
fi
echo "three nodes: Redis on ${redis[*]}, HTTP on ${http[*]}; the leader is on $leader"

# First, since it empties the databases.
echo "== Side by side with redis-server, $count commands each, SEED=$seed"
check "leader, RESP2" side_by_side "$leader" "$seed" 2
check "follower, RESP3" side_by_side "$follower" $((seed + 1)) 3
if [ "$part" = side-by-side ]; then
    start_lone_node
    check 'a cluster of one leads itself' wait_until 20 prints leader raft_field "${lone[2]}" role
    check "a cluster of one, RESP2" side_by_side "${lone[2]}" $((seed + 2)) 2
    check "a cluster of one, RESP3" side_by_side "${lone[2]}" $((seed + 3)) 3
    check 'state hash at the same applied index' same_hashes
    grep '^left out' "$directory/compared"
    checks_end
    exit
fi
timeout 10 redis-cli -p "$leader" FLUSHALL >"$directory/flushall"
echo '== Conversations, word for word with redis-server'
counted "$python" redis-tests/side_by_side/conversations.py --target-port "$leader"
echo '== Keyspace notifications and messages, word for word with redis-server'
counted "$python" redis-tests/side_by_side/events.py --target-port "$leader" --listen-port "$follower"
counted "$python" redis-tests/side_by_side/events.py --target-port "$follower" --listen-port "$follower"
others=()
for port in "${redis[@]}"; do [ "$port" = "$follower" ] || others+=("$port"); done
timeout 10 redis-cli -p "$leader" FLUSHALL >"$directory/flushall"

echo '== What the README shows'
counted redis-tests/readme.sh "${redis[@]}" "${http[@]}"
echo '== A Python client, redis-py'
counted "$python" redis-tests/clients/client_python.py "$follower" "${others[@]}"
echo '== A JavaScript client, node-redis'
counted node redis-tests/clients/client_node.js "$follower"
echo '== A PHP client, php-redis'
counted php redis-tests/clients/client_php.php "$follower"
echo '== A Ruby client, ruby-redis'
counted ruby redis-tests/clients/client_ruby.rb "$follower"
echo "== Redis's own tools"
counted redis-tests/tools.sh "$follower"

echo '== All nodes hold the same'
check 'values of 200 sample keys' all_agree values sample
check 'number and digest of all keys' all_agree keys keyspace
check 'state hash at the same applied index' same_hashes
for i in 0 1 2; do
    check "node-$((i + 1)) still runs" kill -0 "${pids[i]}"
done

if [ "$checks_failed" -ne 0 ]; then tail -n 20 "$directory"/node-?.log; fi
checks_end
