/* state_hash.c -- mixing mutations into the chain: see state_hash.h. */
#include "kv/state_hash.h"

#include "base/hash.h"

/* Fixed for ever: nodes of different versions compare their chains. */
#define SEED_KEY 0x6b65792d73656564u
#define SEED_BYTES 0x62797465732d7364u

uint64_t state_hash_mix(uint64_t chain, const struct mutation *mutation)
{
    chain = hash_mix(chain, ((uint64_t)mutation->kind << 32) | mutation->database);
    chain = hash_mix(chain, hash_bytes(SEED_KEY, mutation->key));
    chain = hash_mix(chain, hash_bytes(SEED_BYTES, mutation->bytes));
    chain = hash_mix(chain, (uint64_t)mutation->number);
    return hash_mix(chain, (uint64_t)mutation->expiry_ms);
}

uint64_t state_hash_of_key(uint32_t database, struct slice key, const struct value *value,
                           int64_t expiry_ms)
{
    struct mutation mutation = {.kind = MUTATION_SET,
                                .database = database,
                                .key = key,
                                .bytes = value->string,
                                .number = value->integer,
                                .expiry_ms = expiry_ms};
    uint64_t kind = ((uint64_t)value->type << 8) | (uint64_t)value->encoding;
    return state_hash_mix(kind, &mutation);
}
