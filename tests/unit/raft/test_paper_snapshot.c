/* test_paper_snapshot.c -- a snapshot in place of this node's state (paper, section 7 and Figure
 * 13), and compaction. */
#include "lib/unit.h"
#include "raft/raft_internal.h"
#include "unit/raft/letter.h"

/* Node 1 of three with the given log in term; the test plays the others. */
static void start_follower(struct cluster *cluster, uint64_t term, const uint64_t *terms,
                           uint32_t terms_count)
{
    cluster_init(cluster, 3, 0, 31);
    cluster_write_disk(cluster, 1, (struct raft_hard_state){term, 3}, terms, terms_count);
    cluster_start(cluster, 1);
}

static enum result install(struct cluster *cluster, uint64_t index, uint64_t term,
                           const struct raft_configuration *configuration)
{
    struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT_INSTALLED};
    event.snapshot = (struct raft_snapshot){index, term, configuration};
    cluster_drop_all(cluster);
    return cluster_step(cluster, 1, &event);
}

/* Receiver step 6: "If existing log entry has same index and term as snapshot's last included
 * entry, retain log entries following it and reply". */
UNIT_TEST(raft_paper_snapshot, matching_log_keeps_what_follows)
{
    struct cluster cluster;
    start_follower(&cluster, 2, (uint64_t[]){1, 1, 2, 2}, 4);
    cluster.nodes[1].persists_by_hand = true;
    CU_ASSERT_EQUAL(install(&cluster, 3, 2, &cluster.configuration), RESULT_OK);
    struct raft_status status = cluster_status(&cluster, 1);
    CU_ASSERT_EQUAL(status.first_index, 4);
    CU_ASSERT_EQUAL(status.last_index, 4);
    CU_ASSERT_EQUAL(status.commit_index, 3);
    CU_ASSERT_EQUAL(cluster.nodes[1].persists_count, 0); /* the disk's log need not change */
    cluster_deinit(&cluster);
}

/* Step 7: "Discard the entire log"; step 8: "load snapshot's cluster configuration". */
UNIT_TEST(raft_paper_snapshot, any_other_log_is_dropped_whole)
{
    struct cluster cluster;
    start_follower(&cluster, 2, (uint64_t[]){1, 1, 1, 2}, 4);
    cluster.nodes[1].persists_by_hand = true;
    struct raft_configuration five = cluster.configuration;
    for (uint64_t id = 4; id <= 5; id++) {
        struct raft_member member = {.id = id, .role = RAFT_VOTER};
        CU_ASSERT_EQUAL(raft_configuration_put(&five, &member), RESULT_OK);
    }
    CU_ASSERT_EQUAL(install(&cluster, 3, 2, &five), RESULT_OK);
    struct raft_status status = cluster_status(&cluster, 1);
    CU_ASSERT_EQUAL(status.first_index, 4);
    CU_ASSERT_EQUAL(status.last_index, 3);
    CU_ASSERT_EQUAL(status.commit_index, 3);
    CU_ASSERT_EQUAL(status.persisted_index, 3);
    CU_ASSERT_EQUAL(status.configuration_index, 3);
    CU_ASSERT_EQUAL(raft_configuration_latest(cluster.nodes[1].raft)->members_count, 5);
    CU_ASSERT_EQUAL_FATAL(cluster.nodes[1].persists_count, 1);
    CU_ASSERT_EQUAL(cluster.nodes[1].persists[0].persist.reset_index, 3);
    CU_ASSERT_EQUAL(cluster.nodes[1].persists[0].persist.reset_term, 2);
    /* The log goes on behind it. */
    (void)letter_append(
        &cluster, 2, 1,
        (struct letter_append){
            .term = 2, .previous_index = 3, .previous_term = 2, .terms = {2}, .count = 1});
    (void)cluster_persist(&cluster, 1, 1);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).persisted_index, 4);
    CU_ASSERT_EQUAL(cluster.nodes[1].disk.snapshot_index, 3);
    CU_ASSERT_EQUAL(cluster.nodes[1].disk.entries_count, 1);
    cluster_deinit(&cluster);
}

/* X2: neither term nor vote is lost to a snapshot; a later term is learned from one. */
UNIT_TEST(raft_paper_snapshot, term_and_vote_stay)
{
    struct cluster cluster;
    start_follower(&cluster, 5, (uint64_t[]){1, 1}, 2);
    CU_ASSERT_EQUAL(install(&cluster, 7, 3, &cluster.configuration), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, 5);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).vote, 3);
    CU_ASSERT_EQUAL(install(&cluster, 9, 6, &cluster.configuration), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, 6);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).vote, RAFT_ID_NONE);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 9);
    cluster_deinit(&cluster);
}

/* X1: one that brings nothing new changes nothing, and is acknowledged all the same, or its leader
 * would send it for ever. */
UNIT_TEST(raft_paper_snapshot, old_snapshot_changes_nothing_and_is_acknowledged)
{
    struct cluster cluster;
    start_follower(&cluster, 2, (uint64_t[]){1, 1, 2, 2}, 4);
    CU_ASSERT_EQUAL(install(&cluster, 3, 2, &cluster.configuration), RESULT_OK);
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 2,
                                               .previous_index = 4,
                                               .previous_term = 2,
                                               .commit_index = 5,
                                               .terms = {2},
                                               .count = 1});
    for (uint64_t index = 1; index <= 4; index++) {
        CU_ASSERT_EQUAL(install(&cluster, index, index < 3 ? 1 : 2, &cluster.configuration),
                        RESULT_OK);
        CU_ASSERT_PTR_NOT_NULL_FATAL(letter_append_reply(&cluster));
        CU_ASSERT_EQUAL(letter_append_reply(&cluster)->match_index, 5);
        CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 5);
        CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, 5);
    }
    CU_ASSERT_EQUAL(install(&cluster, 5, 1, &cluster.configuration), RESULT_CORRUPT);
    cluster_deinit(&cluster);
}

/* C28 for snapshots: what was on its way to the dropped log says nothing of the new one. */
UNIT_TEST(raft_paper_snapshot, late_completions_of_the_dropped_log_do_not_count)
{
    struct cluster cluster;
    start_follower(&cluster, 2, NULL, 0);
    cluster.nodes[1].persists_by_hand = true;
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 2, .terms = {1, 1, 1, 1}, .count = 4});
    CU_ASSERT_EQUAL(install(&cluster, 2, 2, &cluster.configuration), RESULT_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(letter_append_reply(&cluster));
    CU_ASSERT_EQUAL(letter_append_reply(&cluster)->match_index, 2);
    (void)letter_append(
        &cluster, 2, 1,
        (struct letter_append){
            .term = 2, .previous_index = 2, .previous_term = 2, .terms = {2, 2}, .count = 2});
    CU_ASSERT_PTR_NULL(letter_append_reply(&cluster));
    (void)cluster_persist(&cluster, 1, 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).persisted_index, 2);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).persisted_index, 4);
    cluster_deinit(&cluster);
}

/* A candidate whose log is replaced asks with what it no longer has: it is a follower again. */
UNIT_TEST(raft_paper_snapshot, candidate_begins_anew)
{
    struct cluster cluster;
    start_follower(&cluster, 2, (uint64_t[]){1, 1}, 2);
    cluster_expire(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_PRE_CANDIDATE);
    CU_ASSERT_EQUAL(install(&cluster, 8, 2, &cluster.configuration), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    cluster_expire(&cluster, 1);
    const struct cluster_mail *mail = cluster_find_mail(&cluster, RAFT_MESSAGE_PRE_VOTE, 1, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mail);
    CU_ASSERT_EQUAL(mail->message.vote.last_log_index, 8);
    CU_ASSERT_EQUAL(mail->message.vote.last_log_term, 2);
    cluster_deinit(&cluster);
}

/* A node that is out, but might be needed as long as that is not committed, campaigns; a snapshot
 * may tell it that it is. */
UNIT_TEST(raft_paper_snapshot, removed_candidate_learns_that_it_is_removed)
{
    struct cluster cluster;
    cluster_init(&cluster, 2, 0, 33);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 2, false), RESULT_OK);
    while (cluster_status(&cluster, 2).last_index < 2) {
        (void)cluster_deliver_at(&cluster, 0);
    }
    cluster_drop_all(&cluster);
    cluster_expire(&cluster, 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).role, RAFT_PRE_CANDIDATE);
    CU_ASSERT_FALSE(cluster_status(&cluster, 2).is_member);
    CU_ASSERT_EQUAL(cluster_install(&cluster, 1, 2, 2), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).role, RAFT_FOLLOWER);
    cluster_expire(&cluster, 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).role, RAFT_FOLLOWER);
    cluster_deinit(&cluster);
}

/* The log in memory is as long as what is not compacted, and so is the room for it. */
UNIT_TEST(raft_paper_snapshot, compaction_gives_memory_back)
{
    struct cluster cluster;
    cluster_init(&cluster, 1, 0, 34);
    cluster_start_all(&cluster);
    for (int i = 0; i < 5000; i++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    }
    const struct raft_log *log = &cluster.nodes[1].raft->log;
    CU_ASSERT(log->capacity >= 5001);
    uint64_t largest = 0;
    for (uint64_t index = 100; index <= 5000; index += 100) {
        cluster_compact(&cluster, 1, index);
        CU_ASSERT_EQUAL(log->count, 5001 - index);
        CU_ASSERT_EQUAL(raft_entry_at(cluster.nodes[1].raft, index + 1)->index, index + 1);
    }
    for (uint64_t index = 5001; index <= 20000; index++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
        cluster_compact(&cluster, 1, index);
        largest = log->capacity > largest ? log->capacity : largest;
    }
    CU_ASSERT(largest <= 4096);
    CU_ASSERT(log->capacity <= 256);
    cluster_deinit(&cluster);
}

/* Paper 7: "the leader must occasionally send snapshots to followers that lag behind". It goes on
 * where the snapshot ends, hears of it in the meantime, and its state at a crash is the new one. */
UNIT_TEST(raft_paper_snapshot, follower_goes_on_behind_its_snapshot)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 32);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    cluster_isolate(&cluster, 3, true);
    for (int i = 0; i < 30; i++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
        cluster_deliver_all(&cluster);
    }
    cluster_compact(&cluster, 1, 20);
    cluster_isolate(&cluster, 3, false);
    cluster_run(&cluster, 1000);
    CU_ASSERT(cluster_status(&cluster, 1).needs_snapshots);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).role, RAFT_FOLLOWER); /* heartbeats go on */
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index, 1);
    cluster.nodes[3].persists_by_hand = true;
    CU_ASSERT_EQUAL(cluster_install(&cluster, 1, 3, 25), RESULT_OK);
    cluster_deliver_all(&cluster);
    CU_ASSERT_FALSE(cluster_status(&cluster, 1).needs_snapshots);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).last_index, 31);
    /* A crash before the log was reset on disk: the snapshot is there, the log is not. */
    cluster_start(&cluster, 3);
    cluster.nodes[3].persists_by_hand = false;
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).last_index, 25);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index, 25);
    (void)cluster_step(&cluster, 1,
                       &(struct raft_event){.type = RAFT_EVENT_UNREACHABLE, .peer = 3});
    cluster_run(&cluster, 200);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index, 31);
    cluster_deinit(&cluster);
}
