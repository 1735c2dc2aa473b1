#!/bin/sh
# format.sh -- would clang-format change anything? 'make format' mends it.
set -u
find src tests -name '*.c' -o -name '*.h' | sort |
    xargs clang-format-14 --dry-run --Werror 2>&1 | grep -o '^[^:]*:[0-9]*:[0-9]*: error.*' |
    cut -d: -f1 | uniq -c | awk '{ print "format: " $2 ": " $1 " places are not as .clang-format says" }
        END { print NR == 0 ? "1 passed, 0 failed" : "0 passed, 1 failed"; exit NR > 0 }'
