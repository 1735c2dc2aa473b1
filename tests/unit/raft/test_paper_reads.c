/* test_paper_reads.c -- linearizable reads (thesis 6.4) and leadership transfer (thesis 3.10). */
#include "lib/unit.h"
#include "unit/raft/letter.h"

static void start_leader(struct cluster *cluster, uint64_t seed)
{
    cluster_init(cluster, 3, 0, seed);
    cluster_start_all(cluster);
    cluster_elect(cluster, 1);
    cluster_run(cluster, 60);
}

static bool was_confirmed(const struct cluster *cluster, uint64_t id, uint64_t context,
                          uint64_t index)
{
    for (uint32_t i = 0; i < cluster->nodes[id].reads_count; i++) {
        const struct raft_read_result *read = &cluster->nodes[id].reads[i];
        if (read->context == context) {
            return read->confirmed && read->index == index;
        }
    }
    return false;
}

static struct raft_message heartbeat_reply(const struct cluster *cluster, uint64_t from,
                                           uint64_t round)
{
    struct raft_message reply = {.type = RAFT_MESSAGE_HEARTBEAT_REPLY, .from = from, .to = 1};
    reply.term = cluster_status(cluster, 1).term;
    reply.heartbeat_reply.read_round = round;
    reply.heartbeat_reply.disk_id = from * 100;
    return reply;
}

/* Thesis 6.4: the leader "issues a new round of heartbeats and waits for their acknowledgments from
 * a majority of the cluster." */
UNIT_TEST(raft_paper_reads, leader_asks_a_majority)
{
    struct cluster cluster;
    start_leader(&cluster, 1);
    cluster_read(&cluster, 1, 7);
    CU_ASSERT_EQUAL(cluster.nodes[1].reads_count, 0);
    CU_ASSERT_PTR_NOT_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_HEARTBEAT, 1, 2));
    (void)cluster_deliver_at(&cluster, 0);
    (void)cluster_deliver_at(&cluster, 0);
    CU_ASSERT(was_confirmed(&cluster, 1, 7, 1));
    cluster_deinit(&cluster);
}

/* Whom a round is asked of, as bits of their ids. */
static uint32_t asked(const struct cluster *cluster)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < cluster->mails_count; i++) {
        CU_ASSERT_EQUAL(cluster->mails[i].message.type, RAFT_MESSAGE_HEARTBEAT);
        bits |= 1u << cluster->mails[i].message.to;
    }
    return bits;
}

UNIT_TEST(raft_paper_reads, no_more_are_asked_than_make_a_majority)
{
    struct cluster cluster;
    cluster_init(&cluster, 5, 1, 21);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    cluster_read(&cluster, 1, 7);
    CU_ASSERT_EQUAL(cluster.mails_count, 2);
    CU_ASSERT_EQUAL(asked(&cluster), 1u << 2 | 1u << 3);
    cluster_deliver_all(&cluster);
    CU_ASSERT(was_confirmed(&cluster, 1, 7, 1));
    cluster_deinit(&cluster);
}

/* The rest is asked when those do not answer, and relied on from then on. */
UNIT_TEST(raft_paper_reads, rest_is_asked_after_a_while)
{
    struct cluster cluster;
    start_leader(&cluster, 22);
    cluster_read(&cluster, 1, 7);
    CU_ASSERT_EQUAL(asked(&cluster), 1u << 2);
    cluster_drop_all(&cluster);
    CU_ASSERT(cluster.nodes[1].deadline_ms <= cluster.now_ms + 5);
    cluster_expire(&cluster, 1);
    CU_ASSERT_EQUAL(asked(&cluster), 1u << 3);
    cluster_deliver_all(&cluster);
    CU_ASSERT(was_confirmed(&cluster, 1, 7, 1));
    cluster_read(&cluster, 1, 8);
    CU_ASSERT_EQUAL(asked(&cluster), 1u << 3);
    cluster_drop_all(&cluster);
    /* Both have kept a round waiting: both are asked at once. */
    cluster_expire(&cluster, 1);
    CU_ASSERT_EQUAL(asked(&cluster), 1u << 2);
    cluster_drop_all(&cluster);
    cluster_read(&cluster, 1, 9);
    CU_ASSERT_EQUAL(asked(&cluster), 1u << 2 | 1u << 3);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster.nodes[1].reads_count, 3);
    /* Not for ever. */
    cluster_run(&cluster, 1100);
    cluster_read(&cluster, 1, 10);
    CU_ASSERT_EQUAL(cluster.mails_count, 1);
    cluster_deinit(&cluster);
}

/* Once everybody was asked, it is for the heartbeats to repeat what was lost. */
UNIT_TEST(raft_paper_reads, round_is_repeated_by_heartbeats)
{
    struct cluster cluster;
    start_leader(&cluster, 23);
    cluster_read(&cluster, 1, 7);
    cluster_expire(&cluster, 1);
    cluster_drop_all(&cluster);
    CU_ASSERT(cluster.nodes[1].deadline_ms > cluster.now_ms + 5);
    cluster_expire(&cluster, 1);
    CU_ASSERT_EQUAL(asked(&cluster), 1u << 2 | 1u << 3);
    cluster_deliver_all(&cluster);
    CU_ASSERT(was_confirmed(&cluster, 1, 7, 1));
    cluster_deinit(&cluster);
}

/* A voter that is down is not asked alone. */
UNIT_TEST(raft_paper_reads, silent_voter_is_not_relied_on)
{
    struct cluster cluster;
    start_leader(&cluster, 24);
    cluster_isolate(&cluster, 2, true);
    cluster_run(&cluster, 110);
    cluster_read(&cluster, 1, 7);
    CU_ASSERT_EQUAL(asked(&cluster), 1u << 3);
    cluster_deliver_all(&cluster);
    CU_ASSERT(was_confirmed(&cluster, 1, 7, 1));
    cluster_deinit(&cluster);
}

/* D3: a round is proved by answers to itself or a later one; an earlier one's prove nothing (C3).
 */
UNIT_TEST(raft_paper_reads, answers_to_an_earlier_round_prove_nothing)
{
    struct cluster cluster;
    start_leader(&cluster, 2);
    cluster_read(&cluster, 1, 7);
    uint64_t first =
        cluster_find_mail(&cluster, RAFT_MESSAGE_HEARTBEAT, 1, 2)->message.heartbeat.read_round;
    cluster_drop_all(&cluster);
    cluster_read(&cluster, 1, 8);
    uint64_t second =
        cluster_find_mail(&cluster, RAFT_MESSAGE_HEARTBEAT, 1, 2)->message.heartbeat.read_round;
    CU_ASSERT(second > first);
    struct raft_message reply = heartbeat_reply(&cluster, 2, first);
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT(was_confirmed(&cluster, 1, 7, 1));
    CU_ASSERT_EQUAL(cluster.nodes[1].reads_count, 1);
    reply = heartbeat_reply(&cluster, 3, second);
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT(was_confirmed(&cluster, 1, 8, 1));
    cluster_deinit(&cluster);
}

/* ... and a later one's prove all before it. */
UNIT_TEST(raft_paper_reads, one_answer_proves_all_earlier_rounds)
{
    struct cluster cluster;
    start_leader(&cluster, 3);
    for (uint64_t context = 1; context <= 5; context++) {
        cluster_read(&cluster, 1, context);
    }
    uint64_t newest = cluster.mails[cluster.mails_count - 1].message.heartbeat.read_round;
    struct raft_message reply = heartbeat_reply(&cluster, 2, newest);
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster.nodes[1].reads_count, 5);
    cluster_deinit(&cluster);
}

/* C5: strangers, learners, old terms and rounds that were never started count for nothing. */
UNIT_TEST(raft_paper_reads, only_current_voters_of_the_current_term_count)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 2, 4); /* two learners and the leader would be three of five */
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    cluster_read(&cluster, 1, 7);
    uint64_t round = cluster.mails[0].message.heartbeat.read_round;
    struct raft_message reply = heartbeat_reply(&cluster, 4, round);
    (void)cluster_receive(&cluster, &reply);
    reply = heartbeat_reply(&cluster, 5, round);
    (void)cluster_receive(&cluster, &reply);
    reply = heartbeat_reply(&cluster, 9, round);
    (void)cluster_receive(&cluster, &reply);
    reply = heartbeat_reply(&cluster, 2, round);
    reply.term--;
    (void)cluster_receive(&cluster, &reply);
    reply = heartbeat_reply(&cluster, 2, round + 1);
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster.nodes[1].reads_count, 0);
    reply = heartbeat_reply(&cluster, 2, round);
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster.nodes[1].reads_count, 1);
    cluster_deinit(&cluster);
}

/* Thesis 6.4: "If the leader has not yet marked an entry from its current term committed, it waits
 * until it has done so" (C2). */
UNIT_TEST(raft_paper_reads, fresh_leader_commits_first)
{
    struct cluster cluster;
    start_leader(&cluster, 5);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_deliver_all(&cluster); /* committed on 1; the others do not know */
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).commit_index, 1);
    cluster_crash(&cluster, 1);
    cluster.now_ms += 1000;
    (void)cluster_step(&cluster, 2, &(struct raft_event){.type = RAFT_EVENT_DEADLINE});
    while (cluster_status(&cluster, 2).role != RAFT_LEADER) {
        (void)cluster_deliver_at(&cluster, 0);
    }
    cluster_read(&cluster, 2, 7);
    /* An answer to a heartbeat of this term must not be enough. */
    struct raft_message reply = {.type = RAFT_MESSAGE_HEARTBEAT_REPLY, .from = 3, .to = 2};
    reply.term = cluster_status(&cluster, 2).term;
    reply.heartbeat_reply.read_round = 1;
    reply.heartbeat_reply.disk_id = cluster.nodes[3].disk_id;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster.nodes[2].reads_count, 0);
    cluster_deliver_all(&cluster);
    CU_ASSERT(was_confirmed(&cluster, 2, 7, 3)); /* x at 2, and its own no-op */
    cluster_deinit(&cluster);
}

/* Thesis 6.4: "the follower could issue a request to the leader that just asked for a current
 * readIndex". */
UNIT_TEST(raft_paper_reads, follower_asks_its_leader)
{
    struct cluster cluster;
    start_leader(&cluster, 6);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index, 1);
    cluster_read(&cluster, 3, 42);
    cluster_deliver_all(&cluster);
    CU_ASSERT(was_confirmed(&cluster, 3, 42, 2));
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index, 2); /* the answer tells it, too */
    cluster_deinit(&cluster);
}

static struct raft_message question(const struct cluster *cluster, uint64_t from, uint64_t context)
{
    struct raft_message message = {.type = RAFT_MESSAGE_READ, .from = from, .to = 1};
    message.term = cluster_status(cluster, 1).term;
    message.read = (struct raft_read){.context = context, .disk_id = from * 100};
    return message;
}

/* Whether the leader answers a question without asking anybody else. */
static bool is_answered_at_once(struct cluster *cluster, const struct raft_message *message)
{
    cluster_drop_all(cluster);
    (void)cluster_receive(cluster, message);
    const struct cluster_mail *reply =
        cluster_find_mail(cluster, RAFT_MESSAGE_READ_REPLY, 1, message->from);
    return reply != NULL && reply->message.read_reply.confirmed &&
           reply->message.read_reply.context == message->read.context;
}

/* Leader and asker are a majority of three. */
UNIT_TEST(raft_paper_reads, question_of_a_voter_is_an_answer)
{
    struct cluster cluster;
    start_leader(&cluster, 31);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_deliver_all(&cluster);
    cluster_read(&cluster, 3, 42);
    CU_ASSERT_EQUAL(cluster.mails_count, 1);
    (void)cluster_deliver_at(&cluster, 0);
    CU_ASSERT_EQUAL(cluster.mails_count, 1);
    (void)cluster_deliver_at(&cluster, 0);
    CU_ASSERT(was_confirmed(&cluster, 3, 42, 2));
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index, 2);
    cluster_deinit(&cluster);
}

/* It may be older than reads that came in before it arrived: for those it proves nothing (C3). */
UNIT_TEST(raft_paper_reads, question_proves_no_other_read)
{
    struct cluster cluster;
    start_leader(&cluster, 32);
    struct raft_message asked_before = question(&cluster, 3, 42);
    cluster_read(&cluster, 1, 7);
    CU_ASSERT(is_answered_at_once(&cluster, &asked_before));
    CU_ASSERT_EQUAL(cluster.nodes[1].reads_count, 0);
    cluster_deinit(&cluster);
}

/* C5, as for answers: another term, another disk, no vote, or a term that is not durable. */
UNIT_TEST(raft_paper_reads, only_a_current_voters_question_is_an_answer)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 1, 33);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    struct raft_message message = question(&cluster, 4, 40);
    CU_ASSERT_FALSE(is_answered_at_once(&cluster, &message));
    message = question(&cluster, 3, 41);
    message.read.disk_id++;
    CU_ASSERT_FALSE(is_answered_at_once(&cluster, &message));
    message = question(&cluster, 3, 42);
    message.read.disk_id = 0;
    CU_ASSERT_FALSE(is_answered_at_once(&cluster, &message));
    message = question(&cluster, 3, 43);
    message.term--;
    CU_ASSERT_FALSE(is_answered_at_once(&cluster, &message));
    message = question(&cluster, 3, 44);
    CU_ASSERT(is_answered_at_once(&cluster, &message));
    cluster_deinit(&cluster);
}

/* A restart may forget a term that is not durable, and what it says in it. */
UNIT_TEST(raft_paper_reads, question_of_a_term_not_durable_is_no_answer)
{
    struct cluster cluster;
    start_leader(&cluster, 34);
    cluster.nodes[3].persists_by_hand = true;
    uint64_t term = cluster_status(&cluster, 1).term + 1;
    (void)letter_heartbeat(&cluster, 2, 3, term, (struct raft_heartbeat){0});
    cluster_drop_all(&cluster);
    cluster_read(&cluster, 3, 42);
    CU_ASSERT_EQUAL_FATAL(cluster.mails_count, 1);
    CU_ASSERT_EQUAL(cluster.mails[0].message.read.disk_id, 0);
    (void)cluster_persist(&cluster, 3, 1);
    cluster_drop_all(&cluster);
    cluster_read(&cluster, 3, 43);
    CU_ASSERT_EQUAL(cluster.mails[0].message.read.disk_id, cluster.nodes[3].disk_id);
    cluster_deinit(&cluster);
}

/* Of five, one more voter has to be there. */
UNIT_TEST(raft_paper_reads, question_is_no_majority_of_five)
{
    struct cluster cluster;
    cluster_init(&cluster, 5, 0, 35);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    struct raft_message message = question(&cluster, 3, 42);
    CU_ASSERT_FALSE(is_answered_at_once(&cluster, &message));
    CU_ASSERT_EQUAL(asked(&cluster), 1u << 2 | 1u << 3);
    cluster_deliver_all(&cluster);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_paper_reads, nobody_to_ask_is_said_at_once)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 7);
    cluster_start(&cluster, 1);
    cluster_read(&cluster, 1, 5);
    CU_ASSERT_EQUAL_FATAL(cluster.nodes[1].reads_count, 1);
    CU_ASSERT_FALSE(cluster.nodes[1].reads[0].confirmed);
    /* Asked of one that does not lead: it says so. */
    struct raft_message message = {.type = RAFT_MESSAGE_READ, .from = 2, .to = 1, .term = 1};
    message.read.context = 9;
    (void)cluster_receive(&cluster, &message);
    const struct cluster_mail *mail = cluster_find_mail(&cluster, RAFT_MESSAGE_READ_REPLY, 1, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mail);
    CU_ASSERT_FALSE(mail->message.read_reply.confirmed);
    CU_ASSERT_EQUAL(mail->message.read_reply.context, 9);
    cluster_deinit(&cluster);
}

/* A question that was lost is given back, so that the asker may ask again. */
UNIT_TEST(raft_paper_reads, lost_question_is_given_back_in_time)
{
    struct cluster cluster;
    start_leader(&cluster, 8);
    cluster_read(&cluster, 3, 42);
    cluster_drop_all(&cluster);
    cluster_run(&cluster, 301);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
    CU_ASSERT_EQUAL_FATAL(cluster.nodes[3].reads_count, 1);
    CU_ASSERT_FALSE(cluster.nodes[3].reads[0].confirmed);
    cluster_deinit(&cluster);
}

/* With the leadership go the reads, those of others too. */
UNIT_TEST(raft_paper_reads, lost_leadership_gives_all_reads_back)
{
    struct cluster cluster;
    cluster_init(&cluster, 5, 0, 9);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    cluster_read(&cluster, 1, 5);
    cluster_read(&cluster, 3, 6);
    while (cluster_find_mail(&cluster, RAFT_MESSAGE_READ, 3, 1) != &cluster.mails[0]) {
        cluster_drop_at(&cluster, 0);
    }
    (void)cluster_deliver_at(&cluster, 0);
    cluster_drop_all(&cluster);
    uint64_t term = cluster_status(&cluster, 1).term;
    (void)letter_heartbeat(&cluster, 2, 1, term + 1, (struct raft_heartbeat){0});
    CU_ASSERT_EQUAL_FATAL(cluster.nodes[1].reads_count, 1);
    CU_ASSERT_FALSE(cluster.nodes[1].reads[0].confirmed);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL_FATAL(cluster.nodes[3].reads_count, 1);
    CU_ASSERT_FALSE(cluster.nodes[3].reads[0].confirmed);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_paper_reads, single_node_confirms_alone)
{
    struct cluster cluster;
    cluster_init(&cluster, 1, 0, 10);
    cluster_start(&cluster, 1);
    cluster_read(&cluster, 1, 5);
    CU_ASSERT(was_confirmed(&cluster, 1, 5, 1));
    cluster_deinit(&cluster);
}

/* Thesis 3.10: "The prior leader sends a TimeoutNow request to the target server." */
UNIT_TEST(raft_paper_transfer, caught_up_target_takes_over)
{
    struct cluster cluster;
    start_leader(&cluster, 11);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 2, 3), RESULT_NOT_LEADER);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, 9), RESULT_NOT_FOUND);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, 3), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, 2), RESULT_BUSY);
    uint64_t now_ms = cluster.now_ms;
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 3);
    CU_ASSERT_EQUAL(cluster.now_ms, now_ms); /* no timeout was waited for */
    cluster_deinit(&cluster);
}

/* Thesis 3.10: "The prior leader stops accepting new client requests" and "fully updates the target
 * server's log to match its own" first. */
UNIT_TEST(raft_paper_transfer, target_is_brought_up_and_proposals_wait)
{
    struct cluster cluster;
    start_leader(&cluster, 12);
    cluster_isolate(&cluster, 3, true);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_deliver_all(&cluster);
    cluster_isolate(&cluster, 3, false);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, 3), RESULT_OK);
    CU_ASSERT_PTR_NULL(cluster_find_mail(&cluster, RAFT_MESSAGE_TIMEOUT_NOW, 1, 3));
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "y"), RESULT_BUSY);
    cluster_run(&cluster, 150);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 3);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index, 3);
    cluster_deinit(&cluster);
}

/* Thesis 3.10: "If leadership transfer does not complete after about an election timeout, the prior
 * leader aborts the transfer and resumes accepting client requests" (C26). */
UNIT_TEST(raft_paper_transfer, is_given_up_after_an_election_timeout)
{
    struct cluster cluster;
    start_leader(&cluster, 13);
    cluster_isolate(&cluster, 3, true);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, 3), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).transfer_to, 3);
    cluster_run(&cluster, 310);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).transfer_to, RAFT_ID_NONE);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "y"), RESULT_OK);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_paper_transfer, best_target_is_the_furthest_voter)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 1, 14);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    cluster_isolate(&cluster, 2, true);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, 4), RESULT_NOT_FOUND); /* a learner */
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, RAFT_ID_NONE), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).transfer_to, 3);
    cluster_deinit(&cluster);
}

/* Only the leader may send one on its way. */
UNIT_TEST(raft_paper_transfer, timeout_now_of_another_is_ignored)
{
    struct cluster cluster;
    start_leader(&cluster, 15);
    struct raft_message message = {.type = RAFT_MESSAGE_TIMEOUT_NOW, .from = 3, .to = 2};
    message.term = cluster_status(&cluster, 2).term;
    (void)cluster_receive(&cluster, &message);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).role, RAFT_FOLLOWER);
    message.from = 1;
    (void)cluster_receive(&cluster, &message);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 2).role, RAFT_CANDIDATE);
    cluster_deinit(&cluster);
}
