/* snapshot_lab.h -- what the tests of snapshots do over and over with a lab. */
#ifndef QUORUM_TESTS_UNIT_REPLICA_SNAPSHOT_LAB_H
#define QUORUM_TESTS_UNIT_REPLICA_SNAPSHOT_LAB_H

#include "sim/lab_client.h"

/* Opens a cluster that saves after so many entries and keeps few of them, with a leader. */
struct lab_node *snapshot_lab_open(struct lab *lab, uint32_t nodes_count, uint64_t seed,
                                   uint64_t log_entries);
/* Checks that the lab found nothing wrong, and closes it. */
void snapshot_lab_close(struct lab *lab);
/* The same with a client of the leader; it saves after 50 entries. */
struct lab_node *snapshot_lab_open_with(struct lab *lab, struct lab_client *client,
                                        uint32_t nodes_count, uint64_t seed);
void snapshot_lab_close_with(struct lab *lab, struct lab_client *client);

/* Writes keys number first to last, 100 bytes each, one after the other. */
void snapshot_lab_write(struct lab_client *client, uint32_t first, uint32_t last);

/* The hash of a node's whole contents. */
uint64_t snapshot_lab_digest(struct lab_node *node);

struct replica_status snapshot_lab_status(struct lab_node *node);

/* Runs until all live nodes hold the same and have applied the same; at most max_ms. */
bool snapshot_lab_converge(struct lab *lab, uint64_t max_ms);

/* Cuts a follower off and writes so much that it cannot go on from the log. */
struct lab_node *snapshot_lab_leave_behind(struct lab *lab, struct lab_client *client);

/* Starts a node that crashed; the others notice that their connections to it broke. */
void snapshot_lab_start(struct lab_node *node);
void snapshot_lab_restart(struct lab_node *node);

/* Asks on a connection of its own and returns the reply, until the next call. */
const char *snapshot_lab_ask(struct lab_node *node, const char *words, uint64_t ms);

#endif
