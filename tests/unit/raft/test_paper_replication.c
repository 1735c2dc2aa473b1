/* test_paper_replication.c -- log replication and commitment, each rule beside its sentence. */
#include <stdio.h>

#include "lib/unit.h"
#include "raft/raft_internal.h"
#include "unit/raft/letter.h"

/* Node 1 of three with the given log in term; the test plays 2, which leads. */
static void start_follower(struct cluster *cluster, uint64_t term, const uint64_t *terms,
                           uint32_t terms_count)
{
    cluster_init(cluster, 3, 0, 21);
    cluster_write_disk(cluster, 1, (struct raft_hard_state){term, RAFT_ID_NONE}, terms,
                       terms_count);
    cluster_start(cluster, 1);
}

static void start_leader(struct cluster *cluster, uint64_t seed)
{
    cluster_init(cluster, 3, 0, seed);
    cluster_start_all(cluster);
    cluster_elect(cluster, 1);
    cluster_run(cluster, 60);
}

static struct raft_progress progress_of(const struct cluster *cluster, uint64_t leader,
                                        uint64_t peer)
{
    struct raft_progress rows[LIMIT_MEMBERS];
    uint32_t count = raft_get_progress(cluster->nodes[leader].raft, rows, LIMIT_MEMBERS);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].id == peer) {
            return rows[i];
        }
    }
    return (struct raft_progress){0};
}

/* Paper 5.3: "The leader appends the command to its log as a new entry, then issues AppendEntries
 * RPCs in parallel to each of the other servers". Before its own disk has it (thesis 10.2.1). */
UNIT_TEST(raft_paper_replication, leader_sends_beside_its_own_write)
{
    struct cluster cluster;
    start_leader(&cluster, 1);
    cluster.nodes[1].persists_by_hand = true;
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    CU_ASSERT_PTR_NOT_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_APPEND, 1, 2));
    CU_ASSERT_PTR_NOT_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_APPEND, 1, 3));
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).persisted_index, 1);
    /* Two followers are a majority without it. */
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 2);
    cluster_deinit(&cluster);
}

/* "A log entry is committed once the leader that created the entry has replicated it on a majority
 * of the servers": the leader counts itself only when its own write is durable. */
UNIT_TEST(raft_paper_replication, leader_counts_itself_when_durable)
{
    struct cluster cluster;
    start_leader(&cluster, 2);
    cluster.nodes[1].persists_by_hand = true;
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    uint64_t term = cluster_status(&cluster, 1).term;
    (void)letter_ack(&cluster, 2, 1, term, 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 1);
    (void)cluster_persist(&cluster, 1, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 2);
    cluster_deinit(&cluster);
}

/* Paper 5.3: "If the follower does not find an entry in its log with the same index and term, then
 * it refuses the new entries." */
UNIT_TEST(raft_paper_replication, follower_refuses_what_does_not_connect)
{
    struct cluster cluster;
    start_follower(&cluster, 3, (uint64_t[]){1, 2, 2, 2}, 4);
    (void)letter_append(
        &cluster, 2, 1,
        (struct letter_append){
            .term = 3, .previous_index = 6, .previous_term = 3, .terms = {3}, .count = 1});
    const struct raft_append_reply *reply = letter_append_reply(&cluster);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT(reply->rejected);
    CU_ASSERT_EQUAL(reply->rejected_index, 6);
    CU_ASSERT_EQUAL(reply->conflict_term, 0);
    CU_ASSERT_EQUAL(reply->conflict_index, 5);
    /* Paper 5.3, end: "the follower can include the term of the conflicting entry and the first
     * index it stores for that term." */
    (void)letter_append(
        &cluster, 2, 1,
        (struct letter_append){
            .term = 3, .previous_index = 4, .previous_term = 3, .terms = {3}, .count = 1});
    reply = letter_append_reply(&cluster);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT(reply->rejected);
    CU_ASSERT_EQUAL(reply->conflict_term, 2);
    CU_ASSERT_EQUAL(reply->conflict_index, 2);
    CU_ASSERT(letter_log_is(&cluster, 1, (uint64_t[]){1, 2, 2, 2}, 4));
    cluster_deinit(&cluster);
}

/* Figure 2, receiver 3: "If an existing entry conflicts with a new one (same index but different
 * terms), delete the existing entry and all that follow it". */
UNIT_TEST(raft_paper_replication, follower_cuts_at_a_conflict)
{
    struct cluster cluster;
    start_follower(&cluster, 4, (uint64_t[]){1, 2, 2, 2}, 4);
    (void)letter_append(
        &cluster, 2, 1,
        (struct letter_append){
            .term = 4, .previous_index = 1, .previous_term = 1, .terms = {2, 3}, .count = 2});
    CU_ASSERT(letter_log_is(&cluster, 1, (uint64_t[]){1, 2, 3}, 3));
    /* What stayed is acknowledged at once, the rest when it is durable. */
    CU_ASSERT_EQUAL(letter_append_reply(&cluster)->match_index, 2);
    CU_ASSERT_EQUAL(cluster.mails[1].message.append_reply.match_index, 3);
    cluster_start(&cluster, 1); /* and on disk */
    CU_ASSERT(letter_log_is(&cluster, 1, (uint64_t[]){1, 2, 3}, 3));
    cluster_deinit(&cluster);
}

/* ... and nothing but a conflict cuts: an old or repeated message that ends earlier does not (C13).
 */
UNIT_TEST(raft_paper_replication, late_and_repeated_appends_cut_nothing)
{
    struct cluster cluster;
    start_follower(&cluster, 2, (uint64_t[]){1, 2, 2, 2}, 4);
    struct letter_append append = {
        .term = 2, .previous_index = 1, .previous_term = 1, .terms = {2}, .count = 1};
    for (int i = 0; i < 3; i++) {
        (void)letter_append(&cluster, 2, 1, append);
        CU_ASSERT_FALSE(letter_append_reply(&cluster)->rejected);
    }
    append.count = 0;
    (void)letter_append(&cluster, 2, 1, append);
    CU_ASSERT(letter_log_is(&cluster, 1, (uint64_t[]){1, 2, 2, 2}, 4));
    cluster_deinit(&cluster);
}

/* Figure 2, receiver 5: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index
 * of last new entry)": what lies behind the last new entry is not known to match. */
UNIT_TEST(raft_paper_replication, follower_commits_up_to_the_last_new_entry)
{
    struct cluster cluster;
    start_follower(&cluster, 2, (uint64_t[]){1, 1, 1, 1}, 4);
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 2,
                                               .previous_index = 1,
                                               .previous_term = 1,
                                               .commit_index = 4,
                                               .terms = {1},
                                               .count = 1});
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 2);
    cluster_deinit(&cluster);
}

/* C14: what is committed is never cut; a leader that says otherwise stops this node. */
UNIT_TEST(raft_paper_replication, conflict_with_a_committed_entry_is_corrupt)
{
    struct cluster cluster;
    start_follower(&cluster, 2, (uint64_t[]){1, 1, 1}, 3);
    struct letter_append append = {
        .term = 2, .previous_index = 3, .previous_term = 1, .commit_index = 3};
    CU_ASSERT_EQUAL(letter_append(&cluster, 2, 1, append), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 3);
    append = (struct letter_append){
        .term = 2, .previous_index = 1, .previous_term = 1, .terms = {1, 2}, .count = 2};
    CU_ASSERT_EQUAL(letter_append(&cluster, 2, 1, append), RESULT_CORRUPT);
    append = (struct letter_append){.term = 2, .previous_index = 2, .previous_term = 2};
    CU_ASSERT_EQUAL(letter_append(&cluster, 2, 1, append), RESULT_CORRUPT);
    CU_ASSERT(letter_log_is(&cluster, 1, (uint64_t[]){1, 1, 1}, 3));
    cluster_deinit(&cluster);
}

/* C15: an entry below the compaction point is committed, so it matches whatever term it had. */
UNIT_TEST(raft_paper_replication, compacted_previous_entry_matches)
{
    struct cluster cluster;
    start_follower(&cluster, 2, (uint64_t[]){1, 1, 1, 2}, 4);
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){
                            .term = 2, .previous_index = 4, .previous_term = 2, .commit_index = 3});
    cluster_compact(&cluster, 1, 3);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).first_index, 4);
    (void)letter_append(
        &cluster, 2, 1,
        (struct letter_append){
            .term = 2, .previous_index = 1, .previous_term = 1, .terms = {1, 1, 2, 2}, .count = 4});
    CU_ASSERT_FALSE(letter_append_reply(&cluster)->rejected);
    CU_ASSERT_EQUAL(letter_append_reply(&cluster)->match_index, 5);
    /* All of it below: this node still knows that it matches up to there. */
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 2, .previous_index = 1, .previous_term = 1});
    CU_ASSERT_FALSE(letter_append_reply(&cluster)->rejected);
    CU_ASSERT(letter_append_reply(&cluster)->match_index >= 3);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_paper_replication, malformed_appends_are_ignored)
{
    static const struct letter_append rows[] = {
        {.term = 2, .previous_index = 1, .previous_term = 1, .terms = {3}, .count = 1},
        {.term = 2, .previous_index = 1, .previous_term = 1, .terms = {2, 1}, .count = 2},
        {.term = 2, .previous_index = 0, .previous_term = 1},
        {.term = 2, .previous_index = UINT64_MAX, .previous_term = 1, .terms = {2}, .count = 1},
        {.term = 2, .previous_index = 1, .previous_term = 0, .terms = {2}, .count = 1},
    };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cluster cluster;
        start_follower(&cluster, 2, (uint64_t[]){1}, 1);
        CU_ASSERT_EQUAL(letter_append(&cluster, 2, 1, rows[i]), RESULT_OK);
        CU_ASSERT_EQUAL(cluster.mails_count, 0);
        CU_ASSERT_EQUAL(cluster_status(&cluster, 1).leader, RAFT_ID_NONE);
        CU_ASSERT(letter_log_is(&cluster, 1, (uint64_t[]){1}, 1));
        cluster_deinit(&cluster);
    }
}

/* Figure 7 of the paper: the leader of term 8 and every kind of follower it may meet. Paper 5.3:
 * "the leader handles inconsistencies by forcing the followers' logs to duplicate its own." */
UNIT_TEST(raft_paper_replication, figure_7_followers_come_to_duplicate_the_leader)
{
    static const uint64_t leader[] = {1, 1, 1, 4, 4, 5, 5, 6, 6, 6};
    static const struct {
        uint32_t count;
        uint64_t term;
        uint64_t terms[12];
    } followers[] = {
        {9, 6, {1, 1, 1, 4, 4, 5, 5, 6, 6}},
        {4, 4, {1, 1, 1, 4}},
        {11, 6, {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6}},
        {12, 7, {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7}},
        {7, 4, {1, 1, 1, 4, 4, 4, 4}},
        {11, 3, {1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3}},
    };
    for (uint32_t i = 0; i < sizeof(followers) / sizeof(followers[0]); i++) {
        struct cluster cluster;
        cluster_init(&cluster, 3, 0, 31 + i);
        cluster_write_disk(&cluster, 1, (struct raft_hard_state){7, 0}, leader, 10);
        cluster_write_disk(&cluster, 2, (struct raft_hard_state){followers[i].term, 0},
                           followers[i].terms, followers[i].count);
        cluster_write_disk(&cluster, 3, (struct raft_hard_state){6, 0}, leader, 10);
        cluster_start_all(&cluster);
        cluster_elect(&cluster, 1);
        cluster_run(&cluster, 200);
        CU_ASSERT(letter_log_is(&cluster, 2, (uint64_t[]){1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8}, 11));
        CU_ASSERT_EQUAL(cluster_status(&cluster, 2).commit_index, 11);
        cluster_deinit(&cluster);
    }
}

/* Paper 5.3, end: "one AppendEntries RPC will be required for each term with conflicting entries,
 * rather than one RPC per entry." */
UNIT_TEST(raft_paper_replication, back_up_takes_one_round_a_term)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 41);
    uint64_t ours[40];
    uint64_t theirs[40];
    for (uint32_t i = 0; i < 40; i++) {
        ours[i] = i < 10 ? 1 : 5;
        theirs[i] = i < 10 ? 1 : i < 25 ? 2 : 3;
    }
    cluster_write_disk(&cluster, 1, (struct raft_hard_state){5, 0}, ours, 40);
    cluster_write_disk(&cluster, 2, (struct raft_hard_state){3, 0}, theirs, 40);
    cluster_start(&cluster, 1);
    cluster_start(&cluster, 2);
    cluster_expire(&cluster, 1);
    uint32_t rejections = 0;
    while (cluster.mails_count > 0) {
        const struct raft_message *message = &cluster.mails[0].message;
        if (message->type == RAFT_MESSAGE_APPEND_REPLY && message->append_reply.rejected) {
            rejections++;
        }
        CU_ASSERT_EQUAL(cluster_deliver_at(&cluster, 0), RESULT_OK);
    }
    CU_ASSERT(rejections >= 1);
    CU_ASSERT(rejections <= 2);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 41);
    cluster_deinit(&cluster);
}

/* Paper 5.4.2, Figure 8: "Raft never commits log entries from previous terms by counting replicas.
 * Only log entries from the leader's current term are committed by counting replicas" (C1). */
UNIT_TEST(raft_paper_replication, figure_8_old_entries_wait_for_one_of_this_term)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 51);
    cluster_write_disk(&cluster, 1, (struct raft_hard_state){3, 0}, (uint64_t[]){1, 2}, 2);
    cluster_write_disk(&cluster, 2, (struct raft_hard_state){3, 0}, (uint64_t[]){1, 2}, 2);
    cluster_start(&cluster, 1);
    cluster_start(&cluster, 2);
    cluster_expire(&cluster, 1);
    while (cluster_status(&cluster, 1).role != RAFT_LEADER) {
        (void)cluster_deliver_at(&cluster, 0);
    }
    uint64_t term = cluster_status(&cluster, 1).term;
    (void)letter_ack(&cluster, 2, 1, term, 2); /* a majority has entry 2, of term 2 */
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 0);
    CU_ASSERT_FALSE(cluster_status(&cluster, 1).own_term_committed);
    (void)letter_ack(&cluster, 2, 1, term, 3); /* and now the no-op of this term */
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 3);
    CU_ASSERT(cluster_status(&cluster, 1).own_term_committed);
    cluster_deinit(&cluster);
}

/* C16, C5: what a follower had in an earlier term may have been cut off since, so an
 * acknowledgement of then counts for nothing now. */
UNIT_TEST(raft_paper_replication, acknowledgement_of_an_earlier_term_does_not_count)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 52);
    cluster_write_disk(&cluster, 1, (struct raft_hard_state){3, 0}, (uint64_t[]){1, 2}, 2);
    cluster_write_disk(&cluster, 2, (struct raft_hard_state){3, 0}, (uint64_t[]){1, 2}, 2);
    cluster_start(&cluster, 1);
    cluster_start(&cluster, 2);
    cluster_expire(&cluster, 1);
    while (cluster_status(&cluster, 1).role != RAFT_LEADER) {
        (void)cluster_deliver_at(&cluster, 0);
    }
    uint64_t term = cluster_status(&cluster, 1).term;
    (void)letter_ack(&cluster, 3, 1, term - 1, 3);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 3).match_index, 0);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 0);
    (void)letter_ack(&cluster, 3, 1, term, 3);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 3);
    cluster_deinit(&cluster);
}

/* C13, C16: a follower's log is known to match its leader's only as far as that leader has said. */
UNIT_TEST(raft_paper_replication, what_matched_one_leader_is_not_acknowledged_to_the_next)
{
    struct cluster cluster;
    start_follower(&cluster, 2, (uint64_t[]){1}, 1);
    (void)letter_append(
        &cluster, 2, 1,
        (struct letter_append){
            .term = 2, .previous_index = 1, .previous_term = 1, .terms = {2, 2}, .count = 2});
    CU_ASSERT_EQUAL(cluster.mails[cluster.mails_count - 1].message.append_reply.match_index, 3);
    /* The next leader has other entries 2 and 3, and asks about entry 1 so far. */
    (void)letter_append(&cluster, 3, 1,
                        (struct letter_append){.term = 3, .previous_index = 1, .previous_term = 1});
    const struct raft_append_reply *reply = letter_append_reply(&cluster);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT_FALSE(reply->rejected);
    CU_ASSERT_EQUAL(reply->match_index, 1);
    cluster_deinit(&cluster);
}

/* Paper 8: "each leader commit a blank no-op entry into the log at the start of its term." */
UNIT_TEST(raft_paper_replication, term_starts_with_a_no_op)
{
    struct cluster cluster;
    start_leader(&cluster, 61);
    CU_ASSERT_EQUAL(raft_entry_at(cluster.nodes[1].raft, 1)->type, RAFT_ENTRY_CONFIGURATION);
    cluster_elect(&cluster, 2);
    CU_ASSERT_EQUAL(raft_entry_at(cluster.nodes[2].raft, 2)->type, RAFT_ENTRY_NOOP);
    CU_ASSERT_PTR_NULL(raft_entry_at(cluster.nodes[2].raft, 2)->payload);
    cluster_deinit(&cluster);
}

/* C16: late, repeated and reordered answers neither lower what is known nor count twice. */
UNIT_TEST(raft_paper_replication, late_answers_lower_nothing)
{
    struct cluster cluster;
    start_leader(&cluster, 71);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    }
    cluster_deliver_all(&cluster);
    uint64_t term = cluster_status(&cluster, 1).term;
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).match_index, 6);
    (void)letter_ack(&cluster, 2, 1, term, 3);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).match_index, 6);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).next_index, 7);
    struct raft_message reply = {.type = RAFT_MESSAGE_APPEND_REPLY, .from = 2, .to = 1};
    reply.term = term;
    reply.append_reply =
        (struct raft_append_reply){.rejected = true, .rejected_index = 4, .conflict_index = 1};
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).state, RAFT_REPLICATE);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).next_index, 7);
    (void)letter_ack(&cluster, 2, 1, term, 999); /* more than there is */
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).match_index, 6);
    cluster_deinit(&cluster);
}

/* Thesis 10.2.2, pipelining: "the leader updates nextIndex for a follower immediately after sending
 * it entries". Up to the bound, and on when answers free the window. */
UNIT_TEST(raft_paper_replication, stream_stops_at_the_window_and_goes_on)
{
    struct cluster cluster;
    start_leader(&cluster, 81);
    cluster_isolate(&cluster, 3, true);
    for (int i = 0; i < LIMIT_APPENDS_IN_FLIGHT + 10; i++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    }
    uint32_t sent = 0;
    for (uint32_t i = 0; i < cluster.mails_count; i++) {
        sent += cluster.mails[i].message.to == 2 ? 1 : 0;
    }
    CU_ASSERT_EQUAL(sent, LIMIT_APPENDS_IN_FLIGHT);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).next_index, 2 + LIMIT_APPENDS_IN_FLIGHT);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).match_index, 11 + LIMIT_APPENDS_IN_FLIGHT);
    cluster_deinit(&cluster);
}

/* A whole window lost without a word: heartbeats find the gap. */
UNIT_TEST(raft_paper_replication, lost_stream_is_found_by_heartbeats)
{
    struct cluster cluster;
    start_leader(&cluster, 82);
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    }
    cluster_drop_all(&cluster);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).next_index, 22);
    cluster_run(&cluster, 200);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 21);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index, 21);
    cluster_deinit(&cluster);
}

/* A follower with a slow disk is asked, not sent everything again and again. */
UNIT_TEST(raft_paper_replication, slow_follower_is_not_flooded)
{
    struct cluster cluster;
    start_leader(&cluster, 83);
    cluster.nodes[2].persists_by_hand = true;
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_deliver_all(&cluster);
    for (int i = 0; i < 10; i++) {
        cluster.now_ms = cluster.nodes[1].deadline_ms;
        (void)cluster_step(&cluster, 1, &(struct raft_event){.type = RAFT_EVENT_DEADLINE});
        for (uint32_t at = 0; cluster.mails_count > 0; at++) {
            const struct raft_message *message = &cluster.mails[0].message;
            CU_ASSERT_FALSE(message->type == RAFT_MESSAGE_APPEND && message->to == 2 &&
                            message->append.entries_count > 0);
            CU_ASSERT_FALSE(message->type == RAFT_MESSAGE_APPEND_REPLY && message->from == 2);
            (void)cluster_deliver_at(&cluster, 0);
        }
    }
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).match_index, 1);
    (void)cluster_persist(&cluster, 2, 1);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).match_index, 2);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_paper_replication, unreachable_peer_is_probed_not_streamed_to)
{
    struct cluster cluster;
    start_leader(&cluster, 84);
    struct raft_event event = {.type = RAFT_EVENT_UNREACHABLE, .peer = 2};
    (void)cluster_step(&cluster, 1, &event);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).state, RAFT_PROBE);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    CU_ASSERT_PTR_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_APPEND, 1, 2));
    cluster_run(&cluster, 100);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).state, RAFT_REPLICATE);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 2).match_index, 2);
    cluster_deinit(&cluster);
}

/* A follower behind the compaction point: heartbeats only, until it has what is missing. */
UNIT_TEST(raft_paper_replication, compacted_entries_make_a_peer_wait_for_a_snapshot)
{
    struct cluster cluster;
    start_leader(&cluster, 85);
    cluster_isolate(&cluster, 3, true);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
        cluster_deliver_all(&cluster);
    }
    cluster_compact(&cluster, 1, 5);
    cluster_isolate(&cluster, 3, false);
    cluster_run(&cluster, 500);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 3).state, RAFT_SNAPSHOT);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).leader, 1);
    cluster_deinit(&cluster);
}

/* Only the answer was lost, and the leader compacted since: no snapshot is needed. */
UNIT_TEST(raft_paper_replication, lost_answer_before_a_compaction_costs_no_snapshot)
{
    struct cluster cluster;
    start_leader(&cluster, 86);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_cut(&cluster, 3, 1, true);
    cluster.cut[1][3] = false;
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).last_index, 2);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 3).match_index, 1);
    cluster_compact(&cluster, 1, 2);
    cluster_cut(&cluster, 3, 1, false);
    cluster_run(&cluster, 200);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 3).state, RAFT_REPLICATE);
    CU_ASSERT_EQUAL(progress_of(&cluster, 1, 3).match_index, 2);
    cluster_deinit(&cluster);
}

/* The commit is told at once to a node that waits for it. */
UNIT_TEST(raft_paper_replication, announced_commit_goes_at_once)
{
    struct cluster cluster;
    start_leader(&cluster, 87);
    cluster_isolate(&cluster, 3, true);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    raft_announce_commit(cluster.nodes[1].raft, 2, 2);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).commit_index, 2);
    /* Without it, the next message would tell. */
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "y"), RESULT_OK);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 3);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).commit_index, 2);
    raft_announce_commit(cluster.nodes[1].raft, 2, 3); /* committed already: the next step tells */
    (void)cluster_step(&cluster, 1, &(struct raft_event){.type = RAFT_EVENT_DEADLINE});
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).commit_index, 3);
    cluster_deinit(&cluster);
}

/* C30: a leader that cannot commit takes a bounded amount. */
UNIT_TEST(raft_paper_replication, uncommitted_bytes_are_bounded)
{
    struct cluster cluster;
    start_leader(&cluster, 88);
    enum result result = RESULT_OK;
    struct blob *big = blob_create(LIMIT_UNCOMMITTED_BYTES / 4);
    uint32_t accepted = 0;
    while (result == RESULT_OK && accepted < 10) {
        struct raft_event event = {.type = RAFT_EVENT_PROPOSE, .proposal = blob_retain(big)};
        result = cluster_step(&cluster, 1, &event);
        accepted += result == RESULT_OK ? 1 : 0;
    }
    blob_release(big);
    CU_ASSERT_EQUAL(result, RESULT_BUSY);
    CU_ASSERT_EQUAL(accepted, 3);
    cluster_deliver_all(&cluster);
    blob_release(big);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_deinit(&cluster);
}
