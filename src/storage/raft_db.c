/* raft_db.c -- opens raft.db as the log needs it: one exclusive connection, WAL, FULL.
 *
 * DESIGN. The order in raft_db_open matters:
 *   examine_files    before SQLite touches anything, because opening repairs (and so hides) damage
 *   wal_scan         SQLite's recovery drops everything behind a bad frame without a word
 *   locking_mode     before the first read, so that the wal-index lives on our heap (no -shm file)
 *   identity         before the first write, so that a foreign file stays as it is
 *   pragmas          each is read back: a silent synchronous=NORMAL would lose acknowledged writes
 *   state            one row, with a checksum
 * Source: sqlite.org, pages pragma, wal, walformat.
 */
#include "storage/raft_db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/logger.h"
#include "base/mem.h"
#include "storage/data_dir.h"
#include "storage/storage_fatal.h"
#include "storage/wal_scan.h"

enum { PATH_BYTES = 4096, MESSAGE_BYTES = 512, WAL_HEADER_BYTES = 32, WAL_FRAME_HEADER_BYTES = 24 };

struct pragma {
    const char *name;
    const char *value;
    const char *expected; /* what it reads back as */
};

/* page_size works only on a new file and is therefore not read back. A small commit writes two
 * pages; 8192 was measured no faster beyond the noise, 1024 and 16384 slower, so it is SQLite's
 * default, which is also the unit most disks write whole. */
static const struct pragma pragmas[] = {
    {"page_size", "4096", NULL},    {"auto_vacuum", "NONE", "0"},
    {"journal_mode", "WAL", "wal"}, {"locking_mode", "EXCLUSIVE", "exclusive"},
    {"synchronous", "FULL", "2"},   {"wal_autocheckpoint", "0", "0"},
    {"mmap_size", "0", "0"},        {"secure_delete", "OFF", "0"},
    {"cell_size_check", "ON", "1"}, {"trusted_schema", "OFF", "0"},
    {"temp_store", "MEMORY", "2"},
};

static const char *const statements_sql[RAFT_DB_STATEMENTS_COUNT] = {
    [RAFT_DB_BEGIN] = "BEGIN IMMEDIATE",
    [RAFT_DB_COMMIT] = "COMMIT",
    [RAFT_DB_APPEND] = "INSERT INTO log (idx, term, type, checksum, chain, payload)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [RAFT_DB_TRUNCATE] = "DELETE FROM log WHERE idx >= ?1",
    [RAFT_DB_CHAIN_AT] = "SELECT chain FROM log WHERE idx = ?1",
    [RAFT_DB_PUT_STATE] = "REPLACE INTO state (id, term, vote, commit_index, last_index,"
                          " last_chain, base_index, base_chain, incarnation, running,"
                          " cluster_index, cluster_id, checksum)"
                          " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
};

static const char *remedy_of(int code)
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
        return RAFT_DB_REMEDY_CORRUPT;
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
    (void)sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (wal != NULL && wal->pMethods != NULL) {
        (void)wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &code);
    }
    if (code == 0) {
        (void)sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &code);
    }
    return code != 0 ? code : sqlite3_system_errno(connection);
}

enum result raft_db_failed(struct raft_db *db, const char *what)
{
    int extended = sqlite3_extended_errcode(db->connection);
    int code = extended & 0xff;
    int system = errno_behind(db->connection);
    if (code == SQLITE_CORRUPT && system == EIO) {
        code = SQLITE_IOERR; /* A page that cannot be read is the disk's fault, not the data's. */
    }
    if (code != SQLITE_IOERR && code != SQLITE_CANTOPEN && code != SQLITE_FULL) {
        system = 0; /* Left over from something that was handled. */
    }
    char message[MESSAGE_BYTES];
    (void)snprintf(message, sizeof(message), "%s (SQLite code %d%s%s)",
                   sqlite3_errmsg(db->connection), extended, system == 0 ? "" : ": ",
                   system == 0 ? "" : strerror(system));
    if (db->failures_are_fatal) {
        storage_fatal(what, db->path, message, remedy_of(code));
    }
    logger_log(LOGGER_ERROR, "cannot %s %s: %s; %s", what, db->path, message, remedy_of(code));
    return result_of(code);
}

enum result raft_db_corrupt(struct raft_db *db, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (db->failures_are_fatal) {
        storage_fatal("trust", db->path, message, RAFT_DB_REMEDY_CORRUPT);
    }
    logger_log(LOGGER_ERROR, "%s is damaged: %s; %s", db->path, message, RAFT_DB_REMEDY_CORRUPT);
    return RESULT_CORRUPT;
}

enum result raft_db_foreign_cluster(struct raft_db *db, uint64_t index)
{
    static const char remedy[] = "check the peers' addresses; to move this node to the other "
                                 "cluster, start it with an empty data directory";
    char message[MESSAGE_BYTES];
    (void)snprintf(message, sizeof(message),
                   "the configuration of index %llu names another cluster than this node's",
                   (unsigned long long)index);
    if (db->failures_are_fatal) {
        storage_fatal("accept an entry for", db->path, message, remedy);
    }
    logger_log(LOGGER_ERROR, "%s: %s; %s", db->path, message, remedy);
    return RESULT_IDENTITY;
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
static enum result examine_files(struct raft_db *db, bool *wal_found)
{
    bool found;
    uint64_t database_bytes = size_of_file(db->path, "", &found);
    uint64_t wal_bytes = size_of_file(db->path, "-wal", wal_found);
    if (database_bytes == 0 && wal_bytes > 0) {
        return raft_db_corrupt(db, "the file is %s, but its write-ahead log %s-wal has %llu bytes",
                               found ? "empty" : "missing", db->path,
                               (unsigned long long)wal_bytes);
    }
    return RESULT_OK;
}

static enum result scan_wal(struct raft_db *db)
{
    char path[PATH_BYTES];
    struct wal_scan_report report;
    (void)snprintf(path, sizeof(path), "%s-wal", db->path);
    enum result result = wal_scan(path, &report);
    if (result == RESULT_CORRUPT && report.damaged_frame == 0) {
        return raft_db_corrupt(db, "the header of %s does not verify", path);
    }
    if (result == RESULT_CORRUPT) {
        return raft_db_corrupt(db,
                               "frame %llu of %s does not verify, although frame %llu of a later "
                               "transaction does",
                               (unsigned long long)report.damaged_frame, path,
                               (unsigned long long)report.later_frame);
    }
    return result;
}

/* Whether a statement "PRAGMA name" reads as expected. */
static enum result check_pragma(struct raft_db *db, const char *name, const char *expected)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "PRAGMA %s", name);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db->connection, sql, -1, &statement, NULL) != SQLITE_OK) {
        return raft_db_failed(db, "read a setting of");
    }
    int code = sqlite3_step(statement);
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    enum result result = RESULT_OK;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        result = raft_db_failed(db, "read a setting of");
    } else if (text == NULL || strcmp(text, expected) != 0) {
        logger_log(LOGGER_ERROR,
                   "%s: PRAGMA %s reads '%s' and must be '%s'; this SQLite (%s) cannot be used",
                   db->path, name, text == NULL ? "" : text, expected, sqlite3_libversion());
        result = RESULT_IO;
    }
    (void)sqlite3_finalize(statement);
    return result;
}

static enum result set_pragma(struct raft_db *db, const struct pragma *pragma)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "PRAGMA %s = %s", pragma->name, pragma->value);
    enum result result = raft_db_run(db, sql, "configure");
    if (result == RESULT_OK && pragma->expected != NULL) {
        result = check_pragma(db, pragma->name, pragma->expected);
    }
    return result;
}

static enum result set_pragmas(struct raft_db *db, uint32_t wal_bytes_max)
{
    for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
        enum result result = set_pragma(db, &pragmas[i]);
        if (result != RESULT_OK) {
            return result;
        }
    }
    /* One large transaction may outgrow the limit; the file shrinks at the next restart of it. */
    char limit[16];
    (void)snprintf(limit, sizeof(limit), "%u", wal_bytes_max);
    struct pragma size_limit = {"journal_size_limit", limit, limit};
    return set_pragma(db, &size_limit);
}

static int on_wal_commit(void *context, sqlite3 *connection, const char *name, int pages)
{
    struct raft_db *db = context;
    (void)connection;
    (void)name;
    db->wal_pages = (uint32_t)pages;
    return SQLITE_OK;
}

static enum result connect_file(struct raft_db *db)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;
    if (sqlite3_open_v2(db->path, &db->connection, flags, NULL) != SQLITE_OK) {
        return raft_db_failed(db, "open");
    }
    (void)sqlite3_db_config(db->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return raft_db_run(db, "PRAGMA locking_mode = EXCLUSIVE", "configure");
}

static enum result prepare_statements(struct raft_db *db)
{
    for (int i = 0; i < RAFT_DB_STATEMENTS_COUNT; i++) {
        if (sqlite3_prepare_v3(db->connection, statements_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &db->statements[i], NULL) != SQLITE_OK) {
            return raft_db_failed(db, "prepare a statement for");
        }
    }
    return RESULT_OK;
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
    uint64_t tables;
    enum result result = raft_db_read_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (result == RESULT_OK && tables > 0) {
        result = raft_db_check_identity(db, options);
    }
    if (result == RESULT_OK) {
        result = set_pragmas(db, options->wal_bytes_max);
    }
    if (result == RESULT_OK && tables == 0) {
        result = create_new(db, options);
    }
    if (result == RESULT_OK) {
        result = prepare_statements(db);
    }
    uint64_t page_bytes = 0;
    if (result == RESULT_OK) {
        result = raft_db_read_number(db, "PRAGMA page_size", &page_bytes);
    }
    if (result == RESULT_OK) {
        result = raft_db_load_state(db);
    }
    db->page_bytes = (uint32_t)page_bytes;
    *created = tables == 0;
    return result;
}

enum result raft_db_open(struct raft_db *db, const struct log_store_options *options, bool *created)
{
    ASSERT(options->wal_bytes_max > 0);
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/raft.db", options->directory);
    *db = (struct raft_db){.path = mem_copy_string(path)};
    bool wal_found;
    bool is_new = false;
    enum result result = examine_files(db, &wal_found);
    if (result == RESULT_OK && wal_found) {
        result = scan_wal(db);
    }
    if (result == RESULT_OK) {
        result = connect_file(db);
    }
    if (result == RESULT_OK) {
        result = open_connected(db, options, &is_new);
    }
    if (result != RESULT_OK) {
        return result;
    }
    if (db->state.running && !is_new && !wal_found) {
        return raft_db_corrupt(db,
                               "the node did not stop cleanly, and the write-ahead log %s-wal, "
                               "which would hold its last writes, is gone (if you know that "
                               "another program opened the file and folded it in: create an empty "
                               "%s-wal and start again)",
                               db->path, db->path);
    }
    sqlite3_wal_hook(db->connection, on_wal_commit, db);
    *created = is_new;
    return RESULT_OK;
}

void raft_db_close(struct raft_db *db, bool is_clean)
{
    if (is_clean) {
        (void)sqlite3_db_config(db->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    for (int i = 0; i < RAFT_DB_STATEMENTS_COUNT; i++) {
        (void)sqlite3_finalize(db->statements[i]);
    }
    int code = sqlite3_close(db->connection);
    ASSERT(code == SQLITE_OK); /* Else a statement was left open. */
    buf_deinit(&db->bootstrap);
    mem_free(db->path);
    *db = (struct raft_db){0};
}

enum result raft_db_checkpoint(struct raft_db *db, int mode)
{
    int wal_pages = 0;
    int copied_pages = 0;
    if (sqlite3_wal_checkpoint_v2(db->connection, NULL, mode, &wal_pages, &copied_pages) !=
        SQLITE_OK) {
        return raft_db_failed(db, "checkpoint");
    }
    /* With one connection nothing can hold a checkpoint back; if something does, the WAL would
     * grow without bound. */
    if (wal_pages != copied_pages) {
        return raft_db_corrupt(db, "a checkpoint copied %d of %d pages: another connection exists",
                               copied_pages, wal_pages);
    }
    db->wal_pages = 0;
    return RESULT_OK;
}

uint64_t raft_db_wal_bytes(const struct raft_db *db)
{
    return db->wal_pages == 0 ? 0
                              : WAL_HEADER_BYTES + (uint64_t)db->wal_pages *
                                                       (db->page_bytes + WAL_FRAME_HEADER_BYTES);
}

uint64_t raft_db_file_bytes(const struct raft_db *db)
{
    bool found;
    return size_of_file(db->path, "", &found);
}
