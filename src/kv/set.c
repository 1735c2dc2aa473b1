/* set.c -- sets: see set.h. Encoded as its members in their dense order, each a slice. */
#include "kv/set.h"

#include "base/mem.h"
#include "base/number.h"

static struct container *create(uint64_t hash_seed)
{
    struct set *set = mem_alloc_zeroed(1, sizeof(*set));
    set->container.type = VALUE_TYPE_SET;
    set->container.encoding = VALUE_ENCODING_INTSET;
    set->container.bytes = sizeof(*set);
    dense_table_init(&set->table, hash_seed, &set->container);
    return &set->container;
}

static void update(struct set *set)
{
    set->container.count = set->table.count;
    set->container.bytes = sizeof(*set) + set->table.bytes;
}

/* As Redis: an intset that takes what it cannot hold becomes a table for good. */
static void convert_if_needed(struct set *set, struct slice member)
{
    int64_t integer = 0;
    if (set->container.encoding == VALUE_ENCODING_INTSET &&
        (set->table.count > SET_INTSET_ENTRIES_MAX || !number_parse_int64(member, &integer))) {
        set->container.encoding = VALUE_ENCODING_HASHTABLE;
    }
}

bool set_add(struct set *set, struct slice member)
{
    if (dense_table_find(&set->table, member) != DENSE_TABLE_NOWHERE) {
        return false;
    }
    container_note(&set->container, CONTAINER_ADD, 0, member, slice_of(NULL, 0));
    dense_table_add(&set->table, member, slice_of(NULL, 0));
    convert_if_needed(set, member);
    update(set);
    return true;
}

void set_remove_at(struct set *set, uint32_t position)
{
    container_note(&set->container, CONTAINER_REMOVE, 0, set_member_at(set, position),
                   slice_of(NULL, 0));
    dense_table_remove(&set->table, position);
    update(set);
}

bool set_remove(struct set *set, struct slice member)
{
    uint32_t position = dense_table_find(&set->table, member);
    if (position == DENSE_TABLE_NOWHERE) {
        return false;
    }
    set_remove_at(set, position);
    return true;
}

bool set_has(const struct set *set, struct slice member)
{
    return dense_table_find(&set->table, member) != DENSE_TABLE_NOWHERE;
}

struct slice set_member_at(const struct set *set, uint32_t position)
{
    return dense_entry_member(set->table.entries[position]);
}

static void encode(const struct container *container, uint64_t first, uint64_t end, struct buf *out)
{
    const struct set *set = set_of_const(container);
    for (uint64_t i = first; i < end; i++) {
        bytes_put_slice(out, set_member_at(set, (uint32_t)i));
    }
}

static enum result decode(struct container *container, struct bytes_reader *reader, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct slice member = bytes_get_slice(reader);
        if (reader->bad || !set_add(set_of(container), member)) {
            return RESULT_CORRUPT;
        }
    }
    return RESULT_OK;
}

static bool free_some(struct container *container, uint32_t elements_max)
{
    struct set *set = set_of(container);
    bool is_empty = dense_table_free_some(&set->table, elements_max);
    update(set);
    if (is_empty) {
        mem_free(set);
    }
    return is_empty;
}

const struct container_operations set_operations = {create, encode, decode, free_some};
