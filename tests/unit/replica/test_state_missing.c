/* test_state_missing.c -- a node whose state is gone, but not its log, gets one that the log goes
 * on from. Covers O7. */
#include <string.h>

#include "lib/unit.h"
#include "replica/replica_internal.h"
#include "unit/replica/snapshot_lab.h"

static struct lab lab;
static struct lab_client client; /* of the leader */

/* An EXEC that is refused ends its transaction all the same. */
static void check_refused_exec(struct lab_node *node)
{
    struct lab_client asker = {0};
    lab_client_open(&asker, node, NULL);
    lab_client_say(&asker, "MULTI");
    lab_client_say(&asker, "SET a 1");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&asker, 10), "+OK\r\n+QUEUED\r\n");
    lab_client_say(&asker, "EXEC");
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(&asker, 10), "-CLUSTERDOWN "));
    lab_client_say(&asker, "EXEC");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&asker, 10), "-ERR EXEC without MULTI\r\n");
    lab_client_deinit(&asker);
}

/* Raft has no need of a snapshot for this node; it says itself that it wants one. */
UNIT_TEST(replica_state_missing, a_node_without_its_state_says_so_until_it_has_one)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 94);
    snapshot_lab_write(&client, 1, 30); /* less than makes a snapshot */
    struct lab_node *follower = lab_follower(&lab);
    lab_crash(follower);
    follower->is_state_missing = true;
    lab_network_cut(&lab.network, leader->number, follower->number, true);
    snapshot_lab_start(follower);
    lab_run_for(&lab, 100);
    CU_ASSERT_TRUE(snapshot_lab_status(follower).is_state_missing);
    CU_ASSERT_TRUE(unit_begins(snapshot_lab_ask(follower, "GET key:1", 10),
                               "-CLUSTERDOWN This node has lost its state"));
    CU_ASSERT_TRUE(unit_begins(snapshot_lab_ask(follower, "SET a 1", 10), "-CLUSTERDOWN "));
    check_refused_exec(follower);
    CU_ASSERT_TRUE(unit_begins(snapshot_lab_ask(follower, "SAVE", 10), "-CLUSTERDOWN "));
    CU_ASSERT_TRUE(unit_begins(snapshot_lab_ask(follower, "BGSAVE", 10), "-CLUSTERDOWN "));
    CU_ASSERT_TRUE(
        unit_begins(snapshot_lab_ask(follower, "QUORUM BACKUP BEGIN", 10), "-CLUSTERDOWN "));
    CU_ASSERT_EQUAL(snapshot_lab_status(follower).applied_index, 0);
    lab_network_heal(&lab.network);
    follower->is_state_missing = false;
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 10000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    CU_ASSERT_FALSE(snapshot_lab_status(follower).is_state_missing);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(follower, "DBSIZE", 100), ":30\r\n");
    lab_run_for(&lab, 5000); /* the leader forgets that it wanted one */
    uint64_t copies = leader->state.copies;
    lab_run_for(&lab, 60000);
    CU_ASSERT_EQUAL(leader->state.copies, copies);
    snapshot_lab_close_with(&lab, &client);
}

/* A copy that the leader has already is older than the log of the node that lost its state. */
UNIT_TEST(replica_state_missing, a_node_without_its_state_gets_one_that_its_log_goes_on_from)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 98);
    struct replica_snapshot_options seldom = {.log_entries = 1000000};
    replica_set_snapshot_options(leader->replica, &seldom);
    CU_ASSERT_TRUE(unit_begins(snapshot_lab_ask(leader, "QUORUM BACKUP BEGIN", 300), "*8"));
    uint64_t copied_index = leader->state.copy_snapshot.index;
    snapshot_lab_write(&client, 1, 200);
    CU_ASSERT_TRUE(snapshot_lab_status(leader).raft.first_index <= copied_index + 1);
    struct lab_node *follower = lab_follower(&lab);
    lab_crash(follower);
    CU_ASSERT_TRUE(follower->disk.base_index > copied_index);
    follower->is_state_missing = true;
    snapshot_lab_start(follower);
    follower->is_state_missing = false;
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 10000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    CU_ASSERT_TRUE(follower->state.saved.meta.index > copied_index);
    snapshot_lab_close_with(&lab, &client);
}

/* make sim SEED=7207146: it had wanted one a moment before, and what it had wanted then was taken
 * for enough. */
UNIT_TEST(replica_state_missing, a_node_that_loses_its_state_twice_gets_two)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 104);
    struct replica_snapshot_options seldom = {.log_entries = 1000000};
    replica_set_snapshot_options(leader->replica, &seldom);
    struct lab_node *follower = lab_follower(&lab);
    for (uint32_t i = 1; i <= 2; i++) {
        snapshot_lab_write(&client, 1, 200);
        lab_crash(follower);
        CU_ASSERT_TRUE(follower->disk.base_index > leader->state.copy_snapshot.index);
        follower->is_state_missing = true;
        snapshot_lab_start(follower);
        follower->is_state_missing = false;
        CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
        CU_ASSERT_EQUAL(follower->state.installs, i);
    }
    snapshot_lab_close_with(&lab, &client);
}

/* make sim SEED=7009216: a new leader knows of few commits yet, and took an old snapshot for good
 * enough. */
UNIT_TEST(replica_state_missing, a_new_leader_offers_no_snapshot_that_is_too_old)
{
    struct lab_node *old = snapshot_lab_open_with(&lab, &client, 3, 103);
    struct lab_node *follower = lab_follower(&lab);
    struct lab_node *leader = &lab.nodes[3 - old->number - follower->number];
    struct replica_snapshot_options seldom = {.log_entries = 1000000};
    replica_set_snapshot_options(leader->replica, &seldom);
    CU_ASSERT_TRUE(unit_begins(snapshot_lab_ask(leader, "SAVE", 300), "+OK"));
    snapshot_lab_write(&client, 1, 200);
    lab_crash(old);
    lab_crash(follower);
    lab_crash(leader);
    uint64_t base_index = follower->disk.base_index;
    CU_ASSERT_TRUE(base_index > leader->state.saved.meta.index);
    leader->disk.commit_index = leader->state.saved.meta.index;
    follower->is_state_missing = true;
    snapshot_lab_start(leader);
    snapshot_lab_start(follower);
    replica_set_snapshot_options(leader->replica, &seldom);
    while (snapshot_lab_status(leader).raft.role != RAFT_LEADER && lab.now_ms < 60000) {
        lab_run_for(&lab, 1);
    }
    CU_ASSERT_TRUE_FATAL(snapshot_lab_status(leader).raft.commit_index < base_index);
    lab_begin_turn(leader);
    send_wanted(leader->replica, lab_id(follower->number), base_index);
    follower->is_state_missing = false;
    snapshot_lab_start(old);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 10000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_close_with(&lab, &client);
}

/* No log goes on from what its leader does not have: whoever says so is not served. */
UNIT_TEST(replica_state_missing, what_nobody_can_have_is_not_served)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 105);
    snapshot_lab_write(&client, 1, 10);
    struct replica_status status = snapshot_lab_status(leader);
    lab_begin_turn(leader);
    send_wanted(leader->replica, lab_id(lab_follower(&lab)->number), status.raft.last_index + 1);
    lab_run_for(&lab, 2000);
    CU_ASSERT_EQUAL(leader->state.copies, 0);
    CU_ASSERT_EQUAL(leader->replica->save.index, 0);
    snapshot_lab_close_with(&lab, &client);
}

/* All its log, and no state: it may be elected, but does not stay. */
UNIT_TEST(replica_state_missing, a_node_without_its_state_does_not_lead)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 95);
    snapshot_lab_write(&client, 1, 120);
    lab_crash(leader);
    leader->is_state_missing = true;
    snapshot_lab_start(leader);
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        if (&lab.nodes[i] != leader) {
            snapshot_lab_restart(&lab.nodes[i]); /* everybody may be elected */
        }
    }
    leader->is_state_missing = false;
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000));
    CU_ASSERT_TRUE(leader->state.installs >= 1);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(leader, "DBSIZE", 1000), ":120\r\n");
    snapshot_lab_close_with(&lab, &client);
}
