/* raft_db_rename.c -- gives a log another cluster's name, from its first entry to its last.
 *
 * A node that goes on alone founds a new cluster with its old log. Whoever joins it may be sent
 * that log from its beginning, and no node takes entries of two clusters: so the old name may not
 * stay in it. Terms, indices and commands are as they were.
 */
#include <string.h>

#include "base/assert.h"
#include "storage/log_rows.h"
#include "storage/raft_db.h"

/* The entry of an index, its payload copied. */
static enum result read_entry(struct raft_db *db, uint64_t index, struct raft_entry *out)
{
    sqlite3_stmt *statement = db->statements[RAFT_DB_ENTRY_AT];
    sqlite_file_bind_number(statement, 1, index);
    enum result result = RESULT_OK;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        struct slice payload = sqlite_file_column_bytes(statement, 2);
        *out = (struct raft_entry){.index = index,
                                   .term = (uint64_t)sqlite3_column_int64(statement, 0),
                                   .type = (enum raft_entry_type)sqlite3_column_int64(statement, 1),
                                   .payload = payload.size == 0 ? NULL : blob_copy(payload)};
    } else {
        result = sqlite_file_failed(&db->file, "read the log in");
    }
    (void)sqlite3_reset(statement);
    return result;
}

static enum result rename_in(struct raft_db *db, struct raft_entry *entry,
                             const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES])
{
    struct raft_configuration configuration;
    enum result result = raft_configuration_decode(blob_slice(entry->payload), &configuration);
    if (result != RESULT_OK) {
        return sqlite_file_corrupt(&db->file, "the configuration of index %llu is malformed",
                                   (unsigned long long)entry->index);
    }
    if (!raft_db_cluster_id_is_set(configuration.cluster_id)) {
        return RESULT_OK;
    }
    memcpy(configuration.cluster_id, cluster_id, RAFT_CLUSTER_ID_BYTES);
    struct buf encoded;
    buf_init(&encoded);
    raft_configuration_encode(&configuration, &encoded);
    blob_release(entry->payload);
    entry->payload = blob_copy(buf_slice(&encoded));
    buf_deinit(&encoded);
    return RESULT_OK;
}

static enum result rewrite_entry(struct raft_db *db, const struct raft_entry *entry,
                                 uint64_t *chain)
{
    uint64_t checksum = log_rows_checksum(entry);
    *chain = log_rows_chain(*chain, checksum);
    sqlite3_stmt *statement = db->statements[RAFT_DB_REWRITE];
    sqlite_file_bind_number(statement, 1, entry->index);
    sqlite_file_bind_number(statement, 2, checksum);
    sqlite_file_bind_number(statement, 3, *chain);
    if (entry->payload == NULL) {
        int code = sqlite3_bind_null(statement, 4);
        ASSERT(code == SQLITE_OK);
    } else {
        sqlite_file_bind_bytes(statement, 4, blob_slice(entry->payload));
    }
    return sqlite_file_step(&db->file, statement, "rewrite the log in");
}

enum result raft_db_rename_cluster(struct raft_db *db,
                                   const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES])
{
    struct raft_db_state *state = &db->state;
    uint64_t chain = state->base_chain;
    enum result result = RESULT_OK;
    for (uint64_t index = state->base_index + 1; index <= state->last_index && result == RESULT_OK;
         index++) {
        struct raft_entry entry = {.payload = NULL};
        result = read_entry(db, index, &entry);
        if (result == RESULT_OK && entry.type == RAFT_ENTRY_CONFIGURATION) {
            result = rename_in(db, &entry, cluster_id);
        }
        if (result == RESULT_OK) {
            result = rewrite_entry(db, &entry, &chain);
        }
        blob_release(entry.payload);
    }
    state->last_chain = chain;
    db->is_row_wanted = true;
    if (raft_db_cluster_id_is_set(state->cluster_id)) {
        memcpy(state->cluster_id, cluster_id, RAFT_CLUSTER_ID_BYTES);
    }
    return result;
}
