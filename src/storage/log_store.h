/* log_store.h -- raft.db: Raft's hard state and log in SQLite, written by a thread of its own.
 *
 * The loop thread opens the store (which verifies everything and gives back what was durable),
 * submits units of persistence without ever waiting, and learns through a file descriptor which
 * ids are durable. The store's thread takes all that is queued, writes it in one transaction
 * (group commit), and only then reports. One connection, WAL, synchronous=FULL, EXCLUSIVE;
 * checkpoints are explicit and happen between commits, after they were reported.
 *
 * Any I/O error, or a bad checksum found while running, stops the process with a message that says
 * what failed, where, and what to do; no fsync is ever tried a second time. A full disk is no such
 * error: the transaction is rolled back whole, the reserve file (disk_reserve.h) is given up to
 * make room, and it is made again until it fits; meanwhile nothing is reported durable, and the
 * stats say that the store is stalled.
 */
#ifndef QUORUM_STORAGE_LOG_STORE_H
#define QUORUM_STORAGE_LOG_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/result.h"
#include "raft/raft.h"

struct disk_reserve;
struct log_store;

struct log_store_options {
    const char *directory; /* data directory; must be locked by this process (data_dir.h) */
    const char *node_name; /* whose directory this must be */
    uint64_t node_id;
    /* Used only when the directory is new: the first configuration, recorded as bootstrap. */
    const struct raft_configuration *bootstrap;
    uint32_t wal_bytes_max; /* checkpoint when the WAL is longer; 0: the default, 4 MiB */
    /* Becomes the disk's id when the directory is new (raft.h, raft_member); random, not 0. */
    uint64_t new_disk_id;
    /* The incarnation is at least this: Unix milliseconds, so that a node whose directory was lost
     * does not count its starts from 1 again. */
    uint64_t incarnation_min;
    /* If the last one is greater, so much above that; 0: one. Drawn by chance: a start from an
     * older image of the disk, by a clock that is behind, is not to come upon one that was used
     * (O4). */
    uint32_t incarnation_step;
    struct disk_reserve *reserve; /* given up when there is no room; NULL: none */
};

/* What was found on disk, verified. Owned by the caller: log_recovery_deinit. */
struct log_recovery {
    bool created; /* the directory was new */
    struct raft_hard_state hard_state;
    struct raft_configuration bootstrap; /* as recorded when the directory was new */
    uint64_t commit_index; /* highest commit index recorded, a hint that is never too high */
    uint64_t disk_id;
    uint64_t incarnation; /* grows with every start; durable before return */
    uint64_t base_index;  /* the log begins behind it; 0: nothing was compacted. A snapshot of this
                           * index or a later one must exist */
    uint64_t base_term;
    struct raft_entry *entries; /* from base_index + 1, contiguous; payloads owned */
    uint64_t entries_count;
};

void log_recovery_deinit(struct log_recovery *recovery);

/*
 * Opens or creates raft.db in the directory, verifies format version, identity, every row's
 * checksum and the chain, counts the incarnation up, and starts the thread.
 *
 * Every failure is logged here, once, with cause and remedy: RESULT_IDENTITY (another node's or
 * cluster's directory), RESULT_VERSION, RESULT_CORRUPT (names the row), RESULT_LOCKED, RESULT_FULL
 * (the reserve, if there was one, was given up in vain), RESULT_IO.
 * On failure nothing is left open, and recovery and store are untouched.
 */
MUST_CHECK enum result log_store_open(const struct log_store_options *options,
                                      struct log_recovery *recovery, struct log_store **store);

/* Queues one unit, reset included; persist->id must grow. Retains the payloads until the unit is
 * durable. Never blocks on the disk. */
void log_store_submit(struct log_store *store, const struct raft_persist *persist);

/* A snapshot of index is durable elsewhere: deletes the rows up to index, as far as there are any,
 * in bounded steps in and between the commits: a unit waits for one small step at most. What was
 * not deleted when the store is closed stays until the next call. An index that is lower than one
 * given before changes nothing. The space is used again; the file does not shrink. */
void log_store_compact(struct log_store *store, uint64_t index);

/* A snapshot up to (index, term) was installed: drops every row; the log is empty and goes on after
 * index. Queued in order: durable before, or together with, anything submitted later. index must
 * not be below a commit index that was submitted. */
void log_store_reset(struct log_store *store, uint64_t index, uint64_t term);

/* A descriptor that becomes readable when ids have become durable (an eventfd). */
int log_store_descriptor(const struct log_store *store);

/* Clears the descriptor, releases payloads that are durable now, and returns the highest durable
 * persist id (0 before the first). Loop thread only. */
uint64_t log_store_completed(struct log_store *store);

/* Figures for INFO and metrics; may be called from the loop thread at any time. */
struct log_store_stats {
    uint64_t commits;            /* transactions made durable since the start */
    uint64_t units;              /* persist units in them */
    uint64_t fsync_microseconds; /* time spent in COMMIT, summed */
    uint64_t fsync_microseconds_max;
    uint64_t checkpoints;
    uint64_t base_index;     /* the log begins behind it */
    uint64_t wal_bytes;      /* now */
    uint64_t database_bytes; /* now */
    uint64_t oldest_unit_us; /* how long the oldest unit submitted and not durable has waited */
    bool is_full;            /* the last try found no room on the disk */
};
void log_store_get_stats(const struct log_store *store, struct log_store_stats *out);

/* Waits for what is queued to become durable, checkpoints, stops the thread, closes the file. While
 * the disk is full it waits for nothing: what is not durable then, is dropped. */
void log_store_close(struct log_store *store);

#endif
