/* test_disk_state.c -- a disk with little room: what is refused, what is not, who leads. */
#include "lib/unit.h"
#include "sim/lab_client.h"

static struct lab lab;
static struct lab_client clients[3];

static struct lab_node *open_three(uint64_t seed)
{
    struct lab_options options = {.nodes_count = 3, .seed = seed};
    lab_open(&lab, &options);
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    for (uint32_t i = 0; i < 3; i++) {
        lab_client_open(&clients[i], &lab.nodes[i], NULL);
    }
    return leader;
}

static void close_three(void)
{
    for (uint32_t i = 0; i < 3; i++) {
        lab_client_deinit(&clients[i]);
    }
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

static void set_disk(struct lab_node *node, enum replica_disk_state state)
{
    lab_begin_turn(node);
    replica_set_disk_state(node->replica, state);
    lab_run_for(&lab, 20);
}

static const char *ask(struct lab_client *client, const char *words)
{
    lab_client_say(client, words);
    return lab_client_hear(client, 300);
}

static void expect(struct lab_client *client, const char *words, const char *reply)
{
    CU_ASSERT_STRING_EQUAL(ask(client, words), reply);
}

UNIT_TEST(replica_disk_state, a_low_node_refuses_only_what_needs_room)
{
    struct lab_node *leader = open_three(1);
    struct lab_node *low = lab_follower(&lab);
    struct lab_client *client = &clients[low->number];
    expect(client, "SET key value", "+OK\r\n");
    set_disk(low, REPLICA_DISK_LOW);
    const char *refusal = ask(client, "SET key other");
    CU_ASSERT_TRUE(unit_begins(refusal, "-DISKFULL the disk of this node, node-"));
    CU_ASSERT_TRUE(unit_begins(ask(client, "INCR counter"), "-DISKFULL "));
    expect(client, "GET key", "$5\r\nvalue\r\n");
    expect(client, "DEL key", ":1\r\n");
    expect(client, "PERSIST key", ":0\r\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(ask(client, "INFO raft"), "raft_disk_state:low"));
    /* The others, and the leader that has room, are not held up. */
    expect(&clients[leader->number], "SET key other", "+OK\r\n");
    set_disk(low, REPLICA_DISK_OK);
    expect(client, "SET key third", "+OK\r\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(ask(client, "INFO raft"), "raft_disk_state:ok"));
    close_three();
}

/* What was taken before the disk was low goes on. */
UNIT_TEST(replica_disk_state, writes_that_were_taken_go_on)
{
    struct lab_node *leader = open_three(2);
    struct lab_client *client = &clients[leader->number];
    lab_client_say(client, "SET key value");
    lab_begin_turn(leader);
    replica_set_disk_state(leader->replica, REPLICA_DISK_LOW);
    lab_client_say(client, "SET key other");
    const char *replies = lab_client_hear(client, 300);
    CU_ASSERT_TRUE(unit_begins(replies, "+OK\r\n-DISKFULL "));
    close_three();
}

UNIT_TEST(replica_disk_state, a_low_leader_hands_over_to_one_with_room)
{
    struct lab_node *leader = open_three(3);
    struct lab_node *also_low = lab_follower(&lab);
    struct lab_node *heir = &lab.nodes[3 - leader->number - also_low->number];
    set_disk(also_low, REPLICA_DISK_LOW);
    set_disk(leader, REPLICA_DISK_LOW);
    lab_run_for(&lab, 500);
    CU_ASSERT_PTR_EQUAL(lab_leader(&lab), heir);
    expect(&clients[heir->number], "SET key value", "+OK\r\n");
    CU_ASSERT_TRUE(unit_begins(ask(&clients[leader->number], "SET key value"), "-DISKFULL "));
    close_three();
}

/* make sim SEED=7228524: the news got lost, and the others refused writes for ever. */
UNIT_TEST(replica_disk_state, it_is_told_again)
{
    struct lab_node *leader = open_three(5);
    uint32_t follower = lab_follower(&lab)->number;
    lab_crash(&lab.nodes[3 - leader->number - follower]);
    set_disk(&lab.nodes[follower], REPLICA_DISK_LOW); /* no heir */
    set_disk(leader, REPLICA_DISK_LOW);
    set_disk(&lab.nodes[follower], REPLICA_DISK_OK);
    lab.network.lost_type = PEER_FRAME_NODE_INFO;
    set_disk(leader, REPLICA_DISK_OK);
    lab.network.lost_type = 0;
    CU_ASSERT_PTR_EQUAL(lab_leader(&lab), leader);
    CU_ASSERT_TRUE(unit_begins(ask(&clients[follower], "SET key value"), "-DISKFULL "));
    lab_run_for(&lab, 6000);
    expect(&clients[follower], "SET key value", "+OK\r\n");
    close_three();
}

/* Nobody has room: the leader stays, and the others refuse what it could not store. */
UNIT_TEST(replica_disk_state, a_low_leader_is_seen_by_all)
{
    struct lab_node *leader = open_three(4);
    struct lab_node *down = lab_follower(&lab);
    lab_crash(down);
    struct lab_node *follower = &lab.nodes[3 - leader->number - down->number];
    set_disk(follower, REPLICA_DISK_LOW);
    set_disk(leader, REPLICA_DISK_LOW);
    lab_run_for(&lab, 5000);
    CU_ASSERT_PTR_EQUAL(lab_leader(&lab), leader);
    set_disk(follower, REPLICA_DISK_OK);
    /* Its own disk has room; the leader's has not, until it has handed over. */
    lab_client_say(&clients[follower->number], "SET key value");
    const char *refusal = lab_client_hear(&clients[follower->number], 1);
    CU_ASSERT_TRUE(unit_begins(refusal, "-DISKFULL the disk of the leader, node-"));
    lab_run_for(&lab, 5000);
    CU_ASSERT_PTR_EQUAL(lab_leader(&lab), follower);
    expect(&clients[follower->number], "SET key value", "+OK\r\n");
    close_three();
}
