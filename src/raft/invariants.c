/* invariants.c -- what must hold of one node after every step, whatever came in.
 *
 * After LogCabin's idea of one function that knows them all. Costs a bounded amount: of the log it
 * looks at both ends only.
 */
#include "raft/raft_internal.h"

#include "base/assert.h"

enum { ENTRIES_CHECKED = 32 };

static void check_log(const struct raft *raft)
{
    const struct raft_log *log = &raft->log;
    uint64_t first_index = raft_log_first_index(log);
    uint64_t last_index = raft_log_last_index(log);
    ASSERT(log->head + log->count <= log->capacity);
    ASSERT((log->snapshot_index == 0) == (log->snapshot_term == 0));
    ASSERT(log->snapshot_index <= raft->commit_index);
    ASSERT(raft->commit_index <= last_index);
    ASSERT(raft_log_last_term(log) <= raft->hard_state.term);
    for (uint64_t index = first_index; index <= last_index; index++) {
        if (index == first_index + ENTRIES_CHECKED && last_index - index > ENTRIES_CHECKED) {
            index = last_index - ENTRIES_CHECKED;
        }
        const struct raft_entry *entry = raft_log_at(log, index);
        ASSERT(entry->index == index);
        ASSERT(entry->term >= raft_log_term_at(log, index - 1));
        ASSERT(entry->payload == NULL || entry->payload->references > 0);
    }
}

static void check_persistence(const struct raft *raft)
{
    const struct raft_persistence *persistence = &raft->persistence;
    uint64_t last_index = raft_log_last_index(&raft->log);
    ASSERT(persistence->persisted_index >= raft->log.snapshot_index);
    ASSERT(persistence->persisted_index <= last_index);
    ASSERT(persistence->next_index == last_index + 1);
    ASSERT(persistence->truncate_from == 0);
    ASSERT(persistence->reset_index == 0);
    ASSERT(persistence->completed_id <= persistence->last_id);
    ASSERT(persistence->hard_state_id <= persistence->last_id);
    ASSERT(persistence->hard_state.term == raft->hard_state.term);
    ASSERT(persistence->hard_state.vote == raft->hard_state.vote);
    ASSERT((persistence->pending_count == 0) ==
           (persistence->completed_id == persistence->last_id));
    for (uint32_t i = 0; i < persistence->pending_count; i++) {
        const struct raft_pending_persist *pending =
            &persistence->pending[persistence->pending_head + i];
        ASSERT(pending->id == persistence->completed_id + 1 + i);
        ASSERT(pending->last_index <= last_index);
    }
    if (persistence->pending_count == 0) {
        ASSERT(persistence->persisted_index == last_index);
    }
    for (uint32_t i = 0; i < persistence->held_count; i++) {
        ASSERT(persistence->held[i].wait_id > persistence->completed_id);
        ASSERT(persistence->held[i].wait_id <= persistence->last_id);
        ASSERT(persistence->held[i].message.term == raft->hard_state.term);
    }
}

static void check_membership(const struct raft *raft)
{
    const struct raft_membership *membership = &raft->membership;
    ASSERT(membership->latest.members_count <= LIMIT_MEMBERS);
    for (uint32_t i = 1; i < membership->latest.members_count; i++) {
        ASSERT(membership->latest.members[i].id > membership->latest.members[i - 1].id);
    }
    ASSERT(membership->base_index <= membership->latest_index);
    ASSERT(membership->latest_index <= raft_log_last_index(&raft->log));
    ASSERT(membership->base_index <= raft->log.snapshot_index);
    for (uint32_t i = 0; i < membership->indexes_count; i++) {
        uint64_t index = membership->indexes[i];
        ASSERT(index > (i == 0 ? raft->log.snapshot_index : membership->indexes[i - 1]));
        ASSERT(raft_log_at(&raft->log, index)->type == RAFT_ENTRY_CONFIGURATION);
    }
    ASSERT(membership->latest_index == (membership->indexes_count == 0
                                            ? membership->base_index
                                            : membership->indexes[membership->indexes_count - 1]));
}

static void check_peer_membership(const struct raft *raft, const struct raft_peer *peer)
{
    const struct raft_member *member = raft_configuration_find(&raft->membership.latest, peer->id);
    ASSERT(peer->id != raft->id);
    ASSERT(peer->is_leaving == (member == NULL));
    ASSERT(peer->is_voter == (member != NULL && member->role == RAFT_VOTER));
    ASSERT(member == NULL || peer->recorded_disk_id == member->disk_id);
    ASSERT(peer->is_voter || !peer->has_lost);
    ASSERT(!peer->is_leaving || peer->leaving_index <= raft->membership.latest_index);
    ASSERT(peer->heard_sequence <= raft->sent_sequence);
    ASSERT(peer->first_sequence <= raft->sent_sequence + 1);
    ASSERT(peer->match_index == 0 || peer->disk_id != 0 || raft->disk_id == 0);
}

static void check_peer(const struct raft *raft, const struct raft_peer *peer)
{
    check_peer_membership(raft, peer);
    ASSERT(peer->match_index < peer->next_index);
    ASSERT(peer->next_index <= raft_log_last_index(&raft->log) + 1);
    ASSERT(peer->read_round <= raft->reads.round);
    ASSERT(peer->round_asked <= raft->reads.round);
    ASSERT(peer->commit_told <= raft->commit_index);
    ASSERT(peer->in_flight_count <= LIMIT_APPENDS_IN_FLIGHT);
    ASSERT(peer->in_flight_count == 0 || peer->state == RAFT_REPLICATE);
    ASSERT(peer->probe_last_index == 0 || peer->state == RAFT_PROBE);
    ASSERT(peer->probe_last_index <= raft_log_last_index(&raft->log));
    uint64_t previous = peer->match_index;
    for (uint32_t i = 0; i < peer->in_flight_count; i++) {
        uint64_t last_index = peer->in_flight[(peer->in_flight_head + i) % LIMIT_APPENDS_IN_FLIGHT];
        ASSERT(last_index > previous);
        ASSERT(last_index < peer->next_index);
        previous = last_index;
    }
}

static void check_leader(const struct raft *raft)
{
    ASSERT(raft->leader == raft->id);
    ASSERT(raft->hard_state.vote == raft->id);
    ASSERT(raft_hard_state_is_durable(raft));
    ASSERT(raft->term_start_index <= raft_log_last_index(&raft->log));
    ASSERT(raft_log_last_term(&raft->log) == raft->hard_state.term);
    ASSERT((raft->transfer_to == RAFT_ID_NONE) == (raft->transfer_deadline_ms == RAFT_NEVER_MS));
    /* One change at a time, and none before a commit in this term; a leader that is removed leads
     * no longer than it takes to commit that. */
    ASSERT(raft_configuration_is_committed(raft) || raft_own_term_is_committed(raft) ||
           raft->membership.latest_index <= raft->term_start_index);
    ASSERT(raft_is_voter_itself(raft) || !raft_configuration_is_committed(raft));
    uint32_t members = raft_is_member(raft, raft->id) ? 1 : 0;
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        ASSERT(i == 0 || raft->peers[i].id > raft->peers[i - 1].id);
        members += raft->peers[i].is_leaving ? 0 : 1;
        check_peer(raft, &raft->peers[i]);
    }
    ASSERT(members == raft->membership.latest.members_count);
    uint64_t round = 0;
    for (uint32_t i = 0; i < raft->reads.pending_count; i++) {
        const struct raft_pending_read *read = &raft->reads.pending[raft->reads.pending_head + i];
        ASSERT(read->round >= round);
        ASSERT(read->round <= raft->reads.round);
        ASSERT(read->index <= raft->commit_index);
        ASSERT((read->round != 0) == raft_own_term_is_committed(raft));
        round = read->round;
    }
}

static void check_follower(const struct raft *raft)
{
    ASSERT(raft->leader != raft->id);
    ASSERT(raft->peers_count == 0);
    ASSERT(raft->transfer_to == RAFT_ID_NONE);
    ASSERT(raft->verified_index <= raft_log_last_index(&raft->log));
    ASSERT(raft->leader != RAFT_ID_NONE || !raft->append_reply_owed);
    ASSERT(raft->leader != RAFT_ID_NONE || raft->reads.pending_count == 0);
    for (uint32_t i = 0; i < raft->reads.pending_count; i++) {
        ASSERT(raft->reads.pending[raft->reads.pending_head + i].from == raft->id);
    }
}

void raft_check_invariants(const struct raft *raft)
{
    check_log(raft);
    check_persistence(raft);
    check_membership(raft);
    ASSERT(raft->role != RAFT_LEADER || !raft_has_lost(raft));
    switch (raft->role) {
    case RAFT_FOLLOWER:
        check_follower(raft);
        break;
    case RAFT_PRE_CANDIDATE:
        check_follower(raft);
        ASSERT(raft->leader == RAFT_ID_NONE);
        ASSERT(raft_may_campaign(raft));
        break;
    case RAFT_CANDIDATE:
        check_follower(raft);
        ASSERT(raft->leader == RAFT_ID_NONE);
        ASSERT(raft->hard_state.vote == raft->id);
        ASSERT(raft_may_campaign(raft));
        break;
    case RAFT_LEADER:
        check_leader(raft);
        break;
    }
}
