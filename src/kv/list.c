/* list.c -- lists in chunks: see list.h. Encoded as the elements from head to tail, each a slice.
 *
 * A chunk holds up to CHUNK_ELEMENTS_MAX elements one behind the other, each a varint of its size
 * and its bytes, with room at either end, so that both ends are cheap: taking from the head only
 * moves `start`, taking from the tail walks over one chunk. An element that does not fit beside
 * others has a chunk of its own.
 */
#include "kv/list.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "kv/list_internal.h"
#include "kv/list_parts.h"

struct list_value *list_value_of(struct container *container)
{
    return (struct list_value *)(void *)container;
}

const struct list_value *list_value_of_const(const struct container *container)
{
    return (const struct list_value *)(const void *)container;
}

static struct container *create(uint64_t hash_seed)
{
    (void)hash_seed;
    struct list_value *list = mem_alloc_zeroed(1, sizeof(*list));
    list->container.type = VALUE_TYPE_LIST;
    list->container.encoding = VALUE_ENCODING_QUICKLIST;
    list->container.bytes = sizeof(*list);
    return &list->container;
}

/* ---- Bytes of one chunk ---- */

static uint32_t varint_size(uint64_t number)
{
    uint32_t size = 1;
    for (; number >= 0x80; number >>= 7) {
        size++;
    }
    return size;
}

static uint32_t packed_size(struct slice element)
{
    return varint_size(element.size) + (uint32_t)element.size;
}

static void pack(uint8_t *at, struct slice element)
{
    uint64_t number = element.size;
    for (; number >= 0x80; number >>= 7) {
        *at++ = (uint8_t)(number | 0x80);
    }
    *at++ = (uint8_t)number;
    if (element.size > 0) {
        memcpy(at, element.bytes, element.size);
    }
}

/* Reads the element at *offset and moves *offset behind it. */
static struct slice unpack(const struct chunk *chunk, uint32_t *offset)
{
    struct bytes_reader reader =
        bytes_reader_of(slice_of(chunk->bytes + *offset, chunk->end - *offset));
    struct slice element = bytes_get_slice(&reader);
    ASSERT(!reader.bad);
    *offset = (uint32_t)(reader.at - chunk->bytes);
    return element;
}

static uint32_t offset_of(const struct chunk *chunk, uint32_t position)
{
    uint32_t offset = chunk->start;
    for (; position > 0; position--) {
        (void)unpack(chunk, &offset);
    }
    return offset;
}

/* ---- Chunks of a list ---- */

struct chunk *list_chunk_create(struct list_value *list, uint32_t capacity)
{
    struct chunk *chunk = mem_alloc(sizeof(*chunk) + capacity);
    *chunk = (struct chunk){.capacity = capacity};
    list->container.bytes += mem_usable_size(chunk);
    return chunk;
}

void list_chunk_link(struct list_value *list, struct chunk *chunk, struct chunk *previous)
{
    chunk->previous = previous;
    chunk->next = previous == NULL ? list->head : previous->next;
    *(chunk->previous == NULL ? &list->head : &chunk->previous->next) = chunk;
    *(chunk->next == NULL ? &list->tail : &chunk->next->previous) = chunk;
    list_parts_linked(list, chunk);
}

static void chunk_unlink(struct list_value *list, struct chunk *chunk)
{
    *(chunk->previous == NULL ? &list->head : &chunk->previous->next) = chunk->next;
    *(chunk->next == NULL ? &list->tail : &chunk->next->previous) = chunk->previous;
    list_parts_unlinked(list, chunk);
}

static void chunk_free(struct list_value *list, struct chunk *chunk)
{
    list->container.bytes -= mem_usable_size(chunk);
    mem_free(chunk);
}

/* Copies the elements to a larger chunk in the same place; at_head: the room is before them. */
static struct chunk *chunk_grow(struct list_value *list, struct chunk *chunk, uint32_t size,
                                bool at_head)
{
    uint32_t used = chunk->end - chunk->start;
    uint32_t capacity = CHUNK_BYTES_MIN;
    while (capacity < used + size) {
        capacity *= 2;
    }
    struct chunk *larger = list_chunk_create(list, capacity);
    larger->count = chunk->count;
    larger->start = at_head ? capacity - used : 0;
    larger->end = larger->start + used;
    memcpy(larger->bytes + larger->start, chunk->bytes + chunk->start, used);
    larger->number = chunk->number;
    larger->modified_index = chunk->modified_index;
    larger->is_stored = chunk->is_stored;
    larger->previous = chunk->previous;
    larger->next = chunk->next;
    *(larger->previous == NULL ? &list->head : &larger->previous->next) = larger;
    *(larger->next == NULL ? &list->tail : &larger->next->previous) = larger;
    list_parts_replaced(list, chunk, larger);
    chunk_free(list, chunk);
    return larger;
}

static bool has_room(const struct chunk *chunk, uint32_t size)
{
    return chunk != NULL && chunk->count < CHUNK_ELEMENTS_MAX &&
           chunk->end - chunk->start + size <= CHUNK_BYTES_MAX;
}

/* The chunk and the position in it of the element at index. */
static struct chunk *find(const struct list_value *list, uint64_t index, uint32_t *position)
{
    ASSERT(index < list->container.count);
    struct chunk *chunk = list->head;
    if (index < list->container.count / 2) {
        for (; index >= chunk->count; chunk = chunk->next) {
            index -= chunk->count;
        }
        *position = (uint32_t)index;
        return chunk;
    }
    uint64_t behind = list->container.count - index; /* with the element itself */
    for (chunk = list->tail; behind > chunk->count; chunk = chunk->previous) {
        behind -= chunk->count;
    }
    *position = chunk->count - (uint32_t)behind;
    return chunk;
}

/* ---- Changes ---- */

static void push_tail(struct list_value *list, struct slice element)
{
    uint32_t size = packed_size(element);
    struct chunk *chunk = list->tail;
    if (!has_room(chunk, size)) {
        chunk = list_chunk_create(list, size > CHUNK_BYTES_MIN ? size : CHUNK_BYTES_MIN);
        list_chunk_link(list, chunk, list->tail);
    } else {
        list_parts_touch(list, chunk);
        if (chunk->capacity - chunk->end < size) {
            chunk = chunk_grow(list, chunk, size, false);
        }
    }
    pack(chunk->bytes + chunk->end, element);
    chunk->end += size;
    chunk->count++;
}

static void push_head(struct list_value *list, struct slice element)
{
    uint32_t size = packed_size(element);
    struct chunk *chunk = list->head;
    if (!has_room(chunk, size)) {
        chunk = list_chunk_create(list, size > CHUNK_BYTES_MIN ? size : CHUNK_BYTES_MIN);
        chunk->start = chunk->capacity;
        chunk->end = chunk->capacity;
        list_chunk_link(list, chunk, NULL);
    } else {
        list_parts_touch(list, chunk);
        if (chunk->start < size) {
            chunk = chunk_grow(list, chunk, size, true);
        }
    }
    chunk->start -= size;
    pack(chunk->bytes + chunk->start, element);
    chunk->count++;
}

void list_value_push(struct list_value *list, bool at_head, struct slice element)
{
    container_note(&list->container, at_head ? CONTAINER_PUSH_HEAD : CONTAINER_ADD, 0, element,
                   slice_of(NULL, 0));
    if (at_head) {
        push_head(list, element);
    } else {
        push_tail(list, element);
    }
    list->container.count++;
}

/* Moves the elements from a position on to a chunk of their own behind it. */
static void split(struct list_value *list, struct chunk *chunk, uint32_t position)
{
    if (position == 0 || position == chunk->count) {
        return;
    }
    list_parts_touch(list, chunk);
    uint32_t offset = offset_of(chunk, position);
    uint32_t size = chunk->end - offset;
    struct chunk *rest = list_chunk_create(list, size > CHUNK_BYTES_MIN ? size : CHUNK_BYTES_MIN);
    memcpy(rest->bytes, chunk->bytes + offset, size);
    rest->end = size;
    rest->count = chunk->count - position;
    chunk->end = offset;
    chunk->count = position;
    list_chunk_link(list, rest, chunk);
}

/* Joins a chunk with the next one if both together are small. */
static void join(struct list_value *list, struct chunk *chunk)
{
    struct chunk *next = chunk == NULL ? NULL : chunk->next;
    if (next == NULL || chunk->count + next->count > CHUNK_ELEMENTS_MAX / 2 ||
        !has_room(chunk, next->end - next->start)) {
        return;
    }
    list_parts_touch(list, chunk);
    list_parts_touch(list, next);
    uint32_t size = next->end - next->start;
    if (chunk->capacity - chunk->end < size) {
        chunk = chunk_grow(list, chunk, size, false);
    }
    memcpy(chunk->bytes + chunk->end, next->bytes + next->start, size);
    chunk->end += size;
    chunk->count += next->count;
    chunk_unlink(list, next);
    chunk_free(list, next);
}

/* Takes number elements from a position on out of one chunk, which goes if it is empty then. */
static void cut(struct list_value *list, struct chunk *chunk, uint32_t position, uint32_t number)
{
    list_parts_touch(list, chunk);
    uint32_t from = offset_of(chunk, position);
    uint32_t to = from;
    for (uint32_t i = 0; i < number; i++) {
        (void)unpack(chunk, &to);
    }
    chunk->count -= number;
    if (chunk->count == 0) {
        chunk_unlink(list, chunk);
        chunk_free(list, chunk);
        return;
    }
    if (position == 0) {
        chunk->start = to;
    } else {
        memmove(chunk->bytes + from, chunk->bytes + to, chunk->end - to);
        chunk->end -= to - from;
    }
    join(list, chunk);
}

void list_value_remove(struct list_value *list, uint64_t index, uint64_t number)
{
    ASSERT(number <= list->container.count && index <= list->container.count - number);
    uint8_t text[sizeof(uint64_t)];
    bytes_set_u64(text, number);
    container_note(&list->container, CONTAINER_REMOVE_AT, index, slice_of(NULL, 0),
                   slice_of(text, sizeof(text)));
    while (number > 0) {
        uint32_t position = 0;
        struct chunk *chunk = find(list, index, &position);
        uint32_t here = chunk->count - position;
        here = here < number ? here : (uint32_t)number;
        cut(list, chunk, position, here);
        list->container.count -= here;
        number -= here;
    }
}

/* Puts an element before the one at index, without a note. */
static void insert(struct list_value *list, uint64_t index, struct slice element)
{
    if (index == 0) {
        push_head(list, element);
    } else if (index == list->container.count) {
        push_tail(list, element);
    } else {
        uint32_t position = 0;
        struct chunk *chunk = find(list, index, &position);
        uint32_t size = packed_size(element);
        if (has_room(chunk, size)) {
            list_parts_touch(list, chunk);
            if (chunk->capacity - chunk->end < size) {
                chunk = chunk_grow(list, chunk, size, false);
            }
            uint32_t offset = offset_of(chunk, position);
            memmove(chunk->bytes + offset + size, chunk->bytes + offset, chunk->end - offset);
            pack(chunk->bytes + offset, element);
            chunk->end += size;
            chunk->count++;
        } else {
            split(list, chunk, position);
            struct chunk *previous = position == 0 ? chunk->previous : chunk;
            struct chunk *own =
                list_chunk_create(list, size > CHUNK_BYTES_MIN ? size : CHUNK_BYTES_MIN);
            pack(own->bytes, element);
            own->end = size;
            own->count = 1;
            list_chunk_link(list, own, previous);
        }
    }
    list->container.count++;
}

void list_value_insert(struct list_value *list, uint64_t index, struct slice element)
{
    container_note(&list->container, CONTAINER_INSERT, index, element, slice_of(NULL, 0));
    insert(list, index, element);
}

void list_value_set(struct list_value *list, uint64_t index, struct slice element)
{
    uint32_t position = 0;
    struct chunk *chunk = find(list, index, &position);
    uint32_t from = offset_of(chunk, position);
    uint32_t to = from;
    struct slice old = unpack(chunk, &to);
    container_note(&list->container, CONTAINER_SET, index, element, slice_of(NULL, 0));
    if (old.size == element.size) {
        list_parts_touch(list, chunk);
        pack(chunk->bytes + from, element);
        return;
    }
    cut(list, chunk, position, 1);
    list->container.count--;
    insert(list, index, element);
}

/* ---- Walks ---- */

void list_walk_begin(struct list_walk *walk, const struct list_value *list, uint64_t index,
                     bool is_backward)
{
    walk->list = list;
    walk->is_backward = is_backward;
    walk->left = is_backward ? index + 1 : list->container.count - index;
    walk->chunk = find(list, index, &walk->position);
    walk->offset = offset_of(walk->chunk, walk->position);
}

bool list_walk_next(struct list_walk *walk, struct slice *out)
{
    if (walk->left == 0) {
        return false;
    }
    const struct chunk *chunk = walk->chunk;
    walk->left--;
    if (walk->is_backward) {
        uint32_t offset = offset_of(chunk, walk->position);
        *out = unpack(chunk, &offset);
        if (walk->position-- == 0 && walk->left > 0) {
            walk->chunk = chunk->previous;
            walk->position = chunk->previous->count - 1;
        }
        return true;
    }
    *out = unpack(chunk, &walk->offset);
    if (++walk->position == chunk->count && walk->left > 0) {
        walk->chunk = chunk->next;
        walk->position = 0;
        walk->offset = chunk->next->start;
    }
    return true;
}

/* ---- As a container ---- */

static void encode(const struct container *container, uint64_t first, uint64_t end, struct buf *out)
{
    const struct list_value *list = list_value_of_const(container);
    ASSERT(first == 0 && end == container->count);
    for (const struct chunk *chunk = list->head; chunk != NULL; chunk = chunk->next) {
        buf_append(out, chunk->bytes + chunk->start, chunk->end - chunk->start);
    }
}

static enum result decode(struct container *container, struct bytes_reader *reader, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct slice element = bytes_get_slice(reader);
        if (reader->bad || element.size > LIMIT_BULK_BYTES) {
            return RESULT_CORRUPT;
        }
        list_value_push(list_value_of(container), false, element);
    }
    return RESULT_OK;
}

static bool free_some(struct container *container, uint32_t elements_max)
{
    struct list_value *list = list_value_of(container);
    uint32_t freed = 0;
    while (list->head != NULL) {
        struct chunk *chunk = list->head;
        if (freed >= elements_max) {
            return false;
        }
        freed += chunk->count;
        list->container.count -= chunk->count;
        chunk_unlink(list, chunk);
        chunk_free(list, chunk);
    }
    mem_free(list);
    return true;
}

const struct container_operations list_operations = {create, encode, decode, free_some};
