/* dict.h -- the hash table of one database: key -> item, growing and shrinking in small steps.
 *
 * Private to kv. Buckets are chains of items. While a resize is under way there are two tables;
 * a key then lies in the new one exactly if its bucket of the old one was moved already, so a
 * lookup reads one chain. Insertions and removals move a few buckets each, dict_step more.
 *
 * A link is the pointer that points at an item: it stays valid until the next insertion, removal
 * or step.
 */
#ifndef QUORUM_KV_DICT_H
#define QUORUM_KV_DICT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "base/slice.h"
#include "kv/garbage.h"
#include "kv/item.h"

struct dict_table {
    struct item **buckets; /* NULL while there is none */
    uint64_t mask;         /* buckets - 1 */
};

struct dict {
    struct dict_table tables[2]; /* old or only one, new one */
    uint64_t moved;              /* buckets of the old table that are moved, while resizing */
    uint64_t count;
    uint64_t hash_seed;
    struct garbage *garbage; /* borrowed: takes over outgrown tables */
};

void dict_init(struct dict *dict, uint64_t hash_seed, struct garbage *garbage);

/* Hands all items and tables to the garbage; the dict is empty and usable again. */
void dict_clear(struct dict *dict);

uint64_t dict_hash(const struct dict *dict, struct slice key);

/* Returns the link to the key's item, or NULL. */
struct item **dict_find(struct dict *dict, struct slice key, uint64_t hash);

/* Fetches into the cache what dict_find reads one after the other: the hash's bucket; the first
 * item in it; the second one, if the first is another key's. Each looks at what the one before
 * fetched. */
void dict_prefetch_bucket(const struct dict *dict, uint64_t hash);
void dict_prefetch_first(const struct dict *dict, uint64_t hash);
void dict_prefetch_second(const struct dict *dict, uint64_t hash);

/* Takes over an item whose key is not there yet; sets its tag. */
void dict_insert(struct dict *dict, struct item *item, uint64_t hash);

/* Takes the item at link out and returns it. */
struct item *dict_remove(struct dict *dict, struct item **link);

/* Puts an item with the same key in the place of the one at link, and returns the old one. */
struct item *dict_replace(struct item **link, struct item *item);

static inline bool dict_is_resizing(const struct dict *dict)
{
    return dict->tables[1].buckets != NULL;
}

/* Moves up to buckets_max buckets of a resize under way. */
void dict_step(struct dict *dict, uint32_t buckets_max);

/* Bytes of the bucket arrays. */
uint64_t dict_memory(const struct dict *dict);

typedef void dict_visitor(struct item *item, void *context);

/*
 * Visits one bucket and returns the cursor of the next; start with 0, 0 means done.
 *
 * Every item present from the first call to the last is visited at least once, even if the table
 * is resized between the calls or they go to another node with the same hash seed: the cursor
 * counts over the low bits of the hash with the most significant bit first, so what it has behind
 * it stays behind it when buckets split or merge. (The idea is Redis's dictScan.)
 */
uint64_t dict_scan(const struct dict *dict, uint64_t cursor, dict_visitor *visit, void *context);

/* Fetches into the cache what the next DICT_PREFETCH_BUCKETS calls of dict_scan will read. */
#define DICT_PREFETCH_BUCKETS 16
void dict_scan_prefetch(const struct dict *dict, uint64_t cursor);

/* Whether a scan that goes on at cursor has all keys of this hash behind it, in whatever steps it
 * came there and whatever the table's size was and is. */
bool dict_scan_is_past(uint64_t cursor, uint64_t hash);

/* Visits everything; the visitor must not change the dict. */
void dict_for_each(const struct dict *dict, dict_visitor *visit, void *context);

/* Picks an item by chance, or NULL when there is none: a random bucket, then one of its chain. */
struct item *dict_random(const struct dict *dict, struct prng *prng);

#endif
