/* storage_model.h -- what the stores must still have after whatever happened: everything that they
 * reported durable, and nothing that they were not given.
 *
 * The model lies in shared memory, as the disk does (simvfs_disk.h): the process that submits
 * writes down what it submits before it does, and what was reported when it was. What was submitted
 * and not reported may or may not be found: in order, so any first part of it.
 */
#ifndef QUORUM_TESTS_SIM_STORAGE_MODEL_H
#define QUORUM_TESTS_SIM_STORAGE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "base/state_row.h"
#include "storage/log_store.h"
#include "storage/state_store.h"

enum {
    MODEL_INDEX_MAX = 4096,
    MODEL_UNITS_MAX = 32,
    MODEL_UNIT_ENTRIES_MAX = 6,
    MODEL_KEYS = 40,
    MODEL_SNAPSHOTS_MAX = 8,
    MODEL_NODE_ID = 11,
};

struct model_entry {
    uint64_t term;
    uint64_t content; /* the seed of its payload */
    enum raft_entry_type type;
};

struct model_log {
    struct raft_hard_state hard_state;
    uint64_t commit_index;
    uint64_t base_index;
    uint64_t base_term;
    uint64_t last_index;
    struct model_entry entries[MODEL_INDEX_MAX]; /* by index */
};

struct model_unit {
    struct raft_persist persist; /* without entries */
    uint32_t entries_count;
    uint64_t first_index;
    struct model_entry entries[MODEL_UNIT_ENTRIES_MAX];
};

struct model_snapshot {
    uint64_t index;
    uint64_t term;
    uint32_t slot;                 /* of database 0; a flush takes a new one */
    uint32_t versions[MODEL_KEYS]; /* 0: no such key */
};

struct model {
    struct model_log log;                     /* reported */
    struct model_log previous;                /* reported before the last transaction */
    struct model_log tip;                     /* as of all that was submitted */
    struct model_unit units[MODEL_UNITS_MAX]; /* submitted and not reported */
    uint32_t units_count;
    uint64_t compact_index; /* the highest that compaction was told */
    uint64_t incarnation;
    uint64_t disk_id;
    struct model_snapshot snapshot; /* reported */
    struct model_snapshot candidates[MODEL_SNAPSHOTS_MAX];
    uint32_t candidates_count;
    struct model_snapshot older[MODEL_SNAPSHOTS_MAX];
    uint32_t older_count;
    uint64_t checks;
    uint64_t tails_lost;  /* last transactions lost to damage in the WAL, which looks like a tear */
    uint64_t pages_stale; /* lost writes of a page that nothing else contradicts */
    char failure[512];    /* empty: none */
};

/* A new node on an empty disk. */
void model_init(struct model *model, uint64_t disk_id);

/* The first configuration; it names the cluster. */
void model_bootstrap(struct raft_configuration *out);

/* Notes a failure, the first one. */
void model_fail(struct model *model, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- The log ---- */

/* Draws a unit that raft could persist next, without entries of it being made. */
void model_draw_unit(struct model *model, struct prng *prng, struct model_unit *unit);

/* The unit is about to be submitted. */
void model_note_unit(struct model *model, const struct model_unit *unit);

/* Units up to this id were reported durable, in one transaction. */
void model_note_durable(struct model *model, uint64_t id);

/* The payload of an entry; NULL when it is empty. */
struct blob *model_payload(const struct model_entry *entry);

/* Compares what was found with the model, which goes on from there. may_be_stale: the files were
 * damaged in a way that can look like an older state. */
void model_check_log(struct model *model, const struct log_recovery *found, bool is_wal_damaged,
                     bool may_be_stale);

/* ---- The state ---- */

void model_meta(const struct model_snapshot *snapshot, struct state_meta *out);

/* The row of a key as of a snapshot; its bytes are valid until the next call. */
void model_row(const struct model_snapshot *snapshot, uint32_t key, struct state_row *out);

/* A snapshot was found with these rows: of version numbers. Compares as model_check_log does. */
void model_check_snapshot(struct model *model, const struct model_snapshot *found, bool is_damaged);

/* Adds a row that was found to a snapshot; false: no such row was ever written. */
bool model_take_row(struct model_snapshot *found, const struct state_row *row);

void model_note_candidate(struct model *model, const struct model_snapshot *snapshot);
void model_note_snapshot(struct model *model, uint64_t index);
void model_drop_candidates(struct model *model);

bool model_meta_fits(const struct state_meta *meta);

#endif
