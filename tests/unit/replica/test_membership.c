/* test_membership.c -- QUORUM ADD and the like on whole clusters: what is answered, and that it is
 * so. Covers faults.md M5, M6, M9, M10, M12.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/unit.h"
#include "sim/lab_client.h"

enum { CLIENTS = 20 };

static struct lab lab;
static struct lab_client clients[CLIENTS];

static struct lab_node *open_lab(uint32_t nodes, uint32_t members, uint64_t seed)
{
    struct lab_options options = {
        .nodes_count = nodes, .members_count = members, .seed = seed, .request_timeout_ms = 3000};
    lab_open(&lab, &options);
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    for (uint32_t i = 0; i < members; i++) {
        lab_client_open(&clients[i], &lab.nodes[i], NULL);
    }
    return leader;
}

static void close_lab(void)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        lab_client_deinit(&clients[i]);
        clients[i] = (struct lab_client){0};
    }
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

static void start(uint32_t number)
{
    lab_start(&lab.nodes[number]);
    lab_client_open(&clients[number], &lab.nodes[number], NULL);
}

static const char *ask(struct lab_client *client, const char *words)
{
    lab_client_say(client, words);
    return lab_client_hear(client, 600);
}

static void expect_begin(struct lab_client *client, const char *words, const char *begin)
{
    const char *reply = ask(client, words);
    if (!unit_begins(reply, begin)) {
        (void)fprintf(stderr, "%s\n  gave     %s\n  expected %s...\n", words, reply, begin);
    }
    CU_ASSERT_TRUE(unit_begins(reply, begin));
}

static const char *role_of(uint32_t number)
{
    struct replica_status status;
    replica_get_status(lab.nodes[number].replica, &status);
    return status.role_text;
}

static bool is_voter(uint32_t number)
{
    struct replica_status status;
    replica_get_status(lab.nodes[number].replica, &status);
    return status.raft.is_voter;
}

/* Another client on a node. */
static struct lab_client *another(uint32_t slot, uint32_t number)
{
    lab_client_deinit(&clients[slot]);
    lab_client_open(&clients[slot], &lab.nodes[number], NULL);
    return &clients[slot];
}

UNIT_TEST(replica_membership, a_cluster_grows_from_one_to_three_and_shrinks_again)
{
    (void)open_lab(3, 1, 1);
    expect_begin(&clients[0], "SET key value", "+OK");
    for (uint32_t i = 1; i < 3; i++) {
        char words[64];
        start(i);
        CU_ASSERT_STRING_EQUAL(role_of(i), "Learner");
        (void)snprintf(words, sizeof(words), "QUORUM ADD node-%u 10.0.0.%u:9000", i + 1, i + 1);
        expect_begin(&clients[i - 1], words, ":");
        lab_run_for(&lab, 1000);
        CU_ASSERT_TRUE(is_voter(i));
        expect_begin(&clients[i], "GET key", "$5\r\nvalue\r\n");
        expect_begin(&clients[i], "INCR counter", ":");
    }
    /* Any two are a majority now. */
    lab_crash(&lab.nodes[0]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lab_run_to_leader(&lab, 3000));
    expect_begin(&clients[2], "INCR counter", ":3\r\n");
    expect_begin(&clients[1], "QUORUM REMOVE node-1", ":");
    lab_run_for(&lab, 500);
    expect_begin(&clients[1], "QUORUM REMOVE node-3", ":");
    lab_run_for(&lab, 1000);
    CU_ASSERT_STRING_EQUAL(role_of(1), "Leader");
    CU_ASSERT_STRING_EQUAL(role_of(2), "Removed");
    expect_begin(&clients[1], "INCR counter", ":4\r\n");
    expect_begin(&clients[1], "QUORUM REMOVE node-2", "-LASTVOTER node-2 is the last voter");
    close_lab();
}

UNIT_TEST(replica_membership, answers_say_why_and_what_helps)
{
    struct lab_node *leader = open_lab(4, 3, 2);
    struct lab_client *client = &clients[lab_follower(&lab)->number];
    expect_begin(client, "QUORUM REMOVE node-9", "-NOMEMBER no member is named node-9");
    expect_begin(client, "QUORUM PROMOTE node-9", "-NOMEMBER ");
    expect_begin(client, "QUORUM ADDRESSES node-9 HTTP a:1", "-NOMEMBER ");
    expect_begin(client, "QUORUM TRANSFER node-9", "-NOMEMBER node-9 is no voter");
    expect_begin(client, "QUORUM ADD node-9 10.0.0.1:9000", "-MEMBEREXISTS ");
    expect_begin(client, "QUORUM ADD node-1 10.0.0.9:9000", "-MEMBEREXISTS node-1 is a member");
    expect_begin(client, "QUORUM ADD node-9 10.0.0.9", "-ERR not an address");
    expect_begin(client, "QUORUM ADD node-9 10.0.0.9:0", "-ERR not an address");
    expect_begin(client, "QUORUM ADD node-9 :9000", "-ERR not an address");
    expect_begin(client, "QUORUM ADD node-9 10.0.0.9:9000 HTTP", "-ERR syntax error");
    expect_begin(client, "QUORUM ADD node-9 10.0.0.9:9000 VOTER", "-ERR syntax error");
    expect_begin(client, "QUORUM ADD '' 10.0.0.9:9000", "-ERR not a node's name");
    expect_begin(client, "QUORUM REMOVE node-1 LEARNER", "-ERR syntax error");
    expect_begin(client, "QUORUM TRANSFER node-1 node-2", "-ERR ");
    /* A third of three is down: without another one, the two could not decide anything. */
    uint32_t other = 3 - leader->number - client->node->number;
    lab_crash(&lab.nodes[other]);
    lab_run_for(&lab, 1000);
    char words[64];
    (void)snprintf(words, sizeof(words), "QUORUM REMOVE node-%u", client->node->number + 1);
    expect_begin(client, words, "-NOQUORUM too few voters");
    (void)snprintf(words, sizeof(words), "QUORUM REMOVE node-%u", other + 1);
    expect_begin(client, words, ":");
    close_lab();
}

/* Adding a member that is there, as a script does that runs twice: the present configuration. */
UNIT_TEST(replica_membership, adding_twice_does_no_harm)
{
    (void)open_lab(3, 3, 3);
    lab_run_for(&lab, 1000);
    struct replica_status status;
    replica_get_status(lab.nodes[0].replica, &status);
    char expected[32];
    (void)snprintf(expected, sizeof(expected), ":%llu\r\n",
                   (unsigned long long)status.raft.configuration_index);
    expect_begin(&clients[0], "QUORUM ADD node-2 10.0.0.2:9000", expected);
    expect_begin(&clients[1], "QUORUM ADD node-2 10.0.0.2:9000", expected);
    close_lab();
}

UNIT_TEST(replica_membership, a_learner_has_no_vote_until_it_is_promoted)
{
    struct lab_node *leader = open_lab(4, 3, 4);
    struct lab_client *client = &clients[leader->number];
    expect_begin(client, "QUORUM ADD node-4 10.0.0.4:9000 HTTP h:1 REDIS r:2 LEARNER", ":");
    expect_begin(client, "QUORUM PROMOTE node-4", "-NOTCAUGHTUP node-4 has not caught up");
    start(3);
    lab_run_for(&lab, 1000);
    CU_ASSERT_FALSE(is_voter(3));
    CU_ASSERT_STRING_EQUAL(role_of(3), "Learner");
    const char *members = ask(client, "QUORUM MEMBERS");
    CU_ASSERT_TRUE(unit_begins(members, "*4\r\n*14\r\n$2\r\nid\r\n$6\r\nnode-1\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(members, "$13\r\n10.0.0.4:9000\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(members, "$7\r\nlearner\r\n$5\r\nmatch\r\n:"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ask(client, "INFO raft"), "id=node-4,role=learner,raft=10.0.0.4:9000,http=h:1,"));
    expect_begin(&clients[3], "QUORUM PROMOTE node-4", ":");
    lab_run_for(&lab, 500);
    CU_ASSERT_TRUE(is_voter(3));
    expect_begin(client, "QUORUM ADDRESSES node-4 REDIS r:3", ":");
    CU_ASSERT_PTR_NOT_NULL(strstr(ask(client, "QUORUM MEMBERS"), "$3\r\nr:3\r\n"));
    close_lab();
}

UNIT_TEST(replica_membership, leadership_goes_to_whom_it_is_given)
{
    struct lab_node *leader = open_lab(3, 3, 5);
    for (uint32_t i = 0; i < 3; i++) {
        char words[64];
        (void)snprintf(words, sizeof(words), "QUORUM TRANSFER node-%u", i + 1);
        expect_begin(&clients[(i + 1) % 3], words, "+OK\r\n");
        leader = lab_run_to_leader(&lab, 1000);
        CU_ASSERT_PTR_EQUAL(leader, &lab.nodes[i]);
    }
    expect_begin(&clients[0], "QUORUM TRANSFER", "+OK\r\n");
    CU_ASSERT_PTR_NOT_EQUAL(lab_run_to_leader(&lab, 1000), leader);
    close_lab();
    (void)open_lab(1, 1, 6);
    expect_begin(&clients[0], "QUORUM TRANSFER", "-NOMEMBER no other voter is up");
    expect_begin(&clients[0], "QUORUM TRANSFER node-1", "+OK\r\n");
    close_lab();
}

/* Whoever is asked: the leader itself, or another node that hears it from the leader. */
static void check_leader_leaves(bool ask_leader, uint64_t seed)
{
    struct lab_node *leader = open_lab(3, 3, seed);
    struct lab_node *node = ask_leader ? leader : lab_follower(&lab);
    char words[64];
    (void)snprintf(words, sizeof(words), "QUORUM REMOVE node-%u", leader->number + 1);
    expect_begin(&clients[node->number], words, ":");
    lab_run_for(&lab, 2000);
    CU_ASSERT_STRING_EQUAL(role_of(leader->number), "Removed");
    struct lab_node *next = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(next);
    CU_ASSERT_PTR_NOT_EQUAL(next, leader);
    expect_begin(&clients[next->number], "INCR counter", ":1\r\n");
    /* A removed node disturbs nobody, and says the truth to its clients. */
    struct replica_status before;
    replica_get_status(next->replica, &before);
    lab_client_say(&clients[leader->number], "INCR counter");
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(&clients[leader->number], 5000), "-CLUSTERDOWN"));
    struct replica_status after;
    replica_get_status(next->replica, &after);
    CU_ASSERT_EQUAL(before.raft.term, after.raft.term);
    close_lab();
}

UNIT_TEST(replica_membership, a_leader_removes_itself)
{
    check_leader_leaves(true, 7);
    check_leader_leaves(false, 8);
}

UNIT_TEST(replica_membership, a_node_asks_to_join_by_way_of_any_member)
{
    (void)open_lab(4, 3, 9);
    start(3);
    lab_begin_turn(&lab.nodes[3]);
    replica_join(lab.nodes[3].replica, lab_id(lab_follower(&lab)->number));
    lab_run_for(&lab, 3000);
    CU_ASSERT_TRUE(is_voter(3));
    uint64_t sent = lab.network.packets_sent;
    lab.network.lost_type = PEER_FRAME_CHANGE;
    lab_run_for(&lab, 3000);
    CU_ASSERT_TRUE(lab.network.packets_sent > sent);
    expect_begin(&clients[3], "SET key value", "+OK\r\n");
    close_lab();
}

/* What one joiner may not: add somebody else, or act as a member. */
UNIT_TEST(replica_membership, a_stranger_can_only_ask_for_itself)
{
    struct lab_node *leader = open_lab(4, 3, 10);
    struct peer_message message = {
        .type = PEER_MESSAGE_CHANGE, .from = lab_id(3), .to = lab_id(leader->number)};
    message.change.kind = PEER_CHANGE_MEMBERS;
    message.change.change.kind = RAFT_CHANGE_ADD;
    message.change.change.member.id = 4711;
    message.change.change.member.role = RAFT_JOINING;
    (void)snprintf(message.change.change.member.name, LIMIT_NODE_NAME_BYTES, "node-x");
    for (int i = 0; i < 4; i++) {
        lab_begin_turn(leader);
        if (i == 1) {
            message.change.number = 1;
        } else if (i == 2) {
            message.change.number = 2;
            message.change.change.kind = RAFT_CHANGE_REMOVE;
            message.change.change.member.id = lab_id(0);
        } else if (i == 3) {
            message.change.number = 0;
        }
        CU_ASSERT_EQUAL(replica_on_message(leader->replica, &message), RESULT_OK);
        lab_run_for(&lab, 500);
        CU_ASSERT_EQUAL(replica_configuration(leader->replica)->members_count, 3);
    }
    close_lab();
}

/* Followers whose disks stand still: heartbeats go on, nothing is committed. */
static void stall_followers(const struct lab_node *leader, uint64_t ms)
{
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        if (&lab.nodes[i] != leader) {
            lab.nodes[i].disk.stalls_until_ms = lab.now_ms + ms;
        }
    }
}

UNIT_TEST(replica_membership, one_change_at_a_time)
{
    struct lab_node *leader = open_lab(4, 3, 11);
    struct lab_client *client = &clients[leader->number];
    lab_run_for(&lab, 1000);
    stall_followers(leader, 2000);
    lab_client_say(client, "QUORUM ADD node-4 10.0.0.4:9000 LEARNER");
    lab_run_for(&lab, 10);
    struct lab_client *second = another(CLIENTS - 1, leader->number);
    lab_client_say(second, "QUORUM ADD node-5 10.0.0.5:9000 LEARNER");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(second, 500), "");
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(second, 1000), "-CHANGING another change"));
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(client, 1000), ":"));
    /* A short wait is the server's, not the client's. */
    stall_followers(leader, 500);
    lab_client_say(client, "QUORUM REMOVE node-4");
    lab_run_for(&lab, 10);
    lab_client_say(second, "QUORUM ADD node-5 10.0.0.5:9000 LEARNER");
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(second, 1000), ":"));
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(client, 0), ":"));
    close_lab();
}

UNIT_TEST(replica_membership, what_is_not_committed_in_time_is_unknown)
{
    struct lab_node *leader = open_lab(4, 3, 12);
    struct lab_node *follower = lab_follower(&lab);
    lab_run_for(&lab, 1000);
    stall_followers(leader, 4500);
    lab_client_say(&clients[leader->number], "QUORUM ADD node-4 10.0.0.4:9000 LEARNER");
    lab_run_for(&lab, 10);
    lab_client_say(&clients[follower->number], "QUORUM ADD node-4 10.0.0.4:9000 LEARNER");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[leader->number], 2900), "");
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(&clients[leader->number], 200), "-UNKNOWN "));
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(&clients[follower->number], 0), "-UNKNOWN "));
    /* The next is asked of a node that is alone. */
    lab_run_for(&lab, 3000);
    lab_isolate(follower);
    lab_run_for(&lab, 1000);
    lab_client_say(&clients[follower->number], "QUORUM REMOVE node-4");
    lab_client_say(&clients[follower->number], "PING");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[follower->number], 2900), "");
    const char *reply = lab_client_hear(&clients[follower->number], 500);
    CU_ASSERT_TRUE(unit_begins(reply, "-CLUSTERDOWN No Raft leader took the request"));
    CU_ASSERT_PTR_NOT_NULL(strstr(reply, "\r\n+PONG\r\n"));
    close_lab();
}

/* A change that a lost leader had in its log, and the next has not: asked for again, done once. */
UNIT_TEST(replica_membership, what_another_leader_overwrote_is_asked_again)
{
    struct lab_node *leader = open_lab(4, 3, 13);
    lab_run_for(&lab, 1000);
    lab_isolate(leader);
    lab_client_say(&clients[leader->number], "QUORUM ADD node-4 10.0.0.4:9000 LEARNER");
    lab_run_for(&lab, 1200);
    struct lab_node *next = lab_leader(&lab);
    CU_ASSERT_PTR_NOT_EQUAL(next, leader);
    lab_client_say(&clients[next->number], "INCR counter");
    lab_run_for(&lab, 100);
    lab_network_heal(&lab.network);
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(&clients[leader->number], 1000), ":"));
    for (uint32_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(replica_configuration(lab.nodes[i].replica)->members_count, 4);
    }
    close_lab();
}

/* Clients come and go; the table is bounded and empties itself. */
UNIT_TEST(replica_membership, requests_are_bounded_and_forgotten)
{
    struct lab_node *leader = open_lab(3, 3, 14);
    lab_run_for(&lab, 1000);
    stall_followers(leader, 2500);
    lab_client_say(&clients[leader->number], "QUORUM ADDRESSES node-1 HTTP h:1");
    lab_run_for(&lab, 10);
    for (uint32_t i = 3; i < CLIENTS; i++) {
        lab_client_say(another(i, leader->number), "QUORUM ADDRESSES node-1 HTTP h:1");
        lab_run_for(&lab, 1);
    }
    uint32_t refused = 0;
    for (uint32_t i = 3; i < CLIENTS; i++) {
        refused += unit_begins(lab_client_hear(&clients[i], 0), "-CHANGING ");
    }
    CU_ASSERT_EQUAL(refused, CLIENTS - 3 + 1 - LIMIT_CHANGES_PENDING);
    for (uint32_t i = 3; i < CLIENTS; i++) {
        lab_client_close(&clients[i]);
    }
    lab_client_close(&clients[leader->number]);
    lab_run_for(&lab, 3000);
    struct lab_client *again = another(CLIENTS - 1, leader->number);
    expect_begin(again, "QUORUM ADDRESSES node-1 HTTP h:2", ":");
    close_lab();
}

static void add_again(uint32_t number, struct lab_client *client)
{
    char words[64];
    (void)snprintf(words, sizeof(words), "QUORUM ADD node-%u 10.0.0.%u:9000", number + 1,
                   number + 1);
    expect_begin(client, words, ":");
    lab_run_for(&lab, 1000);
}

/* M12: a running node that is removed and added again goes on writing: every write once. */
UNIT_TEST(replica_membership, a_node_that_returns_writes_on)
{
    struct lab_node *leader = open_lab(3, 3, 15);
    struct lab_node *node = lab_follower(&lab);
    struct lab_client *writer = &clients[node->number];
    struct lab_client *client = &clients[leader->number];
    char words[64];
    (void)snprintf(words, sizeof(words), "QUORUM REMOVE node-%u", node->number + 1);
    int64_t acknowledged = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            char expected[32];
            (void)snprintf(expected, sizeof(expected), ":%lld\r\n", (long long)++acknowledged);
            expect_begin(writer, "INCR counter", expected);
        }
        expect_begin(client, words, ":");
        lab_run_for(&lab, 500);
        CU_ASSERT_STRING_EQUAL(role_of(node->number), "Removed");
        /* This one waits for the node's return. */
        lab_client_say(writer, "INCR counter");
        lab_run_for(&lab, 100);
        add_again(node->number, client);
        char expected[32];
        (void)snprintf(expected, sizeof(expected), ":%lld\r\n", (long long)++acknowledged);
        CU_ASSERT_STRING_EQUAL(lab_client_hear(writer, 1000), expected);
    }
    close_lab();
}

/* A batch that the leader took into its log behind the removal of its origin is passed over, and
 * has to be taken again when the node is back. */
UNIT_TEST(replica_membership, a_write_that_met_its_nodes_removal_is_done_later)
{
    struct lab_node *leader = open_lab(3, 3, 17);
    struct lab_node *node = lab_follower(&lab);
    struct lab_client *client = &clients[leader->number];
    char words[64];
    (void)snprintf(words, sizeof(words), "QUORUM REMOVE node-%u", node->number + 1);
    lab_run_for(&lab, 1000);
    stall_followers(leader, 300);
    lab_client_say(client, words);
    lab_run_for(&lab, 10);
    lab_client_say(&clients[node->number], "INCR counter");
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(client, 600), ":"));
    CU_ASSERT_STRING_EQUAL(role_of(node->number), "Removed");
    add_again(node->number, client);
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&clients[node->number], 1200), ":1\r\n");
    close_lab();
}

/* A node that lost its disk, and whose clock, which numbers its starts, is behind. */
UNIT_TEST(replica_membership, a_node_that_lost_its_disk_writes_on)
{
    (void)open_lab(3, 3, 16);
    lab_run_for(&lab, 1000); /* the disks are recorded */
    struct lab_node *node = lab_follower(&lab);
    struct lab_client *writer = &clients[node->number];
    expect_begin(writer, "INCR counter", ":1\r\n");
    lab_crash(node);
    lab_start(node);
    lab_crash(node);
    lab_start(node);
    lab_run_for(&lab, 500);
    lab_client_deinit(writer);
    lab_client_open(writer, node, NULL);
    expect_begin(writer, "INCR counter", ":2\r\n");
    lab_crash(node);
    lab_wipe(node);
    node->disk.incarnation = 10;
    lab_start(node);
    lab_client_deinit(writer);
    lab_client_open(writer, node, NULL);
    lab_run_for(&lab, 2000);
    CU_ASSERT_TRUE(is_voter(node->number));
    expect_begin(writer, "INCR counter", ":3\r\n");
    close_lab();
}
