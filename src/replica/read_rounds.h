/* read_rounds.h -- private: reads that wait for a ReadIndex round, all of a turn together.
 *
 * A round is open while reads join it, asked when raft was given it (one at a time: under load the
 * next round gathers meanwhile), and confirmed when raft named the index it may be served at; once
 * that index is applied, everybody in the round is served. A refused round keeps its readers and is
 * asked anew. Rounds complete in order, so "round <= completed" tells whether a read may run.
 */
#ifndef QUORUM_REPLICA_READ_ROUNDS_H
#define QUORUM_REPLICA_READ_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct session;

struct read_round {
    struct list link;
    uint64_t id;            /* from 1, ascending */
    uint64_t first_context; /* what raft was asked with first, and */
    uint64_t context;       /* last; new for every try, never used again */
    uint64_t index;         /* confirmed: serve when applied */
    uint64_t opened_ms;
    uint64_t asked_ms;
    struct session **sessions; /* who has reads in it, referenced, each once */
    uint32_t sessions_count;
    uint32_t sessions_capacity;
};

struct read_rounds {
    uint64_t next_id;
    uint64_t next_context;
    uint64_t completed;       /* rounds up to here may be served */
    uint64_t failed;          /* rounds up to here that did not complete were given up */
    struct read_round *open;  /* NULL when nobody waits */
    struct read_round *asked; /* NULL when raft owes no answer */
    uint64_t ask_again_ms;    /* asked was refused: not before this */
    bool is_refused;
    struct list confirmed; /* in order, waiting for apply */
    struct read_round *spare;
};

/* seed makes contexts differ from those of an earlier start of this node. */
void read_rounds_init(struct read_rounds *rounds, uint64_t seed);
/* Releases the sessions that still wait, and frees everything. */
void read_rounds_deinit(struct read_rounds *rounds);

/* The id of the round that reads join now; opens one if need be. */
uint64_t read_rounds_open(struct read_rounds *rounds, uint64_t now_ms);

/* Adds a session to the open round; the caller has referenced it and adds it once a round. */
void read_rounds_join(struct read_rounds *rounds, struct session *session);

/* The round to ask raft for now, with a fresh context set; NULL when there is nothing to ask. */
struct read_round *read_rounds_ask(struct read_rounds *rounds, uint64_t now_ms);

/* Raft's answer. An unknown context (of an earlier try) is ignored. */
void read_rounds_confirm(struct read_rounds *rounds, uint64_t context, uint64_t index);
void read_rounds_refuse(struct read_rounds *rounds, uint64_t context, uint64_t ask_again_ms);

/* Leadership changed: an unanswered round is asked anew at once. */
void read_rounds_ask_anew(struct read_rounds *rounds);

/* Takes the next confirmed round that may be served at applied_index, NULL when there is none; the
 * caller serves and releases its sessions and then calls read_rounds_recycle. */
struct read_round *read_rounds_take(struct read_rounds *rounds, uint64_t applied_index);

/* Takes the oldest round if it was opened at or before opened_ms, to fail it: also a confirmed one,
 * for a follower that was cut off may never apply its index. */
struct read_round *read_rounds_take_overdue(struct read_rounds *rounds, uint64_t opened_ms);

/* When the oldest round that is not served was opened, or 0 when there is none. */
uint64_t read_rounds_oldest_ms(const struct read_rounds *rounds);

/* When read_rounds_ask has something to ask again, or UINT64_MAX. */
uint64_t read_rounds_deadline_ms(const struct read_rounds *rounds);

void read_rounds_recycle(struct read_rounds *rounds, struct read_round *round);

#endif
