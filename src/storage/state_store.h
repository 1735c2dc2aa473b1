/* state_store.h -- state.db: the keyspace as of an applied index, in SQLite, written by a thread of
 * its own.
 *
 * A snapshot is one transaction: rows that changed, the rest stays; then one row of meta. Until it
 * is committed the file holds the snapshot before it, whole. Rows carry checksums; the meta row
 * carries one over itself and the number of rows. One connection, WAL, synchronous=FULL, EXCLUSIVE;
 * a checkpoint follows every snapshot, so between snapshots the main file alone is the state.
 *
 * Errors as in log_store.h: an I/O error while writing stops the process, except where a function
 * says that it may fail. A full disk while a snapshot is written gives that snapshot up: the file
 * stays as it was, and the outcome says so.
 */
#ifndef QUORUM_STORAGE_STATE_STORE_H
#define QUORUM_STORAGE_STATE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/state_row.h"
#include "raft/raft.h"

/* What a snapshot is of. */
struct state_meta {
    uint64_t index; /* applied; 0: there is no snapshot */
    uint64_t term;
    struct raft_configuration configuration;
    int64_t clock_ms;
    uint64_t state_hash;
    uint32_t slots[LIMIT_DATABASES]; /* kv/keyspace_snapshot.h */
    uint32_t next_slot;
    struct slice replica_state; /* opaque here; at most STATE_REPLICA_STATE_BYTES_MAX */
};
#define STATE_REPLICA_STATE_BYTES_MAX 4096

struct disk_reserve;
struct state_store;

struct state_store_options {
    const char *directory; /* locked by this process */
    const char *node_name;
    uint64_t node_id;
    struct disk_reserve *reserve; /* given up when opening finds no room; NULL: none */
};

/*
 * Opens or creates state.db, checks version and identity, and starts the thread. meta is filled
 * with what the file holds (index 0: nothing); its slice is valid until the store is closed.
 *
 * Failures are logged here with cause and remedy: RESULT_IDENTITY, RESULT_VERSION, RESULT_CORRUPT,
 * RESULT_LOCKED, RESULT_FULL, RESULT_IO.
 */
MUST_CHECK enum result state_store_open(const struct state_store_options *options,
                                        struct state_meta *meta, struct state_store **store);

/*
 * Reads every live row in the store's thread, verifying each checksum and their number, and hands
 * them over in blobs of encoded rows (base/state_row.h) through a bounded queue: at start, before
 * anything else is submitted.
 */
void state_store_load_begin(struct state_store *store);

/* Waits for the next blob of rows, which is the caller's then; *rows is NULL at the end. A result
 * other than RESULT_OK (logged, names the row) ends the loading. */
MUST_CHECK enum result state_store_load_next(struct state_store *store, struct blob **rows);

/* A snapshot: begin, any number of rows, commit; none of them blocks. rows holds encoded rows
 * (base/state_row.h) and is retained until they are written. Rows of type STATE_ROW_REMOVED delete;
 * the others insert or replace. A begin without a
 * commit gives up what was begun before. commit deletes the rows of slots that meta does not name,
 * writes meta and makes everything durable. */
void state_store_begin(struct state_store *store);
void state_store_put(struct state_store *store, struct blob *rows);
void state_store_commit(struct state_store *store, const struct state_meta *meta);

/* Rows submitted and not taken up yet, in bytes: the caller holds back when it is much. What the
 * thread has gathered to be sorted, 64 MiB at most and one put more, does not count. */
uint64_t state_store_backlog(const struct state_store *store);

/* Copies the state as of the last commit into a new file at path, consistent, checkpointed, synced,
 * directory included; what a follower, a backup and a restore are given. Done between snapshots, in
 * the thread. path must not exist. May fail (full disk): the outcome comes with
 * state_store_completed. One at a time. */
void state_store_copy(struct state_store *store, const char *path);

/* Puts a verified state file in the place of state.db, in the thread, and goes on with it: gives up
 * what was begun, closes, state_file_install, opens. The outcome comes with state_store_completed;
 * a failure before the rename leaves the old file in use. */
void state_store_install(struct state_store *store, const char *path);

/* A descriptor that becomes readable when something was completed (an eventfd). */
int state_store_descriptor(const struct state_store *store);

struct state_store_outcome {
    uint64_t index;    /* of the newest durable snapshot, 0 before the first */
    bool is_copy_done; /* since the last call */
    enum result copy_result;
    uint64_t copy_index; /* of the state that was copied */
    uint64_t copy_term;
    uint64_t copy_bytes;
    uint64_t copy_hash; /* XXH3 of the whole file */
    bool is_given_up;   /* a snapshot could not be written for want of room */
    bool is_install_done;
    enum result install_result;
};

/* Clears the descriptor, releases what was written, and says what was completed. */
void state_store_completed(struct state_store *store, struct state_store_outcome *outcome);

/* Names that end so are temporary: what lies in the data directory under one is removed when the
 * store is opened. A state file that is being received should have such a name. */
#define STATE_FILE_TEMPORARY ".part"

/* Checks a state file that no process has open, row by row: format, checksums, number of rows.
 * Fills meta (its slice points into replica_state, which has STATE_REPLICA_STATE_BYTES_MAX). Logs
 * what is wrong. */
MUST_CHECK enum result state_file_verify(const char *path, struct state_meta *meta,
                                         uint8_t *replica_state);

/* Puts a verified state file in the place of state.db in a directory whose store is closed, by
 * rename, synced; its identity becomes that of options. A crash leaves the old or the new one. */
MUST_CHECK enum result state_file_install(const struct state_store_options *options,
                                          const char *path);

/* Waits for what is queued, stops the thread, closes the file; but gives up a snapshot whose rows
 * have not all been taken up. */
void state_store_close(struct state_store *store);

#endif
