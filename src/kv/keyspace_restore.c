/* keyspace_restore.c -- a keyspace from the rows of a snapshot: see keyspace_snapshot.h. */
#include "base/assert.h"
#include "kv/container.h"
#include "kv/keyspace_internal.h"
#include "kv/keyspace_snapshot.h"

struct keyspace *keyspace_restore(uint64_t hash_seed, const struct keyspace_meta *meta)
{
    struct keyspace *keyspace = keyspace_create(hash_seed);
    keyspace->clock_ms = meta->clock_ms;
    keyspace->state_hash = meta->state_hash;
    keyspace->snapshot.next_slot = meta->next_slot;
    keyspace->snapshot.unseen_slot = meta->next_slot;
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        keyspace->databases[i].slot = meta->slots[i];
    }
    return keyspace;
}

static enum value_type container_type_of(enum state_row_type type)
{
    switch (type) {
    case STATE_ROW_LIST:
        return VALUE_TYPE_LIST;
    case STATE_ROW_HASH:
        return VALUE_TYPE_HASH;
    case STATE_ROW_SET:
        return VALUE_TYPE_SET;
    case STATE_ROW_ZSET:
        return VALUE_TYPE_ZSET;
    case STATE_ROW_REMOVED:
    case STATE_ROW_STRING:
    case STATE_ROW_INTEGER:
    case STATE_ROW_RAW:
    case STATE_ROW_LARGE_LIST:
    case STATE_ROW_LARGE_HASH:
    case STATE_ROW_LARGE_SET:
    case STATE_ROW_LARGE_ZSET:
    case STATE_ROW_PART:
    case STATE_ROW_SLOT_REMOVED:
        break;
    }
    return VALUE_TYPE_STRING;
}

static enum result value_of_row(const struct state_row *row, struct value *out)
{
    if (row->value.size > LIMIT_BULK_BYTES) {
        return RESULT_CORRUPT;
    }
    switch (row->type) {
    case STATE_ROW_STRING:
        *out = value_of_bytes(row->value);
        return RESULT_OK;
    case STATE_ROW_INTEGER:
        if (row->value.size != sizeof(uint64_t)) {
            return RESULT_CORRUPT;
        }
        *out = value_of_integer((int64_t)bytes_read_u64(row->value.bytes));
        return RESULT_OK;
    case STATE_ROW_RAW:
        *out = value_of_bytes(row->value);
        if (out->encoding == VALUE_ENCODING_RAW) {
            return RESULT_CORRUPT; /* as STATE_ROW_STRING it would be the same */
        }
        out->encoding = VALUE_ENCODING_RAW;
        return RESULT_OK;
    case STATE_ROW_LIST:
    case STATE_ROW_HASH:
    case STATE_ROW_SET:
    case STATE_ROW_ZSET:
    case STATE_ROW_REMOVED:
    case STATE_ROW_LARGE_LIST:
    case STATE_ROW_LARGE_HASH:
    case STATE_ROW_LARGE_SET:
    case STATE_ROW_LARGE_ZSET:
    case STATE_ROW_PART:
    case STATE_ROW_SLOT_REMOVED:
        break;
    }
    return RESULT_CORRUPT;
}

/* The container that a row describes, or NULL when the row is damaged. */
static struct container *container_of_row(struct keyspace *keyspace, const struct state_row *row)
{
    struct container *container = NULL;
    enum value_type type = container_type_of(row->type);
    if (type == VALUE_TYPE_STRING) {
        return container_parts_restore_head(keyspace, row);
    }
    uint64_t hash_seed = keyspace->databases[0].dict.hash_seed;
    enum result result = container_decode(type, hash_seed, row->value, &container);
    return result == RESULT_OK ? container : NULL;
}

/* The item that a row describes, or NULL when the row is damaged. */
static struct item *item_of_row(struct keyspace *keyspace, const struct state_row *row)
{
    bool is_volatile = row->expiry_ms != KEYSPACE_NEVER;
    if (row->type >= STATE_ROW_LIST && row->type <= STATE_ROW_LARGE_ZSET) {
        struct container *container = container_of_row(keyspace, row);
        return container == NULL ? NULL : item_create_container(row->key, container, is_volatile);
    }
    struct value value;
    return value_of_row(row, &value) == RESULT_OK ? item_create(row->key, &value, is_volatile)
                                                  : NULL;
}

/* The number of the database with a slot, or LIMIT_DATABASES. */
static uint32_t database_of_slot(const struct keyspace *keyspace, uint32_t slot)
{
    uint32_t number = 0;
    while (number < LIMIT_DATABASES && keyspace->databases[number].slot != slot) {
        number++;
    }
    return number;
}

/* Whatever changes from now on has an index above those of all rows. */
static void note_index(struct keyspace *keyspace, uint64_t modified_index)
{
    if (modified_index >= keyspace->snapshot.from_index) {
        keyspace->snapshot.from_index = modified_index + 1;
        keyspace->snapshot.fresh_index = modified_index + 1;
        keyspace->applied_index = modified_index;
    }
}

static enum result restore_part(struct keyspace *keyspace, const struct state_row *row)
{
    enum result result = container_parts_restore_part(keyspace, row);
    if (result == RESULT_OK) {
        note_index(keyspace, row->modified_index);
    }
    return result;
}

enum result keyspace_restore_row(struct keyspace *keyspace, const struct state_row *row)
{
    ASSERT(!keyspace->snapshot.is_running);
    if (row->slot >= STATE_ROW_PARTS_SLOT_MIN) {
        return row->modified_index > ITEM_INDEX_MASK ? RESULT_CORRUPT : restore_part(keyspace, row);
    }
    uint32_t number = database_of_slot(keyspace, row->slot);
    if (number == LIMIT_DATABASES || row->key.size > LIMIT_BULK_BYTES ||
        row->expiry_ms == KEYSPACE_KEEP_EXPIRY || row->modified_index > ITEM_INDEX_MASK) {
        return RESULT_CORRUPT;
    }
    struct spot spot = keyspace_spot(keyspace, number, row->key);
    if (spot.link != NULL) {
        return RESULT_CORRUPT;
    }
    struct item *item = item_of_row(keyspace, row);
    if (item == NULL) {
        return RESULT_CORRUPT;
    }
    keyspace_attach(keyspace, &spot, item, row->expiry_ms);
    item->modified_index = row->modified_index & ITEM_INDEX_MASK;
    item->accessed_s = item_access_time(keyspace->clock_ms) & ITEM_ACCESS_MASK;
    item->is_stored = true;
    note_index(keyspace, row->modified_index);
    return RESULT_OK;
}

enum result keyspace_restore_end(struct keyspace *keyspace)
{
    return container_parts_restore_end(keyspace);
}
