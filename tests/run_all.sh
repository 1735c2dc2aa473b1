#!/usr/bin/env bash
# run_all.sh -- every test, stage by stage: what 'make test' and CI run.
#
# A stage is a command that ends in a line "N passed, N failed" or "N passed, N failed, N skipped".
# Its output goes to build/test-logs/, and to the terminal when it fails. Ends in a table of all
# stages and in one such line for all; exits 0 only if nothing failed and every stage has counted.
#
#     tests/run_all.sh [STAGE]...        all stages, or those whose names begin with one of these
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

root=${BUILD_ROOT:-build}
logs=$root/test-logs
make=(make --no-print-directory "-j$(nproc)")
selected=("$@")

passed=0
failed=0
skipped=0
table=''

is_selected() {
    [ ${#selected[@]} -eq 0 ] && return 0
    local prefix
    for prefix in "${selected[@]}"; do
        [[ $1 == "$prefix"* ]] && return 0
    done
    return 1
}

add_row() { # name, passed, failed, skipped, seconds, remark
    passed=$((passed + $2))
    failed=$((failed + $3))
    skipped=$((skipped + $4))
    table+=$(printf '%-28s %8d %8d %8d %6d s  %s' "$@")$'\n'
}

# Runs a stage. Its own last count line is believed; without one, or with an exit status that says
# otherwise, the stage itself is one failure.
stage() { # name, command...
    local name=$1
    shift
    is_selected "$name" || return 0
    local log=$logs/$(tr -cs "a-z0-9\n" - <<<"$name" | sed "s/-$//").log started=$SECONDS status=0 line remark=''
    printf '== %s\n' "$name"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1)
    local counts=(0 0 0)
    read -ra counts <<<"$(tr -c '0-9\n' ' ' <<<"$line") 0"
    if [ -z "$line" ]; then
        counts=(0 1 0)
        remark="no counts, exit status $status"
    elif [ "$status" -ne 0 ] && [ "${counts[1]}" -eq 0 ]; then
        counts[1]=1
        remark="exit status $status"
    fi
    if [ "${counts[1]}" -ne 0 ]; then
        tail -n 100 "$log"
        remark="$remark  $log"
    elif [ "${counts[2]}" -ne 0 ]; then
        remark=$(grep -i 'skip' "$log" | grep -v ' passed, ' | tail -n 1)
    fi
    add_row "$name" "${counts[0]}" "${counts[1]}" "${counts[2]}" $((SECONDS - started)) "$remark"
}

# All unit tests, a stage for each directory; with the sanitizers, which notice all that a build
# without them does.
unit_stages() {
    local directory name
    for directory in tests/unit/*/; do
        name=$(basename "$directory")
        stage "unit $name (asan)" "${make[@]}" MODE=asan "BUILD=$root/asan" "unit-$name"
    done
}

mkdir -p "$logs"

stage format tests/tidy/format.sh
stage tidy "${make[@]}" "BUILD=$root/release" tidy
stage "mutants apply" tests/mutants/run.py --check
unit_stages
# Where threads meet: the stores of the log and of the state are the only places.
threaded=(flushes log_compaction log_faults log_full_disk log_store
          state_faults state_full_disk state_install state_load state_store)
stage "unit storage (tsan)" "${make[@]}" MODE=tsan "BUILD=$root/tsan" unit-storage "TESTS=${threaded[*]}"
stage sim "${make[@]}" "BUILD=$root/release" sim SEED=1 SEEDS=4000 "JOBS=$(nproc)"
stage "sim (asan)" "${make[@]}" MODE=asan "BUILD=$root/asan" sim SEED=1 SEEDS=300 "JOBS=$(nproc)"
stage "fuzz corpora" "${make[@]}" MODE=asan "BUILD=$root/asan" fuzz-replay
stage "sim storage" "${make[@]}" "BUILD=$root/release" sim-storage SEEDS=250 EXHAUSTIVE=71 SIM_FLAGS=--floors
stage integration "${make[@]}" "BUILD=$root/release" test-integration
stage chaos "${make[@]}" "BUILD=$root/release" chaos RUNS=2 SECONDS=15
[ -d redis-tests ] && stage redis "${make[@]}" "BUILD=$root/release" test-redis
stage demo "${make[@]}" "BUILD=$root/release" demo
stage compose "${make[@]}" test-compose

printf '\n%-28s %8s %8s %8s %8s\n%s\n' stage passed failed skipped time "$table"
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
