#!/bin/sh
# tidy.sh -- the house rules that a compiler cannot check: layers, purity, sizes, headers.
#
#     tests/tidy/tidy.sh build/release        from the root; there lib{base,raft,...}.a are built
#
# Each rule is one test. Says what breaks it and where, and ends in "N passed, N failed".
set -u
export LC_ALL=C

build=${1:?the build directory is missing}
pure='base raft kv wire command replica'
sources=$(find src tests -name '*.c' -o -name '*.h' | sort)
headers=$(find src -name '*.h' | sort)
# Tables of X-macro rows are included several times and say so in their first comment.
tables=$(grep -l 'no include guard on purpose' /dev/null $headers)
complaints=$(mktemp) || exit 1
trap 'rm -f "$complaints"' EXIT

# The directories that files of each directory under src/ may include from.
allowed() {
    case $1 in
    base) echo base ;;
    raft) echo base raft ;;
    kv) echo base kv ;;
    wire) echo base raft wire ;;
    command) echo base kv wire command ;;
    replica) echo base raft kv wire command replica ;;
    storage) echo base raft storage ;;
    net) echo base raft wire replica net ;;
    server) echo base raft kv wire command replica storage net server ;;
    cli) echo base raft wire storage cli ;; # storage: for data directories whose node is down
    esac
}

# Prints "file included" for each project header that a file includes.
includes() { # files
    awk '/^#include "/ { split($0, part, "\""); print FILENAME, part[2] }' "$@"
}

# ---- The rules: each prints one line a violation, and nothing when it is kept ----

rule_layers_include_downwards() {
    includes src/*/*.[ch] | while read -r file included; do
        directory=${file#src/}
        directory=${directory%%/*}
        case " $(allowed "$directory") " in
        *" ${included%%/*} "*) ;;
        *) echo "$file may not include $included" ;;
        esac
    done
}

rule_every_directory_is_a_layer() {
    for directory in src/*/; do
        name=$(basename "$directory")
        [ -n "$(allowed "$name")" ] || echo "src/$name is in no layer; add it to this file"
    done
}

rule_only_raft_h_is_public() {
    includes src/*/*.[ch] | awk '
        $1 !~ "^src/raft/" && $2 ~ "^raft/" && $2 != "raft/raft.h" {
            print $1 " includes " $2 "; only raft/raft.h is public"
        }'
}

rule_libraries_stay_in_their_layers() {
    awk '/^#include </ {
        split(FILENAME, path, "/"); layer = path[2]
        if (/<event2?[\/.]/ && layer !~ /^(net|server)$/) bad = "libevent"
        else if (/<sqlite3/ && layer != "storage") bad = "SQLite"
        else if (/<hiredis/ && layer != "cli") bad = "hiredis"
        else if (/<jansson/ && layer !~ /^(net|cli)$/) bad = "jansson"
        else if (/<xxhash/ && layer != "base") bad = "libxxhash"
        else bad = ""
        if (bad != "") print FILENAME ":" FNR ": " bad " does not belong in src/" layer
    }' src/*/*.[ch]
}

rule_pure_objects_call_nothing_impure() {
    clock='time|clock|clock_.*|gettimeofday|ftime|localtime.*|gmtime.*|mktime|nanosleep|u?sleep'
    chance='s?rand|rand_r|s?random|.*rand48|getrandom|getentropy|arc4random.*'
    threads='pthread_.*|thrd_.*|mtx_.*|sem_.*'
    files='f?open(at|64)?|fdopen|creat|close|p?readv?|p?writev?|lseek|f(data)?sync|rename|unlink|mmap'
    stdio='v?f?printf|f?puts|f?putc|putchar|perror|fwrite|fread|fflush|std(out|err|in)|.*scanf'
    network='socket|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|poll|select|epoll_.*'
    process='(secure_)?getenv|setlocale|localeconv|v?fork|exec[lv].*|signal|sigaction|exit|getpid'
    libraries='sqlite3_.*|ev(ent|buffer|http|util|timer|dns|signal)?_.*|bufferevent_.*|json_.*|redis.*'
    banned="$clock|$chance|$threads|$files|$stdio|$network|$process|$libraries"
    for directory in $pure; do
        archive=$build/lib$directory.a
        [ -f "$archive" ] || {
            echo "$archive is not built"
            continue
        }
        nm -u "$archive" 2>/dev/null | awk -v banned="^($banned)\$" -v directory="$directory" '
            /:$/ { object = $1; sub(/:$/, "", object) }
            $1 == "U" {
                symbol = $2; sub(/@.*/, "", symbol)
                if (symbol ~ banned) print "src/" directory " (pure): " object " calls " symbol
            }'
    done
}

rule_headers_form_a_tree() {
    # shellcheck disable=SC2086 # a list of files
    includes $headers | sed 's|^src/||' | tsort 2>&1 >/dev/null | sed 's/^tsort: //'
}

rule_headers_compile_by_themselves() {
    for header in $headers; do
        case " $tables " in *"$header"*) continue ;; esac
        cc -std=c11 -D_GNU_SOURCE -Isrc -fsyntax-only -x c "$header" 2>&1 |
            awk -v header="$header" '/error:/ { print header " alone: " $0; exit }'
    done
}

rule_header_guards_follow_the_path() {
    for header in $headers; do
        case " $tables " in *"$header"*) continue ;; esac
        guard=QUORUM_$(echo "${header#src/}" | tr 'a-z/.' 'A-Z__')
        [ "$(grep -c -e "^#ifndef $guard\$" -e "^#define $guard\$" "$header")" -eq 2 ] ||
            echo "$header: the guard is $guard"
    done
}

rule_own_header_comes_first() {
    for file in src/*/*.c; do
        own=${file#src/}
        own=${own%.c}.h
        [ -f "src/$own" ] || continue
        first=$(sed -n 's/^#include ["<]\([^">]*\)[">].*/\1/p' "$file" | head -n 1)
        # An internal header of the same name includes the public one.
        [ "$first" = "$own" ] || [ "$first" = "${own%.h}_internal.h" ] || echo "$file: includes $first before $own"
    done
}

rule_files_begin_by_saying_what_they_are() {
    for file in $sources; do
        head -n 1 "$file" | grep -q "^/\* $(basename "$file") -- ." ||
            echo "$file: the first line is not '/* $(basename "$file") -- what it is'"
    done
}

rule_functions_are_short() {
    # shellcheck disable=SC2086
    awk '/^\{/ { start = FNR }
        /^\}/ {
            if (start && FNR - start - 1 > 70)
                print FILENAME ":" start ": a function of " FNR - start - 1 " lines; 70 at most"
            start = 0
        }' $sources
}

rule_functions_take_few_parameters() {
    # A signature is what stands between the last blank line, "}" or ";" and a "{" in column 1.
    awk '
        FNR == 1 || /^$/ || /^}/ || /;$/ || /\*\/$/ || /^#/ { signature = ""; next }
        /^\{/ {
            sub(/^[^(]*\(/, "", signature); sub(/\)[^)]*$/, "", signature)
            while (sub(/\([^()]*\)/, "", signature)) { }
            if (gsub(/,/, "", signature) + 1 > 5)
                print FILENAME ":" FNR ": a function of more than 5 parameters"
            signature = ""; next
        }
        { signature = signature " " $0 }' src/*/*.c
}

rule_files_are_short() {
    # shellcheck disable=SC2086
    wc -l $sources | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines; 600 at most" }'
}

rule_lines_fit_100_columns() {
    # Bytes of UTF-8 beyond the first of a character take no column.
    # shellcheck disable=SC2086
    awk '{ line = $0; gsub(/[\200-\277]/, "", line) }
        length(line) > 100 { print FILENAME ":" FNR ": over 100 columns" }' $sources
}

rule_nothing_is_left_for_later() {
    find src tests deps conf Makefile -type f ! -path 'tests/tidy/*' -exec \
        grep -nwE 'TODO|FIXME|XXX' {} + | cut -c 1-120
}

rule_asserts_stay_on() {
    # shellcheck disable=SC2086
    grep -nE '^#include <assert.h>|[^_a-zA-Z]assert\(' $sources | grep -v static_assert |
        sed 's/$/  (base\/assert.h has ASSERT)/'
}

rule_the_readme_names_files_that_exist() {
    [ -f README.md ] || return 0
    grep -oE '(src|tests|conf|deps)/[a-zA-Z0-9_./-]*[a-zA-Z0-9_]' README.md | sort -u |
        while read -r path; do
            [ -e "$path" ] || echo "README.md names $path, which does not exist"
        done
}

# ---- Running them ----

passed=0
failed=0
for rule in $(sed -n 's/^\(rule_[a-z0-9_]*\)() {$/\1/p' "$0"); do
    $rule >"$complaints"
    if [ -s "$complaints" ]; then
        failed=$((failed + 1))
        echo "tidy: $(echo "${rule#rule_}" | tr _ ' '): broken by"
        sed 's/^/    /' "$complaints"
    else
        passed=$((passed + 1))
    fi
done

# Not an error: a file that is getting long is split before it must be.
# shellcheck disable=SC2086
wc -l $sources | awk '$2 != "total" && $1 > 500 && $1 <= 600 {
    print "tidy: note: " $2 " has " $1 " lines; 600 is the limit" }'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
