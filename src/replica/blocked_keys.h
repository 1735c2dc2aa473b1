/* blocked_keys.h -- private: which clients wait for a key, in the order in which they came.
 *
 * A chained hash table. A key is there while somebody waits for it, a try to pop from it is under
 * way, or it is to be looked at.
 */
#ifndef QUORUM_REPLICA_BLOCKED_KEYS_H
#define QUORUM_REPLICA_BLOCKED_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"

struct blocked_client;

struct blocked_key {
    struct blocked_key *next; /* in its bucket */
    uint64_t hash;
    struct list places;     /* of blocked_place, oldest first */
    struct list ready_link; /* of those to be looked at */
    uint32_t tries;         /* under way */
    uint32_t database;
    struct slice name; /* in the same allocation */
};

/* A client's place in the queue of one of its keys. */
struct blocked_place {
    struct list link;
    struct blocked_client *client;
    struct blocked_key *key;
};

struct blocked_keys {
    struct blocked_key **buckets;
    uint32_t buckets_count; /* a power of two; 0: no memory yet */
    uint32_t count;
    uint64_t hash_seed;
};

void blocked_keys_deinit(struct blocked_keys *keys);

/* NULL: not there. */
struct blocked_key *blocked_keys_find(const struct blocked_keys *keys, uint32_t database,
                                      struct slice name);

/* Finds it, or puts it there. */
struct blocked_key *blocked_keys_add(struct blocked_keys *keys, uint32_t database,
                                     struct slice name);

/* Frees the key if there is no reason left to have it. */
void blocked_keys_settle(struct blocked_keys *keys, struct blocked_key *key);

#endif
