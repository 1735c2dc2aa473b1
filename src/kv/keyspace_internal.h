/* keyspace_internal.h -- the body of struct keyspace, for the keyspace_*.c files alone. */
#ifndef QUORUM_KV_KEYSPACE_INTERNAL_H
#define QUORUM_KV_KEYSPACE_INTERNAL_H

#include "base/limits.h"
#include "kv/dict.h"
#include "kv/expiry_heap.h"
#include "kv/garbage.h"
#include "kv/keyspace.h"
#include "kv/state_hash.h"

struct database {
    struct dict dict;
    struct expiry_heap expiries; /* exactly the volatile items of dict */
};

struct keyspace {
    struct database databases[LIMIT_DATABASES];
    struct garbage garbage;
    int64_t clock_ms;
    uint64_t applied_index;
    uint64_t state_hash;
    uint64_t item_bytes; /* of all items, also those in the garbage */
    struct keyspace_stats stats;
};

/* A place in a database, with what was found there. */
struct spot {
    struct database *database;
    uint32_t number; /* of the database */
    struct slice key;
    uint64_t hash;
    struct item **link; /* NULL: not there */
};

/* Looks where a key is, due or not. */
struct spot keyspace_spot(struct keyspace *keyspace, uint32_t database, struct slice key);

bool keyspace_is_due(const struct keyspace *keyspace, const struct item *item);

/* Mixes a mutation into the state hash and counts it. */
void keyspace_note(struct keyspace *keyspace, const struct mutation *mutation);

/* Takes what is at the spot's link out of the keyspace and frees it, large values later. */
void keyspace_discard(struct keyspace *keyspace, const struct spot *spot);

#endif
