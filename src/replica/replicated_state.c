/* replicated_state.c -- the bytes of replica_state: see replicated_state.h. */
#include "replica/replicated_state.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "replica/snapshot_orders.h"

enum { FORMAT_VERSION = 1 };

void replicated_state_encode(const struct replicated_state *state, struct buf *out)
{
    size_t before = buf_size(out);
    bytes_put_u8(out, FORMAT_VERSION);
    bytes_put_u64(out, state->hash_seed);
    bytes_put_varint(out, state->sequences.count);
    for (uint32_t i = 0; i < state->sequences.count; i++) {
        const struct sequence_row *row = &state->sequences.rows[i];
        bytes_put_u64(out, row->origin);
        bytes_put_u64(out, row->incarnation);
        bytes_put_u64(out, row->sequence);
    }
    ASSERT(buf_size(out) - before <= REPLICA_STATE_BYTES_MAX);
}

static bool decode_sequences(struct bytes_reader *reader, struct sequences *out)
{
    uint64_t count = bytes_get_varint(reader);
    if (reader->bad || count > LIMIT_MEMBERS) {
        return false;
    }
    uint64_t last_origin = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct sequence_row *row = &out->rows[i];
        row->origin = bytes_get_u64(reader);
        row->incarnation = bytes_get_u64(reader);
        row->sequence = bytes_get_u64(reader);
        if (row->origin <= last_origin) {
            return false;
        }
        last_origin = row->origin;
    }
    out->count = (uint32_t)count;
    return !reader->bad && bytes_left(reader) == 0;
}

enum result replicated_state_decode(struct slice bytes, struct replicated_state *out)
{
    struct bytes_reader reader = bytes_reader_of(bytes);
    uint8_t version = bytes_get_u8(&reader);
    if (version > FORMAT_VERSION) {
        return RESULT_VERSION;
    }
    struct replicated_state state = {.hash_seed = bytes_get_u64(&reader)};
    if (version == 0 || !decode_sequences(&reader, &state.sequences)) {
        return RESULT_CORRUPT;
    }
    *out = state;
    return RESULT_OK;
}
