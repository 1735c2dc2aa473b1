/* test_restart.c -- a node that restarts, or is away, while the cluster goes on, or does not. */
#include <stdio.h>

#include "lib/unit.h"
#include "replica/replica_internal.h"
#include "unit/replica/snapshot_lab.h"

static struct lab lab;

/* A follower restarts at any time around its acknowledgement of an entry, the last one for long:
 * what it said before may reach the leader after that knows of the new connection. It must still be
 * told what is committed, or no client of it could read. */
UNIT_TEST(replica_restart, a_late_acknowledgement_from_before_does_not_leave_it_uncommitted)
{
    for (uint64_t ms = 0; ms < 60; ms++) {
        struct lab_node *leader = snapshot_lab_open(&lab, 3, 7 + ms, 1000);
        struct lab_node *follower = lab_follower(&lab);
        struct lab_client client = {0};
        lab_network_heal(&lab.network);
        lab.network.delay_ms_min = 5;
        lab.network.delay_ms_max = 10;
        lab_client_open(&client, leader, NULL);
        lab_client_say(&client, "SET key value");
        lab_run_for(&lab, ms);
        snapshot_lab_restart(follower);
        CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 500));
        lab_client_deinit(&client);
        snapshot_lab_close(&lab);
    }
}

static void expect(struct lab_client *client, const char *words, const char *begin)
{
    lab_client_say(client, words);
    const char *reply = lab_client_hear(client, 300);
    if (strncmp(reply, begin, strlen(begin)) != 0) {
        lab_fail(&lab, "%s: %s", words, reply);
    }
}

/* M12, X1: a node's write is done, but before the node hears of it, it is removed, the cluster
 * saves its state without it, and it is added again and comes back by that snapshot. That does not
 * tell it any more that its write was done: its client must be told so, and it must not be done
 * again. */
UNIT_TEST(replica_restart, a_write_is_not_done_again_after_removal_snapshot_and_return)
{
    char remove[64];
    char add[64];
    struct lab_client client = {0};
    struct lab_client own = {0};
    struct lab_node *leader = snapshot_lab_open(&lab, 3, 21, 100000);
    struct lab_node *node = lab_follower(&lab);
    (void)snprintf(remove, sizeof(remove), "QUORUM REMOVE node-%u", node->number + 1);
    (void)snprintf(add, sizeof(add), "QUORUM ADD node-%u 10.0.0.%u:9000", node->number + 1,
                   node->number + 1);
    struct replica_snapshot_options tight = {.log_entries = 100000, .trailing_bytes = 1};
    replica_set_snapshot_options(leader->replica, &tight);
    lab_client_open(&client, leader, NULL);
    lab_client_open(&own, node, NULL);
    expect(&client, "SET key 0", "+OK");
    lab_client_say(&own, "INCR key");
    lab_network_cut(&lab.network, leader->number, node->number, true);
    lab_run_for(&lab, 50);
    expect(&client, "GET key", "$1\r\n1");
    expect(&client, remove, ":");
    expect(&client, "SAVE", "+OK");
    expect(&client, add, ":");
    lab_network_heal(&lab.network);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 3000));
    CU_ASSERT_EQUAL(node->state.installs, 1);
    CU_ASSERT_EQUAL(strncmp(lab_client_hear(&own, 100), "-UNKNOWN ", 9), 0);
    expect(&client, "GET key", "$1\r\n1");
    lab_client_deinit(&own);
    lab_client_deinit(&client);
    snapshot_lab_close(&lab);
}

/* The same, but that the snapshot has the node as a member again, under which all incarnations up
 * to that of another node, removed before, are over. */
UNIT_TEST(replica_restart, a_write_is_not_done_again_after_a_return_that_the_snapshot_has)
{
    char words[64];
    struct lab_client client = {0};
    struct lab_client own = {0};
    struct lab_node *leader = snapshot_lab_open(&lab, 4, 24, 100000);
    struct lab_node *node = lab_follower(&lab);
    struct lab_node *other = &lab.nodes[0];
    while (other == leader || other == node) {
        other++;
    }
    snapshot_lab_restart(other);
    lab_run_for(&lab, 500);
    CU_ASSERT_PTR_EQUAL_FATAL(lab_leader(&lab), leader);
    CU_ASSERT_TRUE(other->replica->incarnation > node->replica->incarnation);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(other, "SET key 0", 300), "+OK\r\n");
    lab_client_open(&client, leader, NULL);
    (void)snprintf(words, sizeof(words), "QUORUM REMOVE node-%u", other->number + 1);
    expect(&client, words, ":");
    struct replica_snapshot_options tight = {.log_entries = 100000, .trailing_bytes = 1};
    replica_set_snapshot_options(leader->replica, &tight);
    lab_client_open(&own, node, NULL);
    lab_client_say(&own, "INCR key");
    lab_network_cut(&lab.network, leader->number, node->number, true);
    lab_run_for(&lab, 50);
    expect(&client, "GET key", "$1\r\n1");
    (void)snprintf(words, sizeof(words), "QUORUM REMOVE node-%u", node->number + 1);
    expect(&client, words, ":");
    (void)snprintf(words, sizeof(words), "QUORUM ADD node-%u 10.0.0.%u:9000", node->number + 1,
                   node->number + 1);
    expect(&client, words, ":");
    expect(&client, "SAVE", "+OK");
    lab_network_heal(&lab.network);
    lab_run_for(&lab, 3000);
    CU_ASSERT_EQUAL(node->state.installs, 1);
    CU_ASSERT_EQUAL(strncmp(lab_client_hear(&own, 100), "-UNKNOWN ", 9), 0);
    expect(&client, "GET key", "$1\r\n1");
    lab_client_deinit(&own);
    lab_client_deinit(&client);
    snapshot_lab_close(&lab);
}

/* A pipeline whose writes are covered by the snapshot that its node comes back with. The read
 * between them was confirmed before, and waited for its turn; what it is answered from must not be
 * the snapshot, which has the write behind it. */
UNIT_TEST(replica_restart, a_read_does_not_see_its_clients_later_write_by_a_snapshot)
{
    struct lab_client client = {0};
    struct lab_client own = {0};
    struct lab_node *leader = snapshot_lab_open(&lab, 3, 23, 50);
    struct lab_node *node = lab_follower(&lab);
    lab_client_open(&client, leader, NULL);
    lab_client_open(&own, node, NULL);
    expect(&own, "SET key before", "+OK");
    lab.network.lost_type = PEER_FRAME_APPEND; /* nothing is committed, nor comes to the node */
    lab_client_say(&own, "SET other 1");
    lab_run_for(&lab, 10);
    uint64_t rounds_completed = node->replica->rounds.completed;
    lab_client_say(&own, "GET key");
    lab_run_for(&lab, 20);
    CU_ASSERT_EQUAL(node->replica->rounds.completed, rounds_completed + 1);
    lab_client_say(&own, "SET key behind");
    lab_run_for(&lab, 10);
    CU_ASSERT_EQUAL(session_unanswered(own.session), 3);
    lab.network.lost_type = 0;
    CU_ASSERT_PTR_EQUAL(snapshot_lab_leave_behind(&lab, &client), node);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(leader, "GET key", 50), "$6\r\nbehind\r\n");
    lab_network_heal(&lab.network);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 3000));
    CU_ASSERT_EQUAL(node->state.installs, 1);
    const char *heard = lab_client_hear(&own, 100);
    CU_ASSERT_EQUAL(strncmp(heard, "-UNKNOWN ", 9), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "\r\n$6\r\nbefore\r\n-UNKNOWN "));
    expect(&own, "GET key", "$6\r\nbehind");
    lab_client_deinit(&own);
    lab_client_deinit(&client);
    snapshot_lab_close(&lab);
}

/* O4, S1: what leader and follower have acknowledged the third node lacks. The leader, alone, steps
 * down; then the follower comes back without the end of its log, and the third. Those two would be
 * a majority, did the leader not remember, and say so. */
UNIT_TEST(replica_restart, a_log_without_its_end_does_not_vote_after_its_leader_stepped_down)
{
    for (uint64_t seed = 40; seed < 50; seed++) {
        struct lab_client client = {0};
        struct lab_node *leader = snapshot_lab_open(&lab, 3, seed, 1000);
        struct lab_node *follower = lab_follower(&lab);
        struct lab_node *third = &lab.nodes[0 + 1 + 2 - leader->number - follower->number];
        lab_client_open(&client, leader, NULL);
        snapshot_lab_write(&client, 1, 5);
        lab_crash(third);
        snapshot_lab_write(&client, 6, 20);
        lab_crash(follower);
        lab_run_for(&lab, 1000);
        CU_ASSERT_PTR_NULL(lab_leader(&lab));
        lab_disk_cut(&follower->disk, follower->disk.base_index + follower->disk.entries_count - 9);
        lab_oracle_wiped(follower);
        snapshot_lab_start(third);
        snapshot_lab_start(follower);
        lab_run_for(&lab, 20);
        CU_ASSERT_FALSE(snapshot_lab_status(follower).raft.is_voter);
        CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 3000));
        CU_ASSERT_TRUE(snapshot_lab_status(follower).raft.is_voter);
        CU_ASSERT_EQUAL(strncmp(snapshot_lab_ask(third, "STRLEN key:20", 500), ":100", 4), 0);
        lab_client_deinit(&client);
        snapshot_lab_close(&lab);
    }
}
