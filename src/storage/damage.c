/* damage.c -- reading what is left, moving it aside, and the mark. */
#include "storage/damage.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/logger.h"
#include "storage/data_dir.h"
#include "storage/log_rows.h"
#include "storage/raft_db.h"

enum {
    PATH_BYTES = 4096,
    URI_BYTES = 3 * PATH_BYTES + 32,
    DIRECTORY_MODE = 0700,
    FILE_MODE = 0600
};

static const char mark_name[] = "state-of-no-use";

static enum result failed(const char *what, const char *path)
{
    logger_log(LOGGER_ERROR, "cannot %s %s: %s", what, path, strerror(errno));
    return RESULT_IO;
}

/* ---- What a damaged raft.db still tells ---- */

/* With what of the WAL is whole, and without a write: the wal-index lies on the heap, and closing
 * folds nothing in. */
static sqlite3 *open_as_it_is(const char *directory)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/raft.db", directory);
    sqlite3 *connection = NULL;
    int code = sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(connection, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
    }
    if (code != SQLITE_OK) {
        (void)sqlite3_close(connection);
        return NULL;
    }
    return connection;
}

static sqlite3_stmt *prepare(sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    return sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) == SQLITE_OK ? statement
                                                                                  : NULL;
}

static bool take_configuration(struct slice payload, struct raft_configuration *out)
{
    struct raft_configuration decoded;
    if (raft_configuration_decode(payload, &decoded) != RESULT_OK || decoded.members_count == 0) {
        return false;
    }
    *out = decoded;
    return true;
}

/* A row of SELECT idx, term, checksum, payload of a CONFIGURATION entry. */
static bool take_row(sqlite3_stmt *row, struct raft_configuration *out)
{
    struct slice payload = sqlite_file_column_bytes(row, 3);
    struct blob *blob = blob_copy(payload);
    struct raft_entry entry = {.index = (uint64_t)sqlite3_column_int64(row, 0),
                               .term = (uint64_t)sqlite3_column_int64(row, 1),
                               .type = RAFT_ENTRY_CONFIGURATION,
                               .payload = blob};
    struct raft_configuration found;
    bool is_whole = log_rows_checksum(&entry) == (uint64_t)sqlite3_column_int64(row, 2) &&
                    take_configuration(payload, &found) &&
                    raft_db_cluster_id_is_set(found.cluster_id);
    blob_release(blob);
    if (is_whole) {
        *out = found;
    }
    return is_whole;
}

static bool find_in_log(sqlite3 *connection, struct raft_configuration *out)
{
    sqlite3_stmt *rows = prepare(connection, "SELECT idx, term, checksum, payload FROM log"
                                             " WHERE type = 3 ORDER BY idx DESC");
    bool is_found = false;
    while (rows != NULL && !is_found && sqlite3_step(rows) == SQLITE_ROW) {
        is_found = take_row(rows, out);
    }
    (void)sqlite3_finalize(rows);
    return is_found;
}

/* The first configuration knows the members, and the state row the cluster. */
static bool find_in_bootstrap(sqlite3 *connection, struct raft_configuration *out)
{
    sqlite3_stmt *row = prepare(connection, "SELECT meta.value, state.cluster_id FROM meta, state"
                                            " WHERE meta.name = 'bootstrap'");
    bool is_found = false;
    if (row != NULL && sqlite3_step(row) == SQLITE_ROW) {
        struct raft_configuration found;
        struct slice cluster_id = sqlite_file_column_bytes(row, 1);
        is_found = take_configuration(sqlite_file_column_bytes(row, 0), &found) &&
                   cluster_id.size == RAFT_CLUSTER_ID_BYTES &&
                   raft_db_cluster_id_is_set(cluster_id.bytes);
        if (is_found) {
            memcpy(found.cluster_id, cluster_id.bytes, RAFT_CLUSTER_ID_BYTES);
            *out = found;
        }
    }
    (void)sqlite3_finalize(row);
    return is_found;
}

bool damage_find_configuration(const char *directory, struct raft_configuration *out)
{
    sqlite3 *connection = open_as_it_is(directory);
    bool is_found =
        connection != NULL && (find_in_log(connection, out) || find_in_bootstrap(connection, out));
    (void)sqlite3_close(connection);
    return is_found;
}

/* ---- Setting aside ---- */

static enum result move(const char *directory, const char *aside, const char *name)
{
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    (void)snprintf(from, sizeof(from), "%s/%s", directory, name);
    (void)snprintf(to, sizeof(to), "%s/%s", aside, name);
    if (rename(from, to) != 0 && errno != ENOENT) {
        return failed("move aside", from);
    }
    return RESULT_OK;
}

static enum result move_all(const char *directory, int64_t wall_ms, const char *const *names)
{
    char aside[PATH_BYTES];
    (void)snprintf(aside, sizeof(aside), "%s/damaged-%lld", directory, (long long)wall_ms);
    if (mkdir(aside, DIRECTORY_MODE) != 0) {
        return failed("create directory", aside);
    }
    enum result result = RESULT_OK;
    for (; result == RESULT_OK && *names != NULL; names++) {
        result = move(directory, aside, *names);
    }
    if (result == RESULT_OK) {
        result = damage_remove_mark(directory); /* It spoke of that state. */
    }
    if (result == RESULT_OK) {
        result = data_dir_sync(aside);
    }
    return result == RESULT_OK ? data_dir_sync(directory) : result;
}

enum result damage_set_aside(const char *directory, int64_t wall_ms)
{
    /* In this order, so that what a crash leaves is damaged for every start to see: a log without
     * its WAL, then a state without a log. */
    static const char *const names[] = {"raft.db-wal", "raft.db", "state.db-wal", "state.db", NULL};
    return move_all(directory, wall_ms, names);
}

enum result damage_set_state_aside(const char *directory, int64_t wall_ms)
{
    static const char *const names[] = {"state.db-wal", "state.db", NULL};
    return move_all(directory, wall_ms, names);
}

/* ---- The mark ---- */

static void mark_path(const char *directory, char *path)
{
    (void)snprintf(path, PATH_BYTES, "%s/%s", directory, mark_name);
}

enum result damage_put_mark(const char *directory)
{
    char path[PATH_BYTES];
    mark_path(directory, path);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (descriptor < 0) {
        return failed("create", path);
    }
    (void)close(descriptor);
    return data_dir_sync(directory);
}

enum result damage_remove_mark(const char *directory)
{
    char path[PATH_BYTES];
    mark_path(directory, path);
    if (unlink(path) != 0) {
        return errno == ENOENT ? RESULT_OK : failed("remove", path);
    }
    return data_dir_sync(directory);
}

bool damage_has_mark(const char *directory)
{
    char path[PATH_BYTES];
    struct stat unused;
    mark_path(directory, path);
    return lstat(path, &unused) == 0;
}
