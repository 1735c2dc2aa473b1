/* data_dir.h -- the data directory: created with mode 0700, owned by one running process. */
#ifndef QUORUM_STORAGE_DATA_DIR_H
#define QUORUM_STORAGE_DATA_DIR_H

#include <stdbool.h>

#include "base/result.h"

/* The lock on a directory; the process holds it until data_dir_unlock or its end. */
struct data_dir_lock {
    int descriptor;
};

/*
 * Creates the directory (and its parents) if it is not there, checks that it is a directory we may
 * write with no access for others, and takes the lock file in it, which then holds our pid.
 *
 * Logs cause and remedy on failure: RESULT_LOCKED (names the pid that holds it), RESULT_IO.
 */
MUST_CHECK enum result data_dir_lock(const char *directory, struct data_dir_lock *lock);
void data_dir_unlock(struct data_dir_lock *lock);

/* Flushes the directory's own entries to disk (new, renamed, removed files). */
MUST_CHECK enum result data_dir_sync(const char *directory);

/* The same with the directory that a path lies in. */
MUST_CHECK enum result data_dir_sync_parent(const char *path);

/*
 * Marks: empty files whose being there says something to the next start, durable when the call
 * returns RESULT_OK. Setting one that is set, and clearing one that is not, is fine. RESULT_IO and
 * RESULT_FULL are logged.
 */
MUST_CHECK enum result data_dir_set_mark(const char *directory, const char *name);
MUST_CHECK enum result data_dir_clear_mark(const char *directory, const char *name);
bool data_dir_has_mark(const char *directory, const char *name);

/* This node's state differed from the majority's: set before the process stops, cleared once a
 * snapshot from a peer was installed; in between nothing of the state is to be served. */
#define DATA_DIR_DIVERGED "diverged"

#endif
