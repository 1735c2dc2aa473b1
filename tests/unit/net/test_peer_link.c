/* test_peer_link.c -- messages over links: kinds, order, sizes, bounds, breaks, corruption. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "lib/unit.h"
#include "net/peer_internal.h"
#include "test_peer_lab.h"

/* Two nodes that are connected and have nothing recorded. */
static struct lab *open_pair(void)
{
    struct lab *lab = lab_open(2);
    uint32_t count = 2;
    lab_introduce(lab, count);
    CU_ASSERT_FATAL(lab_run_until(lab, lab_all_connected, &count));
    for (uint32_t i = 0; i < count; i++) {
        struct lab_recorder *recorder = &lab->nodes[i].recorder;
        CU_ASSERT(lab_wait_count(lab, &recorder->records_count, 1)); /* NODE_INFO */
        CU_ASSERT(lab_wait_count(lab, &recorder->connected_count, 1));
    }
    lab->nodes[0].recorder.records_count = 0;
    lab->nodes[1].recorder.records_count = 0;
    return lab;
}

static struct peer_message raft_message(enum raft_message_type type, uint64_t term)
{
    return (struct peer_message){
        .type = PEER_MESSAGE_RAFT,
        .from = 1,
        .to = 2,
        .raft = {.type = type, .from = 1, .to = 2, .term = term},
    };
}

static void send_heartbeat(struct peer_net *net, uint64_t term)
{
    struct peer_message message = raft_message(RAFT_MESSAGE_HEARTBEAT, term);
    message.raft.heartbeat.read_round = term + 1000;
    peer_net_send(net, &message);
}

/* Sends one append with one entry of so many patterned bytes; returns the hash of its payload. */
static uint64_t send_append(struct peer_net *net, uint64_t term, uint32_t payload_bytes)
{
    struct blob *payload = blob_create(payload_bytes);
    for (uint32_t i = 0; i < payload_bytes; i++) {
        payload->bytes[i] = (uint8_t)(i * 7 + (i >> 9) + term);
    }
    struct raft_entry entry = {
        .index = 1, .term = term, .type = RAFT_ENTRY_COMMAND, .payload = payload};
    struct peer_message message = raft_message(RAFT_MESSAGE_APPEND, term);
    message.raft.append.entries_count = 1;
    message.raft.append.entries = &entry;
    peer_net_send(net, &message);
    uint64_t hash = hash_bytes(0, blob_slice(payload));
    blob_release(payload);
    return hash;
}

UNIT_TEST(peer_link, every_kind_of_message_passes_in_order)
{
    struct lab *lab = open_pair();
    struct peer_net *net = lab->nodes[0].net;
    uint32_t sent = 0;
    for (int type = RAFT_MESSAGE_PRE_VOTE; type <= RAFT_MESSAGE_TIMEOUT_NOW; type++) {
        struct peer_message message = raft_message((enum raft_message_type)type, 10 + sent);
        peer_net_send(net, &message);
        sent++;
    }
    uint64_t hash = send_append(net, 77, 1000);
    struct slice commands = SLICE_LITERAL("three commands, or so");
    struct peer_message forward = {.type = PEER_MESSAGE_FORWARD, .from = 1, .to = 2};
    forward.forward.header = (struct batch_header){1, 101, 9, 3, (uint32_t)commands.size};
    forward.forward.commands = commands;
    peer_net_send(net, &forward);
    struct peer_message refused = {.type = PEER_MESSAGE_FORWARD_REFUSED, .from = 1, .to = 2};
    refused.forward_refused = (struct peer_forward_refused){4, 5, 6};
    peer_net_send(net, &refused);
    sent += 3;
    struct lab_recorder *recorder = &lab->nodes[1].recorder;
    CU_ASSERT_FATAL(lab_wait_count(lab, &recorder->records_count, sent));
    CU_ASSERT_EQUAL(recorder->records_count, sent);
    /* None had to wait, so all kept one order. */
    for (uint32_t i = 0; i < sent - 3; i++) {
        CU_ASSERT_EQUAL(recorder->records[i].message.raft.type, RAFT_MESSAGE_PRE_VOTE + i);
        CU_ASSERT_EQUAL(recorder->records[i].message.raft.term, 10 + i);
        CU_ASSERT_EQUAL(recorder->records[i].message.from, 1);
    }
    CU_ASSERT_EQUAL(recorder->records[sent - 3].payload_hash, hash);
    CU_ASSERT_EQUAL(recorder->records[sent - 2].message.type, PEER_MESSAGE_FORWARD);
    CU_ASSERT_EQUAL(recorder->records[sent - 2].message.forward.header.sequence, 9);
    CU_ASSERT_EQUAL(recorder->records[sent - 2].payload_hash, hash_bytes(0, commands));
    CU_ASSERT_EQUAL(recorder->records[sent - 1].message.forward_refused.sequence, 5);
    lab_close(lab);
}

UNIT_TEST(peer_link, a_turn_of_frames_goes_out_in_one_write)
{
    struct lab *lab = open_pair();
    struct peer_net *net = lab->nodes[0].net;
    for (uint64_t term = 1; term <= 100; term++) {
        send_heartbeat(net, term);
    }
    struct peer_link *link = peer_net_find(net, 2);
    size_t queued = buf_size(&link->output);
    CU_ASSERT(queued > 100 * PEER_FRAME_HEADER_BYTES);
    struct peer_net_stats before, after;
    peer_net_get_stats(net, &before);
    peer_net_flush(net);
    peer_net_get_stats(net, &after);
    CU_ASSERT_EQUAL(after.output_bytes - before.output_bytes, queued);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[1].recorder.records_count, 100));
    lab_close(lab);
}

/* Sends a heartbeat each turn until the append is there. */
static bool append_arrives_amid_heartbeats(struct lab *lab, void *context)
{
    uint64_t *term = context;
    *term += 1;
    send_heartbeat(lab->nodes[0].net, *term);
    return lab_count_raft(&lab->nodes[1].recorder, RAFT_MESSAGE_APPEND) == 1;
}

UNIT_TEST(peer_link, heartbeats_pass_between_the_fragments_of_a_large_append)
{
    enum { LARGE_BYTES = 20 * 1024 * 1024 };
    struct lab *lab = open_pair();
    uint64_t hash = send_append(lab->nodes[0].net, 1, LARGE_BYTES);
    uint64_t term = 1;
    CU_ASSERT(lab_run_until(lab, append_arrives_amid_heartbeats, &term));
    const struct lab_recorder *recorder = &lab->nodes[1].recorder;
    uint32_t before = 0;
    while (recorder->records[before].message.raft.type == RAFT_MESSAGE_HEARTBEAT) {
        CU_ASSERT_EQUAL(recorder->records[before].message.raft.term, 2 + before);
        before++;
    }
    CU_ASSERT(before >= 1);
    CU_ASSERT_EQUAL(recorder->records[before].message.raft.type, RAFT_MESSAGE_APPEND);
    CU_ASSERT_EQUAL(recorder->records[before].payload_bytes, LARGE_BYTES);
    CU_ASSERT_EQUAL(recorder->records[before].payload_hash, hash);
    lab_close(lab);
}

UNIT_TEST(peer_link, appends_of_all_sizes_keep_their_order)
{
    static const uint32_t sizes[] = {300000, 10, 262144, 0, 262145, 1000000, 5, 261900, 700000};
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    struct lab *lab = open_pair();
    uint64_t hashes[SIZES];
    for (uint32_t i = 0; i < SIZES; i++) {
        hashes[i] = send_append(lab->nodes[0].net, i + 1, sizes[i]);
    }
    const struct lab_recorder *recorder = &lab->nodes[1].recorder;
    CU_ASSERT_FATAL(lab_wait_count(lab, &recorder->records_count, SIZES));
    for (uint32_t i = 0; i < SIZES; i++) {
        CU_ASSERT_EQUAL(recorder->records[i].message.raft.term, i + 1);
        CU_ASSERT_EQUAL(recorder->records[i].payload_bytes, sizes[i]);
        CU_ASSERT_EQUAL(recorder->records[i].payload_hash, hashes[i]);
    }
    lab_close(lab);
}

/* A node connected to a bare server that does not read; returns the server's connection. */
static int connect_to_silence(struct lab *lab, uint64_t queue_bytes_max)
{
    char address[64];
    lab_node_close(&lab->nodes[0]);
    lab->nodes[0].options.queue_bytes_max = queue_bytes_max;
    lab_node_open(lab, &lab->nodes[0]);
    int listener = lab_raw_listen(address);
    lab_introduce_one(&lab->nodes[0], 2, address);
    int raw = lab_raw_accept(lab, listener);
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[1], 1, &hello);
    lab_raw_send_hello(raw, &hello);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.connected_count, 1));
    (void)close(listener);
    return raw;
}

UNIT_TEST(peer_link, at_the_bound_a_frame_is_dropped_and_the_replica_told)
{
    enum { BOUND = 1024 * 1024, CHUNK = 200 * 1024, CHUNKS_MAX = 200 };
    struct lab *lab = lab_open(2);
    int raw = connect_to_silence(lab, BOUND);
    struct peer_net *net = lab->nodes[0].net;
    struct peer_net_stats stats = {0};
    peer_net_get_stats(net, &stats);
    uint64_t dropped_before = stats.frames_dropped;
    /* The sockets' own buffers take some megabytes first. */
    for (uint64_t i = 1; i <= CHUNKS_MAX && stats.frames_dropped == dropped_before; i++) {
        (void)send_append(net, i, CHUNK);
        peer_net_flush(net);
        peer_net_get_stats(net, &stats);
    }
    CU_ASSERT_EQUAL(stats.frames_dropped, dropped_before + 1);
    const struct peer_link *link = peer_net_find(net, 2);
    CU_ASSERT(buf_size(&link->bulk) + buf_size(&link->output) <= BOUND);
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.unreachable_count, 0); /* Not outside a turn. */
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.unreachable_count, 1));
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.unreachable_last, 2);
    CU_ASSERT(peer_net_is_connected(net, 2));
    /* Entries that wait do not push out heartbeats, which have a bound of their own. */
    send_heartbeat(net, 5000);
    peer_net_get_stats(net, &stats);
    CU_ASSERT_EQUAL(stats.frames_dropped, dropped_before + 1);
    for (uint64_t i = 0; i < PEER_URGENT_BYTES_MAX / PEER_FRAME_HEADER_BYTES; i++) {
        send_heartbeat(net, i);
    }
    CU_ASSERT(buf_size(&link->urgent) <= PEER_URGENT_BYTES_MAX);
    peer_net_get_stats(net, &stats);
    CU_ASSERT(stats.frames_dropped > dropped_before + 1);
    (void)close(raw);
    lab_close(lab);
}

/* Walks over the frames that a bare server receives. */
struct frame_walk {
    int descriptor;
    struct buf bytes; /* not walked over yet */
    uint32_t fragments_count;
    uint32_t votes_count;
};

static bool walk_to_vote(struct lab *lab, void *context)
{
    (void)lab;
    struct frame_walk *walk = context;
    enum { READ_BYTES = 64 * 1024 };
    ssize_t count = recv(walk->descriptor, buf_reserve(&walk->bytes, READ_BYTES), READ_BYTES, 0);
    buf_commit(&walk->bytes, count > 0 ? (size_t)count : 0);
    while (buf_size(&walk->bytes) >= PEER_FRAME_HEADER_BYTES && walk->votes_count == 0) {
        struct peer_frame_header header;
        enum result result = peer_frame_header_decode(buf_slice(&walk->bytes).bytes, &header);
        CU_ASSERT_EQUAL_FATAL(result, RESULT_OK);
        if (buf_size(&walk->bytes) < PEER_FRAME_HEADER_BYTES + header.body_bytes) {
            break;
        }
        walk->fragments_count += header.type == PEER_FRAME_FRAGMENT ? 1 : 0;
        walk->votes_count += header.type == PEER_FRAME_VOTE ? 1 : 0;
        buf_consume(&walk->bytes, PEER_FRAME_HEADER_BYTES + header.body_bytes);
    }
    return walk->votes_count > 0;
}

UNIT_TEST(peer_link, an_urgent_frame_passes_all_but_a_bounded_number_of_bytes)
{
    enum { LARGE_BYTES = 32 * 1024 * 1024, FRAGMENTS = LARGE_BYTES / PEER_FRAGMENT_BYTES };
    struct lab *lab = lab_open(2);
    int raw = connect_to_silence(lab, 0);
    struct peer_net *net = lab->nodes[0].net;
    (void)send_append(net, 1, LARGE_BYTES);
    for (uint32_t i = 0; i < 20; i++) {
        peer_net_flush(net);
    }
    const struct peer_link *link = peer_net_find(net, 2);
    CU_ASSERT(link->is_socket_full);
    CU_ASSERT(buf_size(&link->output) <= PEER_OUTPUT_BYTES + 2 * (size_t)PEER_FRAGMENT_BYTES);
    /* Heartbeats until the output takes no more of them, so that the vote has to wait in line:
     * behind what was cut already, and before the rest of the append. */
    uint32_t fragments_cut = (uint32_t)(link->bulk_offset / PEER_FRAGMENT_BYTES);
    CU_ASSERT(fragments_cut < FRAGMENTS / 2);
    for (uint64_t i = 0; buf_size(&link->urgent) == 0 && i < PEER_OUTPUT_BYTES; i++) {
        send_heartbeat(net, i);
    }
    struct peer_message vote = raft_message(RAFT_MESSAGE_VOTE, 9);
    peer_net_send(net, &vote);
    uint8_t hello[PEER_HELLO_BYTES];
    CU_ASSERT(lab_raw_wait_bytes(lab, raw, hello, sizeof(hello)));
    struct frame_walk walk = {.descriptor = raw};
    CU_ASSERT(lab_run_until(lab, walk_to_vote, &walk));
    /* At most one turn's filling of the output may have got in between. */
    CU_ASSERT(walk.fragments_count <= fragments_cut + 2);
    buf_deinit(&walk.bytes);
    (void)close(raw);
    lab_close(lab);
}

UNIT_TEST(peer_link, pieces_of_a_snapshot_and_entries_wait_in_one_line_and_delay_no_heartbeat)
{
    enum { ROUNDS = 20 };
    struct lab *lab = open_pair();
    struct peer_net *net = lab->nodes[0].net;
    uint8_t *bytes = mem_alloc_zeroed(1, PEER_SNAPSHOT_PIECE_BYTES);
    struct peer_message piece = {.type = PEER_MESSAGE_SNAPSHOT_PIECE, .from = 1, .to = 2};
    piece.snapshot_piece.snapshot = (struct peer_snapshot){5, 1, 1u << 30, 9};
    piece.snapshot_piece.bytes = slice_of(bytes, PEER_SNAPSHOT_PIECE_BYTES);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        piece.snapshot_piece.offset = i * PEER_SNAPSHOT_PIECE_BYTES;
        peer_net_send(net, &piece);
        (void)send_append(net, 100 + i, 600000);
    }
    send_heartbeat(net, 1);
    struct lab_recorder *recorder = &lab->nodes[1].recorder;
    CU_ASSERT_FATAL(lab_wait_count(lab, &recorder->records_count, 2 * ROUNDS + 1));
    uint64_t bulk_count = 0;
    uint32_t before_heartbeat = 0;
    for (uint32_t i = 0; i < recorder->records_count; i++) {
        const struct lab_record *record = &recorder->records[i];
        if (record->message.type == PEER_MESSAGE_SNAPSHOT_PIECE) {
            CU_ASSERT_EQUAL(bulk_count % 2, 0);
            CU_ASSERT_EQUAL(record->message.snapshot_piece.offset,
                            bulk_count / 2 * PEER_SNAPSHOT_PIECE_BYTES);
            CU_ASSERT_EQUAL(record->payload_bytes, PEER_SNAPSHOT_PIECE_BYTES);
        } else if (record->message.raft.type == RAFT_MESSAGE_APPEND) {
            CU_ASSERT_EQUAL(bulk_count % 2, 1);
            CU_ASSERT_EQUAL(record->message.raft.term, 100 + bulk_count / 2);
        } else {
            before_heartbeat = i;
            continue;
        }
        bulk_count++;
    }
    CU_ASSERT_EQUAL(bulk_count, 2 * ROUNDS);
    CU_ASSERT(before_heartbeat < 4); /* What output held already. */
    struct peer_net_stats stats;
    peer_net_get_stats(net, &stats);
    CU_ASSERT_EQUAL(stats.frames_dropped, 0);
    mem_free(bytes);
    lab_close(lab);
}

UNIT_TEST(peer_link, what_a_node_tells_of_itself_is_told_again_when_it_changes)
{
    struct lab *lab = open_pair();
    struct peer_node_info self = lab->nodes[0].options.self;
    self.is_disk_low = true;
    (void)snprintf(self.http_address, sizeof(self.http_address), "host:1");
    peer_net_set_self(lab->nodes[0].net, &self);
    struct lab_recorder *recorder = &lab->nodes[1].recorder;
    CU_ASSERT_FATAL(lab_wait_count(lab, &recorder->records_count, 1));
    CU_ASSERT_EQUAL(recorder->records[0].message.type, PEER_MESSAGE_NODE_INFO);
    CU_ASSERT(recorder->records[0].message.node_info.is_disk_low);
    CU_ASSERT_STRING_EQUAL(recorder->records[0].message.node_info.http_address, "host:1");
    /* And told to who connects later. */
    peer_link_redial(peer_net_find(lab->nodes[0].net, 2));
    CU_ASSERT_FATAL(lab_wait_count(lab, &recorder->records_count, 2));
    CU_ASSERT(recorder->records[1].message.node_info.is_disk_low);
    lab_close(lab);
}

UNIT_TEST(peer_link, messages_to_who_is_not_connected_are_dropped)
{
    struct lab *lab = lab_open(1);
    struct peer_net *net = lab->nodes[0].net;
    lab_introduce_one(&lab->nodes[0], 2, "127.0.0.1:1");
    send_heartbeat(net, 1);
    struct peer_message message = raft_message(RAFT_MESSAGE_VOTE, 1);
    message.to = 99;
    peer_net_send(net, &message);
    struct peer_net_stats stats;
    peer_net_get_stats(net, &stats);
    CU_ASSERT_EQUAL(stats.frames_dropped, 2);
    lab_run(lab, 50);
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.unreachable_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_link, a_peer_that_comes_back_on_its_port_is_connected_again)
{
    struct lab *lab = open_pair();
    lab_node_close(&lab->nodes[1]);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.unreachable_count, 1));
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[0].net, 2));
    lab_run(lab, 100);
    lab->nodes[1].options.incarnation++;
    lab_node_open(lab, &lab->nodes[1]);
    lab_introduce(lab, 2);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.connected_count, 2));
    send_heartbeat(lab->nodes[0].net, 3);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[1].recorder.records_count, 2));
    CU_ASSERT_EQUAL(lab_lines_with(lab, "Two nodes run with one id"), 0);
    lab_close(lab);
}

UNIT_TEST(peer_link, a_peer_with_a_new_address_is_dialled_there)
{
    struct lab *lab = open_pair();
    lab_node_close(&lab->nodes[1]);
    lab->nodes[1].options.port = 0;
    lab_node_open(lab, &lab->nodes[1]);
    lab_introduce(lab, 2);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.connected_count, 2));
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.unreachable_count, 1);
    CU_ASSERT(peer_net_is_connected(lab->nodes[0].net, 2));
    lab_close(lab);
}

/* ---- Frames that are wrong ---- */

/* Connects as node 2 to node 1 and sends a good frame, then these bytes. Returns what was recorded
 * besides the good frame, or UINT32_MAX when the connection was not closed. */
static uint32_t records_after(const void *bytes, size_t size, const char *line)
{
    struct lab *lab = lab_open(2);
    int raw = lab_raw_connect(&lab->nodes[0]);
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[1], 1, &hello);
    lab_raw_send_hello(raw, &hello);
    struct peer_message good = raft_message(RAFT_MESSAGE_HEARTBEAT, 1);
    good.from = good.raft.from = 2;
    good.to = good.raft.to = 1;
    struct buf frame = {0};
    peer_frame_encode(&good, &frame);
    lab_raw_send(raw, frame.bytes + frame.head, buf_size(&frame));
    buf_deinit(&frame);
    lab_raw_send(raw, bytes, size);
    uint8_t answer[PEER_HELLO_BYTES];
    size_t count = 0;
    bool was_closed = lab_raw_wait_closed(lab, raw, answer, sizeof(answer), &count);
    CU_ASSERT_EQUAL(count, PEER_HELLO_BYTES);
    CU_ASSERT_EQUAL(lab_lines_with(lab, line), 1);
    uint32_t records = lab->nodes[0].recorder.records_count;
    (void)close(raw);
    lab_close(lab);
    return was_closed && records >= 1 ? records - 1 : UINT32_MAX;
}

/* A vote of the node from to the node to, as a frame. */
static struct buf vote_frame(uint64_t from, uint64_t to)
{
    struct peer_message vote = raft_message(RAFT_MESSAGE_VOTE, 3);
    vote.from = vote.raft.from = from;
    vote.to = vote.raft.to = to;
    struct buf frame = {0};
    peer_frame_encode(&vote, &frame);
    return frame;
}

UNIT_TEST(peer_link, a_frame_with_a_flipped_bit_closes_the_connection)
{
    struct buf frame = vote_frame(2, 1);
    frame.bytes[PEER_FRAME_HEADER_BYTES + 3] ^= 1;
    CU_ASSERT_EQUAL(records_after(frame.bytes, buf_size(&frame), "wrong checksum or body"), 0);
    buf_deinit(&frame);
}

UNIT_TEST(peer_link, a_frame_of_an_unknown_type_closes_the_connection)
{
    struct buf frame = vote_frame(2, 1);
    frame.bytes[4] = 200;
    CU_ASSERT_EQUAL(records_after(frame.bytes, buf_size(&frame), "a malformed frame"), 0);
    buf_deinit(&frame);
}

UNIT_TEST(peer_link, a_frame_of_another_version_closes_the_connection)
{
    struct buf frame = vote_frame(2, 1);
    frame.bytes[5] = 2;
    CU_ASSERT_EQUAL(records_after(frame.bytes, buf_size(&frame), "a frame of another version"), 0);
    buf_deinit(&frame);
}

UNIT_TEST(peer_link, a_frame_of_or_for_another_node_closes_the_connection)
{
    struct buf frame = vote_frame(3, 1);
    CU_ASSERT_EQUAL(records_after(frame.bytes, buf_size(&frame), "frame of another node"), 0);
    buf_deinit(&frame);
    frame = vote_frame(2, 3);
    CU_ASSERT_EQUAL(records_after(frame.bytes, buf_size(&frame), "or for another node"), 0);
    buf_deinit(&frame);
}

UNIT_TEST(peer_link, a_frame_of_another_node_inside_fragments_closes_the_connection)
{
    struct buf frame = vote_frame(3, 1);
    struct buf fragment = {0};
    (void)peer_frame_fragment(buf_slice(&frame), 1, 0, &fragment);
    /* The fragment itself claims to be of node 2, with a checksum to match. */
    uint8_t *at = fragment.bytes;
    bytes_set_u64(at + 8, 2);
    struct slice body =
        slice_of(at + PEER_FRAME_HEADER_BYTES, buf_size(&fragment) - PEER_FRAME_HEADER_BYTES);
    bytes_set_u64(at + 24, hash_bytes(hash_bytes(0, body), slice_of(at, 24)));
    CU_ASSERT_EQUAL(records_after(at, buf_size(&fragment), "inside fragments"), 0);
    buf_deinit(&fragment);
    buf_deinit(&frame);
}

UNIT_TEST(peer_link, a_fragment_out_of_order_closes_the_connection)
{
    struct peer_message forward = {.type = PEER_MESSAGE_FORWARD, .from = 2, .to = 1};
    size_t size = 2 * (size_t)PEER_FRAGMENT_BYTES;
    void *commands = mem_alloc_zeroed(1, size);
    forward.forward.commands = slice_of(commands, size);
    forward.forward.header.commands_bytes = (uint32_t)size;
    struct buf frame = {0};
    peer_frame_encode(&forward, &frame);
    mem_free(commands);
    struct buf fragment = {0};
    size_t second = buf_size(&frame) - 100;
    (void)peer_frame_fragment(buf_slice(&frame), 1, second, &fragment);
    CU_ASSERT_EQUAL(records_after(fragment.bytes, buf_size(&fragment), "fragment out of order"), 0);
    buf_deinit(&fragment);
    buf_deinit(&frame);
}

UNIT_TEST(peer_link, an_announced_size_alone_closes_the_connection_when_it_is_too_large)
{
    struct buf frame = vote_frame(2, 1);
    bytes_set_u32(frame.bytes, PEER_FRAGMENT_BYTES + 1000);
    frame.bytes[4] = PEER_FRAME_APPEND;
    CU_ASSERT_EQUAL(
        records_after(frame.bytes, PEER_FRAME_HEADER_BYTES, "should have been cut into fragments"),
        0);
    buf_deinit(&frame);
}

UNIT_TEST(peer_link, frames_arrive_whole_however_the_stream_is_cut)
{
    struct lab *lab = lab_open(2);
    int raw = lab_raw_connect(&lab->nodes[0]);
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[1], 1, &hello);
    struct buf bytes = {0};
    peer_hello_encode(&hello, buf_reserve(&bytes, PEER_HELLO_BYTES));
    buf_commit(&bytes, PEER_HELLO_BYTES);
    struct buf frame = vote_frame(2, 1);
    buf_append_slice(&bytes, buf_slice(&frame));
    buf_append_slice(&bytes, buf_slice(&frame));
    for (size_t i = 0; i < buf_size(&bytes); i++) {
        lab_raw_send(raw, bytes.bytes + bytes.head + i, 1);
        lab_run(lab, 0);
        (void)event_base_loop(lab->base, EVLOOP_NONBLOCK);
    }
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.records_count, 2));
    buf_deinit(&frame);
    buf_deinit(&bytes);
    (void)close(raw);
    lab_close(lab);
}
