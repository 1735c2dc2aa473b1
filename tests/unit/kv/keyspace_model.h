/* keyspace_model.h -- a keyspace so plain that it is certainly right, to compare the real one with.
 */
#ifndef QUORUM_TESTS_KEYSPACE_MODEL_H
#define QUORUM_TESTS_KEYSPACE_MODEL_H

#include "base/prng.h"
#include "kv/keyspace.h"
#include "kv/value.h"

enum { MODEL_KEYS = 60, MODEL_DATABASES = 3, MODEL_VALUE_BYTES_MAX = 100000 };

struct model_cell {
    bool exists;
    uint8_t *bytes; /* of the value's text; mem_alloc */
    size_t size;
    enum value_encoding encoding;
    int64_t expiry_ms;
};

struct model {
    struct model_cell cells[MODEL_DATABASES][MODEL_KEYS];
    int64_t clock_ms;
};

/* The key of a number: from none to 300 bytes long. */
struct slice model_key(uint32_t number);

/* Frees what the cells own. */
void model_deinit(struct model *model);

/* Makes one random change in both; model may be NULL. The same prng gives the same change. */
void model_step(struct model *model, struct keyspace *keyspace, struct prng *prng);

/* Counts the cells in which the keyspace differs. */
uint32_t model_count_differences(struct model *model, struct keyspace *keyspace);

#endif
