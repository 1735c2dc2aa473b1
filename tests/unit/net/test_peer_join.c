/* test_peer_join.c -- a node without a cluster finds one, asks to be added, and becomes a member.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "lib/unit.h"
#include "net/peer_internal.h"
#include "test_peer_lab.h"

enum { OURS = 0xC1, OTHER = 0xC2 };

/* Gives a node what it tells of itself: where it can be called back. */
static void set_self(struct lab_node *node)
{
    (void)snprintf(node->options.self.raft_address, sizeof(node->options.self.raft_address), "%s",
                   node->address);
    peer_net_set_self(node->net, &node->options.self);
}

/* Makes a node of the lab one that joins by an address. */
static void make_joiner(struct lab *lab, struct lab_node *node, const char *address)
{
    lab_node_close(node);
    memset(node->options.cluster_id, 0, sizeof(node->options.cluster_id));
    node->options.is_joining = true;
    lab_node_open(lab, node);
    set_self(node);
    struct peer_net_peer peer = {RAFT_ID_NONE, address};
    peer_net_set_peers(node->net, &peer, 1);
}

/* Nodes 1 and 2 are a cluster, node 3 joins by node 1. */
static struct lab *open_joining(void)
{
    struct lab *lab = lab_open(3);
    uint32_t count = 2;
    lab_introduce(lab, count);
    set_self(&lab->nodes[0]);
    set_self(&lab->nodes[1]);
    CU_ASSERT_FATAL(lab_run_until(lab, lab_all_connected, &count));
    make_joiner(lab, &lab->nodes[2], lab->nodes[0].address);
    return lab;
}

static bool has_found_first(struct lab *lab, void *context)
{
    char name[LIMIT_NODE_NAME_BYTES];
    (void)context;
    return peer_net_discovered(lab->nodes[2].net, lab->nodes[0].address, name) == 1 &&
           peer_net_is_connected(lab->nodes[2].net, 1);
}

static struct peer_message request_of(uint64_t from, uint64_t member)
{
    struct peer_message message = {.type = PEER_MESSAGE_CHANGE, .from = from, .to = 1};
    message.change.kind = PEER_CHANGE_MEMBERS;
    message.change.change.kind = RAFT_CHANGE_ADD;
    message.change.change.member = (struct raft_member){.id = member, .role = RAFT_JOINING};
    return message;
}

static struct peer_message heartbeat_of(uint64_t from, uint64_t to)
{
    struct peer_message message = {.type = PEER_MESSAGE_RAFT, .from = from, .to = to};
    message.raft = (struct raft_message){.type = RAFT_MESSAGE_HEARTBEAT, .from = from, .to = to};
    return message;
}

/* How many messages of a type were recorded that came from that node. */
static uint32_t count_from(const struct lab_node *node, uint64_t from, enum peer_message_type type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->recorder.records_count && i < LAB_RECORDS_MAX; i++) {
        const struct peer_message *message = &node->recorder.records[i].message;
        count += message->from == from && message->type == type ? 1 : 0;
    }
    return count;
}

struct wait_from {
    uint32_t node;
    uint64_t from;
    enum peer_message_type type;
};

static bool has_message_from(struct lab *lab, void *context)
{
    const struct wait_from *wait = context;
    return count_from(&lab->nodes[wait->node], wait->from, wait->type) > 0;
}

/* The members get the third one into their list. */
static void list_third(struct lab *lab)
{
    struct peer_net_peer peers[3];
    for (uint32_t i = 0; i < 3; i++) {
        peers[i] = (struct peer_net_peer){i + 1, lab->nodes[i].address};
    }
    peer_net_set_peers(lab->nodes[0].net, peers, 3);
    peer_net_set_peers(lab->nodes[1].net, peers, 3);
}

UNIT_TEST(peer_join, a_node_finds_a_member_and_asks_it_to_be_added)
{
    struct lab *lab = open_joining();
    CU_ASSERT_FATAL(lab_run_until(lab, has_found_first, NULL));
    struct peer_message request = request_of(3, 3);
    peer_net_send(lab->nodes[2].net, &request);
    struct wait_from asked = {0, 3, PEER_MESSAGE_CHANGE};
    CU_ASSERT(lab_run_until(lab, has_message_from, &asked));
    /* What it tells of itself is none of the cluster's business yet. */
    CU_ASSERT_EQUAL(count_from(&lab->nodes[0], 3, PEER_MESSAGE_NODE_INFO), 0);
    CU_ASSERT_EQUAL(lab->nodes[2].recorder.clusters_found_count, 0);
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    lab_close(lab);
}

static bool can_hear_each_other(struct lab *lab, void *context)
{
    (void)context;
    return peer_net_is_connected(lab->nodes[0].net, 3) &&
           peer_net_is_connected(lab->nodes[1].net, 3) &&
           peer_net_is_connected(lab->nodes[2].net, 1) &&
           peer_net_is_connected(lab->nodes[2].net, 2) &&
           count_from(&lab->nodes[0], 3, PEER_MESSAGE_NODE_INFO) > 0 &&
           count_from(&lab->nodes[1], 3, PEER_MESSAGE_NODE_INFO) > 0;
}

UNIT_TEST(peer_join, once_it_is_listed_it_takes_the_name_and_answers_all_members)
{
    struct lab *lab = open_joining();
    CU_ASSERT_FATAL(lab_run_until(lab, has_found_first, NULL));
    list_third(lab);
    /* Its own log says nothing yet: it calls back who has called it. */
    CU_ASSERT_FATAL(lab_run_until(lab, can_hear_each_other, NULL));
    CU_ASSERT_EQUAL(lab->nodes[2].recorder.clusters_found_count, 1);
    struct peer_message to_third = heartbeat_of(2, 3);
    peer_net_send(lab->nodes[1].net, &to_third);
    struct wait_from heard = {2, 2, PEER_MESSAGE_RAFT};
    CU_ASSERT(lab_run_until(lab, has_message_from, &heard));
    struct peer_message to_second = heartbeat_of(3, 2);
    peer_net_send(lab->nodes[2].net, &to_second);
    struct wait_from answered = {1, 3, PEER_MESSAGE_RAFT};
    CU_ASSERT(lab_run_until(lab, has_message_from, &answered));
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_join, when_its_own_log_lists_it_it_is_a_node_like_any_other)
{
    struct lab *lab = open_joining();
    CU_ASSERT_FATAL(lab_run_until(lab, has_found_first, NULL));
    list_third(lab);
    CU_ASSERT_FATAL(lab_run_until(lab, can_hear_each_other, NULL));
    uint32_t count = 3;
    lab_introduce(lab, count);
    uint8_t id[RAFT_CLUSTER_ID_BYTES];
    memset(id, OURS, sizeof(id));
    peer_net_set_cluster_id(lab->nodes[2].net, id);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    lab_run(lab, 200);
    CU_ASSERT(lab_all_connected(lab, &count));
    CU_ASSERT_FALSE(lab->nodes[2].net->is_joining);
    uint32_t links_count = 0;
    for (struct list *at = lab->nodes[2].net->links.next; at != &lab->nodes[2].net->links;
         at = at->next) {
        links_count++;
    }
    CU_ASSERT_EQUAL(links_count, 2);
    CU_ASSERT_EQUAL(lab->nodes[2].recorder.clusters_found_count, 1);
    CU_ASSERT_EQUAL(lab->warnings_count, 0);
    lab_close(lab);
}

/* ---- Guests ---- */

/* Connects to node 1 as a guest of node 3's id; returns the connection once it was let in. */
static int call_as_guest(struct lab *lab, uint64_t id, uint64_t *answered_to)
{
    struct peer_hello hello;
    struct peer_hello answer;
    uint8_t bytes[PEER_HELLO_BYTES];
    lab_raw_hello(&lab->nodes[2], RAFT_ID_NONE, &hello);
    hello.from = id;
    hello.capabilities = PEER_CAPABILITY_JOINING;
    memset(hello.cluster_id, 0, sizeof(hello.cluster_id));
    int raw = lab_raw_connect(&lab->nodes[0]);
    lab_raw_send_hello(raw, &hello);
    CU_ASSERT(lab_raw_wait_bytes(lab, raw, bytes, sizeof(bytes)));
    CU_ASSERT_EQUAL(peer_hello_decode(bytes, &answer), RESULT_OK);
    *answered_to = answer.to;
    return raw;
}

/* A guest says that; returns whether its connection was closed for it. */
static void check_overstep(struct lab *lab, const struct peer_message *message)
{
    uint64_t answered_to;
    struct buf frame = {0};
    uint8_t byte;
    size_t count = 0;
    int raw = call_as_guest(lab, 3, &answered_to);
    CU_ASSERT_EQUAL(answered_to, 3);
    peer_frame_encode(message, &frame);
    lab_raw_send(raw, buf_slice(&frame).bytes, buf_size(&frame));
    CU_ASSERT(lab_raw_wait_closed(lab, raw, &byte, 1, &count));
    (void)close(raw);
    buf_deinit(&frame);
}

UNIT_TEST(peer_join, a_guest_is_heard_only_asking_to_be_added_itself)
{
    struct lab *lab = lab_open(3);
    lab_introduce(lab, 2);
    struct peer_message heartbeat = heartbeat_of(3, 1);
    check_overstep(lab, &heartbeat);
    struct peer_message for_another = request_of(3, 4);
    check_overstep(lab, &for_another);
    struct peer_message removal = request_of(3, 3);
    removal.change.change.kind = RAFT_CHANGE_REMOVE;
    check_overstep(lab, &removal);
    struct peer_message forced = request_of(3, 3);
    forced.change.change.force = true;
    check_overstep(lab, &forced);
    struct peer_message transfer = request_of(3, 3);
    transfer.change.kind = PEER_CHANGE_TRANSFER;
    check_overstep(lab, &transfer);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "sends more than such a request"), 1);
    CU_ASSERT_EQUAL(count_from(&lab->nodes[0], 3, PEER_MESSAGE_CHANGE), 0);
    CU_ASSERT_EQUAL(count_from(&lab->nodes[0], 3, PEER_MESSAGE_RAFT), 0);
    lab_close(lab);
}

UNIT_TEST(peer_join, a_guest_makes_nobody_keep_fragments_for_it)
{
    struct lab *lab = lab_open(3);
    lab_introduce(lab, 2);
    uint64_t answered_to;
    uint8_t byte;
    size_t count = 0;
    int raw = call_as_guest(lab, 3, &answered_to);
    uint8_t header[PEER_FRAME_HEADER_BYTES] = {0};
    bytes_set_u32(header, PEER_FRAGMENT_HEADER_BYTES + PEER_FRAGMENT_BYTES);
    header[4] = PEER_FRAME_FRAGMENT;
    header[5] = 1;
    bytes_set_u64(header + 8, 3);
    bytes_set_u64(header + 16, 1);
    lab_raw_send(raw, header, sizeof(header));
    CU_ASSERT(lab_raw_wait_closed(lab, raw, &byte, 1, &count));
    (void)close(raw);
    lab_close(lab);
}

UNIT_TEST(peer_join, guests_are_few)
{
    struct lab *lab = lab_open(3);
    lab_introduce(lab, 2);
    int raws[PEER_GUESTS_MAX + 1];
    uint64_t answered_to;
    for (uint32_t i = 0; i < PEER_GUESTS_MAX; i++) {
        raws[i] = call_as_guest(lab, 10 + i, &answered_to);
        CU_ASSERT_EQUAL(answered_to, 10 + i);
    }
    raws[PEER_GUESTS_MAX] = call_as_guest(lab, 99, &answered_to);
    CU_ASSERT_EQUAL(answered_to, RAFT_ID_NONE);
    /* Members are not among them. */
    uint32_t count = 2;
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    for (uint32_t i = 0; i <= PEER_GUESTS_MAX; i++) {
        (void)close(raws[i]);
    }
    lab_close(lab);
}

UNIT_TEST(peer_join, a_guest_does_not_take_the_place_of_a_live_member)
{
    struct lab *lab = lab_open(3);
    uint32_t count = 2;
    lab_introduce(lab, count);
    CU_ASSERT_FATAL(lab_run_until(lab, lab_all_connected, &count));
    uint64_t answered_to;
    int raw = call_as_guest(lab, 2, &answered_to);
    CU_ASSERT_EQUAL(answered_to, RAFT_ID_NONE);
    CU_ASSERT(lab_all_connected(lab, &count));
    CU_ASSERT_EQUAL(lab_lines_with(lab, "Two nodes run with one id"), 1);
    (void)close(raw);
    lab_close(lab);
}

UNIT_TEST(peer_join, a_cluster_without_a_name_lets_nobody_join_until_it_has_one)
{
    struct lab *lab = lab_open(3);
    uint32_t count = 2;
    uint8_t id[RAFT_CLUSTER_ID_BYTES] = {0};
    peer_net_set_cluster_id(lab->nodes[0].net, id);
    peer_net_set_cluster_id(lab->nodes[1].net, id);
    lab_introduce(lab, count);
    make_joiner(lab, &lab->nodes[2], lab->nodes[0].address);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    lab_run(lab, 100);
    CU_ASSERT_FALSE(has_found_first(lab, NULL));
    CU_ASSERT_EQUAL(lab_lines_with(lab, "does not take this node's request to join yet"), 1);
    memset(id, OURS, sizeof(id));
    peer_net_set_cluster_id(lab->nodes[0].net, id);
    CU_ASSERT(lab_run_until(lab, has_found_first, NULL));
    lab_close(lab);
}

/* ---- Whom a node hears that is not listed by its own log ---- */

/* Calls node 3, which has to let it in or not. */
static int call_third(struct lab *lab, uint8_t cluster, uint64_t to, bool is_let_in)
{
    struct peer_hello hello;
    struct peer_hello answer;
    uint8_t bytes[PEER_HELLO_BYTES];
    lab_raw_hello(&lab->nodes[1], to, &hello);
    memset(hello.cluster_id, cluster, sizeof(hello.cluster_id));
    int raw = lab_raw_connect(&lab->nodes[2]);
    lab_raw_send_hello(raw, &hello);
    CU_ASSERT(lab_raw_wait_bytes(lab, raw, bytes, sizeof(bytes)));
    CU_ASSERT_EQUAL(peer_hello_decode(bytes, &answer), RESULT_OK);
    CU_ASSERT_EQUAL(answer.to, is_let_in ? 2 : RAFT_ID_NONE);
    return raw;
}

UNIT_TEST(peer_join, a_node_that_joins_takes_the_name_of_who_knows_its_id_and_of_nobody_else)
{
    struct lab *lab = lab_open(3);
    make_joiner(lab, &lab->nodes[2], "127.0.0.1:1");
    int nameless = call_third(lab, 0, 3, false);
    int by_address = call_third(lab, OURS, RAFT_ID_NONE, false);
    CU_ASSERT_EQUAL(lab->nodes[2].recorder.clusters_found_count, 0);
    int member = call_third(lab, OURS, 3, true);
    CU_ASSERT_EQUAL(lab->nodes[2].recorder.clusters_found_count, 1);
    int other = call_third(lab, OTHER, 3, false);
    CU_ASSERT_EQUAL(lab_lines_with(lab, "belongs to another cluster, c2c2"), 1);
    CU_ASSERT_EQUAL(lab->nodes[2].recorder.clusters_found_count, 1);
    (void)close(nameless);
    (void)close(by_address);
    (void)close(member);
    (void)close(other);
    lab_close(lab);
}

UNIT_TEST(peer_join, a_name_found_before_there_is_a_replica_is_told_later)
{
    struct lab *lab = lab_open(3);
    make_joiner(lab, &lab->nodes[2], "127.0.0.1:1");
    lab->nodes[2].recorder.is_absent = true;
    int member = call_third(lab, OURS, 3, true);
    lab_run(lab, 20);
    CU_ASSERT_EQUAL(lab->nodes[2].recorder.clusters_found_count, 0);
    lab->nodes[2].recorder.is_absent = false;
    peer_net_report_soon(lab->nodes[2].net);
    CU_ASSERT(lab_wait_count(lab, &lab->nodes[2].recorder.clusters_found_count, 1));
    (void)close(member);
    lab_close(lab);
}

static bool third_and_second_connected(struct lab *lab, void *context)
{
    (void)context;
    return peer_net_is_connected(lab->nodes[1].net, 3) &&
           peer_net_is_connected(lab->nodes[2].net, 2);
}

/* The log of node 1 is behind: node 2 has moved since. */
UNIT_TEST(peer_join, a_member_that_has_moved_is_found_where_it_says_it_is)
{
    struct lab *lab = lab_open(2);
    uint32_t count = 2;
    char nobody[64];
    (void)close(lab_raw_listen(nobody));
    set_self(&lab->nodes[1]);
    lab_introduce_one(&lab->nodes[0], 2, nobody);
    lab_introduce_one(&lab->nodes[1], 1, lab->nodes[0].address);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    /* The same list again is no reason to dial the old address. */
    lab_introduce_one(&lab->nodes[0], 2, nobody);
    lab_run(lab, 50);
    CU_ASSERT(lab_all_connected(lab, &count));
    /* Nor is the right list, when it comes, one to dial anew where it is connected. */
    lab_introduce_one(&lab->nodes[0], 2, lab->nodes[1].address);
    CU_ASSERT(lab_all_connected(lab, &count));
    lab_run(lab, 50);
    CU_ASSERT(lab_all_connected(lab, &count));
    CU_ASSERT_EQUAL(lab->nodes[0].recorder.unreachable_count, 0);
    lab_close(lab);
}

UNIT_TEST(peer_join, an_address_that_a_member_tells_wrongly_keeps_nobody_from_the_right_one)
{
    struct lab *lab = lab_open(2);
    uint32_t count = 2;
    (void)close(lab_raw_listen(lab->nodes[1].options.self.raft_address));
    peer_net_set_self(lab->nodes[1].net, &lab->nodes[1].options.self);
    lab_introduce(lab, count);
    CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    for (uint32_t i = 0; i < 3; i++) {
        peer_link_fail(peer_net_find(lab->nodes[0].net, 2), "for the test");
        CU_ASSERT(lab_run_until(lab, lab_all_connected, &count));
    }
    lab_close(lab);
}

/* The log of node 1 is behind: it lists itself and node 3, which is gone; node 2 leads now. */
UNIT_TEST(peer_join, a_node_that_finds_nobody_of_its_list_hears_others_until_it_does)
{
    struct lab *lab = lab_open(3);
    struct peer_net *net = lab->nodes[0].net;
    char nobody[64];
    (void)close(lab_raw_listen(nobody));
    set_self(&lab->nodes[1]);
    lab_introduce_one(&lab->nodes[0], 3, nobody);
    lab_introduce_one(&lab->nodes[1], 1, lab->nodes[0].address);
    lab_run(lab, 50);
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[1].net, 1));
    net->reached_ms -= PEER_LOST_MS;
    struct wait_from heard = {0, 2, PEER_MESSAGE_NODE_INFO};
    CU_ASSERT(lab_run_until(lab, has_message_from, &heard));
    lab_run(lab, 50);
    CU_ASSERT(peer_net_is_connected(lab->nodes[1].net, 1));
    CU_ASSERT(peer_net_is_connected(net, 2));
    /* Node 3 is there after all: the list was right. */
    lab_introduce_one(&lab->nodes[2], 1, lab->nodes[0].address);
    lab_introduce_one(&lab->nodes[0], 3, lab->nodes[2].address);
    lab_run(lab, PEER_LEAVE_MS + 500);
    CU_ASSERT(peer_net_is_connected(net, 3));
    CU_ASSERT_FALSE(peer_net_is_connected(net, 2));
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[1].net, 1));
    lab_close(lab);
}

/* The log of node 3 is behind: it lists node 1, and neither node 3 itself nor node 2, which leads.
 */
UNIT_TEST(peer_join, a_node_that_is_behind_hears_and_answers_a_leader_it_does_not_know)
{
    struct lab *lab = lab_open(3);
    lab_introduce_one(&lab->nodes[1], 3, lab->nodes[2].address);
    set_self(&lab->nodes[1]);
    set_self(&lab->nodes[2]);
    struct peer_net_peer first = {1, lab->nodes[0].address};
    peer_net_set_peers(lab->nodes[2].net, &first, 1);
    CU_ASSERT(lab_run_until(lab, third_and_second_connected, NULL));
    /* It goes on while the log goes on to a list with itself but without node 2: now it is told. */
    peer_net_set_peers(lab->nodes[2].net, &first, 1);
    lab_run(lab, 50);
    CU_ASSERT(third_and_second_connected(lab, NULL));
    lab_introduce_one(&lab->nodes[2], 1, lab->nodes[0].address);
    lab_run(lab, PEER_LEAVE_MS + 200);
    CU_ASSERT_FALSE(peer_net_is_connected(lab->nodes[1].net, 3));
    CU_ASSERT_EQUAL(lab_lines_with(lab, "(node node-3, id 3) says that this node is not"), 1);
    lab_close(lab);
}

static bool first_and_third_connected(struct lab *lab, void *context)
{
    (void)context;
    return peer_net_is_connected(lab->nodes[0].net, 3) &&
           peer_net_is_connected(lab->nodes[2].net, 1);
}

/* Node 3 joined by way of the leader, node 1, and the first list in the log that it is given is of
 * a time before node 1 was a member: it must go on answering it, or it gets no further in the log.
 */
UNIT_TEST(peer_join, whom_it_joined_by_is_answered_though_an_early_list_does_not_have_it)
{
    struct lab *lab = open_joining();
    CU_ASSERT_FATAL(lab_run_until(lab, has_found_first, NULL));
    list_third(lab);
    CU_ASSERT_FATAL(lab_run_until(lab, can_hear_each_other, NULL));
    uint8_t id[RAFT_CLUSTER_ID_BYTES];
    memset(id, OURS, sizeof(id));
    peer_net_set_cluster_id(lab->nodes[2].net, id);
    char nobody[64];
    (void)close(lab_raw_listen(nobody));
    struct peer_net_peer early = {4, nobody};
    peer_net_set_peers(lab->nodes[2].net, &early, 1);
    lab_run(lab, PEER_LEAVE_MS + 500);
    CU_ASSERT(first_and_third_connected(lab, NULL));
    struct peer_message to_first = heartbeat_of(3, 1);
    peer_net_send(lab->nodes[2].net, &to_first);
    struct wait_from answered = {0, 3, PEER_MESSAGE_RAFT};
    CU_ASSERT(lab_run_until(lab, has_message_from, &answered));
    lab_close(lab);
}
