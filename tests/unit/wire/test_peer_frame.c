/* test_peer_frame.c -- the peer protocol: every frame there and back, and every way to damage it.
 */
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/prng.h"
#include "lib/unit.h"
#include "wire/peer_frame.h"

/* Decodes one whole encoded frame. */
static enum result decode_frame(struct slice frame, struct peer_frame_scratch *scratch,
                                struct peer_message *message)
{
    if (frame.size < PEER_FRAME_HEADER_BYTES) {
        return RESULT_CORRUPT;
    }
    struct peer_frame_header header;
    enum result result = peer_frame_header_decode(frame.bytes, &header);
    if (result != RESULT_OK) {
        return result;
    }
    return peer_frame_decode(
        &header,
        slice_of(frame.bytes + PEER_FRAME_HEADER_BYTES, frame.size - PEER_FRAME_HEADER_BYTES),
        scratch, message);
}

static struct peer_message raft_message(enum raft_message_type type)
{
    struct peer_message message = {.type = PEER_MESSAGE_RAFT, .from = 11, .to = 22};
    message.raft = (struct raft_message){.type = type, .from = 11, .to = 22, .term = 33};
    return message;
}

/* Encodes, decodes, checks the envelope and that encoding again gives the same bytes. */
static void round_trip(const struct peer_message *in, struct peer_frame_scratch *scratch,
                       struct peer_message *out, struct buf *frame)
{
    buf_clear(frame);
    peer_frame_encode(in, frame);
    memset(out, 0, sizeof(*out));
    CU_ASSERT_EQUAL_FATAL(decode_frame(buf_slice(frame), scratch, out), RESULT_OK);
    CU_ASSERT_EQUAL(out->type, in->type);
    CU_ASSERT_EQUAL(out->from, in->from);
    CU_ASSERT_EQUAL(out->to, in->to);
    if (in->type == PEER_MESSAGE_RAFT) {
        CU_ASSERT_EQUAL(out->raft.type, in->raft.type);
        CU_ASSERT_EQUAL(out->raft.from, in->from);
        CU_ASSERT_EQUAL(out->raft.to, in->to);
        CU_ASSERT_EQUAL(out->raft.term, in->raft.term);
    }
    struct buf again = {0};
    peer_frame_encode(out, &again);
    CU_ASSERT_TRUE(slice_equals(buf_slice(frame), buf_slice(&again)));
    buf_deinit(&again);
}

UNIT_TEST(peer_frame, votes_round_trip)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message out;
    static const enum raft_message_type votes[] = {RAFT_MESSAGE_PRE_VOTE, RAFT_MESSAGE_VOTE};
    static const enum raft_message_type replies[] = {RAFT_MESSAGE_PRE_VOTE_REPLY,
                                                     RAFT_MESSAGE_VOTE_REPLY};
    for (int i = 0; i < 4; i++) {
        bool flag = i % 2 == 1;
        struct peer_message vote = raft_message(votes[i / 2]);
        vote.raft.vote = (struct raft_vote){1, UINT64_MAX, flag};
        round_trip(&vote, &scratch, &out, &frame);
        CU_ASSERT_EQUAL(out.raft.vote.last_log_index, 1);
        CU_ASSERT_EQUAL(out.raft.vote.last_log_term, UINT64_MAX);
        CU_ASSERT_EQUAL(out.raft.vote.leadership_transfer, flag);
        struct peer_message reply = raft_message(replies[i / 2]);
        reply.raft.vote_reply.granted = flag;
        round_trip(&reply, &scratch, &out, &frame);
        CU_ASSERT_EQUAL(out.raft.vote_reply.granted, flag);
    }
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

UNIT_TEST(peer_frame, append_reply_and_heartbeats_round_trip)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message out;
    for (int i = 0; i < 2; i++) {
        struct peer_message reply = raft_message(RAFT_MESSAGE_APPEND_REPLY);
        reply.raft.append_reply = (struct raft_append_reply){i == 1, 2, 3, 4, 5};
        round_trip(&reply, &scratch, &out, &frame);
        CU_ASSERT_EQUAL(out.raft.append_reply.rejected, i == 1);
        CU_ASSERT_EQUAL(out.raft.append_reply.match_index, 2);
        CU_ASSERT_EQUAL(out.raft.append_reply.rejected_index, 3);
        CU_ASSERT_EQUAL(out.raft.append_reply.conflict_term, 4);
        CU_ASSERT_EQUAL(out.raft.append_reply.conflict_index, 5);
    }
    struct peer_message heartbeat = raft_message(RAFT_MESSAGE_HEARTBEAT);
    heartbeat.raft.heartbeat = (struct raft_heartbeat){6, 7, 8};
    round_trip(&heartbeat, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.raft.heartbeat.commit_index, 6);
    CU_ASSERT_EQUAL(out.raft.heartbeat.read_round, 7);
    CU_ASSERT_EQUAL(out.raft.heartbeat.clock_ms, 8);
    struct peer_message answer = raft_message(RAFT_MESSAGE_HEARTBEAT_REPLY);
    answer.raft.heartbeat_reply.read_round = 9;
    round_trip(&answer, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.raft.heartbeat_reply.read_round, 9);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

UNIT_TEST(peer_frame, reads_and_timeout_now_round_trip)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message out;
    struct peer_message read = raft_message(RAFT_MESSAGE_READ);
    read.raft.read.context = 10;
    round_trip(&read, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.raft.read.context, 10);
    for (int i = 0; i < 2; i++) {
        struct peer_message reply = raft_message(RAFT_MESSAGE_READ_REPLY);
        reply.raft.read_reply = (struct raft_read_reply){12, i == 1, 13, 14};
        round_trip(&reply, &scratch, &out, &frame);
        CU_ASSERT_EQUAL(out.raft.read_reply.context, 12);
        CU_ASSERT_EQUAL(out.raft.read_reply.confirmed, i == 1);
        CU_ASSERT_EQUAL(out.raft.read_reply.index, 13);
        CU_ASSERT_EQUAL(out.raft.read_reply.commit_index, 14);
    }
    struct peer_message now = raft_message(RAFT_MESSAGE_TIMEOUT_NOW);
    round_trip(&now, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(buf_size(&frame), PEER_FRAME_HEADER_BYTES + 8);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

/* An append of entries whose payloads have the given sizes; free_entries gives them back. */
static struct peer_message append_of(struct raft_entry *entries, const uint32_t *sizes,
                                     uint32_t count)
{
    static const enum raft_entry_type types[] = {RAFT_ENTRY_COMMAND, RAFT_ENTRY_NOOP,
                                                 RAFT_ENTRY_CONFIGURATION};
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (struct raft_entry){.index = 101 + i, .term = 30 + i, .type = types[i % 3]};
        if (sizes[i] > 0) {
            entries[i].payload = blob_create(sizes[i]);
            memset(entries[i].payload->bytes, (int)('a' + i % 26), sizes[i]);
        }
    }
    struct peer_message message = raft_message(RAFT_MESSAGE_APPEND);
    message.raft.append = (struct raft_append){.previous_index = 100,
                                               .previous_term = 29,
                                               .commit_index = 99,
                                               .clock_ms = 1234567890123,
                                               .entries_count = count,
                                               .entries = entries};
    return message;
}

static void free_entries(struct raft_entry *entries, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        blob_release(entries[i].payload);
    }
}

static void check_append(const struct peer_message *in, struct peer_frame_scratch *scratch)
{
    struct buf frame = {0};
    struct peer_message out;
    round_trip(in, scratch, &out, &frame);
    const struct raft_append *want = &in->raft.append;
    const struct raft_append *got = &out.raft.append;
    CU_ASSERT_EQUAL(got->previous_index, want->previous_index);
    CU_ASSERT_EQUAL(got->previous_term, want->previous_term);
    CU_ASSERT_EQUAL(got->commit_index, want->commit_index);
    CU_ASSERT_EQUAL(got->clock_ms, want->clock_ms);
    CU_ASSERT_EQUAL_FATAL(got->entries_count, want->entries_count);
    for (uint32_t i = 0; i < want->entries_count; i++) {
        CU_ASSERT_EQUAL(got->entries[i].index, want->entries[i].index);
        CU_ASSERT_EQUAL(got->entries[i].term, want->entries[i].term);
        CU_ASSERT_EQUAL(got->entries[i].type, want->entries[i].type);
        CU_ASSERT_TRUE(slice_equals(blob_slice(got->entries[i].payload),
                                    blob_slice(want->entries[i].payload)));
    }
    buf_deinit(&frame);
}

UNIT_TEST(peer_frame, appends_round_trip)
{
    static struct raft_entry entries[LIMIT_APPEND_ENTRIES];
    static uint32_t sizes[LIMIT_APPEND_ENTRIES];
    struct peer_frame_scratch scratch = {0};
    struct peer_message message = append_of(entries, sizes, 0);
    check_append(&message, &scratch);
    static const uint32_t few[] = {5, 0, 1, 3 * 1024 * 1024, 0};
    message = append_of(entries, few, 5);
    check_append(&message, &scratch);
    free_entries(entries, 5);
    for (uint32_t i = 0; i < LIMIT_APPEND_ENTRIES; i++) {
        sizes[i] = i % 50;
    }
    message = append_of(entries, sizes, LIMIT_APPEND_ENTRIES);
    check_append(&message, &scratch);
    free_entries(entries, LIMIT_APPEND_ENTRIES);
    peer_frame_scratch_deinit(&scratch);
}

UNIT_TEST(peer_frame, payloads_that_are_retained_outlive_the_scratch)
{
    struct raft_entry entry;
    static const uint32_t size[] = {4};
    struct peer_message message = append_of(&entry, size, 1);
    struct buf frame = {0};
    struct peer_frame_scratch scratch = {0};
    struct peer_message out;
    round_trip(&message, &scratch, &out, &frame);
    struct blob *kept = blob_retain(out.raft.append.entries[0].payload);
    round_trip(&message, &scratch, &out, &frame);
    peer_frame_scratch_deinit(&scratch);
    CU_ASSERT_EQUAL(kept->references, 1);
    CU_ASSERT_TRUE(slice_equals(blob_slice(kept), SLICE_LITERAL("aaaa")));
    blob_release(kept);
    free_entries(&entry, 1);
    buf_deinit(&frame);
}

static struct peer_message forward_of(struct slice commands)
{
    struct peer_message message = {.type = PEER_MESSAGE_FORWARD, .from = 1, .to = 2};
    message.forward.header = (struct batch_header){.origin = 3,
                                                   .incarnation = 4,
                                                   .sequence = 5,
                                                   .commands_count = 6,
                                                   .commands_bytes = (uint32_t)commands.size};
    message.forward.commands = commands;
    return message;
}

UNIT_TEST(peer_frame, forwards_round_trip)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message out;
    uint8_t *large = mem_alloc_zeroed(1, 2u << 20);
    const struct slice payloads[] = {slice_of(NULL, 0), SLICE_LITERAL("abc"),
                                     slice_of(large, 2u << 20)};
    for (size_t i = 0; i < 3; i++) {
        struct peer_message forward = forward_of(payloads[i]);
        round_trip(&forward, &scratch, &out, &frame);
        CU_ASSERT_EQUAL(out.forward.header.origin, 3);
        CU_ASSERT_EQUAL(out.forward.header.incarnation, 4);
        CU_ASSERT_EQUAL(out.forward.header.sequence, 5);
        CU_ASSERT_EQUAL(out.forward.header.commands_count, 6);
        CU_ASSERT_TRUE(slice_equals(out.forward.commands, payloads[i]));
    }
    struct peer_message refused = {.type = PEER_MESSAGE_FORWARD_REFUSED, .from = 1, .to = 2};
    refused.forward_refused = (struct peer_forward_refused){7, 8, 9};
    round_trip(&refused, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.forward_refused.incarnation, 7);
    CU_ASSERT_EQUAL(out.forward_refused.sequence, 8);
    CU_ASSERT_EQUAL(out.forward_refused.leader, 9);
    mem_free(large);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

static struct peer_message node_info(void)
{
    struct peer_message message = {.type = PEER_MESSAGE_NODE_INFO, .from = 1, .to = 2};
    (void)snprintf(message.node_info.name, sizeof(message.node_info.name), "node-1");
    memset(message.node_info.raft_address, 'r', LIMIT_ADDRESS_BYTES - 1);
    (void)snprintf(message.node_info.redis_address, LIMIT_ADDRESS_BYTES, "localhost:6379");
    (void)snprintf(message.node_info.version, LIMIT_NODE_NAME_BYTES, "0.1");
    return message;
}

UNIT_TEST(peer_frame, node_info_round_trips)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message out;
    struct peer_message info = node_info();
    round_trip(&info, &scratch, &out, &frame);
    CU_ASSERT_STRING_EQUAL(out.node_info.name, "node-1");
    CU_ASSERT_STRING_EQUAL(out.node_info.raft_address, info.node_info.raft_address);
    CU_ASSERT_STRING_EQUAL(out.node_info.http_address, "");
    CU_ASSERT_STRING_EQUAL(out.node_info.redis_address, "localhost:6379");
    CU_ASSERT_STRING_EQUAL(out.node_info.version, "0.1");
    /* What stands in memory behind a NUL stays at home. */
    (void)snprintf(info.node_info.name + 8, 16, "secret");
    round_trip(&info, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.node_info.name[8], '\0');
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

UNIT_TEST(peer_frame, header_layout_is_as_documented)
{
    struct peer_message now = raft_message(RAFT_MESSAGE_TIMEOUT_NOW);
    struct buf frame = {0};
    peer_frame_encode(&now, &frame);
    static const uint8_t expected[] = {
        8, 0, 0, 0, PEER_FRAME_TIMEOUT_NOW, 1, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 22, 0, 0, 0,
        0, 0, 0, 0};
    const uint8_t *at = buf_slice(&frame).bytes;
    CU_ASSERT_EQUAL(memcmp(at, expected, sizeof(expected)), 0);
    CU_ASSERT_EQUAL(bytes_read_u64(at + PEER_FRAME_HEADER_BYTES), 33);
    CU_ASSERT_EQUAL(bytes_read_u64(at + 24),
                    hash_bytes(hash_bytes(0, slice_of(at + 32, 8)), slice_of(at, 24)));
    buf_deinit(&frame);
}

/* ---- Damage ---- */

enum { SAMPLES = 14 };

/* Encodes one frame of each kind. */
static void put_sample(int sample, struct buf *frame)
{
    struct raft_entry entries[3];
    static const uint32_t sizes[] = {20, 0, 3};
    struct peer_message message;
    uint32_t entries_count = 0;
    if (sample < 11) {
        message = raft_message((enum raft_message_type)(sample + 1));
        if (message.raft.type == RAFT_MESSAGE_APPEND) {
            message = append_of(entries, sizes, 3);
            entries_count = 3;
        }
    } else if (sample == 11) {
        message = forward_of(SLICE_LITERAL("\x00\x01\x01X"));
    } else if (sample == 12) {
        message = node_info();
    } else {
        message = (struct peer_message){.type = PEER_MESSAGE_FORWARD_REFUSED};
    }
    buf_clear(frame);
    peer_frame_encode(&message, frame);
    free_entries(entries, entries_count);
}

UNIT_TEST(peer_frame, every_flipped_bit_is_noticed)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    for (int sample = 0; sample < SAMPLES; sample++) {
        put_sample(sample, &frame);
        struct peer_message message;
        CU_ASSERT_EQUAL(decode_frame(buf_slice(&frame), &scratch, &message), RESULT_OK);
        uint32_t missed = 0;
        for (size_t bit = 0; bit < 8 * buf_size(&frame); bit++) {
            frame.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            missed += decode_frame(buf_slice(&frame), &scratch, &message) == RESULT_OK;
            frame.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        CU_ASSERT_EQUAL(missed, 0);
    }
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

/* Makes size and checksum right again after a body was changed: damage that only decoding sees. */
static void seal(struct buf *frame)
{
    uint8_t *at = frame->bytes + frame->head;
    size_t body_bytes = buf_size(frame) - PEER_FRAME_HEADER_BYTES;
    bytes_set_u32(at, (uint32_t)body_bytes);
    uint64_t seed = hash_bytes(0, slice_of(at + PEER_FRAME_HEADER_BYTES, body_bytes));
    bytes_set_u64(at + 24, hash_bytes(seed, slice_of(at, 24)));
}

UNIT_TEST(peer_frame, bodies_cut_short_or_too_long_are_corrupt)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message message;
    for (int sample = 0; sample < SAMPLES; sample++) {
        put_sample(sample, &frame);
        size_t size = buf_size(&frame);
        buf_append_byte(&frame, 0);
        seal(&frame);
        CU_ASSERT_EQUAL(decode_frame(buf_slice(&frame), &scratch, &message), RESULT_CORRUPT);
        while (size-- > PEER_FRAME_HEADER_BYTES) {
            buf_truncate(&frame, size);
            seal(&frame);
            CU_ASSERT_EQUAL(decode_frame(buf_slice(&frame), &scratch, &message), RESULT_CORRUPT);
        }
    }
    CU_ASSERT_EQUAL(scratch.count, 0);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

/* Encodes a sample, changes one byte of its body, and decodes it with a right checksum. */
static enum result decode_changed(int sample, size_t body_offset, uint8_t byte)
{
    struct peer_frame_scratch scratch = {0};
    struct peer_message message;
    struct buf frame = {0};
    put_sample(sample, &frame);
    frame.bytes[PEER_FRAME_HEADER_BYTES + body_offset] = byte;
    seal(&frame);
    enum result result = decode_frame(buf_slice(&frame), &scratch, &message);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
    return result;
}

UNIT_TEST(peer_frame, flags_padding_and_lists_are_checked)
{
    enum { VOTE = 2, APPEND = 4, FORWARD = 11, NODE_INFO = 12 };
    CU_ASSERT_EQUAL(decode_changed(VOTE, 24, 1), RESULT_OK);
    CU_ASSERT_EQUAL(decode_changed(VOTE, 24, 2), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(VOTE, 31, 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(APPEND, 40, 4), RESULT_CORRUPT); /* entries_count */
    CU_ASSERT_EQUAL(decode_changed(APPEND, 40, 2), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(APPEND, 43, 0x80), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(APPEND, 44, 1), RESULT_CORRUPT);  /* zero */
    CU_ASSERT_EQUAL(decode_changed(APPEND, 56, 19), RESULT_CORRUPT); /* payload bytes */
    CU_ASSERT_EQUAL(decode_changed(APPEND, 56, 255), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(APPEND, 60, 3), RESULT_OK); /* type */
    CU_ASSERT_EQUAL(decode_changed(APPEND, 60, 4), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(APPEND, 60, 0), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(APPEND, 63, 1), RESULT_CORRUPT);  /* zero */
    CU_ASSERT_EQUAL(decode_changed(FORWARD, 28, 3), RESULT_CORRUPT); /* commands_bytes */
    CU_ASSERT_EQUAL(decode_changed(FORWARD, 28, 5), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(NODE_INFO, 63, 'x'), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_changed(NODE_INFO, 919, 'x'), RESULT_CORRUPT);
}

UNIT_TEST(peer_frame, an_append_cannot_run_over_the_last_index)
{
    struct peer_frame_scratch scratch = {0};
    struct peer_message message;
    struct buf frame = {0};
    put_sample(4, &frame);
    bytes_set_u64(frame.bytes + PEER_FRAME_HEADER_BYTES + 8, UINT64_MAX - 1);
    seal(&frame);
    CU_ASSERT_EQUAL(decode_frame(buf_slice(&frame), &scratch, &message), RESULT_CORRUPT);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

/* Decodes the header of a heartbeat after setting one byte of it. */
static enum result decode_header(size_t offset, uint8_t byte)
{
    struct peer_message heartbeat = raft_message(RAFT_MESSAGE_HEARTBEAT);
    struct buf frame = {0};
    peer_frame_encode(&heartbeat, &frame);
    frame.bytes[offset] = byte;
    struct peer_frame_header header;
    enum result result = peer_frame_header_decode(frame.bytes, &header);
    buf_deinit(&frame);
    return result;
}

static enum result decode_size(enum peer_frame_type type, uint32_t body_bytes)
{
    uint8_t at[PEER_FRAME_HEADER_BYTES] = {0};
    bytes_set_u32(at, body_bytes);
    at[4] = (uint8_t)type;
    at[5] = 1;
    struct peer_frame_header header;
    return peer_frame_header_decode(at, &header);
}

UNIT_TEST(peer_frame, header_refuses_what_it_does_not_know)
{
    CU_ASSERT_EQUAL(decode_header(0, 32), RESULT_OK);
    CU_ASSERT_EQUAL(decode_header(0, 31), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_header(0, 33), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_header(3, 0x80), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_header(4, 0), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_header(4, PEER_FRAME_FRAGMENT + 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_header(4, 255), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_header(5, 2), RESULT_VERSION);
    CU_ASSERT_EQUAL(decode_header(6, 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_header(7, 1), RESULT_CORRUPT);
}

UNIT_TEST(peer_frame, header_bounds_bodies_by_type)
{
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_APPEND, 47), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_APPEND, 48), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_APPEND, 48 + 16 + LIMIT_ENTRY_BYTES), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_APPEND, LIMIT_ENTRY_BYTES + (16u << 20)),
                    RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_APPEND, UINT32_MAX), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FORWARD, 31), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FORWARD, 32 + LIMIT_ENTRY_BYTES), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FORWARD, 33 + LIMIT_ENTRY_BYTES), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FRAGMENT, 24), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FRAGMENT, 25), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FRAGMENT, 24 + PEER_FRAGMENT_BYTES), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FRAGMENT, 25 + PEER_FRAGMENT_BYTES), RESULT_CORRUPT);
}

UNIT_TEST(peer_frame, survives_garbage_with_a_right_checksum)
{
    struct prng prng;
    prng_init(&prng, 9);
    struct peer_frame_scratch scratch = {0};
    struct peer_message message;
    struct buf frame = {0};
    uint32_t accepted = 0;
    for (int round = 0; round < 20000; round++) {
        put_sample((int)prng_below(&prng, SAMPLES), &frame);
        size_t body_bytes = buf_size(&frame) - PEER_FRAME_HEADER_BYTES;
        for (uint64_t i = 0; i <= prng_below(&prng, 4); i++) {
            frame.bytes[PEER_FRAME_HEADER_BYTES + prng_below(&prng, body_bytes)] =
                (uint8_t)prng_next(&prng);
        }
        frame.bytes[4] =
            (uint8_t)(prng_below(&prng, 8) == 0 ? prng_below(&prng, 17) : frame.bytes[4]);
        seal(&frame);
        accepted += decode_frame(buf_slice(&frame), &scratch, &message) == RESULT_OK;
    }
    CU_ASSERT_TRUE(accepted > 0 && accepted < 20000);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}
