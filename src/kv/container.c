/* container.c -- what all types with elements share: see container.h. */
#include "kv/container.h"

#include "base/assert.h"
#include "base/hash.h"
#include "kv/hash_table.h"
#include "kv/list.h"
#include "kv/set.h"
#include "kv/sorted_set.h"

/* Fixed for ever, as in state_hash.c. */
#define SEED_ELEMENT 0x656c656d2d736564u
#define SEED_VALUE 0x76616c752d736564u

static const struct container_operations *operations_of(enum value_type type)
{
    static const struct container_operations *const rows[VALUE_TYPE_COUNT] = {
        [VALUE_TYPE_LIST] = &list_operations,
        [VALUE_TYPE_HASH] = &hash_table_operations,
        [VALUE_TYPE_SET] = &set_operations,
        [VALUE_TYPE_ZSET] = &sorted_set_operations,
    };
    ASSERT(type < VALUE_TYPE_COUNT);
    ASSERT(rows[type] != NULL);
    return rows[type];
}

struct container *container_create(enum value_type type, uint64_t hash_seed)
{
    return operations_of(type)->create(hash_seed);
}

void container_free(struct container *container)
{
    if (container != NULL) {
        ASSERT(container->parts == NULL);
        bool is_gone = operations_of(container->type)->free_some(container, UINT32_MAX);
        ASSERT(is_gone);
    }
}

bool container_free_some(struct container *container, uint32_t elements_max)
{
    return operations_of(container->type)->free_some(container, elements_max);
}

void container_encode(const struct container *container, struct buf *out)
{
    bytes_put_u8(out, (uint8_t)container->encoding);
    bytes_put_varint(out, container->count);
    operations_of(container->type)->encode(container, 0, container->count, out);
}

void container_encode_elements(const struct container *container, uint64_t first, uint64_t end,
                               struct buf *out)
{
    ASSERT(container->type != VALUE_TYPE_LIST);
    operations_of(container->type)->encode(container, first, end, out);
}

enum result container_decode_element(struct container *container, struct bytes_reader *reader)
{
    return operations_of(container->type)->decode(container, reader, 1);
}

enum result container_decode(enum value_type type, uint64_t hash_seed, struct slice bytes,
                             struct container **out)
{
    struct bytes_reader reader = bytes_reader_of(bytes);
    uint8_t encoding = bytes_get_u8(&reader);
    uint64_t count = bytes_get_varint(&reader);
    /* Every element takes a byte at least. */
    if (reader.bad || encoding >= VALUE_ENCODING_COUNT || count == 0 ||
        count > bytes_left(&reader)) {
        return RESULT_CORRUPT;
    }
    struct container *container = container_create(type, hash_seed);
    enum result result = operations_of(type)->decode(container, &reader, count);
    if (result != RESULT_OK || reader.bad || bytes_left(&reader) > 0 || container->count != count) {
        container_free(container);
        return RESULT_CORRUPT;
    }
    /* It may have been larger once: that does not show in the elements. */
    container->encoding = (enum value_encoding)encoding;
    *out = container;
    return RESULT_OK;
}

struct container *container_copy(const struct container *container, uint64_t hash_seed)
{
    struct buf bytes = {0};
    struct container *copy = NULL;
    container_encode(container, &bytes);
    enum result result = container_decode(container->type, hash_seed, buf_slice(&bytes), &copy);
    ASSERT(result == RESULT_OK);
    buf_deinit(&bytes);
    return copy;
}

void container_note(struct container *container, enum container_change change, uint64_t index,
                    struct slice element, struct slice value)
{
    uint64_t digest = hash_mix(container->digest, ((uint64_t)change << 56) ^ index);
    digest = hash_mix(digest, hash_bytes(SEED_ELEMENT, element));
    if (value.size > 0) {
        digest = hash_mix(digest, hash_bytes(SEED_VALUE, value));
    }
    container->digest = digest;
    container->changes++;
}
