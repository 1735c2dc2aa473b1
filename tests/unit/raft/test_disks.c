/* test_disks.c -- promises are kept by disks: a vote or an acknowledgement counts only from the one
 * that the configuration records, and a voter that lost what it had is none until the log says so.
 */
#include "lib/unit.h"
#include "raft/raft_internal.h"
#include "unit/raft/letter.h"

/* Node 1 leads three voters. */
static void start_leader(struct cluster *cluster, bool with_disks, uint64_t seed)
{
    cluster_init(cluster, 3, 0, seed);
    if (!with_disks) {
        cluster_forget_disks(cluster);
    }
    cluster_start_all(cluster);
    cluster_elect(cluster, 1);
    cluster_run(cluster, 60);
}

static const struct raft_member *member_of(const struct cluster *cluster, uint64_t id, uint64_t who)
{
    return raft_configuration_find(raft_configuration_latest(cluster->nodes[id].raft), who);
}

static const struct raft_peer *peer_of(const struct cluster *cluster, uint64_t id)
{
    return raft_progress_find(cluster->nodes[1].raft, id);
}

/* An answer of a follower of node 1. */
static void answer(struct cluster *cluster, uint64_t from, struct raft_append_reply reply)
{
    struct raft_message message = {.type = RAFT_MESSAGE_APPEND_REPLY, .from = from, .to = 1};
    message.term = cluster_status(cluster, 1).term;
    message.append_reply = reply;
    CU_ASSERT_EQUAL(cluster_receive(cluster, &message), RESULT_OK);
}

UNIT_TEST(raft_disks, leader_records_those_that_are_not)
{
    struct cluster cluster;
    start_leader(&cluster, false, 1);
    for (uint64_t id = 1; id <= 3; id++) {
        for (uint64_t who = 1; who <= 3; who++) {
            CU_ASSERT_EQUAL(member_of(&cluster, id, who)->disk_id, cluster.nodes[who].disk_id);
        }
    }
    /* Few entries do, and then no more. */
    uint64_t last_index = cluster_status(&cluster, 1).last_index;
    CU_ASSERT(last_index <= 3);
    cluster_run(&cluster, 2000);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, last_index);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_disks, vote_of_another_disk_is_none)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 2);
    cluster_write_disk(&cluster, 1, (struct raft_hard_state){1, 0}, (uint64_t[]){1}, 1);
    cluster_start(&cluster, 1);
    cluster_expire(&cluster, 1);
    struct raft_message reply = {.type = RAFT_MESSAGE_PRE_VOTE_REPLY, .from = 2, .to = 1};
    reply.term = 2;
    reply.vote_reply.granted = true;
    reply.vote_reply.disk_id = 201;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_PRE_CANDIDATE);
    reply.vote_reply.disk_id = 200;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_CANDIDATE);
    reply.type = RAFT_MESSAGE_VOTE_REPLY;
    reply.vote_reply.disk_id = 201;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_CANDIDATE);
    reply.vote_reply.disk_id = 200;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_LEADER);
    cluster_deinit(&cluster);
}

/* A node on another disk than the recorded one knows that it has no vote. */
UNIT_TEST(raft_disks, node_on_another_disk_never_campaigns)
{
    struct cluster cluster;
    cluster_init(&cluster, 1, 0, 3);
    cluster.nodes[1].disk_id++;
    cluster_start(&cluster, 1);
    cluster_run(&cluster, 2000);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    CU_ASSERT_FALSE(cluster_status(&cluster, 1).is_voter);
    CU_ASSERT(cluster_status(&cluster, 1).is_member);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_disks, acknowledgement_of_another_disk_commits_nothing)
{
    struct cluster cluster;
    start_leader(&cluster, true, 4);
    cluster_crash(&cluster, 3);
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    uint64_t sequence =
        cluster_find_mail(&cluster, RAFT_MESSAGE_APPEND, 1, 2)->message.append.sequence;
    cluster_drop_all(&cluster);
    answer(&cluster, 2,
           (struct raft_append_reply){.disk_id = 201, .sequence = sequence, .match_index = 2});
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 1);
    CU_ASSERT_EQUAL(member_of(&cluster, 1, 2)->role, RAFT_JOINING);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_disks, heartbeat_answer_of_another_disk_proves_nothing)
{
    struct cluster cluster;
    start_leader(&cluster, true, 5);
    cluster_read(&cluster, 1, 7);
    struct raft_message reply = {.type = RAFT_MESSAGE_HEARTBEAT_REPLY, .from = 2, .to = 1};
    reply.term = cluster_status(&cluster, 1).term;
    reply.heartbeat_reply.read_round = cluster.mails[0].message.heartbeat.read_round;
    cluster_drop_all(&cluster);
    reply.heartbeat_reply.disk_id = 201;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster.nodes[1].reads_count, 0);
    reply.heartbeat_reply.disk_id = 200;
    (void)cluster_receive(&cluster, &reply);
    CU_ASSERT_EQUAL(cluster.nodes[1].reads_count, 1);
    /* CheckQuorum does not hear them either. */
    reply.heartbeat_reply.disk_id = 201;
    for (int i = 0; i < 10; i++) {
        cluster.now_ms += 40;
        (void)cluster_receive(&cluster, &reply);
    }
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    cluster_deinit(&cluster);
}

/* Issue: a voter comes back with an empty disk. Nothing that was committed depends on it. */
UNIT_TEST(raft_disks, wiped_voter_joins_again_and_votes_again)
{
    for (uint64_t seed = 6; seed < 16; seed++) {
        struct cluster cluster;
        start_leader(&cluster, seed % 2 == 0, seed);
        for (int i = 0; i < 20; i++) {
            CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
        }
        cluster_run(&cluster, 60);
        cluster_wipe(&cluster, 3);
        cluster_start(&cluster, 3);
        CU_ASSERT_FALSE(cluster_status(&cluster, 3).is_voter && seed % 2 == 0);
        cluster_run(&cluster, 500);
        CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
        CU_ASSERT_EQUAL(member_of(&cluster, 2, 3)->role, RAFT_VOTER);
        CU_ASSERT_EQUAL(member_of(&cluster, 2, 3)->disk_id, cluster.nodes[3].disk_id);
        CU_ASSERT(cluster_status(&cluster, 3).is_voter);
        CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index,
                        cluster_status(&cluster, 1).commit_index);
        cluster_deinit(&cluster);
    }
}

/* A leader of two whose other voter lost its disk goes on alone, rather than never again. */
UNIT_TEST(raft_disks, demotion_leaves_a_voter)
{
    struct cluster cluster;
    cluster_init(&cluster, 2, 0, 16);
    cluster_start_all(&cluster);
    cluster_elect(&cluster, 1);
    cluster_run(&cluster, 60);
    cluster_wipe(&cluster, 2);
    cluster_start(&cluster, 2);
    cluster_run(&cluster, 500);
    CU_ASSERT_EQUAL(cluster_leader(&cluster), 1);
    CU_ASSERT_EQUAL(member_of(&cluster, 1, 1)->role, RAFT_VOTER);
    CU_ASSERT_EQUAL(member_of(&cluster, 1, 2)->role, RAFT_VOTER);
    CU_ASSERT_EQUAL(member_of(&cluster, 1, 2)->disk_id, cluster.nodes[2].disk_id);
    cluster_deinit(&cluster);
}

/* O4, O5, N10: a disk that went back to an earlier state (a restored image, a log cut short) is the
 * same disk, but has not what it acknowledged. */
UNIT_TEST(raft_disks, voter_that_lost_its_end_is_noticed)
{
    struct cluster cluster;
    start_leader(&cluster, true, 17);
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    }
    cluster_run(&cluster, 60);
    CU_ASSERT_EQUAL(peer_of(&cluster, 3)->match_index, 21);
    cluster_crash(&cluster, 3);
    cluster_lose(&cluster, 3, 10);
    cluster_start(&cluster, 3);
    struct raft_event broken = {.type = RAFT_EVENT_UNREACHABLE, .peer = 3};
    (void)cluster_step(&cluster, 1, &broken);
    CU_ASSERT(raft_progress_counts(peer_of(&cluster, 3)));
    cluster_run(&cluster, 300);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).last_index, 23); /* out, and in again */
    CU_ASSERT_EQUAL(member_of(&cluster, 3, 3)->role, RAFT_VOTER);
    CU_ASSERT_EQUAL(member_of(&cluster, 3, 3)->disk_id, 300);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 3).commit_index, 23);
    cluster_deinit(&cluster);
}

/* C16: answers that come late, twice or out of order prove no loss, and cost nobody its vote. */
UNIT_TEST(raft_disks, stale_answers_prove_no_loss)
{
    struct cluster cluster;
    start_leader(&cluster, true, 18);
    struct raft_append_reply early = {
        .rejected = true, .disk_id = 200, .rejected_index = 1, .conflict_index = 1};
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
    early.sequence =
        cluster_find_mail(&cluster, RAFT_MESSAGE_APPEND, 1, 2)->message.append.sequence;
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "y"), RESULT_OK);
    cluster_deliver_all(&cluster);
    CU_ASSERT_EQUAL(peer_of(&cluster, 2)->match_index, 3);
    /* As if made before what it has acknowledged since. */
    answer(&cluster, 2, early);
    early.disk_id = 199; /* by the disk before this one */
    answer(&cluster, 2, early);
    early.rejected = false;
    early.match_index = 1;
    answer(&cluster, 2, early);
    CU_ASSERT_EQUAL(peer_of(&cluster, 2)->match_index, 3);
    CU_ASSERT_EQUAL(peer_of(&cluster, 2)->disk_id, 200);
    CU_ASSERT_EQUAL(member_of(&cluster, 1, 2)->role, RAFT_VOTER);
    /* One that was made later does. */
    CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "z"), RESULT_OK);
    cluster_drop_all(&cluster);
    answer(&cluster, 2,
           (struct raft_append_reply){.rejected = true,
                                      .disk_id = 200,
                                      .sequence = cluster.nodes[1].raft->sent_sequence,
                                      .rejected_index = 3,
                                      .conflict_index = 2});
    CU_ASSERT_EQUAL(peer_of(&cluster, 2)->match_index, 0);
    CU_ASSERT_EQUAL(member_of(&cluster, 1, 2)->role, RAFT_JOINING);
    /* What it had acknowledged before counts no more, however late it comes. */
    answer(&cluster, 2,
           (struct raft_append_reply){.disk_id = 200, .sequence = 1, .match_index = 3});
    CU_ASSERT_EQUAL(peer_of(&cluster, 2)->match_index, 0);
    cluster_deinit(&cluster);
}

/* A log that lost its end may hold another entry where a committed one was: hearing of a commit
 * index commits only what this leader's log is known to match. */
UNIT_TEST(raft_disks, heartbeat_commits_only_what_is_known_to_match)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 19);
    cluster_write_disk(&cluster, 1, (struct raft_hard_state){2, 0}, (uint64_t[]){1, 1, 2}, 3);
    cluster_start(&cluster, 1);
    (void)letter_heartbeat(&cluster, 2, 1, 3, (struct raft_heartbeat){.commit_index = 3});
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 0);
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 3, .previous_index = 2, .previous_term = 1});
    (void)letter_heartbeat(&cluster, 2, 1, 3, (struct raft_heartbeat){.commit_index = 3});
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, 2);
    cluster_deinit(&cluster);
}

/* C26: leadership goes to no one whose vote does not count. */
UNIT_TEST(raft_disks, leadership_is_not_handed_to_a_lost_disk)
{
    struct cluster cluster;
    start_leader(&cluster, true, 20);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, 2), RESULT_OK);
    cluster_drop_all(&cluster);
    answer(&cluster, 2,
           (struct raft_append_reply){.disk_id = 201,
                                      .sequence = cluster.nodes[1].raft->sent_sequence + 1,
                                      .match_index = 1});
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).transfer_to, RAFT_ID_NONE);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, 2), RESULT_NOT_FOUND);
    cluster_drop_all(&cluster);
    CU_ASSERT_EQUAL(cluster_transfer(&cluster, 1, RAFT_ID_NONE), RESULT_OK);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).transfer_to, 3);
    cluster_deinit(&cluster);
}

/* Two nodes under one id, as after copied configurations: neither keeps a vote for long, and what
 * is committed stays so. */
UNIT_TEST(raft_disks, two_disks_under_one_id_count_once_at_most)
{
    struct cluster cluster;
    start_leader(&cluster, true, 21);
    for (uint64_t i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(cluster_propose(&cluster, 1, "x"), RESULT_OK);
        cluster_drop_all(&cluster);
        uint64_t commit = cluster_status(&cluster, 1).commit_index;
        answer(&cluster, 3,
               (struct raft_append_reply){.disk_id = i % 2 == 0 ? 301 : 302,
                                          .sequence = cluster.nodes[1].raft->sent_sequence,
                                          .match_index = cluster_status(&cluster, 1).last_index});
        CU_ASSERT_EQUAL(cluster_status(&cluster, 1).commit_index, commit);
        CU_ASSERT_NOT_EQUAL(member_of(&cluster, 1, 3)->role, RAFT_VOTER);
    }
    cluster_deinit(&cluster);
}

/* ---- Waiting for a leader ---- */

/* A blank node of a cluster that exists founds no other. */
UNIT_TEST(raft_disks, blank_node_of_a_named_cluster_waits_for_a_leader)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 22);
    cluster_wipe(&cluster, 1);
    cluster.nodes[1].disk_id = 100; /* it is not for its disk that it waits */
    cluster_start(&cluster, 1);
    cluster_run(&cluster, 3000);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, 0);
    CU_ASSERT_FALSE(cluster_status(&cluster, 1).is_voter);
    (void)letter_pre_vote(&cluster, 2, 1, 1, (struct raft_vote){0});
    CU_ASSERT_NOT_EQUAL(letter_vote_reply(&cluster), 1);
    (void)letter_vote(&cluster, 2, 1, 1, (struct raft_vote){0});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 0);
    (void)letter_vote(&cluster, 2, 1, 2,
                      (struct raft_vote){.last_log_index = 1, .last_log_term = 1});
    CU_ASSERT_EQUAL(letter_vote_reply(&cluster), 1);
    /* With its first entry it is one of them. */
    (void)letter_append(&cluster, 2, 1,
                        (struct letter_append){.term = 2, .terms = {1}, .count = 1});
    CU_ASSERT_TRUE(cluster_status(&cluster, 1).is_voter);
    cluster_expire(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_PRE_CANDIDATE);
    cluster_deinit(&cluster);
}

UNIT_TEST(raft_disks, node_that_is_told_of_its_cluster_stops_campaigning)
{
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 23);
    cluster_start(&cluster, 1);
    cluster_expire(&cluster, 1);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_PRE_CANDIDATE);
    raft_wait_for_leader(cluster.nodes[1].raft);
    cluster_run(&cluster, 3000);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).role, RAFT_FOLLOWER);
    CU_ASSERT_EQUAL(cluster_status(&cluster, 1).term, 0);
    cluster_deinit(&cluster);
}
