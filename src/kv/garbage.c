/* garbage.c -- giving memory back in small steps: see garbage.h. */
#include "kv/garbage.h"

#include "base/assert.h"
#include "base/mem.h"
#include "kv/container_parts.h"

enum {
    /* An item costs about a microsecond, most of it waiting for memory. */
    STEP_ITEMS_MAX = 512,
    STEP_BUCKETS_MAX = 8192,
    /* Unmapping 4 MiB of touched pages takes some 0.3 ms. */
    STEP_BYTES_MAX = 4 * 1024 * 1024,
    /* Containers with fewer elements are freed at once. */
    CONTAINER_ELEMENTS_MIN = 64,
    STEP_ELEMENTS_MAX = 4096,
    CONTAINERS_MIN = 16,
};

struct garbage_block {
    struct garbage_block *next;
    size_t size;
};

struct garbage_table {
    struct garbage_table *next;
    struct item **buckets;
    uint64_t buckets_count;
    uint64_t position; /* buckets before it are empty */
};

static void pop_block(struct garbage *garbage)
{
    struct garbage_block *block = garbage->first_block;
    garbage->first_block = block->next;
    if (block->next == NULL) {
        garbage->last_block = NULL;
    }
    garbage->block_bytes -= block->size;
    mem_free(block);
}

/* Cuts the oldest block down from its end, or frees it when little is left. */
static void shrink_block(struct garbage *garbage)
{
    struct garbage_block *block = garbage->first_block;
    if (block->size <= 2 * (size_t)STEP_BYTES_MAX) {
        pop_block(garbage);
        return;
    }
    block->size -= STEP_BYTES_MAX;
    garbage->block_bytes -= STEP_BYTES_MAX;
    bool is_last = garbage->last_block == block;
    block = mem_realloc(block, block->size);
    garbage->first_block = block;
    if (is_last) {
        garbage->last_block = block;
    }
}

/* Frees items of the first table; true when it is all gone. */
static bool drain_table(struct garbage *garbage, uint64_t *memory_bytes)
{
    struct garbage_table *table = garbage->tables;
    uint32_t items = 0;
    uint32_t buckets = 0;
    while (table->position < table->buckets_count) {
        struct item *item = table->buckets[table->position];
        if (item == NULL) {
            table->position++;
            if (++buckets == STEP_BUCKETS_MAX) {
                return false;
            }
            continue;
        }
        table->buckets[table->position] = item->next;
        *memory_bytes -= item_memory(item);
        garbage_add_item(garbage, item);
        if (++items == STEP_ITEMS_MAX) {
            return false;
        }
    }
    return true;
}

static void pop_table(struct garbage *garbage)
{
    struct garbage_table *table = garbage->tables;
    garbage->tables = table->next;
    garbage_add_block(garbage, table->buckets, table->buckets_count * sizeof(struct item *));
    mem_free(table);
}

void garbage_deinit(struct garbage *garbage)
{
    uint64_t memory_bytes = UINT64_MAX;
    while (garbage_free_some(garbage, &memory_bytes)) {
    }
    mem_free(garbage->containers);
    garbage->containers = NULL;
    garbage->containers_capacity = 0;
}

void garbage_add_block(struct garbage *garbage, void *block, size_t size)
{
    if (size < GARBAGE_BLOCK_BYTES_MIN || block == NULL) {
        mem_free(block);
        return;
    }
    struct garbage_block *added = block;
    added->next = NULL;
    added->size = size;
    if (garbage->last_block == NULL) {
        garbage->first_block = added;
    } else {
        garbage->last_block->next = added;
    }
    garbage->last_block = added;
    garbage->block_bytes += size;
    while (garbage->block_bytes > GARBAGE_BYTES_MAX) {
        pop_block(garbage);
    }
}

static void push_container(struct garbage *garbage, struct container *container)
{
    if (garbage->containers_count == garbage->containers_capacity) {
        uint32_t capacity = garbage->containers_capacity * 2;
        garbage->containers_capacity = capacity < CONTAINERS_MIN ? CONTAINERS_MIN : capacity;
        garbage->containers = mem_realloc(garbage->containers, garbage->containers_capacity *
                                                                   sizeof(*garbage->containers));
    }
    garbage->containers[garbage->containers_count++] = container;
    garbage->container_bytes += container->bytes;
}

void garbage_add_container(struct garbage *garbage, struct container *container)
{
    if (container->parts != NULL && container_parts_leave(container)) {
        return;
    }
    if (container->count < CONTAINER_ELEMENTS_MIN && container->bytes < GARBAGE_BLOCK_BYTES_MIN) {
        container_free(container);
    } else {
        push_container(garbage, container);
    }
}

void garbage_add_item(struct garbage *garbage, struct item *item)
{
    struct item_box *box = item_box(item);
    struct container *container = item_container(item);
    if (box != NULL) {
        garbage_add_block(garbage, box, sizeof(*box) + box->capacity);
    }
    if (container != NULL) {
        garbage_add_container(garbage, container);
    }
    item_free_shell(item);
}

/* Frees elements of the last container; there is one. */
static void shrink_container(struct garbage *garbage)
{
    struct container *container = garbage->containers[garbage->containers_count - 1];
    uint64_t before = container->bytes;
    if (container_free_some(container, STEP_ELEMENTS_MAX)) {
        garbage->container_bytes -= before;
        garbage->containers_count--;
        return;
    }
    garbage->container_bytes -= before - container->bytes;
}

void garbage_add_table(struct garbage *garbage, struct item **buckets, uint64_t buckets_count)
{
    struct garbage_table *table = mem_alloc(sizeof(*table));
    *table = (struct garbage_table){garbage->tables, buckets, buckets_count, 0};
    garbage->tables = table;
}

void garbage_take(struct garbage *garbage, struct garbage *other)
{
    if (other->first_block != NULL) {
        if (garbage->last_block == NULL) {
            garbage->first_block = other->first_block;
        } else {
            garbage->last_block->next = other->first_block;
        }
        garbage->last_block = other->last_block;
        garbage->block_bytes += other->block_bytes;
    }
    for (uint32_t i = 0; i < other->containers_count; i++) {
        push_container(garbage, other->containers[i]);
    }
    mem_free(other->containers);
    struct garbage_table **end = &garbage->tables;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = other->tables;
    *other = (struct garbage){0};
}

bool garbage_has_some(const struct garbage *garbage)
{
    return garbage->first_block != NULL || garbage->tables != NULL || garbage->containers_count > 0;
}

bool garbage_free_some(struct garbage *garbage, uint64_t *memory_bytes)
{
    if (garbage->first_block != NULL) {
        shrink_block(garbage);
    } else if (garbage->containers_count > 0) {
        shrink_container(garbage);
    } else if (garbage->tables != NULL && drain_table(garbage, memory_bytes)) {
        pop_table(garbage);
    }
    return garbage_has_some(garbage);
}
