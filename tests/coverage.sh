#!/usr/bin/env bash
# coverage.sh -- which lines of the pure layers the unit tests reach: coverage.sh BUILD LAYER...
#
# BUILD was made with MODE=coverage. Prints a line a file that is below the bar and one a layer;
# ends in "N passed, N failed", counting layers: one passes with PERCENT (95) of its lines.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
build=$1
shift
percent=${PERCENT:-95}
find "$build" -name '*.gcda' -delete
for layer in "$@"; do
    "$build/unit-$layer" >"$build/unit-$layer.log" 2>&1 || {
        tail -n 20 "$build/unit-$layer.log"
        echo "the tests of $layer fail"
    }
done
passed=0
failed=0
for layer in "$@"; do
    gcovr -r . --object-directory "$build" -f "src/$layer/" --csv 2>/dev/null |
        awk -F, -v layer="$layer" -v percent="$percent" '
            NR > 1 { lines += $2; reached += $3
                     if ($2 > 0 && $3 * 100 < $2 * percent)
                         printf "    %-36s %5.1f %%\n", $1, $3 * 100 / $2 }
            END { share = lines > 0 ? reached * 100 / lines : 0
                  printf "%-10s %6d lines  %5.1f %%\n", layer, lines, share
                  exit share < percent }' && passed=$((passed + 1)) || failed=$((failed + 1))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
