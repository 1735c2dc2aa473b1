/* state_meta.c -- the row of meta: what a snapshot is of. */
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/logger.h"
#include "storage/state_db.h"

#define META_CHECKSUM_SEED UINT64_C(0x71757374617465fd)

enum { SLOTS_BYTES = LIMIT_DATABASES * 4 };

/* The columns that need encoding. */
struct encoded {
    uint8_t slots[SLOTS_BYTES];
    struct buf configuration;
};

static void encode(const struct state_meta *meta, struct encoded *out)
{
    buf_init(&out->configuration);
    for (size_t i = 0; i < LIMIT_DATABASES; i++) {
        bytes_set_u32(out->slots + i * 4, meta->slots[i]);
    }
    if (meta->configuration.members_count > 0) {
        raft_configuration_encode(&meta->configuration, &out->configuration);
    }
}

static uint64_t checksum_of(const struct state_meta *meta, const struct state_db_totals *totals,
                            struct slice configuration)
{
    const uint64_t numbers[] = {
        meta->index,        meta->term,       (uint64_t)meta->clock_ms, meta->state_hash,
        totals->rows_count, totals->rows_sum, meta->next_slot,          configuration.size,
    };
    struct buf bytes;
    buf_init(&bytes);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        bytes_put_u64(&bytes, numbers[i]);
    }
    for (size_t i = 0; i < LIMIT_DATABASES; i++) {
        bytes_put_u32(&bytes, meta->slots[i]);
    }
    buf_append_slice(&bytes, configuration);
    buf_append_slice(&bytes, meta->replica_state);
    uint64_t sum = hash_bytes(META_CHECKSUM_SEED, buf_slice(&bytes));
    buf_deinit(&bytes);
    return sum;
}

static void bind_row(sqlite3_stmt *statement, const struct state_meta *meta,
                     const struct state_db_totals *totals, const struct encoded *encoded)
{
    struct slice configuration = buf_slice(&encoded->configuration);
    const uint64_t numbers[] = {
        meta->index,        meta->term,       (uint64_t)meta->clock_ms, meta->state_hash,
        totals->rows_count, totals->rows_sum, meta->next_slot,
    };
    int at = 1;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sqlite_file_bind_number(statement, at++, numbers[i]);
    }
    sqlite_file_bind_bytes(statement, at++, slice_of(encoded->slots, SLOTS_BYTES));
    sqlite_file_bind_bytes(statement, at++, configuration);
    sqlite_file_bind_bytes(statement, at++, meta->replica_state);
    sqlite_file_bind_number(statement, at, checksum_of(meta, totals, configuration));
}

/* Once a snapshot, so it needs no statement that is kept. */
enum result state_db_put_meta(struct state_db *db, const struct state_meta *meta)
{
    static const char sql[] =
        "REPLACE INTO meta (id, idx, term, clock_ms, state_hash, rows_count, rows_sum, next_slot,"
        " slots, configuration, replica_state, checksum)"
        " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    ASSERT(meta->replica_state.size <= STATE_REPLICA_STATE_BYTES_MAX);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db->file.connection, sql, -1, &statement, NULL) != SQLITE_OK) {
        return sqlite_file_failed(&db->file, "write the meta row in");
    }
    struct encoded encoded;
    encode(meta, &encoded);
    bind_row(statement, meta, &db->totals, &encoded);
    enum result result = sqlite_file_step(&db->file, statement, "write the meta row in");
    (void)sqlite3_finalize(statement);
    buf_deinit(&encoded.configuration);
    return result;
}

static enum result decode_configuration(struct state_db *db, struct slice encoded)
{
    if (encoded.size == 0) {
        return RESULT_OK;
    }
    enum result result = raft_configuration_decode(encoded, &db->meta.configuration);
    if (result == RESULT_VERSION) {
        logger_log(LOGGER_ERROR,
                   "%s: its membership was written by a later version of this program; start that "
                   "version",
                   db->file.path);
    } else if (result != RESULT_OK) {
        result = sqlite_file_corrupt(&db->file, "the membership in table meta is malformed");
    }
    return result;
}

static enum result read_row(struct state_db *db, sqlite3_stmt *statement)
{
    struct state_meta *meta = &db->meta;
    int64_t clock_ms = sqlite3_column_int64(statement, 2);
    uint64_t *const fields[] = {
        &meta->index,           &meta->term,         NULL, &meta->state_hash,
        &db->totals.rows_count, &db->totals.rows_sum};
    for (int i = 0; i < (int)(sizeof(fields) / sizeof(fields[0])); i++) {
        if (fields[i] != NULL) {
            *fields[i] = (uint64_t)sqlite3_column_int64(statement, i);
        }
    }
    meta->clock_ms = clock_ms;
    meta->next_slot = (uint32_t)sqlite3_column_int64(statement, 6);
    struct slice slots = sqlite_file_column_bytes(statement, 7);
    for (size_t i = 0; i < LIMIT_DATABASES && slots.size == SLOTS_BYTES; i++) {
        meta->slots[i] = bytes_read_u32(slots.bytes + i * 4);
    }
    struct slice replica_state = sqlite_file_column_bytes(statement, 9);
    if (replica_state.size <= STATE_REPLICA_STATE_BYTES_MAX) {
        buf_clear(&db->replica_state);
        buf_append_slice(&db->replica_state, replica_state);
        meta->replica_state = buf_slice(&db->replica_state);
    }
    struct slice configuration = sqlite_file_column_bytes(statement, 8);
    uint64_t checksum = (uint64_t)sqlite3_column_int64(statement, 10);
    if (checksum != checksum_of(meta, &db->totals, configuration)) {
        return sqlite_file_corrupt(&db->file, "the row of table meta does not match its checksum");
    }
    return decode_configuration(db, configuration);
}

enum result state_db_load_meta(struct state_db *db)
{
    static const char sql[] =
        "SELECT idx, term, clock_ms, state_hash, rows_count, rows_sum, next_slot, slots,"
        " configuration, replica_state, checksum FROM meta WHERE id = 1";
    sqlite3_stmt *statement = NULL;
    enum result result = RESULT_OK;
    int code = sqlite3_prepare_v2(db->file.connection, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    db->meta = (struct state_meta){0};
    if (code == SQLITE_ROW) {
        result = read_row(db, statement);
    } else if (code == SQLITE_DONE) {
        result = sqlite_file_corrupt(&db->file, "the row of table meta is missing");
    } else {
        result = sqlite_file_failed(&db->file, "read");
    }
    (void)sqlite3_finalize(statement);
    db->committed = db->totals;
    return result;
}
