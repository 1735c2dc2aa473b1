/* batch.h -- private: the writes of this node's own clients, gathered and awaiting their turn in
 * the log.
 *
 * DESIGN. A batch is open while it gathers, queued when it is full but unsent, sent once a leader
 * (maybe ourselves) was given it, and gone when its entry is applied here. Its sequence is given
 * at the first sending and kept through every resend; apply takes sequences strictly in order, so
 * a batch runs exactly once however often it was sent. A batch that was never sent can be dropped
 * without a trace ("provably not done"); one that was sent stays until it is applied, even when
 * its clients were told that its outcome is unknown, because its successors need its place.
 */
#ifndef QUORUM_REPLICA_BATCH_H
#define QUORUM_REPLICA_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"

struct session;

struct batch {
    struct list link;
    uint64_t sequence;   /* 0 before the first sending */
    uint64_t generation; /* counts batches opened on this node */
    uint64_t opened_ms;  /* when its first command came */
    struct buf commands; /* as batch_put_command */
    uint32_t commands_count;
    struct session **sessions; /* who waits for each command, referenced; NULL: nobody any more */
    uint32_t sessions_capacity;
    bool is_given_up; /* its clients were told that the outcome is unknown */
    bool is_owed;     /* holds a command of the node's own, which is never dropped */
};

/* Lists in order: sent (ascending sequence), queued, and the open one. */
struct batches {
    uint64_t next_sequence;
    uint64_t generation_sent; /* generation of the newest batch that was sent */
    uint64_t generations;
    uint64_t now_ms; /* of this turn, set by the owner */
    uint64_t bytes;  /* of all commands held */
    struct list sent;
    uint32_t sent_count;
    struct list queued;
    struct batch *open;  /* NULL when nothing gathered */
    struct batch *spare; /* kept for the next one */
};

void batches_init(struct batches *batches);
/* Releases the sessions that still wait, and frees everything. */
void batches_deinit(struct batches *batches);

/* Adds a command of session to the open batch; the session is referenced until it is answered.
 * Returns the generation of the batch it went into. */
uint64_t batches_add(struct batches *batches, struct session *session, uint32_t database,
                     const struct slice *arguments, uint32_t arguments_count);

/* Adds a command that no client waits for, and that is not dropped however late it is. */
void batches_add_owed(struct batches *batches, uint32_t database, const struct slice *arguments,
                      uint32_t arguments_count);

/* Queues the open batch, if there is one, behind the others. */
void batches_close_open(struct batches *batches);

/* The first unsent batch, or NULL; an open one is closed by this. */
struct batch *batches_first_unsent(struct batches *batches);

/* The same without closing it. */
const struct batch *batches_peek_unsent(const struct batches *batches);

/* The batch behind one in the queued list, or NULL. */
struct batch *batches_next_unsent(const struct batches *batches, const struct batch *batch);

/* Moves the first unsent batch to the sent ones and gives it the next sequence. */
void batches_mark_sent(struct batches *batches, struct batch *batch);

/* The first sent batch, or NULL. */
struct batch *batches_first_sent(const struct batches *batches);

/* The batch behind one in the sent list, or NULL. */
struct batch *batches_next_sent(const struct batches *batches, const struct batch *batch);

/* Takes a batch off its list and frees it; every session in it must be NULL by now. */
void batches_remove(struct batches *batches, struct batch *batch);

/* Sent batches are to be sent anew from sequence 1, in order; those given up are dropped, if
 * nothing is owed by them. Only when it is certain that none of them will be applied as it was
 * sent. */
void batches_renumber(struct batches *batches);

/* Whether batches of unknown outcome are held, so that room may be long in coming. */
bool batches_are_stuck(const struct batches *batches);

/* Whether a batch of that generation has been sent to anyone. */
static inline bool batches_is_sent(const struct batches *batches, uint64_t generation)
{
    return generation <= batches->generation_sent;
}

#endif
