#!/usr/bin/env bash
# local-cluster.sh -- three nodes on this machine in the foreground; Ctrl-C stops all.
#
#     conf/local-cluster.sh bin/quorum [OPTION]...     the options go to every node
#
# Data stays in ./data. Shows what the nodes log, each line behind its node's name.
set -uo pipefail
quorum=${1:?the path of quorum is missing}
shift
diverged=75 # exit status of a node that wants to be started again: it then fetches its state
declare -A names=() # by process id

start_node() { # name
    # The node itself is the child that is waited for and stopped, not the filter behind it.
    "$quorum" "--id=$1" "${options[@]}" > >(exec sed -u "s/^/$1  /" 2>/dev/null) 2>&1 &
    names[$!]=$1
}

stop_all() {
    trap '' INT TERM
    kill -TERM "${!names[@]}" 2>/dev/null
    wait "${!names[@]}" 2>/dev/null
    echo 'all nodes have stopped'
}

options=("$@")
cat <<'END'
Three nodes, each serves reads and writes:
            redis-cli           HTTP API                  data
    node-1  redis-cli -p 6379   http://localhost:8001     ./data/node-1
    node-2  redis-cli -p 6380   http://localhost:8002     ./data/node-2
    node-3  redis-cli -p 6381   http://localhost:8003     ./data/node-3
Ctrl-C stops all.

END

# Job control puts each node into a process group of its own, so that the terminal's Ctrl-C reaches
# this script alone, which then stops them in order.
set -m
for name in node-1 node-2 node-3; do start_node "$name"; done
trap 'stop_all; exit 0' INT TERM

# A node that ends by itself is a failure: say so and stop the others.
while :; do
    wait -n -p ended "${!names[@]}"
    status=$?
    [ "$status" = "$diverged" ] || break
    name=${names[$ended]}
    unset "names[$ended]"
    echo "$name has stopped because its state differed; starting it again"
    start_node "$name"
done
echo "a node has ended (exit status $status); stopping the others"
stop_all
exit 1
