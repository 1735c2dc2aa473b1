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

struct keyspace;

/* hash_seed keys the hash tables: the same on all nodes of a cluster (SCAN cursors then mean the
 * same on all of them), secret to clients. It shows in no replicated result. */
struct keyspace *keyspace_create(uint64_t hash_seed);
void keyspace_destroy(struct keyspace *keyspace);

/* The log's clock, Unix milliseconds; never goes back (an earlier value is ignored). */
void keyspace_set_clock(struct keyspace *keyspace, int64_t now_ms);
int64_t keyspace_clock(const struct keyspace *keyspace);

/* The index of the entry being applied; becomes the modification index of what it touches. */
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

#endif
