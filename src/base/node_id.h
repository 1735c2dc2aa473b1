/* node_id.h -- the number of a node from its name: people name nodes, the log and peers number
 * them. */
#ifndef QUORUM_BASE_NODE_ID_H
#define QUORUM_BASE_NODE_ID_H

#include <stdint.h>

/* The id of the node of that name: never 0, the same on every node and for ever. */
uint64_t node_id_of_name(const char *name);

#endif
