/* hash_table.h -- hashes: fields with values, in a dense order. See container.h for how one is
 * reached and changed.
 */
#ifndef QUORUM_KV_HASH_TABLE_H
#define QUORUM_KV_HASH_TABLE_H

#include "kv/container.h"
#include "kv/dense_table.h"

/* Up to so many fields of at most so many bytes each, Redis reports a listpack
 * (hash-max-listpack-entries, hash-max-listpack-value). */
#define HASH_TABLE_LISTPACK_ENTRIES_MAX 512
#define HASH_TABLE_LISTPACK_BYTES_MAX 64

struct hash_table {
    struct container container;
    struct dense_table table;
};

static inline struct hash_table *hash_table_of(struct container *container)
{
    return (struct hash_table *)(void *)container;
}

static inline const struct hash_table *hash_table_of_const(const struct container *container)
{
    return (const struct hash_table *)(const void *)container;
}

/* Sets a field; returns whether it was new. The value must not lie in this hash. */
bool hash_table_set(struct hash_table *hash, struct slice field, struct slice value);

/* Removes a field; returns whether it was there. */
bool hash_table_remove(struct hash_table *hash, struct slice field);

/* Finds a field's value: borrowed until the next change. */
bool hash_table_get(const struct hash_table *hash, struct slice field, struct slice *out);

/* The entry at a position below the count: dense_entry_member is the field. */
const struct dense_entry *hash_table_at(const struct hash_table *hash, uint32_t position);

extern const struct container_operations hash_table_operations;

#endif
