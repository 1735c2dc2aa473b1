/* load.h -- many keys with values that can be told from each other, written and checked in bulk.
 */
#ifndef QUORUM_TESTS_INTEGRATION_LOAD_H
#define QUORUM_TESTS_INTEGRATION_LOAD_H

#include <stdint.h>

#include "lib/cluster.h"

struct load {
    const char *prefix;  /* of the keys */
    uint32_t generation; /* shows in the values */
    uint32_t keys_count;
    uint32_t value_bytes; /* at least; 32 or more */
};

/* Sets all keys through one node, pipelined; every one must be answered OK. */
void load_write(struct cluster *cluster, uint32_t node, const struct load *load);

/* Checks all values through one node. */
void load_check(struct cluster *cluster, uint32_t node, const struct load *load);

#endif
