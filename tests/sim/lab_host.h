/* lab_host.h -- what a replica in the lab asks of the program around it. */
#ifndef QUORUM_TESTS_SIM_LAB_HOST_H
#define QUORUM_TESTS_SIM_LAB_HOST_H

#include "replica/host.h"
#include "sim/lab.h"

/* The node is the context and must outlive the replica. */
void lab_host_init(struct replica_host *host, struct lab_node *node);

/* The node's wall clock. */
int64_t lab_host_wall_ms(const struct lab_node *node);

#endif
