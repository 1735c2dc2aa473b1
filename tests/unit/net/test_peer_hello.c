/* test_peer_hello.c -- who is let in, who is refused, and what is said about it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/unit.h"
#include "net/peer_internal.h"
#include "test_peer_lab.h"

static struct peer_net_stats stats_of(const struct lab_node *node)
{
    struct peer_net_stats stats;
    peer_net_get_stats(node->net, &stats);
    return stats;
}

/* Question: every one of the first two nodes has refused at least so many links. */
static bool both_refused(struct lab *lab, void *context)
{
    uint64_t times = *(const uint64_t *)context;
    return stats_of(&lab->nodes[0]).links_refused >= times &&
           stats_of(&lab->nodes[1]).links_refused >= times;
}

static bool first_refused(struct lab *lab, void *context)
{
    return stats_of(&lab->nodes[0]).links_refused >= *(const uint64_t *)context;
}

UNIT_TEST(peer_hello, three_nodes_connect_to_each_other)
{
    struct lab *lab = lab_open(3);
    uint32_t count = 3;
    lab_introduce(lab, count);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    for (uint32_t i = 0; i < count; i++) {
        const struct lab_recorder *recorder = &lab->nodes[i].recorder;
        CU_ASSERT(lab_wait_count(lab, &recorder->connected_count, 2));
        CU_ASSERT(lab_wait_count(lab, &recorder->records_count, 2)); /* The two NODE_INFO. */
        CU_ASSERT_EQUAL(recorder->records[0].message.type, PEER_MESSAGE_NODE_INFO);
        CU_ASSERT_EQUAL(recorder->unreachable_count, 0);
        CU_ASSERT_EQUAL(stats_of(&lab->nodes[i]).links_refused, 0);
    }
    lab_close(lab);
}

UNIT_TEST(peer_hello, another_cluster_is_refused_on_both_sides_and_logged_once_by_each)
{
    struct lab *lab = lab_open(2);
    uint8_t other[RAFT_CLUSTER_ID_BYTES];
    memset(other, 0xC2, sizeof(other));
    peer_net_set_cluster_id(lab->nodes[1].net, other);
    lab_introduce(lab, 2);
    uint64_t times = 4;
    CU_ASSERT(lab_run_until(lab, both_refused, &times));
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[0].net, 2));
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[1].net, 1));
    CU_ASSERT_EQUAL(lab_lines_with(lab, "belongs to another cluster, c2c2"), 1);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "belongs to another cluster, c1c1"), 1);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "Check --peers on both sides, or the data directory"), 2);
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.connected_count, 0);
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.records_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_hello, a_node_with_another_id_than_expected_is_refused_on_both_sides)
{
    struct lab *lab = lab_open(2);
    lab_introduce_one(&lab->nodes[0], 7, lab->nodes[1].address);
    uint64_t times = 3;
    CU_ASSERT(lab_run_until(lab, both_refused, &times));
    CU_ASSERT_EQUAL(lab_lines_with(lab, "is node node-2 (id 2), not the one with id 7"), 1);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "takes this node for id 7, but it is node-2 (id 2)"), 1);
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[0].net, 7));
    lab_close(lab);
}

UNIT_TEST(peer_hello, a_stranger_is_refused_and_told_so)
{
    struct lab *lab = lab_open(3);
    lab_introduce(lab, 2);
    lab_introduce_one(&lab->nodes[2], 1, lab->nodes[0].address);
    uint64_t times = 3;
    CU_ASSERT(lab_run_until(lab, first_refused, &times));
    CU_ASSERT_EQUAL(lab_lines_with(lab, "(node node-3, id 3) is not a member"), 1);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "(node node-1, id 1) says that this node is not a member"),
                    1);
    CU_ASSERT_EQUAL(lab->nodes[2].recorder.connected_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_hello, a_member_that_was_removed_is_cut_off)
{
    struct lab *lab = lab_open(2);
    uint32_t count = 2;
    lab_introduce(lab, count);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    struct peer_net_peer self = {1, lab->nodes[0].address};
    peer_net_set_peers(lab->nodes[0].net, &self, 1);
    uint64_t times = 2; /* the first one has been told by then */
    CU_ASSERT(lab_run_until(lab, first_refused, &times));
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[0].net, 2));
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[1].net, 1));
    CU_ASSERT_EQUAL(lab_lines_with(lab, "says that this node is not a member"), 1);
    lab_close(lab);
}

UNIT_TEST(peer_hello, a_member_that_was_removed_still_gets_what_is_sent_to_it_at_once)
{
    struct lab *lab = lab_open(2);
    uint32_t count = 2;
    lab_introduce(lab, count);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[1].recorder.records_count, 1)); /* NODE_INFO */
    struct peer_net_peer self = {1, lab->nodes[0].address};
    peer_net_set_peers(lab->nodes[0].net, &self, 1);
    peer_net_set_peers(lab->nodes[0].net, &self, 1);
    struct peer_message commit = {.type = PEER_MESSAGE_RAFT, .from = 1, .to = 2};
    commit.raft = (struct raft_message){.type = RAFT_MESSAGE_HEARTBEAT, .from = 1, .to = 2};
    commit.raft.term = 3;
    peer_net_send(lab->nodes[0].net, &commit);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[1].recorder.records_count, 2));
    /* One that is a member again is linked with as if nothing had happened. */
    lab_introduce(lab, count);
    lab_run(lab, PEER_LEAVE_MS + 200);
    CU_ASSERT(lab_all_connected(lab, &count));
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.unreachable_count, 0);
    CU_ASSERT_EQUAL(lab->nodes[1].recorder.unreachable_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_hello, the_link_to_a_removed_member_that_breaks_is_not_dialled_again)
{
    struct lab *lab = lab_open(2);
    uint32_t count = 2;
    lab_introduce(lab, count);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    struct peer_net_peer self = {1, lab->nodes[0].address};
    peer_net_set_peers(lab->nodes[0].net, &self, 1);
    lab_node_close(&lab->nodes[1]);
    lab_run(lab, 50);
    CU_ASSERT(list_is_empty(&lab->nodes[0].net->links));
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.unreachable_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_hello, a_caller_of_another_protocol_version_gets_our_hello_and_is_closed)
{
    struct lab *lab = lab_open(2);
    lab_introduce_one(&lab->nodes[0], 2, lab->nodes[1].address);
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[1], 1, &hello);
    hello.version = PEER_PROTOCOL_VERSION + 1;
    int raw = lab_raw_connect(&lab->nodes[0]);
    lab_raw_send_hello(raw, &hello);
    uint8_t answer[PEER_HELLO_BYTES];
    size_t count = 0;
    CU_ASSERT(lab_raw_wait_closed(lab, raw, answer, sizeof(answer), &count));
    CU_ASSERT_EQUAL(count, PEER_HELLO_BYTES);
    CU_ASSERT_EQUAL(peer_hello_decode(answer, &hello), RESULT_OK);
    CU_ASSERT_EQUAL(hello.from, 1);
    CU_ASSERT_EQUAL(hello.to, RAFT_ID_NONE);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "speaks version 5 of the peer protocol"), 1);
    (void)close(raw);
    lab_close(lab);
}

/* What a dialler does with the answer of a bare server; returns the lines that contain text. */
static uint32_t lines_after_answer(const void *answer, size_t size, const char *text)
{
    struct lab *lab = lab_open(1);
    char address[64];
    int listener = lab_raw_listen(address);
    lab_introduce_one(&lab->nodes[0], 2, address);
    for (uint32_t i = 0; i < 2; i++) { /* Twice, to see that it dials again and logs once. */
        int raw = lab_raw_accept(lab, listener);
        CU_ASSERT_FATAL(raw >= 0);
        lab_raw_send(raw, answer, size);
        uint8_t hello[PEER_HELLO_BYTES];
        size_t count = 0;
        CU_ASSERT(lab_raw_wait_closed(lab, raw, hello, sizeof(hello), &count));
        CU_ASSERT_EQUAL(count, PEER_HELLO_BYTES);
        (void)close(raw);
    }
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.connected_count, 0);
    uint32_t lines = lab_lines_with(lab, text);
    (void)close(listener);
    lab_close(lab);
    return lines;
}

UNIT_TEST(peer_hello, a_dialler_refuses_another_protocol_version)
{
    struct peer_hello hello = {.version = PEER_PROTOCOL_VERSION + 1, .from = 2, .to = 1};
    uint8_t bytes[PEER_HELLO_BYTES];
    peer_hello_encode(&hello, bytes);
    CU_ASSERT_EQUAL(lines_after_answer(bytes, sizeof(bytes), "speaks version 5"), 1);
}

UNIT_TEST(peer_hello, a_dialler_refuses_what_is_no_peer)
{
    char bytes[PEER_HELLO_BYTES];
    memset(bytes, '-', sizeof(bytes));
    CU_ASSERT_EQUAL(lines_after_answer(bytes, sizeof(bytes), "does not speak the peer protocol"),
                    1);
}

UNIT_TEST(peer_hello, bytes_behind_the_answer_end_a_dialled_link)
{
    struct lab *lab = lab_open(2);
    char address[64];
    int listener = lab_raw_listen(address);
    lab_introduce_one(&lab->nodes[0], 2, address);
    int raw = lab_raw_accept(lab, listener);
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[1], 1, &hello);
    lab_raw_send_hello(raw, &hello);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.connected_count, 1));
    lab_raw_send(raw, "x", 1);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[0].recorder.unreachable_count, 1));
    CU_ASSERT_EQUAL(lab_lines_with(lab, "it sent bytes behind its hello"), 1);
    (void)close(raw);
    (void)close(listener);
    lab_close(lab);
}

UNIT_TEST(peer_hello, garbage_gets_no_answer)
{
    struct lab *lab = lab_open(1);
    char bytes[PEER_HELLO_BYTES];
    memset(bytes, 'x', sizeof(bytes));
    for (uint32_t i = 0; i < 3; i++) {
        int raw = lab_raw_connect(&lab->nodes[0]);
        lab_raw_send(raw, bytes, sizeof(bytes));
        uint8_t answer[1];
        size_t count = 0;
        CU_ASSERT(lab_raw_wait_closed(lab, raw, answer, sizeof(answer), &count));
        CU_ASSERT_EQUAL(count, 0);
        (void)close(raw);
    }
    CU_ASSERT_EQUAL(lab_lines_with(lab, "does not speak the peer protocol"), 1);
    lab_close(lab);
}

UNIT_TEST(peer_hello, a_hello_with_one_flipped_bit_is_garbage)
{
    struct lab *lab = lab_open(2);
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[1], 1, &hello);
    uint8_t bytes[PEER_HELLO_BYTES];
    peer_hello_encode(&hello, bytes);
    bytes[33] ^= 4;
    int raw = lab_raw_connect(&lab->nodes[0]);
    lab_raw_send(raw, bytes, sizeof(bytes));
    uint8_t answer[1];
    size_t count = 0;
    CU_ASSERT(lab_raw_wait_closed(lab, raw, answer, sizeof(answer), &count));
    CU_ASSERT_EQUAL(count, 0);
    (void)close(raw);
    lab_close(lab);
}

UNIT_TEST(peer_hello, half_a_hello_is_closed_after_a_while)
{
    struct lab *lab = lab_open(2);
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[1], 1, &hello);
    uint8_t bytes[PEER_HELLO_BYTES];
    peer_hello_encode(&hello, bytes);
    int raw = lab_raw_connect(&lab->nodes[0]);
    lab_raw_send(raw, bytes, PEER_HELLO_BYTES / 2);
    uint8_t answer[1];
    size_t count = 0;
    CU_ASSERT(lab_raw_wait_closed(lab, raw, answer, sizeof(answer), &count));
    CU_ASSERT_EQUAL(count, 0);
    (void)close(raw);
    lab_close(lab);
}

UNIT_TEST(peer_hello, a_silent_acceptor_is_given_up_and_dialled_again)
{
    struct lab *lab = lab_open(1);
    char address[64];
    int listener = lab_raw_listen(address);
    lab_introduce_one(&lab->nodes[0], 2, address);
    int silent = lab_raw_accept(lab, listener);
    int next = lab_raw_accept(lab, listener);
    CU_ASSERT(silent >= 0);
    CU_ASSERT(next >= 0);
    (void)close(silent);
    (void)close(next);
    (void)close(listener);
    lab_close(lab);
}

UNIT_TEST(peer_hello, too_many_silent_callers_push_out_the_oldest)
{
    struct lab *lab = lab_open(2);
    int raws[PEER_UNIDENTIFIED_MAX + 1];
    for (uint32_t i = 0; i < PEER_UNIDENTIFIED_MAX + 1; i++) {
        raws[i] = lab_raw_connect(&lab->nodes[0]);
    }
    uint8_t answer[PEER_HELLO_BYTES];
    size_t count = 0;
    CU_ASSERT(lab_raw_wait_closed(lab, raws[0], answer, 1, &count));
    CU_ASSERT_EQUAL(lab->nodes[0].net->unidentified_count, PEER_UNIDENTIFIED_MAX);
    /* The newest is served. */
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[1], 1, &hello);
    lab_raw_send_hello(raws[PEER_UNIDENTIFIED_MAX], &hello);
    CU_ASSERT(lab_raw_wait_bytes(lab, raws[PEER_UNIDENTIFIED_MAX], answer, sizeof(answer)));
    CU_ASSERT_EQUAL(lab->nodes[0].net->unidentified_count, PEER_UNIDENTIFIED_MAX - 1);
    for (uint32_t i = 0; i < PEER_UNIDENTIFIED_MAX + 1; i++) {
        (void)close(raws[i]);
    }
    lab_close(lab);
}

/* Connects a bare client as the node; returns it after the answer came. */
static int connect_as(struct lab *lab, const struct lab_node *node, uint64_t incarnation)
{
    struct peer_hello hello;
    lab_raw_hello(node, 1, &hello);
    hello.incarnation = incarnation;
    int raw = lab_raw_connect(&lab->nodes[0]);
    lab_raw_send_hello(raw, &hello);
    uint8_t answer[PEER_HELLO_BYTES];
    CU_ASSERT(lab_raw_wait_bytes(lab, raw, answer, sizeof(answer)));
    CU_ASSERT_EQUAL(peer_hello_decode(answer, &hello), RESULT_OK);
    CU_ASSERT_EQUAL(hello.to, node->options.self_id);
    return raw;
}

UNIT_TEST(peer_hello, a_newer_connection_of_a_peer_replaces_the_older)
{
    struct lab *lab = lab_open(2);
    int older = connect_as(lab, &lab->nodes[1], 5);
    int newer = connect_as(lab, &lab->nodes[1], 5);
    uint8_t byte;
    size_t count = 0;
    CU_ASSERT(lab_raw_wait_closed(lab, older, &byte, 1, &count));
    CU_ASSERT_EQUAL(lab->nodes[0].net->identified_count, 1);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "Two nodes run with one id"), 0);
    (void)close(older);
    (void)close(newer);
    lab_close(lab);
}

UNIT_TEST(peer_hello, two_live_nodes_with_one_id_are_reported_once)
{
    struct lab *lab = lab_open(2);
    int raws[3];
    raws[0] = connect_as(lab, &lab->nodes[1], 5);
    raws[1] = connect_as(lab, &lab->nodes[1], 6);
    raws[2] = connect_as(lab, &lab->nodes[1], 5);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "Two nodes run with one id"), 1);
    for (uint32_t i = 0; i < 3; i++) {
        (void)close(raws[i]);
    }
    lab_close(lab);
}

static bool has_silent_caller(struct lab *lab, void *context)
{
    (void)context;
    return lab->nodes[0].net->unidentified_count == 1;
}

UNIT_TEST(peer_hello, a_restarted_peer_is_no_duplicate)
{
    struct lab *lab = lab_open(2);
    int older = connect_as(lab, &lab->nodes[1], 5);
    int newer = lab_raw_connect(&lab->nodes[0]);
    CU_ASSERT(lab_run_until(lab, has_silent_caller, NULL));
    /* In one turn the new hello comes first and the end of the old connection behind it. */
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[1], 1, &hello);
    hello.incarnation = 6;
    lab_raw_send_hello(newer, &hello);
    (void)close(older);
    uint8_t answer[PEER_HELLO_BYTES];
    CU_ASSERT(lab_raw_wait_bytes(lab, newer, answer, sizeof(answer)));
    CU_ASSERT_EQUAL(lab->nodes[0].net->identified_count, 1);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "Two nodes run with one id"), 0);
    (void)close(newer);
    lab_close(lab);
}

UNIT_TEST(peer_hello, a_caller_with_our_own_id_is_refused)
{
    struct lab *lab = lab_open(1);
    struct peer_hello hello;
    lab_raw_hello(&lab->nodes[0], 1, &hello);
    hello.incarnation++;
    int raw = lab_raw_connect(&lab->nodes[0]);
    lab_raw_send_hello(raw, &hello);
    uint8_t answer[PEER_HELLO_BYTES];
    size_t count = 0;
    CU_ASSERT(lab_raw_wait_closed(lab, raw, answer, sizeof(answer), &count));
    CU_ASSERT_EQUAL(count, PEER_HELLO_BYTES);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "runs with the id of this node, 1"), 1);
    (void)close(raw);
    lab_close(lab);
}
