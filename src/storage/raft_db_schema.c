/* raft_db_schema.c -- the tables of raft.db, whose they are, and the state row. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/logger.h"
#include "storage/log_rows.h"
#include "storage/raft_db.h"

#define META_CHECKSUM_SEED UINT64_C(0x71756f72756d6d65)

static const char schema_sql[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;"
    "CREATE TABLE state (id INTEGER PRIMARY KEY, term INTEGER NOT NULL, vote INTEGER NOT NULL,"
    " commit_index INTEGER NOT NULL, last_index INTEGER NOT NULL, last_chain INTEGER NOT NULL,"
    " base_index INTEGER NOT NULL, base_term INTEGER NOT NULL, base_chain INTEGER NOT NULL,"
    " incarnation INTEGER NOT NULL, running INTEGER NOT NULL, cluster_index INTEGER NOT NULL,"
    " disk_id INTEGER NOT NULL, cluster_id BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;"
    "CREATE TABLE log (idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, type INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, chain INTEGER NOT NULL, payload BLOB) STRICT;";

/* What table meta says. */
struct identity {
    uint64_t format_version;
    struct raft_db_owner owner;
    struct slice bootstrap; /* borrowed */
    uint64_t checksum;
};

static uint64_t identity_checksum(const struct identity *identity)
{
    uint8_t numbers[16];
    bytes_set_u64(numbers, identity->format_version);
    bytes_set_u64(numbers + 8, identity->owner.node_id);
    uint64_t sum = hash_bytes(META_CHECKSUM_SEED, slice_of(numbers, sizeof(numbers)));
    sum = hash_bytes(sum, slice_of_string(identity->owner.node_name));
    return hash_bytes(sum, identity->bootstrap);
}

/* Steps a statement to the row of one name of table meta; the caller finalizes it either way. */
static enum result find_meta(struct raft_db *db, const char *name, sqlite3_stmt **out)
{
    static const char sql[] = "SELECT value FROM meta WHERE name = ?1";
    if (sqlite3_prepare_v2(db->file.connection, sql, -1, out, NULL) != SQLITE_OK) {
        /* SQLITE_ERROR here: there are tables, but not this one. */
        return (sqlite3_errcode(db->file.connection) & 0xff) == SQLITE_ERROR
                   ? sqlite_file_corrupt(&db->file,
                                         "it has no table meta, so it is no log of this program")
                   : sqlite_file_failed(&db->file, "read");
    }
    (void)sqlite3_bind_text(*out, 1, name, -1, SQLITE_STATIC);
    int code = sqlite3_step(*out);
    if (code == SQLITE_DONE) {
        return sqlite_file_corrupt(&db->file, "the row %s of table meta is missing", name);
    }
    return code == SQLITE_ROW ? RESULT_OK : sqlite_file_failed(&db->file, "read");
}

static enum result read_meta_number(struct raft_db *db, const char *name, uint64_t *out)
{
    sqlite3_stmt *statement = NULL;
    enum result result = find_meta(db, name, &statement);
    if (result == RESULT_OK) {
        *out = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return result;
}

static enum result read_meta_bytes(struct raft_db *db, const char *name, struct buf *out)
{
    sqlite3_stmt *statement = NULL;
    enum result result = find_meta(db, name, &statement);
    if (result == RESULT_OK) {
        const void *bytes = sqlite3_column_blob(statement, 0);
        buf_clear(out);
        buf_append(out, bytes, (size_t)sqlite3_column_bytes(statement, 0));
    }
    (void)sqlite3_finalize(statement);
    return result;
}

static enum result read_node_name(struct raft_db *db, char name[LIMIT_NODE_NAME_BYTES])
{
    struct buf text;
    buf_init(&text);
    enum result result = read_meta_bytes(db, "node_name", &text);
    if (result == RESULT_OK && buf_size(&text) >= LIMIT_NODE_NAME_BYTES) {
        result = sqlite_file_corrupt(&db->file, "the node name in table meta is too long");
    }
    if (result == RESULT_OK) {
        buf_append_byte(&text, '\0');
        memcpy(name, buf_slice(&text).bytes, buf_size(&text));
    }
    buf_deinit(&text);
    return result;
}

static enum result read_identity(struct raft_db *db, struct identity *out)
{
    enum result result = read_node_name(db, out->owner.node_name);
    if (result == RESULT_OK) {
        result = read_meta_number(db, "node_id", &out->owner.node_id);
    }
    if (result == RESULT_OK) {
        result = read_meta_bytes(db, "bootstrap", &db->bootstrap);
    }
    if (result == RESULT_OK) {
        result = read_meta_number(db, "checksum", &out->checksum);
    }
    out->bootstrap = buf_slice(&db->bootstrap);
    return result;
}

enum result raft_db_read_owner(struct raft_db *db, struct raft_db_owner *out)
{
    struct identity found = {0};
    enum result result = read_meta_number(db, "format_version", &found.format_version);
    if (result == RESULT_OK && found.format_version != RAFT_DB_FORMAT_VERSION &&
        found.format_version != RAFT_DB_FORMAT_VERSION_BEFORE) {
        logger_log(LOGGER_ERROR,
                   "%s has format version %llu, this program writes %d; start the version of the "
                   "program that wrote it",
                   db->file.path, (unsigned long long)found.format_version, RAFT_DB_FORMAT_VERSION);
        return RESULT_VERSION;
    }
    if (result == RESULT_OK) {
        result = read_identity(db, &found);
    }
    if (result != RESULT_OK) {
        return result;
    }
    if (found.checksum != identity_checksum(&found)) {
        return sqlite_file_corrupt(&db->file, "the checksum of table meta does not match");
    }
    db->format_version = found.format_version;
    *out = found.owner;
    return RESULT_OK;
}

enum result raft_db_check_identity(struct raft_db *db, const struct log_store_options *options)
{
    struct raft_db_owner found = {.node_id = 0};
    enum result result = raft_db_read_owner(db, &found);
    if (result != RESULT_OK) {
        return result;
    }
    return sqlite_file_check_owner(
        &db->file, (struct sqlite_file_owner){found.node_name, found.node_id},
        (struct sqlite_file_owner){options->node_name, options->node_id});
}

/* Binds by kind: text when not NULL, else bytes when not NULL, else the number. */
struct meta_value {
    const char *text;
    const struct slice *bytes;
    uint64_t number;
};

static enum result put_meta(struct raft_db *db, const char *name, struct meta_value value)
{
    sqlite3_stmt *statement = NULL;
    static const char sql[] = "REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    if (sqlite3_prepare_v2(db->file.connection, sql, -1, &statement, NULL) != SQLITE_OK) {
        return sqlite_file_failed(&db->file, "create the tables of");
    }
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (value.text != NULL) {
        (void)sqlite3_bind_text(statement, 2, value.text, -1, SQLITE_STATIC);
    } else if (value.bytes != NULL) {
        (void)sqlite3_bind_blob64(statement, 2, value.bytes->bytes, value.bytes->size,
                                  SQLITE_STATIC);
    } else {
        (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)value.number);
    }
    enum result result = RESULT_OK;
    if (sqlite3_step(statement) != SQLITE_DONE) {
        result = sqlite_file_failed(&db->file, "create the tables of");
    }
    (void)sqlite3_finalize(statement);
    return result;
}

static enum result put_identity(struct raft_db *db, const struct identity *identity)
{
    struct {
        const char *name;
        struct meta_value value;
    } rows[] = {
        {"format_version", {.number = identity->format_version}},
        {"node_name", {.text = identity->owner.node_name}},
        {"node_id", {.number = identity->owner.node_id}},
        {"bootstrap", {.bytes = &identity->bootstrap}},
        {"checksum", {.number = identity->checksum}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum result result = put_meta(db, rows[i].name, rows[i].value);
        if (result != RESULT_OK) {
            return result;
        }
    }
    return RESULT_OK;
}

enum result raft_db_put_bootstrap(struct raft_db *db, const struct raft_db_owner *owner,
                                  const struct raft_configuration *bootstrap)
{
    buf_clear(&db->bootstrap);
    if (bootstrap != NULL && bootstrap->members_count > 0) {
        raft_configuration_encode(bootstrap, &db->bootstrap);
    }
    struct identity identity = {.format_version = RAFT_DB_FORMAT_VERSION,
                                .owner = *owner,
                                .bootstrap = buf_slice(&db->bootstrap)};
    identity.checksum = identity_checksum(&identity);
    db->format_version = RAFT_DB_FORMAT_VERSION;
    return put_identity(db, &identity);
}

static enum result put_first_state(struct raft_db *db, const struct log_store_options *options)
{
    struct raft_db_state state = {.base_chain = LOG_ROWS_CHAIN_START,
                                  .last_chain = LOG_ROWS_CHAIN_START,
                                  .disk_id = options->new_disk_id};
    if (options->bootstrap != NULL) {
        memcpy(state.cluster_id, options->bootstrap->cluster_id, sizeof(state.cluster_id));
    }
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO state VALUES (1, 0, 0, 0, 0, %lld, 0, 0, %lld, 0, 0, 0, %lld, ?1,"
                   " %lld)",
                   (long long)state.last_chain, (long long)state.base_chain,
                   (long long)state.disk_id,
                   (long long)raft_db_state_checksum(&state, RAFT_DB_FORMAT_VERSION));
    sqlite3_stmt *statement = NULL;
    enum result result = RESULT_OK;
    if (sqlite3_prepare_v2(db->file.connection, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_bind_blob(statement, 1, state.cluster_id, sizeof(state.cluster_id),
                          SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_DONE) {
        result = sqlite_file_failed(&db->file, "create the tables of");
    }
    (void)sqlite3_finalize(statement);
    return result;
}

enum result raft_db_create_schema(struct raft_db *db, const struct log_store_options *options)
{
    ASSERT(strlen(options->node_name) < LIMIT_NODE_NAME_BYTES);
    ASSERT(options->new_disk_id != 0);
    struct raft_db_owner owner = {.node_id = options->node_id};
    (void)snprintf(owner.node_name, sizeof(owner.node_name), "%s", options->node_name);
    enum result result = sqlite_file_run(&db->file, "BEGIN IMMEDIATE", "create the tables of");
    if (result == RESULT_OK) {
        result = sqlite_file_run(&db->file, schema_sql, "create the tables of");
    }
    if (result == RESULT_OK) {
        result = raft_db_put_bootstrap(db, &owner, options->bootstrap);
    }
    if (result == RESULT_OK) {
        result = put_first_state(db, options);
    }
    if (result == RESULT_OK) {
        result = sqlite_file_run(&db->file, "COMMIT", "create the tables of");
    }
    return result;
}

static void read_state_row(sqlite3_stmt *statement, struct raft_db_state *out, uint64_t *checksum)
{
    uint64_t *const fields[] = {
        &out->hard_state.term, &out->hard_state.vote, &out->commit_index,
        &out->last_index,      &out->last_chain,      &out->base_index,
        &out->base_term,       &out->base_chain,      &out->incarnation,
    };
    int column = 0;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        *fields[i] = (uint64_t)sqlite3_column_int64(statement, column++);
    }
    out->running = sqlite3_column_int64(statement, column++) != 0;
    out->cluster_index = (uint64_t)sqlite3_column_int64(statement, column++);
    out->disk_id = (uint64_t)sqlite3_column_int64(statement, column++);
    const void *id = sqlite3_column_blob(statement, column);
    if (sqlite3_column_bytes(statement, column++) == RAFT_CLUSTER_ID_BYTES) {
        memcpy(out->cluster_id, id, RAFT_CLUSTER_ID_BYTES);
    }
    *checksum = (uint64_t)sqlite3_column_int64(statement, column);
}

enum result raft_db_load_state(struct raft_db *db)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT term, vote, commit_index, last_index, last_chain, base_index, base_term,"
                   " base_chain, incarnation, running, cluster_index, %s, cluster_id, checksum"
                   " FROM state WHERE id = 1",
                   db->format_version == RAFT_DB_FORMAT_VERSION ? "disk_id" : "0");
    sqlite3_stmt *statement = NULL;
    struct raft_db_state state = {0};
    uint64_t checksum = 0;
    enum result result = RESULT_OK;
    int code = sqlite3_prepare_v2(db->file.connection, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    if (code == SQLITE_ROW) {
        read_state_row(statement, &state, &checksum);
        result = checksum == raft_db_state_checksum(&state, db->format_version)
                     ? RESULT_OK
                     : sqlite_file_corrupt(&db->file,
                                           "the row of table state (term, vote and log end) does "
                                           "not match its checksum");
    } else if (code == SQLITE_DONE) {
        result = sqlite_file_corrupt(&db->file,
                                     "the row of table state (term, vote and log end) is missing");
    } else {
        result = sqlite_file_failed(&db->file, "read");
    }
    (void)sqlite3_finalize(statement);
    if (result == RESULT_OK) {
        db->state = state;
        db->stored_state = state;
        db->recorded_index = state.last_index;
        db->recorded_chain = state.last_chain;
    }
    return result;
}

enum result raft_db_find_end(struct raft_db *db)
{
    if (!db->state.running) {
        return RESULT_OK;
    }
    static const char sql[] = "SELECT idx, chain FROM log ORDER BY idx DESC LIMIT 1";
    sqlite3_stmt *statement = NULL;
    enum result result = RESULT_OK;
    int code = sqlite3_prepare_v2(db->file.connection, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    if (code == SQLITE_ROW) {
        uint64_t index = (uint64_t)sqlite3_column_int64(statement, 0);
        if (index > db->recorded_index && index - db->recorded_index < RAFT_DB_UNRECORDED_MAX) {
            db->state.last_index = index;
            db->state.last_chain = (uint64_t)sqlite3_column_int64(statement, 1);
        }
    } else if (code != SQLITE_DONE) {
        result = sqlite_file_failed(&db->file, "read the log in");
    }
    (void)sqlite3_finalize(statement);
    db->stored_state = db->state;
    return result;
}
