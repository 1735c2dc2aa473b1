/* blocked.h -- private: the clients of this node that wait in BLPOP and its kin.
 *
 * DESIGN. A blocking command is tried first, as any write, through the log. If it pops nothing, its
 * client is parked on this node, in a queue for each of its keys. When an applied entry puts
 * elements at a key, this node proposes another try for the first in the queue, that pops from this
 * key alone; as many at once as there are elements. A try is an ordinary entry, so what it pops is
 * popped once, in the log's order; if another node's client was faster, it pops nothing, and the
 * client waits on in its place.
 *
 *     executor_execute: blocked_begin      apply: blocked_stays        blocked_turn
 *     -> TRYING --------------------------> PARKED <-----------------> TRYING_AGAIN
 *                 |                          |       blocked_stays         |
 *                 v popped, or an error      v time, UNBLOCK               v popped
 *               answered <-------------------+-----------------------------+
 *
 * Nobody is answered while a try of his is under way: it may pop. A client that goes while it is
 * parked leaves no trace; for one that goes while a try is under way, see blocked_give_back. A
 * change of leader is no event here: tries are sent again like all writes. The time to wait counts
 * on this node's clock from when the command was taken.
 */
#ifndef QUORUM_REPLICA_BLOCKED_H
#define QUORUM_REPLICA_BLOCKED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "command/command_events.h"
#include "replica/blocked_keys.h"

struct replica;
struct session;
struct blocked_client;

/* Zeroed memory, then blocked_init. */
struct blocked {
    struct blocked_keys keys;
    struct list ready;              /* keys to be looked at */
    struct blocked_client **timers; /* a heap: the earliest deadline first */
    uint32_t timers_count;
    uint32_t timers_capacity;
    uint32_t tries;         /* under way */
    uint64_t stir_index;    /* the entry that set them off */
    uint64_t stir_ms;       /* and when it was applied */
    struct list held;       /* sessions whose reads wait for their end */
    uint32_t clients_count; /* parked ones, those with a try under way included */
    uint64_t bytes;         /* of the arguments held */
};

void blocked_init(struct blocked *blocked, uint64_t hash_seed);
void blocked_deinit(struct blocked *blocked);

/* Whether there is room to hold the arguments of one more: LIMIT_BLOCKED_BYTES. */
bool blocked_has_room(const struct blocked *blocked, const struct slice *arguments,
                      uint32_t arguments_count);

/* A session's blocking command is about to go into a batch, as its last request. */
void blocked_begin(struct session *session, const struct command *command,
                   const struct slice *arguments, uint32_t arguments_count);

/* Before its first try goes into the batch: this node's client that has waited longest for one of
 * its keys tries first, for what was pushed there may only not be known here yet. One try, not one
 * for each who waits: where several elements are not known yet, the newcomer may overtake the
 * second in the queue. */
void blocked_let_go_first(struct session *session);

/*
 * A try for a session was applied, and ended with miss. True: its reply was void and is gone from
 * the session's output, back to the size before it, for the client waits on, or was answered here
 * instead. False: the reply stands, and the client is not blocked any more.
 */
bool blocked_stays(struct session *session, enum command_miss miss, size_t before);

/* A try for a session that is parked was not sent in time, and dropped: it is to be repeated.
 * False: it was the first one, whose client is to be told. */
bool blocked_try_dropped(struct session *session);

/* The session is closed, or its command was answered with an error: forgets what it waited for. No
 * effect on one that is not blocked. */
void blocked_leave(struct session *session);

/* Whether the client waits for an element, not only for the first try. */
bool blocked_is_parked(const struct session *session);

/* CLIENT UNBLOCK: the client is answered as after its time, or with an error. False: it is not
 * parked. */
bool blocked_unblock(struct session *session, bool is_error);

/* Takes what handlers told of keys with new elements (notify.h). */
void blocked_hear(struct replica *replica);

/* Another state took the place of this node's: every key may have elements. */
void blocked_look_everywhere(struct replica *replica);

/* What a command popped, which is being applied, goes back: its client, of this node, is gone or
 * was told that the outcome is unknown. reply is what it would have got, in RESP2. See
 * blocked_return.c. */
void blocked_give_back(struct replica *replica, const struct command *command, struct slice reply);

/* Answers those whose time is over and proposes tries, a bounded number; true while there are more
 * to be proposed at once. */
bool blocked_turn(struct replica *replica);
/* When the next one's time is over, or UINT64_MAX. */
uint64_t blocked_deadline_ms(const struct replica *replica);

/* ---- Reads behind tries: blocked_reads.c ---- */

/* The entry being applied put elements where somebody waits. */
void blocked_note_stir(struct replica *replica);

/* Whether the read at the head of a session's queue, which could be answered, is to wait. */
bool blocked_holds_read(struct session *session);

/* Answers the reads that have waited long enough. */
void blocked_release_reads(struct replica *replica);
/* When the next ones have, or UINT64_MAX. */
uint64_t blocked_release_ms(const struct replica *replica);

#endif
