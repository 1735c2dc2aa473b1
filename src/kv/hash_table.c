/* hash_table.c -- hashes: see hash_table.h. Encoded as its fields in their dense order, each a
 * slice followed by its value's.
 */
#include "kv/hash_table.h"

#include "base/assert.h"
#include "base/mem.h"

static struct container *create(uint64_t hash_seed)
{
    struct hash_table *hash = mem_alloc_zeroed(1, sizeof(*hash));
    hash->container.type = VALUE_TYPE_HASH;
    hash->container.encoding = VALUE_ENCODING_LISTPACK;
    hash->container.bytes = sizeof(*hash);
    dense_table_init(&hash->table, hash_seed, &hash->container);
    return &hash->container;
}

static void update(struct hash_table *hash)
{
    hash->container.count = hash->table.count;
    hash->container.bytes = sizeof(*hash) + hash->table.bytes;
}

/* As Redis: what does not fit a listpack makes it a table for good. */
static void convert_if_needed(struct hash_table *hash, struct slice field, struct slice value)
{
    if (field.size > HASH_TABLE_LISTPACK_BYTES_MAX || value.size > HASH_TABLE_LISTPACK_BYTES_MAX ||
        hash->table.count > HASH_TABLE_LISTPACK_ENTRIES_MAX) {
        hash->container.encoding = VALUE_ENCODING_HASHTABLE;
    }
}

bool hash_table_set(struct hash_table *hash, struct slice field, struct slice value)
{
    uint32_t position = dense_table_find(&hash->table, field);
    bool is_new = position == DENSE_TABLE_NOWHERE;
    container_note(&hash->container, is_new ? CONTAINER_ADD : CONTAINER_SET, 0, field, value);
    if (is_new) {
        dense_table_add(&hash->table, field, value);
    } else {
        dense_table_set_value(&hash->table, position, value);
    }
    convert_if_needed(hash, field, value);
    update(hash);
    return is_new;
}

bool hash_table_remove(struct hash_table *hash, struct slice field)
{
    uint32_t position = dense_table_find(&hash->table, field);
    if (position == DENSE_TABLE_NOWHERE) {
        return false;
    }
    container_note(&hash->container, CONTAINER_REMOVE, 0, field, slice_of(NULL, 0));
    dense_table_remove(&hash->table, position);
    update(hash);
    return true;
}

bool hash_table_get(const struct hash_table *hash, struct slice field, struct slice *out)
{
    uint32_t position = dense_table_find(&hash->table, field);
    if (position == DENSE_TABLE_NOWHERE) {
        return false;
    }
    *out = dense_entry_value(hash->table.entries[position]);
    return true;
}

const struct dense_entry *hash_table_at(const struct hash_table *hash, uint32_t position)
{
    ASSERT(position < hash->table.count);
    return hash->table.entries[position];
}

static void encode(const struct container *container, uint64_t first, uint64_t end, struct buf *out)
{
    const struct hash_table *hash = hash_table_of_const(container);
    for (uint64_t i = first; i < end; i++) {
        bytes_put_slice(out, dense_entry_member(hash->table.entries[i]));
        bytes_put_slice(out, dense_entry_value(hash->table.entries[i]));
    }
}

static enum result decode(struct container *container, struct bytes_reader *reader, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct slice field = bytes_get_slice(reader);
        struct slice value = bytes_get_slice(reader);
        if (reader->bad || !hash_table_set(hash_table_of(container), field, value)) {
            return RESULT_CORRUPT;
        }
    }
    return RESULT_OK;
}

static bool free_some(struct container *container, uint32_t elements_max)
{
    struct hash_table *hash = hash_table_of(container);
    bool is_empty = dense_table_free_some(&hash->table, elements_max);
    update(hash);
    if (is_empty) {
        mem_free(hash);
    }
    return is_empty;
}

const struct container_operations hash_table_operations = {create, encode, decode, free_some};
