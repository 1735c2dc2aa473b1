/* list_internal.h -- what a list is made of, for list.c and list_parts.c alone. */
#ifndef QUORUM_KV_LIST_INTERNAL_H
#define QUORUM_KV_LIST_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "kv/list.h"

enum { CHUNK_BYTES_MAX = 4096, CHUNK_ELEMENTS_MAX = 128, CHUNK_BYTES_MIN = 64 };

struct chunk {
    struct chunk *next;
    struct chunk *previous;
    uint32_t start; /* bytes[start..end) are the elements */
    uint32_t end;
    uint32_t capacity;
    uint32_t count;
    /* Of a list that has parts (container_parts.h). */
    uint64_t number;
    uint64_t modified_index : 63;
    uint64_t is_stored : 1; /* the store may hold its row */
    uint8_t bytes[];
};

struct list_value {
    struct container container;
    struct chunk *head;
    struct chunk *tail;
};

/* Returns an empty chunk, which is in no place yet. */
struct chunk *list_chunk_create(struct list_value *list, uint32_t capacity);

/* Puts a chunk behind another one, or first. */
void list_chunk_link(struct list_value *list, struct chunk *chunk, struct chunk *previous);

static inline bool list_chunk_may_hold(uint64_t elements, uint64_t bytes)
{
    return elements == 1 || (elements <= CHUNK_ELEMENTS_MAX && bytes <= CHUNK_BYTES_MAX);
}

#endif
