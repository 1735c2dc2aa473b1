/* container_parts_restore.c -- large containers from the rows of a snapshot: see container_parts.h.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "kv/container_parts_internal.h"
#include "kv/keyspace_change.h"
#include "kv/keyspace_internal.h"
#include "kv/list_parts.h"

enum { CAPACITY_MIN = 16 };

static enum value_type type_of(enum state_row_type row_type)
{
    enum value_type type = VALUE_TYPE_STRING;
    while (container_parts_row_types[type] != row_type) {
        type++;
        ASSERT(type < VALUE_TYPE_COUNT);
    }
    return type;
}

static void add_restored(struct large_containers *large, struct container_parts *parts)
{
    if (large->restored_count == large->restored_capacity) {
        large->restored_capacity =
            large->restored_capacity == 0 ? CAPACITY_MIN : large->restored_capacity * 2;
        large->restored =
            mem_realloc(large->restored, large->restored_capacity * sizeof(*large->restored));
    }
    large->restored[large->restored_count++] = parts;
    large->awaiting_count++;
}

struct container *container_parts_restore_head(struct keyspace *keyspace,
                                               const struct state_row *row)
{
    struct large_containers *large = &keyspace->large;
    struct bytes_reader reader = bytes_reader_of(row->value);
    uint8_t encoding = bytes_get_u8(&reader);
    uint64_t count = bytes_get_varint(&reader);
    uint64_t slot = bytes_get_varint(&reader);
    if (reader.bad || bytes_left(&reader) > 0 || encoding >= VALUE_ENCODING_COUNT || count == 0 ||
        slot < STATE_ROW_PARTS_SLOT_MIN || slot >= UINT32_MAX || large->is_sorted) {
        return NULL;
    }
    struct container *container = keyspace_create_container(keyspace, type_of(row->type));
    struct container_parts *parts =
        container_parts_create(keyspace, (uint32_t)slot, row->slot, container);
    parts->awaited = count;
    parts->awaited_encoding = (enum value_encoding)encoding;
    parts->is_stored = true;
    add_restored(large, parts);
    if (slot >= large->next_slot) {
        large->next_slot = (uint32_t)slot + 1;
    }
    return container;
}

static int compare_slots(const void *a, const void *b)
{
    const struct container_parts *left = *(struct container_parts *const *)a;
    const struct container_parts *right = *(struct container_parts *const *)b;
    return left->slot < right->slot ? -1 : left->slot > right->slot;
}

/* Sorts them once; false when two keys tell of the same slot. */
static bool sort_restored(struct large_containers *large)
{
    bool are_distinct = true;
    if (!large->is_sorted && large->restored_count > 0) {
        qsort(large->restored, large->restored_count, sizeof(large->restored[0]), compare_slots);
        for (uint32_t i = 1; i < large->restored_count; i++) {
            are_distinct = are_distinct && large->restored[i]->slot != large->restored[i - 1]->slot;
        }
    }
    large->is_sorted = true;
    return are_distinct;
}

static struct container_parts *find_slot(const struct large_containers *large, uint32_t slot)
{
    uint32_t first = 0;
    uint32_t end = large->restored_count;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (large->restored[middle]->slot == slot) {
            return large->restored[middle];
        }
        if (large->restored[middle]->slot < slot) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return NULL;
}

/* Of a hash, set or sorted set. */
static enum result add_elements(struct container_parts *parts, uint64_t part,
                                const struct state_row *row)
{
    struct container *container = parts->container;
    struct bytes_reader reader = bytes_reader_of(row->value);
    uint64_t first = container->count;
    if (part > UINT32_MAX || first != part * CONTAINER_PART_ELEMENTS) {
        return RESULT_CORRUPT;
    }
    enum result result = RESULT_OK;
    while (result == RESULT_OK && bytes_left(&reader) > 0) {
        result = container->count - first == CONTAINER_PART_ELEMENTS
                     ? RESULT_CORRUPT
                     : container_decode_element(container, &reader);
    }
    if (result == RESULT_OK && container->count > first) {
        *container_parts_modified(parts, part) = row->modified_index;
        return RESULT_OK;
    }
    return RESULT_CORRUPT;
}

enum result container_parts_restore_part(struct keyspace *keyspace, const struct state_row *row)
{
    struct large_containers *large = &keyspace->large;
    if (!sort_restored(large) || row->type != STATE_ROW_PART || row->key.size != sizeof(uint64_t)) {
        return RESULT_CORRUPT;
    }
    struct container_parts *parts = find_slot(large, row->slot);
    if (parts == NULL) {
        return RESULT_CORRUPT;
    }
    struct container *container = parts->container;
    uint64_t part = bytes_read_u64_big_endian(row->key.bytes);
    uint64_t before = container->count;
    uint64_t bytes_before = container->bytes;
    enum result result = container->type == VALUE_TYPE_LIST ? list_parts_restore(parts, part, row)
                                                            : add_elements(parts, part, row);
    keyspace->item_bytes += container->bytes - bytes_before;
    if (result != RESULT_OK || container->count - before > parts->awaited) {
        return RESULT_CORRUPT;
    }
    parts->awaited -= container->count - before;
    if (parts->modified_index < row->modified_index) {
        parts->modified_index = row->modified_index;
    }
    if (parts->awaited == 0) {
        container->encoding = parts->awaited_encoding;
        large->awaiting_count--;
    }
    return RESULT_OK;
}

enum result container_parts_restore_end(struct keyspace *keyspace)
{
    struct large_containers *large = &keyspace->large;
    bool is_whole = sort_restored(large) && large->awaiting_count == 0;
    mem_free(large->restored);
    large->restored = NULL;
    large->restored_count = 0;
    large->restored_capacity = 0;
    return is_whole ? RESULT_OK : RESULT_CORRUPT;
}
