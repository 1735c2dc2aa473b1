/* data_dir.h -- the data directory: created with mode 0700, owned by one running process. */
#ifndef QUORUM_STORAGE_DATA_DIR_H
#define QUORUM_STORAGE_DATA_DIR_H

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

#endif
