/* damaged_dir.c -- what can still be believed in a damaged directory, and moving it aside.
 *
 * Each source is asked by itself and may fail: state.db's meta row, raft.db's bootstrap, and each
 * configuration entry of raft.db whose own row verifies, whatever became of the rows around it. The
 * newest that names a cluster counts. An old one is good enough: the node only asks its members who
 * leads, and takes the membership in force from the leader.
 *
 * The file that told goes last, so that a crash half-way leaves what the next try needs.
 */
#include "storage/damaged_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/logger.h"
#include "storage/data_dir.h"
#include "storage/log_rows.h"
#include "storage/raft_db.h"
#include "storage/state_db.h"

enum { DIRECTORY_MODE = 0700 };

#define READ_ON "reading on for what can still be believed"

/* The best membership so far. */
struct finding {
    struct raft_configuration configuration;
    uint64_t index;
    bool is_found;
    bool is_from_log; /* else from state.db */
};

static void path_of(const char *directory, const char *name, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/%s", directory, name);
}

static bool exists(const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    path_of(directory, name, path);
    return lstat(path, &status) == 0;
}

static void consider(struct finding *finding, const struct raft_configuration *configuration,
                     uint64_t index, bool is_from_log)
{
    if (configuration->members_count == 0 ||
        !raft_db_cluster_id_is_set(configuration->cluster_id) ||
        (finding->is_found && index <= finding->index)) {
        return;
    }
    *finding = (struct finding){.configuration = *configuration,
                                .index = index,
                                .is_found = true,
                                .is_from_log = is_from_log};
}

/* ---- state.db ---- */

static enum result open_state(struct state_db *db, const char *directory)
{
    char path[PATH_MAX];
    path_of(directory, "state.db", path);
    enum result result = state_db_open_file(db, path);
    db->file.remedy_corrupt = READ_ON;
    return result;
}

static enum result ask_state(const struct log_store_options *options, struct finding *finding)
{
    if (!exists(options->directory, "state.db")) {
        return RESULT_OK;
    }
    struct state_store_options owner = {.directory = options->directory,
                                        .node_name = options->node_name,
                                        .node_id = options->node_id};
    struct state_db db;
    enum result result = open_state(&db, options->directory);
    if (result == RESULT_OK) {
        result = state_db_check_identity(&db, &owner);
    }
    if (result == RESULT_OK && db.meta.index > 0) {
        consider(finding, &db.meta.configuration, db.meta.index, false);
    }
    state_db_close(&db, false);
    return result == RESULT_IDENTITY ? result : RESULT_OK;
}

/* ---- raft.db ---- */

/* One row of SELECT idx, term, checksum, payload, of a configuration entry. */
static void ask_row(const struct raft_db *db, sqlite3_stmt *row, struct finding *finding)
{
    struct raft_entry entry = {.index = (uint64_t)sqlite3_column_int64(row, 0),
                               .term = (uint64_t)sqlite3_column_int64(row, 1),
                               .type = RAFT_ENTRY_CONFIGURATION};
    struct slice payload = sqlite_file_column_bytes(row, 3);
    if (payload.size > LIMIT_ENTRY_BYTES) {
        return;
    }
    struct raft_configuration configuration;
    entry.payload = blob_copy(payload);
    if (log_rows_checksum(&entry) == (uint64_t)sqlite3_column_int64(row, 2) &&
        raft_configuration_decode(payload, &configuration) == RESULT_OK) {
        if (!raft_db_cluster_id_is_set(configuration.cluster_id)) {
            memcpy(configuration.cluster_id, db->state.cluster_id, RAFT_CLUSTER_ID_BYTES);
        }
        consider(finding, &configuration, entry.index, true);
    }
    blob_release(entry.payload);
}

/* As far as the table can be read. */
static void ask_rows(struct raft_db *db, struct finding *finding)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT idx, term, checksum, payload FROM log WHERE type = %d ORDER BY idx",
                   (int)RAFT_ENTRY_CONFIGURATION);
    sqlite3_stmt *row = NULL;
    if (sqlite3_prepare_v2(db->file.connection, sql, -1, &row, NULL) == SQLITE_OK) {
        while (sqlite3_step(row) == SQLITE_ROW) {
            ask_row(db, row, finding);
        }
    }
    (void)sqlite3_finalize(row);
}

static enum result ask_connected(struct raft_db *db, const struct log_store_options *options,
                                 struct finding *finding)
{
    enum result result = raft_db_check_identity(db, options);
    if (result != RESULT_OK) {
        return result;
    }
    struct raft_configuration bootstrap = {.members_count = 0};
    if (raft_db_load_state(db) != RESULT_OK) {
        db->state = (struct raft_db_state){.last_index = 0};
    }
    if (buf_size(&db->bootstrap) > 0 &&
        raft_configuration_decode(buf_slice(&db->bootstrap), &bootstrap) == RESULT_OK) {
        if (!raft_db_cluster_id_is_set(bootstrap.cluster_id)) {
            memcpy(bootstrap.cluster_id, db->state.cluster_id, RAFT_CLUSTER_ID_BYTES);
        }
        consider(finding, &bootstrap, 0, true);
    }
    ask_rows(db, finding);
    return RESULT_OK;
}

/* Connected without the examination that found the damage. */
static enum result ask_log(const struct log_store_options *options, struct finding *finding)
{
    if (!exists(options->directory, "raft.db")) {
        return RESULT_OK;
    }
    char path[PATH_MAX];
    path_of(options->directory, "raft.db", path);
    struct raft_db db = {.file = {0}};
    sqlite_file_init(&db.file, path, READ_ON);
    enum result result = sqlite_file_connect(&db.file);
    if (result == RESULT_OK) {
        result = ask_connected(&db, options, finding);
    }
    raft_db_close(&db, false);
    return result == RESULT_IDENTITY || result == RESULT_VERSION ? result : RESULT_OK;
}

/* ---- Setting aside ---- */

static enum result failed(const char *what, const char *path)
{
    logger_log(LOGGER_ERROR, "cannot %s %s: %s", what, path, strerror(errno));
    return RESULT_IO;
}

static enum result move(const char *directory, const char *aside, const char *name)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    path_of(directory, name, from);
    path_of(aside, name, to);
    return rename(from, to) == 0 || errno == ENOENT ? RESULT_OK : failed("move aside", from);
}

/* A database goes before its WAL: a WAL alone is damage that the next start sees. */
static enum result move_database(const char *directory, const char *aside, const char *name)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    enum result result = RESULT_OK;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]) && result == RESULT_OK; i++) {
        char full[64];
        (void)snprintf(full, sizeof(full), "%s%s", name, suffixes[i]);
        result = move(directory, aside, full);
    }
    if (result == RESULT_OK) {
        result = data_dir_sync(aside);
    }
    return result == RESULT_OK ? data_dir_sync(directory) : result;
}

/* Makes DIR/damaged-<unix ms>. */
static enum result make_aside(const char *directory, char aside[PATH_MAX])
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    char name[64];
    (void)snprintf(name, sizeof(name), "damaged-%llu",
                   (unsigned long long)now.tv_sec * 1000 +
                       (unsigned long long)now.tv_nsec / 1000000);
    path_of(directory, name, aside);
    return mkdir(aside, DIRECTORY_MODE) == 0 ? RESULT_OK : failed("make directory", aside);
}

static enum result set_aside(const char *directory, bool is_log_last)
{
    char aside[PATH_MAX];
    enum result result = make_aside(directory, aside);
    if (result == RESULT_OK) {
        result = move_database(directory, aside, is_log_last ? "state.db" : "raft.db");
    }
    if (result == RESULT_OK) {
        result = move_database(directory, aside, is_log_last ? "raft.db" : "state.db");
    }
    if (result == RESULT_OK) {
        logger_log(LOGGER_WARNING,
                   "the damaged files were moved to %s; this node starts blank under a new disk id "
                   "and is caught up by its peers",
                   aside);
    }
    return result;
}

enum result damaged_dir_move_state(const char *directory)
{
    char aside[PATH_MAX];
    enum result result = make_aside(directory, aside);
    if (result == RESULT_OK) {
        result = move_database(directory, aside, "state.db");
    }
    if (result == RESULT_OK) {
        logger_log(LOGGER_WARNING, "the damaged state.db was moved to %s", aside);
    }
    return result;
}

static bool has_other_voters(const struct raft_configuration *configuration, uint64_t node_id)
{
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        if (member->id != node_id && member->role == RAFT_VOTER) {
            return true;
        }
    }
    return false;
}

enum result damaged_dir_recover(const struct log_store_options *options,
                                struct raft_configuration *bootstrap)
{
    struct finding finding = {.is_found = false};
    enum result result = ask_log(options, &finding);
    if (result == RESULT_OK) {
        result = ask_state(options, &finding);
    }
    if (result != RESULT_OK) {
        return result;
    }
    if (!finding.is_found) {
        logger_log(LOGGER_ERROR,
                   "%s is damaged, and says no more which cluster it is of; move its files away "
                   "(keep them), remove the node from the cluster and add it again with an empty "
                   "directory",
                   options->directory);
        return RESULT_NOT_FOUND;
    }
    if (!has_other_voters(&finding.configuration, options->node_id)) {
        logger_log(LOGGER_ERROR,
                   "%s is damaged, and no other member could give the data again; look at it with "
                   "quorumctl verify, and restore a backup with quorumctl restore",
                   options->directory);
        return RESULT_CONFLICT;
    }
    result = set_aside(options->directory, finding.is_from_log);
    if (result == RESULT_OK) {
        *bootstrap = finding.configuration;
    }
    return result;
}
