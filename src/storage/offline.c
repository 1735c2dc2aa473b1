/* offline.c -- looking into a data directory whose node is not running. */
#include "storage/offline.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/logger.h"
#include "storage/data_dir.h"
#include "storage/log_recovery.h"
#include "storage/offline_internal.h"
#include "storage/raft_db.h"
#include "storage/state_db.h"

static void path_of(const char *directory, const char *name, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/%s", directory, name);
}

/* Taking the lock makes a directory that is not there, which nobody wants who only looks. */
enum result offline_lock(const char *directory, struct data_dir_lock *lock)
{
    struct stat status;
    if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode)) {
        logger_log(LOGGER_ERROR, "there is no data directory %s", directory);
        return RESULT_NOT_FOUND;
    }
    return data_dir_lock(directory, lock);
}

static enum result summarize(struct raft_db *db, const struct raft_db_owner *owner,
                             struct offline_summary *out)
{
    const struct raft_db_state *state = &db->state;
    *out = (struct offline_summary){.node_id = owner->node_id,
                                    .disk_id = state->disk_id,
                                    .cluster_index = state->cluster_index,
                                    .hard_state = state->hard_state,
                                    .commit_index = state->commit_index,
                                    .base_index = state->base_index,
                                    .base_term = state->base_term,
                                    .last_index = state->last_index,
                                    .incarnation = state->incarnation,
                                    .was_running = state->running};
    memcpy(out->node_name, owner->node_name, sizeof(out->node_name));
    memcpy(out->cluster_id, state->cluster_id, sizeof(out->cluster_id));
    return log_recovery_read_bootstrap(db, &out->bootstrap);
}

static enum result open_log(const char *directory, struct raft_db *db, struct offline_summary *out)
{
    struct raft_db_owner owner = {.node_id = 0};
    enum result result = raft_db_open_as_is(db, directory, &owner);
    return result == RESULT_OK ? summarize(db, &owner, out) : result;
}

enum result offline_read_summary(const char *directory, struct offline_summary *out)
{
    struct data_dir_lock lock;
    enum result result = offline_lock(directory, &lock);
    if (result != RESULT_OK) {
        return result;
    }
    struct raft_db db;
    result = open_log(directory, &db, out);
    raft_db_close(&db, false);
    data_dir_unlock(&lock);
    return result;
}

enum result offline_read_log(const char *directory, struct offline_summary *summary,
                             uint64_t *good_index, offline_on_entry *on_entry, void *context)
{
    struct data_dir_lock lock;
    enum result result = offline_lock(directory, &lock);
    if (result != RESULT_OK) {
        return result;
    }
    struct raft_db db;
    *good_index = 0;
    result = open_log(directory, &db, summary);
    if (result == RESULT_OK) {
        result = log_recovery_read(&db, good_index, on_entry, context);
    }
    raft_db_close(&db, false);
    data_dir_unlock(&lock);
    return result;
}

static enum result accept_row(const struct state_row *row, void *context)
{
    (void)row;
    (void)context;
    return RESULT_OK;
}

enum result offline_check_state(const char *directory, struct state_meta *meta,
                                uint8_t *replica_state)
{
    char path[PATH_MAX];
    struct stat status;
    path_of(directory, "state.db", path);
    if (stat(path, &status) != 0) {
        return RESULT_NOT_FOUND;
    }
    struct state_db db;
    enum result result = state_db_open_as_is(&db, path);
    if (result == RESULT_OK) {
        result = state_db_load(&db, accept_row, NULL);
    }
    if (result == RESULT_OK) {
        *meta = db.meta;
        if (db.meta.replica_state.size > 0) {
            memcpy(replica_state, db.meta.replica_state.bytes, db.meta.replica_state.size);
        }
        meta->replica_state.bytes = replica_state;
    }
    state_db_close(&db, false);
    return result;
}

enum result offline_verify_state(const char *directory, struct state_meta *meta,
                                 uint8_t *replica_state)
{
    struct data_dir_lock lock;
    enum result result = offline_lock(directory, &lock);
    if (result == RESULT_OK) {
        result = offline_check_state(directory, meta, replica_state);
        data_dir_unlock(&lock);
    }
    return result;
}
