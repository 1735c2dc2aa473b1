/* test_snapshot_transfer.c -- members that cannot go on from the log fetch their leader's state.
 * Covers X1, X4-X8, X10, O5, and what becomes of the receiver's own clients. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/unit.h"
#include "replica/replica_internal.h"
#include "unit/replica/snapshot_lab.h"

static struct lab lab;
static struct lab_client client; /* of the leader */

UNIT_TEST(replica_snapshot_transfer, a_member_that_is_far_behind_fetches_the_state)
{
    (void)snapshot_lab_open_with(&lab, &client, 3, 1);
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    lab_network_heal(&lab.network);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(follower, "DBSIZE", 100), ":200\r\n");
    /* Cursors mean the same on every node: the seed came along. */
    CU_ASSERT_EQUAL(follower->replica->hash_seed, client.node->replica->hash_seed);
    /* What it fetched is its own now, snapshots go on from it, and a restart finds it. */
    snapshot_lab_write(&client, 150, 400);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 1000));
    CU_ASSERT_TRUE(follower->state.commits >= 3);
    snapshot_lab_restart(follower);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 3000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    CU_ASSERT_EQUAL(follower->replica->hash_seed, client.node->replica->hash_seed);
    snapshot_lab_close_with(&lab, &client);
}

UNIT_TEST(replica_snapshot_transfer, several_receivers_share_a_copy_which_goes_when_it_is_done)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 5, 2);
    struct lab_node *first = lab_follower(&lab);
    lab_isolate(first);
    struct lab_node *second = NULL;
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        if (&lab.nodes[i] != leader && &lab.nodes[i] != first) {
            second = &lab.nodes[i];
        }
    }
    lab_isolate(second);
    snapshot_lab_write(&client, 1, 200);
    lab_network_heal(&lab.network);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 10000));
    CU_ASSERT_EQUAL(first->state.installs, 1);
    CU_ASSERT_EQUAL(second->state.installs, 1);
    CU_ASSERT_EQUAL(leader->state.copies, 1);
    CU_ASSERT_TRUE(buf_size(&leader->state.copy) > 0);
    lab_run_for(&lab, 40000);
    CU_ASSERT_EQUAL(buf_size(&leader->state.copy), 0);
    snapshot_lab_close_with(&lab, &client);
}

/* Fetching goes on where it was when the link was down for a while. */
UNIT_TEST(replica_snapshot_transfer, a_broken_link_does_not_mean_from_the_start)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 3);
    leader->state.padding_bytes = 6000000;
    leader->state.delay_ms_max = 20;
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    lab_network_heal(&lab.network);
    while (buf_size(&follower->state.received) < 3000000 && lab.now_ms < 60000) {
        lab_run_for(&lab, 5);
    }
    CU_ASSERT_TRUE(buf_size(&follower->state.received) >= 3000000);
    lab_isolate(follower);
    lab_run_for(&lab, 5000);
    uint64_t received = buf_size(&follower->state.received);
    lab_network_heal(&lab.network);
    lab_begin_turn(follower);
    replica_on_peer_connected(follower->replica, lab_id(leader->number));
    uint64_t sent_before = lab.network.bytes_sent;
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    CU_ASSERT_EQUAL(leader->state.copies, 1);
    CU_ASSERT_TRUE(lab.network.bytes_sent - sent_before < 6000000 + 2000000 - received);
    snapshot_lab_close_with(&lab, &client);
}

/* A disk slower than the network: what waits for it is bounded, and it comes to an end. */
UNIT_TEST(replica_snapshot_transfer, a_slow_disk_holds_the_pieces_back)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 21);
    leader->state.padding_bytes = 30000000;
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    follower->state.delay_ms_max = 200;
    lab_network_heal(&lab.network);
    uint64_t most = 0;
    while (follower->state.installs == 0 && lab.now_ms < 600000) {
        lab_run_for(&lab, 1);
        uint64_t bytes = lab_state_backlog(&follower->state, REPLICA_ORDER_RECEIVE_WRITE);
        most = bytes > most ? bytes : most;
    }
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    CU_ASSERT_TRUE(most > 8000000);
    /* And what was under way when it was noticed. */
    CU_ASSERT_TRUE(most < 9000000 + 2 * RECEIVE_WINDOW * PEER_SNAPSHOT_PIECE_BYTES);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 30000));
    snapshot_lab_close_with(&lab, &client);
}

/* Its state is the same, its file is not: the new leader's is fetched from the start. */
UNIT_TEST(replica_snapshot_transfer, a_new_leader_offers_its_own)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 4);
    for (uint32_t i = 0; i < 3; i++) {
        lab.nodes[i].state.padding_bytes = 6000000;
        lab.nodes[i].state.delay_ms_max = 20;
    }
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    lab_network_heal(&lab.network);
    while (buf_size(&follower->state.received) < 3000000 && lab.now_ms < 60000) {
        lab_run_for(&lab, 5);
    }
    lab_crash(leader);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 30000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_start(leader);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 10000));
    snapshot_lab_close_with(&lab, &client);
}

/* X6: what is damaged on its way, or on the sender's disk, is never taken over. */
UNIT_TEST(replica_snapshot_transfer, a_damaged_copy_is_made_again)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 5);
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    leader->state.corrupts_copy = true;
    lab_network_heal(&lab.network);
    lab_run_for(&lab, 1500);
    CU_ASSERT_EQUAL(leader->state.copies, 1);
    CU_ASSERT_EQUAL(follower->state.installs, 0);
    leader->state.corrupts_copy = false;
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000));
    CU_ASSERT_TRUE(leader->state.copies >= 2);
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_close_with(&lab, &client);
}

/* X5: whatever fails after the last piece, the next try begins at the first. */
UNIT_TEST(replica_snapshot_transfer, a_failure_after_the_last_piece_is_tried_again)
{
    for (uint64_t seed = 10; seed < 20; seed++) {
        (void)snapshot_lab_open_with(&lab, &client, 3, seed);
        struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
        follower->state.fails_per_mille = 500;
        lab_network_heal(&lab.network);
        CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 300000));
        CU_ASSERT_EQUAL(follower->state.installs, 1);
        snapshot_lab_close_with(&lab, &client);
    }
}

/* X4: one node crashes at one of its operations; in the end all is well. Returns whether it had
 * that many. */
static bool crash_at(uint64_t operation, bool is_after, bool is_sender)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 30 + operation);
    leader->state.padding_bytes = 300000;
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    struct lab_node *crasher = is_sender ? leader : follower;
    uint64_t done = crasher->state.operations_done;
    crasher->state.crash_at = done + operation;
    crasher->state.is_crash_after = is_after;
    lab_network_heal(&lab.network);
    for (uint32_t ms = 0; ms < 3000 && crasher->replica != NULL; ms += 5) {
        lab_run_for(&lab, 5);
    }
    bool has_crashed = crasher->replica == NULL;
    crasher->state.crash_at = 0;
    if (has_crashed) {
        lab_run_for(&lab, 300);
        snapshot_lab_start(crasher);
    }
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000));
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(follower, "DBSIZE", 1000), ":200\r\n");
    snapshot_lab_restart(follower);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000));
    snapshot_lab_close_with(&lab, &client);
    return has_crashed;
}

static uint64_t crash_at_each(bool is_after, bool is_sender)
{
    uint64_t operation = 1;
    while (operation < 60 && crash_at(operation, is_after, is_sender)) {
        operation++;
    }
    return operation - 1;
}

UNIT_TEST(replica_snapshot_transfer, a_receiver_may_crash_at_any_operation)
{
    /* Begin, three pieces, verify, load, install. */
    CU_ASSERT_TRUE(crash_at_each(false, false) >= 7);
    CU_ASSERT_TRUE(crash_at_each(true, false) >= 7);
}

UNIT_TEST(replica_snapshot_transfer, a_sender_may_crash_at_any_operation)
{
    /* Make, three pieces. */
    CU_ASSERT_TRUE(crash_at_each(false, true) >= 4);
    CU_ASSERT_TRUE(crash_at_each(true, true) >= 4);
}

/* A node that saves crashes at each operation of it. */
UNIT_TEST(replica_snapshot_transfer, a_saving_node_may_crash_at_any_operation)
{
    for (uint64_t operation = 1; operation <= 12; operation++) {
        for (uint32_t after = 0; after < 2; after++) {
            struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 1, 60 + operation);
            snapshot_lab_write(&client, 1, 20);
            leader->state.crash_at = operation;
            leader->state.is_crash_after = after == 1;
            snapshot_lab_write(&client, 21, 40);
            for (uint32_t i = 0; i < 100 && leader->replica != NULL; i++) {
                (void)snapshot_lab_ask(leader, "INCR n", 0);
                lab_run_for(&lab, 10);
            }
            leader->state.crash_at = 0;
            if (leader->replica == NULL) {
                snapshot_lab_start(leader);
            }
            CU_ASSERT_PTR_NOT_NULL(lab_run_to_leader(&lab, 2000));
            CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(leader, "EXISTS key:1 key:20 key:40", 100),
                                   ":3\r\n");
            snapshot_lab_close_with(&lab, &client);
        }
    }
}

/* X7: with the third node down, the leader lives of the answers of the one that is loading. */
UNIT_TEST(replica_snapshot_transfer, heartbeats_are_answered_all_through)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 70);
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    follower->state.delay_ms_max = 3000;
    lab_network_heal(&lab.network);
    lab_run_for(&lab, 200);
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        if (&lab.nodes[i] != leader && &lab.nodes[i] != follower) {
            lab_crash(&lab.nodes[i]);
        }
    }
    uint64_t term = snapshot_lab_status(leader).raft.term;
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 60000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    CU_ASSERT_EQUAL(snapshot_lab_status(leader).raft.term, term);
    CU_ASSERT_PTR_EQUAL(lab_leader(&lab), leader);
    snapshot_lab_close_with(&lab, &client);
}

/* X8: a snapshot of its own is under way when the fetched one comes. */
UNIT_TEST(replica_snapshot_transfer, a_snapshot_under_way_gives_way)
{
    for (uint64_t seed = 80; seed < 90; seed++) {
        (void)snapshot_lab_open_with(&lab, &client, 3, seed);
        snapshot_lab_write(&client, 300, 310);
        struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
        follower->state.delay_ms_max = (seed - 79) * 30;
        struct lab_client own = {0};
        lab_client_open(&own, follower, NULL);
        lab_client_say(&own, "SAVE");
        lab_network_heal(&lab.network);
        CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000));
        CU_ASSERT_EQUAL(follower->state.installs, 1);
        CU_ASSERT_STRING_EQUAL(lab_client_hear(&own, 2000), "+OK\r\n");
        snapshot_lab_write(&client, 1, 70);
        CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 2000));
        snapshot_lab_restart(follower);
        CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
        lab_client_deinit(&own);
        snapshot_lab_close_with(&lab, &client);
    }
}

/* The fetched one does not get its place after all: the one under way is begun anew. */
UNIT_TEST(replica_snapshot_transfer, a_snapshot_under_way_is_made_anew_when_the_fetched_one_fails)
{
    (void)snapshot_lab_open_with(&lab, &client, 3, 100);
    struct lab_node *follower = lab_follower(&lab);
    follower->disk.stalls_until_ms = lab.now_ms + 20000; /* so that it cannot be committed */
    snapshot_lab_write(&client, 1, 30);
    struct lab_client own = {0};
    lab_client_open(&own, follower, NULL);
    lab_client_say(&own, "SAVE");
    lab_run_for(&lab, 20);
    CU_ASSERT_EQUAL(follower->replica->save.phase, SAVE_ENCODED);
    CU_ASSERT_PTR_EQUAL(snapshot_lab_leave_behind(&lab, &client), follower);
    follower->state.delay_ms_max = 50;
    lab_network_heal(&lab.network);
    while (follower->replica->receive.phase != RECEIVE_INSTALLING && lab.now_ms < 60000) {
        lab_run_for(&lab, 1);
    }
    follower->state.fails_per_mille = 1000;
    lab_run_for(&lab, 100);
    CU_ASSERT_EQUAL(follower->state.installs, 0);
    CU_ASSERT_EQUAL(follower->replica->receive.phase, RECEIVE_NONE);
    CU_ASSERT_NOT_EQUAL(follower->replica->save.phase, SAVE_COMMITTING);
    follower->state.fails_per_mille = 0;
    lab_isolate(follower);
    uint64_t commits = follower->state.commits;
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&own, 20000), "+OK\r\n");
    CU_ASSERT_EQUAL(follower->state.commits, commits + 1);
    lab_network_heal(&lab.network);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 60000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_restart(follower);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    lab_client_deinit(&own);
    snapshot_lab_close_with(&lab, &client);
}

/* X1, X10: while it fetches, the log goes on beyond what the leader holds for it; it is offered the
 * next one, and the one after that, and gets there when there is time. */
UNIT_TEST(replica_snapshot_transfer, snapshots_in_short_order)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 91);
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    follower->state.delay_ms_max = 1500;
    struct replica_snapshot_options tight = {
        .log_entries = 20, .log_bytes = 1000, .trailing_bytes = 100};
    replica_set_snapshot_options(leader->replica, &tight);
    lab_network_heal(&lab.network);
    snapshot_lab_write(&client, 1, 3000);
    CU_ASSERT_TRUE(snapshot_lab_status(leader).raft.first_index > 2000);
    CU_ASSERT_TRUE(leader->state.copies >= 2);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000));
    CU_ASSERT_TRUE(follower->state.installs >= 2);
    snapshot_lab_close_with(&lab, &client);
}

/* Nobody makes copies for a member that is down. */
UNIT_TEST(replica_snapshot_transfer, a_member_that_is_down_needs_none)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 97);
    struct lab_node *follower = lab_follower(&lab);
    lab_crash(follower);
    snapshot_lab_write(&client, 1, 200);
    lab_run_for(&lab, 10000);
    CU_ASSERT_EQUAL(leader->state.copies, 0);
    snapshot_lab_start(follower);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    CU_ASSERT_EQUAL(leader->state.copies, 1);
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_close_with(&lab, &client);
}

/* While it is fetched, the log behind the copy stays, so that one snapshot is enough. */
UNIT_TEST(replica_snapshot_transfer, the_log_behind_the_copy_stays_while_it_is_fetched)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 92);
    leader->state.padding_bytes = 3000000;
    struct lab_node *follower = snapshot_lab_leave_behind(&lab, &client);
    follower->state.delay_ms_max = 1000;
    lab_network_heal(&lab.network);
    lab_run_for(&lab, 50);
    uint64_t commits = leader->state.commits;
    snapshot_lab_write(&client, 200, 700);
    CU_ASSERT_TRUE(leader->state.commits >= commits + 5);
    CU_ASSERT_EQUAL(follower->state.installs, 0);
    CU_ASSERT_EQUAL(snapshot_lab_status(leader).raft.first_index,
                    leader->state.copy_snapshot.index + 1);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 60000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    CU_ASSERT_EQUAL(leader->state.copies, 1);
    snapshot_lab_close_with(&lab, &client);
}

/* Its clients' writes that the others applied have no replies; its reads need not fail. */
UNIT_TEST(replica_snapshot_transfer, own_clients_are_told_the_truth)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 93);
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        replica_set_request_timeout(lab.nodes[i].replica, 60000);
    }
    struct lab_node *follower = lab_follower(&lab);
    struct lab_client own = {0};
    struct lab_client reader = {0};
    lab_client_open(&own, follower, NULL);
    lab_client_say(&own, "INCR n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&own, 100), ":1\r\n");
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        lab_network_cut(&lab.network, i, follower->number, true); /* it still speaks */
    }
    lab_client_say(&own, "INCR n");
    lab_run_for(&lab, 50);
    CU_ASSERT_STRING_EQUAL(snapshot_lab_ask(leader, "GET n", 50), "$1\r\n2\r\n");
    lab_isolate(follower);
    snapshot_lab_write(&client, 1, 200);
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&own, 10), "");
    lab_client_open(&reader, follower, NULL);
    lab_client_say(&reader, "GET key:200");
    lab_client_say(&own, "INCR n");
    lab_network_heal(&lab.network);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 20000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    const char *heard = lab_client_hear(&own, 3000);
    CU_ASSERT_TRUE(unit_begins(heard, "-UNKNOWN The outcome of this write is not known: this node "
                                      "caught up by a snapshot"));
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "\r\n:3\r\n")); /* the next one was not done yet: once */
    CU_ASSERT_TRUE(unit_begins(lab_client_hear(&reader, 1000), "$100\r\n"));
    lab_client_say(&own, "INCR n");
    CU_ASSERT_STRING_EQUAL(lab_client_hear(&own, 1000), ":4\r\n");
    lab_client_deinit(&own);
    lab_client_deinit(&reader);
    snapshot_lab_close_with(&lab, &client);
}

/* Another leader's log would bring it past the snapshot while that takes the place of state.db. */
UNIT_TEST(replica_snapshot_transfer, nothing_is_applied_while_it_takes_its_place)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 99);
    struct lab_node *follower = lab_follower(&lab);
    struct replica_snapshot_options seldom = {.log_entries = 1000000};
    for (uint32_t i = 0; i < lab.nodes_count; i++) {
        if (&lab.nodes[i] != leader && &lab.nodes[i] != follower) {
            replica_set_snapshot_options(lab.nodes[i].replica, &seldom);
        }
    }
    CU_ASSERT_PTR_EQUAL(snapshot_lab_leave_behind(&lab, &client), follower);
    lab_network_heal(&lab.network);
    while (follower->replica->receive.phase != RECEIVE_LOADING && lab.now_ms < 60000) {
        lab_run_for(&lab, 1);
    }
    follower->state.delay_ms_max = 1000000;
    while (follower->replica->receive.phase != RECEIVE_INSTALLING && lab.now_ms < 60000) {
        lab_run_for(&lab, 1);
    }
    CU_ASSERT_EQUAL_FATAL(follower->replica->receive.phase, RECEIVE_INSTALLING);
    CU_ASSERT_EQUAL_FATAL(follower->state.operations_count, 1);
    follower->state.operations[0].due_ms = lab.now_ms + 5000;
    uint64_t applied_index = snapshot_lab_status(follower).applied_index;
    lab_crash(leader);
    lab_run_for(&lab, 4000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lab_leader(&lab));
    CU_ASSERT_TRUE(snapshot_lab_status(follower).raft.commit_index >
                   follower->replica->receive.snapshot.index);
    CU_ASSERT_EQUAL(snapshot_lab_status(follower).applied_index, applied_index);
    follower->state.delay_ms_max = 5;
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    CU_ASSERT_EQUAL(follower->state.installs, 1);
    snapshot_lab_restart(follower);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 5000));
    snapshot_lab_close_with(&lab, &client);
}

/* X1: one that is not newer than what is applied changes nothing. */
UNIT_TEST(replica_snapshot_transfer, an_old_snapshot_is_passed_over)
{
    struct lab_node *leader = snapshot_lab_open_with(&lab, &client, 3, 96);
    snapshot_lab_write(&client, 1, 60);
    struct lab_node *follower = lab_follower(&lab);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 1000));
    struct replica_status status = snapshot_lab_status(follower);
    struct peer_message offer = {.type = PEER_MESSAGE_SNAPSHOT_OFFER,
                                 .from = lab_id(leader->number),
                                 .to = lab_id(follower->number)};
    offer.snapshot_offer = (struct peer_snapshot){status.applied_index, 1, 1000, 1};
    lab_begin_turn(follower);
    CU_ASSERT_EQUAL(replica_on_message(follower->replica, &offer), RESULT_OK);
    CU_ASSERT_EQUAL(follower->replica->receive.phase, RECEIVE_NONE);
    offer.snapshot_offer.index++;
    CU_ASSERT_EQUAL(replica_on_message(follower->replica, &offer), RESULT_OK);
    CU_ASSERT_EQUAL(follower->replica->receive.phase, RECEIVE_FETCHING);
    /* Overtaken by the log, it is given up. */
    snapshot_lab_write(&client, 61, 62);
    CU_ASSERT_EQUAL(follower->replica->receive.phase, RECEIVE_NONE);
    CU_ASSERT_TRUE(snapshot_lab_converge(&lab, 1000));
    snapshot_lab_close_with(&lab, &client);
}
