/* state_row.c -- the bytes of a snapshot's row: see state_row.h. */
#include "base/state_row.h"

#include "base/assert.h"

static bool has_value(enum state_row_type type)
{
    return type != STATE_ROW_REMOVED && type != STATE_ROW_SLOT_REMOVED;
}

void state_row_encode(const struct state_row *row, struct buf *out)
{
    ASSERT(row->type <= STATE_ROW_TYPE_MAX);
    bytes_put_varint(out, row->slot);
    bytes_put_u8(out, (uint8_t)row->type);
    bytes_put_slice(out, row->key);
    if (has_value(row->type)) {
        bytes_put_u64(out, (uint64_t)row->expiry_ms);
        bytes_put_varint(out, row->modified_index);
        bytes_put_slice(out, row->value);
    }
}

enum result state_row_decode(struct bytes_reader *reader, struct state_row *out)
{
    struct state_row row = {0};
    uint64_t slot = bytes_get_varint(reader);
    uint8_t type = bytes_get_u8(reader);
    if (slot > UINT32_MAX || type > STATE_ROW_TYPE_MAX) {
        reader->bad = true;
    }
    row.slot = (uint32_t)slot;
    row.type = (enum state_row_type)type;
    row.key = bytes_get_slice(reader);
    if (has_value(row.type)) {
        row.expiry_ms = (int64_t)bytes_get_u64(reader);
        row.modified_index = bytes_get_varint(reader);
        row.value = bytes_get_slice(reader);
    }
    if (reader->bad) {
        return RESULT_CORRUPT;
    }
    *out = row;
    return RESULT_OK;
}

int state_row_compare(const struct state_row *a, const struct state_row *b)
{
    if (a->slot != b->slot) {
        return a->slot < b->slot ? -1 : 1;
    }
    return slice_compare(a->key, b->key);
}
