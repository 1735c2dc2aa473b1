/* checker.h -- is a history linearizable: is there one order of its operations, each taking effect
 * at an instant between its begin and its end, in which every reply is the due one?
 *
 * Herlihy and Wing, "Linearizability: a correctness condition for concurrent objects" (1990): a
 * history is linearizable if it is so for every object by itself, so keys are judged apart, but for
 * those that one command names together.
 *
 * The search is Wing and Gong's, "Testing and verifying concurrent objects" (1993), with Lowe's
 * memory of configurations seen before, "Testing for linearizability" (2017). An operation whose
 * outcome is unknown may take effect at any time after its begin, or never.
 */
#ifndef QUORUM_TESTS_LINEAR_CHECKER_H
#define QUORUM_TESTS_LINEAR_CHECKER_H

#include <stdint.h>

#include "base/buf.h"
#include "linear/history.h"

enum checker_verdict {
    CHECKER_LINEARIZABLE = 1,
    CHECKER_NOT_LINEARIZABLE,
    CHECKER_UNDECIDED, /* the budget was used up: counts as failed */
    CHECKER_INVALID,   /* a command that the model does not know */
};

struct checker_report {
    enum checker_verdict verdict;
    uint32_t operations;     /* judged */
    uint32_t parts;          /* that were judged apart */
    uint64_t configurations; /* looked at, in all */
    struct buf explanation;  /* empty, or lines for a person; the caller's to deinit */
};

/* configurations_max bounds time and memory (about 50 bytes each), for each part by itself. */
void checker_check(const struct history *history, uint64_t configurations_max,
                   struct checker_report *report);

#endif
