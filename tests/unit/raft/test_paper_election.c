/* test_paper_election.c -- terms, votes and the election timer, each rule beside its sentence. */
#include "lib/unit.h"
#include "unit/raft/letter.h"

/* Node 1 of three with the given log; the test plays 2 and 3. */
static void start_one(struct cluster *cluster, uint64_t term, const uint64_t *terms,
                      uint32_t terms_count)
{
    cluster_init(cluster, 3, 0, 7);
    cluster_write_disk(cluster, 1, (struct raft_hard_state){term, RAFT_ID_NONE}, terms,
                       terms_count);
    cluster_start(cluster, 1);
}

static void start_three(struct cluster *cluster, uint64_t seed)
{
    cluster_init(cluster, 3, 0, seed);
    cluster_start_all(cluster);
}

/* Paper 5.1: "If a candidate or leader discovers that its term is out of date, it immediately
 * reverts to follower state." */
UNIT_TEST(raft_paper_terms, leader_reverts_on_a_higher_term)
{
    struct cluster cluster;
    start_three(&cluster, 1);
    cluster_elect(&cluster, 1);
    uint64_t term = cluster_status(&cluster, 1).term;
    (void)letter_heartbeat(&cluster, 2, 1, term + 1, (struct raft_heartbeat){0});
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, term + 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).leader, 2);
    cluster_deinit(&cluster);
}

/* Paper 5.1: "If a server receives a request with a stale term number, it rejects the request."
 * And it does not take it for a sign of life (C19). */
UNIT_TEST(raft_paper_terms, stale_append_is_refused_and_moves_no_timer)
{
    struct cluster cluster;
    start_one(&cluster, 5, (uint64_t[]){1, 4}, 2);
    uint64_t deadline_ms = cluster.nodes[1].deadline_ms;
    cluster.now_ms += 20;
    (void)letter_append(
        &cluster, 2, 1,
        (struct letter_append){
            .term = 4, .previous_index = 2, .previous_term = 4, .terms = {4}, .count = 1});
    const struct raft_append_reply *reply = letter_append_reply(&cluster);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT(reply->rejected);
    CU_ASSERT_EQUAL(cluster.mails[0].message.term, 5);
    CU_ASSERT_EQUAL(cluster.nodes[1].deadline_ms, deadline_ms);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).leader, RAFT_ID_NONE);
    cluster_deinit(&cluster);
}

/* Paper 5.2: "To begin an election, a follower increments its current term and transitions to
 * candidate state. It then votes for itself and issues RequestVote RPCs in parallel". */
UNIT_TEST(raft_paper_election, candidate_raises_its_term_votes_for_itself_and_asks_all)
{
    struct cluster cluster;
    start_three(&cluster, 2);
    cluster_expire(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_PRE_CANDIDATE);
    while (cluster_find_mail(&cluster, RAFT_MESSAGE_VOTE, 1, RAFT_ID_NONE) == NULL) {
        (void)cluster_deliver_at(&cluster, 0);
    }
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_CANDIDATE);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).vote, 1);
    CU_ASSERT_PTR_NOT_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_VOTE, 1, 2));
    CU_ASSERT_PTR_NOT_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_VOTE, 1, 3));
    cluster_deinit(&cluster);
}

/* Paper 5.2: "Each server will vote for at most one candidate in a given term, on a
 * first-come-first-served basis", and Figure 2: before answering, on stable storage (C7). */
UNIT_TEST(raft_paper_election, one_vote_a_term_also_after_a_restart)
{
    struct cluster cluster;
    start_one(&cluster, 0, NULL, 0);
    (void)letter_vote(&cluster, 2, 1, 1, (struct raft_vote){0});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 1);
    (void)letter_vote(&cluster, 3, 1, 1,
                      (struct raft_vote){.last_log_index = 9, .last_log_term = 1});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 0);
    cluster_start(&cluster, 1);
    (void)letter_vote(&cluster, 3, 1, 1,
                      (struct raft_vote){.last_log_index = 9, .last_log_term = 1});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 0);
    (void)letter_vote(&cluster, 2, 1, 1, (struct raft_vote){0});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 1);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_paper_election, vote_waits_for_the_disk)
{
    struct cluster cluster;
    start_one(&cluster, 0, NULL, 0);
    cluster.nodes[1].persists_by_hand = true;
    (void)letter_vote(&cluster, 2, 1, 1, (struct raft_vote){0});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), -1);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 1);
    cluster_deinit(&cluster);
}

/* The vote compared logs by a tail that is not on disk yet: it waits for that, too (C11). */
UNIT_TEST(raft_paper_election, vote_waits_for_the_tail_it_compared_with)
{
    struct cluster cluster;
    start_one(&cluster, 1, NULL, 0);
    cluster.nodes[1].persists_by_hand = true;
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 1, .terms = {1}, .count = 1});
    cluster.now_ms += 1000;
    (void)letter_vote(&cluster, 3, 1, 1,
                      (struct raft_vote){.last_log_index = 1, .last_log_term = 1});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 0); /* 2 leads term 1 */
    (void)letter_vote(&cluster, 3, 1, 2,
                      (struct raft_vote){.last_log_index = 1, .last_log_term = 1});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), -1);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), -1);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 1);
    cluster_deinit(&cluster);
}

/* A candidate asks, and counts itself, only once its own term and vote are durable. */
UNIT_TEST(raft_paper_election, candidate_waits_for_its_own_disk)
{
    struct cluster cluster;
    start_three(&cluster, 3);
    cluster.nodes[1].persists_by_hand = true;
    cluster_expire(&cluster, 1);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_CANDIDATE);
    CU_ASSERT_EQUAL(cluster.mails_count, 0);
    /* A slow disk makes it wait, not climb. */
    cluster_expire(&cluster, 1);
    cluster_expire(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, 1);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_PTR_NOT_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_VOTE, 1, 2));
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_LEADER);
    cluster_deinit(&cluster);
}

/* Paper 5.2: "A candidate wins an election if it receives votes from a majority of the servers in
 * the full cluster for the same term." */
UNIT_TEST(raft_paper_election, majority_of_five_is_three)
{
    struct cluster cluster;
    cluster_init(&cluster, 5, 0, 4);
    cluster_start_all(&cluster);
    cluster_expire(&cluster, 1);
    while (cluster_find_mail(&cluster, RAFT_MESSAGE_VOTE_REPLY, RAFT_ID_NONE, 1) == NULL) {
        (void)cluster_deliver_at(&cluster, 0);
    }
    struct raft_message reply =
        cluster_find_mail(&cluster, RAFT_MESSAGE_VOTE_REPLY, RAFT_ID_NONE, 1)->message;
    cluster_drop_all(&cluster);
    (void)cluster_receive(&cluster, &reply);
    (void)cluster_receive(&cluster, &reply); /* the same voter twice is one vote */
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_CANDIDATE);
    reply.from = reply.from == 2 ? 3 : 2;
    reply.vote_reply.disk_id = cluster.nodes[reply.from].disk_id;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_LEADER);
    cluster_deinit(&cluster);
}

/* Paper 5.2: "If the leader's term (included in its RPC) is at least as large as the candidate's
 * current term, then the candidate recognizes the leader as legitimate and returns to follower". */
UNIT_TEST(raft_paper_election, candidate_yields_to_a_leader_of_its_term)
{
    struct cluster cluster;
    start_three(&cluster, 5);
    cluster_expire(&cluster, 1);
    while (cluster_status(&cluster, 1).role != RAFT_CANDIDATE) {
        (void)cluster_deliver_at(&cluster, 0);
    }
    (void)letter_heartbeat(&cluster, 3, 1, 1, (struct raft_heartbeat){0});
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).leader, 3);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).vote, 1);
    cluster_deinit(&cluster);
}

/* Paper 5.2: "election timeouts are chosen randomly from a fixed interval (e.g., 150-300ms)". */
UNIT_TEST(raft_paper_election, timeouts_are_drawn_anew_from_the_interval)
{
    struct cluster cluster;
    start_one(&cluster, 1, NULL, 0);
    bool seen_low = false;
    bool seen_high = false;
    for (int i = 0; i < 300; i++) {
        (void)letter_heartbeat(&cluster, 2, 1, 1, (struct raft_heartbeat){0});
        uint64_t wait_ms = cluster.nodes[1].deadline_ms - cluster.now_ms;
        CU_ASSERT(wait_ms >= 150);
        CU_ASSERT(wait_ms <= 300);
        seen_low = seen_low || wait_ms < 175;
        seen_high = seen_high || wait_ms > 275;
    }
    CU_ASSERT(seen_low);
    CU_ASSERT(seen_high);
    cluster_deinit(&cluster);
}

/* Paper 5.4.1: "the voter denies its vote if its own log is more up-to-date than that of the
 * candidate." */
UNIT_TEST(raft_paper_election, voter_denies_a_shorter_or_older_log)
{
    static const struct {
        uint64_t last_log_index;
        uint64_t last_log_term;
        int granted;
    } rows[] = {{3, 2, 1}, {4, 2, 1}, {1, 3, 1}, {2, 2, 0}, {9, 1, 0}, {0, 0, 0}};
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cluster cluster;
        start_one(&cluster, 3, (uint64_t[]){1, 2, 2}, 3);
        struct raft_vote vote = {rows[i].last_log_index, rows[i].last_log_term, false};
        (void)letter_pre_vote(&cluster, 2, 1, 4, vote);
        CU_ASSERT_EQUAL(letter_vote_reply(&cluster), rows[i].granted);
        (void)letter_vote(&cluster, 2, 1, 4, vote);
        CU_ASSERT_EQUAL(letter_vote_reply(&cluster), rows[i].granted);
        cluster_deinit(&cluster);
    }
}

/* Thesis 9.6: "In the Pre-Vote algorithm, a candidate only increments its term if it first learns
 * from a majority of the cluster that they would be willing". Nothing changes on the way (C8-10).
 */
UNIT_TEST(raft_paper_election, pre_vote_changes_nothing)
{
    struct cluster cluster;
    start_one(&cluster, 3, (uint64_t[]){1}, 1);
    (void)letter_vote(&cluster, 2, 1, 3, (struct raft_vote){1, 1, false});
    uint64_t deadline_ms = cluster.nodes[1].deadline_ms;
    cluster.now_ms += 10;
    (void)letter_pre_vote(&cluster, 3, 1, 4, (struct raft_vote){5, 2, false});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 1);
    CU_ASSERT_EQUAL(cluster.mails[0].message.term, 4); /* or it would look stale to the asker */
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, 3);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).vote, 2);
    CU_ASSERT_EQUAL(cluster.nodes[1].deadline_ms, deadline_ms);
    CU_ASSERT_EQUAL(cluster.nodes[1].disk.hard_state.vote, 2);
    /* Not newer than what this node has seen: refused, and told the term. */
    (void)letter_pre_vote(&cluster, 3, 1, 3, (struct raft_vote){5, 2, false});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 0);
    CU_ASSERT_EQUAL(cluster.mails[0].message.term, 3);
    cluster_deinit(&cluster);
}

/* A node whose term is behind learns it from the refusal, or it could never be elected. */
UNIT_TEST(raft_paper_election, refused_pre_candidate_learns_the_term)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 9);
    cluster_write_disk(&cluster, 1, (struct raft_hard_state){5, 0}, (uint64_t[]){1, 5}, 2);
    cluster_write_disk(&cluster, 2, (struct raft_hard_state){9, 3}, (uint64_t[]){1}, 1);
    cluster_start(&cluster, 1);
    cluster_start(&cluster, 2);
    cluster_run(&cluster, 3000);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
    CU_ASSERT(cluster_status(&cluster, 1).term > 9);
    cluster_deinit(&cluster);
}

/* Thesis 4.2.3: "if a server receives a RequestVote request within the minimum election timeout of
 * hearing from a current leader, it does not update its term or grant its vote." */
UNIT_TEST(raft_paper_election, voter_holds_to_a_live_leader)
{
    struct cluster cluster;
    start_one(&cluster, 1, NULL, 0);
    (void)letter_heartbeat(&cluster, 2, 1, 1, (struct raft_heartbeat){0});
    cluster.now_ms += 149;
    (void)letter_vote(&cluster, 3, 1, 8, (struct raft_vote){5, 1, false});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), -1);
    (void)letter_pre_vote(&cluster, 3, 1, 8, (struct raft_vote){5, 1, false});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), -1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).leader, 2);
    /* Only the leader's own word lifts that (C26). */
    (void)letter_vote(&cluster, 3, 1, 8, (struct raft_vote){5, 1, true});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 1);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_paper_election, voter_is_free_when_the_leader_was_silent)
{
    struct cluster cluster;
    start_one(&cluster, 1, NULL, 0);
    (void)letter_heartbeat(&cluster, 2, 1, 1, (struct raft_heartbeat){0});
    cluster.now_ms += 150;
    (void)letter_vote(&cluster, 3, 1, 8, (struct raft_vote){5, 1, false});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 1);
    cluster_deinit(&cluster);
}

/* Thesis 6.2: "a leader in Raft steps down if an election timeout elapses without a successful
 * round of heartbeats to a majority of its cluster" (C20). */
UNIT_TEST(raft_paper_election, leader_without_a_majority_steps_down)
{
    struct cluster cluster;
    start_three(&cluster, 11);
    cluster_elect(&cluster, 1);
    cluster_isolate(&cluster, 1, true);
    uint64_t term = cluster_status(&cluster, 1).term;
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "lost"), RESULT_OK);
    cluster_run(&cluster, 301);
    CU_ASSERT_NOT_EQUAL(cluster_status(&cluster, 1).role, RAFT_LEADER);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, term);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_NOT_LEADER);
    cluster_run(&cluster, 2000);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, term); /* pre-votes raise no term (C21) */
    CU_ASSERT_NOT_EQUAL(cluster_leader(&cluster), RAFT_ID_NONE);
    cluster_deinit(&cluster);
}

/* One follower is a majority of three with the leader: it may stay. */
UNIT_TEST(raft_paper_election, leader_with_a_majority_stays)
{
    struct cluster cluster;
    start_three(&cluster, 12);
    cluster_elect(&cluster, 1);
    cluster_isolate(&cluster, 3, true);
    uint64_t term = cluster_status(&cluster, 1).term;
    cluster_run(&cluster, 3000);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
    cluster_isolate(&cluster, 3, false);
    cluster_run(&cluster, 1000);
    /* The one that was cut off comes back without a stir (C24). */
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).term, term);
    cluster_deinit(&cluster);
}

/* A leader that slept through its window believes nothing from before (C4). */
UNIT_TEST(raft_paper_election, leader_that_slept_steps_down_at_its_first_event)
{
    struct cluster cluster;
    start_three(&cluster, 13);
    cluster_elect(&cluster, 1);
    uint64_t term = cluster_status(&cluster, 1).term;
    cluster_read(&cluster, 1, 5);
    cluster.now_ms += 2000;
    struct raft_message reply = {.type = RAFT_MESSAGE_HEARTBEAT_REPLY, .from = 2, .to = 1};
    reply.term = term;
    reply.heartbeat_reply.read_round = UINT64_MAX;
    reply.heartbeat_reply.disk_id = cluster.nodes[2].disk_id;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    CU_ASSERT_EQUAL_FATAL(cluster.nodes[1].reads_count, 1);
    CU_ASSERT_FALSE(cluster.nodes[1].reads[0].confirmed);
    cluster_deinit(&cluster);
}

/* M8: a learner never campaigns and is in no majority, but grants votes: it may be a voter by a
 * configuration that it does not have yet. */
UNIT_TEST(raft_paper_election, learner_votes_and_never_campaigns)
{
    struct cluster cluster;
    cluster_init(&cluster, 1, 1, 14);
    cluster_start(&cluster, 2);
    cluster_run(&cluster, 2000);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).role, RAFT_FOLLOWER);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).term, 0);
    CU_ASSERT_FALSE(cluster_status(&cluster, 2).is_voter);
    (void)letter_vote(&cluster, 7, 2, 3, (struct raft_vote){0});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 1);
    cluster_deinit(&cluster);
}

/* A cluster of one needs its own disk, and nobody else (C31). */
UNIT_TEST(raft_paper_election, single_node_leads_and_commits_by_its_own_disk)
{
    struct cluster cluster;
    cluster_init(&cluster, 1, 0, 15);
    cluster.nodes[1].persists_by_hand = true;
    cluster_start(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_CANDIDATE);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_LEADER);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 0);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 1);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 1);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 2);
    cluster_run(&cluster, 5000);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
    cluster_deinit(&cluster);
}

/* M6: one that is not a member has no say in what term it is, unless it may lead or be elected. */
UNIT_TEST(raft_paper_election, answers_of_a_stranger_end_no_term)
{
    struct cluster cluster;
    start_three(&cluster, 16);
    cluster_elect(&cluster, 1);
    struct raft_message reply = {.type = RAFT_MESSAGE_APPEND_REPLY, .from = 9, .to = 1};
    reply.term = 99;
    (void)cluster_receive(&cluster, &reply);
    (void)letter_vote(&cluster, 9, 1, 99, (struct raft_vote){99, 99, false});
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_LEADER);
    cluster_deinit(&cluster);
}

/* Thesis 4.2.1: a learner "is not yet counted in majorities": not in commits, not in what keeps a
 * leader in its place. Two of them and the leader would be three of five. */
UNIT_TEST(raft_paper_election, learners_count_for_nothing)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 2, 17);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    cluster_cut(&cluster, 1, 2, true);
    cluster_cut(&cluster, 1, 3, true);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 4).persisted_index, 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 5).persisted_index, 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 1);
    cluster_crash(&cluster, 2);
    cluster_crash(&cluster, 3);
    cluster_run(&cluster, 301);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), RAFT_ID_NONE);
    cluster_deinit(&cluster);
}

/* A grant for another term than the one asked for now is an old one. */
UNIT_TEST(raft_paper_election, old_pre_vote_grants_do_not_count)
{
    struct cluster cluster;
    start_one(&cluster, 3, (uint64_t[]){1}, 1);
    cluster_expire(&cluster, 1);
    struct raft_message reply = {.type = RAFT_MESSAGE_PRE_VOTE_REPLY, .from = 2, .to = 1};
    reply.term = 3;
    reply.vote_reply.granted = true;
    reply.vote_reply.disk_id = cluster.nodes[2].disk_id;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_PRE_CANDIDATE);
    reply.term = 4;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_CANDIDATE);
    cluster_deinit(&cluster);
}
