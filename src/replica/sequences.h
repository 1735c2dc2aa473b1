/* sequences.h -- private: the last sequence applied of each origin; what makes resends harmless.
 *
 * Part of the replicated state: the same on every node at the same applied index, and to be carried
 * by snapshots. Only members of the applied configuration have a row, so the table is bounded.
 */
#ifndef QUORUM_REPLICA_SEQUENCES_H
#define QUORUM_REPLICA_SEQUENCES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "raft/raft.h"

struct sequence_row {
    uint64_t origin;
    uint64_t incarnation;
    uint64_t sequence;
};

struct sequences {
    /* The greatest incarnation that a member removed since had: whoever is added counts on from
     * above it, so that nothing sent before a removal is ever taken after it (M12). */
    uint64_t incarnation_floor;
    uint32_t count;
    struct sequence_row rows[LIMIT_MEMBERS]; /* ascending origin */
};

/* Gives every member a row and drops those of others: when a configuration entry is applied. A new
 * row takes no incarnation up to the floor. */
void sequences_set_members(struct sequences *sequences,
                           const struct raft_configuration *configuration);

enum sequence_verdict {
    SEQUENCE_NEXT,     /* apply it; the row has moved on */
    SEQUENCE_REPEAT,   /* applied before, or of an earlier start of its node: pass over */
    SEQUENCE_GAP,      /* one before it is missing: pass over, its origin sends it again */
    SEQUENCE_STRANGER, /* not of a member: pass over */
};

/* The least incarnation with which an origin's batches are still taken, if that is not the present
 * one: an origin that finds its own to be over goes on with another (origin.c). */
uint64_t sequences_usable_incarnation(const struct sequences *sequences, uint64_t origin,
                                      uint64_t incarnation);

/* Judges a batch and, when it is the next one, records it. */
enum sequence_verdict sequences_take(struct sequences *sequences, uint64_t origin,
                                     uint64_t incarnation, uint64_t sequence);

/* Moves every row up to at least what the other table has; rows the other one lacks are dropped. */
void sequences_raise(struct sequences *sequences, const struct sequences *other);

#endif
