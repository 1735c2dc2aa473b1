#!/usr/bin/env bash
# replay_all.sh -- runs fuzz targets on their corpora: replay_all.sh BUILD TARGET...
#
# Ends in a line "N passed, N failed", summed over the targets.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
build=$1
shift
passed=0
failed=0
for target in "$@"; do
    output=$("$build/fuzz-$target" "tests/fuzz/corpus/$target" 2>&1)
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' <<<"$output" | tail -n 1)
    if [ -z "$line" ]; then
        line='0 passed, 1 failed'
    fi
    read -r ok _ bad _ <<<"$line"
    [ "$bad" -eq 0 ] || printf '%s\n' "$output"
    printf '%-12s %s\n' "$target" "$line"
    passed=$((passed + ok))
    failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
