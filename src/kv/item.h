/* item.h -- one key with its value in one allocation: the memory of the keyspace.
 *
 * Private to kv. A header of 24 bytes, then, each only if needed:
 *
 *     SIZE  FIELD
 *     16    struct item_volatile: expiry time and place in the expiry heap
 *      8    word: the integer, or the pointer to a boxed value
 *      k    key
 *      v    value, if it is a string of at most ITEM_INLINE_BYTES_MAX
 *
 * Values with elements live in a container of their own (container.h). Larger strings live in a box
 * of their own, with spare room for APPEND. The size asked for is rounded up to what malloc gives
 * anyway. 16 bytes of key and 32 of value take 72 bytes.
 *
 * Items never move by themselves: whoever needs another layout makes another item and puts it in
 * the place of the old one (table chain and heap).
 */
#ifndef QUORUM_KV_ITEM_H
#define QUORUM_KV_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "kv/value.h"

#define ITEM_INLINE_BYTES_MAX 192
/* Seconds of access times wrap here: 194 days. */
#define ITEM_ACCESS_MASK 0xffffffu
#define ITEM_INDEX_MASK 0xffffffffffffu

struct item {
    struct item *next;            /* in the table's chain */
    uint64_t modified_index : 48; /* Raft index of the last change */
    uint64_t tag : 8;             /* top bits of the key's hash: saves comparing most other keys */
    uint64_t type : 3;
    uint64_t is_stored : 1; /* a snapshot may hold a row under this key: note it when it goes */
    uint64_t encoding : 4;
    uint32_t key_size : 30;
    uint32_t is_volatile : 1;
    uint32_t is_boxed : 1;
    uint32_t inline_size : 8;
    uint32_t accessed_s : 24; /* of this node alone, for OBJECT IDLETIME */
    _Alignas(8) uint8_t body[];
};

struct container;

struct item_volatile {
    int64_t expiry_ms;
    uint32_t heap_position;
    uint32_t reserved;
};

/* A string too large to be inline. */
struct item_box {
    uint32_t size;
    uint32_t capacity;
    uint8_t bytes[];
};

/* Returns an item with copies of key and value, unlinked, its expiry and places unset. */
struct item *item_create(struct slice key, const struct value *value, bool is_volatile);

/* As item_create for a raw string in a box, which it takes over. */
struct item *item_create_boxed(struct slice key, struct item_box *box, bool is_volatile);

/* As item_create for a container, which it takes over. */
struct item *item_create_container(struct slice key, struct container *container, bool is_volatile);

/* Returns an item with the same contents under another key or with another volatility, taking over
 * the box or container. The old one is an empty shell: free it with item_free_shell. */
struct item *item_remake(struct item *item, struct slice key, bool is_volatile);

/* Frees the item's own memory, not its box or container. */
void item_free_shell(struct item *item);

/* Frees the item and its box or container. */
void item_free(struct item *item);

/* Overwrites the value where it lies and returns true, if it fits there exactly. */
bool item_overwrite(struct item *item, const struct value *value);

/* The value as a view into the item. */
struct value item_value(const struct item *item);

/* The bytes of a string that is not an integer, to be written to. */
uint8_t *item_bytes(struct item *item);

/* Bytes that the item and its box or container occupy, as the allocator counts. */
size_t item_memory(const struct item *item);

/* The container, or NULL if it is a string. */
struct container *item_container(const struct item *item);

/* The box of a large string, or NULL. item_set_box makes a boxed string item point at another one.
 */
struct item_box *item_box(const struct item *item);
void item_set_box(struct item *item, struct item_box *box);

/* Returns an empty box with room for at least capacity bytes. */
struct item_box *item_box_create(uint64_t capacity);

/* A time in Unix milliseconds as accessed_s holds it. */
static inline uint32_t item_access_time(int64_t time_ms)
{
    return (uint32_t)((uint64_t)time_ms / 1000) & ITEM_ACCESS_MASK;
}

static inline struct item_volatile *item_volatile(struct item *item)
{
    return (struct item_volatile *)(void *)item->body;
}

static inline const struct item_volatile *item_volatile_const(const struct item *item)
{
    return (const struct item_volatile *)(const void *)item->body;
}

static inline bool item_has_word(const struct item *item)
{
    return item->is_boxed || item->encoding == VALUE_ENCODING_INT;
}

/* Offset in body of what follows the volatile part: the word, or the key when there is none. */
static inline size_t item_word_offset(const struct item *item)
{
    return item->is_volatile ? sizeof(struct item_volatile) : 0;
}

static inline struct slice item_key(const struct item *item)
{
    size_t offset = item_word_offset(item) + (item_has_word(item) ? sizeof(uint64_t) : 0);
    return slice_of(item->body + offset, item->key_size);
}

#endif
