/* expiry_heap.c -- a 4-ary heap with positions: see expiry_heap.h. */
#include "kv/expiry_heap.h"

#include "base/assert.h"
#include "base/mem.h"

enum { ARITY = 4, CAPACITY_MIN = 16 };

static bool is_before(const struct expiry_entry *a, const struct expiry_entry *b)
{
    if (a->expiry_ms != b->expiry_ms) {
        return a->expiry_ms < b->expiry_ms;
    }
    return slice_compare(item_key(a->item), item_key(b->item)) < 0;
}

static void put(struct expiry_heap *heap, uint32_t position, struct expiry_entry entry)
{
    heap->entries[position] = entry;
    item_volatile(entry.item)->heap_position = position;
}

/* Both sifts carry entry to its place from a position whose content is void. */
static void sift_up(struct expiry_heap *heap, uint32_t position, struct expiry_entry entry)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / ARITY;
        if (!is_before(&entry, &heap->entries[parent])) {
            break;
        }
        put(heap, position, heap->entries[parent]);
        position = parent;
    }
    put(heap, position, entry);
}

static void sift_down(struct expiry_heap *heap, uint32_t position, struct expiry_entry entry)
{
    for (;;) {
        uint64_t child = (uint64_t)position * ARITY + 1;
        uint64_t least = child;
        for (uint64_t i = child + 1; i < child + ARITY && i < heap->count; i++) {
            if (is_before(&heap->entries[i], &heap->entries[least])) {
                least = i;
            }
        }
        if (child >= heap->count || !is_before(&heap->entries[least], &entry)) {
            break;
        }
        put(heap, position, heap->entries[least]);
        position = (uint32_t)least;
    }
    put(heap, position, entry);
}

static void sift(struct expiry_heap *heap, uint32_t position, struct expiry_entry entry)
{
    if (position > 0 && is_before(&entry, &heap->entries[(position - 1) / ARITY])) {
        sift_up(heap, position, entry);
    } else {
        sift_down(heap, position, entry);
    }
}

void expiry_heap_clear(struct expiry_heap *heap, struct garbage *garbage)
{
    garbage_add_block(garbage, heap->entries, heap->capacity * sizeof(*heap->entries));
    *heap = (struct expiry_heap){NULL, 0, 0};
}

void expiry_heap_add(struct expiry_heap *heap, struct item *item, int64_t expiry_ms)
{
    ASSERT(item->is_volatile);
    ASSERT(heap->count < UINT32_MAX / 2);
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? CAPACITY_MIN : heap->capacity * 2;
        heap->entries = mem_realloc(heap->entries, heap->capacity * sizeof(*heap->entries));
    }
    item_volatile(item)->expiry_ms = expiry_ms;
    heap->count++;
    sift_up(heap, heap->count - 1, (struct expiry_entry){expiry_ms, item});
}

void expiry_heap_remove(struct expiry_heap *heap, struct item *item)
{
    uint32_t position = item_volatile(item)->heap_position;
    ASSERT(position < heap->count);
    ASSERT(heap->entries[position].item == item);
    heap->count--;
    if (position < heap->count) {
        sift(heap, position, heap->entries[heap->count]);
    }
    if (heap->capacity > CAPACITY_MIN && heap->count < heap->capacity / 4) {
        heap->capacity /= 2;
        heap->entries = mem_realloc(heap->entries, heap->capacity * sizeof(*heap->entries));
    }
}

void expiry_heap_change(struct expiry_heap *heap, struct item *item, int64_t expiry_ms)
{
    uint32_t position = item_volatile(item)->heap_position;
    ASSERT(position < heap->count);
    ASSERT(heap->entries[position].item == item);
    item_volatile(item)->expiry_ms = expiry_ms;
    sift(heap, position, (struct expiry_entry){expiry_ms, item});
}

void expiry_heap_replace(struct expiry_heap *heap, const struct item *old_item, struct item *item)
{
    uint32_t position = item_volatile_const(old_item)->heap_position;
    ASSERT(position < heap->count);
    ASSERT(heap->entries[position].item == old_item);
    int64_t expiry_ms = item_volatile_const(old_item)->expiry_ms;
    item_volatile(item)->expiry_ms = expiry_ms;
    put(heap, position, (struct expiry_entry){expiry_ms, item});
}
