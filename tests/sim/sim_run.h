/* sim_run.h -- one run of the simulator: a cluster of whole replicas, its clients and its faults,
 * all of which one seed decides.
 */
#ifndef QUORUM_TESTS_SIM_SIM_RUN_H
#define QUORUM_TESTS_SIM_SIM_RUN_H

#include "base/buf.h"
#include "sim/lab_fault.h"

struct sim_totals {
    uint64_t runs;
    uint64_t failed;
    uint64_t calm_runs; /* that went on until all was well again */
    uint64_t simulated_ms;
    uint64_t replies, unknowns, refusals;
    uint64_t entries, packets, turns;
    uint64_t snapshots, installs, replays;
    uint64_t changes; /* of members, done */
    uint64_t judged;  /* operations, by the checker */
    uint64_t typed;   /* commands of all types answered */
    uint64_t entered; /* transactions in ledgers, acknowledged */
    uint64_t configurations_max;
    struct lab_faults faults;
};

/* Runs one seed and adds to totals; returns a hash of everything that happened. A failure is told
 * on stderr. The history is appended to history as text, unless that is NULL. */
uint64_t sim_run(uint64_t seed, struct sim_totals *totals, struct buf *history);

#endif
