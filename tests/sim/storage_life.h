/* storage_life.h -- one life of the storage process: opens the stores as the server does, uses them
 * as the replica would, and ends in order, by a kill, or of what the disk did to it.
 */
#ifndef QUORUM_TESTS_SIM_STORAGE_LIFE_H
#define QUORUM_TESTS_SIM_STORAGE_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "sim/storage_model.h"

/* How the process ended, besides SIMVFS_CRASH_EXIT_CODE and STORAGE_FATAL_EXIT_CODE. */
enum {
    LIFE_CLOSED = 0,
    LIFE_KILLED = 98,
    LIFE_NOT_OPENED = 97,
    LIFE_WRONG = 96, /* a check failed; the model says which */
};

enum { LIFE_LINES = 24, LIFE_LINE_BYTES = 320 };

/* In shared memory. */
struct life {
    struct model model;
    uint64_t seed; /* of this life */
    uint32_t steps;
    bool is_fixed;   /* the short scenario of the exhaustive runs instead of chance */
    bool ends_clean; /* else killed behind the last step */
    bool is_quiet;   /* nothing is injected, the disk is large */
    uint64_t failing_allocation;
    bool fails_for_ever;
    /* What becomes of the directory at the next start. */
    bool is_created;     /* a start has succeeded: nothing may be gone */
    bool is_log_damaged; /* noticed */
    bool is_state_damaged;
    bool is_moving; /* damaged files, and perhaps all were moved */
    /* Reported back. */
    enum result open_result;
    const char *opened; /* what could not be opened */
    bool had_full_disk;
    bool is_installing; /* then it needs room to start again, and stops without */
    uint64_t allocations;
    uint64_t starts;
    uint64_t units_reported;
    uint64_t snapshots_reported;
    uint64_t copies;
    uint64_t installs;
    uint64_t given_up;
    uint64_t stalls;
    uint64_t moved_aside;
    uint32_t lines_count;
    char lines[LIFE_LINES][LIFE_LINE_BYTES]; /* the last ones that were logged */
};

/* Lives it in this process, a child of its own, and ends the process. */
_Noreturn void life_run(struct life *life);

/* Adds a line to those that were logged. */
void life_log(struct life *life, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
