#!/usr/bin/env bash
# run.sh -- docker-compose.yml for real: builds the image, brings three nodes up, writes and reads on
# every port, kills the leader's container, reads on. Needs a running Docker engine and, the first
# time, the package mirror of this machine; without an engine it counts as skipped.
#
# Where no debian:bookworm-slim is at hand, the base image is made with debootstrap from the package
# sources that this machine uses itself. It is kept (quorum-test-base) for the next run.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/shell.sh
. tests/lib/shell.sh

skip() {
    echo "skipped: $1"
    echo '0 passed, 0 failed, 1 skipped'
    exit 0
}

give_up() {
    echo "  FAILED: $1"
    echo "$checks_passed passed, $((checks_failed + 1)) failed"
    exit 1
}

docker info >/dev/null 2>&1 || skip 'no Docker engine runs here'
if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
elif command -v docker-compose >/dev/null 2>&1; then
    compose=(docker-compose)
else
    skip 'neither docker compose nor docker-compose is here'
fi

# ---- The base image ----

# "repository release component" of each Debian source of this machine.
debian_sources() {
    # shellcheck disable=SC2016 # apt's own placeholders
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' | sed -n 's/^Debian //p' | sort -u
}

make_base() {
    local codename mirror root
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(debian_sources | awk -v name="$codename" '$2 == name && $3 == "main" { print $1 }' |
        head -n 1)
    [ -n "$mirror" ] || give_up "no package source for $codename on this machine"
    command -v debootstrap >/dev/null || deps/install.sh tool || give_up 'no debootstrap'
    root=$(mktemp -d) || give_up 'no temporary directory'
    echo "== making a base image of $codename with debootstrap"
    debootstrap --variant=minbase "$codename" "$root" "$mirror" >"$root.log" 2>&1 || {
        tail -n 20 "$root.log"
        give_up 'debootstrap failed'
    }
    # With the security updates, as the machine itself has them.
    debian_sources | sed 's/^/deb /' >"$root/etc/apt/sources.list"
    tar -C "$root" -c . | docker import - quorum-test-base >/dev/null ||
        give_up 'docker import failed'
    rm -rf --one-file-system "$root" "$root.log"
}

if [ -z "${BASE:-}" ]; then
    export BASE=debian:bookworm-slim
    if ! docker image inspect "$BASE" >/dev/null 2>&1; then
        docker image inspect quorum-test-base >/dev/null 2>&1 || make_base
        BASE=quorum-test-base
    fi
fi

# ---- The cluster ----

find_free_ports 9
for i in 1 2 3; do
    export "RAFT_PORT_$i=${free_ports[i - 1]}" "HTTP_PORT_$i=${free_ports[i + 2]}"
    export "REDIS_PORT_$i=${free_ports[i + 5]}"
done
http=("${free_ports[@]:3:3}")
redis=("${free_ports[@]:6:3}")
export IMAGE=quorum-test
project=quorum-test-$$
compose+=(--project-name "$project")

down() { "${compose[@]}" down --volumes --timeout 10 >/dev/null 2>&1; }
trap down EXIT
trap 'exit 130' INT TERM

echo "== building the image on $BASE"
old_image=$(docker image inspect --format '{{.Id}}' "$IMAGE" 2>/dev/null)
"${compose[@]}" build node-1 || give_up 'the image does not build'
# The one before has lost its name and would only take space.
if [ -n "$old_image" ] && [ "$old_image" != "$(docker image inspect --format '{{.Id}}' "$IMAGE")" ]; then
    docker image rm "$old_image" >/dev/null 2>&1
fi
echo '== three containers'
"${compose[@]}" up -d --no-build || give_up 'docker-compose up failed'

container() { "${compose[@]}" ps -q "node-$1"; }
is_healthy() {
    [ "$(docker inspect --format '{{.State.Health.Status}}' "$(container "$1")")" = healthy ]
}
for i in 1 2 3; do
    check "node-$i gets healthy" wait_until 60 is_healthy $i
done
if [ "$checks_failed" -gt 0 ]; then
    "${compose[@]}" logs --tail 20
    checks_end
    exit 1
fi

rcli() { redis-cli -p "$@"; }
get() { curl -sS --max-time 10 "http://localhost:$1/get?key=$2"; }
runs_unprivileged() {
    [ "$(docker exec "$(container 1)" stat -c %u /proc/1)" = 999 ]
}
check 'the server runs as the user quorum' runs_unprivileged
for i in 0 1 2; do
    check "SET through node-$((i + 1))" prints OK rcli "${redis[i]}" SET "key-$i" "value-$i"
    for j in 0 1 2; do
        check "GET through node-$((j + 1))" prints "value-$i" rcli "${redis[j]}" GET "key-$i"
        check "HTTP get through node-$((j + 1))" prints "{\"ok\":true,\"value\":\"value-$i\"}" \
            get "${http[j]}" "key-$i"
    done
done

leader=$(curl -sS --max-time 10 "http://localhost:${http[0]}/status" |
    sed -n 's/.*"leader": *"node-\([123]\)".*/\1/p')
[ -n "$leader" ] || give_up '/status names no leader'
echo "== the container of the leader, node-$leader, is killed"
docker kill "$(container "$leader")" >/dev/null
for i in 0 1 2; do
    [ $((i + 1)) -eq "$leader" ] && continue
    check "node-$((i + 1)) still has what was written" prints value-2 rcli "${redis[i]}" GET key-2
    check "and takes writes" prints OK rcli "${redis[i]}" SET "after-$i" yes
done
docker start "$(container "$leader")" >/dev/null
check 'the killed node comes back healthy' wait_until 60 is_healthy "$leader"
check 'and has caught up' prints value-0 rcli "${redis[leader - 1]}" GET key-0

echo '== stopping'
"${compose[@]}" stop --timeout 10 >/dev/null 2>&1
exits_cleanly() { [ "$(docker inspect --format '{{.State.ExitCode}}' "$(container "$1")")" = 0 ]; }
for i in 1 2 3; do
    check "node-$i exited with 0" exits_cleanly $i
done
[ "$checks_failed" -eq 0 ] || "${compose[@]}" logs --tail 30
checks_end
