/* transfer.c -- handing leadership over (thesis 3.10): the leader takes no more proposals, brings
 * the target's log up to its own, and tells it to campaign at once.
 *
 * The target's request for votes says that it was sent, so voters do not hold to a leader that is
 * alive. A transfer that did not end the term within an election timeout is given up.
 */
#include "raft/raft_internal.h"

void raft_transfer_clear(struct raft *raft)
{
    raft->transfer_to = RAFT_ID_NONE;
    raft->transfer_deadline_ms = RAFT_NEVER_MS;
}

struct raft_peer *raft_transfer_find_heir(struct raft *raft)
{
    struct raft_peer *best = NULL;
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        if (raft_progress_counts(peer) && raft_progress_is_active(raft, peer) &&
            (best == NULL || peer->match_index > best->match_index)) {
            best = peer;
        }
    }
    return best;
}

enum result raft_handle_transfer(struct raft *raft, uint64_t id)
{
    if (raft->role != RAFT_LEADER) {
        return RESULT_NOT_LEADER;
    }
    if (id == raft->id) {
        return RESULT_OK; /* There already. */
    }
    struct raft_peer *peer =
        id == RAFT_ID_NONE ? raft_transfer_find_heir(raft) : raft_progress_find(raft, id);
    if (peer == NULL || !raft_progress_counts(peer)) {
        return RESULT_NOT_FOUND;
    }
    if (raft->transfer_to != RAFT_ID_NONE) {
        return RESULT_BUSY;
    }
    raft->transfer_to = peer->id;
    raft->transfer_deadline_ms = raft->now_ms + raft->timers.election_ms_max;
    raft_replicate_to(raft, peer);
    raft_transfer_continue(raft, peer);
    return RESULT_OK;
}

void raft_transfer_continue(struct raft *raft, const struct raft_peer *peer)
{
    if (raft->transfer_to != peer->id || peer->match_index != raft_log_last_index(&raft->log)) {
        return;
    }
    raft_send_timeout_now(raft, peer);
}

void raft_send_timeout_now(struct raft *raft, const struct raft_peer *peer)
{
    struct raft_message message = {.type = RAFT_MESSAGE_TIMEOUT_NOW, .to = peer->id};
    message.term = raft->hard_state.term;
    raft_send(raft, &message);
}

void raft_handle_timeout_now(struct raft *raft, const struct raft_message *message)
{
    if (raft->role == RAFT_FOLLOWER && message->from == raft->leader && raft_may_campaign(raft)) {
        raft_campaign(raft, true);
    }
}
