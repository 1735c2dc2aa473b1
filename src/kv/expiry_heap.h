/* expiry_heap.h -- the keys of one database that have an expiry time, the earliest on top.
 *
 * Private to kv. A 4-ary heap ordered by (expiry time, key bytes): the same order on every node
 * whatever was inserted when. Each item knows its position, so that changes need no search.
 */
#ifndef QUORUM_KV_EXPIRY_HEAP_H
#define QUORUM_KV_EXPIRY_HEAP_H

#include <stdint.h>

#include "kv/garbage.h"
#include "kv/item.h"

struct expiry_entry {
    int64_t expiry_ms; /* as in the item: most comparisons need no look at it */
    struct item *item;
};

/* Zeroed memory is an empty heap. */
struct expiry_heap {
    struct expiry_entry *entries;
    uint32_t count;
    uint32_t capacity;
};

/* Empties the heap; its memory goes to the garbage. */
void expiry_heap_clear(struct expiry_heap *heap, struct garbage *garbage);

/* Adds a volatile item that is in no heap, with its expiry time. */
void expiry_heap_add(struct expiry_heap *heap, struct item *item, int64_t expiry_ms);

void expiry_heap_remove(struct expiry_heap *heap, struct item *item);

/* Gives an item of the heap another expiry time. */
void expiry_heap_change(struct expiry_heap *heap, struct item *item, int64_t expiry_ms);

/* Puts an item with the same key and time in the place of another. */
void expiry_heap_replace(struct expiry_heap *heap, const struct item *old_item, struct item *item);

/* The earliest; only when count is not 0. */
static inline const struct expiry_entry *expiry_heap_top(const struct expiry_heap *heap)
{
    return &heap->entries[0];
}

#endif
