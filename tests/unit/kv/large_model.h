/* large_model.h -- random changes of a few keys that hold many elements. */
#ifndef QUORUM_UNIT_KV_LARGE_MODEL_H
#define QUORUM_UNIT_KV_LARGE_MODEL_H

#include "base/prng.h"
#include "kv/keyspace.h"

/* Changes one of the keys: elements come, go and change, some or many at once; or the key goes, or
 * moves, or gets an expiry. */
void large_step(struct keyspace *keyspace, struct prng *prng);

/* How many of the keys are large, as container_parts.h means it. */
uint32_t large_count(struct keyspace *keyspace);

#endif
