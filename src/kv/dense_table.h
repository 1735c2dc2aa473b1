/* dense_table.h -- byte strings, each with a value, in a dense order and findable by a hash index:
 * what hashes, sets and sorted sets are made of.
 *
 * Private to kv. Positions are 0 to count - 1, in the order of addition, but for this: when an
 * entry goes, the last one takes its place. The order is replicated state (random picks choose by
 * position), the index is not.
 *
 * An entry is one allocation: a header of 12 bytes, the member, the value. Up to
 * DENSE_TABLE_PLAIN_MAX entries need no index.
 */
#ifndef QUORUM_KV_DENSE_TABLE_H
#define QUORUM_KV_DENSE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "kv/container.h"

#define DENSE_TABLE_PLAIN_MAX 16
#define DENSE_TABLE_NOWHERE UINT32_MAX

struct dense_entry {
    uint32_t hash;
    uint32_t member_size;
    uint32_t value_size;
    uint8_t bytes[]; /* member, value */
};

struct dense_table {
    struct dense_entry **entries;
    uint64_t
        *index; /* open addressing: hash in the upper half, position + 1 in the lower; 0 free */
    uint32_t count;
    uint32_t capacity;
    uint32_t index_mask; /* slots - 1; 0: no index */
    uint64_t hash_seed;
    const struct container *owner; /* told which positions change (container_parts.h) */
    uint64_t bytes;                /* of memory, the struct itself excluded */
};

static inline struct slice dense_entry_member(const struct dense_entry *entry)
{
    return slice_of(entry->bytes, entry->member_size);
}

static inline struct slice dense_entry_value(const struct dense_entry *entry)
{
    return slice_of(entry->bytes + entry->member_size, entry->value_size);
}

void dense_table_init(struct dense_table *table, uint64_t hash_seed, const struct container *owner);

/* The position of a member, or DENSE_TABLE_NOWHERE. */
uint32_t dense_table_find(const struct dense_table *table, struct slice member);

/* Adds a member that is not there, at the end. Returns its entry, which stays where it is until it
 * is removed or gets a value of another size. */
struct dense_entry *dense_table_add(struct dense_table *table, struct slice member,
                                    struct slice value);

/* Gives the entry at a position another value, in its place if the size is the same; value must
 * not lie in the entry. Returns the entry. */
struct dense_entry *dense_table_set_value(struct dense_table *table, uint32_t position,
                                          struct slice value);

/* Frees the entry at a position; the last one takes its place. */
void dense_table_remove(struct dense_table *table, uint32_t position);

/*
 * The next part of a walk that a change may interrupt, from the end of the order to its start, so
 * that an entry moving into a gap is met at least once. Begin with cursor 0, which it also returns
 * at the end; else the positions [*first, *first + count) are to be visited, *first being the
 * cursor that is returned.
 */
uint64_t dense_table_scan(const struct dense_table *table, uint64_t cursor, uint64_t count,
                          uint32_t *first, uint32_t *end);

/* Frees up to entries_max entries from the end; true when everything is freed, then it is empty. */
bool dense_table_free_some(struct dense_table *table, uint32_t entries_max);

#endif
