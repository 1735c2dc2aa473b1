/* keyspace_scan.c -- walks over the keyspace: SCAN, KEYS, RANDOMKEY, and the contents' hash. */
#include "base/assert.h"
#include "kv/container.h"
#include "kv/keyspace.h"
#include "kv/keyspace_internal.h"

/* Random picks that meet a due key before a walk over all keys looks for one that is not. */
enum { RANDOM_TRIES = 64 };

struct living_visitor {
    const struct keyspace *keyspace;
    keyspace_visitor *visit;
    void *context;
};

static void visit_if_living(struct item *item, void *context)
{
    const struct living_visitor *visitor = context;
    if (!keyspace_is_due(visitor->keyspace, item)) {
        visitor->visit(item, visitor->context);
    }
}

uint64_t keyspace_scan(struct keyspace *keyspace, uint32_t database, uint64_t cursor,
                       keyspace_visitor *visit, void *context)
{
    ASSERT(database < LIMIT_DATABASES);
    struct living_visitor visitor = {keyspace, visit, context};
    return dict_scan(&keyspace->databases[database].dict, cursor, visit_if_living, &visitor);
}

void keyspace_for_each(struct keyspace *keyspace, uint32_t database, keyspace_visitor *visit,
                       void *context)
{
    ASSERT(database < LIMIT_DATABASES);
    struct living_visitor visitor = {keyspace, visit, context};
    dict_for_each(&keyspace->databases[database].dict, visit_if_living, &visitor);
}

static void take_first(const struct item *item, void *context)
{
    const struct item **first = context;
    if (*first == NULL) {
        *first = item;
    }
}

const struct item *keyspace_random_item(struct keyspace *keyspace, uint32_t database,
                                        struct prng *prng)
{
    ASSERT(database < LIMIT_DATABASES);
    for (int i = 0; i < RANDOM_TRIES; i++) {
        const struct item *item = dict_random(&keyspace->databases[database].dict, prng);
        if (item == NULL || !keyspace_is_due(keyspace, item)) {
            return item;
        }
    }
    /* Nearly all keys are due and not removed yet: rare, and short-lived. */
    const struct item *first = NULL;
    uint64_t start = prng_next(prng);
    uint64_t cursor = start;
    do {
        cursor = keyspace_scan(keyspace, database, cursor, take_first, &first);
    } while (first == NULL && cursor != 0);
    if (first == NULL) {
        do {
            cursor = keyspace_scan(keyspace, database, cursor, take_first, &first);
        } while (first == NULL && cursor != 0);
    }
    return first;
}

struct content_hash {
    uint64_t sum;
    uint32_t database;
};

static void add_to_content_hash(struct item *item, void *context)
{
    struct content_hash *hash = context;
    struct value value = item_value(item);
    struct buf elements = {0};
    if (value.container != NULL) {
        container_encode(value.container, &elements);
        value.string = buf_slice(&elements);
    }
    hash->sum +=
        state_hash_of_key(hash->database, item_key(item), &value, keyspace_item_expiry(item));
    buf_deinit(&elements);
}

uint64_t keyspace_content_hash(const struct keyspace *keyspace)
{
    struct content_hash hash = {0, 0};
    for (; hash.database < LIMIT_DATABASES; hash.database++) {
        dict_for_each(&keyspace->databases[hash.database].dict, add_to_content_hash, &hash);
    }
    return hash.sum;
}
