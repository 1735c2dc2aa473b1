/* storage_sim.h -- running lives, judging how they ended, and what both kinds of runs share. */
#ifndef QUORUM_TESTS_SIM_STORAGE_SIM_H
#define QUORUM_TESTS_SIM_STORAGE_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/simvfs_disk.h"
#include "sim/storage_life.h"

enum { SIM_CAPACITY_BYTES = 16 * 1024 * 1024 };

/* Shared with the children; of the run that is under way. */
extern struct life *sim_life;

/* A new node on an empty disk. */
void sim_begin(uint64_t seed);

/* Lives one life in a child, and judges its end: false when it was wrong; the model says why. */
bool sim_live(const struct simvfs_plan *plan);

/* Starts without faults until the stores open, at most a few times; then closes in order and starts
 * once more. False when something is missing, or they do not open. */
bool sim_heal(uint64_t seed);

struct simvfs_plan sim_quiet_plan(void);

/* Runs the fixed scenario against every fault at every call. stride: only each so many-th call.
 * Returns the number of failed runs, and counts all. */
uint64_t sim_exhaustive(uint64_t stride, uint64_t *runs);

/* Prints why a run failed and what was logged. */
void sim_print_failure(void);

#endif
