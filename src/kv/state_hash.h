/* state_hash.h -- the running hash of what was done: one 64-bit chain over all mutations.
 *
 * Two nodes that did the same things in the same order have the same chain; one that did anything
 * else, or in another order, has another (but for 1 in 2^64). Uses fixed seeds, never the secret
 * one of the tables. Cost: two short hashes and a few multiplications a mutation.
 */
#ifndef QUORUM_KV_STATE_HASH_H
#define QUORUM_KV_STATE_HASH_H

#include <stdint.h>

#include "base/slice.h"
#include "kv/value.h"

/* What was done. The numbers are part of the chain: append only. */
enum mutation_kind {
    MUTATION_SET = 1,
    MUTATION_APPEND = 2,
    MUTATION_SET_RANGE = 3,
    MUTATION_DELETE = 4,
    MUTATION_EXPIRED = 5,
    MUTATION_SET_EXPIRY = 6,
    MUTATION_MOVE_FROM = 7,
    MUTATION_MOVE_TO = 8,
    MUTATION_SWAP_DATABASES = 9,
    MUTATION_FLUSH = 10,
    MUTATION_ELEMENTS = 11,      /* number: the digest of the changes (container.h) */
    MUTATION_SET_CONTAINER = 12, /* as MUTATION_ELEMENTS, from empty */
};

struct mutation {
    enum mutation_kind kind;
    uint32_t database;
    struct slice key;
    struct slice bytes; /* the value, or what was added to it */
    int64_t number;     /* the integer value, offset, or other database */
    int64_t expiry_ms;
};

/* Returns the chain with one more mutation. */
uint64_t state_hash_mix(uint64_t chain, const struct mutation *mutation);

/* Hash of one key with all that belongs to it, for hashes of whole contents. */
uint64_t state_hash_of_key(uint32_t database, struct slice key, const struct value *value,
                           int64_t expiry_ms);

#endif
