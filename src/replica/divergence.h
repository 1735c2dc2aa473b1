/* divergence.h -- private: nodes whose states have come apart notice it while they run.
 *
 * DESIGN. The leader appends a check entry every so often when something was applied since the one
 * before. At each, every node notes its own state hash and reports it to the leader; the next check
 * entry carries what the leader heard, so every node compares its own hash of then with the same
 * rows, at the same index. When a strict majority of the voters has one hash and this node another,
 * this node's state is wrong: it stops answering, and the process is started anew without a state.
 * Without such a majority nobody can tell who is right: that is logged, and the cluster goes on.
 *
 * Comparing changes nothing that is replicated: apply stays the same on every node.
 */
#ifndef QUORUM_REPLICA_DIVERGENCE_H
#define QUORUM_REPLICA_DIVERGENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/entry_payload.h"
#include "wire/peer_message.h"

struct replica;

struct divergence {
    uint64_t check_index;       /* of the last check entry applied here; 0: none since the start */
    uint64_t check_hash;        /* this node's state right behind it */
    struct entry_check reports; /* of members, at the newest check entry that one reported */
    uint64_t changes;           /* entries applied since the last check entry */
    uint64_t changed_ms;        /* when the first of them was */
    uint64_t proposed_index;    /* the check entry that this leader appended last */
    uint64_t proposed_term;
    bool has_diverged;
};

/* A COMMAND entry that is no check was applied. */
void divergence_note_change(struct replica *replica);

/* The check entry at index was applied: compares, notes and reports. */
void divergence_check(struct replica *replica, uint64_t index, const struct entry_check *check);

/* PEER_MESSAGE_STATE_HASH. */
void divergence_reported(struct replica *replica, uint64_t from,
                         const struct peer_state_hash *report);

/* Whether a leader has to append a check entry now, and when next; UINT64_MAX: no need. */
bool divergence_is_due(const struct replica *replica);
uint64_t divergence_deadline_ms(const struct replica *replica);

/* What the next check entry carries. */
void divergence_fill(const struct replica *replica, struct entry_check *out);
/* It was appended at index. */
void divergence_proposed(struct replica *replica, uint64_t index);

#endif
