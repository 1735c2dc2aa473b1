/* blocked_keys.c -- the queues of waiting clients by key: see blocked_keys.h. */
#include "replica/blocked_keys.h"

#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"

enum { BUCKETS_MIN = 64 };

static uint64_t hash_of(const struct blocked_keys *keys, uint32_t database, struct slice name)
{
    return hash_bytes(keys->hash_seed + database, name);
}

static struct blocked_key **bucket_of(const struct blocked_keys *keys, uint64_t hash)
{
    return &keys->buckets[hash & (keys->buckets_count - 1)];
}

static struct blocked_key *find(const struct blocked_keys *keys, uint64_t hash, uint32_t database,
                                struct slice name)
{
    struct blocked_key *key = keys->count == 0 ? NULL : *bucket_of(keys, hash);
    while (key != NULL &&
           (key->hash != hash || key->database != database || !slice_equals(key->name, name))) {
        key = key->next;
    }
    return key;
}

static void grow(struct blocked_keys *keys)
{
    struct blocked_keys grown = *keys;
    grown.buckets_count = keys->buckets_count == 0 ? BUCKETS_MIN : keys->buckets_count * 2;
    grown.buckets = mem_alloc_zeroed(grown.buckets_count, sizeof(struct blocked_key *));
    for (uint32_t i = 0; i < keys->buckets_count; i++) {
        struct blocked_key *key = keys->buckets[i];
        while (key != NULL) {
            struct blocked_key *next = key->next;
            struct blocked_key **bucket = bucket_of(&grown, key->hash);
            key->next = *bucket;
            *bucket = key;
            key = next;
        }
    }
    mem_free(keys->buckets);
    *keys = grown;
}

void blocked_keys_deinit(struct blocked_keys *keys)
{
    for (uint32_t i = 0; i < keys->buckets_count; i++) {
        while (keys->buckets[i] != NULL) {
            struct blocked_key *key = keys->buckets[i];
            keys->buckets[i] = key->next;
            mem_free(key);
        }
    }
    mem_free(keys->buckets);
    keys->buckets = NULL;
    keys->buckets_count = 0;
    keys->count = 0;
}

struct blocked_key *blocked_keys_find(const struct blocked_keys *keys, uint32_t database,
                                      struct slice name)
{
    return keys->count == 0 ? NULL : find(keys, hash_of(keys, database, name), database, name);
}

struct blocked_key *blocked_keys_add(struct blocked_keys *keys, uint32_t database,
                                     struct slice name)
{
    uint64_t hash = hash_of(keys, database, name);
    struct blocked_key *key = find(keys, hash, database, name);
    if (key != NULL) {
        return key;
    }
    if (keys->count == keys->buckets_count) {
        grow(keys);
    }
    key = mem_alloc_zeroed(1, sizeof(*key) + name.size);
    key->hash = hash;
    key->database = database;
    key->name = slice_of(key + 1, name.size);
    if (name.size > 0) {
        memcpy(key + 1, name.bytes, name.size);
    }
    list_init(&key->places);
    list_init(&key->ready_link);
    struct blocked_key **bucket = bucket_of(keys, hash);
    key->next = *bucket;
    *bucket = key;
    keys->count++;
    return key;
}

void blocked_keys_settle(struct blocked_keys *keys, struct blocked_key *key)
{
    if (key->tries > 0 || !list_is_empty(&key->places) || !list_is_empty(&key->ready_link)) {
        return;
    }
    struct blocked_key **at = bucket_of(keys, key->hash);
    while (*at != key) {
        at = &(*at)->next;
    }
    *at = key->next;
    keys->count--;
    mem_free(key);
}
