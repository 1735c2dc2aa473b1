/* raft_db.c -- opens raft.db: the connection, then whose it is, the settings, the state row. */
#include "storage/raft_db.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/logger.h"
#include "storage/data_dir.h"
#include "storage/storage_fatal.h"

enum { PATH_BYTES = 4096, MESSAGE_BYTES = 512 };

static const char *const statements_sql[RAFT_DB_STATEMENTS_COUNT] = {
    [RAFT_DB_BEGIN] = "BEGIN IMMEDIATE",
    [RAFT_DB_COMMIT] = "COMMIT",
    [RAFT_DB_APPEND] = "INSERT INTO log (idx, term, type, checksum, chain, payload)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [RAFT_DB_TRUNCATE] = "DELETE FROM log WHERE idx >= ?1",
    [RAFT_DB_CHAIN_AT] = "SELECT chain FROM log WHERE idx = ?1",
    [RAFT_DB_SIZES] = "SELECT idx, length(payload) FROM log WHERE idx > ?1 ORDER BY idx LIMIT ?2",
    [RAFT_DB_BASE_AT] = "SELECT term, chain FROM log WHERE idx = ?1",
    [RAFT_DB_COMPACT] = "DELETE FROM log WHERE idx <= ?1",
    [RAFT_DB_CLEAR] = "DELETE FROM log",
    [RAFT_DB_ENTRY_AT] = "SELECT term, type, payload FROM log WHERE idx = ?1",
    [RAFT_DB_REWRITE] = "UPDATE log SET checksum = ?2, chain = ?3, payload = ?4 WHERE idx = ?1",
    [RAFT_DB_PUT_STATE] = "REPLACE INTO state (id, term, vote, commit_index, last_index,"
                          " last_chain, base_index, base_term, base_chain, incarnation, running,"
                          " cluster_index, disk_id, cluster_id, checksum) VALUES (1, ?1, ?2, ?3,"
                          " ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
};

enum result raft_db_foreign_cluster(struct raft_db *db, uint64_t index)
{
    static const char remedy[] = "check the peers' addresses; to move this node to the other "
                                 "cluster, start it with an empty data directory";
    char message[MESSAGE_BYTES];
    (void)snprintf(message, sizeof(message),
                   "the configuration of index %llu names another cluster than this node's",
                   (unsigned long long)index);
    if (db->file.failures_are_fatal) {
        storage_fatal("accept an entry for", db->file.path, message, remedy);
    }
    logger_log(LOGGER_ERROR, "%s: %s; %s", db->file.path, message, remedy);
    return RESULT_IDENTITY;
}

/* A new file's name must be on disk as well before anything in it counts. */
static enum result create_new(struct raft_db *db, const struct log_store_options *options)
{
    enum result result = raft_db_create_schema(db, options);
    if (result != RESULT_OK) {
        return result;
    }
    return data_dir_sync(options->directory);
}

static enum result open_connected(struct raft_db *db, const struct log_store_options *options,
                                  bool *created)
{
    bool is_new = false;
    enum result result = sqlite_file_is_new(&db->file, &is_new);
    if (result == RESULT_OK && !is_new) {
        /* Before the first write, so that a foreign file stays as it is. */
        result = raft_db_check_identity(db, options);
    }
    if (result == RESULT_OK) {
        result = sqlite_file_configure(&db->file, options->wal_bytes_max);
    }
    if (result == RESULT_OK && is_new) {
        result = create_new(db, options);
    } else if (result == RESULT_OK && db->format_version != RAFT_DB_FORMAT_VERSION) {
        result = raft_db_upgrade(db, options);
    }
    if (result == RESULT_OK) {
        result = sqlite_file_prepare(&db->file, statements_sql, RAFT_DB_STATEMENTS_COUNT,
                                     db->statements);
    }
    if (result == RESULT_OK) {
        result = raft_db_load_state(db);
        *created = is_new;
    }
    return result;
}

/* What an end that was not clean leaves has to be there. */
static enum result check_wal_is_there(struct raft_db *db, bool wal_found)
{
    if (!db->state.running || wal_found) {
        return RESULT_OK;
    }
    db->file.is_writer = false; /* Nothing was written, and the next start must see the same. */
    return sqlite_file_corrupt(
        &db->file,
        "the node did not stop cleanly, and the write-ahead log %s-wal, which would hold its "
        "last writes, is gone (if you know that another program opened the file and folded it "
        "in: create an empty %s-wal and start again)",
        db->file.path, db->file.path);
}

enum result raft_db_open(struct raft_db *db, const struct log_store_options *options, bool *created)
{
    ASSERT(options->wal_bytes_max > 0);
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/raft.db", options->directory);
    *db = (struct raft_db){.file = {0}};
    sqlite_file_init(&db->file, path, RAFT_DB_REMEDY_CORRUPT);
    bool wal_found;
    bool is_new = false;
    enum result result = sqlite_file_open(&db->file, &wal_found);
    if (result == RESULT_OK) {
        result = open_connected(db, options, &is_new);
    }
    if (result != RESULT_OK) {
        return result;
    }
    *created = is_new;
    return is_new ? RESULT_OK : check_wal_is_there(db, wal_found);
}

enum result raft_db_open_as_is(struct raft_db *db, const char *directory,
                               struct raft_db_owner *owner)
{
    char path[PATH_BYTES];
    struct stat status;
    (void)snprintf(path, sizeof(path), "%s/raft.db", directory);
    *db = (struct raft_db){.file = {0}};
    sqlite_file_init(&db->file, path, RAFT_DB_REMEDY_CORRUPT);
    if (stat(path, &status) != 0) {
        logger_log(LOGGER_ERROR, "there is no %s", path);
        return RESULT_NOT_FOUND;
    }
    bool wal_found = false;
    enum result result = sqlite_file_open(&db->file, &wal_found);
    if (result == RESULT_OK) {
        result = raft_db_read_owner(db, owner);
    }
    if (result == RESULT_OK && db->format_version != RAFT_DB_FORMAT_VERSION) {
        logger_log(LOGGER_ERROR,
                   "%s has format version %llu; start its node once, which makes it version %d",
                   path, (unsigned long long)db->format_version, RAFT_DB_FORMAT_VERSION);
        result = RESULT_VERSION;
    }
    if (result == RESULT_OK) {
        result = raft_db_load_state(db);
    }
    return result == RESULT_OK ? check_wal_is_there(db, wal_found) : result;
}

enum result raft_db_prepare(struct raft_db *db, uint32_t wal_bytes_max)
{
    enum result result = sqlite_file_configure(&db->file, wal_bytes_max);
    return result != RESULT_OK ? result
                               : sqlite_file_prepare(&db->file, statements_sql,
                                                     RAFT_DB_STATEMENTS_COUNT, db->statements);
}

void raft_db_close(struct raft_db *db, bool is_clean)
{
    for (int i = 0; i < RAFT_DB_STATEMENTS_COUNT; i++) {
        (void)sqlite3_finalize(db->statements[i]);
    }
    sqlite_file_close(&db->file, is_clean);
    buf_deinit(&db->bootstrap);
    *db = (struct raft_db){.file = {0}};
}
