/* test_peer_samples.c -- one message of each kind; encoding them there and back. */
#include "test_peer_samples.h"

#include <stdio.h>

#include "base/hash.h"
#include "lib/unit.h"

enum result sample_decode(struct slice frame, struct peer_frame_scratch *scratch,
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

struct peer_message sample_raft_message(enum raft_message_type type)
{
    struct peer_message message = {.type = PEER_MESSAGE_RAFT, .from = 11, .to = 22};
    message.raft = (struct raft_message){.type = type, .from = 11, .to = 22, .term = 33};
    return message;
}

void sample_round_trip(const struct peer_message *in, struct peer_frame_scratch *scratch,
                       struct peer_message *out, struct buf *frame)
{
    buf_clear(frame);
    peer_frame_encode(in, frame);
    memset(out, 0, sizeof(*out));
    CU_ASSERT_EQUAL_FATAL(sample_decode(buf_slice(frame), scratch, out), RESULT_OK);
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

struct peer_message sample_append(struct raft_entry *entries, const uint32_t *sizes, uint32_t count)
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
    struct peer_message message = sample_raft_message(RAFT_MESSAGE_APPEND);
    message.raft.append = (struct raft_append){.previous_index = 100,
                                               .previous_term = 29,
                                               .commit_index = 99,
                                               .clock_ms = 1234567890123,
                                               .sequence = 98,
                                               .entries_count = count,
                                               .entries = entries};
    return message;
}

void sample_free_entries(struct raft_entry *entries, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        blob_release(entries[i].payload);
    }
}

struct peer_message sample_forward(struct slice commands)
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

struct peer_message sample_node_info(void)
{
    struct peer_message message = {.type = PEER_MESSAGE_NODE_INFO, .from = 1, .to = 2};
    (void)snprintf(message.node_info.name, sizeof(message.node_info.name), "node-1");
    memset(message.node_info.raft_address, 'r', LIMIT_ADDRESS_BYTES - 1);
    (void)snprintf(message.node_info.redis_address, LIMIT_ADDRESS_BYTES, "localhost:6379");
    (void)snprintf(message.node_info.version, LIMIT_NODE_NAME_BYTES, "0.1");
    return message;
}

static struct peer_snapshot sample_snapshot(void)
{
    return (struct peer_snapshot){.index = 70, .term = 7, .bytes = 300000, .hash = 0xabcdef};
}

struct peer_message sample_snapshot_ask(void)
{
    struct peer_message message = {.type = PEER_MESSAGE_SNAPSHOT_ASK, .from = 1, .to = 2};
    message.snapshot_ask = (struct peer_snapshot_ask){
        .snapshot = sample_snapshot(), .offset = 299999, .bytes = PEER_SNAPSHOT_PIECE_BYTES};
    return message;
}

struct peer_message sample_snapshot_piece(struct slice bytes)
{
    struct peer_message message = {.type = PEER_MESSAGE_SNAPSHOT_PIECE, .from = 1, .to = 2};
    message.snapshot_piece = (struct peer_snapshot_piece){
        .snapshot = sample_snapshot(), .offset = 300000 - bytes.size, .bytes = bytes};
    return message;
}

struct peer_message sample_change(void)
{
    struct peer_message message = {.type = PEER_MESSAGE_CHANGE, .from = 1, .to = 2};
    struct peer_change *change = &message.change;
    change->number = 5;
    change->kind = PEER_CHANGE_MEMBERS;
    change->change = (struct raft_change){.kind = RAFT_CHANGE_ADD, .force = true};
    struct raft_member *member = &change->change.member;
    *member = (struct raft_member){.id = 44, .disk_id = 55, .role = RAFT_JOINING};
    (void)snprintf(member->name, sizeof(member->name), "node-4");
    (void)snprintf(member->raft_address, sizeof(member->raft_address), "host-4:7001");
    (void)snprintf(member->http_address, sizeof(member->http_address), "host-4:8080");
    (void)snprintf(member->redis_address, sizeof(member->redis_address), "host-4:6379");
    return message;
}

/* The messages that are neither raft's nor of the first protocol. */
static struct peer_message late_sample(enum sample sample)
{
    struct peer_message message = {.from = 1, .to = 2};
    switch ((int)sample) {
    case SAMPLE_SNAPSHOT_WANTED:
        message.type = PEER_MESSAGE_SNAPSHOT_WANTED;
        message.snapshot_wanted = 69;
        break;
    case SAMPLE_SNAPSHOT_OFFER:
        message.type = PEER_MESSAGE_SNAPSHOT_OFFER;
        message.snapshot_offer = sample_snapshot();
        break;
    case SAMPLE_SNAPSHOT_ASK:
        return sample_snapshot_ask();
    case SAMPLE_SNAPSHOT_PIECE:
        return sample_snapshot_piece(SLICE_LITERAL("piece"));
    case SAMPLE_CHANGE:
        return sample_change();
    case SAMPLE_CHANGE_TRANSFER:
        message.type = PEER_MESSAGE_CHANGE;
        message.change.kind = PEER_CHANGE_TRANSFER;
        message.change.change.member.id = 9;
        break;
    case SAMPLE_CHANGE_REPLY:
        message.type = PEER_MESSAGE_CHANGE_REPLY;
        message.change_reply =
            (struct peer_change_reply){.number = 5, .result = RESULT_UNREACHABLE, .index = 88};
        break;
    case SAMPLE_STATE_HASH:
        message.type = PEER_MESSAGE_STATE_HASH;
        message.state_hash = (struct peer_state_hash){.index = 6, .hash = UINT64_MAX};
        break;
    case SAMPLE_REMEMBERED:
        message.type = PEER_MESSAGE_REMEMBERED;
        message.remembered = (struct raft_memory){.disk_id = 55, .term = 7, .index = 70};
        break;
    default:
        CU_FAIL_FATAL("no such sample");
    }
    return message;
}

void sample_put(enum sample sample, struct buf *frame)
{
    struct raft_entry entries[3];
    static const uint32_t sizes[] = {20, 0, 3};
    struct peer_message message;
    uint32_t entries_count = 0;
    if (sample < SAMPLE_FORWARD) {
        message = sample_raft_message((enum raft_message_type)(sample + 1));
        if (message.raft.type == RAFT_MESSAGE_APPEND) {
            message = sample_append(entries, sizes, 3);
            entries_count = 3;
        }
    } else if (sample == SAMPLE_FORWARD) {
        message = sample_forward(SLICE_LITERAL("\x00\x01\x01X"));
    } else if (sample == SAMPLE_NODE_INFO) {
        message = sample_node_info();
    } else if (sample == SAMPLE_FORWARD_REFUSED) {
        message = (struct peer_message){.type = PEER_MESSAGE_FORWARD_REFUSED};
    } else {
        message = late_sample(sample);
    }
    buf_clear(frame);
    peer_frame_encode(&message, frame);
    sample_free_entries(entries, entries_count);
}

void sample_seal(struct buf *frame)
{
    uint8_t *at = frame->bytes + frame->head;
    size_t body_bytes = buf_size(frame) - PEER_FRAME_HEADER_BYTES;
    bytes_set_u32(at, (uint32_t)body_bytes);
    uint64_t seed = hash_bytes(0, slice_of(at + PEER_FRAME_HEADER_BYTES, body_bytes));
    bytes_set_u64(at + 24, hash_bytes(seed, slice_of(at, 24)));
}
