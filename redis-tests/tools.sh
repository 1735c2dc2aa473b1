#!/usr/bin/env bash
# tools.sh -- Redis's own redis-cli in its modes, redis-benchmark, and the exporter for Prometheus,
# against one node.
#
#     redis-tests/tools.sh PORT
#
# Each program has a time limit: redis-benchmark for one never ends when a server answers errors.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/lib/shell.sh
. tests/lib/shell.sh
port=${1:?the port of a node is missing}

directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT

cli() {
    timeout 20 redis-cli -p "$port" "$@"
}

# Whether what a command prints has a line that matches.
shows() { # regular expression, command...
    local pattern=$1 output status
    shift
    output=$("$@" 2>&1)
    status=$?
    [ $status -eq 0 ] && grep -qE "$pattern" <<<"$output" && return
    printf 'exit status %s, expected: %s\n' "$status" "$pattern"
    head -n 40 <<<"$output"
    return 1
}

# The arguments as one command of Redis's protocol.
raw() {
    local word
    printf '*%d\r\n' $#
    for word; do printf '$%d\r\n%s\r\n' ${#word} "$word"; done
}

# ---- One command ----

one_command() {
    cli DEL cli:repeated >/dev/null
    check 'SET' prints OK cli SET cli:text 'some words'
    check 'GET' prints 'some words' cli GET cli:text
    check 'GET as a terminal shows it' prints '"some words"' cli --no-raw GET cli:text
    check 'GET of no key' prints '(nil)' cli --no-raw GET cli:none
    check 'an integer as a terminal shows it' prints '(integer) 10' cli --no-raw STRLEN cli:text
    check '-e: the exit status of an error' prints 1 failing_status
    check '-3' prints 'some words' cli -3 GET cli:text
    check '-3: a map' shows '^3# "proto" => \(integer\) 3$' cli -3 --no-raw HELLO 3
    check '--json' prints '["some words",null]' cli --json MGET cli:text cli:none
    check '--json of an error' shows '^error:"ERR wrong number' cli --json GET
    check '--csv' prints '"some words",NULL' cli --csv MGET cli:text cli:none
    check '-n 5: SET' prints OK cli -n 5 SET cli:five 5
    check '-n 5: GET' prints 5 cli -n 5 GET cli:five
    check '-n 5: not in database 0' prints 0 cli EXISTS cli:five
    check '-u with a database' prints 5 \
        timeout 20 redis-cli -u "redis://127.0.0.1:$port/5" GET cli:five
    check '-c' prints 'some words' cli -c GET cli:text
    check '-x' prints OK from_stdin
    check '-x: GET' prints 'from stdin' cli GET cli:stdin
    check '-r and -i' prints $'1\n2\n3' cli -r 3 -i 0.05 INCR cli:repeated
    check 'TYPE' prints string cli TYPE cli:text
    check 'an unknown command' shows '^ERR unknown command' cli NOSUCH
}

failing_status() {
    cli -e GET >/dev/null 2>&1
    echo $?
}

from_stdin() {
    printf 'from stdin' | cli -x SET cli:stdin
}

# ---- Whole modes ----

interactive() {
    printf 'SET cli:typed "a b"\nGET cli:typed\nnosuch\nSELECT 5\nGET cli:five\n' | cli
}

# The help is ours only if COMMAND DOCS was understood; else redis-cli falls back to its own.
help_of_get() {
    printf 'HELP GET\n' | cli
}

make_pipe() {
    local i
    for ((i = 0; i < 10000; i++)); do raw SET "pipe:$i" "value of $i"; done >"$directory/pipe"
    printf 'SET pipe:inline 1\r\n\r\n' >>"$directory/pipe"
}

pipe() {
    cli --pipe <"$directory/pipe"
}

scan_count() { # pattern
    cli --scan --pattern "$1" | wc -l
}

# Runs until it is stopped; a pipe would keep its lines back.
stat() {
    timeout 3 stdbuf -oL redis-cli -p "$port" --stat -i 0.2 >"$directory/stat" 2>&1
    grep -cE '^[0-9]+ +[0-9.]+[BKMG] +[0-9]+ +[0-9]+ +[0-9]+ \(\+[0-9]+\) +[0-9]+' "$directory/stat"
}

stat_ticks() {
    local ticks
    ticks=$(stat)
    [ "$ticks" -ge 2 ] || { cat "$directory/stat"; return 1; }
}

modes() {
    local error summary
    error="ERR unknown command 'nosuch', with args beginning with: "
    check 'interactive: answers' prints $'OK\na b\n'"$error"$'\n\nOK\n5' interactive
    summary=$(cli --json COMMAND DOCS get | sed -n 's/.*"summary":"\([^"]*\)".*/\1/p')
    check 'interactive: HELP shows what COMMAND DOCS says' \
        shows "summary:.*${summary:-a summary, and there is none}" help_of_get
    make_pipe
    check '--pipe, 10,000 SETs and one in line' shows '^errors: 0, replies: 10001$' pipe
    check '--scan' prints 10001 scan_count 'pipe:*'
    check '--scan --pattern' prints 111 scan_count 'pipe:99*'
    check '--pipe: a value' prints 'value of 9876' cli GET pipe:9876
    check '--bigkeys' shows '^[0-9]{5} strings with [0-9]+ bytes' cli --bigkeys
    cli SADD cli:set a b c >"$directory/added"
    cli ZADD cli:zset 1 a 2 b >>"$directory/added"
    cli HSET cli:hash a 1 >>"$directory/added"
    cli RPUSH cli:list a b c d >>"$directory/added"
    check '--bigkeys: a list' shows '^Biggest +list found .*cli:list.* has 4 items' cli --bigkeys
    check '--memkeys' shows '^Biggest +zset found .*cli:zset.* has [0-9]+ bytes' cli --memkeys
    check '--stat' stat_ticks
    check '--latency' shows '^[0-9]+ [0-9]+ [0-9.]+ [0-9]+' cli --latency -i 1
}

# ---- redis-benchmark ----

benchmark() { # how many results, options...
    local expected=$1 status results
    shift
    timeout 30 redis-benchmark -p "$port" -c 50 -P 16 -n 20000 "$@" >"$directory/benchmark" 2>&1
    status=$?
    tr '\r' '\n' <"$directory/benchmark" >"$directory/lines"
    results=$(grep -cE '^[A-Z_0-9]+( \([A-Za-z0-9 ]+\))?: [0-9.]+ requests per second|^"[A-Z]+",' \
        "$directory/lines")
    [ $status -eq 0 ] && [ "$results" -eq "$expected" ] &&
        ! grep -iE 'error|ERR |UNKNOWN |CLUSTERDOWN|could not' "$directory/lines" && return
    echo "exit status $status, $results results"
    tail -n 20 "$directory/lines"
    return 1
}

benchmarks() {
    check 'set, get, incr, mset, ping' benchmark 6 -t set,get,incr,mset,ping -q
    # All of its default list but XADD.
    check 'lists, sets, hashes, sorted sets' benchmark 14 -q \
        -t lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange
    check 'random keys, two threads' benchmark 2 -t set,get -r 1000 --threads 2 -q
    check '-3 --csv' benchmark 2 -3 -t set,incr --csv
}

# ---- redis_exporter ----

metrics() {
    curl -sS --max-time 10 "http://127.0.0.1:${free_ports[0]}/metrics"
}

exporter() {
    find_free_ports 1
    timeout 30 prometheus-redis-exporter -redis.addr "redis://127.0.0.1:$port" \
        -web.listen-address "127.0.0.1:${free_ports[0]}" >"$directory/exporter" 2>&1 &
    local pid=$!
    wait_until 10 metrics
    check 'redis_exporter: the node is up' shows '^redis_up 1$' metrics
    check 'redis_exporter: who it is' shows '^redis_instance_info.*redis_version="7' metrics
    check 'redis_exporter: keys' shows '^redis_db_keys\{db="db0"\} [1-9]' metrics
    check 'redis_exporter: calls' shows '^redis_commands_total\{cmd="get"\} [1-9]' metrics
    kill "$pid"
    wait "$pid"
}

one_command
modes
benchmarks
exporter
checks_end
