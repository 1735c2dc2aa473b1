/* log_recovery.c -- the log from disk to memory, verified row by row.
 *
 * Checked in this order, so that the message names the first cause: the row's index continues the
 * one before; its checksum; its chain; its term; and at the end, that the rows reach as far as the
 * state row says they did, and that the row it names is the one it was.
 */
#include "storage/log_recovery.h"

#include "base/logger.h"
#include "base/mem.h"
#include "storage/log_rows.h"

enum { ENTRIES_CAPACITY_MIN = 64 };

struct loading {
    struct raft_db *db;
    log_recovery_on_entry *on_entry;
    void *context;
    uint64_t index; /* of the last row read */
    uint64_t term;
    uint64_t chain;
    uint64_t recorded_chain; /* of the row that the state row names as the last */
};

static unsigned long long number(uint64_t value)
{
    return (unsigned long long)value;
}

enum result log_recovery_read_bootstrap(struct raft_db *db, struct raft_configuration *out)
{
    if (buf_size(&db->bootstrap) == 0) {
        return RESULT_OK;
    }
    enum result result = raft_configuration_decode(buf_slice(&db->bootstrap), out);
    if (result == RESULT_VERSION) {
        logger_log(LOGGER_ERROR,
                   "%s: the bootstrap configuration was written by a later version "
                   "of this program; start that version",
                   db->file.path);
    } else if (result != RESULT_OK) {
        result = sqlite_file_corrupt(&db->file,
                                     "the bootstrap configuration in table meta is malformed");
    }
    return result;
}

/* Configurations before the one that named the cluster name none. */
static enum result check_configuration(struct raft_db *db, const struct raft_entry *entry)
{
    struct raft_configuration configuration;
    enum result result = raft_configuration_decode(blob_slice(entry->payload), &configuration);
    if (result == RESULT_VERSION) {
        logger_log(LOGGER_ERROR,
                   "%s: the configuration of index %llu was written by a later "
                   "version of this program; start that version",
                   db->file.path, number(entry->index));
        return result;
    }
    if (result != RESULT_OK) {
        return sqlite_file_corrupt(&db->file, "the configuration of index %llu is malformed",
                                   number(entry->index));
    }
    bool is_before_naming = entry->index < db->state.cluster_index &&
                            !raft_db_cluster_id_is_set(configuration.cluster_id);
    if (!is_before_naming &&
        !slice_equals(slice_of(configuration.cluster_id, RAFT_CLUSTER_ID_BYTES),
                      slice_of(db->state.cluster_id, RAFT_CLUSTER_ID_BYTES))) {
        return raft_db_foreign_cluster(db, entry->index);
    }
    return RESULT_OK;
}

static enum result check_entry(struct loading *loading, const struct raft_entry *entry,
                               uint64_t checksum, uint64_t chain)
{
    struct raft_db *db = loading->db;
    if (checksum != log_rows_checksum(entry)) {
        return sqlite_file_corrupt(&db->file,
                                   "the log row of index %llu does not match its checksum",
                                   number(entry->index));
    }
    if (chain != log_rows_chain(loading->chain, checksum)) {
        return sqlite_file_corrupt(&db->file,
                                   "the log row of index %llu does not follow from the row before "
                                   "it (one of the two is old or out of place)",
                                   number(entry->index));
    }
    if (entry->term < loading->term || entry->term > db->state.hard_state.term) {
        return sqlite_file_corrupt(
            &db->file, "the log row of index %llu has term %llu, after term %llu",
            number(entry->index), number(entry->term), number(loading->term));
    }
    return entry->type == RAFT_ENTRY_CONFIGURATION ? check_configuration(db, entry) : RESULT_OK;
}

/* One row of SELECT idx, term, type, checksum, chain, payload. */
static enum result load_row(struct loading *loading, sqlite3_stmt *row)
{
    struct raft_db *db = loading->db;
    uint64_t index = (uint64_t)sqlite3_column_int64(row, 0);
    if (index <= loading->index) {
        return sqlite_file_corrupt(&db->file,
                                   "the log row of index %llu is left over: the log begins behind "
                                   "index %llu",
                                   number(index), number(loading->index));
    }
    if (index != loading->index + 1) {
        return sqlite_file_corrupt(&db->file,
                                   "the log row of index %llu is missing (the next one is %llu)",
                                   number(loading->index + 1), number(index));
    }
    sqlite3_int64 type = sqlite3_column_int64(row, 2);
    uint64_t size = (uint64_t)sqlite3_column_bytes(row, 5);
    if (type < RAFT_ENTRY_NOOP || type > RAFT_ENTRY_CONFIGURATION || size > LIMIT_ENTRY_BYTES) {
        return sqlite_file_corrupt(&db->file,
                                   "the log row of index %llu has type %lld and %llu bytes",
                                   number(index), (long long)type, number(size));
    }
    struct raft_entry entry = {.index = index,
                               .term = (uint64_t)sqlite3_column_int64(row, 1),
                               .type = (enum raft_entry_type)type};
    if (size > 0) {
        entry.payload = blob_copy(slice_of(sqlite3_column_blob(row, 5), size));
    }
    uint64_t chain = (uint64_t)sqlite3_column_int64(row, 4);
    enum result result =
        check_entry(loading, &entry, (uint64_t)sqlite3_column_int64(row, 3), chain);
    if (result == RESULT_OK) {
        loading->index = index;
        loading->term = entry.term;
        loading->chain = chain;
        if (index == db->recorded_index) {
            loading->recorded_chain = chain;
        }
        result =
            loading->on_entry == NULL ? RESULT_OK : loading->on_entry(&entry, loading->context);
    }
    blob_release(entry.payload);
    return result;
}

static enum result check_end(struct loading *loading)
{
    const struct raft_db_state *state = &loading->db->state;
    if (loading->index != state->last_index) {
        return sqlite_file_corrupt(
            &loading->db->file,
            "the log ends at index %llu, but was written up to index %llu: the "
            "log row of index %llu is %s",
            number(loading->index), number(state->last_index),
            number((loading->index < state->last_index ? loading->index : state->last_index) + 1),
            loading->index < state->last_index ? "missing" : "left over");
    }
    if (loading->recorded_chain != loading->db->recorded_chain) {
        return sqlite_file_corrupt(&loading->db->file,
                                   "the log row of index %llu, recorded as the last, is not the "
                                   "one that was written last",
                                   number(loading->db->recorded_index));
    }
    if (state->base_index > state->commit_index || state->base_term > state->hard_state.term) {
        return sqlite_file_corrupt(
            &loading->db->file,
            "the log begins behind index %llu of term %llu, which contradicts "
            "the rest of table state",
            number(state->base_index), number(state->base_term));
    }
    if (state->commit_index > state->last_index) {
        return sqlite_file_corrupt(&loading->db->file,
                                   "commit index %llu is beyond the last index %llu",
                                   number(state->commit_index), number(state->last_index));
    }
    return RESULT_OK;
}

static enum result load_rows(struct loading *loading)
{
    struct raft_db *db = loading->db;
    static const char sql[] =
        "SELECT idx, term, type, checksum, chain, payload FROM log ORDER BY idx";
    sqlite3_stmt *row = NULL;
    enum result result = RESULT_OK;
    int code = sqlite3_prepare_v2(db->file.connection, sql, -1, &row, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(row);
    }
    while (code == SQLITE_ROW && result == RESULT_OK) {
        result = load_row(loading, row);
        code = result == RESULT_OK ? sqlite3_step(row) : code;
    }
    if (result == RESULT_OK && code != SQLITE_DONE) {
        logger_log(LOGGER_ERROR, "%s: the log cannot be read behind index %llu", db->file.path,
                   number(loading->index));
        result = sqlite_file_failed(&db->file, "read the log in");
    }
    (void)sqlite3_finalize(row);
    return result;
}

enum result log_recovery_read(struct raft_db *db, uint64_t *good_index,
                              log_recovery_on_entry *on_entry, void *context)
{
    struct loading loading = {.db = db,
                              .on_entry = on_entry,
                              .context = context,
                              .index = db->state.base_index,
                              .term = db->state.base_term,
                              .chain = db->state.base_chain,
                              .recorded_chain = db->state.base_chain};
    enum result result = load_rows(&loading);
    if (result == RESULT_OK) {
        result = check_end(&loading);
    }
    *good_index = loading.index;
    return result;
}

struct keeping {
    struct log_recovery *out;
    uint64_t capacity;
};

static enum result keep_entry(const struct raft_entry *entry, void *context)
{
    struct keeping *keeping = context;
    struct log_recovery *out = keeping->out;
    if (out->entries_count == keeping->capacity) {
        keeping->capacity = keeping->capacity == 0 ? ENTRIES_CAPACITY_MIN : keeping->capacity * 2;
        out->entries = mem_realloc(out->entries, keeping->capacity * sizeof(out->entries[0]));
    }
    out->entries[out->entries_count] = *entry;
    (void)blob_retain(entry->payload);
    out->entries_count++;
    return RESULT_OK;
}

enum result log_recovery_load(struct raft_db *db, struct log_recovery *out)
{
    *out = (struct log_recovery){.hard_state = db->state.hard_state,
                                 .commit_index = db->state.commit_index,
                                 .disk_id = db->state.disk_id,
                                 .base_index = db->state.base_index,
                                 .base_term = db->state.base_term};
    struct keeping keeping = {.out = out};
    uint64_t good_index;
    enum result result = log_recovery_read_bootstrap(db, &out->bootstrap);
    if (result == RESULT_OK) {
        result = log_recovery_read(db, &good_index, keep_entry, &keeping);
    }
    if (result != RESULT_OK) {
        log_recovery_deinit(out);
    }
    return result;
}

void log_recovery_deinit(struct log_recovery *recovery)
{
    for (uint64_t i = 0; i < recovery->entries_count; i++) {
        blob_release(recovery->entries[i].payload);
    }
    mem_free(recovery->entries);
    *recovery = (struct log_recovery){0};
}
