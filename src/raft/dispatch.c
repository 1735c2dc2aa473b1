/* dispatch.c -- a message from a peer on its way to the rule it is for.
 *
 * Terms are compared here, once, before any handler sees a message (paper 5.1): handlers of all but
 * pre-votes may rely on message->term being this node's.
 */
#include "raft/raft_internal.h"

#include <inttypes.h>

#include "base/logger.h"

/* Tells the sender of a message of an old term which term it is; what asks nothing is dropped. */
static void answer_old_term(struct raft *raft, const struct raft_message *message)
{
    struct raft_message reply = {.to = message->from, .term = raft->hard_state.term};
    switch (message->type) {
    case RAFT_MESSAGE_VOTE:
        raft_handle_vote(raft, message);
        return;
    case RAFT_MESSAGE_READ:
        raft_handle_read(raft, message);
        return;
    case RAFT_MESSAGE_APPEND:
        reply.type = RAFT_MESSAGE_APPEND_REPLY;
        reply.append_reply.rejected = true;
        reply.append_reply.disk_id = raft->disk_id;
        reply.append_reply.rejected_index = message->append.previous_index;
        break;
    case RAFT_MESSAGE_HEARTBEAT:
        reply.type = RAFT_MESSAGE_HEARTBEAT_REPLY;
        reply.heartbeat_reply.disk_id = raft->disk_id;
        break;
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
    case RAFT_MESSAGE_VOTE_REPLY:
    case RAFT_MESSAGE_APPEND_REPLY:
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
    case RAFT_MESSAGE_READ_REPLY:
    case RAFT_MESSAGE_TIMEOUT_NOW:
        return;
    }
    raft_send_when_durable(raft, &reply, raft_hard_state_wait_id(raft));
}

/* Whether a message of a higher term may end this node's term. */
static bool may_raise_term(const struct raft *raft, const struct raft_message *message)
{
    switch (message->type) {
    case RAFT_MESSAGE_APPEND:
    case RAFT_MESSAGE_HEARTBEAT:
    case RAFT_MESSAGE_VOTE:
        return true;
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
        return false;
    case RAFT_MESSAGE_VOTE_REPLY:
    case RAFT_MESSAGE_APPEND_REPLY:
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
    case RAFT_MESSAGE_READ:
    case RAFT_MESSAGE_READ_REPLY:
    case RAFT_MESSAGE_TIMEOUT_NOW:
        /* These come from nodes this one talks to; a node that was removed has no say (M6). */
        return raft_is_member(raft, message->from);
    }
    return false;
}

static enum result handle_current_term(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = raft_progress_find(raft, message->from);
    if (peer != NULL) {
        peer->last_contact_ms = raft->now_ms;
    }
    switch (message->type) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_PRE_VOTE_REPLY:
        break; /* Handled before terms were compared. */
    case RAFT_MESSAGE_VOTE:
        raft_handle_vote(raft, message);
        break;
    case RAFT_MESSAGE_VOTE_REPLY:
        raft_handle_vote_reply(raft, message);
        break;
    case RAFT_MESSAGE_APPEND:
        return raft_handle_append(raft, message);
    case RAFT_MESSAGE_APPEND_REPLY:
        raft_handle_append_reply(raft, message);
        break;
    case RAFT_MESSAGE_HEARTBEAT:
        raft_handle_heartbeat(raft, message);
        break;
    case RAFT_MESSAGE_HEARTBEAT_REPLY:
        raft_handle_heartbeat_reply(raft, message);
        break;
    case RAFT_MESSAGE_READ:
        raft_handle_read(raft, message);
        break;
    case RAFT_MESSAGE_READ_REPLY:
        raft_handle_read_reply(raft, message);
        break;
    case RAFT_MESSAGE_TIMEOUT_NOW:
        raft_handle_timeout_now(raft, message);
        break;
    }
    return RESULT_OK;
}

enum result raft_handle_message(struct raft *raft, const struct raft_message *message)
{
    if (message->to != raft->id || message->from == raft->id || message->from == RAFT_ID_NONE ||
        message->term == 0) {
        logger_log(LOGGER_DEBUG,
                   "raft: message of term %" PRIu64 " from %" PRIu64 " to %" PRIu64 " ignored",
                   message->term, message->from, message->to);
        return RESULT_OK;
    }
    if (message->type == RAFT_MESSAGE_PRE_VOTE) {
        raft_handle_pre_vote(raft, message);
        return RESULT_OK;
    }
    if (message->type == RAFT_MESSAGE_PRE_VOTE_REPLY) {
        raft_handle_pre_vote_reply(raft, message);
        return RESULT_OK;
    }
    if (message->term < raft->hard_state.term) {
        answer_old_term(raft, message);
        return RESULT_OK;
    }
    /* Thesis 4.2.3: "if a server receives a RequestVote request within the minimum election timeout
     * of hearing from a current leader, it does not update its term or grant its vote". */
    if (message->type == RAFT_MESSAGE_VOTE && !message->vote.leadership_transfer &&
        raft_has_live_leader(raft)) {
        return RESULT_OK;
    }
    if (message->term > raft->hard_state.term) {
        if (!may_raise_term(raft, message)) {
            return RESULT_OK;
        }
        /* Paper 5.1: "if one server's current term is smaller than the other's, then it updates its
         * current term to the larger value. If a candidate or leader discovers that its term is out
         * of date, it immediately reverts to follower state". */
        raft_become_follower(raft, message->term, RAFT_ID_NONE);
    }
    return handle_current_term(raft, message);
}
