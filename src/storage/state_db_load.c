/* state_db_load.c -- every row of a state file, none believed that does not verify.
 *
 * Checked in this order, so that the message names the first cause: the row's form; its parts; its
 * checksum; that its slot is in use; and at the end, that the rows add up to what meta says, and
 * that no part is left over.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "storage/state_db.h"

enum { KEY_TEXT_BYTES = 160, KEY_TEXT_KEY_BYTES = 32 };

struct loading {
    struct state_db *db;
    state_db_on_row *on_row;
    void *context;
    sqlite3_stmt *rows;
    sqlite3_stmt *parts;
    struct state_db_totals totals;
    uint64_t parts_count;
    struct buf value; /* put together from parts */
};

/* The key as a message shows it: its beginning, with everything unusual as \xNN. */
static const char *key_text(struct slice key, char out[KEY_TEXT_BYTES])
{
    size_t used = 0;
    for (size_t i = 0; i < key.size && i < KEY_TEXT_KEY_BYTES; i++) {
        uint8_t byte = key.bytes[i];
        bool is_plain = byte >= ' ' && byte <= '~' && byte != '\\' && byte != '\'';
        used += (size_t)snprintf(out + used, KEY_TEXT_BYTES - used, is_plain ? "%c" : "\\x%02x",
                                 (unsigned)byte);
    }
    (void)snprintf(out + used, KEY_TEXT_BYTES - used, "%s",
                   key.size > KEY_TEXT_KEY_BYTES ? "..." : "");
    return out;
}

static enum result bad_row(struct loading *loading, const struct state_row *row, const char *what)
{
    char text[KEY_TEXT_BYTES];
    return sqlite_file_corrupt(&loading->db->file, "the row of key '%s' in slot %u %s",
                               key_text(row->key, text), (unsigned)row->slot, what);
}

static enum result load_parts(struct loading *loading, struct state_row *row)
{
    sqlite3_stmt *parts = loading->parts;
    sqlite_file_bind_number(parts, 1, row->slot);
    sqlite_file_bind_bytes(parts, 2, row->key);
    buf_clear(&loading->value);
    enum result result = RESULT_OK;
    sqlite3_int64 expected = 0;
    int code = sqlite3_step(parts);
    for (; code == SQLITE_ROW && result == RESULT_OK; expected++) {
        struct slice part = sqlite_file_column_bytes(parts, 1);
        if (sqlite3_column_int64(parts, 0) != expected) {
            result = bad_row(loading, row, "lacks a part of its value");
        } else if (buf_size(&loading->value) + part.size > LIMIT_BULK_BYTES) {
            result = bad_row(loading, row, "has a value beyond any limit");
        } else {
            buf_append_slice(&loading->value, part);
            code = sqlite3_step(parts);
        }
    }
    if (result == RESULT_OK && code != SQLITE_DONE) {
        result = sqlite_file_failed(&loading->db->file, "read a part of a row of");
    }
    (void)sqlite3_reset(parts);
    loading->parts_count += (uint64_t)expected;
    row->value = buf_slice(&loading->value);
    return result;
}

/* A slot of a large value belongs to a key, which whoever reads the rows has to check. */
static bool is_live(const struct state_meta *meta, uint32_t slot)
{
    if (slot >= STATE_ROW_PARTS_SLOT_MIN) {
        return true;
    }
    for (size_t i = 0; i < LIMIT_DATABASES; i++) {
        if (meta->slots[i] == slot) {
            return true;
        }
    }
    return false;
}

static enum result load_row(struct loading *loading)
{
    sqlite3_stmt *from = loading->rows;
    struct state_row row = {.slot = (uint32_t)sqlite3_column_int64(from, 0),
                            .key = sqlite_file_column_bytes(from, 1),
                            .expiry_ms = sqlite3_column_int64(from, 3),
                            .modified_index = (uint64_t)sqlite3_column_int64(from, 4)};
    sqlite3_int64 type = sqlite3_column_int64(from, 2);
    if (type <= STATE_ROW_REMOVED || type >= STATE_ROW_SLOT_REMOVED) {
        return bad_row(loading, &row, "has a type that cannot be");
    }
    row.type = (enum state_row_type)type;
    enum result result = RESULT_OK;
    if (sqlite3_column_type(from, 6) == SQLITE_NULL) {
        result = load_parts(loading, &row);
    } else {
        row.value = sqlite_file_column_bytes(from, 6);
    }
    if (result != RESULT_OK) {
        return result;
    }
    uint64_t checksum = (uint64_t)sqlite3_column_int64(from, 5);
    if (checksum != state_db_row_checksum(&row)) {
        return bad_row(loading, &row, "does not match its checksum");
    }
    if (!is_live(&loading->db->meta, row.slot)) {
        return bad_row(loading, &row, "is left over: no database has that slot");
    }
    loading->totals.rows_count++;
    loading->totals.rows_sum += checksum;
    return loading->on_row(&row, loading->context);
}

static enum result load_rows(struct loading *loading)
{
    enum result result = RESULT_OK;
    int code = sqlite3_step(loading->rows);
    while (code == SQLITE_ROW && result == RESULT_OK) {
        result = load_row(loading);
        code = result == RESULT_OK ? sqlite3_step(loading->rows) : code;
    }
    if (result == RESULT_OK && code != SQLITE_DONE) {
        result = sqlite_file_failed(&loading->db->file, "read the rows of");
    }
    return result;
}

static enum result check_totals(struct loading *loading)
{
    const struct state_db_totals *expected = &loading->db->totals;
    uint64_t parts_count = 0;
    if (loading->totals.rows_count != expected->rows_count) {
        return sqlite_file_corrupt(&loading->db->file, "it has %llu rows and must have %llu",
                                   (unsigned long long)loading->totals.rows_count,
                                   (unsigned long long)expected->rows_count);
    }
    if (loading->totals.rows_sum != expected->rows_sum) {
        return sqlite_file_corrupt(&loading->db->file,
                                   "its rows are each whole, but not those of this snapshot (one "
                                   "of them is old)");
    }
    enum result result =
        sqlite_file_read_number(&loading->db->file, "SELECT count(*) FROM parts", &parts_count);
    if (result == RESULT_OK && parts_count != loading->parts_count) {
        result = sqlite_file_corrupt(
            &loading->db->file, "it has %llu parts of values and must have %llu",
            (unsigned long long)parts_count, (unsigned long long)loading->parts_count);
    }
    return result;
}

static enum result prepare(struct loading *loading)
{
    static const char rows_sql[] =
        "SELECT slot, key, type, expiry, modified, checksum, value FROM rows";
    static const char parts_sql[] =
        "SELECT part, value FROM parts WHERE slot = ?1 AND key = ?2 ORDER BY part";
    sqlite3 *connection = loading->db->file.connection;
    if (sqlite3_prepare_v2(connection, rows_sql, -1, &loading->rows, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(connection, parts_sql, -1, &loading->parts, NULL) != SQLITE_OK) {
        return sqlite_file_failed(&loading->db->file, "read the rows of");
    }
    return RESULT_OK;
}

enum result state_db_load(struct state_db *db, state_db_on_row *on_row, void *context)
{
    struct loading loading = {.db = db, .on_row = on_row, .context = context};
    enum result result = prepare(&loading);
    if (result == RESULT_OK) {
        result = load_rows(&loading);
    }
    /* Before another statement runs, so that nothing is left half-way through the table. */
    (void)sqlite3_finalize(loading.rows);
    (void)sqlite3_finalize(loading.parts);
    if (result == RESULT_OK) {
        result = check_totals(&loading);
    }
    buf_deinit(&loading.value);
    return result;
}
