/* loop.h -- what everything on the event loop shares: the base, the time of this turn, the replica.
 *
 * A turn begins with the first callback after the loop slept (loop_wake, the first line of every
 * libevent callback of ours) and ends when the loop has run all ready callbacks.
 */
#ifndef QUORUM_NET_LOOP_H
#define QUORUM_NET_LOOP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "replica/replica.h"

struct loop {
    struct event_base *base;
    struct replica *replica;
    uint64_t woken_us; /* monotonic, of this turn's begin */
    uint64_t now_ms;   /* the same */
    int64_t wall_ms;   /* Unix milliseconds, as of this turn's begin */
    bool is_awake;     /* between loop_wake and the end of the turn */
    bool is_stopping;  /* an orderly stop has begun */
};

/* Reads the clocks and begins the replica's turn, once a turn. */
void loop_wake(struct loop *loop);

/* The end of a turn; the next loop_wake begins another. */
void loop_sleep(struct loop *loop);

/* Monotonic microseconds, read now. */
uint64_t loop_monotonic_us(void);

/* Unix microseconds, read now. */
int64_t loop_wall_us(void);

#endif
