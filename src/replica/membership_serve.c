/* membership_serve.c -- a leader takes requests to change the members or the leader, and answers
 * them when it is known what became of them. */
#include "base/logger.h"
#include "replica/membership.h"
#include "replica/replica_internal.h"

static void answer(struct replica *replica, const struct change_pending *pending,
                   enum result result)
{
    struct peer_change_reply reply = {.number = pending->number, .result = result};
    reply.index = result == RESULT_OK ? pending->index : 0;
    if (pending->asker == replica->self) {
        membership_answered(replica, replica->self, &reply);
        return;
    }
    struct peer_message message = {
        .type = PEER_MESSAGE_CHANGE_REPLY, .from = replica->self, .to = pending->asker};
    message.change_reply = reply;
    outbox_add_message(&replica->outbox, &message);
}

static enum result step_change(struct replica *replica, const struct peer_change *change)
{
    struct raft_event event = {.type = RAFT_EVENT_TRANSFER, .peer = change->change.member.id};
    if (change->kind == PEER_CHANGE_MEMBERS) {
        event = (struct raft_event){.type = RAFT_EVENT_CHANGE, .change = &change->change};
    }
    return replica_step(replica, &event);
}

enum result membership_accept(struct replica *replica, uint64_t asker,
                              const struct peer_change *change)
{
    struct membership *membership = &replica->membership;
    if (membership->pending_count == LIMIT_CHANGES_PENDING) {
        return RESULT_BUSY;
    }
    enum result result = step_change(replica, change);
    if (result != RESULT_OK || change->number == 0) {
        return result;
    }
    struct change_pending pending = {.asker = asker, .number = change->number};
    if (change->kind == PEER_CHANGE_MEMBERS) {
        pending.index = replica->status.configuration_index;
    }
    if (pending.index <= replica->applied_index) {
        answer(replica, &pending, RESULT_OK); /* begun, or there was nothing to do */
        return RESULT_OK;
    }
    pending.term = raft_entry_at(replica->raft, pending.index)->term;
    membership->pending[membership->pending_count++] = pending;
    return RESULT_OK;
}

/* Whether a message has not been handled before; from now on it has. */
static bool is_new(struct membership *membership, uint64_t asker, uint64_t number)
{
    for (uint32_t i = 0; i < LIMIT_MEMBERS; i++) {
        if (membership->seen[i].asker == asker) {
            bool is_greater = number > membership->seen[i].number;
            membership->seen[i].number = is_greater ? number : membership->seen[i].number;
            return is_greater;
        }
    }
    membership->seen[membership->seen_next].asker = asker;
    membership->seen[membership->seen_next].number = number;
    membership->seen_next = (membership->seen_next + 1) % LIMIT_MEMBERS;
    return true;
}

/* A node that asks to be added, or is told on behalf of one: number 0 expects no answer. */
static bool is_join(const struct peer_change *change)
{
    return change->number == 0 && change->kind == PEER_CHANGE_MEMBERS &&
           change->change.kind == RAFT_CHANGE_ADD && !change->change.force;
}

static void relay_join(struct replica *replica, uint64_t from, const struct peer_change *change)
{
    uint64_t leader = replica->status.leader;
    bool is_of_sender = change->change.member.id == from;
    if (!is_of_sender || leader == RAFT_ID_NONE || leader == from) {
        return;
    }
    struct peer_message message = {
        .type = PEER_MESSAGE_CHANGE, .from = replica->self, .to = leader};
    message.change = *change;
    outbox_add_message(&replica->outbox, &message);
}

/* A joiner asks every second: what stands in its way is said once. */
static void report_join(struct replica *replica, const struct peer_change *change,
                        enum result result)
{
    struct membership *membership = &replica->membership;
    const struct raft_member *member = &change->change.member;
    bool is_passing = result == RESULT_OK || result == RESULT_BUSY || result == RESULT_NOT_LEADER;
    bool is_said = membership->refused_joiner == member->id && membership->refused_why == result;
    if (!is_passing && !is_said) {
        membership->refused_joiner = member->id;
        membership->refused_why = result;
        logger_log(LOGGER_WARNING, "%s at %s asks to be added to the cluster, and cannot be: %s",
                   member->name, member->raft_address, result_text(result));
    }
}

void membership_receive(struct replica *replica, uint64_t from, const struct peer_change *change)
{
    bool is_leader = replica->status.role == RAFT_LEADER;
    bool is_member = raft_configuration_find(replica_configuration(replica), from) != NULL;
    if (is_join(change)) {
        if (!is_leader) {
            relay_join(replica, from, change);
        } else if (is_member || change->change.member.id == from) {
            /* The joiner sees in its log that it was accepted, and asks until it does. */
            report_join(replica, change, membership_accept(replica, from, change));
        }
        return;
    }
    if (change->number == 0 || !is_new(&replica->membership, from, change->number)) {
        return;
    }
    enum result result =
        is_leader && is_member ? membership_accept(replica, from, change) : RESULT_NOT_LEADER;
    if (result != RESULT_OK) {
        struct change_pending refused = {.asker = from, .number = change->number};
        answer(replica, &refused, result);
    }
}

static void settle(struct replica *replica, uint32_t at, enum result result)
{
    struct membership *membership = &replica->membership;
    struct change_pending pending = membership->pending[at];
    membership->pending[at] = membership->pending[--membership->pending_count];
    answer(replica, &pending, result);
}

void membership_applied(struct replica *replica, const struct raft_entry *entry)
{
    struct membership *membership = &replica->membership;
    for (uint32_t i = membership->pending_count; i > 0; i--) {
        const struct change_pending *pending = &membership->pending[i - 1];
        if (pending->index == entry->index) {
            /* Another leader's entry in its place: the change is not in the log, and never was
             * committed. */
            settle(replica, i - 1, pending->term == entry->term ? RESULT_OK : RESULT_NOT_LEADER);
        }
    }
}

void membership_passed_over(struct replica *replica)
{
    struct membership *membership = &replica->membership;
    for (uint32_t i = membership->pending_count; i > 0; i--) {
        if (membership->pending[i - 1].index <= replica->applied_index) {
            settle(replica, i - 1, RESULT_CLOSED);
        }
    }
}
