/* lab_bounds.h -- what a node holds in memory has limits (base/limits.h): checked after every turn,
 * and what takes a walk to count, now and then.
 */
#ifndef QUORUM_TESTS_SIM_LAB_BOUNDS_H
#define QUORUM_TESTS_SIM_LAB_BOUNDS_H

struct lab_node;
struct replica_ready;

/* After every turn: messages, orders, units, batches, what followers forwarded, appends in flight,
 * reads, changes of members. */
void lab_check_bounds(struct lab_node *node, const struct replica_ready *ready);

/* The log in memory up to the last snapshot, as the node's options allow it; the bytes that are not
 * committed, as the leader counts them; the requests of each session. */
void lab_check_memory(struct lab_node *node);

#endif
