/* election.c -- roles, votes and the election timer.
 *
 *                  deadline                majority would vote
 *     FOLLOWER ---------------> PRE_CANDIDATE ---------------> CANDIDATE --------------> LEADER
 *        ^   raft_on_election_  |  raft_handle_pre_vote_reply  |  raft_handle_vote_reply   |
 *        |   deadline           |                              |  raft_count_own_vote      |
 *        +----------------------+------------------------------+---------------------------+
 *              raft_become_follower: a leader of this term, a higher term, or, for a leader, no
 *              contact with a majority (CheckQuorum)
 *
 * TIMEOUT_NOW goes from FOLLOWER to CANDIDATE directly (transfer.c).
 *
 * Paper 5.2 and 5.4.1, thesis 9.6 (PreVote) and 6.2 (CheckQuorum). A pre-vote asks what would
 * happen and changes nothing on either side, no term, no vote, no timer, on disk or in memory
 * (C8-C10). A candidate's own term and vote are durable before anyone is asked and before it counts
 * its own vote (C7). A node that hears from a live leader does not answer those who want its place,
 * unless the leader itself sent them (thesis 4.2.3).
 */
#include "raft/raft_internal.h"

#include <string.h>

#include "base/assert.h"

void raft_draw_election_deadline(struct raft *raft)
{
    uint32_t spread = raft->timers.election_ms_max - raft->timers.election_ms_min;
    raft->election_deadline_ms =
        raft->now_ms + raft->timers.election_ms_min + prng_below(&raft->prng, (uint64_t)spread + 1);
}

/* What a follower owes its leader and waits for is void under another leader or term. What it knows
 * to match stays true for the term, which has one leader only. */
static void forget_leader(struct raft *raft)
{
    raft->acked_index = 0;
    raft->append_sequence = 0;
    raft->append_reply_owed = false;
    raft_reads_fail_all(raft);
}

void raft_become_follower(struct raft *raft, uint64_t term, uint64_t leader)
{
    ASSERT(term >= raft->hard_state.term);
    ASSERT(leader != raft->id);
    bool was_leader = raft->role == RAFT_LEADER;
    if (was_leader) {
        raft_remember_all(raft);
    }
    if (term != raft->hard_state.term || leader != raft->leader || was_leader) {
        forget_leader(raft);
    }
    if (term > raft->hard_state.term) {
        raft->hard_state.term = term;
        raft->hard_state.vote = RAFT_ID_NONE;
        raft->verified_index = raft->commit_index;
        raft_drop_held(raft);
    }
    raft->role = RAFT_FOLLOWER;
    raft->leader = leader;
    raft->votes = 0;
    if (was_leader) {
        raft->peers_count = 0;
        raft_transfer_clear(raft);
        raft_draw_election_deadline(raft);
    }
}

bool raft_has_live_leader(const struct raft *raft)
{
    if (raft->role == RAFT_LEADER) {
        return true; /* CheckQuorum has just seen to it that a majority is there. */
    }
    return raft->leader != RAFT_ID_NONE &&
           raft->now_ms - raft->leader_contact_ms < raft->timers.election_ms_min;
}

static void append_bootstrap(struct raft *raft)
{
    static const uint8_t none[RAFT_CLUSTER_ID_BYTES];
    struct raft_configuration configuration = raft->membership.latest;
    if (memcmp(raft->bootstrap_cluster_id, none, RAFT_CLUSTER_ID_BYTES) != 0) {
        memcpy(configuration.cluster_id, raft->bootstrap_cluster_id, RAFT_CLUSTER_ID_BYTES);
    }
    raft_append_configuration(raft, &configuration);
}

static void become_leader(struct raft *raft)
{
    ASSERT(raft->role == RAFT_CANDIDATE);
    ASSERT(raft_hard_state_is_durable(raft));
    raft->role = RAFT_LEADER;
    raft->leader = raft->id;
    raft->append_reply_owed = false;
    raft->heartbeat_deadline_ms = raft->now_ms + raft->timers.heartbeat_ms;
    raft->term_start_index = raft_log_last_index(&raft->log) + 1;
    raft_progress_reset(raft);
    raft->uncommitted_bytes = 0;
    for (uint64_t i = raft->commit_index + 1; i < raft->term_start_index; i++) {
        raft->uncommitted_bytes +=
            blob_slice(raft_log_at(&raft->log, i)->payload).size + RAFT_ENTRY_OVERHEAD_BYTES;
    }
    if (raft->term_start_index > 1) {
        raft_append_own(raft, RAFT_ENTRY_NOOP, NULL);
    } else {
        /* The first entry of a cluster says who it is and who belongs to it. */
        append_bootstrap(raft);
    }
    raft_replicate_to_all(raft);
}

/* Records a vote for this node; true when a majority of the voters has given theirs. A vote is kept
 * by the disk it was written to, so that of another disk than the recorded one is none. */
static bool record_vote(struct raft *raft, uint64_t from, uint64_t disk_id)
{
    const struct raft_configuration *configuration = &raft->membership.latest;
    uint32_t voters = 0;
    uint32_t granted = 0;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        if (member->role != RAFT_VOTER) {
            continue;
        }
        if (member->id == from && (member->disk_id == 0 || member->disk_id == disk_id)) {
            raft->votes |= UINT32_C(1) << i;
        }
        voters++;
        granted += (raft->votes >> i) & 1;
    }
    return granted > voters / 2;
}

/* Asks every other voter; a vote only once this node's own is durable. */
static void request_votes(struct raft *raft, const struct raft_message *request)
{
    const struct raft_configuration *configuration = &raft->membership.latest;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        if (member->role != RAFT_VOTER || member->id == raft->id) {
            continue;
        }
        struct raft_message message = *request;
        message.to = member->id;
        if (message.type == RAFT_MESSAGE_VOTE) {
            raft_send_when_durable(raft, &message, raft_hard_state_wait_id(raft));
        } else {
            raft_send(raft, &message);
        }
    }
}

bool raft_is_waiting(const struct raft *raft)
{
    return raft->waits_for_leader && raft_log_last_index(&raft->log) == 0;
}

/* A disk that went back promises nothing; nor does one before it is known whether it did. */
static bool may_vote(const struct raft *raft)
{
    return !raft_has_lost(raft) && !raft_withholds_votes(raft);
}

/* Thesis 4.2.2: "A server that is not part of its own latest configuration should still start new
 * elections, as it might still be needed until the Cnew entry is committed": it may be the only one
 * that has that entry and whose log suffices. "It does not count its own vote". */
bool raft_may_campaign(const struct raft *raft)
{
    if (raft_is_waiting(raft) || !may_vote(raft)) {
        return false;
    }
    return raft_is_voter_itself(raft) ||
           (!raft_configuration_is_committed(raft) && raft_was_voter_itself(raft));
}

void raft_campaign(struct raft *raft, bool leadership_transfer)
{
    ASSERT(raft->role != RAFT_LEADER);
    ASSERT(raft_may_campaign(raft));
    raft_become_follower(raft, raft->hard_state.term + 1, RAFT_ID_NONE);
    raft->role = RAFT_CANDIDATE;
    raft->hard_state.vote = raft->id;
    raft_draw_election_deadline(raft);
    struct raft_message request = {.type = RAFT_MESSAGE_VOTE, .term = raft->hard_state.term};
    request.vote.last_log_index = raft_log_last_index(&raft->log);
    request.vote.last_log_term = raft_log_last_term(&raft->log);
    request.vote.leadership_transfer = leadership_transfer;
    request_votes(raft, &request);
}

static void pre_campaign(struct raft *raft)
{
    raft_become_follower(raft, raft->hard_state.term, RAFT_ID_NONE);
    raft->role = RAFT_PRE_CANDIDATE;
    if (record_vote(raft, raft->id, raft->disk_id)) {
        raft_campaign(raft, false);
        return;
    }
    struct raft_message request = {.type = RAFT_MESSAGE_PRE_VOTE,
                                   .term = raft->hard_state.term + 1};
    request.vote.last_log_index = raft_log_last_index(&raft->log);
    request.vote.last_log_term = raft_log_last_term(&raft->log);
    request_votes(raft, &request);
}

void raft_on_election_deadline(struct raft *raft)
{
    ASSERT(raft->role != RAFT_LEADER);
    raft_draw_election_deadline(raft);
    if (!raft_may_campaign(raft)) {
        /* It never campaigns (M8), but knows that nobody leads. */
        raft_become_follower(raft, raft->hard_state.term, RAFT_ID_NONE);
        return;
    }
    if (raft->role == RAFT_CANDIDATE && !raft_hard_state_is_durable(raft)) {
        return; /* Nobody was asked yet: a slow disk must not drive the term up. */
    }
    pre_campaign(raft);
}

void raft_count_own_vote(struct raft *raft)
{
    ASSERT(raft->role == RAFT_CANDIDATE);
    ASSERT(raft->hard_state.vote == raft->id);
    /* The others are asked in this step: the wait for them begins here. */
    raft_draw_election_deadline(raft);
    if (record_vote(raft, raft->id, raft->disk_id)) {
        become_leader(raft);
    }
}

/* Paper 5.4.1: "If the logs have last entries with different terms, then the log with the later
 * term is more up-to-date. If the logs end with the same term, then whichever log is longer is". */
static bool is_up_to_date(const struct raft *raft, const struct raft_vote *vote)
{
    if (raft_is_waiting(raft) && vote->last_log_index == 0) {
        return false; /* The cluster has entries, whatever this node has. */
    }
    uint64_t last_term = raft_log_last_term(&raft->log);
    if (vote->last_log_term != last_term) {
        return vote->last_log_term > last_term;
    }
    return vote->last_log_index >= raft_log_last_index(&raft->log);
}

void raft_handle_pre_vote(struct raft *raft, const struct raft_message *message)
{
    bool is_newer = message->term > raft->hard_state.term;
    if (is_newer && !message->vote.leadership_transfer && raft_has_live_leader(raft)) {
        return;
    }
    struct raft_message reply = {.type = RAFT_MESSAGE_PRE_VOTE_REPLY, .to = message->from};
    reply.vote_reply.granted = is_newer && may_vote(raft) && is_up_to_date(raft, &message->vote);
    reply.vote_reply.disk_id = raft->disk_id;
    /* A refusal teaches a term that is behind; a grant must not look stale to the asker (C9). */
    reply.term = reply.vote_reply.granted ? message->term : raft->hard_state.term;
    if (reply.term > 0) {
        raft_send(raft, &reply);
    }
}

void raft_handle_pre_vote_reply(struct raft *raft, const struct raft_message *message)
{
    if (raft->role != RAFT_PRE_CANDIDATE) {
        return;
    }
    if (message->vote_reply.granted) {
        if (message->term == raft->hard_state.term + 1 &&
            record_vote(raft, message->from, message->vote_reply.disk_id)) {
            raft_campaign(raft, false);
        }
    } else if (message->term > raft->hard_state.term && raft_is_member(raft, message->from)) {
        raft_become_follower(raft, message->term, RAFT_ID_NONE);
    }
}

void raft_handle_vote(struct raft *raft, const struct raft_message *message)
{
    ASSERT(message->term <= raft->hard_state.term);
    struct raft_message reply = {.type = RAFT_MESSAGE_VOTE_REPLY, .to = message->from};
    reply.term = raft->hard_state.term;
    reply.vote_reply.disk_id = raft->disk_id;
    bool is_free = raft->hard_state.vote == message->from ||
                   (raft->hard_state.vote == RAFT_ID_NONE && raft->leader == RAFT_ID_NONE);
    reply.vote_reply.granted = message->term == raft->hard_state.term && is_free &&
                               may_vote(raft) && is_up_to_date(raft, &message->vote);
    if (!reply.vote_reply.granted) {
        raft_send_when_durable(raft, &reply, raft_hard_state_wait_id(raft));
        return;
    }
    if (raft->role == RAFT_PRE_CANDIDATE) {
        raft_become_follower(raft, raft->hard_state.term, RAFT_ID_NONE);
    }
    raft->hard_state.vote = message->from;
    raft_draw_election_deadline(raft);
    /* The logs were compared by this node's in memory: all of it must be on disk, too, before the
     * promise leaves (C11). */
    raft_send_when_durable(raft, &reply, raft_everything_wait_id(raft));
}

void raft_handle_vote_reply(struct raft *raft, const struct raft_message *message)
{
    if (raft->role == RAFT_CANDIDATE && message->vote_reply.granted &&
        message->term == raft->hard_state.term && raft_hard_state_is_durable(raft) &&
        record_vote(raft, message->from, message->vote_reply.disk_id)) {
        become_leader(raft);
    }
}
