/* raft_db_upgrade.c -- a raft.db of the version before becomes one of this version.
 *
 * Only what verifies is upgraded, in one transaction, so that a crash leaves the one or the other.
 */
#include <stdio.h>

#include "base/assert.h"
#include "base/logger.h"
#include "storage/log_recovery.h"
#include "storage/raft_db.h"

static const char what[] = "upgrade the format of";

/* The state row with its disk id, under the new version's checksum. */
static enum result put_state(struct raft_db *db)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "UPDATE state SET disk_id = %lld, checksum = %lld",
                   (long long)db->state.disk_id,
                   (long long)raft_db_state_checksum(&db->state, RAFT_DB_FORMAT_VERSION));
    return sqlite_file_run(&db->file, sql, what);
}

static enum result rewrite(struct raft_db *db, const struct raft_db_owner *owner)
{
    struct raft_configuration bootstrap = {.members_count = 0};
    enum result result = log_recovery_read_bootstrap(db, &bootstrap);
    if (result == RESULT_OK) {
        result = sqlite_file_run(&db->file, "BEGIN IMMEDIATE", what);
    }
    if (result == RESULT_OK) {
        result = sqlite_file_run(
            &db->file, "ALTER TABLE state ADD COLUMN disk_id INTEGER NOT NULL DEFAULT 0", what);
    }
    if (result == RESULT_OK) {
        result = put_state(db);
    }
    if (result == RESULT_OK) {
        result = raft_db_put_bootstrap(db, owner, &bootstrap);
    }
    return result == RESULT_OK ? sqlite_file_run(&db->file, "COMMIT", what) : result;
}

enum result raft_db_upgrade(struct raft_db *db, const struct log_store_options *options)
{
    ASSERT(db->format_version == RAFT_DB_FORMAT_VERSION_BEFORE);
    ASSERT(options->new_disk_id != 0);
    struct raft_db_owner owner = {.node_id = 0};
    enum result result = raft_db_read_owner(db, &owner);
    if (result == RESULT_OK) {
        result = raft_db_load_state(db);
    }
    if (result != RESULT_OK) {
        return result;
    }
    db->state.disk_id = options->new_disk_id;
    result = rewrite(db, &owner);
    if (result == RESULT_OK) {
        logger_log(LOGGER_NOTICE, "%s was upgraded from format version %d to %d", db->file.path,
                   RAFT_DB_FORMAT_VERSION_BEFORE, RAFT_DB_FORMAT_VERSION);
    }
    return result;
}
