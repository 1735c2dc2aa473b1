/* sqlite_file.h -- one SQLite file with its one connection, as both stores use it (private to
 * storage).
 *
 * Used by one thread at a time. SQLite's own codes do not leave the files that include this one.
 */
#ifndef QUORUM_STORAGE_SQLITE_FILE_H
#define QUORUM_STORAGE_SQLITE_FILE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/slice.h"

struct sqlite_file {
    sqlite3 *connection; /* NULL until connected */
    char *path;
    const char *vfs;            /* by its name; NULL: the default one */
    const char *remedy_corrupt; /* what a person is told to do about data that cannot be trusted */
    bool failures_are_fatal;    /* set once the store runs: then a failure ends the process */
    bool wal_was_there;         /* before SQLite was connected, which makes one */
    bool is_writer;             /* configured: there may be something to be found in the WAL */
    uint32_t page_bytes;
    uint32_t wal_pages; /* frames of the WAL in use */
};

/* Names the file; nothing is opened. remedy_corrupt is borrowed for ever. */
void sqlite_file_init(struct sqlite_file *file, const char *path, const char *remedy_corrupt);

/* Examines what lies on disk, scans the WAL for damage, and connects (creating the file). On
 * failure the caller still calls sqlite_file_close. wal_found: there was a WAL file. */
MUST_CHECK enum result sqlite_file_open(struct sqlite_file *file, bool *wal_found);

/* Connects alone: for files that have no WAL, or whose WAL no longer matters. */
MUST_CHECK enum result sqlite_file_connect(struct sqlite_file *file);

struct sqlite_file_pragma {
    const char *name;
    const char *value;
    const char *expected; /* what it reads back as; NULL: not read back */
};

MUST_CHECK enum result sqlite_file_set_pragma(struct sqlite_file *file,
                                              const struct sqlite_file_pragma *pragma);

/* Sets and reads back every pragma a store needs (WAL, FULL, EXCLUSIVE, ...). The WAL file is cut
 * to wal_bytes_max when it starts anew. */
MUST_CHECK enum result sqlite_file_configure(struct sqlite_file *file, uint32_t wal_bytes_max);

/* Prepares count persistent statements; the caller finalizes them before closing. */
MUST_CHECK enum result sqlite_file_prepare(struct sqlite_file *file, const char *const *sql,
                                           int count, sqlite3_stmt **statements);

/*
 * Closes what is open; file is as zeroed afterwards. A file that was only read has no WAL
 * afterwards if it had none before: an empty one would hide from the next start that it is missing.
 * Only when is_clean (all is checkpointed) does SQLite look at the files once more, to remove the
 * empty WAL. Otherwise nothing more is written: closing must not be a second try of what has just
 * failed.
 */
void sqlite_file_close(struct sqlite_file *file, bool is_clean);

/* Turns the connection's last error into a result, having logged it; ends the process instead when
 * failures_are_fatal. what completes "cannot ... <path>". A full disk is never fatal, as SQLite has
 * written nothing that counts: RESULT_FULL, and while failures are fatal the store that runs says
 * what it does about it. */
MUST_CHECK enum result sqlite_file_failed(struct sqlite_file *file, const char *what);

/* Logs that the data is corrupt, with path and remedy, and returns RESULT_CORRUPT; ends the
 * process instead when failures_are_fatal. */
MUST_CHECK enum result sqlite_file_corrupt(struct sqlite_file *file, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* Runs SQL without results. */
MUST_CHECK enum result sqlite_file_run(struct sqlite_file *file, const char *sql, const char *what);

/* Reads one number with a statement that yields one row. */
MUST_CHECK enum result sqlite_file_read_number(struct sqlite_file *file, const char *sql,
                                               uint64_t *out);

/* Whether nothing was ever made of the file: no tables. One that has pages all the same lost its
 * first one (a lost write), and is corrupt. */
MUST_CHECK enum result sqlite_file_is_new(struct sqlite_file *file, bool *is_new);

/* Who a file belongs to, as it says itself or as it must be. */
struct sqlite_file_owner {
    const char *node_name;
    uint64_t node_id;
};

/* RESULT_IDENTITY, logged with the remedy, when a file is not its node's. */
MUST_CHECK enum result sqlite_file_check_owner(const struct sqlite_file *file,
                                               struct sqlite_file_owner found,
                                               struct sqlite_file_owner wanted);

/* Runs a prepared statement that yields no row, and readies it for the next time. */
MUST_CHECK enum result sqlite_file_step(struct sqlite_file *file, sqlite3_stmt *statement,
                                        const char *what);

/* Ends the transaction under way, if a failure has not ended it already, as if it had not been. */
MUST_CHECK enum result sqlite_file_rollback(struct sqlite_file *file);

/* Binds an unsigned number as the signed one of the same bits; bytes, borrowed, empty but not NULL
 * when there are none. */
void sqlite_file_bind_number(sqlite3_stmt *statement, int at, uint64_t value);
void sqlite_file_bind_bytes(sqlite3_stmt *statement, int at, struct slice bytes);

/* Borrows a column's bytes until the statement moves on. */
struct slice sqlite_file_column_bytes(sqlite3_stmt *statement, int column);

/* Copies the WAL into the database. PASSIVE leaves the WAL file to be written again from its start;
 * TRUNCATE also empties it. Anything but a whole checkpoint is a failure. */
MUST_CHECK enum result sqlite_file_checkpoint(struct sqlite_file *file, int mode);

/* Bytes of the WAL in use, and of the database file. */
uint64_t sqlite_file_wal_bytes(const struct sqlite_file *file);
uint64_t sqlite_file_file_bytes(const struct sqlite_file *file);

#endif
