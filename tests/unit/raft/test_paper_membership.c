/* test_paper_membership.c -- changing the membership (thesis chapter 4), each rule beside its
 * sentence. Disks are test_disks.c's. */
#include <stdio.h>
#include <string.h>

#include "lib/unit.h"
#include "raft/raft_internal.h"
#include "unit/raft/letter.h"

/* Node 1 leads voters 1 .. voters_count; spares behind them are blank and know of nobody. */
static void start_leader(struct cluster *cluster, uint32_t voters_count, uint32_t spares_count,
                         uint64_t seed)
{
    cluster_init(cluster, voters_count, 0, seed);
    for (uint32_t i = 0; i < spares_count; i++) {
        (void)cluster_add_node(cluster);
    }
    cluster_start_all(cluster);
    cluster_elect(cluster, 1);
    cluster_run(cluster, 60);
}

static const struct raft_member *member_of(const struct cluster *cluster, uint64_t id, uint64_t who)
{
    return raft_configuration_find(raft_configuration_latest(cluster->nodes[id].raft), who);
}

static enum raft_member_role role_of(const struct cluster *cluster, uint64_t id, uint64_t who)
{
    const struct raft_member *member = member_of(cluster, id, who);
    return member == NULL ? 0 : member->role;
}

/* Thesis 4.2.1: "a new server joins the cluster as a non-voting member. The leader replicates log
 * entries to it, but it is not yet counted towards majorities"; "once the new server has caught up
 * with the rest of the cluster, the reconfiguration can proceed". */
UNIT_TEST(raft_paper_membership, new_server_catches_up_then_votes)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 1, 1);
    for (int i = 0; i < 200; i++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    }
    cluster_run(&cluster, 60);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 4, RAFT_JOINING), RESULT_OK);
    CU_ASSERT_EQUAL(role_of(&cluster, 1, 4), RAFT_JOINING);
    cluster_isolate(&cluster, 4, true);
    cluster_run(&cluster, 1000);
    CU_ASSERT_EQUAL(role_of(&cluster, 2, 4), RAFT_JOINING); /* it has nothing yet */
    cluster_isolate(&cluster, 4, false);
    cluster_run(&cluster, 200);
    for (uint64_t id = 1; id <= 4; id++) {
        CU_ASSERT_EQUAL(role_of(&cluster, id, 4), RAFT_VOTER);
        CU_ASSERT_EQUAL(member_of(&cluster, id, 4)->disk_id, cluster.nodes[4].disk_id);
    }
    CU_ASSERT(cluster_status(&cluster, 4).is_voter);
    /* It counts: two of four are no majority. */
    cluster_crash(&cluster, 2);
    cluster_crash(&cluster, 3);
    uint64_t commit = cluster_status(&cluster, 1).commit_index;
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, commit);
    cluster_deinit(&cluster);
}

/* A learner stays one until it is told otherwise, and is promoted only when it has caught up (M9).
 */
UNIT_TEST(raft_paper_membership, learner_is_promoted_when_asked_and_caught_up)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 1, 2);
    for (int i = 0; i < 200; i++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    }
    cluster_isolate(&cluster, 4, true);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 4, RAFT_LEARNER), RESULT_OK);
    cluster_run(&cluster, 60);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_PROMOTE, 4, true), RESULT_CONFLICT);
    cluster_compact(&cluster, 1, 150);
    cluster_isolate(&cluster, 4, false);
    cluster_run(&cluster, 200);
    /* It waits for a snapshot (M9). */
    CU_ASSERT(cluster_status(&cluster, 1).needs_snapshots);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_PROMOTE, 4, true), RESULT_CONFLICT);
    CU_ASSERT_EQUAL(cluster_install(&cluster, 1, 4, 180), RESULT_OK);
    cluster_run(&cluster, 200);
    CU_ASSERT_FALSE(cluster_status(&cluster, 1).needs_snapshots);
    CU_ASSERT_EQUAL(role_of(&cluster, 4, 4), RAFT_LEARNER);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_PROMOTE, 4, false), RESULT_OK);
    cluster_run(&cluster, 60);
    CU_ASSERT_EQUAL(role_of(&cluster, 4, 4), RAFT_VOTER);
    cluster_deinit(&cluster);
}

/* M2; thesis 4.1: "only one server can be added or removed from the cluster at a time". */
UNIT_TEST(raft_paper_membership, one_change_at_a_time)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 2, 3);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 4, RAFT_LEARNER), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 5, RAFT_LEARNER), RESULT_BUSY);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 3, true), RESULT_BUSY);
    /* The same again is no other change. */
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 4, RAFT_LEARNER), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, 2);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 5, RAFT_LEARNER), RESULT_OK);
    cluster_run(&cluster, 60);
    CU_ASSERT_EQUAL(raft_configuration_latest(cluster.nodes[3].raft)->members_count, 5);
    cluster_deinit(&cluster);
}

/* M1, the flaw in the thesis (2015): a leader must not change the membership before it has
 * committed an entry of its own term. */
UNIT_TEST(raft_paper_membership, no_change_before_a_commit_of_this_term)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 1, 4);
    cluster_crash(&cluster, 1);
    cluster.now_ms += 1000;
    (void)cluster_step(&cluster, 2, &(struct raft_event){.type = RAFT_EVENT_DEADLINE});
    while (cluster_status(&cluster, 2).role != RAFT_LEADER) {
        (void)cluster_deliver_at(&cluster, 0);
    }
    /* The configuration is known to be committed, but no entry of this term is. */
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).configuration_index, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).commit_index, 1);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 2, 4, RAFT_LEARNER), RESULT_BUSY);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 2, RAFT_CHANGE_REMOVE, 1, true), RESULT_BUSY);
    cluster_deliver_all(&cluster);
    CU_ASSERT(cluster_status(&cluster, 2).own_term_committed);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 2, 4, RAFT_LEARNER), RESULT_OK);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_paper_membership, refusals_say_why_and_change_nothing)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 1, 5);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 2, 4, RAFT_JOINING), RESULT_NOT_LEADER);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 4, RAFT_VOTER), RESULT_INVALID);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 4, false), RESULT_NOT_FOUND);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_PROMOTE, 4, false), RESULT_NOT_FOUND);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_ADDRESSES, 4, false), RESULT_NOT_FOUND);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_PROMOTE, 2, false), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, 2), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 4, RAFT_JOINING), RESULT_BUSY);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, 1);
    cluster_deinit(&cluster);
    start_leader(&cluster, 1, 0, 6);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 1, true), RESULT_INVALID);
    for (uint64_t id = 2; id <= LIMIT_MEMBERS; id++) {
        CU_ASSERT_EQUAL(cluster_add(&cluster, 1, id, RAFT_LEARNER), RESULT_OK);
        cluster_drop_all(&cluster);
    }
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 99, RAFT_LEARNER), RESULT_LIMIT);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_PROMOTE, 9, true), RESULT_CONFLICT);
    cluster_deinit(&cluster);
}

static enum result change_addresses(struct cluster *cluster, enum raft_change_kind kind,
                                    uint64_t who, const char *raft_address,
                                    const char *http_address)
{
    struct raft_change change = {.kind = kind, .member = {.id = who, .role = RAFT_LEARNER}};
    (void)snprintf(change.member.raft_address, sizeof(change.member.raft_address), "%s",
                   raft_address);
    (void)snprintf(change.member.http_address, sizeof(change.member.http_address), "%s",
                   http_address);
    struct raft_event event = {.type = RAFT_EVENT_CHANGE, .change = &change};
    enum result result = cluster_step(cluster, 1, &event);
    cluster_deliver_all(cluster);
    return result;
}

/* Addresses live in the log; no two members share one. */
UNIT_TEST(raft_paper_membership, addresses_are_in_the_configuration)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 1, 7);
    CU_ASSERT_EQUAL(change_addresses(&cluster, RAFT_CHANGE_ADD, 4, "d:1", "d:8"), RESULT_OK);
    uint64_t last_index = cluster_status(&cluster, 1).last_index;
    CU_ASSERT_EQUAL(change_addresses(&cluster, RAFT_CHANGE_ADD, 4, "d:1", ""), RESULT_OK);
    CU_ASSERT_EQUAL(change_addresses(&cluster, RAFT_CHANGE_ADD, 4, "d:2", "d:8"), RESULT_EXISTS);
    CU_ASSERT_EQUAL(change_addresses(&cluster, RAFT_CHANGE_ADD, 5, "d:1", ""), RESULT_EXISTS);
    CU_ASSERT_EQUAL(change_addresses(&cluster, RAFT_CHANGE_ADD, 5, "e:1", "d:8"), RESULT_EXISTS);
    CU_ASSERT_EQUAL(change_addresses(&cluster, RAFT_CHANGE_ADDRESSES, 3, "", "d:8"), RESULT_EXISTS);
    CU_ASSERT_EQUAL(change_addresses(&cluster, RAFT_CHANGE_ADDRESSES, 4, "d:1", ""), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, last_index);
    CU_ASSERT_EQUAL(change_addresses(&cluster, RAFT_CHANGE_ADDRESSES, 4, "d:3", ""), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, last_index + 1);
    CU_ASSERT_STRING_EQUAL(member_of(&cluster, 2, 4)->raft_address, "d:3");
    CU_ASSERT_STRING_EQUAL(member_of(&cluster, 2, 4)->http_address, "d:8");
    CU_ASSERT_EQUAL(role_of(&cluster, 2, 4), RAFT_LEARNER);
    cluster_deinit(&cluster);
}

/* M10: what too few voters could commit is refused, unless forced. */
UNIT_TEST(raft_paper_membership, change_that_would_lose_the_quorum_must_be_forced)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 0, 8);
    cluster_isolate(&cluster, 3, true);
    cluster_run(&cluster, 400);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 2, false), RESULT_UNREACHABLE);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, 1);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 3, false), RESULT_OK);
    cluster_run(&cluster, 60);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 2);
    cluster_deinit(&cluster);
    start_leader(&cluster, 3, 0, 9);
    cluster_isolate(&cluster, 3, true);
    cluster_run(&cluster, 400);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 2, true), RESULT_OK);
    CU_ASSERT_EQUAL(role_of(&cluster, 1, 2), 0);
    cluster_deinit(&cluster);
}

/* M5; thesis 4.2.2: "a leader that is removed from the configuration steps down once the Cnew entry
 * is committed"; "there will be a period of time (while it is committing Cnew) when a leader can
 * manage a cluster that does not include itself; it replicates log entries but does not count
 * itself in majorities." */
UNIT_TEST(raft_paper_membership, removed_leader_leads_until_its_removal_is_committed)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 0, 10);
    uint64_t term = cluster_status(&cluster, 1).term;
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 1, false), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_LEADER);
    CU_ASSERT_FALSE(cluster_status(&cluster, 1).is_member);
    cluster_drop_all(&cluster);
    (void)letter_ack(&cluster, 2, 1, term, 2);
    /* One of {2, 3}: its own disk is not the other. */
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_LEADER);
    (void)letter_ack(&cluster, 3, 1, term, 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    CU_ASSERT_PTR_NOT_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_TIMEOUT_NOW, 1, RAFT_ID_NONE));
    cluster_deinit(&cluster);
}

/* ... and nobody waits for an election timeout to have a leader again. */
UNIT_TEST(raft_paper_membership, removed_leader_hands_over_at_once)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 0, 11);
    uint64_t before_ms = cluster.now_ms;
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 1, false), RESULT_OK);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster.now_ms, before_ms);
    uint64_t leader = cluster_leader(&cluster);
    CU_ASSERT(leader == 2 || leader == 3);
    CU_ASSERT(cluster_status(&cluster, leader).own_term_committed);
    /* It knows that it was removed, and never campaigns. */
    CU_ASSERT_FALSE(cluster_status(&cluster, 1).is_member);
    uint64_t term = cluster_status(&cluster, 1).term;
    cluster_isolate(&cluster, 1, true);
    cluster_run(&cluster, 3000);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, term);
    cluster_deinit(&cluster);
}

/* Thesis 4.2.2: "A server that is not part of its own latest configuration should still start new
 * elections, as it might still be needed until the Cnew entry is committed". Here 1 alone has it,
 * and 2, without it, can win no vote but its own. */
UNIT_TEST(raft_paper_membership, removed_server_is_needed_until_that_is_committed)
{
    struct cluster cluster;
    start_leader(&cluster, 2, 0, 12);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 1, false), RESULT_OK);
    cluster_drop_all(&cluster);
    cluster_start(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, 2);
    CU_ASSERT_FALSE(cluster_status(&cluster, 1).is_member);
    cluster_run(&cluster, 3000);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 2);
    CU_ASSERT(cluster_status(&cluster, 2).own_term_committed);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    CU_ASSERT_EQUAL(role_of(&cluster, 2, 1), 0);
    cluster_deinit(&cluster);
}

/* M6: a removed server is told, where possible; then nothing is sent to it any more. */
UNIT_TEST(raft_paper_membership, removed_server_hears_of_it)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 0, 13);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 3, false), RESULT_OK);
    cluster_run(&cluster, 100);
    CU_ASSERT_FALSE(cluster_status(&cluster, 3).is_member);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index, 2);
    struct raft_progress rows[LIMIT_MEMBERS];
    CU_ASSERT_EQUAL(raft_get_progress(cluster.nodes[1].raft, rows, LIMIT_MEMBERS), 1);
    cluster_run(&cluster, 700);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    CU_ASSERT_PTR_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_APPEND, 1, 3));
    uint64_t term = cluster_status(&cluster, 1).term;
    cluster_run(&cluster, 3000);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).role, RAFT_FOLLOWER);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, term);
    /* M12: it may come back at once, with what it has. */
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 3, RAFT_JOINING), RESULT_OK);
    cluster_run(&cluster, 300);
    CU_ASSERT_EQUAL(role_of(&cluster, 3, 3), RAFT_VOTER);
    cluster_deinit(&cluster);
}

/* M6: one that was cut off when it was removed never learns of it, and disturbs nobody. */
UNIT_TEST(raft_paper_membership, removed_server_that_does_not_know_disturbs_nobody)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 0, 14);
    cluster_isolate(&cluster, 3, true);
    CU_ASSERT_EQUAL(cluster_change(&cluster, 1, RAFT_CHANGE_REMOVE, 3, false), RESULT_OK);
    cluster_run(&cluster, 2000);
    cluster_isolate(&cluster, 3, false);
    uint64_t term = cluster_status(&cluster, 1).term;
    cluster_run(&cluster, 3000);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).role, RAFT_PRE_CANDIDATE);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, term);
    cluster_deinit(&cluster);
}

/* M8: a server that does not know yet that it votes must vote when asked. */
UNIT_TEST(raft_paper_membership, promoted_server_that_does_not_know_votes)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 1, 15);
    cluster_start_all(&cluster);
    (void)letter_vote(&cluster, 1, 4, 1, (struct raft_vote){0});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 1);
    cluster_deinit(&cluster);
}

/* M3: the configuration of a deposed leader that was not committed is no more, on it too. */
UNIT_TEST(raft_paper_membership, uncommitted_change_is_rolled_back)
{
    struct cluster cluster;
    start_leader(&cluster, 3, 1, 16);
    cluster_isolate(&cluster, 1, true);
    CU_ASSERT_EQUAL(cluster_add(&cluster, 1, 4, RAFT_LEARNER), RESULT_OK);
    CU_ASSERT_EQUAL(role_of(&cluster, 1, 4), RAFT_LEARNER);
    cluster_run(&cluster, 1500);
    CU_ASSERT(cluster_leader(&cluster) == 2 || cluster_leader(&cluster) == 3);
    cluster_isolate(&cluster, 1, false);
    cluster_run(&cluster, 1000);
    CU_ASSERT_EQUAL(role_of(&cluster, 1, 4), 0);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).configuration_index, 1);
    cluster_deinit(&cluster);
}
