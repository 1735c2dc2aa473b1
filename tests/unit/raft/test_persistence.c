/* test_persistence.c -- nothing that depends on the disk leaves before the disk has it. */
#include "lib/unit.h"
#include "unit/raft/letter.h"

static void start_follower(struct cluster *cluster)
{
    cluster_init(cluster, 3, 0, 91);
    cluster_write_disk(cluster, 1, (struct raft_hard_state){1, 0}, NULL, 0);
    cluster_start(cluster, 1);
    cluster->nodes[1].persists_by_hand = true;
}

/* Figure 2: "Updated on stable storage before responding to RPCs". */
UNIT_TEST(raft_persistence, append_is_acknowledged_when_durable)
{
    struct cluster cluster;
    start_follower(&cluster);
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 1, .terms = {1}, .count = 1});
    CU_ASSERT_PTR_NULL(letter_append_reply(&cluster));
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).persisted_index, 0);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(letter_append_reply(&cluster));
    CU_ASSERT_EQUAL(letter_append_reply(&cluster)->match_index, 1);
    cluster_deinit(&cluster);
}

static void append_three(struct cluster *cluster)
{
    for (uint64_t i = 0; i < 3; i++) {
        (void)letter_append(cluster, 2, 1,
                            (struct letter_append){.term = 1,
                                                   .previous_index = i,
                                                   .previous_term = i == 0 ? 0 : 1,
                                                   .terms = {1},
                                                   .count = 1});
    }
}

UNIT_TEST(raft_persistence, each_part_is_acknowledged_as_it_becomes_durable)
{
    struct cluster cluster;
    start_follower(&cluster);
    append_three(&cluster);
    CU_ASSERT_EQUAL(cluster.nodes[1].persists_count, 3);
    for (uint64_t index = 1; index <= 3; index++) {
        cluster_drop_all(&cluster);
        (void)cluster_persist(&cluster, 1, 1);
        CU_ASSERT_EQUAL(cluster.mails_count, 1);
        CU_ASSERT_EQUAL(letter_append_reply(&cluster)->match_index, index);
    }
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_persistence, what_completes_together_is_acknowledged_once)
{
    struct cluster cluster;
    start_follower(&cluster);
    append_three(&cluster);
    (void)cluster_persist(&cluster, 1, 3);
    CU_ASSERT_EQUAL(cluster.mails_count, 1);
    CU_ASSERT_EQUAL(letter_append_reply(&cluster)->match_index, 3);
    cluster_deinit(&cluster);
}

/* C28: index 1 of term 1 is overwritten while it is on its way; its completion says nothing about
 * the entry that took its place. */
UNIT_TEST(raft_persistence, completion_of_an_overwritten_entry_does_not_count)
{
    struct cluster cluster;
    start_follower(&cluster);
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 1, .terms = {1, 1}, .count = 2});
    (void)letter_append(&cluster, 3, 1,
                        (struct letter_append){.term = 2, .terms = {2, 2}, .count = 2});
    CU_ASSERT_EQUAL(cluster.nodes[1].persists_count, 2);
    CU_ASSERT_EQUAL(cluster.nodes[1].persists[1].persist.truncate_from, 1);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).persisted_index, 0);
    CU_ASSERT_EQUAL(cluster.mails_count, 0);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).persisted_index, 2);
    CU_ASSERT_EQUAL(letter_append_reply(&cluster)->match_index, 2);
    CU_ASSERT_EQUAL(cluster.mails[0].message.to, 3);
    cluster_deinit(&cluster);
}

/* Heartbeats carry read rounds: they wait for a term, never for entries. */
UNIT_TEST(raft_persistence, heartbeat_answer_waits_for_the_term_alone)
{
    struct cluster cluster;
    start_follower(&cluster);
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 1, .terms = {1}, .count = 1});
    (void)letter_heartbeat(&cluster, 2, 1, 1, (struct raft_heartbeat){.read_round = 4});
    CU_ASSERT_EQUAL(cluster.mails_count, 1);
    (void)letter_heartbeat(&cluster, 3, 1, 2, (struct raft_heartbeat){.read_round = 5});
    CU_ASSERT_EQUAL(cluster.mails_count, 0);
    (void)cluster_persist(&cluster, 1, 2);
    const struct cluster_mail *mail =
        cluster_find_mail(&cluster, RAFT_MESSAGE_HEARTBEAT_REPLY, 1, 3);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mail);
    CU_ASSERT_EQUAL(mail->message.heartbeat_reply.read_round, 5);
    cluster_deinit(&cluster);
}

/* A new term voids what was promised but not said in the old one. */
UNIT_TEST(raft_persistence, held_answers_of_an_old_term_are_dropped)
{
    struct cluster cluster;
    start_follower(&cluster);
    (void)letter_vote(&cluster, 2, 1, 5, (struct raft_vote){0});
    (void)letter_heartbeat(&cluster, 3, 1, 6, (struct raft_heartbeat){0});
    (void)cluster_persist(&cluster, 1, 2);
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), -1);
    CU_ASSERT_PTR_NOT_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_HEARTBEAT_REPLY, 1, 3));
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_persistence, crash_loses_what_was_not_durable_and_nothing_else)
{
    struct cluster cluster;
    start_follower(&cluster);
    append_three(&cluster);
    (void)cluster_persist(&cluster, 1, 2);
    cluster_start(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, 1);
    cluster_deinit(&cluster);
}

static enum result create(struct raft_hard_state hard_state, const struct raft_entry *entries,
                          uint64_t entries_count, struct raft_timers timers)
{
    struct raft_start start = {.id = 1,
                               .hard_state = hard_state,
                               .timers = timers,
                               .entries = entries,
                               .entries_count = entries_count};
    struct raft *raft = NULL;
    enum result result = raft_create(&start, 0, &raft);
    raft_destroy(raft);
    return result;
}

UNIT_TEST(raft_persistence, start_refuses_a_damaged_log)
{
    struct raft_timers timers = {0};
    struct raft_hard_state hard_state = {5, 0};
    struct raft_entry entries[] = {{1, 2, RAFT_ENTRY_NOOP, NULL}, {2, 3, RAFT_ENTRY_NOOP, NULL}};
    CU_ASSERT_EQUAL(create(hard_state, entries, 2, timers), RESULT_OK);
    entries[1].index = 3;
    CU_ASSERT_EQUAL(create(hard_state, entries, 2, timers), RESULT_CORRUPT);
    entries[1].index = 2;
    entries[1].term = 1;
    CU_ASSERT_EQUAL(create(hard_state, entries, 2, timers), RESULT_CORRUPT);
    entries[1].term = 6; /* above the term on disk */
    CU_ASSERT_EQUAL(create(hard_state, entries, 2, timers), RESULT_CORRUPT);
    entries[1].term = 3;
    entries[1].type = RAFT_ENTRY_CONFIGURATION; /* without a payload */
    CU_ASSERT_EQUAL(create(hard_state, entries, 2, timers), RESULT_CORRUPT);
}

UNIT_TEST(raft_persistence, start_refuses_timers_that_contradict_each_other)
{
    struct raft_hard_state hard_state = {0, 0};
    CU_ASSERT_EQUAL(create(hard_state, NULL, 0, (struct raft_timers){100, 200, 20}), RESULT_OK);
    CU_ASSERT_EQUAL(create(hard_state, NULL, 0, (struct raft_timers){100, 99, 20}), RESULT_INVALID);
    CU_ASSERT_EQUAL(create(hard_state, NULL, 0, (struct raft_timers){100, 200, 100}),
                    RESULT_INVALID);
}
