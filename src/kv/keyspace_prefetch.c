/* keyspace_prefetch.c -- see keyspace_prefetch.h. */
#include "kv/keyspace_prefetch.h"

#include "kv/keyspace_internal.h"

/* Hashing longer keys twice costs more than waiting for memory once. */
enum { KEY_BYTES_MAX = 128 };

void keyspace_prefetch_add(struct keyspace_prefetch *prefetch, const struct keyspace *keyspace,
                           uint32_t database, struct slice key)
{
    if (prefetch->count == KEYSPACE_PREFETCH_MAX || database >= LIMIT_DATABASES ||
        key.size > KEY_BYTES_MAX) {
        return;
    }
    const struct dict *dict = &keyspace->databases[database].dict;
    uint64_t hash = dict_hash(dict, key);
    dict_prefetch_bucket(dict, hash);
    prefetch->databases[prefetch->count] = database;
    prefetch->hashes[prefetch->count] = hash;
    prefetch->count++;
}

void keyspace_prefetch_items(const struct keyspace_prefetch *prefetch,
                             const struct keyspace *keyspace)
{
    for (uint32_t i = 0; i < prefetch->count; i++) {
        dict_prefetch_first(&keyspace->databases[prefetch->databases[i]].dict, prefetch->hashes[i]);
    }
    for (uint32_t i = 0; i < prefetch->count; i++) {
        dict_prefetch_second(&keyspace->databases[prefetch->databases[i]].dict,
                             prefetch->hashes[i]);
    }
}
