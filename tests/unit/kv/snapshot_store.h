/* snapshot_store.h -- state.db so plain that it is certainly right: rows in lists, for the tests of
 * snapshots. */
#ifndef QUORUM_TESTS_SNAPSHOT_STORE_H
#define QUORUM_TESTS_SNAPSHOT_STORE_H

#include "base/buf.h"
#include "kv/keyspace_snapshot.h"

enum { STORE_LISTS = 1024 };

struct stored_row;

struct snapshot_store {
    struct stored_row *lists[STORE_LISTS];
    struct buf pending; /* rows of the snapshot being written */
    uint64_t commits;
    uint64_t pending_rows;    /* of the last commit */
    uint64_t pending_removed; /* of these */
    uint64_t repeated;        /* keys that came twice in one snapshot: a bug */
    uint64_t corrupt;         /* rows that could not be decoded: a bug */
    struct keyspace_meta meta;
};

/* Zeroed memory is an empty store. */
void snapshot_store_deinit(struct snapshot_store *store);

/* Applies the pending rows and drops those of slots that meta does not name. */
void snapshot_store_commit(struct snapshot_store *store, const struct keyspace_meta *meta);

/* Forgets the pending rows. */
void snapshot_store_give_up(struct snapshot_store *store);

/* Returns a new keyspace with all rows; refused counts those it did not take. */
struct keyspace *snapshot_store_load(const struct snapshot_store *store, uint64_t hash_seed,
                                     uint64_t *refused);

uint64_t snapshot_store_count(const struct snapshot_store *store);

#endif
