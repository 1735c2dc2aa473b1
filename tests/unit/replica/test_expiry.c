/* test_expiry.c -- keys that expire: by the log's clock alone, everywhere alike. Covers K1, K2. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/unit.h"
#include "sim/lab_client.h"

#define HOUR_MS INT64_C(3600000)

static struct lab lab;
static struct lab_client client;

static struct lab_node *open_three(uint64_t seed)
{
    lab_open(&lab, &(struct lab_options){.nodes_count = 3, .seed = seed});
    client = (struct lab_client){0};
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    lab_run_for(&lab, 100);
    return leader;
}

static void close_three(void)
{
    lab_client_deinit(&client);
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

static int64_t clock_ms(const struct lab_node *node)
{
    struct replica_status status;
    replica_get_status(node->replica, &status);
    return status.clock_ms;
}

static void make_leader(struct lab_node *wanted)
{
    char words[64];
    struct lab_client asker = {0};
    (void)snprintf(words, sizeof(words), "QUORUM TRANSFER node-%u", wanted->number + 1);
    lab_client_open(&asker, wanted, NULL);
    lab_client_say(&asker, words);
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&asker, 300), "+OK\r\n");
    lab_client_deinit(&asker);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lab_run_to_leader(&lab, 3000));
    CU_ASSERT_PTR_EQUAL_FATAL(lab_leader(&lab), wanted);
}

/* Nobody's idea of the clock may jump, in particular not when a node leads for the second time. */
UNIT_TEST(replica_expiry, the_clock_goes_on_through_changes_of_leader)
{
    struct lab_node *first = open_three(1);
    for (uint32_t i = 0; i < 3; i++) {
        lab.nodes[i].wall_offset_ms = ((int64_t)i - 1) * HOUR_MS;
    }
    struct lab_node *second = lab_follower(&lab);
    int64_t begin_ms = clock_ms(first);
    uint64_t began_ms = lab.now_ms;
    make_leader(second);
    lab_run_for(&lab, 20000);
    lab_begin_turn(second);
    replica_transfer_leadership(second->replica);
    for (int i = 0; i < 3000; i++) {
        lab_run_for(&lab, 1);
        if (i % 500 == 499 && lab_leader(&lab) != first) {
            lab_begin_turn(lab_leader(&lab));
            replica_transfer_leadership(lab_leader(&lab)->replica);
        }
        int64_t expected_ms = begin_ms + (int64_t)(lab.now_ms - began_ms);
        for (uint32_t j = 0; j < 3; j++) {
            int64_t error_ms = clock_ms(&lab.nodes[j]) - expected_ms;
            /* As of its last turn, up to a heartbeat ago. */
            CU_ASSERT_TRUE_FATAL(error_ms > -100);
            CU_ASSERT_TRUE_FATAL(error_ms < 40);
        }
    }
    close_three();
}

UNIT_TEST(replica_expiry, neither_a_stepped_clock_nor_a_new_leader_moves_a_ttl)
{
    struct lab_node *leader = open_three(2);
    lab_client_open(&client, leader, NULL);
    lab_client_say(&client, "SET a 1 PX 10000");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "+OK\r\n");
    leader->wall_offset_ms = HOUR_MS;
    lab_run_for(&lab, 3000);
    leader->wall_offset_ms = -HOUR_MS;
    lab_follower(&lab)->wall_offset_ms = 5 * HOUR_MS;
    lab_run_for(&lab, 2000);
    make_leader(lab_follower(&lab));
    lab_client_say(&client, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 100), "$1\r\n1\r\n");
    lab_client_say(&client, "PTTL a");
    long left_ms = strtol(lab_client_hear(&client, 100) + 1, NULL, 10);
    CU_ASSERT_TRUE(left_ms > 3000);
    lab_run_for(&lab, (uint64_t)left_ms - 150);
    lab_client_say(&client, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 20), "$1\r\n1\r\n");
    lab_run_for(&lab, 200);
    lab_client_say(&client, "GET a");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&client, 50), "$-1\r\n");
    close_three();
}

/* An idle leader moves the clock once for each time that something falls due, and no more. */
UNIT_TEST(replica_expiry, an_idle_leader_appends_only_what_is_due)
{
    struct lab_node *leader = open_three(3);
    struct replica_status before;
    struct replica_status after;
    lab_client_open(&client, lab_follower(&lab), NULL);
    for (int i = 0; i < 5000; i++) {
        char words[64];
        (void)snprintf(words, sizeof(words), "SET k%d 1 PX %d", i, i < 3000 ? 2000 : 60000);
        lab_client_say(&client, words);
    }
    lab_run_for(&lab, 500);
    replica_get_status(leader->replica, &before);
    uint64_t turns = leader->turns;
    lab_run_for(&lab, 10000);
    replica_get_status(leader->replica, &after);
    lab_client_say(&client, "DBSIZE");
    CU_ASSERT_PTR_NOT_NULL(strstr(lab_client_hear(&client, 100), ":2000\r\n"));
    /* 3,000 keys due at about one time, 1,000 to an entry. */
    CU_ASSERT_TRUE(after.raft.last_index - before.raft.last_index >= 3);
    CU_ASSERT_TRUE(after.raft.last_index - before.raft.last_index <= 20);
    /* Two packets a heartbeat from each follower, and little else, for ten seconds. */
    CU_ASSERT_TRUE(leader->turns - turns < 2000);
    /* All that fell due are removed on every node, without anybody reading them. */
    for (uint32_t i = 0; i < 3; i++) {
        struct replica_status status;
        replica_get_status(lab.nodes[i].replica, &status);
        CU_ASSERT_EQUAL(status.state_hash, after.state_hash);
    }
    close_three();
}
