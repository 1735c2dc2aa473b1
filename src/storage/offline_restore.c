/* offline_restore.c -- a new cluster of one out of a backup.
 *
 * state.db comes first and raft.db last: a directory with a state.db and no raft.db is not taken
 * for a new one by anybody (damaged_dir.h), so a crash half-way cannot start an empty node.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"
#include "storage/offline_internal.h"
#include "storage/raft_db.h"
#include "storage/state_db.h"

enum { COPY_PIECE_BYTES = 1024 * 1024, FILE_MODE = 0600, WAL_BYTES_MAX = 4 * 1024 * 1024 };

static enum result failed(const char *what, const char *path)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    logger_log(LOGGER_ERROR, "cannot %s %s: %s", what, path, strerror(errno));
    return is_full ? RESULT_FULL : RESULT_IO;
}

static enum result check_is_empty(const char *directory)
{
    static const char *const names[] = {"raft.db", "raft.db-wal", "state.db", "state.db-wal"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PATH_MAX];
        struct stat status;
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        if (lstat(path, &status) == 0) {
            logger_log(LOGGER_ERROR,
                       "%s exists: a backup is restored into an empty data directory only; move "
                       "what is there away (keep it)",
                       path);
            return RESULT_EXISTS;
        }
    }
    return RESULT_OK;
}

/* ---- The file ---- */

static enum result copy_bytes(int from, int to, const char *from_path, const char *to_path)
{
    uint8_t *piece = mem_alloc(COPY_PIECE_BYTES);
    enum result result = RESULT_OK;
    for (;;) {
        ssize_t got = read(from, piece, COPY_PIECE_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            result = got == 0 ? RESULT_OK : failed("read", from_path);
            break;
        }
        ssize_t put = write(to, piece, (size_t)got);
        if (put != got) {
            errno = put < 0 ? errno : ENOSPC;
            result = failed("write", to_path);
            break;
        }
    }
    mem_free(piece);
    if (result == RESULT_OK && fsync(to) != 0) {
        result = failed("flush", to_path);
    }
    return result;
}

static enum result copy_file(const char *from_path, const char *to_path)
{
    int from = open(from_path, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        return failed("open", from_path);
    }
    int to = open(to_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    enum result result =
        to < 0 ? failed("create", to_path) : copy_bytes(from, to, from_path, to_path);
    if (to >= 0) {
        (void)close(to);
    }
    (void)close(from);
    return result;
}

/* Outside of WAL mode, as state_file_install wants it. */
static enum result put_configuration(const char *path,
                                     const struct raft_configuration *configuration)
{
    static const struct sqlite_file_pragma alone = {"journal_mode", "DELETE", "delete"};
    struct state_db db;
    enum result result = state_db_open_file(&db, path);
    if (result == RESULT_OK) {
        result = sqlite_file_set_pragma(&db.file, &alone);
    }
    if (result == RESULT_OK) {
        struct state_meta meta = db.meta;
        meta.configuration = *configuration;
        result = state_db_put_meta(&db, &meta);
    }
    state_db_close(&db, true);
    return result;
}

static enum result install_state(const struct offline_restore *options,
                                 const struct raft_configuration *alone, struct state_meta *meta)
{
    char path[PATH_MAX];
    uint8_t replica_state[STATE_REPLICA_STATE_BYTES_MAX];
    struct state_store_options owner = {.directory = options->directory,
                                        .node_name = options->member.name,
                                        .node_id = options->member.id};
    (void)snprintf(path, sizeof(path), "%s/restored" STATE_FILE_TEMPORARY, options->directory);
    enum result result = copy_file(options->state_path, path);
    if (result == RESULT_OK) {
        result = state_file_verify(path, meta, replica_state);
    }
    meta->replica_state = slice_of(NULL, 0); /* Of no use to the caller, and ours. */
    if (result == RESULT_OK && meta->index == 0) {
        logger_log(LOGGER_ERROR, "%s holds no snapshot", options->state_path);
        result = RESULT_INVALID;
    }
    if (result == RESULT_OK) {
        result = put_configuration(path, alone);
    }
    if (result == RESULT_OK) {
        result = state_file_install(&owner, path);
    }
    if (result != RESULT_OK) {
        (void)unlink(path);
    }
    return result;
}

/* ---- The log ---- */

static enum result make_log(const struct offline_restore *options,
                            const struct raft_configuration *alone, const struct state_meta *meta)
{
    struct log_store_options log_options = {.directory = options->directory,
                                            .node_name = options->member.name,
                                            .node_id = options->member.id,
                                            .bootstrap = alone,
                                            .wal_bytes_max = WAL_BYTES_MAX,
                                            .new_disk_id = options->member.disk_id};
    struct raft_db db;
    bool created;
    enum result result = raft_db_open(&db, &log_options, &created);
    if (result == RESULT_OK) {
        result = raft_db_begin(&db);
    }
    if (result == RESULT_OK) {
        result = raft_db_reset(&db, meta->index, meta->term);
    }
    if (result == RESULT_OK) {
        result = raft_db_commit(&db);
    }
    if (result == RESULT_OK) {
        result = sqlite_file_checkpoint(&db.file, SQLITE_CHECKPOINT_TRUNCATE);
    }
    raft_db_close(&db, result == RESULT_OK);
    return result;
}

enum result offline_restore(const struct offline_restore *options, struct state_meta *meta)
{
    ASSERT(raft_db_cluster_id_is_set(options->cluster_id));
    ASSERT(options->member.disk_id != 0);
    struct raft_configuration alone = {.members_count = 0};
    struct raft_member member = options->member;
    member.role = RAFT_VOTER;
    memcpy(alone.cluster_id, options->cluster_id, RAFT_CLUSTER_ID_BYTES);
    enum result result = raft_configuration_put(&alone, &member);
    ASSERT(result == RESULT_OK); /* There is room for one. */
    struct data_dir_lock lock;
    result = data_dir_lock(options->directory, &lock);
    if (result != RESULT_OK) {
        return result;
    }
    struct state_meta found = {.index = 0};
    result = check_is_empty(options->directory);
    if (result == RESULT_OK) {
        result = install_state(options, &alone, &found);
    }
    if (result == RESULT_OK) {
        result = make_log(options, &alone, &found);
    }
    data_dir_unlock(&lock);
    if (result == RESULT_OK) {
        *meta = found;
    }
    return result;
}
