/* fuzz_frame.c -- peer frames and hellos: what decodes encodes to the same bytes again (N1).
 *
 * The checksum would keep the fuzzer out, so it is put right first. */
#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "wire/peer_body.h"
#include "wire/peer_frame.h"

enum { CHECKSUM_AT = 24 };

static void decode_hello(struct slice input)
{
    struct peer_hello hello = {0};
    uint8_t again[PEER_HELLO_BYTES];
    if (input.size < PEER_HELLO_BYTES) {
        return;
    }
    if (peer_hello_decode(input.bytes, &hello) == RESULT_OK) {
        FUZZ_CHECK(hello.name[LIMIT_NODE_NAME_BYTES - 1] == '\0');
        peer_hello_encode(&hello, again);
    }
}

static void decode_frame(struct slice input)
{
    struct peer_frame_header header = {0};
    if (input.size < PEER_FRAME_HEADER_BYTES ||
        peer_frame_header_decode(input.bytes, &header) != RESULT_OK) {
        return;
    }
    struct slice body = fuzz_copy(
        slice_of(input.bytes + PEER_FRAME_HEADER_BYTES, input.size - PEER_FRAME_HEADER_BYTES));
    header.body_bytes = (uint32_t)body.size;
    header.checksum = peer_frame_checksum(&header, body);
    struct peer_frame_scratch scratch = {0};
    struct peer_message message;
    struct peer_reassembly reassembly = {0};
    struct slice whole;
    if (header.type == PEER_FRAME_FRAGMENT) {
        enum parse parsed = peer_reassembly_add(&reassembly, &header, body, &whole);
        FUZZ_CHECK(parsed != PARSE_DONE || whole.size >= PEER_FRAME_HEADER_BYTES);
        FUZZ_CHECK(reassembly.bytes.capacity <= 1024 * 1024 + 4 * body.size);
    } else if (peer_frame_decode(&header, body, &scratch, &message) == RESULT_OK) {
        struct buf again = {0};
        peer_frame_encode(&message, &again);
        struct slice bytes = buf_slice(&again);
        FUZZ_CHECK(bytes.size == PEER_FRAME_HEADER_BYTES + body.size);
        FUZZ_CHECK(memcmp(bytes.bytes + PEER_FRAME_HEADER_BYTES, body.bytes, body.size) == 0);
        buf_deinit(&again);
    }
    peer_reassembly_deinit(&reassembly);
    peer_frame_scratch_deinit(&scratch);
    fuzz_free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_quiet();
    struct slice input = slice_of(data, size);
    decode_hello(input);
    decode_frame(input);
    return 0;
}
