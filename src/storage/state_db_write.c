/* state_db_write.c -- a snapshot as one transaction on a state file.
 *
 * Every upsert first looks up the checksum of the row it replaces, so that the totals in meta stay
 * right without a pass over the table; the page it reads is the one that the write needs anyway.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "storage/state_db.h"

#define ROW_CHECKSUM_SEED UINT64_C(0x7175737461746572)

uint64_t state_db_row_checksum(const struct state_row *row)
{
    uint8_t head[32];
    bytes_set_u32(head, row->slot);
    bytes_set_u32(head + 4, (uint32_t)row->type);
    bytes_set_u64(head + 8, (uint64_t)row->expiry_ms);
    bytes_set_u64(head + 16, row->modified_index);
    bytes_set_u64(head + 24, row->key.size);
    uint64_t sum = hash_bytes(ROW_CHECKSUM_SEED, slice_of(head, sizeof(head)));
    return hash_bytes(hash_bytes(sum, row->key), row->value);
}

static enum result run(struct state_db *db, enum state_db_statement which, const char *what)
{
    return sqlite_file_step(&db->file, db->statements[which], what);
}

static sqlite3_stmt *bind_key(struct state_db *db, enum state_db_statement which,
                              const struct state_row *row)
{
    sqlite3_stmt *statement = db->statements[which];
    sqlite_file_bind_number(statement, 1, row->slot);
    sqlite_file_bind_bytes(statement, 2, row->key);
    return statement;
}

enum result state_db_begin(struct state_db *db)
{
    ASSERT(!db->is_writing);
    enum result result = RESULT_OK;
    if (db->owes_checkpoint) {
        result = sqlite_file_checkpoint(&db->file, SQLITE_CHECKPOINT_TRUNCATE);
    }
    if (result == RESULT_OK) {
        db->owes_checkpoint = false;
        result = run(db, STATE_DB_BEGIN, "begin a snapshot in");
    }
    db->is_writing = result == RESULT_OK;
    return result;
}

enum result state_db_rollback(struct state_db *db)
{
    ASSERT(db->is_writing);
    db->is_writing = false;
    db->totals = db->committed;
    enum result result = sqlite_file_rollback(&db->file);
    if (result == RESULT_OK) {
        /* What had been spilled to the WAL goes: its room is needed, and with frames of one that is
         * no more behind it a torn end of the next transaction would look like damage. */
        result = sqlite_file_checkpoint(&db->file, SQLITE_CHECKPOINT_TRUNCATE);
    }
    return result;
}

/* ---- Rows ---- */

/* Takes the row of that key, if there is one, out of the totals. */
static enum result forget_row(struct state_db *db, const struct state_row *row, bool *found)
{
    sqlite3_stmt *statement = bind_key(db, STATE_DB_FIND, row);
    enum result result = RESULT_OK;
    int code = sqlite3_step(statement);
    *found = code == SQLITE_ROW;
    if (code == SQLITE_ROW) {
        db->totals.rows_count--;
        db->totals.rows_sum -= (uint64_t)sqlite3_column_int64(statement, 0);
    } else if (code != SQLITE_DONE) {
        result = sqlite_file_failed(&db->file, "read a row of");
    }
    (void)sqlite3_reset(statement);
    return result;
}

/* Each part's row repeats the key, so a part is no smaller than the key. */
static enum result put_parts(struct state_db *db, const struct state_row *row)
{
    size_t part_bytes =
        row->key.size > STATE_DB_PART_BYTES ? row->key.size : (size_t)STATE_DB_PART_BYTES;
    enum result result = RESULT_OK;
    uint64_t part = 0;
    db->has_parts = true;
    for (size_t at = 0; at < row->value.size && result == RESULT_OK; at += part_bytes) {
        size_t left = row->value.size - at;
        sqlite3_stmt *statement = bind_key(db, STATE_DB_PUT_PART, row);
        sqlite_file_bind_number(statement, 3, part++);
        sqlite_file_bind_bytes(
            statement, 4, slice_of(row->value.bytes + at, left < part_bytes ? left : part_bytes));
        result = run(db, STATE_DB_PUT_PART, "write a row to");
    }
    return result;
}

static enum result put_new(struct state_db *db, const struct state_row *row)
{
    uint64_t checksum = state_db_row_checksum(row);
    bool is_cut = row->value.size > STATE_DB_PART_BYTES;
    sqlite3_stmt *statement = bind_key(db, STATE_DB_PUT, row);
    sqlite_file_bind_number(statement, 3, (uint64_t)row->type);
    sqlite_file_bind_number(statement, 4, (uint64_t)row->expiry_ms);
    sqlite_file_bind_number(statement, 5, row->modified_index);
    sqlite_file_bind_number(statement, 6, checksum);
    if (is_cut) {
        int code = sqlite3_bind_null(statement, 7);
        ASSERT(code == SQLITE_OK);
    } else {
        sqlite_file_bind_bytes(statement, 7, row->value);
    }
    db->totals.rows_count++;
    db->totals.rows_sum += checksum;
    enum result result = run(db, STATE_DB_PUT, "write a row to");
    return result == RESULT_OK && is_cut ? put_parts(db, row) : result;
}

static enum result remove_slot(struct state_db *db, uint64_t slot);

static enum result put_row(struct state_db *db, const struct state_row *row)
{
    bool found = false;
    if (row->type == STATE_ROW_SLOT_REMOVED) {
        return remove_slot(db, row->slot);
    }
    enum result result = forget_row(db, row, &found);
    if (result == RESULT_OK && found && db->has_parts) {
        (void)bind_key(db, STATE_DB_REMOVE_PARTS, row);
        result = run(db, STATE_DB_REMOVE_PARTS, "remove a row from");
    }
    if (result != RESULT_OK) {
        return result;
    }
    if (row->type != STATE_ROW_REMOVED) {
        return put_new(db, row);
    }
    if (found) {
        (void)bind_key(db, STATE_DB_REMOVE, row);
        result = run(db, STATE_DB_REMOVE, "remove a row from");
    }
    return result;
}

/* By slot and key, as the table lies. */
static int compare_rows(const void *a, const void *b)
{
    return state_row_compare(a, b);
}

enum result state_db_put_rows(struct state_db *db, struct state_row *rows, size_t count)
{
    ASSERT(db->is_writing);
    enum result result = RESULT_OK;
    if (count > 0) {
        qsort(rows, count, sizeof(rows[0]), compare_rows);
    }
    for (size_t i = 0; i < count && result == RESULT_OK; i++) {
        result = put_row(db, &rows[i]);
    }
    return result;
}

/* ---- Commit ---- */

/* The lowest slot from a number on that has rows; false: there is none. */
static enum result find_slot(struct state_db *db, uint64_t from_slot, bool *found, uint64_t *slot)
{
    sqlite3_stmt *statement = db->statements[STATE_DB_NEXT_SLOT];
    sqlite_file_bind_number(statement, 1, from_slot);
    enum result result = RESULT_OK;
    int code = sqlite3_step(statement);
    *found = code == SQLITE_ROW;
    if (code == SQLITE_ROW) {
        *slot = (uint64_t)sqlite3_column_int64(statement, 0);
    } else if (code != SQLITE_DONE) {
        result = sqlite_file_failed(&db->file, "read a row of");
    }
    (void)sqlite3_reset(statement);
    return result;
}

static enum result remove_slot(struct state_db *db, uint64_t slot)
{
    sqlite3_stmt *checksums = db->statements[STATE_DB_SLOT_CHECKSUMS];
    sqlite_file_bind_number(checksums, 1, slot);
    int code = sqlite3_step(checksums);
    for (; code == SQLITE_ROW; code = sqlite3_step(checksums)) {
        db->totals.rows_count--;
        db->totals.rows_sum -= (uint64_t)sqlite3_column_int64(checksums, 0);
    }
    enum result result =
        code == SQLITE_DONE ? RESULT_OK : sqlite_file_failed(&db->file, "read a row of");
    (void)sqlite3_reset(checksums);
    if (result == RESULT_OK) {
        sqlite_file_bind_number(db->statements[STATE_DB_REMOVE_SLOT], 1, slot);
        result = run(db, STATE_DB_REMOVE_SLOT, "remove rows from");
    }
    if (result == RESULT_OK && db->has_parts) {
        sqlite_file_bind_number(db->statements[STATE_DB_REMOVE_SLOT_PARTS], 1, slot);
        result = run(db, STATE_DB_REMOVE_SLOT_PARTS, "remove rows from");
    }
    return result;
}

static bool is_live(const struct state_meta *meta, uint64_t slot)
{
    for (size_t i = 0; i < LIMIT_DATABASES; i++) {
        if (meta->slots[i] == slot) {
            return true;
        }
    }
    return false;
}

/* Those of databases: others are removed by a row each. */
static enum result remove_dead_slots(struct state_db *db, const struct state_meta *meta)
{
    bool found = true;
    uint64_t slot = 0;
    enum result result = find_slot(db, 0, &found, &slot);
    while (result == RESULT_OK && found && slot < STATE_ROW_PARTS_SLOT_MIN) {
        if (!is_live(meta, slot)) {
            result = remove_slot(db, slot);
        }
        if (result == RESULT_OK) {
            result = find_slot(db, slot + 1, &found, &slot);
        }
    }
    return result;
}

enum result state_db_commit(struct state_db *db, const struct state_meta *meta)
{
    ASSERT(db->is_writing);
    enum result result = remove_dead_slots(db, meta);
    if (result == RESULT_OK) {
        result = state_db_put_meta(db, meta);
    }
    if (result == RESULT_OK) {
        result = run(db, STATE_DB_COMMIT, "flush");
    }
    if (result != RESULT_OK) {
        return result;
    }
    db->is_writing = false;
    db->committed = db->totals;
    db->meta.index = meta->index;
    db->meta.term = meta->term;
    result = sqlite_file_checkpoint(&db->file, SQLITE_CHECKPOINT_TRUNCATE);
    db->owes_checkpoint = result == RESULT_FULL;
    return result == RESULT_FULL ? RESULT_OK : result; /* Durable in the WAL all the same. */
}
