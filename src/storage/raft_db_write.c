/* raft_db_write.c -- transactions on raft.db: what a commit costs is decided here.
 *
 * A small commit writes the log's last leaf page into the WAL and flushes it once; the state row's
 * page goes with every so many of them (raft_db.h says why that is enough). Statements are prepared
 * once, payloads are bound where they lie, nothing is formatted.
 */
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "storage/log_rows.h"
#include "storage/raft_db.h"

/* One step of a compaction: what one commit can carry without anybody noticing. Freeing a long
 * payload reads each of its pages. */
enum { COMPACT_ROWS_MAX = 256, COMPACT_BYTES_MAX = 512 * 1024 };

/* Beside so many bytes of rows the state row's page costs little. */
enum { UNRECORDED_BYTES_MAX = 32 * 1024 };

#define STATE_CHECKSUM_SEED UINT64_C(0x71756f72756d7374)

uint64_t raft_db_state_checksum(const struct raft_db_state *state, uint64_t format_version)
{
    const uint64_t numbers[] = {
        state->hard_state.term, state->hard_state.vote, state->commit_index,  state->last_index,
        state->last_chain,      state->base_index,      state->base_term,     state->base_chain,
        state->incarnation,     state->running ? 1 : 0, state->cluster_index, state->disk_id,
    };
    enum { COUNT = sizeof(numbers) / sizeof(numbers[0]) };
    uint8_t bytes[COUNT * 8 + RAFT_CLUSTER_ID_BYTES];
    size_t count = format_version == RAFT_DB_FORMAT_VERSION ? COUNT : COUNT - 1; /* No disk_id. */
    for (size_t i = 0; i < count; i++) {
        bytes_set_u64(bytes + i * 8, numbers[i]);
    }
    memcpy(bytes + count * 8, state->cluster_id, RAFT_CLUSTER_ID_BYTES);
    return hash_bytes(STATE_CHECKSUM_SEED, slice_of(bytes, count * 8 + RAFT_CLUSTER_ID_BYTES));
}

bool raft_db_cluster_id_is_set(const uint8_t cluster_id[RAFT_CLUSTER_ID_BYTES])
{
    static const uint8_t unset[RAFT_CLUSTER_ID_BYTES];
    return memcmp(cluster_id, unset, sizeof(unset)) != 0;
}

static enum result run(struct raft_db *db, enum raft_db_statement which, const char *what)
{
    return sqlite_file_step(&db->file, db->statements[which], what);
}

enum result raft_db_begin(struct raft_db *db)
{
    return run(db, RAFT_DB_BEGIN, "begin a transaction in");
}

static enum result read_chain(struct raft_db *db, uint64_t index, uint64_t *out)
{
    if (index == db->state.base_index) {
        *out = db->state.base_chain;
        return RESULT_OK;
    }
    sqlite3_stmt *statement = db->statements[RAFT_DB_CHAIN_AT];
    sqlite_file_bind_number(statement, 1, index);
    int code = sqlite3_step(statement);
    enum result result = RESULT_OK;
    if (code == SQLITE_ROW) {
        *out = (uint64_t)sqlite3_column_int64(statement, 0);
    } else if (code == SQLITE_DONE) {
        result = sqlite_file_corrupt(&db->file, "the row of index %llu is missing",
                                     (unsigned long long)index);
    } else {
        result = sqlite_file_failed(&db->file, "read the log in");
    }
    (void)sqlite3_reset(statement);
    return result;
}

static enum result truncate_log(struct raft_db *db, uint64_t from_index)
{
    struct raft_db_state *state = &db->state;
    ASSERT(from_index > state->base_index);
    ASSERT(from_index > state->commit_index); /* What is committed is never cut off. */
    if (from_index > state->last_index) {
        return RESULT_OK;
    }
    enum result result = read_chain(db, from_index - 1, &state->last_chain);
    if (result != RESULT_OK) {
        return result;
    }
    sqlite_file_bind_number(db->statements[RAFT_DB_TRUNCATE], 1, from_index);
    result = run(db, RAFT_DB_TRUNCATE, "truncate the log in");
    state->last_index = from_index - 1;
    db->is_row_wanted = true; /* It may name an entry that will be another. */
    if (state->cluster_index >= from_index) {
        /* Whoever wins the next election may name the cluster anew. */
        state->cluster_index = 0;
        memset(state->cluster_id, 0, sizeof(state->cluster_id));
    }
    return result;
}

/* A node belongs to one cluster for good: the first configuration that names one decides. */
static enum result take_configuration(struct raft_db *db, const struct raft_entry *entry)
{
    struct raft_db_state *state = &db->state;
    struct raft_configuration configuration;
    enum result result = raft_configuration_decode(blob_slice(entry->payload), &configuration);
    if (result != RESULT_OK) {
        return sqlite_file_corrupt(
            &db->file, "the configuration of index %llu to be written is malformed (%s)",
            (unsigned long long)entry->index, result_text(result));
    }
    if (memcmp(configuration.cluster_id, state->cluster_id, RAFT_CLUSTER_ID_BYTES) == 0) {
        return RESULT_OK;
    }
    if (raft_db_cluster_id_is_set(state->cluster_id)) {
        return raft_db_foreign_cluster(db, entry->index);
    }
    memcpy(state->cluster_id, configuration.cluster_id, RAFT_CLUSTER_ID_BYTES);
    state->cluster_index = entry->index;
    return RESULT_OK;
}

static enum result append_entry(struct raft_db *db, const struct raft_entry *entry)
{
    struct raft_db_state *state = &db->state;
    ASSERT(entry->index == state->last_index + 1);
    if (entry->type == RAFT_ENTRY_CONFIGURATION) {
        enum result result = take_configuration(db, entry);
        if (result != RESULT_OK) {
            return result;
        }
    }
    uint64_t checksum = log_rows_checksum(entry);
    uint64_t chain = log_rows_chain(state->last_chain, checksum);
    sqlite3_stmt *statement = db->statements[RAFT_DB_APPEND];
    sqlite_file_bind_number(statement, 1, entry->index);
    sqlite_file_bind_number(statement, 2, entry->term);
    sqlite_file_bind_number(statement, 3, (uint64_t)entry->type);
    sqlite_file_bind_number(statement, 4, checksum);
    sqlite_file_bind_number(statement, 5, chain);
    struct slice payload = blob_slice(entry->payload);
    int code = payload.size == 0
                   ? sqlite3_bind_null(statement, 6)
                   : sqlite3_bind_blob64(statement, 6, payload.bytes, payload.size, SQLITE_STATIC);
    ASSERT(code == SQLITE_OK);
    state->last_index = entry->index;
    state->last_chain = chain;
    db->unrecorded_bytes += payload.size;
    return run(db, RAFT_DB_APPEND, "append to the log in");
}

enum result raft_db_put_unit(struct raft_db *db, const struct raft_persist *persist)
{
    enum result result = RESULT_OK;
    if (persist->hard_state_changed) {
        ASSERT(persist->hard_state.term >= db->state.hard_state.term);
        db->state.hard_state = persist->hard_state;
    }
    if (persist->reset_index != 0) {
        result = raft_db_reset(db, persist->reset_index, persist->reset_term);
    }
    if (result == RESULT_OK && persist->truncate_from != 0) {
        result = truncate_log(db, persist->truncate_from);
    }
    for (uint32_t i = 0; i < persist->entries_count && result == RESULT_OK; i++) {
        result = append_entry(db, &persist->entries[i]);
    }
    if (persist->commit_index > db->state.commit_index) {
        ASSERT(persist->commit_index <= db->state.last_index);
        db->state.commit_index = persist->commit_index;
    }
    return result;
}

/* How many rows from the base may go in one step: the index of the last. */
static enum result cut_of_step(struct raft_db *db, uint64_t upto_index, uint64_t *cut)
{
    sqlite3_stmt *statement = db->statements[RAFT_DB_SIZES];
    sqlite_file_bind_number(statement, 1, db->state.base_index);
    sqlite_file_bind_number(statement, 2, COMPACT_ROWS_MAX);
    uint64_t bytes = 0;
    int code = sqlite3_step(statement);
    for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
        uint64_t index = (uint64_t)sqlite3_column_int64(statement, 0);
        bytes += (uint64_t)sqlite3_column_int64(statement, 1);
        bool is_first = *cut == db->state.base_index;
        if (index > upto_index || (bytes > COMPACT_BYTES_MAX && !is_first)) {
            break;
        }
        *cut = index;
    }
    enum result result = RESULT_OK;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        result = sqlite_file_failed(&db->file, "read the log in");
    }
    (void)sqlite3_reset(statement);
    return result;
}

static enum result move_base(struct raft_db *db, uint64_t index)
{
    struct raft_db_state *state = &db->state;
    sqlite3_stmt *statement = db->statements[RAFT_DB_BASE_AT];
    sqlite_file_bind_number(statement, 1, index);
    enum result result = RESULT_OK;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        state->base_index = index;
        state->base_term = (uint64_t)sqlite3_column_int64(statement, 0);
        state->base_chain = (uint64_t)sqlite3_column_int64(statement, 1);
    } else {
        result = sqlite_file_failed(&db->file, "read the log in");
    }
    (void)sqlite3_reset(statement);
    return result;
}

enum result raft_db_compact(struct raft_db *db, uint64_t upto_index)
{
    ASSERT(upto_index > db->state.base_index);
    ASSERT(upto_index <= db->state.last_index);
    uint64_t cut = db->state.base_index;
    enum result result = cut_of_step(db, upto_index, &cut);
    if (result == RESULT_OK && cut == db->state.base_index) {
        result = sqlite_file_corrupt(&db->file, "the log row of index %llu is missing",
                                     (unsigned long long)(cut + 1));
    }
    if (result == RESULT_OK) {
        result = move_base(db, cut);
    }
    if (result == RESULT_OK) {
        sqlite_file_bind_number(db->statements[RAFT_DB_COMPACT], 1, cut);
        result = run(db, RAFT_DB_COMPACT, "compact the log in");
    }
    if (result == RESULT_OK && cut > db->state.commit_index) {
        db->state.commit_index = cut; /* A snapshot holds only what is committed. */
    }
    return result;
}

enum result raft_db_reset(struct raft_db *db, uint64_t index, uint64_t term)
{
    struct raft_db_state *state = &db->state;
    ASSERT(index >= state->commit_index);
    if (state->cluster_index > state->commit_index) {
        /* As when it is truncated: the entry that named the cluster may never have counted. */
        state->cluster_index = 0;
        memset(state->cluster_id, 0, sizeof(state->cluster_id));
    }
    if (term > state->hard_state.term) {
        state->hard_state = (struct raft_hard_state){.term = term}; /* Seen, and no vote given. */
    }
    state->base_index = index;
    state->base_term = term;
    state->base_chain = hash_mix(hash_mix(LOG_ROWS_CHAIN_START, index), term);
    state->last_index = index;
    state->last_chain = state->base_chain;
    state->commit_index = index;
    db->is_row_wanted = true;
    return run(db, RAFT_DB_CLEAR, "clear the log in");
}

/* Whether more has changed than the log's end and the commit index. */
static bool states_differ(const struct raft_db_state *a, const struct raft_db_state *b)
{
    /* The rest of the row changes only together with one of these. */
    return a->hard_state.term != b->hard_state.term || a->hard_state.vote != b->hard_state.vote ||
           a->base_index != b->base_index || a->incarnation != b->incarnation ||
           a->running != b->running || a->cluster_index != b->cluster_index;
}

static bool row_is_due(const struct raft_db *db)
{
    return db->is_row_wanted || db->unrecorded_bytes >= UNRECORDED_BYTES_MAX ||
           db->state.last_index - db->recorded_index >= RAFT_DB_UNRECORDED_MAX ||
           states_differ(&db->state, &db->stored_state);
}

bool raft_db_end_is_recorded(struct raft_db *db)
{
    bool is_recorded = db->recorded_index == db->state.last_index;
    db->is_row_wanted = db->is_row_wanted || !is_recorded;
    return is_recorded;
}

static enum result put_state(struct raft_db *db)
{
    const struct raft_db_state *state = &db->state;
    sqlite3_stmt *statement = db->statements[RAFT_DB_PUT_STATE];
    const uint64_t numbers[] = {
        state->hard_state.term, state->hard_state.vote, state->commit_index,  state->last_index,
        state->last_chain,      state->base_index,      state->base_term,     state->base_chain,
        state->incarnation,     state->running ? 1 : 0, state->cluster_index, state->disk_id,
    };
    int at = 1;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sqlite_file_bind_number(statement, at++, numbers[i]);
    }
    int code =
        sqlite3_bind_blob(statement, at++, state->cluster_id, RAFT_CLUSTER_ID_BYTES, SQLITE_STATIC);
    ASSERT(code == SQLITE_OK);
    sqlite_file_bind_number(statement, at, raft_db_state_checksum(state, RAFT_DB_FORMAT_VERSION));
    return run(db, RAFT_DB_PUT_STATE, "write the state row in");
}

enum result raft_db_commit(struct raft_db *db)
{
    bool is_due = row_is_due(db);
    enum result result = is_due ? put_state(db) : RESULT_OK;
    if (result == RESULT_OK) {
        result = run(db, RAFT_DB_COMMIT, "flush");
    }
    if (result == RESULT_OK) {
        db->stored_state = db->state;
    }
    if (result == RESULT_OK && is_due) {
        db->recorded_index = db->state.last_index;
        db->recorded_chain = db->state.last_chain;
        db->unrecorded_bytes = 0;
        db->is_row_wanted = false;
    }
    return result;
}

enum result raft_db_rollback(struct raft_db *db)
{
    db->state = db->stored_state;
    return sqlite_file_rollback(&db->file);
}
