/* peer_fragment.c -- large frames cut into fragments, so that heartbeats and votes pass between.
 *
 * One stream is under way on a connection at a time, its fragments in order. Each fragment has a
 * checksum of its own, and the whole frame has its own too, so a mix of two streams cannot pass.
 */
#include "base/assert.h"
#include "wire/peer_body.h"
#include "wire/peer_frame.h"

/* Memory of up to so many bytes is kept for the next large frame. */
#define KEPT_BYTES (4u * PEER_FRAGMENT_BYTES)

size_t peer_frame_fragment(struct slice frame, uint64_t stream, size_t offset, struct buf *out)
{
    ASSERT(frame.size > PEER_FRAME_HEADER_BYTES);
    ASSERT(offset < frame.size);
    struct peer_frame_header whole;
    enum result decoded = peer_frame_header_decode(frame.bytes, &whole);
    ASSERT(decoded == RESULT_OK);
    size_t left = frame.size - offset;
    size_t size = left < PEER_FRAGMENT_BYTES ? left : PEER_FRAGMENT_BYTES;
    (void)buf_reserve(out, PEER_FRAME_HEADER_BYTES + PEER_FRAGMENT_HEADER_BYTES + size);
    size_t begin = peer_frame_begin(out, PEER_FRAME_FRAGMENT, whole.from, whole.to);
    bytes_put_u64(out, stream);
    bytes_put_u64(out, frame.size);
    bytes_put_u64(out, offset);
    buf_append(out, frame.bytes + offset, size);
    peer_frame_end(out, begin);
    return offset + size;
}

void peer_reassembly_deinit(struct peer_reassembly *reassembly)
{
    buf_deinit(&reassembly->bytes);
    *reassembly = (struct peer_reassembly){0};
}

struct fragment {
    uint64_t stream;
    uint64_t total;
    uint64_t offset;
    struct slice bytes;
};

static bool get_fragment(const struct peer_frame_header *header, struct slice body,
                         struct fragment *out)
{
    if (header->type != PEER_FRAME_FRAGMENT || body.size != header->body_bytes ||
        peer_frame_checksum(header, body) != header->checksum) {
        return false;
    }
    struct bytes_reader reader = bytes_reader_of(body);
    out->stream = bytes_get_u64(&reader);
    out->total = bytes_get_u64(&reader);
    out->offset = bytes_get_u64(&reader);
    out->bytes = bytes_get_bytes(&reader, bytes_left(&reader));
    return !reader.bad && out->bytes.size > 0 &&
           out->total <= PEER_FRAME_HEADER_BYTES + (uint64_t)PEER_BODY_APPEND_BYTES_MAX &&
           out->offset <= out->total && out->bytes.size <= out->total - out->offset;
}

/* A whole frame is one that could have come alone: of its own size, and no fragment itself. */
static bool is_whole_frame(struct slice bytes)
{
    struct peer_frame_header header;
    return bytes.size >= PEER_FRAME_HEADER_BYTES &&
           peer_frame_header_decode(bytes.bytes, &header) == RESULT_OK &&
           header.type != PEER_FRAME_FRAGMENT &&
           header.body_bytes == bytes.size - PEER_FRAME_HEADER_BYTES;
}

enum parse peer_reassembly_add(struct peer_reassembly *reassembly,
                               const struct peer_frame_header *header, struct slice body,
                               struct slice *whole)
{
    struct fragment fragment;
    if (!get_fragment(header, body, &fragment)) {
        return PARSE_BAD;
    }
    /* What the last call handed out as whole is of no use any more. */
    if (reassembly->total > 0 && buf_size(&reassembly->bytes) == reassembly->total) {
        buf_clear_and_shrink(&reassembly->bytes, KEPT_BYTES);
        reassembly->total = 0;
    }
    if (reassembly->total == 0) {
        reassembly->stream = fragment.stream;
        reassembly->total = fragment.total;
    }
    if (fragment.stream != reassembly->stream || fragment.total != reassembly->total ||
        fragment.offset != buf_size(&reassembly->bytes)) {
        return PARSE_BAD;
    }
    /* Memory grows by what came, not by the total that was announced. */
    buf_append_slice(&reassembly->bytes, fragment.bytes);
    if (buf_size(&reassembly->bytes) < reassembly->total) {
        return PARSE_MORE;
    }
    if (!is_whole_frame(buf_slice(&reassembly->bytes))) {
        return PARSE_BAD;
    }
    *whole = buf_slice(&reassembly->bytes);
    return PARSE_DONE;
}
