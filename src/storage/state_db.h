/* state_db.h -- the SQLite side of the state store (private to storage): one state file.
 *
 * Used by one thread at a time: the loop thread while opening, loading and after the store's thread
 * ended, the store's thread in between.
 *
 * Tables (STRICT; unsigned 64-bit numbers are stored as the signed ones of the same bits):
 *
 *   identity (one row)   format_version, node_name, node_id, checksum over them
 *   meta (one row)       idx, term, clock_ms, state_hash, rows_count, rows_sum, next_slot,
 *                        slots (u32 each), configuration (raft_configuration_encode, or empty),
 *                        replica_state, checksum over all of them
 *   rows (one a key)     slot, key, type, expiry, modified, checksum, value; the value is NULL when
 *                        it lies in parts
 *   parts                slot, key, part (from 0), value: values over STATE_DB_PART_BYTES, cut
 *
 * A row's checksum is XXH3 over slot, type, expiry, modified and the key's size, which seeds XXH3
 * over the key, which seeds XXH3 over the whole value. rows_count and rows_sum (the checksums'
 * sum) are kept up to date with every row: so a row that is missing, left over or old, each whole
 * in itself, does not verify.
 */
#ifndef QUORUM_STORAGE_STATE_DB_H
#define QUORUM_STORAGE_STATE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "storage/sqlite_file.h"
#include "storage/state_store.h"

/* Version 1 had no slots of large values (base/state_row.h), and is read as it is. */
enum {
    STATE_DB_FORMAT_VERSION = 2,
    STATE_DB_FORMAT_VERSION_MIN = 1,
    STATE_DB_PART_BYTES = 1024 * 1024
};

/* What the rows add up to. */
struct state_db_totals {
    uint64_t rows_count;
    uint64_t rows_sum; /* of their checksums, modulo 2^64 */
};

enum state_db_statement {
    STATE_DB_BEGIN,
    STATE_DB_COMMIT,
    STATE_DB_FIND,
    STATE_DB_PUT,
    STATE_DB_REMOVE,
    STATE_DB_PUT_PART,
    STATE_DB_REMOVE_PARTS,
    STATE_DB_NEXT_SLOT,
    STATE_DB_SLOT_CHECKSUMS,
    STATE_DB_REMOVE_SLOT,
    STATE_DB_REMOVE_SLOT_PARTS,
    STATE_DB_STATEMENTS_COUNT
};

struct state_db {
    struct sqlite_file file;
    sqlite3_stmt *statements[STATE_DB_STATEMENTS_COUNT]; /* NULL in a file that is only read */
    struct state_meta meta;                              /* as found; index as last committed */
    struct buf replica_state;                            /* what meta.replica_state borrows */
    struct state_db_totals totals;                       /* as of the transaction under way */
    struct state_db_totals committed;
    bool has_parts;       /* there may be rows in parts */
    bool is_writing;      /* between begin and commit */
    bool owes_checkpoint; /* the newest snapshot lies in the WAL: there was no room to move it */
};

#define STATE_DB_REMEDY_CORRUPT                                                                    \
    "this copy of the data cannot be trusted, so this node will not start from it; restore it "    \
    "from its peers: move the data directory away (keep it), remove the node from the cluster "    \
    "and add it again with an empty directory"

/* ---- state_db.c ---- */

/* Opens or creates state.db for writing: checks what lies on disk, version, identity, tables,
 * settings, and loads meta. Logs each failure, after which the caller still calls state_db_close.
 */
MUST_CHECK enum result state_db_open(struct state_db *db,
                                     const struct state_store_options *options);

/* Opens an existing state file of any node as it is, without its settings: to verify it or to
 * change its identity. As state_db_open on failure. */
MUST_CHECK enum result state_db_open_file(struct state_db *db, const char *path);

/* The same on a state file with the WAL it may have, which is scanned for damage first. */
MUST_CHECK enum result state_db_open_as_is(struct state_db *db, const char *path);

/* Whether the file is options' node's: RESULT_IDENTITY, logged, when not. */
MUST_CHECK enum result state_db_check_identity(struct state_db *db,
                                               const struct state_store_options *options);

/* is_clean as in sqlite_file_close. */
void state_db_close(struct state_db *db, bool is_clean);

/* Makes the file options' node's, in a transaction of its own. */
MUST_CHECK enum result state_db_put_identity(struct state_db *db,
                                             const struct state_store_options *options);

/* ---- state_meta.c ---- */

/* Writes meta with totals; reads it into db->meta and db->totals, verified. */
MUST_CHECK enum result state_db_put_meta(struct state_db *db, const struct state_meta *meta);
MUST_CHECK enum result state_db_load_meta(struct state_db *db);

/* ---- state_db_write.c ---- */

/* One snapshot: begin, rows in any order and number, commit (durable, checkpointed) or rollback,
 * which also gives the WAL's room back. After RESULT_FULL of begin there is nothing to end; after
 * that of the others only rollback may follow. */
MUST_CHECK enum result state_db_begin(struct state_db *db);
MUST_CHECK enum result state_db_commit(struct state_db *db, const struct state_meta *meta);
MUST_CHECK enum result state_db_rollback(struct state_db *db);

/* Sorts the rows, each of another key, and writes them in the order the table lies in. */
MUST_CHECK enum result state_db_put_rows(struct state_db *db, struct state_row *rows, size_t count);

/* The checksum of a row. */
uint64_t state_db_row_checksum(const struct state_row *row);

/* ---- state_db_load.c ---- */

/* Takes one row of the snapshot; anything but RESULT_OK ends the reading with that result. */
typedef enum result state_db_on_row(const struct state_row *row, void *context);

/* Reads and verifies every row, and that they add up to db->totals. */
MUST_CHECK enum result state_db_load(struct state_db *db, state_db_on_row *on_row, void *context);

/* ---- state_file.c ---- */

/* Copies what is committed to path: into a temporary file first, synced, then by rename; bytes and
 * hash are as of state_file_hash. Logs why not, and leaves nothing behind then. */
MUST_CHECK enum result state_db_copy(struct state_db *db, const char *path, uint64_t *bytes,
                                     uint64_t *hash);

/* Removes temporary files that a crash left in the directory. */
void state_file_clean(const char *directory);

#endif
