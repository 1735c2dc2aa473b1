/* storage_life_internal.h -- what the parts of a life share: its stores and its steps. */
#ifndef QUORUM_TESTS_SIM_STORAGE_LIFE_INTERNAL_H
#define QUORUM_TESTS_SIM_STORAGE_LIFE_INTERNAL_H

#include "base/prng.h"
#include "sim/storage_life.h"
#include "storage/disk_reserve.h"
#include "storage/log_store.h"
#include "storage/snapshot_files.h"
#include "storage/state_store.h"

/* This process's; the one instance. */
struct living {
    struct life *life;
    struct model *model;
    struct prng prng;
    struct disk_reserve *reserve;
    struct log_store *log; /* NULL while nothing may be asked of it */
    struct state_store *state;
    struct state_store_options state_options;
    uint64_t persist_id;
    uint64_t fatal_faults; /* that were forgiven */
    bool is_begun;         /* a snapshot was, and not committed */
    bool has_copy;
    struct model_snapshot copied;
    uint64_t copy_bytes;
    uint64_t copy_hash;
    struct snapshot_files *files;
    struct state_store_outcome outcome; /* what was completed since it was cleared */
};

extern struct living living;

/* Takes in what the stores report. */
void life_collect(void);

/* Lets the stores' threads do everything, and takes in what they report. */
void life_settle(void);

/* One step drawn by chance; the steps of the fixed scenario by number. */
void life_step(void);
bool life_fixed_step(uint32_t number);

/* Steps: copies the state, or drops the copy; sends it to ourselves and installs it. */
void life_copy(void);
void life_receive(void);

/* Drops the log; it goes on behind the snapshot. */
void life_reset_to_snapshot(void);

/* Ends the process when the model has found a failure. */
void life_check(void);

#endif
