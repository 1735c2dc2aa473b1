/* snapshot_files.h -- state files on their way between nodes: the copy that others read from, and
 * the file that is being received; both ends in a thread of their own, so that the loop never waits
 * for a disk (faults X4-X6).
 *
 * What is sent is a copy made by state_store_copy. What is received lies in the data directory
 * under a temporary name until it is verified whole; a crash leaves nothing that is used again.
 * Calls are queued and done in order; outcomes come back in order. No failure here stops the
 * process: a file that cannot be written or does not verify is an outcome.
 */
#ifndef QUORUM_STORAGE_SNAPSHOT_FILES_H
#define QUORUM_STORAGE_SNAPSHOT_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/result.h"
#include "base/slice.h"
#include "storage/state_store.h"

struct snapshot_files;

/* Starts the thread; directory is copied. RESULT_IO, logged. */
MUST_CHECK enum result snapshot_files_open(const char *directory, struct snapshot_files **out);

/* Where the copy to be sent, and the received file, lie; valid for the store's life. */
const char *snapshot_files_copy_path(const struct snapshot_files *files);
const char *snapshot_files_received_path(const struct snapshot_files *files);

/* Reads a piece of the copy: SNAPSHOT_FILES_READ with the number and its bytes (NULL: failed). */
void snapshot_files_read(struct snapshot_files *files, uint64_t number, uint64_t offset,
                         uint32_t bytes);

/* Removes the copy. */
void snapshot_files_drop_copy(struct snapshot_files *files);

/* Receiving: an empty file; bytes at its end (copied); sync and verify: size, hash, format and
 * every row: SNAPSHOT_FILES_VERIFIED; its rows: SNAPSHOT_FILES_ROWS, several times, a few blobs
 * ahead of the caller at most; removal. A write that failed shows in the verdict. */
void snapshot_files_receive_begin(struct snapshot_files *files);
void snapshot_files_receive_write(struct snapshot_files *files, struct slice bytes);
void snapshot_files_receive_verify(struct snapshot_files *files, uint64_t bytes, uint64_t hash);
void snapshot_files_receive_load(struct snapshot_files *files);
void snapshot_files_receive_drop(struct snapshot_files *files);

/* Bytes given to be written and not written yet: whoever receives holds back when it is much. */
uint64_t snapshot_files_backlog(const struct snapshot_files *files);

/* Readable when there is an outcome (an eventfd). */
int snapshot_files_descriptor(const struct snapshot_files *files);

enum snapshot_files_outcome_type {
    SNAPSHOT_FILES_READ_DONE = 1,
    SNAPSHOT_FILES_VERIFIED,
    SNAPSHOT_FILES_ROWS,
};

struct snapshot_files_outcome {
    enum snapshot_files_outcome_type type;
    enum result result;
    uint64_t number;         /* READ_DONE */
    struct blob *bytes;      /* READ_DONE, ROWS: the caller's to release; NULL: none */
    bool is_last;            /* ROWS */
    struct state_meta *meta; /* VERIFIED with RESULT_OK: valid until the next call of this */
};

/* Takes the next outcome; false when there is none (the descriptor is cleared then). Outcomes that
 * are not taken stay, and hold a load back. */
bool snapshot_files_next(struct snapshot_files *files, struct snapshot_files_outcome *out);

/* Stops the thread after the call it is in, removes what is unfinished. */
void snapshot_files_close(struct snapshot_files *files);

#endif
