/* dict.c -- the hash table: see dict.h. */
#include "kv/dict.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"

enum {
    BUCKETS_MIN = 16,
    /* Shrinks to a quarter below one item in eight buckets: at most half full afterwards. A step
     * of a scan then visits at most four buckets of the larger table. */
    SHRINK_BELOW = 8,
    SHRINK_FACTOR = 4,
    /* Two buckets a change: a doubled table is moved long before it is full itself. */
    BUCKETS_PER_CHANGE = 2,
    EMPTY_BUCKETS_PER_STEP = 16,
    RANDOM_TRIES = 64,
    PREFETCH_LINE_BYTES = 64,
};

void dict_init(struct dict *dict, uint64_t hash_seed, struct garbage *garbage)
{
    *dict = (struct dict){.hash_seed = hash_seed, .garbage = garbage};
}

static uint64_t buckets_count(const struct dict_table *table)
{
    return table->buckets == NULL ? 0 : table->mask + 1;
}

void dict_clear(struct dict *dict)
{
    for (int i = 0; i < 2; i++) {
        if (dict->tables[i].buckets != NULL) {
            garbage_add_table(dict->garbage, dict->tables[i].buckets,
                              buckets_count(&dict->tables[i]));
        }
    }
    dict_init(dict, dict->hash_seed, dict->garbage);
}

uint64_t dict_hash(const struct dict *dict, struct slice key)
{
    return hash_bytes(dict->hash_seed, key);
}

static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(hash >> 56);
}

/* The bucket where a key with this hash lies or belongs now. */
static struct item **bucket_of(const struct dict *dict, uint64_t hash)
{
    const struct dict_table *old = &dict->tables[0];
    uint64_t bucket = hash & old->mask;
    if (dict_is_resizing(dict) && bucket < dict->moved) {
        return &dict->tables[1].buckets[hash & dict->tables[1].mask];
    }
    return &old->buckets[bucket];
}

struct item **dict_find(struct dict *dict, struct slice key, uint64_t hash)
{
    if (dict->count == 0) {
        return NULL;
    }
    uint8_t tag = tag_of(hash);
    struct item **link = bucket_of(dict, hash);
    for (; *link != NULL; link = &(*link)->next) {
        if ((*link)->tag == tag && slice_equals(item_key(*link), key)) {
            return link;
        }
    }
    return NULL;
}

void dict_prefetch_bucket(const struct dict *dict, uint64_t hash)
{
    if (dict->count > 0) {
        __builtin_prefetch(bucket_of(dict, hash));
    }
}

/* A small item lies on two lines of the cache: the header and the key, and the value. */
static void prefetch_item(const struct item *item)
{
    if (item != NULL) {
        __builtin_prefetch(item);
        __builtin_prefetch((const uint8_t *)item + PREFETCH_LINE_BYTES);
    }
}

void dict_prefetch_first(const struct dict *dict, uint64_t hash)
{
    if (dict->count > 0) {
        prefetch_item(*bucket_of(dict, hash));
    }
}

void dict_prefetch_second(const struct dict *dict, uint64_t hash)
{
    const struct item *first = dict->count == 0 ? NULL : *bucket_of(dict, hash);
    if (first != NULL && first->tag != tag_of(hash)) {
        prefetch_item(first->next);
    }
}

static struct dict_table table_create(uint64_t count)
{
    return (struct dict_table){mem_alloc_zeroed(count, sizeof(struct item *)), count - 1};
}

static void resize_if_needed(struct dict *dict)
{
    if (dict_is_resizing(dict)) {
        return;
    }
    uint64_t buckets = buckets_count(&dict->tables[0]);
    if (dict->count > buckets) {
        dict->tables[1] = table_create(buckets * 2);
    } else if (buckets >= BUCKETS_MIN * SHRINK_FACTOR && dict->count < buckets / SHRINK_BELOW) {
        dict->tables[1] = table_create(buckets / SHRINK_FACTOR);
    }
    dict->moved = 0;
}

static void move_bucket(struct dict *dict)
{
    struct dict_table *new_table = &dict->tables[1];
    struct item *item = dict->tables[0].buckets[dict->moved];
    dict->tables[0].buckets[dict->moved] = NULL;
    while (item != NULL) {
        struct item *next = item->next;
        uint64_t hash = hash_bytes(dict->hash_seed, item_key(item));
        struct item **bucket = &new_table->buckets[hash & new_table->mask];
        item->next = *bucket;
        *bucket = item;
        item = next;
    }
    dict->moved++;
}

void dict_step(struct dict *dict, uint32_t buckets_max)
{
    if (!dict_is_resizing(dict)) {
        return;
    }
    uint64_t buckets = buckets_count(&dict->tables[0]);
    uint32_t empty_max = buckets_max * EMPTY_BUCKETS_PER_STEP;
    while (dict->moved < buckets && buckets_max > 0 && empty_max > 0) {
        if (dict->tables[0].buckets[dict->moved] == NULL) {
            empty_max--;
        } else {
            buckets_max--;
        }
        move_bucket(dict);
    }
    if (dict->moved == buckets) {
        garbage_add_block(dict->garbage, dict->tables[0].buckets, buckets * sizeof(struct item *));
        dict->tables[0] = dict->tables[1];
        dict->tables[1] = (struct dict_table){NULL, 0};
        dict->moved = 0;
        /* A table that is much too large shrinks in several rounds. */
        resize_if_needed(dict);
    }
}

void dict_insert(struct dict *dict, struct item *item, uint64_t hash)
{
    DEBUG_ASSERT(dict_find(dict, item_key(item), hash) == NULL);
    if (dict->tables[0].buckets == NULL) {
        dict->tables[0] = table_create(BUCKETS_MIN);
    }
    dict_step(dict, BUCKETS_PER_CHANGE);
    struct item **bucket = bucket_of(dict, hash);
    item->tag = tag_of(hash);
    item->next = *bucket;
    *bucket = item;
    dict->count++;
    resize_if_needed(dict);
}

struct item *dict_remove(struct dict *dict, struct item **link)
{
    struct item *item = *link;
    ASSERT(item != NULL);
    *link = item->next;
    item->next = NULL;
    dict->count--;
    resize_if_needed(dict);
    dict_step(dict, BUCKETS_PER_CHANGE);
    return item;
}

struct item *dict_replace(struct item **link, struct item *item)
{
    struct item *old = *link;
    item->next = old->next;
    item->tag = old->tag;
    *link = item;
    return old;
}

uint64_t dict_memory(const struct dict *dict)
{
    return (buckets_count(&dict->tables[0]) + buckets_count(&dict->tables[1])) *
           sizeof(struct item *);
}

static void visit_bucket(struct item *item, dict_visitor *visit, void *context)
{
    for (; item != NULL; item = item->next) {
        visit(item, context);
    }
}

static uint64_t reverse_bits(uint64_t bits)
{
    bits = ((bits >> 1) & 0x5555555555555555u) | ((bits & 0x5555555555555555u) << 1);
    bits = ((bits >> 2) & 0x3333333333333333u) | ((bits & 0x3333333333333333u) << 2);
    bits = ((bits >> 4) & 0x0f0f0f0f0f0f0f0fu) | ((bits & 0x0f0f0f0f0f0f0f0fu) << 4);
    return __builtin_bswap64(bits);
}

/* Adds one to the cursor's bits under mask, carrying from the most significant to the least. */
static uint64_t next_cursor(uint64_t cursor, uint64_t mask)
{
    return reverse_bits(reverse_bits(cursor | ~mask) + 1);
}

uint64_t dict_scan(const struct dict *dict, uint64_t cursor, dict_visitor *visit, void *context)
{
    if (dict->count == 0) {
        return 0;
    }
    const struct dict_table *small = &dict->tables[0];
    const struct dict_table *large = small;
    if (dict_is_resizing(dict)) {
        bool grows = dict->tables[1].mask > small->mask;
        large = grows ? &dict->tables[1] : small;
        small = grows ? small : &dict->tables[1];
    }
    uint64_t bucket = cursor & small->mask;
    visit_bucket(small->buckets[bucket], visit, context);
    if (large != small) {
        /* Every bucket of the larger table that this one splits into. */
        for (uint64_t i = bucket; i <= large->mask; i += small->mask + 1) {
            visit_bucket(large->buckets[i], visit, context);
        }
    }
    return next_cursor(cursor, small->mask);
}

void dict_scan_prefetch(const struct dict *dict, uint64_t cursor)
{
    /* Without it each bucket costs two misses in a row. A resize is too short to matter. */
    if (dict->count == 0 || dict_is_resizing(dict)) {
        return;
    }
    const struct dict_table *table = &dict->tables[0];
    for (int i = 0; i < DICT_PREFETCH_BUCKETS; i++) {
        __builtin_prefetch(table->buckets[cursor & table->mask]);
        cursor = next_cursor(cursor, table->mask);
    }
}

bool dict_scan_is_past(uint64_t cursor, uint64_t hash)
{
    /* Read backwards, the cursor is a number that only grows, and the hashes that a bucket holds
     * are those from it up to the next bucket's. */
    return reverse_bits(hash) < reverse_bits(cursor);
}

void dict_for_each(const struct dict *dict, dict_visitor *visit, void *context)
{
    for (int i = 0; i < 2; i++) {
        for (uint64_t bucket = 0; bucket < buckets_count(&dict->tables[i]); bucket++) {
            visit_bucket(dict->tables[i].buckets[bucket], visit, context);
        }
    }
}

static struct item *bucket_at(const struct dict *dict, uint64_t position)
{
    uint64_t old_count = buckets_count(&dict->tables[0]);
    return position < old_count ? dict->tables[0].buckets[position]
                                : dict->tables[1].buckets[position - old_count];
}

static struct item *random_of_chain(struct item *chain, struct prng *prng)
{
    uint64_t length = 0;
    for (const struct item *item = chain; item != NULL; item = item->next) {
        length++;
    }
    for (uint64_t skip = prng_below(prng, length); skip > 0; skip--) {
        chain = chain->next;
    }
    return chain;
}

struct item *dict_random(const struct dict *dict, struct prng *prng)
{
    if (dict->count == 0) {
        return NULL;
    }
    uint64_t buckets = buckets_count(&dict->tables[0]) + buckets_count(&dict->tables[1]);
    uint64_t position = 0;
    for (int i = 0; i < RANDOM_TRIES; i++) {
        position = prng_below(prng, buckets);
        if (bucket_at(dict, position) != NULL) {
            return random_of_chain(bucket_at(dict, position), prng);
        }
    }
    /* A table much too large for its few items: the next one from here on. */
    while (bucket_at(dict, position) == NULL) {
        position = (position + 1) % buckets;
    }
    return random_of_chain(bucket_at(dict, position), prng);
}
