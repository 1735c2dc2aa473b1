/* item.c -- layout of items: see item.h. */
#include "kv/item.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "kv/container.h"

_Static_assert(VALUE_TYPE_COUNT <= 8, "an item has three bits for its type");

/* The smallest size from which malloc would give the same block: 8 over a multiple of 16. */
static size_t round_up(size_t size)
{
    return ((size + 7) & ~(size_t)15) + 8;
}

static size_t item_size(const struct item *item)
{
    return sizeof(*item) + item_word_offset(item) + (item_has_word(item) ? sizeof(uint64_t) : 0) +
           item->key_size + item->inline_size;
}

static uint8_t *word_at(struct item *item)
{
    ASSERT(item_has_word(item));
    return item->body + item_word_offset(item);
}

static uint8_t *key_at(struct item *item)
{
    return item->body + item_word_offset(item) + (item_has_word(item) ? sizeof(uint64_t) : 0);
}

static uint8_t *inline_at(struct item *item)
{
    return key_at(item) + item->key_size;
}

static bool needs_box(const struct value *value)
{
    return value->encoding != VALUE_ENCODING_INT && value->string.size > ITEM_INLINE_BYTES_MAX;
}

/* Describes how key and value lie; no box, no inline value yet. */
static void describe(struct item *header, struct slice key, const struct value *value,
                     bool is_volatile)
{
    ASSERT(key.size <= LIMIT_BULK_BYTES);
    memset(header, 0, sizeof(*header));
    header->type = (uint64_t)value->type & 0x7;
    header->encoding = (uint64_t)value->encoding & 0xf;
    header->key_size = (uint32_t)key.size & 0x3fffffffu;
    header->is_volatile = is_volatile;
}

static struct item *item_alloc(const struct item *header)
{
    struct item *item = mem_alloc(round_up(item_size(header)));
    *item = *header;
    return item;
}

static void copy_bytes(uint8_t *to, struct slice from)
{
    if (from.size > 0) {
        memcpy(to, from.bytes, from.size);
    }
}

struct item *item_create(struct slice key, const struct value *value, bool is_volatile)
{
    if (needs_box(value)) {
        ASSERT(value->type == VALUE_TYPE_STRING);
        ASSERT(value->encoding == VALUE_ENCODING_RAW);
        struct item_box *box = item_box_create(value->string.size);
        copy_bytes(box->bytes, value->string);
        box->size = (uint32_t)value->string.size;
        return item_create_boxed(key, box, is_volatile);
    }
    struct item header;
    describe(&header, key, value, is_volatile);
    if (!item_has_word(&header)) {
        header.inline_size = value->string.size & 0xff;
    }
    struct item *item = item_alloc(&header);
    if (item_has_word(item)) {
        memcpy(word_at(item), &value->integer, sizeof(value->integer));
    } else {
        copy_bytes(inline_at(item), value->string);
    }
    copy_bytes(key_at(item), key);
    return item;
}

/* Makes an item whose word is a pointer. */
static struct item *create_pointing(struct slice key, enum value_type type, const void *pointer,
                                    bool is_volatile)
{
    struct value value = {.type = type, .encoding = VALUE_ENCODING_RAW};
    struct item header;
    describe(&header, key, &value, is_volatile);
    header.is_boxed = true;
    struct item *item = item_alloc(&header);
    memcpy(word_at(item), &pointer, sizeof(pointer));
    copy_bytes(key_at(item), key);
    return item;
}

struct item *item_create_boxed(struct slice key, struct item_box *box, bool is_volatile)
{
    return create_pointing(key, VALUE_TYPE_STRING, box, is_volatile);
}

struct item *item_create_container(struct slice key, struct container *container, bool is_volatile)
{
    ASSERT(container->type != VALUE_TYPE_STRING);
    return create_pointing(key, container->type, container, is_volatile);
}

struct item *item_remake(struct item *item, struct slice key, bool is_volatile)
{
    struct item header = *item;
    header.key_size = (uint32_t)key.size & 0x3fffffffu;
    header.is_volatile = is_volatile;
    struct item *copy = item_alloc(&header);
    if (item_has_word(item)) {
        memcpy(word_at(copy), word_at(item), sizeof(uint64_t));
    }
    copy_bytes(key_at(copy), key);
    copy_bytes(inline_at(copy), slice_of(inline_at(item), item->inline_size));
    return copy;
}

void item_free_shell(struct item *item)
{
    mem_free(item);
}

void item_free(struct item *item)
{
    mem_free(item_box(item));
    container_free(item_container(item));
    mem_free(item);
}

bool item_overwrite(struct item *item, const struct value *value)
{
    ASSERT(value->type == VALUE_TYPE_STRING);
    if (item->is_boxed || needs_box(value)) {
        return false;
    }
    if (value->encoding == VALUE_ENCODING_INT) {
        if (item->encoding != VALUE_ENCODING_INT) {
            return false;
        }
        memcpy(word_at(item), &value->integer, sizeof(value->integer));
        return true;
    }
    if (item->encoding == VALUE_ENCODING_INT) {
        return false;
    }
    size_t others = item_size(item) - item->inline_size;
    if (round_up(others + value->string.size) != round_up(item_size(item))) {
        return false;
    }
    copy_bytes(inline_at(item), value->string);
    item->inline_size = value->string.size & 0xff;
    item->encoding = (uint64_t)value->encoding & 0xf;
    return true;
}

struct value item_value(const struct item *item)
{
    struct value value = {.type = (enum value_type)item->type,
                          .encoding = (enum value_encoding)item->encoding};
    const uint8_t *at = item->body + item_word_offset(item);
    if (item->type != VALUE_TYPE_STRING) {
        value.container = item_container(item);
        value.encoding = value.container->encoding;
    } else if (item->is_boxed) {
        const struct item_box *box = item_box(item);
        value.string = slice_of(box->bytes, box->size);
    } else if (item->encoding == VALUE_ENCODING_INT) {
        memcpy(&value.integer, at, sizeof(value.integer));
    } else {
        value.string = slice_of(at + item->key_size, item->inline_size);
    }
    return value;
}

uint8_t *item_bytes(struct item *item)
{
    return item->is_boxed ? item_box(item)->bytes : inline_at(item);
}

size_t item_memory(const struct item *item)
{
    const struct container *container = item_container(item);
    return mem_usable_size(item) +
           (container != NULL ? container->bytes : mem_usable_size(item_box(item)));
}

/* The pointer that is the item's word. */
static void *pointer_of(const struct item *item)
{
    void *pointer = NULL;
    memcpy(&pointer, item->body + item_word_offset(item), sizeof(pointer));
    return pointer;
}

struct container *item_container(const struct item *item)
{
    return item->type == VALUE_TYPE_STRING ? NULL : pointer_of(item);
}

struct item_box *item_box(const struct item *item)
{
    return item->is_boxed && item->type == VALUE_TYPE_STRING ? pointer_of(item) : NULL;
}

void item_set_box(struct item *item, struct item_box *box)
{
    ASSERT(item->is_boxed);
    memcpy(word_at(item), &box, sizeof(box));
}

struct item_box *item_box_create(uint64_t capacity)
{
    ASSERT(capacity <= UINT32_MAX);
    struct item_box *box = mem_alloc(sizeof(*box) + capacity);
    box->size = 0;
    box->capacity = (uint32_t)capacity;
    return box;
}
