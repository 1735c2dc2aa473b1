/* keyspace_internal.h -- the body of struct keyspace, for the keyspace_*.c files alone. */
#ifndef QUORUM_KV_KEYSPACE_INTERNAL_H
#define QUORUM_KV_KEYSPACE_INTERNAL_H

#include "base/buf.h"
#include "base/limits.h"
#include "kv/container_parts.h"
#include "kv/dict.h"
#include "kv/expiry_heap.h"
#include "kv/garbage.h"
#include "kv/keyspace.h"
#include "kv/state_hash.h"

/* Keys that were removed and of which the store may hold a row: items without a value. */
struct removed_keys {
    struct dict dict;
    uint64_t bytes; /* of the items */
};

/* How far a snapshot got with a table. */
struct walk {
    uint64_t cursor; /* of dict_scan */
    bool is_done;    /* true also while no snapshot runs */
};

struct database {
    struct dict dict;
    struct walk walk;
    uint32_t slot;               /* where it is stored */
    struct expiry_heap expiries; /* exactly the volatile items of dict */
    struct removed_keys removed; /* since the last snapshot began: for the next one */
    struct removed_keys leaving; /* those of the running snapshot, unchanged until it ends */
    struct walk leaving_walk;
};

struct snapshot {
    bool is_running;
    bool is_merging; /* it was given up: leaving keys are noted again, bit by bit */
    /* Its items are those that were last modified from the one to the other index. */
    uint64_t from_index; /* behind the last snapshot that was saved */
    uint64_t to_index;
    uint64_t fresh_index; /* changes since the last begin have at least this one */
    uint32_t next_slot;   /* never used before */
    uint32_t unseen_slot; /* slots from here on were in no snapshot yet */
    struct buf images;    /* rows encoded ahead of the walk */
    /* Databases flushed before the walk was through with them: what is left of each is its dict and
     * its leaving keys, kept until both are encoded. */
    struct database detached[LIMIT_DATABASES];
    uint32_t detached_count;
};

/* What one turn may encode, and where to. */
struct encode_budget {
    struct buf *out;
    size_t out_size_max;
    uint32_t looks; /* at items, parts and empty buckets, so far */
    uint32_t looks_max;
};

static inline bool encode_budget_is_spent(const struct encode_budget *budget)
{
    return budget->looks >= budget->looks_max || buf_size(budget->out) >= budget->out_size_max;
}

struct keyspace {
    struct database databases[LIMIT_DATABASES];
    struct garbage garbage;
    int64_t clock_ms;
    uint64_t applied_index;
    uint64_t state_hash;
    uint64_t item_bytes; /* of all items, also removed keys and those in the garbage */
    struct keyspace_stats stats;
    struct snapshot snapshot;
    struct large_containers large;
    keyspace_listener *listener; /* NULL: none */
    void *listener_context;
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

static inline void keyspace_tell(const struct keyspace *keyspace, enum keyspace_event event,
                                 const struct spot *spot)
{
    if (keyspace->listener != NULL) {
        keyspace->listener(keyspace->listener_context, event, spot->number, spot->key);
    }
}

/* Mixes a mutation into the state hash and counts it. */
void keyspace_note(struct keyspace *keyspace, const struct mutation *mutation);

/* Takes what is at the spot's link out of the keyspace and frees it, large values later. */
void keyspace_discard(struct keyspace *keyspace, const struct spot *spot);

/* Puts an item that was not there into the keyspace, unstamped. */
void keyspace_attach(struct keyspace *keyspace, const struct spot *spot, struct item *item,
                     int64_t expiry_ms);

/* Marks an item as changed by the entry being applied. */
void keyspace_stamp(const struct keyspace *keyspace, struct item *item);

/* Puts an item at the spot, in the place of what it holds, and stamps it; what it holds was
 * preserved. */
void keyspace_put(struct keyspace *keyspace, const struct spot *spot, struct item *item,
                  int64_t expiry_ms);

/*
 * What snapshots need to hear of changes (keyspace_snapshot.c). If you add a change, call
 * keyspace_preserve before it for every key it overwrites or removes, and the next two for keys
 * that come and go; a change of a key in its place carries is_stored over.
 */

/* Encodes the item at the spot, which is about to change, if the running snapshot needs it. */
void keyspace_encode_ahead(struct keyspace *keyspace, const struct spot *spot);

static inline void keyspace_preserve(struct keyspace *keyspace, const struct spot *spot)
{
    if (!spot->database->walk.is_done && spot->link != NULL) {
        keyspace_encode_ahead(keyspace, spot);
    }
}

/* An item whose is_stored is set was taken out of the spot: its row is to be deleted. */
void keyspace_note_removed(struct keyspace *keyspace, const struct spot *spot,
                           const struct item *item);

/* An item with the spot's key comes in: sets its is_stored, and forgets that the key was removed.
 */
void keyspace_note_added(struct keyspace *keyspace, const struct spot *spot, struct item *item);

/* Empties a database's tables, or saves them for the running snapshot; gives it a fresh slot. */
void keyspace_detach(struct keyspace *keyspace, struct database *database);

/* Prepares and frees the parts that belong to snapshots. */
void keyspace_snapshot_init(struct keyspace *keyspace, uint64_t hash_seed);
void keyspace_snapshot_deinit(struct keyspace *keyspace);

/* Goes on after a snapshot that was given up; true while there is more to do. */
bool keyspace_merge_some(struct keyspace *keyspace, uint32_t items_max);

/* Bytes of tables and buffers that exist for snapshots alone. */
uint64_t keyspace_snapshot_overhead(const struct keyspace *keyspace);

#endif
