/* keyspace.c -- the replicated state: life, clock, lookups, expiry, figures. Changes are in
 * keyspace_write.c, walks over many keys in keyspace_scan.c, snapshots in
 * keyspace_snapshot.c and keyspace_restore.c.
 */
#include "kv/keyspace.h"

#include "base/assert.h"
#include "base/mem.h"
#include "kv/keyspace_internal.h"

enum {
    /* Some 0.2 ms of moving buckets a call. */
    HOUSEKEEPING_BUCKETS_MAX = 1024,
    /* Removed keys of a snapshot that was given up: some 0.3 ms. */
    HOUSEKEEPING_MERGES_MAX = 512,
    MS_PER_SECOND = 1000,
};

struct keyspace *keyspace_create(uint64_t hash_seed)
{
    struct keyspace *keyspace = mem_alloc_zeroed(1, sizeof(*keyspace));
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        dict_init(&keyspace->databases[i].dict, hash_seed, &keyspace->garbage);
    }
    keyspace_snapshot_init(keyspace, hash_seed);
    return keyspace;
}

/* Moves everything that lives to the garbage. */
static void discard_all(struct keyspace *keyspace)
{
    container_parts_clear(keyspace);
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        dict_clear(&keyspace->databases[i].dict);
        expiry_heap_clear(&keyspace->databases[i].expiries, &keyspace->garbage);
    }
    keyspace_snapshot_deinit(keyspace);
}

void keyspace_destroy(struct keyspace *keyspace)
{
    discard_all(keyspace);
    garbage_deinit(&keyspace->garbage);
    mem_free(keyspace);
}

void keyspace_bury(struct keyspace *keyspace, struct keyspace *old)
{
    discard_all(old);
    garbage_take(&keyspace->garbage, &old->garbage);
    keyspace->item_bytes += old->item_bytes;
    keyspace->stats.hits += old->stats.hits;
    keyspace->stats.misses += old->stats.misses;
    keyspace->stats.expired_keys += old->stats.expired_keys;
    keyspace->stats.mutations += old->stats.mutations;
    mem_free(old);
}

void keyspace_set_clock(struct keyspace *keyspace, int64_t now_ms)
{
    if (now_ms > keyspace->clock_ms) {
        keyspace->clock_ms = now_ms;
    }
}

int64_t keyspace_clock(const struct keyspace *keyspace)
{
    return keyspace->clock_ms;
}

void keyspace_set_applied_index(struct keyspace *keyspace, uint64_t index)
{
    keyspace->applied_index = index;
}

void keyspace_set_listener(struct keyspace *keyspace, keyspace_listener *listener, void *context)
{
    keyspace->listener = listener;
    keyspace->listener_context = context;
}

struct spot keyspace_spot(struct keyspace *keyspace, uint32_t database, struct slice key)
{
    ASSERT(database < LIMIT_DATABASES);
    struct spot spot = {.database = &keyspace->databases[database], .number = database, .key = key};
    spot.hash = dict_hash(&spot.database->dict, key);
    spot.link = dict_find(&spot.database->dict, key, spot.hash);
    return spot;
}

bool keyspace_is_due(const struct keyspace *keyspace, const struct item *item)
{
    return item->is_volatile && item_volatile_const(item)->expiry_ms <= keyspace->clock_ms;
}

void keyspace_note(struct keyspace *keyspace, const struct mutation *mutation)
{
    /* Else no snapshot would ever hold it. */
    ASSERT(keyspace->applied_index >= keyspace->snapshot.fresh_index);
    keyspace->state_hash = state_hash_mix(keyspace->state_hash, mutation);
    keyspace->stats.mutations++;
}

void keyspace_discard(struct keyspace *keyspace, const struct spot *spot)
{
    keyspace_preserve(keyspace, spot);
    struct item *item = *spot->link;
    if (item->is_volatile) {
        expiry_heap_remove(&spot->database->expiries, item);
    }
    if (item->is_stored) {
        keyspace_note_removed(keyspace, spot, item);
    }
    dict_remove(&spot->database->dict, spot->link);
    keyspace->item_bytes -= item_memory(item);
    garbage_add_item(&keyspace->garbage, item);
}

static void expire(struct keyspace *keyspace, const struct spot *spot)
{
    struct mutation mutation = {
        .kind = MUTATION_EXPIRED,
        .database = spot->number,
        .key = spot->key,
        .expiry_ms = item_volatile(*spot->link)->expiry_ms,
    };
    keyspace_note(keyspace, &mutation);
    keyspace_tell(keyspace, KEYSPACE_EXPIRED, spot);
    keyspace_discard(keyspace, spot);
    keyspace->stats.expired_keys++;
}

/* The database whose earliest expiry is the earliest of all, the lowest if several; or NULL. */
static struct database *earliest_database(const struct keyspace *keyspace)
{
    const struct database *earliest = NULL;
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        const struct database *database = &keyspace->databases[i];
        if (database->expiries.count == 0) {
            continue;
        }
        if (earliest == NULL || expiry_heap_top(&database->expiries)->expiry_ms <
                                    expiry_heap_top(&earliest->expiries)->expiry_ms) {
            earliest = database;
        }
    }
    return (struct database *)(uintptr_t)earliest;
}

uint32_t keyspace_remove_due(struct keyspace *keyspace, uint32_t count_max)
{
    uint32_t removed = 0;
    for (; removed < count_max; removed++) {
        struct database *database = earliest_database(keyspace);
        if (database == NULL ||
            expiry_heap_top(&database->expiries)->expiry_ms > keyspace->clock_ms) {
            break;
        }
        uint32_t number = (uint32_t)(database - keyspace->databases);
        struct slice key = item_key(expiry_heap_top(&database->expiries)->item);
        struct spot spot = keyspace_spot(keyspace, number, key);
        ASSERT(spot.link != NULL);
        expire(keyspace, &spot);
    }
    return removed;
}

int64_t keyspace_next_expiry(const struct keyspace *keyspace)
{
    const struct database *database = earliest_database(keyspace);
    return database == NULL ? KEYSPACE_NEVER : expiry_heap_top(&database->expiries)->expiry_ms;
}

bool keyspace_do_housekeeping(struct keyspace *keyspace)
{
    bool is_more = garbage_free_some(&keyspace->garbage, &keyspace->item_bytes);
    bool has_stepped = false;
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        struct dict *dict = &keyspace->databases[i].dict;
        if (dict_is_resizing(dict)) {
            if (!has_stepped) {
                dict_step(dict, HOUSEKEEPING_BUCKETS_MAX);
                has_stepped = true;
            }
            is_more = is_more || dict_is_resizing(dict);
        }
    }
    is_more = keyspace_merge_some(keyspace, HOUSEKEEPING_MERGES_MAX) || is_more;
    return is_more || garbage_has_some(&keyspace->garbage);
}

uint64_t keyspace_state_hash(const struct keyspace *keyspace)
{
    return keyspace->state_hash;
}

uint64_t keyspace_keys_count(const struct keyspace *keyspace, uint32_t database)
{
    ASSERT(database < LIMIT_DATABASES);
    return keyspace->databases[database].dict.count;
}

uint64_t keyspace_expiring_count(const struct keyspace *keyspace, uint32_t database)
{
    ASSERT(database < LIMIT_DATABASES);
    return keyspace->databases[database].expiries.count;
}

void keyspace_get_stats(const struct keyspace *keyspace, struct keyspace_stats *out)
{
    *out = keyspace->stats;
    out->memory_bytes = keyspace->item_bytes + keyspace->garbage.block_bytes +
                        keyspace->garbage.container_bytes + keyspace_snapshot_overhead(keyspace);
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        const struct database *database = &keyspace->databases[i];
        out->memory_bytes += dict_memory(&database->dict);
        out->memory_bytes += database->expiries.capacity * sizeof(*database->expiries.entries);
    }
}

void keyspace_reset_stats(struct keyspace *keyspace)
{
    keyspace->stats.hits = 0;
    keyspace->stats.misses = 0;
    keyspace->stats.expired_keys = 0;
}

static void touch(struct item *item, int64_t access_ms)
{
    uint32_t access_s = item_access_time(access_ms);
    /* Most reads of a busy key need not write to it. */
    if (item->accessed_s != access_s) {
        item->accessed_s = access_s & ITEM_ACCESS_MASK;
    }
}

const struct item *keyspace_lookup_read(struct keyspace *keyspace, uint32_t database,
                                        struct slice key, int64_t access_ms)
{
    struct spot spot = keyspace_spot(keyspace, database, key);
    if (spot.link == NULL || keyspace_is_due(keyspace, *spot.link)) {
        keyspace->stats.misses++;
        keyspace_tell(keyspace, KEYSPACE_MISSED, &spot);
        return NULL;
    }
    keyspace->stats.hits++;
    if (access_ms != KEYSPACE_UNTOUCHED) {
        touch(*spot.link, access_ms);
    }
    return *spot.link;
}

const struct item *keyspace_lookup_write(struct keyspace *keyspace, uint32_t database,
                                         struct slice key)
{
    struct spot spot = keyspace_spot(keyspace, database, key);
    if (spot.link == NULL) {
        return NULL;
    }
    if (keyspace_is_due(keyspace, *spot.link)) {
        expire(keyspace, &spot);
        return NULL;
    }
    touch(*spot.link, keyspace->clock_ms);
    return *spot.link;
}

struct slice keyspace_item_key(const struct item *item)
{
    return item_key(item);
}

struct value keyspace_item_value(const struct item *item)
{
    return item_value(item);
}

int64_t keyspace_item_expiry(const struct item *item)
{
    return item->is_volatile ? item_volatile_const(item)->expiry_ms : KEYSPACE_NEVER;
}

uint64_t keyspace_item_modified_index(const struct item *item)
{
    return item->modified_index;
}

uint64_t keyspace_item_memory(const struct item *item)
{
    return item_memory(item);
}

int64_t keyspace_item_idle_ms(const struct item *item, int64_t now_ms)
{
    return (int64_t)((item_access_time(now_ms) - item->accessed_s) & ITEM_ACCESS_MASK) *
           MS_PER_SECOND;
}

void keyspace_set_idle(struct keyspace *keyspace, uint32_t database, struct slice key,
                       uint64_t idle_s)
{
    struct spot spot = keyspace_spot(keyspace, database, key);
    ASSERT(spot.link != NULL);
    uint32_t idle = idle_s < ITEM_ACCESS_MASK ? (uint32_t)idle_s : ITEM_ACCESS_MASK;
    (*spot.link)->accessed_s = (item_access_time(keyspace->clock_ms) - idle) & ITEM_ACCESS_MASK;
}
