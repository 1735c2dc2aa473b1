/* main.c -- Quorum's own bench over hiredis. run.py calls it for 'make bench'.
 *
 *     bench load                     sets KEYS keys (1000000) of BYTES bytes (32) at PORT
 *     bench latency                  requests at RATE a second (5000) for SECONDS (10) at PORT
 *     bench failover QUORUM          kills the leader of three nodes KILLS times (100)
 *     bench snapshots QUORUM         what snapshots and membership changes cost; see snapshots.c
 *
 * Nodes that it starts have their data in a directory under TMPDIR (/tmp), which is removed again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "lib/cluster.h"
#include "lib/files.h"

enum { LOAD_KEYS = 1000000, LOAD_BYTES = 32 };

/* Calls one of the parts that start nodes of their own. */
static bool run_with_nodes(const char *binary, void (*part)(const char *, const char *))
{
    char directory[CLUSTER_PATH_BYTES / 2];
    const char *parent = getenv("TMPDIR");
    (void)snprintf(directory, sizeof(directory), "%s/quorum-bench-XXXXXX",
                   parent == NULL ? "/tmp" : parent);
    if (access(binary, X_OK) != 0 || mkdtemp(directory) == NULL) {
        fprintf(stderr, "bench: cannot run %s, or make %s\n", binary, directory);
        return false;
    }
    part(binary, directory);
    files_remove_tree(directory);
    return true;
}

int main(int argc, char **argv)
{
    const char *part = argc < 2 ? "" : argv[1];
    if (argc == 2 && strcmp(part, "load") == 0) {
        bench_load((uint16_t)bench_number("PORT", 6379), bench_number("KEYS", LOAD_KEYS),
                   bench_number("BYTES", LOAD_BYTES));
        return 0;
    }
    if (argc == 2 && strcmp(part, "latency") == 0) {
        bench_latency();
        return 0;
    }
    if (argc == 3 && strcmp(part, "failover") == 0) {
        return run_with_nodes(argv[2], bench_failover) ? 0 : 1;
    }
    if (argc == 3 && strcmp(part, "snapshots") == 0) {
        return run_with_nodes(argv[2], bench_snapshots) ? 0 : 1;
    }
    fprintf(stderr, "usage: bench load|latency, or bench failover|snapshots QUORUM\n");
    return 2;
}
