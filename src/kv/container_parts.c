/* container_parts.c -- large containers, part by part: see container_parts.h. Those of a list are
 * in list_parts.c, the way back is in container_parts_restore.c.
 */
#include "kv/container_parts.h"

#include "base/assert.h"
#include "base/mem.h"
#include "kv/container_parts_internal.h"
#include "kv/keyspace_internal.h"
#include "kv/list_parts.h"

enum { CAPACITY_MIN = 16 };

static bool is_list(const struct container_parts *parts)
{
    return parts->container->type == VALUE_TYPE_LIST;
}

const enum state_row_type container_parts_row_types[VALUE_TYPE_COUNT] = {
    [VALUE_TYPE_LIST] = STATE_ROW_LARGE_LIST,
    [VALUE_TYPE_HASH] = STATE_ROW_LARGE_HASH,
    [VALUE_TYPE_SET] = STATE_ROW_LARGE_SET,
    [VALUE_TYPE_ZSET] = STATE_ROW_LARGE_ZSET,
};

/* ---- Life ---- */

static bool is_large(const struct container *container)
{
    return container->count > CONTAINER_PARTS_ELEMENTS_MIN ||
           container->bytes > CONTAINER_PARTS_BYTES_MIN;
}

struct container_parts *container_parts_create(struct keyspace *keyspace, uint32_t slot,
                                               uint32_t database_slot, struct container *container)
{
    struct large_containers *large = &keyspace->large;
    struct container_parts *parts = mem_alloc_zeroed(1, sizeof(*parts));
    parts->keyspace = keyspace;
    parts->container = container;
    parts->slot = slot;
    parts->database_slot = database_slot;
    /* What the running snapshot needs of it lies in the row of its key. */
    parts->walked_in = large->snapshot_number;
    parts->next = large->first;
    if (large->first != NULL) {
        large->first->previous = parts;
    }
    large->first = parts;
    large->bytes += sizeof(*parts);
    container->parts = parts;
    return parts;
}

static uint64_t parts_count(const struct container_parts *parts)
{
    return (parts->container->count + CONTAINER_PART_ELEMENTS - 1) / CONTAINER_PART_ELEMENTS;
}

uint64_t *container_parts_modified(struct container_parts *parts, uint64_t part)
{
    while (part >= parts->modified_count) {
        if (parts->modified_count == parts->modified_capacity) {
            uint64_t capacity = parts->modified_capacity * 2;
            capacity = capacity < CAPACITY_MIN ? CAPACITY_MIN : capacity;
            parts->keyspace->large.bytes +=
                (capacity - parts->modified_capacity) * sizeof(*parts->modified);
            parts->modified_capacity = capacity;
            parts->modified = mem_realloc(parts->modified, capacity * sizeof(*parts->modified));
        }
        /* It is new, so that no snapshot before the next one has it. */
        parts->modified[parts->modified_count++] = parts->keyspace->applied_index;
    }
    return &parts->modified[part];
}

void container_parts_watch(struct keyspace *keyspace, uint32_t database_slot,
                           struct container *container)
{
    if (container->parts != NULL || !is_large(container)) {
        return;
    }
    struct container_parts *parts =
        container_parts_create(keyspace, keyspace->large.next_slot++, database_slot, container);
    parts->modified_index = keyspace->applied_index;
    if (is_list(parts)) {
        list_parts_number(parts);
    } else {
        (void)container_parts_modified(parts, parts_count(parts) - 1);
    }
}

void container_parts_moved(const struct container *container, uint32_t database_slot)
{
    if (container->parts != NULL) {
        container->parts->database_slot = database_slot;
    }
}

static void add_dead_slot(struct large_containers *large, uint32_t slot)
{
    if (large->dead_count == large->dead_capacity) {
        large->dead_capacity = large->dead_capacity == 0 ? CAPACITY_MIN : large->dead_capacity * 2;
        large->dead_slots =
            mem_realloc(large->dead_slots, large->dead_capacity * sizeof(*large->dead_slots));
    }
    large->dead_slots[large->dead_count++] = slot;
}

static void destroy(struct container_parts *parts)
{
    struct keyspace *keyspace = parts->keyspace;
    struct large_containers *large = &keyspace->large;
    struct container *container = parts->container;
    if (large->walk == parts) {
        large->walk = parts->next;
    }
    *(parts->previous == NULL ? &large->first : &parts->previous->next) = parts->next;
    if (parts->next != NULL) {
        parts->next->previous = parts->previous;
    }
    large->bytes -= sizeof(*parts) + parts->modified_capacity * sizeof(*parts->modified) +
                    parts->gone_capacity * sizeof(*parts->gone);
    container->parts = NULL;
    if (parts->is_held) {
        large->bytes -= container->bytes;
        garbage_add_container(&keyspace->garbage, container);
    }
    mem_free(parts->modified);
    mem_free(parts->gone);
    mem_free(parts);
}

static void release(struct container_parts *parts)
{
    if (parts->is_stored) {
        add_dead_slot(&parts->keyspace->large, parts->slot);
    }
    destroy(parts);
}

static bool is_past(const struct container_parts *parts)
{
    const struct keyspace *keyspace = parts->keyspace;
    return !keyspace->snapshot.is_running || parts->walked_in == keyspace->large.snapshot_number;
}

bool container_parts_leave(struct container *container)
{
    struct container_parts *parts = container->parts;
    ASSERT(!parts->is_held);
    if (is_past(parts)) {
        release(parts);
        return false;
    }
    parts->is_orphan = true;
    parts->is_held = true;
    parts->keyspace->large.bytes += container->bytes;
    return true;
}

void container_parts_flush(struct keyspace *keyspace, uint32_t database_slot)
{
    struct container_parts *parts = keyspace->large.first;
    while (parts != NULL) {
        struct container_parts *next = parts->next;
        if (parts->database_slot != database_slot || parts->is_orphan) {
            parts = next;
            continue;
        }
        if (keyspace->snapshot.is_running) {
            /* Also past it: the row of its key is still to be encoded. */
            parts->is_orphan = true;
            keyspace->large.has_flushed = true;
        } else {
            release(parts);
        }
        parts = next;
    }
}

void container_parts_clear(struct keyspace *keyspace)
{
    struct large_containers *large = &keyspace->large;
    while (large->first != NULL) {
        destroy(large->first);
    }
    mem_free(large->dead_slots);
    mem_free(large->restored);
    *large = (struct large_containers){.first = NULL};
}

void container_parts_renew_slot(struct container_parts *parts)
{
    if (parts->is_stored) {
        add_dead_slot(&parts->keyspace->large, parts->slot);
    }
    parts->slot = parts->keyspace->large.next_slot++;
    parts->is_stored = false;
}

/* ---- Rows ---- */

bool container_parts_is_wanted(const struct container_parts *parts, uint64_t modified_index)
{
    const struct snapshot *snapshot = &parts->keyspace->snapshot;
    return modified_index >= snapshot->from_index && modified_index <= snapshot->to_index &&
           !is_past(parts);
}

enum state_row_type container_parts_encode_head(const struct container_parts *parts,
                                                struct buf *out)
{
    const struct container *container = parts->container;
    bytes_put_u8(out, (uint8_t)container->encoding);
    bytes_put_varint(out, container->count);
    bytes_put_varint(out, parts->slot);
    return container_parts_row_types[container->type];
}

void container_parts_put_row(struct container_parts *parts, struct gone_chunk part,
                             const struct slice *elements, struct buf *out)
{
    uint8_t key[sizeof(uint64_t)];
    bytes_set_u64_big_endian(key, part.number);
    struct state_row row = {.slot = parts->slot,
                            .type = elements == NULL ? STATE_ROW_REMOVED : STATE_ROW_PART,
                            .expiry_ms = KEYSPACE_NEVER,
                            .modified_index = part.modified_index,
                            .key = slice_of(key, sizeof(key))};
    if (elements != NULL) {
        row.value = *elements;
    }
    state_row_encode(&row, out);
    parts->is_stored = true;
}

/* ---- Hashes, sets, sorted sets ---- */

static void put_part(struct container_parts *parts, uint64_t part, struct buf *out)
{
    uint64_t first = part * CONTAINER_PART_ELEMENTS;
    uint64_t end = first + CONTAINER_PART_ELEMENTS;
    struct gone_chunk row = {.number = part, .modified_index = parts->modified[part]};
    end = end < parts->container->count ? end : parts->container->count;
    if (first >= end) {
        container_parts_put_row(parts, row, NULL, out);
        return;
    }
    struct buf elements = {0};
    container_encode_elements(parts->container, first, end, &elements);
    struct slice bytes = buf_slice(&elements);
    container_parts_put_row(parts, row, &bytes, out);
    buf_deinit(&elements);
}

void container_parts_touch_position(struct container_parts *parts, uint64_t position)
{
    uint64_t part = position / CONTAINER_PART_ELEMENTS;
    uint64_t *modified = container_parts_modified(parts, part);
    if (container_parts_is_wanted(parts, *modified) && part >= parts->next_part) {
        put_part(parts, part, &parts->keyspace->snapshot.images);
    }
    *modified = parts->keyspace->applied_index;
    parts->modified_index = parts->keyspace->applied_index;
}

/* Forgets parts at the end that are empty, which snapshots have shown by now. */
static void trim(struct container_parts *parts)
{
    uint64_t count = parts_count(parts);
    while (parts->modified_count > count &&
           parts->modified[parts->modified_count - 1] < parts->keyspace->snapshot.from_index) {
        parts->modified_count--;
    }
}

/* Goes on with one of them; true when the walk is past it. */
static bool walk_positions(struct container_parts *parts, struct encode_budget *budget)
{
    while (parts->next_part < parts->modified_count && !encode_budget_is_spent(budget)) {
        uint64_t part = parts->next_part;
        if (container_parts_is_wanted(parts, parts->modified[part])) {
            put_part(parts, part, budget->out);
        }
        parts->next_part++;
        budget->looks++;
    }
    return parts->next_part >= parts->modified_count;
}

/* ---- Snapshots ---- */

void container_parts_snapshot_begin(struct keyspace *keyspace)
{
    struct large_containers *large = &keyspace->large;
    large->snapshot_number++;
    large->walk = large->first;
    large->leaving_count = large->dead_count;
    large->leaving_at = 0;
}

/* True when all dead slots are told. */
static bool tell_dead_slots(struct large_containers *large, struct encode_budget *budget)
{
    for (; large->leaving_at < large->leaving_count; large->leaving_at++) {
        if (encode_budget_is_spent(budget)) {
            return false;
        }
        struct state_row row = {.slot = large->dead_slots[large->leaving_at],
                                .type = STATE_ROW_SLOT_REMOVED};
        state_row_encode(&row, budget->out);
        budget->looks++;
    }
    return true;
}

static bool walk_one(struct container_parts *parts, struct encode_budget *budget)
{
    bool is_unchanged = parts->modified_index < parts->keyspace->snapshot.from_index;
    if (!parts->is_walked) {
        budget->looks++;
        parts->is_walked = true;
        parts->next_part = 0;
        if (is_list(parts)) {
            list_parts_begin_walk(parts);
        } else {
            trim(parts);
        }
    }
    if (!is_unchanged &&
        !(is_list(parts) ? list_parts_walk(parts, budget) : walk_positions(parts, budget))) {
        return false;
    }
    parts->is_walked = false;
    parts->next_part = 0;
    parts->walked_in = parts->keyspace->large.snapshot_number;
    return true;
}

bool container_parts_snapshot_step(struct keyspace *keyspace, struct encode_budget *budget)
{
    struct large_containers *large = &keyspace->large;
    if (!tell_dead_slots(large, budget)) {
        return false;
    }
    while (large->walk != NULL) {
        struct container_parts *parts = large->walk;
        if (encode_budget_is_spent(budget) || !walk_one(parts, budget)) {
            return false;
        }
        large->walk = parts->next;
        if (parts->is_held) {
            release(parts);
        }
    }
    return true;
}

void container_parts_snapshot_end(struct keyspace *keyspace, bool is_saved)
{
    struct large_containers *large = &keyspace->large;
    ASSERT(!keyspace->snapshot.is_running);
    ASSERT(!is_saved || (large->walk == NULL && large->leaving_at == large->leaving_count));
    if (is_saved && large->leaving_count > 0) {
        large->dead_count -= large->leaving_count;
        memmove(large->dead_slots, large->dead_slots + large->leaving_count,
                large->dead_count * sizeof(*large->dead_slots));
    }
    large->leaving_count = 0;
    large->leaving_at = 0;
    /* Those of a flushed database are in their places until then, for the rows of their keys. */
    struct container_parts *parts = large->has_flushed ? large->first : large->walk;
    while (parts != NULL) {
        struct container_parts *next = parts->next;
        parts->is_walked = false;
        parts->next_part = 0;
        parts->gone_at = 0;
        if (parts->is_orphan) {
            release(parts);
        }
        parts = next;
    }
    large->has_flushed = false;
    large->walk = NULL;
}
