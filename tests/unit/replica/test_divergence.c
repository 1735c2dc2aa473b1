/* test_divergence.c -- a node whose state has come apart from the others' finds out and stops. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/unit.h"
#include "sim/lab_client.h"

static struct lab lab;
static struct lab_client client;
static struct lab_client other;

static struct lab_node *open_lab(uint32_t nodes, uint64_t seed)
{
    struct lab_options options = {.nodes_count = nodes, .seed = seed};
    lab_open(&lab, &options);
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    return leader;
}

static void close_lab(void)
{
    lab_client_deinit(&client);
    lab_client_deinit(&other);
    client = (struct lab_client){0};
    other = (struct lab_client){0};
    CU_ASSERT_EQUAL(lab.failures, 0);
    lab_close(&lab);
}

static void expect(struct lab_client *asker, const char *words, const char *reply)
{
    lab_client_say(asker, words);
    CU_ASSERT_STRING_EQUAL(lab_client_hear(asker, 200), reply);
}

static uint64_t field(struct lab_client *asker, const char *name)
{
    lab_client_say(asker, "INFO raft");
    const char *info = lab_client_hear(asker, 50);
    const char *at = strstr(info, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    return strtoull(at + strlen(name), NULL, 10);
}

static uint32_t count_diverged(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        count += lab.nodes[i].has_diverged;
    }
    return count;
}

/* Writes, and lets two checks go by: one that notes, one that compares. */
static void write_for_checks(struct lab_client *asker)
{
    for (int i = 0; i < 4 && asker->session != NULL; i++) {
        lab_client_say(asker, "INCR counter");
        (void)lab_client_hear(asker, 1300);
    }
}

UNIT_TEST(replica_divergence, checks_follow_writes_and_only_them)
{
    lab_client_open(&client, open_lab(3, 1), NULL);
    lab_run_for(&lab, 3000);
    CU_ASSERT_EQUAL(field(&client, "raft_check_index:"), 0);
    expect(&client, "SET key value", "+OK\r\n");
    lab_run_for(&lab, 1500);
    uint64_t index = field(&client, "raft_check_index:");
    CU_ASSERT_EQUAL(index, field(&client, "raft_last_index:"));
    CU_ASSERT_TRUE(index > 0);
    lab_run_for(&lab, 5000);
    CU_ASSERT_EQUAL(field(&client, "raft_check_index:"), index);
    CU_ASSERT_EQUAL(field(&client, "raft_last_index:"), index);
    write_for_checks(&client);
    CU_ASSERT_TRUE(field(&client, "raft_check_index:") > index);
    CU_ASSERT_EQUAL(count_diverged(), 0);
    close_lab();
}

static void check_that_it_stops(struct lab_node *damaged, struct lab_node *sound)
{
    lab.allows_divergence = true;
    lab_client_open(&client, damaged, NULL);
    lab_client_open(&other, sound, NULL);
    expect(&client, "SET key value", "+OK\r\n");
    expect(&client, "DEBUG DIVERGE key", "+OK\r\n");
    expect(&client, "GET key", "$8\r\ndiverged\r\n");
    write_for_checks(&other);
    CU_ASSERT_TRUE(damaged->has_diverged);
    CU_ASSERT_EQUAL(count_diverged(), 1);
    CU_ASSERT_PTR_NULL(client.session);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lab_run_to_leader(&lab, 3000));
    /* The lab's nodes begin from an empty state and their log, which heals it. */
    lab_start(damaged);
    lab.allows_divergence = false;
    write_for_checks(&other);
    lab_client_deinit(&client);
    lab_client_open(&client, damaged, NULL);
    expect(&client, "GET key", "$5\r\nvalue\r\n");
    CU_ASSERT_EQUAL(count_diverged(), 0);
    close_lab();
}

UNIT_TEST(replica_divergence, a_follower_that_differs_stops)
{
    struct lab_node *leader = open_lab(3, 2);
    check_that_it_stops(lab_follower(&lab), leader);
}

UNIT_TEST(replica_divergence, a_leader_that_differs_stops)
{
    struct lab_node *leader = open_lab(3, 3);
    check_that_it_stops(leader, lab_follower(&lab));
}

/* Two nodes that differ: nobody can tell who is right, and none stops. */
UNIT_TEST(replica_divergence, without_a_majority_the_cluster_goes_on)
{
    struct lab_node *leader = open_lab(2, 4);
    lab.allows_divergence = true;
    lab_client_open(&client, leader, NULL);
    lab_client_open(&other, lab_follower(&lab), NULL);
    expect(&client, "DEBUG DIVERGE key", "+OK\r\n");
    write_for_checks(&other);
    CU_ASSERT_EQUAL(count_diverged(), 0);
    expect(&other, "INCR counter", ":5\r\n");
    close_lab();
}

/* O7, C5: learners that agree with each other are no majority: the voter is right. */
UNIT_TEST(replica_divergence, learners_do_not_judge)
{
    struct lab_options options = {.nodes_count = 3, .members_count = 1, .seed = 7};
    lab_open(&lab, &options);
    struct lab_node *leader = lab_run_to_leader(&lab, 3000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
    lab_client_open(&client, leader, NULL);
    for (uint32_t i = 1; i < 3; i++) {
        char words[64];
        (void)snprintf(words, sizeof(words), "QUORUM ADD node-%u 10.0.0.%u:9000 LEARNER", i + 1,
                       i + 1);
        lab_client_say(&client, words);
        CU_ASSERT_EQUAL(lab_client_hear(&client, 500)[0], ':');
        lab_start(&lab.nodes[i]);
        lab_run_for(&lab, 1000);
    }
    lab.allows_divergence = true;
    expect(&client, "SET key value", "+OK\r\n");
    expect(&client, "DEBUG DIVERGE key", "+OK\r\n");
    write_for_checks(&client);
    CU_ASSERT_FALSE(leader->has_diverged);
    CU_ASSERT_TRUE(lab.nodes[1].has_diverged);
    CU_ASSERT_TRUE(lab.nodes[2].has_diverged);
    close_lab();
}

/* Every 1,024 entries, however fast they come. */
UNIT_TEST(replica_divergence, many_entries_bring_a_check_before_its_time)
{
    struct lab_node *leader = open_lab(1, 5);
    leader->disk.delay_ms_max = 0;
    lab_client_open(&client, leader, NULL);
    for (int i = 0; i < 1100; i++) {
        lab_client_say(&client, "INCR counter");
        lab_run_until(&lab, lab.now_ms + (i % 4 == 0));
    }
    (void)lab_client_hear(&client, 1);
    CU_ASSERT_TRUE(field(&client, "raft_check_index:") > 1024);
    close_lab();
}

UNIT_TEST(replica_divergence, debug_diverge_asks_for_a_key)
{
    lab_client_open(&client, open_lab(1, 6), NULL);
    lab_client_say(&client, "DEBUG DIVERGE");
    CU_ASSERT_PTR_NOT_NULL(strstr(lab_client_hear(&client, 50), "-ERR unknown subcommand"));
    close_lab();
}
