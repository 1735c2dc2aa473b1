/* sqlite_file.c -- opening a SQLite file so that a commit means what it says, and its failures.
 *
 * DESIGN. The order matters:
 *   examine_files    before SQLite touches anything, because opening repairs (and so hides) damage
 *   wal_scan         SQLite's recovery drops everything behind a bad frame without a word
 *   locking_mode     before the first read, so that the wal-index lives on our heap (no -shm file)
 *   (the owner checks identity: before the first write, so that a foreign file stays as it is)
 *   wal_renew        what an earlier failed flush left in memory alone must not be built upon
 *   pragmas          each is read back: a silent synchronous=NORMAL would lose acknowledged writes
 * Source: sqlite.org, pages pragma, wal, walformat.
 */
#include "storage/sqlite_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"
#include "storage/storage_fatal.h"
#include "storage/wal_renew.h"
#include "storage/wal_scan.h"

enum { PATH_BYTES = 4096, MESSAGE_BYTES = 512, WAL_HEADER_BYTES = 32, WAL_FRAME_HEADER_BYTES = 24 };

/* page_size works only on a new file and is therefore not read back. A small commit writes two
 * pages; 8192 was measured no faster beyond the noise, 1024 and 16384 slower, so it is SQLite's
 * default, which is also the unit most disks write whole. */
static const struct sqlite_file_pragma pragmas[] = {
    {"page_size", "4096", NULL},    {"auto_vacuum", "NONE", "0"},
    {"journal_mode", "WAL", "wal"}, {"locking_mode", "EXCLUSIVE", "exclusive"},
    {"synchronous", "FULL", "2"},   {"wal_autocheckpoint", "0", "0"},
    {"mmap_size", "0", "0"},        {"secure_delete", "OFF", "0"},
    {"cell_size_check", "ON", "1"}, {"trusted_schema", "OFF", "0"},
    {"temp_store", "MEMORY", "2"},
};

void sqlite_file_init(struct sqlite_file *file, const char *path, const char *remedy_corrupt)
{
    *file = (struct sqlite_file){.path = mem_copy_string(path), .remedy_corrupt = remedy_corrupt};
}

static const char *remedy_of(const struct sqlite_file *file, int code)
{
    switch (code) {
    case SQLITE_FULL:
        return "free space on that file system, then start again";
    case SQLITE_NOMEM:
        return "the machine is out of memory";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program has the file open; close it (look at a copy instead)";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return file->remedy_corrupt;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return "check owner and permissions of the file and its directory";
    default: /* An int of SQLite's, not an enum of ours. */
        return "check the disk and the kernel's messages (dmesg) before starting again";
    }
}

static enum result result_of(int code)
{
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return RESULT_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return RESULT_CORRUPT;
    case SQLITE_FULL:
        return RESULT_FULL;
    default:
        return RESULT_IO;
    }
}

/* The errno behind an I/O error; 0 when SQLite kept none. A failed step does not pass it on, but
 * each file remembers its own. */
static int errno_behind(sqlite3 *connection)
{
    sqlite3_file *wal = NULL;
    int code = 0;
    if (connection == NULL) {
        return 0; /* There was no memory for one. */
    }
    (void)sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (wal != NULL && wal->pMethods != NULL) {
        (void)wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &code);
    }
    if (code == 0) {
        (void)sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &code);
    }
    return code != 0 ? code : sqlite3_system_errno(connection);
}

enum result sqlite_file_failed(struct sqlite_file *file, const char *what)
{
    int extended = sqlite3_extended_errcode(file->connection);
    int code = extended & 0xff;
    int system = errno_behind(file->connection);
    if (code == SQLITE_CORRUPT && system == EIO) {
        code = SQLITE_IOERR; /* A page that cannot be read is the disk's fault, not the data's. */
    }
    if (code != SQLITE_IOERR && code != SQLITE_CANTOPEN && code != SQLITE_FULL) {
        system = 0; /* Left over from something that was handled. */
    }
    if (code == SQLITE_CANTOPEN && (system == ENOSPC || system == EDQUOT)) {
        code = SQLITE_FULL; /* There is no room for the file's name. */
    }
    if (code == SQLITE_FULL && file->failures_are_fatal) {
        return RESULT_FULL;
    }
    char message[MESSAGE_BYTES];
    (void)snprintf(message, sizeof(message), "%s (SQLite code %d%s%s)",
                   sqlite3_errmsg(file->connection), extended, system == 0 ? "" : ": ",
                   system == 0 ? "" : strerror(system));
    if (file->failures_are_fatal) {
        storage_fatal(what, file->path, message, remedy_of(file, code));
    }
    logger_log(LOGGER_ERROR, "cannot %s %s: %s; %s", what, file->path, message,
               remedy_of(file, code));
    return result_of(code);
}

enum result sqlite_file_corrupt(struct sqlite_file *file, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (file->failures_are_fatal) {
        storage_fatal("trust", file->path, message, file->remedy_corrupt);
    }
    logger_log(LOGGER_ERROR, "%s is damaged: %s; %s", file->path, message, file->remedy_corrupt);
    return RESULT_CORRUPT;
}

/* The size of the file of that path and suffix in bytes; 0 and not found when there is none. */
static uint64_t size_of_file(const char *path, const char *suffix, bool *found)
{
    char full[PATH_BYTES];
    struct stat status;
    (void)snprintf(full, sizeof(full), "%s%s", path, suffix);
    *found = stat(full, &status) == 0;
    return *found ? (uint64_t)status.st_size : 0;
}

/* SQLite deletes the WAL of an empty database. Ours never has that state: creating the database
 * writes its first page before the WAL exists. So the database itself was lost. */
static enum result examine_files(struct sqlite_file *file, bool *wal_found)
{
    bool found;
    uint64_t database_bytes = size_of_file(file->path, "", &found);
    uint64_t wal_bytes = size_of_file(file->path, "-wal", wal_found);
    if (database_bytes == 0 && wal_bytes > 0) {
        return sqlite_file_corrupt(
            file, "the file is %s, but its write-ahead log %s-wal has %llu bytes",
            found ? "empty" : "missing", file->path, (unsigned long long)wal_bytes);
    }
    return RESULT_OK;
}

static enum result scan_wal(struct sqlite_file *file)
{
    char path[PATH_BYTES];
    struct wal_scan_report report;
    (void)snprintf(path, sizeof(path), "%s-wal", file->path);
    enum result result = wal_scan(path, &report);
    if (result == RESULT_CORRUPT && report.damaged_frame == 0) {
        return sqlite_file_corrupt(file, "the header of %s does not verify", path);
    }
    if (result == RESULT_CORRUPT) {
        return sqlite_file_corrupt(
            file,
            "frame %llu of %s does not verify, although frame %llu of a later "
            "transaction does",
            (unsigned long long)report.damaged_frame, path, (unsigned long long)report.later_frame);
    }
    return result;
}

enum result sqlite_file_run(struct sqlite_file *file, const char *sql, const char *what)
{
    if (sqlite3_exec(file->connection, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return sqlite_file_failed(file, what);
    }
    return RESULT_OK;
}

enum result sqlite_file_read_number(struct sqlite_file *file, const char *sql, uint64_t *out)
{
    sqlite3_stmt *statement = NULL;
    enum result result = RESULT_OK;
    if (sqlite3_prepare_v2(file->connection, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        result = sqlite_file_failed(file, "read");
    } else {
        *out = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return result;
}

enum result sqlite_file_is_new(struct sqlite_file *file, bool *is_new)
{
    uint64_t tables = 0;
    uint64_t page_bytes = 0;
    bool found;
    enum result result =
        sqlite_file_read_number(file, "SELECT count(*) FROM sqlite_schema", &tables);
    if (result == RESULT_OK) {
        result = sqlite_file_read_number(file, "PRAGMA page_size", &page_bytes);
    }
    /* Not PRAGMA page_count, which believes the first page. */
    uint64_t bytes = size_of_file(file->path, "", &found);
    if (result == RESULT_OK && tables == 0 && bytes > page_bytes) {
        return sqlite_file_corrupt(file, "it has %llu bytes, and its first page lists no table",
                                   (unsigned long long)bytes);
    }
    *is_new = tables == 0;
    return result;
}

enum result sqlite_file_check_owner(const struct sqlite_file *file, struct sqlite_file_owner found,
                                    struct sqlite_file_owner wanted)
{
    if (found.node_id == wanted.node_id && strcmp(found.node_name, wanted.node_name) == 0) {
        return RESULT_OK;
    }
    logger_log(LOGGER_ERROR,
               "%s belongs to node '%s' (id %llu), this is node '%s' (id %llu); give this node its "
               "own data directory, or start it under the name the directory has",
               file->path, found.node_name, (unsigned long long)found.node_id, wanted.node_name,
               (unsigned long long)wanted.node_id);
    return RESULT_IDENTITY;
}

enum result sqlite_file_step(struct sqlite_file *file, sqlite3_stmt *statement, const char *what)
{
    enum result result = RESULT_OK;
    if (sqlite3_step(statement) != SQLITE_DONE) {
        result = sqlite_file_failed(file, what);
    }
    (void)sqlite3_reset(statement);
    return result;
}

enum result sqlite_file_rollback(struct sqlite_file *file)
{
    if (sqlite3_get_autocommit(file->connection) != 0) {
        return RESULT_OK;
    }
    return sqlite_file_run(file, "ROLLBACK", "roll back a transaction in");
}

void sqlite_file_bind_number(sqlite3_stmt *statement, int at, uint64_t value)
{
    int code = sqlite3_bind_int64(statement, at, (sqlite3_int64)value);
    ASSERT(code == SQLITE_OK); /* The statement is reset and has that parameter. */
}

void sqlite_file_bind_bytes(sqlite3_stmt *statement, int at, struct slice bytes)
{
    int code = bytes.size == 0
                   ? sqlite3_bind_zeroblob(statement, at, 0)
                   : sqlite3_bind_blob64(statement, at, bytes.bytes, bytes.size, SQLITE_STATIC);
    ASSERT(code == SQLITE_OK);
}

struct slice sqlite_file_column_bytes(sqlite3_stmt *statement, int column)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    return slice_of(bytes, bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(statement, column));
}

enum result sqlite_file_connect(struct sqlite_file *file)
{
    (void)size_of_file(file->path, "-wal", &file->wal_was_there);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;
    if (sqlite3_open_v2(file->path, &file->connection, flags, file->vfs) != SQLITE_OK) {
        return sqlite_file_failed(file, "open");
    }
    (void)sqlite3_db_config(file->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return sqlite_file_run(file, "PRAGMA locking_mode = EXCLUSIVE", "configure");
}

enum result sqlite_file_open(struct sqlite_file *file, bool *wal_found)
{
    enum result result = examine_files(file, wal_found);
    if (result == RESULT_OK && *wal_found) {
        result = scan_wal(file);
    }
    return result == RESULT_OK ? sqlite_file_connect(file) : result;
}

/* Whether a statement "PRAGMA name" reads as expected. */
static enum result check_pragma(struct sqlite_file *file, const char *name, const char *expected)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "PRAGMA %s", name);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(file->connection, sql, -1, &statement, NULL) != SQLITE_OK) {
        return sqlite_file_failed(file, "read a setting of");
    }
    int code = sqlite3_step(statement);
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    enum result result = RESULT_OK;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        result = sqlite_file_failed(file, "read a setting of");
    } else if (text == NULL || strcmp(text, expected) != 0) {
        logger_log(LOGGER_ERROR,
                   "%s: PRAGMA %s reads '%s' and must be '%s'; this SQLite (%s) cannot be used",
                   file->path, name, text == NULL ? "" : text, expected, sqlite3_libversion());
        result = RESULT_IO;
    }
    (void)sqlite3_finalize(statement);
    return result;
}

enum result sqlite_file_set_pragma(struct sqlite_file *file,
                                   const struct sqlite_file_pragma *pragma)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "PRAGMA %s = %s", pragma->name, pragma->value);
    enum result result = sqlite_file_run(file, sql, "configure");
    if (result == RESULT_OK && pragma->expected != NULL) {
        result = check_pragma(file, pragma->name, pragma->expected);
    }
    return result;
}

static int on_wal_commit(void *context, sqlite3 *connection, const char *name, int pages)
{
    struct sqlite_file *file = context;
    (void)connection;
    (void)name;
    file->wal_pages = (uint32_t)pages;
    return SQLITE_OK;
}

enum result sqlite_file_configure(struct sqlite_file *file, uint32_t wal_bytes_max)
{
    file->is_writer = true;
    char wal[PATH_BYTES];
    (void)snprintf(wal, sizeof(wal), "%s-wal", file->path);
    enum result result = wal_renew(wal);
    for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]) && result == RESULT_OK; i++) {
        result = sqlite_file_set_pragma(file, &pragmas[i]);
    }
    /* One large transaction may outgrow the limit; the file shrinks at the next restart of it. */
    char limit[16];
    (void)snprintf(limit, sizeof(limit), "%u", wal_bytes_max);
    struct sqlite_file_pragma size_limit = {"journal_size_limit", limit, limit};
    if (result == RESULT_OK) {
        result = sqlite_file_set_pragma(file, &size_limit);
    }
    uint64_t page_bytes = 0;
    if (result == RESULT_OK) {
        result = sqlite_file_read_number(file, "PRAGMA page_size", &page_bytes);
    }
    file->page_bytes = (uint32_t)page_bytes;
    sqlite3_wal_hook(file->connection, on_wal_commit, file);
    return result;
}

enum result sqlite_file_prepare(struct sqlite_file *file, const char *const *sql, int count,
                                sqlite3_stmt **statements)
{
    for (int i = 0; i < count; i++) {
        if (sqlite3_prepare_v3(file->connection, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &statements[i], NULL) != SQLITE_OK) {
            return sqlite_file_failed(file, "prepare a statement for");
        }
    }
    return RESULT_OK;
}

static void remove_empty_wal(const struct sqlite_file *file)
{
    bool found;
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s-wal", file->path);
    if (size_of_file(file->path, "-wal", &found) == 0 && found) {
        (void)unlink(path);
    }
}

void sqlite_file_close(struct sqlite_file *file, bool is_clean)
{
    if (is_clean && file->connection != NULL) {
        (void)sqlite3_db_config(file->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    bool may_have_made_wal = file->connection != NULL && !file->wal_was_there && !file->is_writer;
    int code = sqlite3_close(file->connection);
    ASSERT(code == SQLITE_OK); /* Else a statement was left open. */
    if (may_have_made_wal) {
        remove_empty_wal(file);
    }
    mem_free(file->path);
    *file = (struct sqlite_file){0};
}

enum result sqlite_file_checkpoint(struct sqlite_file *file, int mode)
{
    int wal_pages = 0;
    int copied_pages = 0;
    if (sqlite3_wal_checkpoint_v2(file->connection, NULL, mode, &wal_pages, &copied_pages) !=
        SQLITE_OK) {
        return sqlite_file_failed(file, "checkpoint");
    }
    /* With one connection nothing can hold a checkpoint back; if something does, the WAL would
     * grow without bound. */
    if (wal_pages != copied_pages) {
        return sqlite_file_corrupt(file,
                                   "a checkpoint copied %d of %d pages: another connection exists",
                                   copied_pages, wal_pages);
    }
    file->wal_pages = 0;
    return RESULT_OK;
}

uint64_t sqlite_file_wal_bytes(const struct sqlite_file *file)
{
    return file->wal_pages == 0
               ? 0
               : WAL_HEADER_BYTES +
                     (uint64_t)file->wal_pages * (file->page_bytes + WAL_FRAME_HEADER_BYTES);
}

uint64_t sqlite_file_file_bytes(const struct sqlite_file *file)
{
    bool found;
    return size_of_file(file->path, "", &found);
}
