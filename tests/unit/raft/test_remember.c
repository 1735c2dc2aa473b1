/* test_remember.c -- disks that went back to an earlier state, as those know that had led. */
#include "lib/unit.h"
#include "raft/raft_internal.h"
#include "unit/raft/letter.h"

/* A node that starts from a log of these terms, of three voters; its disk is 100. */
static void start_from(struct cluster *cluster, uint64_t term, const uint64_t *terms,
                       uint32_t count)
{
    cluster_crash(cluster, 1);
    cluster_write_disk(cluster, 1, (struct raft_hard_state){term, RAFT_ID_NONE}, terms, count);
    cluster_start(cluster, 1);
}

static void tell(struct cluster *cluster, uint64_t from, struct raft_memory memory)
{
    struct raft_event event = {.type = RAFT_EVENT_REMEMBERED};
    event.remembered = (struct raft_remembered){from, memory};
    CU_ASSERT_EQUAL(cluster_step(cluster, 1, &event), RESULT_OK);
}

/* Whether node 1 would vote for somebody whose log is as good as any, in a term of its own. */
static bool votes(struct cluster *cluster)
{
    struct raft_vote vote = {.last_log_index = 100, .last_log_term = 50};
    uint64_t term = cluster_status(cluster, 1).term + 1;
    (void)letter_pre_vote(cluster, 3, 1, term, vote);
    int pre_vote = letter_vote_reply(cluster);
    (void)letter_vote(cluster, 3, 1, term, vote);
    CU_ASSERT_EQUAL(letter_vote_reply(cluster), pre_vote);
    return pre_vote == 1;
}

static bool campaigns(struct cluster *cluster)
{
    cluster->now_ms += 400;
    (void)cluster_step(cluster, 1, &(struct raft_event){.type = RAFT_EVENT_DEADLINE});
    return cluster_status(cluster, 1).role != RAFT_FOLLOWER;
}

/* What a start from term 5 and four entries says to a memory. */
static bool is_lost(struct raft_memory memory)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 1);
    start_from(&cluster, 5, (uint64_t[]){1, 1, 4, 5}, 4);
    tell(&cluster, 2, memory);
    bool is_lost = !cluster_status(&cluster, 1).is_voter;
    CU_ASSERT_EQUAL(campaigns(&cluster), !is_lost);
    CU_ASSERT_EQUAL(votes(&cluster), !is_lost);
    cluster_deinit(&cluster);
    return is_lost;
}

UNIT_TEST(raft_remember, a_lower_term_or_a_shorter_log_has_lost_something)
{
    CU_ASSERT_TRUE(is_lost((struct raft_memory){100, 6, 1}));
    CU_ASSERT_TRUE(is_lost((struct raft_memory){100, 6, 4}));
    CU_ASSERT_TRUE(is_lost((struct raft_memory){100, 5, 5}));
    CU_ASSERT_FALSE(is_lost((struct raft_memory){100, 5, 4}));
    CU_ASSERT_FALSE(is_lost((struct raft_memory){100, 5, 3}));
    /* A later leader has cut the log: what it acknowledged to the one before it is no loss. */
    CU_ASSERT_FALSE(is_lost((struct raft_memory){100, 4, 99}));
    /* Another disk, and nothing. */
    CU_ASSERT_FALSE(is_lost((struct raft_memory){101, 6, 99}));
    CU_ASSERT_FALSE(is_lost((struct raft_memory){0}));
}

/* By a vote asked for in the last term it was known of: a promise that it may have made before. */
UNIT_TEST(raft_remember, a_lost_disk_has_its_vote_back_with_what_it_acknowledged)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 2);
    start_from(&cluster, 5, (uint64_t[]){1, 5}, 2);
    tell(&cluster, 2, (struct raft_memory){100, 6, 4});
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 6,
                                               .previous_index = 2,
                                               .previous_term = 5,
                                               .commit_index = 3,
                                               .terms = {6, 6},
                                               .count = 2});
    CU_ASSERT_NOT_EQUAL(letter_append_reply(&cluster), NULL); /* it acknowledges all the same */
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 3);
    CU_ASSERT_FALSE(cluster_status(&cluster, 1).is_voter);
    (void)letter_heartbeat(&cluster, 2, 1, 6, (struct raft_heartbeat){.commit_index = 4});
    CU_ASSERT_TRUE(cluster_status(&cluster, 1).is_voter);
    CU_ASSERT_TRUE(campaigns(&cluster));
    cluster_deinit(&cluster);
}

/* A later leader has all that was committed, though its log may be shorter. */
UNIT_TEST(raft_remember, a_commit_of_a_later_term_gives_the_vote_back)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 3);
    start_from(&cluster, 5, (uint64_t[]){1, 5}, 2);
    tell(&cluster, 2, (struct raft_memory){100, 6, 90});
    tell(&cluster, 3, (struct raft_memory){100, 6, 80});
    struct letter_append append = {
        .term = 7, .previous_index = 2, .previous_term = 5, .terms = {7}, .count = 1};
    (void)letter_append(&cluster, 2, 1, append);
    CU_ASSERT_FALSE(cluster_status(&cluster, 1).is_voter);
    append.commit_index = 3;
    (void)letter_append(&cluster, 2, 1, append);
    CU_ASSERT_TRUE(cluster_status(&cluster, 1).is_voter);
    cluster_deinit(&cluster);
}

/* A link breaks and comes up while the node runs: what is remembered then it has since its start.
 */
UNIT_TEST(raft_remember, what_was_acknowledged_since_the_start_is_no_loss)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 4);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 2);
    cluster_run(&cluster, 60);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 2, "x"), RESULT_OK);
    cluster_run(&cluster, 60);
    struct raft_memory memory = raft_get_memory(cluster.nodes[2].raft, 1);
    CU_ASSERT_EQUAL(memory.disk_id, 100);
    CU_ASSERT_EQUAL(memory.term, 1);
    CU_ASSERT_EQUAL(memory.index, 2);
    cluster_link(&cluster, 2, 1);
    CU_ASSERT_TRUE(cluster_status(&cluster, 1).is_voter);
    cluster_deinit(&cluster);
}

/* make sim SEED=7004641: the vote was given, and on its way to the disk, when it was told. */
UNIT_TEST(raft_remember, a_vote_that_waits_for_the_disk_is_not_sent_any_more)
{
    for (int told = 0; told < 2; told++) {
        struct cluster cluster;
        cluster_init(&cluster, 3, 0, 11);
        start_from(&cluster, 5, (uint64_t[]){1, 5}, 2);
        cluster.nodes[1].persists_by_hand = true;
        (void)letter_vote(&cluster, 3, 1, 6,
                          (struct raft_vote){.last_log_index = 2, .last_log_term = 5});
        CU_ASSERT_EQUAL(letter_vote_reply(&cluster), -1);
        if (told > 0) {
            tell(&cluster, 2, (struct raft_memory){100, 5, 3});
        }
        (void)cluster_persist(&cluster, 1, 1);
        CU_ASSERT_EQUAL(letter_vote_reply(&cluster), told > 0 ? -1 : 1);
        cluster_deinit(&cluster);
    }
}

/* N10: a node that leads already finds that it has no right to. */
UNIT_TEST(raft_remember, a_leader_that_has_lost_something_steps_down)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 5);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    tell(&cluster, 2, (struct raft_memory){100, 9, 9});
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    CU_ASSERT_FALSE(campaigns(&cluster));
    cluster_deinit(&cluster);
}

/* In office and out of it; a later leadership adds to it and takes nothing away. */
UNIT_TEST(raft_remember, a_leader_remembers_after_it_stepped_down)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 6);
    cluster_start_all(&cluster);
    const struct raft *raft = cluster.nodes[1].raft;
    CU_ASSERT_EQUAL(raft_get_memory(raft, 2).term, 0);
    cluster_elect(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_run(&cluster, 60);
    cluster_isolate(&cluster, 1, true);
    cluster_run(&cluster, 400);
    CU_ASSERT_NOT_EQUAL(cluster_status(&cluster, 1).role, RAFT_LEADER);
    CU_ASSERT_EQUAL(raft_get_memory(raft, 2).disk_id, 200);
    CU_ASSERT_EQUAL(raft_get_memory(raft, 2).term, 1);
    CU_ASSERT_EQUAL(raft_get_memory(raft, 2).index, 2);
    cluster_crash(&cluster, 2);
    cluster_isolate(&cluster, 1, false);
    cluster_run(&cluster, 3000);
    cluster_transfer(&cluster, cluster_leader(&cluster), 1);
    cluster_run(&cluster, 60);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
    CU_ASSERT_EQUAL(raft_get_memory(raft, 2).term, 1);
    CU_ASSERT(raft_get_memory(raft, 3).term > 1);
    cluster_deinit(&cluster);
}

/* ---- After a start ---- */

UNIT_TEST(raft_remember, votes_are_withheld_until_all_are_heard)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 7);
    cluster.withhold_ms = 1000;
    start_from(&cluster, 5, (uint64_t[]){1, 5}, 2);
    CU_ASSERT_TRUE(cluster_status(&cluster, 1).is_voter);
    CU_ASSERT_FALSE(campaigns(&cluster));
    CU_ASSERT_FALSE(votes(&cluster));
    tell(&cluster, 2, (struct raft_memory){0});
    tell(&cluster, 2, (struct raft_memory){0});
    CU_ASSERT_FALSE(votes(&cluster));
    tell(&cluster, 3, (struct raft_memory){0});
    CU_ASSERT_TRUE(votes(&cluster));
    CU_ASSERT_TRUE(campaigns(&cluster));
    cluster_deinit(&cluster);
}

/* Nobody but its deadlines wakes it. */
UNIT_TEST(raft_remember, votes_are_withheld_for_so_long_at_most)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 8);
    cluster.withhold_ms = 1000;
    start_from(&cluster, 5, (uint64_t[]){1, 5}, 2);
    uint64_t started_ms = cluster.now_ms;
    while (cluster_status(&cluster, 1).role == RAFT_FOLLOWER) {
        cluster_expire(&cluster, 1);
        CU_ASSERT_FATAL(cluster.now_ms < started_ms + 2000);
    }
    CU_ASSERT(cluster.now_ms >= started_ms + 1000);
    CU_ASSERT(cluster.now_ms <= started_ms + 1300);
    cluster_deinit(&cluster);
    /* A vote alike, and a leader is followed at any time. */
    cluster_init(&cluster, 3, 0, 9);
    cluster.withhold_ms = 1000;
    start_from(&cluster, 5, (uint64_t[]){1, 5}, 2);
    cluster.now_ms += 999;
    CU_ASSERT_FALSE(votes(&cluster));
    cluster.now_ms += 1;
    CU_ASSERT_TRUE(votes(&cluster));
    start_from(&cluster, 5, (uint64_t[]){1, 5}, 2);
    (void)letter_heartbeat(&cluster, 2, 1, 6, (struct raft_heartbeat){0});
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).leader, 2);
    cluster_deinit(&cluster);
}

/* Nobody remembers anything of a blank disk, and a node alone has nobody to ask. */
UNIT_TEST(raft_remember, blank_nodes_and_single_ones_withhold_nothing)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 10);
    cluster.withhold_ms = 1000;
    cluster_start(&cluster, 1);
    CU_ASSERT_TRUE(campaigns(&cluster));
    CU_ASSERT_TRUE(votes(&cluster));
    cluster_deinit(&cluster);
    cluster_init(&cluster, 1, 1, 11);
    cluster.withhold_ms = 1000;
    cluster_start(&cluster, 1);
    cluster_start(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_LEADER);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, 2);
    cluster_deinit(&cluster);
}
