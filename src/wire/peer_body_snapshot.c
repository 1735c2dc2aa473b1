/* peer_body_snapshot.c -- snapshots offered, asked for and sent, piece by piece. */
#include "wire/peer_body.h"

#include "base/assert.h"

void peer_body_put_snapshot(struct buf *out, const struct peer_snapshot *snapshot)
{
    ASSERT(snapshot->index > 0);
    ASSERT(snapshot->bytes > 0);
    bytes_put_u64(out, snapshot->index);
    bytes_put_u64(out, snapshot->term);
    bytes_put_u64(out, snapshot->bytes);
    bytes_put_u64(out, snapshot->hash);
}

bool peer_body_get_snapshot(struct bytes_reader *reader, struct peer_snapshot *out)
{
    out->index = bytes_get_u64(reader);
    out->term = bytes_get_u64(reader);
    out->bytes = bytes_get_u64(reader);
    out->hash = bytes_get_u64(reader);
    return !reader->bad && out->index > 0 && out->bytes > 0;
}

void peer_body_put_snapshot_ask(struct buf *out, const struct peer_snapshot_ask *ask)
{
    ASSERT(ask->offset < ask->snapshot.bytes);
    ASSERT(ask->bytes > 0);
    ASSERT(ask->bytes <= PEER_SNAPSHOT_PIECE_BYTES);
    peer_body_put_snapshot(out, &ask->snapshot);
    bytes_put_u64(out, ask->offset);
    bytes_put_u32(out, ask->bytes);
    peer_body_put_zeros(out, 4);
}

bool peer_body_get_snapshot_ask(struct bytes_reader *reader, struct peer_snapshot_ask *out)
{
    if (!peer_body_get_snapshot(reader, &out->snapshot)) {
        return false;
    }
    out->offset = bytes_get_u64(reader);
    out->bytes = bytes_get_u32(reader);
    peer_body_get_zeros(reader, 4);
    return !reader->bad && out->offset < out->snapshot.bytes && out->bytes > 0 &&
           out->bytes <= PEER_SNAPSHOT_PIECE_BYTES;
}

void peer_body_put_snapshot_piece(struct buf *out, const struct peer_snapshot_piece *piece)
{
    ASSERT(piece->bytes.size <= PEER_SNAPSHOT_PIECE_BYTES);
    ASSERT(piece->offset <= piece->snapshot.bytes);
    ASSERT(piece->bytes.size <= piece->snapshot.bytes - piece->offset);
    (void)buf_reserve(out, PEER_BODY_SNAPSHOT_PIECE_BYTES + piece->bytes.size);
    peer_body_put_snapshot(out, &piece->snapshot);
    bytes_put_u64(out, piece->offset);
    bytes_put_u32(out, (uint32_t)piece->bytes.size);
    peer_body_put_zeros(out, 4);
    buf_append_slice(out, piece->bytes);
}

bool peer_body_get_snapshot_piece(struct bytes_reader *reader, struct peer_snapshot_piece *out)
{
    if (!peer_body_get_snapshot(reader, &out->snapshot)) {
        return false;
    }
    out->offset = bytes_get_u64(reader);
    uint32_t bytes = bytes_get_u32(reader);
    peer_body_get_zeros(reader, 4);
    out->bytes = bytes_get_bytes(reader, bytes);
    return !reader->bad && out->bytes.size <= PEER_SNAPSHOT_PIECE_BYTES &&
           out->offset <= out->snapshot.bytes &&
           out->bytes.size <= out->snapshot.bytes - out->offset;
}
