/* keyspace_prefetch.h -- the memory that the next commands will read, fetched before they run.
 *
 * A small command waits twice for memory: for its key's place in the table, then for the item that
 * lies there. Where several commands are known beforehand their waits can overlap: add their keys,
 * fetch the items, run the commands. Only time depends on it: what was fetched may have become
 * something else by then.
 */
#ifndef QUORUM_KV_KEYSPACE_PREFETCH_H
#define QUORUM_KV_KEYSPACE_PREFETCH_H

#include <stdint.h>

#include "base/slice.h"

struct keyspace;

/* More at once would push each other out of the buffers that wait for memory. */
enum { KEYSPACE_PREFETCH_MAX = 16 };

/* Zeroed memory is valid. */
struct keyspace_prefetch {
    uint32_t count;
    uint32_t databases[KEYSPACE_PREFETCH_MAX];
    uint64_t hashes[KEYSPACE_PREFETCH_MAX];
};

/* Fetches a key's place in the table. database and key may be anything; one too many is ignored. */
void keyspace_prefetch_add(struct keyspace_prefetch *prefetch, const struct keyspace *keyspace,
                           uint32_t database, struct slice key);

/* Fetches the items at the places that were added. */
void keyspace_prefetch_items(const struct keyspace_prefetch *prefetch,
                             const struct keyspace *keyspace);

#endif
