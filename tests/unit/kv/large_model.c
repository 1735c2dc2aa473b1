/* large_model.c -- see large_model.h. */
#include "unit/kv/large_model.h"

#include <stdio.h>
#include <string.h>

#include "kv/container_parts.h"
#include "kv/hash_table.h"
#include "kv/keyspace_change.h"
#include "kv/list.h"
#include "kv/set.h"
#include "kv/sorted_set.h"
#include "unit/kv/keyspace_model.h"

enum { KEYS = 6, NAMES = 4000, TEXT_BYTES = 128, LIST_ELEMENTS_MAX = 6000 };

struct text {
    char bytes[TEXT_BYTES];
    size_t size;
};

static struct slice text_slice(const struct text *text)
{
    return slice_of(text->bytes, text->size);
}

static struct text draw_name(struct prng *prng)
{
    struct text text;
    text.size = (size_t)snprintf(text.bytes, sizeof(text.bytes), "name:%u",
                                 (unsigned)prng_below(prng, NAMES));
    return text;
}

static struct text draw_value(struct prng *prng)
{
    struct text text;
    memset(text.bytes, 'v', sizeof(text.bytes));
    text.size = 1 + prng_below(prng, TEXT_BYTES - 1);
    text.bytes[0] = (char)('a' + prng_below(prng, 26));
    return text;
}

/* The type of a key is in its number. */
static enum value_type type_of(uint64_t key)
{
    static const enum value_type types[] = {VALUE_TYPE_LIST, VALUE_TYPE_HASH, VALUE_TYPE_SET,
                                            VALUE_TYPE_ZSET};
    return types[key % 4];
}

static void change_list(struct list_value *list, struct prng *prng, bool grows)
{
    struct text value = draw_value(prng);
    const struct container *container = (const struct container *)(const void *)list;
    uint64_t count = container->count;
    uint64_t what = prng_below(prng, 100);
    if (count == 0 || (grows && what < 60 && count < LIST_ELEMENTS_MAX)) {
        list_value_push(list, what < 25, text_slice(&value));
    } else if (what < 75) {
        list_value_insert(list, prng_below(prng, count + 1), text_slice(&value));
    } else if (what < 85) {
        list_value_set(list, prng_below(prng, count), text_slice(&value));
    } else {
        uint64_t at = what < 90 ? 0 : what < 95 ? count - 1 : prng_below(prng, count);
        uint64_t number = 1 + prng_below(prng, grows ? 3 : 300);
        list_value_remove(list, at, number < count - at ? number : count - at);
    }
}

static void change_element(struct container *container, struct prng *prng, bool grows)
{
    struct text name = draw_name(prng);
    struct text value = draw_value(prng);
    bool removes = prng_below(prng, 100) < (grows ? 20 : 80);
    switch (container->type) {
    case VALUE_TYPE_LIST:
        change_list(list_value_of(container), prng, grows);
        break;
    case VALUE_TYPE_HASH:
        if (removes) {
            (void)hash_table_remove(hash_table_of(container), text_slice(&name));
        } else {
            (void)hash_table_set(hash_table_of(container), text_slice(&name), text_slice(&value));
        }
        break;
    case VALUE_TYPE_SET:
        (void)(removes ? set_remove(set_of(container), text_slice(&name))
                       : set_add(set_of(container), text_slice(&name)));
        break;
    case VALUE_TYPE_ZSET:
        if (removes) {
            (void)sorted_set_remove(sorted_set_of(container), text_slice(&name));
        } else {
            (void)sorted_set_put(sorted_set_of(container), text_slice(&name),
                                 (double)prng_below(prng, 1000));
        }
        break;
    case VALUE_TYPE_STRING:
    case VALUE_TYPE_COUNT:
        break;
    }
}

static void change_elements(struct keyspace *keyspace, struct prng *prng, uint32_t database,
                            struct slice key, enum value_type type)
{
    uint64_t changes = prng_below(prng, 4) == 0 ? prng_below(prng, 1500) : prng_below(prng, 20);
    bool grows = prng_below(prng, 3) != 0;
    struct keyspace_change change;
    struct container *container = keyspace_change_begin(&change, keyspace, database, key, type);
    for (uint64_t i = 0; i < changes; i++) {
        change_element(container, prng, grows);
    }
    (void)keyspace_change_end(&change);
}

static struct slice key_name(uint64_t key, char out[16])
{
    return slice_of(out, (size_t)snprintf(out, 16, "large:%u", (unsigned)key));
}

void large_step(struct keyspace *keyspace, struct prng *prng)
{
    char name[16];
    char other_name[16];
    uint64_t number = prng_below(prng, KEYS);
    uint64_t other_number = number % 4 < 2 && number < 4 ? number + 4 : number; /* of its type */
    struct slice key = key_name(number, name);
    struct slice other = key_name(other_number % KEYS, other_name);
    uint32_t database = (uint32_t)prng_below(prng, MODEL_DATABASES);
    uint32_t to_database = (uint32_t)prng_below(prng, MODEL_DATABASES);
    uint64_t what = prng_below(prng, 100);
    bool exists = keyspace_lookup_write(keyspace, database, key) != NULL;
    if (what < 90 || !exists) {
        change_elements(keyspace, prng, database, key, type_of(number));
    } else if (what < 93) {
        (void)keyspace_delete(keyspace, database, key);
    } else if (what < 95) {
        keyspace_set_expiry(keyspace, database, key,
                            keyspace_clock(keyspace) + (int64_t)prng_below(prng, 1000));
    } else if (database != to_database || !slice_equals(key, other)) {
        (void)keyspace_lookup_write(keyspace, to_database, other);
        if (what < 98) {
            keyspace_move(keyspace, database, key, to_database, other);
        } else {
            keyspace_copy(keyspace, database, key, to_database, other);
        }
    }
}

uint32_t large_count(struct keyspace *keyspace)
{
    uint32_t count = 0;
    for (uint32_t database = 0; database < MODEL_DATABASES; database++) {
        for (uint64_t number = 0; number < KEYS; number++) {
            char name[16];
            const struct item *item = keyspace_lookup_read(
                keyspace, database, key_name(number, name), KEYSPACE_UNTOUCHED);
            count += item != NULL && keyspace_item_container(item)->parts != NULL;
        }
    }
    return count;
}
