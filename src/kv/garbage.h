/* garbage.h -- memory that nobody can reach any more and that is given back a little at a time.
 *
 * Private to kv. Holds whole tables of a flushed database, and large single blocks (boxed values,
 * bucket arrays, heaps), and containers of many elements. The waiting blocks are linked through
 * their own first bytes. Above GARBAGE_BYTES_MAX of waiting blocks the oldest are freed at once, so
 * that overwriting large values quickly cannot pile them up.
 */
#ifndef QUORUM_KV_GARBAGE_H
#define QUORUM_KV_GARBAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kv/item.h"

/* Blocks from this size on wait their turn; smaller ones are freed at once. */
#define GARBAGE_BLOCK_BYTES_MIN (64u * 1024)
#define GARBAGE_BYTES_MAX (256u * 1024 * 1024)

struct garbage_block;
struct garbage_table;

struct garbage {
    struct garbage_block *first_block; /* oldest first */
    struct garbage_block *last_block;
    size_t block_bytes; /* of all waiting blocks */
    struct garbage_table *tables;
    struct container **containers; /* to be freed, the last one first */
    uint32_t containers_count;
    uint32_t containers_capacity;
    uint64_t container_bytes; /* of all waiting containers */
};

/* Zeroed memory is an empty garbage. Frees everything at once. */
void garbage_deinit(struct garbage *garbage);

/* Takes over a block from mem_alloc of size bytes; NULL is allowed. */
void garbage_add_block(struct garbage *garbage, void *block, size_t size);

/* Takes over a container: frees it at once if it has few elements. One with parts comes again when
 * no snapshot needs them. */
void garbage_add_container(struct garbage *garbage, struct container *container);

/* Takes over what an item points at, its box or container, and frees the item's shell. */
void garbage_add_item(struct garbage *garbage, struct item *item);

/* Takes over a bucket array with all items in its chains. */
void garbage_add_table(struct garbage *garbage, struct item **buckets, uint64_t buckets_count);

/* Takes over everything that waits in another garbage, which is empty afterwards. */
void garbage_take(struct garbage *garbage, struct garbage *other);

/* Whether anything waits. */
bool garbage_has_some(const struct garbage *garbage);

/* Frees at most about a millisecond's worth; true while there is more. Subtracts the memory of the
 * items that it frees from memory_bytes. */
bool garbage_free_some(struct garbage *garbage, uint64_t *memory_bytes);

#endif
