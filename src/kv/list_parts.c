/* list_parts.c -- chunks of a large list as rows: see list_parts.h. */
#include "kv/list_parts.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "kv/keyspace_internal.h"

/* Twenty chunks find room at one place, and 2^42 at either end. */
#define NUMBER_STEP (UINT64_C(1) << 20)
#define NUMBER_MIDDLE (UINT64_C(1) << 62)

enum { GONE_MIN = 1024 };

/* A chunk holds at least a few elements on average, so this many chunks are less than all. */
static uint64_t gone_max(const struct container_parts *parts)
{
    return GONE_MIN + parts->container->count / CHUNK_ELEMENTS_MAX;
}

static void stamp(struct container_parts *parts, struct chunk *chunk)
{
    parts->modified_index = parts->keyspace->applied_index;
    chunk->modified_index = parts->modified_index & INT64_MAX;
}

static void put_chunk(struct container_parts *parts, struct chunk *chunk, struct buf *out)
{
    struct gone_chunk row = {.number = chunk->number, .modified_index = chunk->modified_index};
    struct slice elements = slice_of(chunk->bytes + chunk->start, chunk->end - chunk->start);
    container_parts_put_row(parts, row, &elements, out);
    chunk->is_stored = true;
}

/* Whether the walk is past a chunk with a number. */
static bool is_walked(const struct container_parts *parts, uint64_t number)
{
    return parts->is_walked && (parts->next_chunk == NULL || number < parts->next_chunk->number);
}

static void number_from(struct container_parts *parts, uint64_t number)
{
    parts->number_first = number;
    struct list_value *list = list_value_of(parts->container);
    for (struct chunk *chunk = list->head; chunk != NULL; chunk = chunk->next) {
        chunk->number = number;
        chunk->is_stored = false;
        stamp(parts, chunk);
        parts->number_last = number;
        number += NUMBER_STEP;
    }
}

void list_parts_number(struct container_parts *parts)
{
    number_from(parts, NUMBER_MIDDLE);
}

/* Whether the running snapshot still has to tell that a chunk is gone. */
static bool is_owed(const struct container_parts *parts, uint32_t at)
{
    return container_parts_is_wanted(parts, parts->gone[at].modified_index) &&
           (!parts->is_walked || at < parts->gone_at);
}

/* All of them anew, under another slot; what the running snapshot needs is encoded first. */
static void number_again(struct container_parts *parts)
{
    struct buf *images = &parts->keyspace->snapshot.images;
    struct list_value *list = list_value_of(parts->container);
    for (struct chunk *chunk = list->head; chunk != NULL; chunk = chunk->next) {
        if (container_parts_is_wanted(parts, chunk->modified_index) &&
            !is_walked(parts, chunk->number)) {
            put_chunk(parts, chunk, images);
        }
    }
    for (uint32_t i = 0; i < parts->gone_count; i++) {
        if (is_owed(parts, i)) {
            container_parts_put_row(parts, parts->gone[i], NULL, images);
        }
    }
    parts->is_walked = false;
    parts->walked_in = parts->keyspace->large.snapshot_number;
    parts->gone_count = 0;
    parts->gone_at = 0;
    container_parts_renew_slot(parts);
    number_from(parts, NUMBER_MIDDLE);
}

/* ---- What list.c tells ---- */

void list_parts_touch(struct list_value *list, struct chunk *chunk)
{
    struct container_parts *parts = list->container.parts;
    if (parts == NULL) {
        return;
    }
    if (container_parts_is_wanted(parts, chunk->modified_index) &&
        !is_walked(parts, chunk->number)) {
        put_chunk(parts, chunk, &parts->keyspace->snapshot.images);
    }
    stamp(parts, chunk);
}

/* Forgets one; those before gone_at stay before it. */
static void drop_gone(struct container_parts *parts, uint32_t at)
{
    if (at < parts->gone_at) {
        parts->gone[at] = parts->gone[--parts->gone_at];
        at = parts->gone_at;
    }
    parts->gone[at] = parts->gone[--parts->gone_count];
}

/* A chunk gets the number of one that is gone: its row is overwritten, and need not be removed but
 * in the running snapshot. */
static void take_number(struct container_parts *parts, struct chunk *chunk)
{
    for (uint32_t i = 0; i < parts->gone_count; i++) {
        struct gone_chunk gone = parts->gone[i];
        if (gone.number == chunk->number) {
            if (is_owed(parts, i)) {
                container_parts_put_row(parts, gone, NULL, &parts->keyspace->snapshot.images);
            }
            chunk->is_stored = true;
            drop_gone(parts, i);
            return;
        }
    }
}

void list_parts_linked(struct list_value *list, struct chunk *chunk)
{
    struct container_parts *parts = list->container.parts;
    if (parts == NULL) {
        return;
    }
    chunk->is_stored = false;
    stamp(parts, chunk);
    if (chunk->next == NULL && parts->number_last < UINT64_MAX - NUMBER_STEP) {
        parts->number_last += NUMBER_STEP;
        chunk->number = parts->number_last;
    } else if (chunk->previous == NULL && parts->number_first >= NUMBER_STEP) {
        parts->number_first -= NUMBER_STEP;
        chunk->number = parts->number_first;
    } else if (chunk->next != NULL && chunk->previous != NULL &&
               chunk->next->number - chunk->previous->number >= 2) {
        chunk->number =
            chunk->previous->number + (chunk->next->number - chunk->previous->number) / 2;
        take_number(parts, chunk);
    } else {
        number_again(parts);
    }
}

void list_parts_unlinked(struct list_value *list, struct chunk *chunk)
{
    struct container_parts *parts = list->container.parts;
    if (parts == NULL) {
        return;
    }
    if (parts->next_chunk == chunk) {
        parts->next_chunk = chunk->next;
    }
    if (!chunk->is_stored) {
        return;
    }
    if (parts->gone_count == parts->gone_capacity) {
        uint32_t capacity = parts->gone_capacity == 0 ? 16 : parts->gone_capacity * 2;
        parts->keyspace->large.bytes += (capacity - parts->gone_capacity) * sizeof(*parts->gone);
        parts->gone_capacity = capacity;
        parts->gone = mem_realloc(parts->gone, capacity * sizeof(*parts->gone));
    }
    parts->gone[parts->gone_count++] =
        (struct gone_chunk){.number = chunk->number, .modified_index = chunk->modified_index};
    if (parts->gone_count > gone_max(parts)) {
        number_again(parts);
    }
}

void list_parts_replaced(struct list_value *list, const struct chunk *chunk,
                         struct chunk *replacement)
{
    if (list->container.parts != NULL && list->container.parts->next_chunk == chunk) {
        list->container.parts->next_chunk = replacement;
    }
}

/* ---- The walk ---- */

void list_parts_begin_walk(struct container_parts *parts)
{
    parts->gone_at = 0;
    for (uint32_t i = parts->gone_count; i > 0; i--) {
        if (parts->gone[i - 1].modified_index < parts->keyspace->snapshot.from_index) {
            drop_gone(parts, i - 1); /* A snapshot has shown it. */
        }
    }
    parts->gone_at = parts->gone_count;
    parts->next_chunk = list_value_of(parts->container)->head;
}

bool list_parts_walk(struct container_parts *parts, struct encode_budget *budget)
{
    for (; parts->gone_at > 0 && !encode_budget_is_spent(budget); budget->looks++) {
        struct gone_chunk gone = parts->gone[--parts->gone_at];
        if (container_parts_is_wanted(parts, gone.modified_index)) {
            container_parts_put_row(parts, gone, NULL, budget->out);
        }
    }
    for (; parts->next_chunk != NULL && !encode_budget_is_spent(budget); budget->looks++) {
        struct chunk *chunk = parts->next_chunk;
        if (container_parts_is_wanted(parts, chunk->modified_index)) {
            put_chunk(parts, chunk, budget->out);
        }
        parts->next_chunk = chunk->next;
    }
    return parts->gone_at == 0 && parts->next_chunk == NULL;
}

/* ---- Restore ---- */

enum result list_parts_restore(struct container_parts *parts, uint64_t number,
                               const struct state_row *row)
{
    struct list_value *list = list_value_of(parts->container);
    struct bytes_reader reader = bytes_reader_of(row->value);
    uint64_t count = 0;
    while (bytes_left(&reader) > 0 && !reader.bad) {
        reader.bad = bytes_get_slice(&reader).size > LIMIT_BULK_BYTES || reader.bad;
        count++;
    }
    if (reader.bad || count == 0 || !list_chunk_may_hold(count, row->value.size) ||
        (list->tail != NULL && number <= list->tail->number)) {
        return RESULT_CORRUPT;
    }
    struct chunk *chunk = list_chunk_create(list, (uint32_t)row->value.size);
    memcpy(chunk->bytes, row->value.bytes, row->value.size);
    chunk->end = (uint32_t)row->value.size;
    chunk->count = (uint32_t)count;
    if (list->head == NULL) {
        parts->number_first = number;
    }
    list_chunk_link(list, chunk, list->tail);
    list->container.count += count;
    parts->number_last = number;
    chunk->number = number;
    chunk->modified_index = row->modified_index & INT64_MAX;
    chunk->is_stored = true;
    return RESULT_OK;
}
