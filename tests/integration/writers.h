/* writers.h -- clients that write and read on all nodes at once, and notice every lie.
 *
 * Each of the 8 writers has a counter of its own, so it knows what every INCR must answer and what
 * every read of it must find, through whichever node. It sets keys that nobody else sets, and
 * counts up a counter that all share. Readers read the shared one: never less than anyone has seen
 * before.
 *
 * A connection may only break when its node was announced to go down. The outcome of the command
 * that was under way is then unknown; it is settled by reading. An error reply is never right.
 *
 * Nodes may join and leave: a writer whose node left goes on at another.
 */
#ifndef QUORUM_TESTS_INTEGRATION_WRITERS_H
#define QUORUM_TESTS_INTEGRATION_WRITERS_H

#include "lib/cluster.h"

struct writers;

/* Starts the threads. The cluster must have all its members running. */
struct writers *writers_start(struct cluster *cluster);

/* Announces that connections to a node may break from now on. */
void writers_expect_loss(struct writers *writers, uint32_t node);

/* Announces that it is back: who connects now is not to be disappointed. */
void writers_expect_service(struct writers *writers, uint32_t node);

/* Announces that clients may use a node that is new. */
void writers_expect_new(struct writers *writers, uint32_t node);

/* Moves everybody off a node for good, and waits until nobody uses it; it is to be removed. */
void writers_leave(struct writers *writers, uint32_t node);

/* The longest time without any acknowledgement since the last call of this, in ms. */
uint64_t writers_take_longest_gap(struct writers *writers);

/* Waits until a write that was begun after this call has been acknowledged; returns when it was. */
uint64_t writers_wait_acknowledged(struct writers *writers);

/* Lets every writer come round so many times. */
void writers_wait_rounds(struct writers *writers, uint64_t rounds);

/* Stops the threads, checks through every member that runs that all that was acknowledged is there,
 * exactly once, and frees. Returns the number of acknowledged writes. */
uint64_t writers_finish(struct writers *writers);

#endif
