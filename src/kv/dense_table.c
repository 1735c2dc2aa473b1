/* dense_table.c -- entries in a dense order with a hash index: see dense_table.h. */
#include "kv/dense_table.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "kv/container_parts.h"

enum { CAPACITY_MIN = 4, INDEX_SLOTS_MIN = 64 };

void dense_table_init(struct dense_table *table, uint64_t hash_seed, const struct container *owner)
{
    *table = (struct dense_table){.hash_seed = hash_seed, .owner = owner};
}

static uint32_t hash_of(const struct dense_table *table, struct slice member)
{
    return (uint32_t)(hash_bytes(table->hash_seed, member) >> 32);
}

static uint64_t slot_of(uint32_t hash, uint32_t position)
{
    return ((uint64_t)hash << 32) | (position + 1);
}

static uint32_t slot_hash(uint64_t slot)
{
    return (uint32_t)(slot >> 32);
}

static uint32_t slot_position(uint64_t slot)
{
    return (uint32_t)slot - 1;
}

static bool is_member(const struct dense_entry *entry, uint32_t hash, struct slice member)
{
    return entry->hash == hash && slice_equals(dense_entry_member(entry), member);
}

/* The place in the index of the entry at a position, or of a member (position: nowhere). */
static uint32_t find_slot(const struct dense_table *table, uint32_t hash, struct slice member,
                          uint32_t position)
{
    uint32_t at = hash & table->index_mask;
    for (; table->index[at] != 0; at = (at + 1) & table->index_mask) {
        uint64_t slot = table->index[at];
        if (slot_hash(slot) != hash) {
            continue;
        }
        uint32_t found = slot_position(slot);
        if (position == DENSE_TABLE_NOWHERE ? is_member(table->entries[found], hash, member)
                                            : found == position) {
            break;
        }
    }
    return at;
}

static uint32_t find(const struct dense_table *table, uint32_t hash, struct slice member)
{
    if (table->index_mask != 0) {
        uint64_t slot = table->index[find_slot(table, hash, member, DENSE_TABLE_NOWHERE)];
        return slot == 0 ? DENSE_TABLE_NOWHERE : slot_position(slot);
    }
    for (uint32_t i = 0; i < table->count; i++) {
        if (is_member(table->entries[i], hash, member)) {
            return i;
        }
    }
    return DENSE_TABLE_NOWHERE;
}

uint32_t dense_table_find(const struct dense_table *table, struct slice member)
{
    return table->count == 0 ? DENSE_TABLE_NOWHERE : find(table, hash_of(table, member), member);
}

static void put_slot(struct dense_table *table, uint64_t slot)
{
    uint32_t at = slot_hash(slot) & table->index_mask;
    while (table->index[at] != 0) {
        at = (at + 1) & table->index_mask;
    }
    table->index[at] = slot;
}

/* Makes an index of a number of slots, which is a power of two. */
static void rebuild_index(struct dense_table *table, uint32_t slots)
{
    uint64_t *old = table->index;
    uint32_t old_slots = table->index_mask == 0 ? 0 : table->index_mask + 1;
    table->index = mem_alloc_zeroed(slots, sizeof(*table->index));
    table->index_mask = slots - 1;
    if (old_slots == 0) {
        for (uint32_t i = 0; i < table->count; i++) {
            put_slot(table, slot_of(table->entries[i]->hash, i));
        }
    }
    for (uint32_t i = 0; i < old_slots; i++) {
        if (old[i] != 0) {
            put_slot(table, old[i]);
        }
    }
    table->bytes += ((uint64_t)slots - old_slots) * sizeof(*table->index);
    mem_free(old);
}

static void drop_index(struct dense_table *table)
{
    if (table->index_mask != 0) {
        table->bytes -= ((uint64_t)table->index_mask + 1) * sizeof(*table->index);
    }
    mem_free(table->index);
    table->index = NULL;
    table->index_mask = 0;
}

/* Keeps the index between an eighth and three quarters full. */
static void fit_index(struct dense_table *table)
{
    uint64_t slots = table->index_mask == 0 ? 0 : (uint64_t)table->index_mask + 1;
    if (slots == 0 && table->count > DENSE_TABLE_PLAIN_MAX) {
        rebuild_index(table, INDEX_SLOTS_MIN);
    } else if (slots != 0 && (uint64_t)table->count * 4 > slots * 3) {
        rebuild_index(table, (uint32_t)(slots * 2));
    } else if (slots > INDEX_SLOTS_MIN && (uint64_t)table->count * 8 < slots) {
        rebuild_index(table, (uint32_t)(slots / 2));
    } else if (slots != 0 && table->count * 2 < DENSE_TABLE_PLAIN_MAX) {
        drop_index(table);
    }
}

static void set_capacity(struct dense_table *table, uint32_t capacity)
{
    table->bytes += ((uint64_t)capacity - table->capacity) * sizeof(struct dense_entry *);
    table->capacity = capacity;
    table->entries = mem_realloc(table->entries, capacity * sizeof(struct dense_entry *));
}

static struct dense_entry *entry_create(uint32_t hash, struct slice member, struct slice value)
{
    ASSERT(member.size <= UINT32_MAX);
    ASSERT(value.size <= UINT32_MAX);
    struct dense_entry *entry = mem_alloc(sizeof(*entry) + member.size + value.size);
    entry->hash = hash;
    entry->member_size = (uint32_t)member.size;
    entry->value_size = (uint32_t)value.size;
    if (member.size > 0) {
        memcpy(entry->bytes, member.bytes, member.size);
    }
    if (value.size > 0) {
        memcpy(entry->bytes + member.size, value.bytes, value.size);
    }
    return entry;
}

struct dense_entry *dense_table_add(struct dense_table *table, struct slice member,
                                    struct slice value)
{
    ASSERT(table->count < DENSE_TABLE_NOWHERE - 1);
    container_parts_touch(table->owner, table->count);
    if (table->count == table->capacity) {
        set_capacity(table, table->capacity == 0 ? CAPACITY_MIN : table->capacity * 2);
    }
    struct dense_entry *entry = entry_create(hash_of(table, member), member, value);
    table->bytes += mem_usable_size(entry);
    table->entries[table->count++] = entry;
    if (table->index_mask != 0) {
        put_slot(table, slot_of(entry->hash, table->count - 1));
    }
    fit_index(table);
    return entry;
}

struct dense_entry *dense_table_set_value(struct dense_table *table, uint32_t position,
                                          struct slice value)
{
    ASSERT(position < table->count);
    container_parts_touch(table->owner, position);
    struct dense_entry *entry = table->entries[position];
    if (entry->value_size == value.size) {
        if (value.size > 0) {
            memcpy(entry->bytes + entry->member_size, value.bytes, value.size);
        }
        return entry;
    }
    struct dense_entry *other = entry_create(entry->hash, dense_entry_member(entry), value);
    table->entries[position] = other;
    table->bytes += mem_usable_size(other);
    table->bytes -= mem_usable_size(entry);
    mem_free(entry);
    return other;
}

/* Takes a slot out of the index and moves those behind it that would not be found any more. */
static void remove_slot(struct dense_table *table, uint32_t gap)
{
    uint32_t at = gap;
    for (;;) {
        at = (at + 1) & table->index_mask;
        uint64_t slot = table->index[at];
        if (slot == 0) {
            break;
        }
        uint32_t home = slot_hash(slot) & table->index_mask;
        if (((at - home) & table->index_mask) >= ((at - gap) & table->index_mask)) {
            table->index[gap] = slot;
            gap = at;
        }
    }
    table->index[gap] = 0;
}

void dense_table_remove(struct dense_table *table, uint32_t position)
{
    ASSERT(position < table->count);
    struct dense_entry *entry = table->entries[position];
    uint32_t last = table->count - 1;
    container_parts_touch(table->owner, position);
    container_parts_touch(table->owner, last);
    if (table->index_mask != 0) {
        remove_slot(table, find_slot(table, entry->hash, slice_of(NULL, 0), position));
        if (position != last) {
            struct dense_entry *moved = table->entries[last];
            uint32_t at = find_slot(table, moved->hash, slice_of(NULL, 0), last);
            table->index[at] = slot_of(moved->hash, position);
        }
    }
    table->entries[position] = table->entries[last];
    table->count--;
    table->bytes -= mem_usable_size(entry);
    mem_free(entry);
    fit_index(table);
    if (table->capacity > CAPACITY_MIN && table->count < table->capacity / 4) {
        set_capacity(table, table->capacity / 2);
    }
}

uint64_t dense_table_scan(const struct dense_table *table, uint64_t cursor, uint64_t count,
                          uint32_t *first, uint32_t *end)
{
    *end = cursor == 0 || cursor > table->count ? table->count : (uint32_t)cursor;
    *first = count >= *end ? 0 : *end - (uint32_t)count;
    return *first;
}

bool dense_table_free_some(struct dense_table *table, uint32_t entries_max)
{
    drop_index(table);
    for (; table->count > 0; table->count--) {
        if (entries_max-- == 0) {
            return false;
        }
        struct dense_entry *entry = table->entries[table->count - 1];
        table->bytes -= mem_usable_size(entry);
        mem_free(entry);
    }
    mem_free(table->entries);
    table->bytes -= (uint64_t)table->capacity * sizeof(struct dense_entry *);
    table->entries = NULL;
    table->capacity = 0;
    return true;
}
