/* test_peer_link.c -- what opens a peer connection, and what cuts large frames: hello, fragments.
 */
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/prng.h"
#include "lib/unit.h"
#include "wire/peer_frame.h"

static struct peer_hello sample_hello(void)
{
    struct peer_hello hello = {
        .version = PEER_PROTOCOL_VERSION, .from = 5, .to = 6, .incarnation = 0x1122334455667788};
    hello.capabilities = PEER_CAPABILITY_JOINING;
    memset(hello.cluster_id, 0xc1, sizeof(hello.cluster_id));
    (void)snprintf(hello.name, sizeof(hello.name), "node-5");
    return hello;
}

static void seal_hello(uint8_t *at)
{
    bytes_set_u64(at + 120, hash_bytes(0, slice_of(at, 120)));
}

UNIT_TEST(peer_hello, round_trip)
{
    struct peer_hello in = sample_hello();
    struct peer_hello out;
    uint8_t at[PEER_HELLO_BYTES];
    peer_hello_encode(&in, at);
    CU_ASSERT_EQUAL(memcmp(at, "QRMPEER\n\x04\0\0\0\x01\0\0\0\xc1", 17), 0);
    CU_ASSERT_EQUAL(memcmp(at + 48, "\x88\x77\x66\x55\x44\x33\x22\x11node-5\0", 15), 0);
    CU_ASSERT_EQUAL_FATAL(peer_hello_decode(at, &out), RESULT_OK);
    CU_ASSERT_EQUAL(out.version, PEER_PROTOCOL_VERSION);
    CU_ASSERT_EQUAL(out.capabilities, PEER_CAPABILITY_JOINING);
    CU_ASSERT_EQUAL(memcmp(out.cluster_id, in.cluster_id, sizeof(in.cluster_id)), 0);
    CU_ASSERT_EQUAL(out.from, 5);
    CU_ASSERT_EQUAL(out.to, 6);
    CU_ASSERT_EQUAL(out.incarnation, 0x1122334455667788);
    CU_ASSERT_STRING_EQUAL(out.name, "node-5");
}

UNIT_TEST(peer_hello, pads_with_zeros_and_cuts_an_endless_name)
{
    struct peer_hello in = sample_hello();
    (void)snprintf(in.name + 10, 16, "secret");
    uint8_t at[PEER_HELLO_BYTES];
    peer_hello_encode(&in, at);
    CU_ASSERT_EQUAL(at[56 + 10], 0);
    memset(in.name, 'x', sizeof(in.name));
    peer_hello_encode(&in, at);
    struct peer_hello out;
    CU_ASSERT_EQUAL_FATAL(peer_hello_decode(at, &out), RESULT_OK);
    CU_ASSERT_EQUAL(strlen(out.name), LIMIT_NODE_NAME_BYTES - 1);
}

UNIT_TEST(peer_hello, every_flipped_bit_is_noticed)
{
    struct peer_hello hello = sample_hello();
    uint8_t at[PEER_HELLO_BYTES];
    peer_hello_encode(&hello, at);
    uint32_t missed = 0;
    for (size_t bit = 0; bit < 8 * sizeof(at); bit++) {
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        missed += peer_hello_decode(at, &hello) == RESULT_OK;
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_EQUAL(missed, 0);
}

UNIT_TEST(peer_hello, refuses_strangers_and_other_versions)
{
    struct peer_hello hello = sample_hello();
    uint8_t at[PEER_HELLO_BYTES];
    peer_hello_encode(&hello, at);
    struct peer_hello out = {.from = 42};
    at[8] = 1;
    CU_ASSERT_EQUAL(peer_hello_decode(at, &out), RESULT_VERSION);
    CU_ASSERT_EQUAL(out.version, 1);
    at[8] = PEER_PROTOCOL_VERSION;
    at[0] = 'X';
    seal_hello(at);
    CU_ASSERT_EQUAL(peer_hello_decode(at, &out), RESULT_CORRUPT);
    at[0] = 'Q';
    memset(at + 56, 'x', LIMIT_NODE_NAME_BYTES);
    seal_hello(at);
    CU_ASSERT_EQUAL(peer_hello_decode(at, &out), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(out.from, 42);
}

UNIT_TEST(peer_hello, survives_garbage)
{
    struct prng prng;
    prng_init(&prng, 10);
    for (int round = 0; round < 5000; round++) {
        uint8_t at[PEER_HELLO_BYTES];
        for (size_t i = 0; i < sizeof(at); i++) {
            at[i] = (uint8_t)prng_next(&prng);
        }
        memcpy(at, "QRMPEER\n\x01\0\0\0", 12);
        seal_hello(at);
        struct peer_hello hello;
        if (peer_hello_decode(at, &hello) == RESULT_OK) {
            CU_ASSERT_TRUE(strnlen(hello.name, sizeof(hello.name)) < sizeof(hello.name));
        }
    }
}

/* ---- Fragments ---- */

/* A forward frame whose commands are so many bytes. */
static void put_frame(struct buf *frame, uint32_t commands_bytes)
{
    uint8_t *commands = mem_alloc(commands_bytes);
    for (uint32_t i = 0; i < commands_bytes; i++) {
        commands[i] = (uint8_t)(i * 7 + i / 256);
    }
    struct peer_message message = {.type = PEER_MESSAGE_FORWARD, .from = 1, .to = 2};
    message.forward.header.commands_bytes = commands_bytes;
    message.forward.commands = slice_of(commands, commands_bytes);
    peer_frame_encode(&message, frame);
    mem_free(commands);
}

/* Hands the fragment frame at the start of bytes to reassembly. */
static enum parse add_fragment(struct peer_reassembly *reassembly, struct slice bytes,
                               struct slice *whole)
{
    struct peer_frame_header header;
    if (bytes.size < PEER_FRAME_HEADER_BYTES ||
        peer_frame_header_decode(bytes.bytes, &header) != RESULT_OK) {
        return PARSE_BAD;
    }
    struct slice body =
        slice_of(bytes.bytes + PEER_FRAME_HEADER_BYTES, bytes.size - PEER_FRAME_HEADER_BYTES);
    return peer_reassembly_add(reassembly, &header, body, whole);
}

/* Sends a frame through fragments; the frames that come out must be the same. */
static void check_fragments(struct peer_reassembly *reassembly, uint32_t commands_bytes,
                            uint64_t stream)
{
    struct buf frame = {0};
    struct buf fragment = {0};
    put_frame(&frame, commands_bytes);
    struct slice in = buf_slice(&frame);
    struct slice whole = {0};
    size_t offset = 0;
    size_t count = 0;
    enum parse parsed = PARSE_MORE;
    while (offset < in.size) {
        CU_ASSERT_EQUAL(parsed, PARSE_MORE);
        buf_clear(&fragment);
        offset = peer_frame_fragment(in, stream, offset, &fragment);
        parsed = add_fragment(reassembly, buf_slice(&fragment), &whole);
        count++;
    }
    CU_ASSERT_EQUAL_FATAL(parsed, PARSE_DONE);
    CU_ASSERT_EQUAL(count, (in.size + PEER_FRAGMENT_BYTES - 1) / PEER_FRAGMENT_BYTES);
    CU_ASSERT_TRUE(slice_equals(whole, in));
    struct peer_frame_scratch scratch = {0};
    struct peer_frame_header header;
    struct peer_message message;
    CU_ASSERT_EQUAL_FATAL(peer_frame_header_decode(whole.bytes, &header), RESULT_OK);
    CU_ASSERT_EQUAL(peer_frame_decode(&header,
                                      slice_of(whole.bytes + PEER_FRAME_HEADER_BYTES,
                                               whole.size - PEER_FRAME_HEADER_BYTES),
                                      &scratch, &message),
                    RESULT_OK);
    CU_ASSERT_EQUAL(message.forward.commands.size, commands_bytes);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&fragment);
    buf_deinit(&frame);
}

UNIT_TEST(peer_fragment, frames_come_together_again)
{
    struct peer_reassembly reassembly = {0};
    check_fragments(&reassembly, 0, 1);
    check_fragments(&reassembly, PEER_FRAGMENT_BYTES - 64, 2);
    check_fragments(&reassembly, PEER_FRAGMENT_BYTES - 63, 3);
    check_fragments(&reassembly, 5 * PEER_FRAGMENT_BYTES + 12345, 3);
    check_fragments(&reassembly, 10, UINT64_MAX);
    peer_reassembly_deinit(&reassembly);
}

/* The three fragments of one frame, with fields to spoil. */
struct cut_frame {
    struct buf frame;
    struct buf fragments[3];
};

static void cut(struct cut_frame *cut, uint64_t stream)
{
    *cut = (struct cut_frame){0};
    put_frame(&cut->frame, 2 * PEER_FRAGMENT_BYTES + 100);
    size_t offset = 0;
    for (int i = 0; i < 3; i++) {
        offset = peer_frame_fragment(buf_slice(&cut->frame), stream, offset, &cut->fragments[i]);
    }
    CU_ASSERT_EQUAL(offset, buf_size(&cut->frame));
}

static void cut_deinit(struct cut_frame *cut)
{
    buf_deinit(&cut->frame);
    for (int i = 0; i < 3; i++) {
        buf_deinit(&cut->fragments[i]);
    }
}

/* Sets a number in a fragment's body and makes its checksum right again. */
static void spoil(struct buf *fragment, size_t body_offset, uint64_t value)
{
    uint8_t *at = fragment->bytes;
    bytes_set_u64(at + PEER_FRAME_HEADER_BYTES + body_offset, value);
    size_t body_bytes = buf_size(fragment) - PEER_FRAME_HEADER_BYTES;
    uint64_t seed = hash_bytes(0, slice_of(at + PEER_FRAME_HEADER_BYTES, body_bytes));
    bytes_set_u64(at + 24, hash_bytes(seed, slice_of(at, 24)));
}

/* Adds the fragments in the given order and returns the last answer. */
static enum parse add_in_order(const struct cut_frame *cut, const int *order, int count)
{
    struct peer_reassembly reassembly = {0};
    struct slice whole;
    enum parse parsed = PARSE_MORE;
    for (int i = 0; i < count && parsed == PARSE_MORE; i++) {
        parsed = add_fragment(&reassembly, buf_slice(&cut->fragments[order[i]]), &whole);
    }
    peer_reassembly_deinit(&reassembly);
    return parsed;
}

UNIT_TEST(peer_fragment, order_matters)
{
    struct cut_frame pieces;
    cut(&pieces, 1);
    CU_ASSERT_EQUAL(add_in_order(&pieces, (int[]){0, 1, 2}, 3), PARSE_DONE);
    CU_ASSERT_EQUAL(add_in_order(&pieces, (int[]){0, 1}, 2), PARSE_MORE);
    CU_ASSERT_EQUAL(add_in_order(&pieces, (int[]){1}, 1), PARSE_BAD);
    CU_ASSERT_EQUAL(add_in_order(&pieces, (int[]){0, 2}, 2), PARSE_BAD);
    CU_ASSERT_EQUAL(add_in_order(&pieces, (int[]){0, 0}, 2), PARSE_BAD);
    CU_ASSERT_EQUAL(add_in_order(&pieces, (int[]){0, 1, 1}, 3), PARSE_BAD);
    cut_deinit(&pieces);
}

/* Spoils one field of the fragment at which, and adds all three. */
static enum parse add_spoiled(int which, size_t body_offset, uint64_t value)
{
    struct cut_frame pieces;
    cut(&pieces, 1);
    spoil(&pieces.fragments[which], body_offset, value);
    enum parse parsed = add_in_order(&pieces, (int[]){0, 1, 2}, 3);
    cut_deinit(&pieces);
    return parsed;
}

UNIT_TEST(peer_fragment, refuses_each_way_to_be_wrong)
{
    uint64_t total = 2 * PEER_FRAGMENT_BYTES + 100 + 64;
    CU_ASSERT_EQUAL(add_spoiled(0, 8, total), PARSE_DONE);
    CU_ASSERT_EQUAL(add_spoiled(1, 0, 2), PARSE_BAD);          /* another stream */
    CU_ASSERT_EQUAL(add_spoiled(1, 8, total + 1), PARSE_BAD);  /* another total */
    CU_ASSERT_EQUAL(add_spoiled(0, 8, UINT64_MAX), PARSE_BAD); /* too large */
    CU_ASSERT_EQUAL(add_spoiled(0, 8, 1ull << 30), PARSE_BAD);
    CU_ASSERT_EQUAL(add_spoiled(0, 8, 100), PARSE_BAD); /* smaller than its bytes */
    CU_ASSERT_EQUAL(add_spoiled(0, 8, 0), PARSE_BAD);
    CU_ASSERT_EQUAL(add_spoiled(0, 16, 1), PARSE_BAD); /* a start in the middle */
    CU_ASSERT_EQUAL(add_spoiled(1, 16, UINT64_MAX), PARSE_BAD);
    CU_ASSERT_EQUAL(add_spoiled(2, 16, 0), PARSE_BAD);
    /* The whole frame must be one: here its own size or type contradicts. */
    CU_ASSERT_EQUAL(add_spoiled(0, 24, 0x0000010c00000010), PARSE_BAD);
    CU_ASSERT_EQUAL(add_spoiled(0, 24, 0x0000010f00000030), PARSE_BAD);
}

UNIT_TEST(peer_fragment, every_kind_of_damage_to_a_fragment_is_noticed)
{
    struct cut_frame pieces;
    cut(&pieces, 1);
    struct buf *last = &pieces.fragments[2];
    uint32_t missed = 0;
    for (size_t bit = 0; bit < 8 * buf_size(last); bit++) {
        struct peer_reassembly reassembly = {.stream = 1, .total = buf_size(&pieces.frame)};
        buf_append(&reassembly.bytes, pieces.frame.bytes, 2 * PEER_FRAGMENT_BYTES);
        last->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct slice whole;
        missed += add_fragment(&reassembly, buf_slice(last), &whole) != PARSE_BAD;
        last->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        peer_reassembly_deinit(&reassembly);
    }
    CU_ASSERT_EQUAL(missed, 0);
    cut_deinit(&pieces);
}

UNIT_TEST(peer_fragment, memory_grows_by_what_came)
{
    struct buf frame = {0};
    struct buf fragment = {0};
    put_frame(&frame, 1000);
    (void)peer_frame_fragment(buf_slice(&frame), 1, 0, &fragment);
    spoil(&fragment, 8, LIMIT_ENTRY_BYTES);
    struct peer_reassembly reassembly = {0};
    struct slice whole;
    CU_ASSERT_EQUAL(add_fragment(&reassembly, buf_slice(&fragment), &whole), PARSE_MORE);
    CU_ASSERT_TRUE(reassembly.bytes.capacity < 4096);
    peer_reassembly_deinit(&reassembly);
    buf_deinit(&fragment);
    buf_deinit(&frame);
}
