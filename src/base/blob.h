/* blob.h -- bytes written once and shared by count: a log entry's payload on its way to the raft
 * log, the disk and the peers.
 *
 * Threads: the count is not atomic. Only the loop thread retains and releases; a worker may read
 * the bytes while the loop thread holds a reference for it.
 */
#ifndef QUORUM_BASE_BLOB_H
#define QUORUM_BASE_BLOB_H

#include <stdint.h>

#include "base/slice.h"

struct blob {
    uint32_t references;
    uint32_t size; /* bytes */
    uint8_t bytes[];
};

/* Returns a blob of size bytes, uninitialised, with one reference held by the caller. */
struct blob *blob_create(uint32_t size);

/* Returns a blob with a copy of the bytes and one reference. */
struct blob *blob_copy(struct slice bytes);

/* Adds a reference and returns blob; NULL stays NULL. */
struct blob *blob_retain(struct blob *blob);

/* Drops a reference; the last one frees. NULL is allowed. */
void blob_release(struct blob *blob);

/* Borrows the bytes for as long as the caller holds a reference; NULL is an empty slice. */
static inline struct slice blob_slice(const struct blob *blob)
{
    return blob == NULL ? slice_of(NULL, 0) : slice_of(blob->bytes, blob->size);
}

#endif
