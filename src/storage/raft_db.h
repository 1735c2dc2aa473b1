/* raft_db.h -- the SQLite side of the log store (private to storage): one connection to raft.db.
 *
 * Used by one thread at a time: the loop thread while opening and after the store's thread ended,
 * the store's thread in between. SQLite's own codes do not leave these files.
 *
 * Tables (STRICT; unsigned 64-bit numbers are stored as the signed ones of the same bits):
 *
 *   meta (name, value)   written once: format_version, node_name, node_id,
 *                        bootstrap (raft_configuration_encode, or NULL), checksum over all of them
 *   state (one row)      term, vote, commit_index, last_index, last_chain, base_index, base_term,
 *                        base_chain, incarnation, running, cluster_index, disk_id, cluster_id,
 *                        checksum over all of them
 *   log (one row an entry)   idx, term, type, checksum, chain, payload (NULL when empty)
 *
 * base_index, base_term and base_chain are what the first row builds on: 0, 0 and
 * LOG_ROWS_CHAIN_START until the log is compacted; a reset begins a chain of its own. cluster_id
 * is set by the first CONFIGURATION entry that names one, at cluster_index, in one transaction with
 * it, and goes again if that entry is truncated. running is 1 from open to close: after an unclean
 * end there must be a WAL file.
 *
 * last_index and last_chain make rows missing at the end as visible as rows missing in the middle.
 * In the WAL the row can tell nothing: it would be lost together with the rows it speaks of, and a
 * frame that is missing before others is found by wal_scan. What it guards is the database file,
 * whose pages have no checksums. So a transaction that only appends leaves the row alone (one page
 * to write instead of two), except every so many entries or bytes, and it is up to date whenever
 * the WAL is checkpointed, and at a clean end. After an unclean end fewer than
 * RAFT_DB_UNRECORDED_MAX rows may follow the row's last_index, in the same chain; commit_index, a
 * hint that saves a restart waiting for its leader, is as old as that.
 */
#ifndef QUORUM_STORAGE_RAFT_DB_H
#define QUORUM_STORAGE_RAFT_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "storage/log_store.h"
#include "storage/sqlite_file.h"

/* Version 2 is version 3 without disk_id, in the table and in the checksum of its row. It is made
 * version 3 in place when a node opens it. */
enum { RAFT_DB_FORMAT_VERSION = 3, RAFT_DB_FORMAT_VERSION_BEFORE = 2 };

enum { RAFT_DB_UNRECORDED_MAX = 64 };

/* The row of table state, as it would be written at the end of the transaction under way. */
struct raft_db_state {
    struct raft_hard_state hard_state;
    uint64_t commit_index;
    uint64_t last_index;
    uint64_t last_chain;
    uint64_t base_index; /* the last index that is in a snapshot only; 0: none */
    uint64_t base_term;
    uint64_t base_chain;
    uint64_t incarnation;
    bool running;
    uint64_t cluster_index; /* the entry that named cluster_id; 0: the bootstrap did, or nobody */
    uint64_t disk_id;
    uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES]; /* all zero: not named yet */
};

enum raft_db_statement {
    RAFT_DB_BEGIN,
    RAFT_DB_COMMIT,
    RAFT_DB_APPEND,
    RAFT_DB_TRUNCATE,
    RAFT_DB_CHAIN_AT,
    RAFT_DB_SIZES,
    RAFT_DB_BASE_AT,
    RAFT_DB_COMPACT,
    RAFT_DB_CLEAR,
    RAFT_DB_PUT_STATE,
    RAFT_DB_ENTRY_AT,
    RAFT_DB_REWRITE,
    RAFT_DB_STATEMENTS_COUNT
};

/* Whose a file is. */
struct raft_db_owner {
    char node_name[LIMIT_NODE_NAME_BYTES];
    uint64_t node_id;
};

struct raft_db {
    struct sqlite_file file;
    sqlite3_stmt *statements[RAFT_DB_STATEMENTS_COUNT];
    struct raft_db_state state;
    struct raft_db_state stored_state; /* as of the transaction before */
    uint64_t recorded_index;           /* last_index and last_chain of the row itself */
    uint64_t recorded_chain;
    uint64_t unrecorded_bytes; /* appended since, about */
    bool is_row_wanted;        /* the next transaction is to write it */
    struct buf bootstrap;      /* as recorded; empty: none */
    uint64_t format_version;   /* of the file, once its owner was read */
};

/* What a person is told to do about data that cannot be trusted. */
#define RAFT_DB_REMEDY_CORRUPT                                                                     \
    "this copy of the log cannot be trusted, so this node will not start from it; restore it "     \
    "from "                                                                                        \
    "its peers: move the data directory away (keep it), remove the node from the cluster and add " \
    "it again with an empty directory"

/*
 * Opens or creates raft.db: checks what lies around it, its WAL, version and identity, sets and
 * reads back every pragma, and loads the state row. Logs each failure. On failure the caller still
 * calls raft_db_close. created tells whether the file was new.
 */
MUST_CHECK enum result raft_db_open(struct raft_db *db, const struct log_store_options *options,
                                    bool *created);

/* Prepares what writing needs in a file that was opened as it is. */
MUST_CHECK enum result raft_db_prepare(struct raft_db *db, uint32_t wal_bytes_max);

/* Opens the existing raft.db of a node that is not running, of any node, to be read: its settings,
 * and its WAL, stay as they are. Its WAL is scanned, identity and state row are verified. owner
 * is whose it is. RESULT_NOT_FOUND: there is none; RESULT_VERSION: also of the version before. */
MUST_CHECK enum result raft_db_open_as_is(struct raft_db *db, const char *directory,
                                          struct raft_db_owner *owner);

/*
 * Closes what is open; db is as zeroed afterwards. Only when is_clean (all is checkpointed, and the
 * state row says so) does SQLite look at the files once more, to remove the empty WAL. Otherwise
 * nothing more is written: closing must not be a second try of what has just failed.
 */
void raft_db_close(struct raft_db *db, bool is_clean);

/* Logs that the entry of that index names another cluster than the directory's own, with a remedy,
 * and returns RESULT_IDENTITY; ends the process instead when failures_are_fatal. */
MUST_CHECK enum result raft_db_foreign_cluster(struct raft_db *db, uint64_t index);

/* ---- raft_db_schema.c ---- */

/* Checks format version and identity of a file that has tables; reads the identity, verified, and
 * db->bootstrap. */
MUST_CHECK enum result raft_db_check_identity(struct raft_db *db,
                                              const struct log_store_options *options);
MUST_CHECK enum result raft_db_read_owner(struct raft_db *db, struct raft_db_owner *out);

/* Makes the tables and the rows of a new node, in one transaction. */
MUST_CHECK enum result raft_db_create_schema(struct raft_db *db,
                                             const struct log_store_options *options);

/* Makes a file of the version before one of this version, in one transaction. */
MUST_CHECK enum result raft_db_upgrade(struct raft_db *db, const struct log_store_options *options);

/* Records another configuration as bootstrap, in a transaction. */
MUST_CHECK enum result raft_db_put_bootstrap(struct raft_db *db, const struct raft_db_owner *owner,
                                             const struct raft_configuration *bootstrap);

/* Loads and verifies the state row. */
MUST_CHECK enum result raft_db_load_state(struct raft_db *db);

/* After an unclean end: takes the rows behind the recorded end into the state, unverified. */
MUST_CHECK enum result raft_db_find_end(struct raft_db *db);

/* ---- raft_db_write.c ---- */

/* One transaction: begin, any number of units in order, commit (the fsync). After RESULT_FULL of
 * any of them only rollback may follow: nothing of the transaction has happened then. */
MUST_CHECK enum result raft_db_begin(struct raft_db *db);
MUST_CHECK enum result raft_db_put_unit(struct raft_db *db, const struct raft_persist *persist);
MUST_CHECK enum result raft_db_commit(struct raft_db *db);
MUST_CHECK enum result raft_db_rollback(struct raft_db *db);

/* Whether the state row names the log's end: else a lost page could shorten the log unnoticed once
 * the WAL is gone. If not, the next transaction sees to it. */
bool raft_db_end_is_recorded(struct raft_db *db);

/* In a transaction: deletes rows from the log's beginning up to upto_index at most, a bounded
 * number of rows and bytes (one row at least), and moves the base behind them. */
MUST_CHECK enum result raft_db_compact(struct raft_db *db, uint64_t upto_index);

/* Names the whole log's cluster anew, for a node that goes on alone (offline.h): in a transaction,
 * every configuration in the log that names a cluster names this one, and the chain is made anew; a
 * cluster that was not named yet stays so.
 * The log must have been verified. */
MUST_CHECK enum result raft_db_rename_cluster(struct raft_db *db,
                                              const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES]);

/* In a transaction: drops all rows; the log is empty and continues after (index, term), which is
 * committed. index must not be below the commit index. */
MUST_CHECK enum result raft_db_reset(struct raft_db *db, uint64_t index, uint64_t term);

/* The checksum of a state row in a file of that format version. */
uint64_t raft_db_state_checksum(const struct raft_db_state *state, uint64_t format_version);

/* Whether a cluster id has been named. */
bool raft_db_cluster_id_is_set(const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES]);

#endif
