/* keyspace.h -- the replicated state: 16 databases of keys, their values and expiry times.
 *
 * A pure state machine: the same calls in the same order give the same state, the same replies and
 * the same state hash on every node, whatever the hash seed. Its only "now" is the log's clock,
 * set by keyspace_set_clock: a key whose expiry is at or before it is not there any more for any
 * command, even while its memory still waits to be taken back by keyspace_remove_due.
 *
 * Lengthy work is cut up: growing a table, freeing, removing what is due.
 */
#ifndef QUORUM_KV_KEYSPACE_H
#define QUORUM_KV_KEYSPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/result.h"
#include "base/slice.h"

/* No expiry. */
#define KEYSPACE_NEVER INT64_MAX
/* Instead of an expiry time: leave it as it is. */
#define KEYSPACE_KEEP_EXPIRY INT64_MIN
/* Instead of a time of access: this lookup does not count as one (OBJECT IDLETIME). */
#define KEYSPACE_UNTOUCHED INT64_MIN

struct item;
struct keyspace;
struct prng;
struct value;

/* hash_seed keys the hash tables: the same on all nodes of a cluster (SCAN cursors then mean the
 * same on all of them), secret to clients. It shows in no replicated result. */
struct keyspace *keyspace_create(uint64_t hash_seed);
void keyspace_destroy(struct keyspace *keyspace);

/* Takes the place of another keyspace, which ends: its memory is freed bit by bit by this one's
 * housekeeping, its figures (keyspace_stats) go on here. */
void keyspace_bury(struct keyspace *keyspace, struct keyspace *old);

/* The log's clock, Unix milliseconds; never goes back (an earlier value is ignored). */
void keyspace_set_clock(struct keyspace *keyspace, int64_t now_ms);
int64_t keyspace_clock(const struct keyspace *keyspace);

/* What a listener is told of, when it is about to be or was done. */
enum keyspace_event { KEYSPACE_EXPIRED, KEYSPACE_ADDED, KEYSPACE_MISSED };
typedef void keyspace_listener(void *context, enum keyspace_event event, uint32_t database,
                               struct slice key);

/* Has a function of this node told of keys that expire, come to be, or are looked up for reading
 * and missed; NULL: nobody. It must not call the keyspace. */
void keyspace_set_listener(struct keyspace *keyspace, keyspace_listener *listener, void *context);

/* The index of the entry being applied; becomes the modification index of what it touches. Changes
 * after a snapshot's begin must have a greater one than those before: it begins between entries. */
void keyspace_set_applied_index(struct keyspace *keyspace, uint64_t index);

/* Removes at most count_max keys whose time has come, in the order (expiry, database, key), and
 * returns how many. Part of applying an entry: count_max must be the same on all nodes. */
uint32_t keyspace_remove_due(struct keyspace *keyspace, uint32_t count_max);

/* The earliest expiry time of all keys, or KEYSPACE_NEVER. */
int64_t keyspace_next_expiry(const struct keyspace *keyspace);

/* Does a bounded bit (about 1 ms at most) of pending housekeeping that no result depends on:
 * moving a hash table that grows, freeing a large value or a flushed database. Returns true while
 * there is more to do. */
bool keyspace_do_housekeeping(struct keyspace *keyspace);

/* The running hash over every mutation so far, in order (design law). */
uint64_t keyspace_state_hash(const struct keyspace *keyspace);

/* A hash of the whole contents now, independent of order and history: for tests. Slow. */
uint64_t keyspace_content_hash(const struct keyspace *keyspace);

/* Keys of a database, due ones not yet removed included, as Redis counts; and those with expiry. */
uint64_t keyspace_keys_count(const struct keyspace *keyspace, uint32_t database);
uint64_t keyspace_expiring_count(const struct keyspace *keyspace, uint32_t database);

struct keyspace_stats {
    uint64_t hits; /* lookups of reads that found a key */
    uint64_t misses;
    uint64_t expired_keys; /* removed because their time came */
    uint64_t memory_bytes; /* of keys, values and tables, as the allocator counts, about right */
    uint64_t mutations;    /* changes since the start (rdb_changes_since_last_save) */
};
void keyspace_get_stats(const struct keyspace *keyspace, struct keyspace_stats *out);
void keyspace_reset_stats(struct keyspace *keyspace); /* CONFIG RESETSTAT: hits, misses, expired */

/*
 * Lookups. database is below LIMIT_DATABASES. The item is borrowed until the next call that changes
 * the keyspace; NULL when the key is not there or is due.
 *
 * A read counts a hit or a miss and notes access_ms as the time of access, on this node alone; it
 * changes no replicated state. A write removes a key that is due, which counts as expired.
 */
const struct item *keyspace_lookup_read(struct keyspace *keyspace, uint32_t database,
                                        struct slice key, int64_t access_ms);
const struct item *keyspace_lookup_write(struct keyspace *keyspace, uint32_t database,
                                         struct slice key);

/* What an item holds; the slices are borrowed as the item is. */
struct slice keyspace_item_key(const struct item *item);
struct value keyspace_item_value(const struct item *item);
int64_t keyspace_item_expiry(const struct item *item); /* KEYSPACE_NEVER: none */
uint64_t keyspace_item_modified_index(const struct item *item);
/* Bytes of memory that the key with its value takes, as the allocator counts, without its place in
 * the table. */
uint64_t keyspace_item_memory(const struct item *item);
/* Milliseconds (to the second) between the last access on this node and now_ms. */
int64_t keyspace_item_idle_ms(const struct item *item, int64_t now_ms);
/* Has a key that is there seem unused on this node for so many seconds, at most for as many as are
 * remembered. Replicated state stays as it is. */
void keyspace_set_idle(struct keyspace *keyspace, uint32_t database, struct slice key,
                       uint64_t idle_s);

/*
 * Changes. Made by handlers of writes while an entry is applied, in the same order on every node.
 * A handler that changes a key has looked it up for writing first, so that it is not there due.
 * Keys and values are copied; they may lie in the keyspace, but a new value not in the key's own.
 */

/* Makes key hold value. expiry_ms may be KEYSPACE_NEVER or KEYSPACE_KEEP_EXPIRY. */
void keyspace_set(struct keyspace *keyspace, uint32_t database, struct slice key,
                  const struct value *value, int64_t expiry_ms);

/* Adds bytes (none: it only becomes raw) at the end of a string that is there. The sum of sizes has
 * been checked against LIMIT_BULK_BYTES. Returns the new size. */
uint64_t keyspace_append(struct keyspace *keyspace, uint32_t database, struct slice key,
                         struct slice bytes);

/* Overwrites a string from offset on with bytes (at least one), padding with zeros before; the
 * key is made if it is not there. Sizes as for keyspace_append. Returns the new size. */
uint64_t keyspace_set_range(struct keyspace *keyspace, uint32_t database, struct slice key,
                            uint64_t offset, struct slice bytes);

/* Removes a key; returns whether it was there. Large values are freed later. */
bool keyspace_delete(struct keyspace *keyspace, uint32_t database, struct slice key);

/* Sets or (KEYSPACE_NEVER) clears the expiry of a key that is there. */
void keyspace_set_expiry(struct keyspace *keyspace, uint32_t database, struct slice key,
                         int64_t expiry_ms);

/* Moves a key that is there, value and expiry, to another place, replacing what that holds. The
 * two places differ. */
void keyspace_move(struct keyspace *keyspace, uint32_t from_database, struct slice from,
                   uint32_t to_database, struct slice to);

/* As keyspace_move, leaving the original. */
void keyspace_copy(struct keyspace *keyspace, uint32_t from_database, struct slice from,
                   uint32_t to_database, struct slice to);

/* Exchanges the contents of two databases. */
void keyspace_swap_databases(struct keyspace *keyspace, uint32_t a, uint32_t b);

/* Empties a database; its memory is freed by keyspace_do_housekeeping. */
void keyspace_flush(struct keyspace *keyspace, uint32_t database);

typedef void keyspace_visitor(const struct item *item, void *context);

/*
 * Visits a few keys that are not due and returns the next cursor; begin with 0, 0 ends it.
 *
 * A key that is there from the first call to the last is visited at least once, whatever else
 * changes and whichever nodes (with the same hash seed) the calls go to. The visitor must not
 * change the keyspace.
 */
uint64_t keyspace_scan(struct keyspace *keyspace, uint32_t database, uint64_t cursor,
                       keyspace_visitor *visit, void *context);

/* Visits all keys of a database that are not due, in no order. */
void keyspace_for_each(struct keyspace *keyspace, uint32_t database, keyspace_visitor *visit,
                       void *context);

/* A key by chance that is not due, or NULL when there is none. */
const struct item *keyspace_random_item(struct keyspace *keyspace, uint32_t database,
                                        struct prng *prng);

#endif
