/* forward.c -- the follower's side of a turn: its clients' batches go to the leader, in order.
 *
 * A batch that was sent may be lost with its link, refused, or appended by a leader that did not
 * last. Whenever one of these may have happened, every unanswered batch is sent again under its old
 * sequence; apply passes over what it has already.
 */
#include "replica/replica_internal.h"

enum {
    /* After a refusal: the leader is changing or full, so not at once; and each time that brings
     * no progress twice as late, or a leader with a slow disk would be flooded. */
    RESEND_REFUSED_MS = 20,
    RESEND_REFUSED_MS_MAX = 640,
    /* Without any news of a sent batch: the frame was lost in a way nobody noticed. */
    RESEND_SILENT_MS = 1000,
};

void forward_resend_at(struct replica *replica, uint64_t at_ms)
{
    if (batches_first_sent(&replica->batches) == NULL) {
        return;
    }
    replica->resend_from = 0;
    if (replica->resend_at_ms == 0 || at_ms < replica->resend_at_ms) {
        replica->resend_at_ms = at_ms == 0 ? 1 : at_ms;
    }
}

void forward_leader_changed(struct replica *replica)
{
    const struct raft_status *status = &replica->status;
    bool is_same = replica->sent_to == status->leader && replica->sent_term == status->term;
    if (status->leader != RAFT_ID_NONE && !is_same) {
        replica->refused_wait_ms = RESEND_REFUSED_MS;
        forward_resend_at(replica, replica->now_ms);
    }
}

void forward_refused(struct replica *replica, uint64_t from,
                     const struct peer_forward_refused *refused)
{
    if (refused->incarnation == replica->incarnation && from == replica->status.leader) {
        forward_resend_at(replica, replica->now_ms + replica->refused_wait_ms);
    }
}

void forward_applied(struct replica *replica)
{
    replica->refused_wait_ms = RESEND_REFUSED_MS;
    if (replica->resend_at_ms > replica->now_ms + RESEND_REFUSED_MS) {
        forward_resend_at(replica, replica->now_ms + RESEND_REFUSED_MS);
    }
}

struct batch_header forward_header(const struct replica *replica, const struct batch *batch,
                                   uint64_t sequence)
{
    return (struct batch_header){.origin = replica->self,
                                 .incarnation = replica->incarnation,
                                 .sequence = sequence,
                                 .commands_count = batch->commands_count,
                                 .commands_bytes = (uint32_t)buf_size(&batch->commands)};
}

static void send_batch(struct replica *replica, const struct batch *batch)
{
    struct peer_message message = {
        .type = PEER_MESSAGE_FORWARD, .from = replica->self, .to = replica->status.leader};
    message.forward.header = forward_header(replica, batch, batch->sequence);
    message.forward.commands = buf_slice(&batch->commands);
    outbox_add_message(&replica->outbox, &message);
    replica->sent_at_ms = replica->now_ms;
    replica->sent_to = replica->status.leader;
    replica->sent_term = replica->status.term;
}

static void send_again(struct replica *replica)
{
    if (replica->resend_at_ms == 0 && batches_first_sent(&replica->batches) != NULL &&
        replica->now_ms >= replica->sent_at_ms + RESEND_SILENT_MS) {
        replica->resend_at_ms = replica->now_ms;
    }
    if (replica->resend_at_ms == 0 || replica->now_ms < replica->resend_at_ms) {
        return;
    }
    replica->resend_at_ms = 0;
    if (replica->refused_wait_ms < RESEND_REFUSED_MS_MAX) {
        replica->refused_wait_ms *= 2;
    }
    for (struct batch *batch = batches_first_sent(&replica->batches); batch != NULL;
         batch = batches_next_sent(&replica->batches, batch)) {
        send_batch(replica, batch);
    }
}

void forward_batches(struct replica *replica)
{
    uint64_t leader = replica->status.leader;
    if (leader == RAFT_ID_NONE || leader == replica->self) {
        return;
    }
    send_again(replica);
    while (replica->batches.sent_count < LIMIT_BATCHES_IN_FLIGHT) {
        struct batch *batch = batches_first_unsent(&replica->batches);
        if (batch == NULL) {
            return;
        }
        batches_mark_sent(&replica->batches, batch);
        send_batch(replica, batch);
    }
}

uint64_t forward_deadline_ms(const struct replica *replica)
{
    bool has_leader = replica->status.leader != RAFT_ID_NONE;
    if (!has_leader || batches_first_sent(&replica->batches) == NULL) {
        return UINT64_MAX;
    }
    if (replica->resend_at_ms != 0) {
        /* Overdue means that a leader waits for the entry before; its completion wakes us. */
        return replica->resend_at_ms > replica->now_ms ? replica->resend_at_ms : UINT64_MAX;
    }
    return replica->status.leader == replica->self ? UINT64_MAX
                                                   : replica->sent_at_ms + RESEND_SILENT_MS;
}
