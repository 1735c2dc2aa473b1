/* persistence.c -- what is durable, what is on its way there, and the messages that wait for it.
 *
 * Paper, Figure 2: "Updated on stable storage before responding to RPCs". Here storage is another
 * thread: a step hands out at most one persist, several may be on their way, and they complete in
 * order. A message that states a term or a vote is held until the persist that carries it is
 * durable. Held messages are of the present term: a new term drops them, which the network might
 * have done too. Replies to appends are not held but made when their entries are durable
 * (raft_send_append_reply).
 *
 * Invariant: what the disk holds when persist id is durable agrees with the log in memory at least
 * up to that persist's last_index, because truncation in memory lowers the last_index of all that
 * went before it.
 */
#include "raft/raft_internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

void raft_persistence_deinit(struct raft *raft)
{
    mem_free(raft->persistence.pending);
}

static bool hard_state_is_dirty(const struct raft *raft)
{
    const struct raft_persistence *persistence = &raft->persistence;
    return raft->hard_state.term != persistence->hard_state.term ||
           raft->hard_state.vote != persistence->hard_state.vote;
}

static bool log_is_dirty(const struct raft *raft)
{
    return raft->persistence.truncate_from != 0 || raft->persistence.reset_index != 0 ||
           raft->persistence.next_index <= raft_log_last_index(&raft->log);
}

bool raft_hard_state_is_durable(const struct raft *raft)
{
    return raft_hard_state_wait_id(raft) <= raft->persistence.completed_id;
}

uint64_t raft_hard_state_wait_id(const struct raft *raft)
{
    /* A dirty state goes out at the end of this step, under the next id. */
    return hard_state_is_dirty(raft) ? raft->persistence.last_id + 1
                                     : raft->persistence.hard_state_id;
}

uint64_t raft_everything_wait_id(const struct raft *raft)
{
    bool dirty = hard_state_is_dirty(raft) || log_is_dirty(raft);
    return raft->persistence.last_id + (dirty ? 1 : 0);
}

void raft_send_when_durable(struct raft *raft, const struct raft_message *message, uint64_t wait_id)
{
    struct raft_persistence *persistence = &raft->persistence;
    if (wait_id <= persistence->completed_id) {
        raft_send(raft, message);
        return;
    }
    uint32_t at = 0;
    while (at < persistence->held_count && (persistence->held[at].message.type != message->type ||
                                            persistence->held[at].message.to != message->to)) {
        at++;
    }
    if (at == LIMIT_MESSAGES_HELD) {
        memmove(&persistence->held[0], &persistence->held[1],
                (LIMIT_MESSAGES_HELD - 1) * sizeof(persistence->held[0]));
        at = LIMIT_MESSAGES_HELD - 1;
        persistence->held_count--;
    }
    if (at == persistence->held_count) {
        persistence->held_count++;
    }
    persistence->held[at] = (struct raft_held_message){wait_id, *message};
}

void raft_drop_held(struct raft *raft)
{
    raft->persistence.held_count = 0;
}

void raft_persistence_truncate(struct raft *raft, uint64_t index)
{
    struct raft_persistence *persistence = &raft->persistence;
    if (persistence->persisted_index >= index) {
        persistence->persisted_index = index - 1;
    }
    for (uint32_t i = 0; i < persistence->pending_count; i++) {
        struct raft_pending_persist *pending = &persistence->pending[persistence->pending_head + i];
        if (pending->last_index >= index) {
            pending->last_index = index - 1;
        }
    }
    if (persistence->next_index > index) {
        persistence->next_index = index;
        persistence->truncate_from = index;
    }
}

void raft_persistence_reset(struct raft *raft)
{
    struct raft_persistence *persistence = &raft->persistence;
    uint64_t index = raft->log.snapshot_index;
    ASSERT(raft_log_last_index(&raft->log) == index);
    /* What is on its way is of a log that is no more; the snapshot itself is durable. */
    for (uint32_t i = 0; i < persistence->pending_count; i++) {
        persistence->pending[persistence->pending_head + i].last_index = 0;
    }
    persistence->persisted_index = index;
    persistence->next_index = index + 1;
    persistence->truncate_from = 0;
    persistence->reset_index = index;
    persistence->reset_term = raft->log.snapshot_term;
}

static void push_pending(struct raft_persistence *persistence, uint64_t id, uint64_t last_index)
{
    if (persistence->pending_head + persistence->pending_count == persistence->pending_capacity &&
        persistence->pending_head > 0) {
        memmove(persistence->pending, persistence->pending + persistence->pending_head,
                persistence->pending_count * sizeof(*persistence->pending));
        persistence->pending_head = 0;
    }
    persistence->pending =
        raft_grow(persistence->pending, persistence->pending_head + persistence->pending_count,
                  &persistence->pending_capacity, sizeof(*persistence->pending));
    persistence->pending[persistence->pending_head + persistence->pending_count] =
        (struct raft_pending_persist){id, last_index};
    persistence->pending_count++;
}

void raft_persist_collect(struct raft *raft, struct raft_persist *out)
{
    struct raft_persistence *persistence = &raft->persistence;
    memset(out, 0, sizeof(*out));
    bool hard_state_dirty = hard_state_is_dirty(raft);
    if (!hard_state_dirty && !log_is_dirty(raft)) {
        return;
    }
    uint64_t last_index = raft_log_last_index(&raft->log);
    persistence->last_id++;
    out->id = persistence->last_id;
    out->hard_state_changed = hard_state_dirty;
    out->hard_state = raft->hard_state;
    out->reset_index = persistence->reset_index;
    out->reset_term = persistence->reset_term;
    out->truncate_from = persistence->truncate_from;
    out->commit_index = raft->commit_index;
    if (persistence->next_index <= last_index) {
        out->entries = raft_log_at(&raft->log, persistence->next_index);
        out->entries_count = (uint32_t)(last_index + 1 - persistence->next_index);
    }
    if (hard_state_dirty) {
        persistence->hard_state_id = persistence->last_id;
        persistence->hard_state = raft->hard_state;
    }
    persistence->next_index = last_index + 1;
    persistence->truncate_from = 0;
    persistence->reset_index = 0;
    persistence->reset_term = 0;
    push_pending(persistence, persistence->last_id, last_index);
}

static void send_released(struct raft *raft)
{
    struct raft_persistence *persistence = &raft->persistence;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < persistence->held_count; i++) {
        if (persistence->held[i].wait_id <= persistence->completed_id) {
            raft_send(raft, &persistence->held[i].message);
        } else {
            persistence->held[kept++] = persistence->held[i];
        }
    }
    persistence->held_count = kept;
}

void raft_handle_persisted(struct raft *raft, uint64_t id)
{
    struct raft_persistence *persistence = &raft->persistence;
    ASSERT(id <= persistence->last_id);
    if (id <= persistence->completed_id) {
        return;
    }
    bool was_durable = raft_hard_state_is_durable(raft);
    persistence->completed_id = id;
    while (persistence->pending_count > 0 &&
           persistence->pending[persistence->pending_head].id <= id) {
        uint64_t last_index = persistence->pending[persistence->pending_head].last_index;
        if (last_index > persistence->persisted_index) {
            persistence->persisted_index = last_index;
        }
        persistence->pending_head++;
        persistence->pending_count--;
    }
    if (persistence->pending_count == 0) {
        persistence->pending_head = 0;
    }
    send_released(raft);
    switch (raft->role) {
    case RAFT_FOLLOWER:
        raft_send_append_reply(raft);
        break;
    case RAFT_PRE_CANDIDATE:
        break;
    case RAFT_CANDIDATE:
        if (!was_durable && raft_hard_state_is_durable(raft)) {
            raft_count_own_vote(raft);
        }
        break;
    case RAFT_LEADER:
        (void)raft_advance_commit(raft);
        break;
    }
}
