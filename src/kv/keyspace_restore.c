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
        break;
    }
    return RESULT_CORRUPT;
}

/* The item that a row describes, or NULL when the row is damaged. */
static struct item *item_of_row(uint64_t hash_seed, const struct state_row *row)
{
    bool is_volatile = row->expiry_ms != KEYSPACE_NEVER;
    enum value_type type = container_type_of(row->type);
    if (type != VALUE_TYPE_STRING) {
        struct container *container = NULL;
        enum result result = container_decode(type, hash_seed, row->value, &container);
        return result == RESULT_OK ? item_create_container(row->key, container, is_volatile) : NULL;
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

enum result keyspace_restore_row(struct keyspace *keyspace, const struct state_row *row)
{
    ASSERT(!keyspace->snapshot.is_running);
    uint32_t number = database_of_slot(keyspace, row->slot);
    if (number == LIMIT_DATABASES || row->key.size > LIMIT_BULK_BYTES ||
        row->expiry_ms == KEYSPACE_KEEP_EXPIRY || row->modified_index > ITEM_INDEX_MASK) {
        return RESULT_CORRUPT;
    }
    struct spot spot = keyspace_spot(keyspace, number, row->key);
    if (spot.link != NULL) {
        return RESULT_CORRUPT;
    }
    struct item *item = item_of_row(spot.database->dict.hash_seed, row);
    if (item == NULL) {
        return RESULT_CORRUPT;
    }
    keyspace_attach(keyspace, &spot, item, row->expiry_ms);
    item->modified_index = row->modified_index & ITEM_INDEX_MASK;
    item->accessed_s = item_access_time(keyspace->clock_ms) & ITEM_ACCESS_MASK;
    item->is_stored = true;
    if (row->modified_index >= keyspace->snapshot.from_index) {
        /* Whatever changes from now on has an index above those of all rows. */
        keyspace->snapshot.from_index = row->modified_index + 1;
        keyspace->snapshot.fresh_index = row->modified_index + 1;
        keyspace->applied_index = row->modified_index;
    }
    return RESULT_OK;
}
