/* test_peer_frame.c -- the peer protocol: every frame there and back, and the header. */
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "lib/unit.h"
#include "test_peer_samples.h"
#include "wire/peer_frame.h"

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
        struct peer_message vote = sample_raft_message(votes[i / 2]);
        vote.raft.vote = (struct raft_vote){1, UINT64_MAX, flag};
        sample_round_trip(&vote, &scratch, &out, &frame);
        CU_ASSERT_EQUAL(out.raft.vote.last_log_index, 1);
        CU_ASSERT_EQUAL(out.raft.vote.last_log_term, UINT64_MAX);
        CU_ASSERT_EQUAL(out.raft.vote.leadership_transfer, flag);
        struct peer_message reply = sample_raft_message(replies[i / 2]);
        reply.raft.vote_reply = (struct raft_vote_reply){.granted = flag, .disk_id = 77};
        sample_round_trip(&reply, &scratch, &out, &frame);
        CU_ASSERT_EQUAL(out.raft.vote_reply.granted, flag);
        CU_ASSERT_EQUAL(out.raft.vote_reply.disk_id, 77);
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
        struct peer_message reply = sample_raft_message(RAFT_MESSAGE_APPEND_REPLY);
        reply.raft.append_reply = (struct raft_append_reply){.rejected = i == 1,
                                                             .disk_id = 16,
                                                             .sequence = 17,
                                                             .match_index = 2,
                                                             .rejected_index = 3,
                                                             .conflict_term = 4,
                                                             .conflict_index = 5};
        sample_round_trip(&reply, &scratch, &out, &frame);
        CU_ASSERT_EQUAL(out.raft.append_reply.rejected, i == 1);
        CU_ASSERT_EQUAL(out.raft.append_reply.disk_id, 16);
        CU_ASSERT_EQUAL(out.raft.append_reply.sequence, 17);
        CU_ASSERT_EQUAL(out.raft.append_reply.match_index, 2);
        CU_ASSERT_EQUAL(out.raft.append_reply.rejected_index, 3);
        CU_ASSERT_EQUAL(out.raft.append_reply.conflict_term, 4);
        CU_ASSERT_EQUAL(out.raft.append_reply.conflict_index, 5);
    }
    struct peer_message heartbeat = sample_raft_message(RAFT_MESSAGE_HEARTBEAT);
    heartbeat.raft.heartbeat = (struct raft_heartbeat){6, 7, 8};
    sample_round_trip(&heartbeat, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.raft.heartbeat.commit_index, 6);
    CU_ASSERT_EQUAL(out.raft.heartbeat.read_round, 7);
    CU_ASSERT_EQUAL(out.raft.heartbeat.clock_ms, 8);
    struct peer_message answer = sample_raft_message(RAFT_MESSAGE_HEARTBEAT_REPLY);
    answer.raft.heartbeat_reply = (struct raft_heartbeat_reply){.read_round = 9, .disk_id = 10};
    sample_round_trip(&answer, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.raft.heartbeat_reply.read_round, 9);
    CU_ASSERT_EQUAL(out.raft.heartbeat_reply.disk_id, 10);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

UNIT_TEST(peer_frame, reads_and_timeout_now_round_trip)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message out;
    struct peer_message read = sample_raft_message(RAFT_MESSAGE_READ);
    read.raft.read = (struct raft_read){10, 11};
    sample_round_trip(&read, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.raft.read.context, 10);
    CU_ASSERT_EQUAL(out.raft.read.disk_id, 11);
    for (int i = 0; i < 2; i++) {
        struct peer_message reply = sample_raft_message(RAFT_MESSAGE_READ_REPLY);
        reply.raft.read_reply = (struct raft_read_reply){12, i == 1, 13, 14};
        sample_round_trip(&reply, &scratch, &out, &frame);
        CU_ASSERT_EQUAL(out.raft.read_reply.context, 12);
        CU_ASSERT_EQUAL(out.raft.read_reply.confirmed, i == 1);
        CU_ASSERT_EQUAL(out.raft.read_reply.index, 13);
        CU_ASSERT_EQUAL(out.raft.read_reply.commit_index, 14);
    }
    struct peer_message now = sample_raft_message(RAFT_MESSAGE_TIMEOUT_NOW);
    sample_round_trip(&now, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(buf_size(&frame), PEER_FRAME_HEADER_BYTES + 8);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

static void check_append(const struct peer_message *in, struct peer_frame_scratch *scratch)
{
    struct buf frame = {0};
    struct peer_message out;
    sample_round_trip(in, scratch, &out, &frame);
    const struct raft_append *want = &in->raft.append;
    const struct raft_append *got = &out.raft.append;
    CU_ASSERT_EQUAL(got->previous_index, want->previous_index);
    CU_ASSERT_EQUAL(got->previous_term, want->previous_term);
    CU_ASSERT_EQUAL(got->commit_index, want->commit_index);
    CU_ASSERT_EQUAL(got->clock_ms, want->clock_ms);
    CU_ASSERT_EQUAL(got->sequence, want->sequence);
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
    struct peer_message message = sample_append(entries, sizes, 0);
    check_append(&message, &scratch);
    static const uint32_t few[] = {5, 0, 1, 3 * 1024 * 1024, 0};
    message = sample_append(entries, few, 5);
    check_append(&message, &scratch);
    sample_free_entries(entries, 5);
    for (uint32_t i = 0; i < LIMIT_APPEND_ENTRIES; i++) {
        sizes[i] = i % 50;
    }
    message = sample_append(entries, sizes, LIMIT_APPEND_ENTRIES);
    check_append(&message, &scratch);
    sample_free_entries(entries, LIMIT_APPEND_ENTRIES);
    peer_frame_scratch_deinit(&scratch);
}

UNIT_TEST(peer_frame, payloads_that_are_retained_outlive_the_scratch)
{
    struct raft_entry entry;
    static const uint32_t size[] = {4};
    struct peer_message message = sample_append(&entry, size, 1);
    struct buf frame = {0};
    struct peer_frame_scratch scratch = {0};
    struct peer_message out;
    sample_round_trip(&message, &scratch, &out, &frame);
    struct blob *kept = blob_retain(out.raft.append.entries[0].payload);
    sample_round_trip(&message, &scratch, &out, &frame);
    peer_frame_scratch_deinit(&scratch);
    CU_ASSERT_EQUAL(kept->references, 1);
    CU_ASSERT_TRUE(slice_equals(blob_slice(kept), SLICE_LITERAL("aaaa")));
    blob_release(kept);
    sample_free_entries(&entry, 1);
    buf_deinit(&frame);
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
        struct peer_message forward = sample_forward(payloads[i]);
        sample_round_trip(&forward, &scratch, &out, &frame);
        CU_ASSERT_EQUAL(out.forward.header.origin, 3);
        CU_ASSERT_EQUAL(out.forward.header.incarnation, 4);
        CU_ASSERT_EQUAL(out.forward.header.sequence, 5);
        CU_ASSERT_EQUAL(out.forward.header.commands_count, 6);
        CU_ASSERT_TRUE(slice_equals(out.forward.commands, payloads[i]));
    }
    struct peer_message refused = {.type = PEER_MESSAGE_FORWARD_REFUSED, .from = 1, .to = 2};
    refused.forward_refused = (struct peer_forward_refused){7, 8, 9};
    sample_round_trip(&refused, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.forward_refused.incarnation, 7);
    CU_ASSERT_EQUAL(out.forward_refused.sequence, 8);
    CU_ASSERT_EQUAL(out.forward_refused.leader, 9);
    mem_free(large);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

UNIT_TEST(peer_frame, node_info_round_trips)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message out;
    struct peer_message info = sample_node_info();
    sample_round_trip(&info, &scratch, &out, &frame);
    CU_ASSERT_STRING_EQUAL(out.node_info.name, "node-1");
    CU_ASSERT_STRING_EQUAL(out.node_info.raft_address, info.node_info.raft_address);
    CU_ASSERT_STRING_EQUAL(out.node_info.http_address, "");
    CU_ASSERT_STRING_EQUAL(out.node_info.redis_address, "localhost:6379");
    CU_ASSERT_STRING_EQUAL(out.node_info.version, "0.1");
    CU_ASSERT_FALSE(out.node_info.is_disk_low);
    info.node_info.is_disk_low = true;
    sample_round_trip(&info, &scratch, &out, &frame);
    CU_ASSERT_TRUE(out.node_info.is_disk_low);
    /* What stands in memory behind a NUL stays at home. */
    (void)snprintf(info.node_info.name + 8, 16, "secret");
    sample_round_trip(&info, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.node_info.name[8], '\0');
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

static void check_snapshot(const struct peer_snapshot *got)
{
    CU_ASSERT_EQUAL(got->index, 70);
    CU_ASSERT_EQUAL(got->term, 7);
    CU_ASSERT_EQUAL(got->bytes, 300000);
    CU_ASSERT_EQUAL(got->hash, 0xabcdef);
}

UNIT_TEST(peer_frame, snapshots_round_trip)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message out;
    struct peer_message wanted = {.type = PEER_MESSAGE_SNAPSHOT_WANTED, .from = 1, .to = 2};
    wanted.snapshot_wanted = 0x1122334455667788;
    sample_round_trip(&wanted, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.snapshot_wanted, wanted.snapshot_wanted);
    struct peer_message ask = sample_snapshot_ask();
    sample_round_trip(&ask, &scratch, &out, &frame);
    check_snapshot(&out.snapshot_ask.snapshot);
    CU_ASSERT_EQUAL(out.snapshot_ask.offset, 299999);
    CU_ASSERT_EQUAL(out.snapshot_ask.bytes, PEER_SNAPSHOT_PIECE_BYTES);
    struct peer_message offer = {.type = PEER_MESSAGE_SNAPSHOT_OFFER, .from = 1, .to = 2};
    offer.snapshot_offer = ask.snapshot_ask.snapshot;
    sample_round_trip(&offer, &scratch, &out, &frame);
    check_snapshot(&out.snapshot_offer);
    uint8_t *large = mem_alloc_zeroed(1, PEER_SNAPSHOT_PIECE_BYTES);
    const struct slice pieces[] = {slice_of(NULL, 0), SLICE_LITERAL("abc"),
                                   slice_of(large, PEER_SNAPSHOT_PIECE_BYTES)};
    for (size_t i = 0; i < 3; i++) {
        struct peer_message piece = sample_snapshot_piece(pieces[i]);
        sample_round_trip(&piece, &scratch, &out, &frame);
        check_snapshot(&out.snapshot_piece.snapshot);
        CU_ASSERT_EQUAL(out.snapshot_piece.offset, 300000 - pieces[i].size);
        CU_ASSERT_TRUE(slice_equals(out.snapshot_piece.bytes, pieces[i]));
    }
    mem_free(large);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

UNIT_TEST(peer_frame, changes_round_trip)
{
    struct peer_frame_scratch scratch = {0};
    struct buf frame = {0};
    struct peer_message out;
    struct peer_message in = sample_change();
    sample_round_trip(&in, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.change.number, 5);
    CU_ASSERT_EQUAL(out.change.kind, PEER_CHANGE_MEMBERS);
    CU_ASSERT_EQUAL(out.change.change.kind, RAFT_CHANGE_ADD);
    CU_ASSERT_TRUE(out.change.change.force);
    const struct raft_member *member = &out.change.change.member;
    CU_ASSERT_EQUAL(member->id, 44);
    CU_ASSERT_EQUAL(member->disk_id, 55);
    CU_ASSERT_EQUAL(member->role, RAFT_JOINING);
    CU_ASSERT_STRING_EQUAL(member->name, "node-4");
    CU_ASSERT_STRING_EQUAL(member->raft_address, "host-4:7001");
    CU_ASSERT_STRING_EQUAL(member->http_address, "host-4:8080");
    CU_ASSERT_STRING_EQUAL(member->redis_address, "host-4:6379");
    /* A transfer says an id and leaves all else at home. */
    in.change.kind = PEER_CHANGE_TRANSFER;
    sample_round_trip(&in, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.change.kind, PEER_CHANGE_TRANSFER);
    CU_ASSERT_EQUAL(out.change.change.member.id, 44);
    CU_ASSERT_EQUAL(out.change.change.member.disk_id, 0);
    CU_ASSERT_STRING_EQUAL(out.change.change.member.name, "");
    struct peer_message reply = {.type = PEER_MESSAGE_CHANGE_REPLY, .from = 1, .to = 2};
    reply.change_reply =
        (struct peer_change_reply){.number = 6, .result = RESULT_UNREACHABLE, .index = 88};
    sample_round_trip(&reply, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.change_reply.number, 6);
    CU_ASSERT_EQUAL(out.change_reply.result, RESULT_UNREACHABLE);
    CU_ASSERT_EQUAL(out.change_reply.index, 88);
    struct peer_message hash = {.type = PEER_MESSAGE_STATE_HASH, .from = 1, .to = 2};
    hash.state_hash = (struct peer_state_hash){.index = 7, .hash = UINT64_MAX};
    sample_round_trip(&hash, &scratch, &out, &frame);
    CU_ASSERT_EQUAL(out.state_hash.index, 7);
    CU_ASSERT_EQUAL(out.state_hash.hash, UINT64_MAX);
    peer_frame_scratch_deinit(&scratch);
    buf_deinit(&frame);
}

static bool memory_is_taken(struct raft_memory memory)
{
    struct peer_message message = {.type = PEER_MESSAGE_REMEMBERED, .from = 1, .to = 2};
    struct peer_frame_scratch scratch = {0};
    struct peer_frame_header header;
    struct peer_message out;
    struct buf frame = {0};
    message.remembered = memory;
    peer_frame_encode(&message, &frame);
    CU_ASSERT_EQUAL_FATAL(peer_frame_header_decode(frame.bytes, &header), RESULT_OK);
    struct slice body = slice_of(frame.bytes + PEER_FRAME_HEADER_BYTES, header.body_bytes);
    bool is_taken = peer_frame_decode(&header, body, &scratch, &out) == RESULT_OK;
    CU_ASSERT(!is_taken || memcmp(&out.remembered, &memory, sizeof(memory)) == 0);
    buf_deinit(&frame);
    return is_taken;
}

/* A whole memory, or none. */
UNIT_TEST(peer_frame, memory_is_whole_or_none)
{
    CU_ASSERT_TRUE(memory_is_taken((struct raft_memory){UINT64_MAX, 7, 70}));
    CU_ASSERT_TRUE(memory_is_taken((struct raft_memory){0}));
    CU_ASSERT_FALSE(memory_is_taken((struct raft_memory){0, 7, 70}));
    CU_ASSERT_FALSE(memory_is_taken((struct raft_memory){55, 0, 70}));
    CU_ASSERT_FALSE(memory_is_taken((struct raft_memory){55, 7, 0}));
    CU_ASSERT_FALSE(memory_is_taken((struct raft_memory){55, 0, 0}));
}

UNIT_TEST(peer_frame, header_layout_is_as_documented)
{
    struct peer_message now = sample_raft_message(RAFT_MESSAGE_TIMEOUT_NOW);
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

/* Decodes the header of a heartbeat after setting one byte of it. */
static enum result decode_header(size_t offset, uint8_t byte)
{
    struct peer_message heartbeat = sample_raft_message(RAFT_MESSAGE_HEARTBEAT);
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
    CU_ASSERT_EQUAL(decode_header(4, PEER_FRAME_REMEMBERED + 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_header(4, 255), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_header(5, 2), RESULT_VERSION);
    CU_ASSERT_EQUAL(decode_header(6, 1), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_header(7, 1), RESULT_CORRUPT);
}

UNIT_TEST(peer_frame, header_bounds_bodies_by_type)
{
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_APPEND, 55), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_APPEND, 56), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_APPEND, 56 + 16 + LIMIT_ENTRY_BYTES), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_APPEND, LIMIT_ENTRY_BYTES + (16u << 20)),
                    RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_APPEND, UINT32_MAX), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FORWARD, 31), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FORWARD, 32 + LIMIT_ENTRY_BYTES), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FORWARD, 33 + LIMIT_ENTRY_BYTES), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_SNAPSHOT_PIECE, 47), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_SNAPSHOT_PIECE, 48), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_SNAPSHOT_PIECE, 48 + PEER_SNAPSHOT_PIECE_BYTES),
                    RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_SNAPSHOT_PIECE, 49 + PEER_SNAPSHOT_PIECE_BYTES),
                    RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_CHANGE, 889), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FRAGMENT, 24), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FRAGMENT, 25), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FRAGMENT, 24 + PEER_FRAGMENT_BYTES), RESULT_OK);
    CU_ASSERT_EQUAL(decode_size(PEER_FRAME_FRAGMENT, 25 + PEER_FRAGMENT_BYTES), RESULT_CORRUPT);
}
