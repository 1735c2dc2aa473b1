/* state_file.c -- state files as files: copied, verified, put in place, cleaned up behind.
 *
 * A file at its final name is whole: it is written under a temporary name (STATE_FILE_TEMPORARY),
 * flushed, renamed, and the directory flushed. What a crash leaves under a temporary name is
 * removed when the store is opened.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/logger.h"
#include "base/mem.h"
#include "storage/data_dir.h"
#include "storage/offline.h"
#include "storage/state_db.h"

enum { PATH_BYTES = 4096, BESIDE_BYTES = PATH_BYTES + 16, HASH_PIECE_BYTES = 1024 * 1024 };

static enum result failed(const char *what, const char *path)
{
    logger_log(LOGGER_ERROR, "cannot %s %s: %s", what, path, strerror(errno));
    return RESULT_IO;
}

static enum result sync_file(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) {
        return failed("open", path);
    }
    enum result result = fsync(descriptor) == 0 ? RESULT_OK : failed("flush", path);
    (void)close(descriptor);
    return result;
}

/* Puts a flushed file in the place of another, if there is one, for good. */
static enum result rename_durably(const char *from, const char *to)
{
    if (rename(from, to) != 0) {
        return failed("rename to its place", from);
    }
    return data_dir_sync_parent(to);
}

static bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static bool ends_in(const char *text, const char *suffix)
{
    size_t size = strlen(text);
    size_t suffix_size = strlen(suffix);
    return size > suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

void state_file_clean(const char *directory)
{
    DIR *stream = opendir(directory);
    if (stream == NULL) {
        return; /* Opening the store in it says why. */
    }
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (ends_in(entry->d_name, STATE_FILE_TEMPORARY) ||
            ends_in(entry->d_name, STATE_FILE_TEMPORARY "-journal")) {
            (void)unlinkat(dirfd(stream), entry->d_name, 0);
        }
    }
    (void)closedir(stream);
}

/* ---- Hash ---- */

static enum result hash_open_file(int descriptor, const char *path, struct hash_stream *stream,
                                  uint64_t *bytes)
{
    uint8_t *piece = mem_alloc(HASH_PIECE_BYTES);
    enum result result = RESULT_OK;
    uint64_t size = 0;
    for (;;) {
        ssize_t got = read(descriptor, piece, HASH_PIECE_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            result = got == 0 ? RESULT_OK : failed("read", path);
            break;
        }
        hash_stream_add(stream, slice_of(piece, (size_t)got));
        size += (uint64_t)got;
    }
    mem_free(piece);
    *bytes = size;
    return result;
}

enum result state_file_hash(const char *path, uint64_t *bytes, uint64_t *hash)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) {
        return failed("open", path);
    }
    uint64_t size = 0;
    struct hash_stream *stream = hash_stream_create(0);
    enum result result = hash_open_file(descriptor, path, stream, &size);
    uint64_t value = hash_stream_finish(stream);
    (void)close(descriptor);
    if (result == RESULT_OK) {
        *bytes = size;
        *hash = value;
    }
    return result;
}

/* ---- Copy ---- */

/* VACUUM INTO: a read transaction on the state, written without free pages, in order. */
static enum result vacuum_into(struct state_db *db, const char *path)
{
    sqlite3_stmt *statement = NULL;
    enum result result = RESULT_OK;
    if (sqlite3_prepare_v2(db->file.connection, "VACUUM INTO ?1", -1, &statement, NULL) !=
            SQLITE_OK ||
        sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_DONE) {
        logger_log(LOGGER_ERROR, "cannot copy the data to %s", path);
        result = sqlite_file_failed(&db->file, "copy");
    }
    (void)sqlite3_finalize(statement);
    return result;
}

static void remove_temporary(const char *path)
{
    char journal[BESIDE_BYTES];
    (void)snprintf(journal, sizeof(journal), "%s-journal", path);
    (void)unlink(path);
    (void)unlink(journal);
}

enum result state_db_copy(struct state_db *db, const char *path, uint64_t *bytes, uint64_t *hash)
{
    char temporary[PATH_BYTES];
    int size = snprintf(temporary, sizeof(temporary), "%s" STATE_FILE_TEMPORARY, path);
    if (size < 0 || (size_t)size + sizeof("-journal") > sizeof(temporary)) {
        logger_log(LOGGER_ERROR, "cannot copy %s: the path of the copy is too long", db->file.path);
        return RESULT_INVALID;
    }
    if (exists(path)) {
        logger_log(LOGGER_ERROR, "cannot copy %s to %s, which exists", db->file.path, path);
        return RESULT_EXISTS;
    }
    remove_temporary(temporary);
    bool are_fatal = db->file.failures_are_fatal;
    db->file.failures_are_fatal = false; /* A copy that failed is no danger to the original. */
    enum result result = vacuum_into(db, temporary);
    db->file.failures_are_fatal = are_fatal;
    if (result == RESULT_OK) {
        result = sync_file(temporary);
    }
    if (result == RESULT_OK) {
        result = state_file_hash(temporary, bytes, hash);
    }
    if (result == RESULT_OK) {
        result = rename_durably(temporary, path);
    }
    if (result != RESULT_OK) {
        remove_temporary(temporary);
    }
    return result;
}

/* ---- Verify ---- */

static enum result accept_row(const struct state_row *row, void *context)
{
    (void)row;
    (void)context;
    return RESULT_OK;
}

/* SQLite would create a file that is missing, and take in a journal that lies beside it. */
static enum result check_alone(const char *path)
{
    static const char *const suffixes[] = {"-wal", "-journal"};
    struct stat status;
    if (lstat(path, &status) != 0) {
        return failed("examine", path);
    }
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char beside[BESIDE_BYTES];
        (void)snprintf(beside, sizeof(beside), "%s%s", path, suffixes[i]);
        if (stat(beside, &status) == 0 && status.st_size > 0) {
            logger_log(LOGGER_ERROR, "%s exists: the file beside it was not closed in order",
                       beside);
            return RESULT_CORRUPT;
        }
    }
    return RESULT_OK;
}

enum result state_file_verify(const char *path, struct state_meta *meta, uint8_t *replica_state)
{
    enum result result = check_alone(path);
    if (result != RESULT_OK) {
        return result;
    }
    struct state_db db;
    result = state_db_open_file(&db, path);
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
    state_db_close(&db, true);
    return result;
}

/* ---- Install ---- */

/* Gives the file its new owner, outside of WAL mode, so that nothing is left beside it. */
static enum result adopt(const struct state_store_options *options, const char *path)
{
    static const struct sqlite_file_pragma alone = {"journal_mode", "DELETE", "delete"};
    struct state_db db;
    enum result result = state_db_open_file(&db, path);
    if (result == RESULT_OK) {
        result = sqlite_file_set_pragma(&db.file, &alone);
    }
    if (result == RESULT_OK) {
        result = state_db_put_identity(&db, options);
    }
    state_db_close(&db, true);
    return result == RESULT_OK ? sync_file(path) : result;
}

/* A WAL left beside the old file would be taken for the new one's. Folding it in keeps the old file
 * whole for the case that the rename does not come to be. The directory is flushed even when there
 * is none: its removal, when the store was closed, must not come after the rename. */
static enum result settle_wal(const char *path)
{
    char wal[BESIDE_BYTES];
    (void)snprintf(wal, sizeof(wal), "%s-wal", path);
    if (!exists(wal)) {
        return data_dir_sync_parent(path);
    }
    struct sqlite_file old;
    sqlite_file_init(&old, path, "it is about to be replaced");
    enum result result = sqlite_file_connect(&old);
    if (result == RESULT_OK) {
        result = sqlite_file_checkpoint(&old, SQLITE_CHECKPOINT_TRUNCATE);
    }
    sqlite_file_close(&old, result == RESULT_OK);
    if (result == RESULT_FULL) {
        return result;
    }
    if (result != RESULT_OK) {
        logger_log(LOGGER_WARNING, "%s cannot be read, and its write-ahead log is dropped", path);
    }
    if (exists(wal) && unlink(wal) != 0) {
        return failed("remove", wal);
    }
    return data_dir_sync_parent(path);
}

enum result state_file_install(const struct state_store_options *options, const char *path)
{
    char place[PATH_BYTES];
    (void)snprintf(place, sizeof(place), "%s/state.db", options->directory);
    enum result result = check_alone(path);
    if (result == RESULT_OK) {
        result = adopt(options, path);
    }
    if (result == RESULT_OK) {
        result = settle_wal(place);
    }
    return result == RESULT_OK ? rename_durably(path, place) : result;
}
