/* outbox.h -- private: what the raft steps of one turn want sent and persisted, kept until the end
 * of the turn.
 *
 * raft_step's answers borrow from the core until its next step, and a turn has many steps: entries
 * are copied here (the payload bytes are not, only counted) and given back at the next turn.
 */
#ifndef QUORUM_REPLICA_OUTBOX_H
#define QUORUM_REPLICA_OUTBOX_H

#include <stdint.h>

#include "raft/raft.h"
#include "wire/peer_message.h"

struct outbox {
    struct peer_message *messages;
    uint32_t messages_count;
    uint32_t messages_capacity;
    struct raft_persist *persists;
    uint32_t persists_count;
    uint32_t persists_capacity;
    struct raft_entry **entries; /* arrays that messages and persists point into */
    uint32_t *entries_counts;
    uint32_t entries_arrays;
    uint32_t entries_arrays_capacity;
};

void outbox_deinit(struct outbox *outbox);

/* Forgets everything and gives the entries' payloads back. */
void outbox_clear(struct outbox *outbox);

/* Adds what one raft_step wants persisted and sent. */
void outbox_take_raft(struct outbox *outbox, const struct raft_ready *ready);

/* Adds a message; its slices must stay valid until the next turn. */
void outbox_add_message(struct outbox *outbox, const struct peer_message *message);

#endif
