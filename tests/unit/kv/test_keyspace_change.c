/* test_keyspace_change.c -- containers in the keyspace: changes, snapshots, memory. */
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "kv/hash_table.h"
#include "kv/keyspace_change.h"
#include "kv/set.h"
#include "lib/unit.h"
#include "unit/kv/snapshot_store.h"

static struct slice key_of(const char *text)
{
    return slice_of_string(text);
}

static void add_members(struct keyspace *keyspace, const char *key, uint32_t from, uint32_t to)
{
    struct keyspace_change change;
    struct set *set =
        set_of(keyspace_change_begin(&change, keyspace, 0, key_of(key), VALUE_TYPE_SET));
    for (uint32_t i = from; i < to; i++) {
        char member[16];
        int size = snprintf(member, sizeof(member), "member%u", i);
        (void)set_add(set, slice_of(member, (size_t)size));
    }
    (void)keyspace_change_end(&change);
}

static bool remove_member(struct keyspace *keyspace, const char *key, const char *member)
{
    struct keyspace_change change;
    struct set *set =
        set_of(keyspace_change_begin(&change, keyspace, 0, key_of(key), VALUE_TYPE_SET));
    (void)set_remove(set, slice_of_string(member));
    return keyspace_change_end(&change);
}

static void set_field(struct keyspace *keyspace, const char *key, const char *field,
                      const char *value)
{
    struct keyspace_change change;
    struct hash_table *hash =
        hash_table_of(keyspace_change_begin(&change, keyspace, 0, key_of(key), VALUE_TYPE_HASH));
    (void)hash_table_set(hash, slice_of_string(field), slice_of_string(value));
    (void)keyspace_change_end(&change);
}

static uint64_t memory_of(const struct keyspace *keyspace)
{
    struct keyspace_stats stats;
    keyspace_get_stats(keyspace, &stats);
    return stats.memory_bytes;
}

UNIT_TEST(keyspace_change, every_change_of_an_element_moves_the_state_hash)
{
    struct keyspace *keyspace = keyspace_create(1);
    uint64_t seen[5];
    keyspace_set_applied_index(keyspace, 1);
    add_members(keyspace, "s", 0, 2);
    seen[0] = keyspace_state_hash(keyspace);
    CU_ASSERT_TRUE(remove_member(keyspace, "s", "member0"));
    seen[1] = keyspace_state_hash(keyspace);
    set_field(keyspace, "h", "f", "a");
    seen[2] = keyspace_state_hash(keyspace);
    set_field(keyspace, "h", "f", "b");
    seen[3] = keyspace_state_hash(keyspace);
    set_field(keyspace, "h", "g", "b");
    seen[4] = keyspace_state_hash(keyspace);
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < i; j++) {
            CU_ASSERT_NOT_EQUAL(seen[i], seen[j]);
        }
    }
    keyspace_destroy(keyspace);
}

UNIT_TEST(keyspace_change, a_change_that_changes_nothing_leaves_no_trace)
{
    struct keyspace *keyspace = keyspace_create(1);
    keyspace_set_applied_index(keyspace, 1);
    add_members(keyspace, "s", 0, 3);
    uint64_t hash = keyspace_state_hash(keyspace);
    keyspace_set_applied_index(keyspace, 2);
    add_members(keyspace, "s", 0, 3);
    CU_ASSERT_TRUE(remove_member(keyspace, "s", "none"));
    const struct item *item = keyspace_lookup_write(keyspace, 0, key_of("s"));
    CU_ASSERT_EQUAL(keyspace_item_modified_index(item), 1);
    CU_ASSERT_EQUAL(keyspace_state_hash(keyspace), hash);
    keyspace_destroy(keyspace);
}

UNIT_TEST(keyspace_change, the_last_element_takes_the_key_with_it)
{
    struct keyspace *keyspace = keyspace_create(1);
    uint64_t empty = memory_of(keyspace);
    add_members(keyspace, "s", 7, 8);
    CU_ASSERT_EQUAL(keyspace_keys_count(keyspace, 0), 1);
    CU_ASSERT_FALSE(remove_member(keyspace, "s", "member7"));
    CU_ASSERT_EQUAL(keyspace_keys_count(keyspace, 0), 0);
    while (keyspace_do_housekeeping(keyspace)) {
    }
    CU_ASSERT(memory_of(keyspace) <= empty + 1024); /* the table of the database stays */
    keyspace_destroy(keyspace);
}

UNIT_TEST(keyspace_change, a_large_container_is_freed_by_housekeeping_in_steps)
{
    struct keyspace *keyspace = keyspace_create(1);
    add_members(keyspace, "s", 0, 100000);
    uint64_t full = memory_of(keyspace);
    CU_ASSERT(full > 100000 * 20);
    CU_ASSERT_TRUE(keyspace_delete(keyspace, 0, key_of("s")));
    CU_ASSERT(memory_of(keyspace) > full / 2);
    uint32_t turns = 0;
    while (keyspace_do_housekeeping(keyspace)) {
        turns++;
    }
    CU_ASSERT(turns >= 20);
    CU_ASSERT(memory_of(keyspace) < 4096);
    keyspace_destroy(keyspace);
}

static void save(struct keyspace *keyspace, struct snapshot_store *store,
                 const struct keyspace_meta *meta)
{
    while (!keyspace_snapshot_step(keyspace, &store->pending, 100, 10)) {
    }
    snapshot_store_commit(store, meta);
    keyspace_snapshot_end(keyspace, true);
}

/* Whatever happens while a snapshot runs, it shows what was there when it began, each key once. */
UNIT_TEST(keyspace_change, a_snapshot_shows_containers_as_of_its_begin)
{
    struct keyspace *keyspace = keyspace_create(1);
    struct snapshot_store store = {0};
    struct keyspace_meta meta;
    struct prng prng;
    prng_init(&prng, 5);
    for (uint64_t index = 1; index < 400; index++) {
        char key[8];
        (void)snprintf(key, sizeof(key), "k%u", (unsigned)prng_below(&prng, 40));
        keyspace_set_applied_index(keyspace, index * 2);
        uint32_t from = (uint32_t)prng_below(&prng, 30);
        add_members(keyspace, key, from, from + 5);
        if (index % 20 != 0) {
            continue;
        }
        keyspace_snapshot_begin(keyspace, &meta);
        uint64_t content = keyspace_content_hash(keyspace);
        keyspace_set_applied_index(keyspace, index * 2 + 1);
        for (uint32_t i = 0; i < 20; i++) {
            (void)snprintf(key, sizeof(key), "k%u", (unsigned)prng_below(&prng, 40));
            if (i % 5 == 0) {
                (void)keyspace_delete(keyspace, 0, key_of(key));
            } else {
                add_members(keyspace, key, i, i + 3);
                add_members(keyspace, key, i, i + 3); /* changes nothing */
            }
        }
        save(keyspace, &store, &meta);
        uint64_t refused = 0;
        struct keyspace *loaded = snapshot_store_load(&store, 9, &refused);
        CU_ASSERT_EQUAL(refused, 0);
        CU_ASSERT_EQUAL(keyspace_content_hash(loaded), content);
        keyspace_destroy(loaded);
    }
    CU_ASSERT_EQUAL(store.repeated, 0);
    CU_ASSERT_EQUAL(store.corrupt, 0);
    snapshot_store_deinit(&store);
    keyspace_destroy(keyspace);
}

UNIT_TEST(keyspace_change, damaged_bytes_make_no_container)
{
    const struct {
        struct slice bytes;
        enum value_type type;
    } bad[] = {
        {SLICE_LITERAL(""), VALUE_TYPE_SET},
        {SLICE_LITERAL("\x05"), VALUE_TYPE_SET},
        {SLICE_LITERAL("\x05\x00"), VALUE_TYPE_SET},     /* no elements */
        {SLICE_LITERAL("\x05\x02\x01"), VALUE_TYPE_SET}, /* fewer than it says */
        {SLICE_LITERAL("\x05\x02\x01"
                       "a\x01"
                       "a"),
         VALUE_TYPE_SET}, /* one twice */
        {SLICE_LITERAL("\x05\x01\x01"
                       "ab"),
         VALUE_TYPE_SET}, /* more than it says */
        {SLICE_LITERAL("\xff\x01\x01"
                       "a"),
         VALUE_TYPE_SET}, /* no such encoding */
        {SLICE_LITERAL("\x05\x01\x01"
                       "a"),
         VALUE_TYPE_HASH}, /* a field without a value */
        {SLICE_LITERAL("\x03\x02\x01"
                       "a\x01x\x01"
                       "a\x01y"),
         VALUE_TYPE_HASH}, /* one field twice */
        {SLICE_LITERAL("\x03\x02\x01"
                       "a\0\0\0\0\0\0\xf0\x3f\x01"
                       "a\0\0\0\0\0\0\xf0\x3f"),
         VALUE_TYPE_ZSET}, /* one twice */
        {SLICE_LITERAL("\x03\x02\x01"
                       "a\0\0\0\0\0\0\xf0\x3f\x01"
                       "a\0\0\0\0\0\0\xf0\xbf"),
         VALUE_TYPE_ZSET}, /* with another score */
        {SLICE_LITERAL("\x03\x01\x01"
                       "a\0\0\0\0\0\0\xf8\x7f"),
         VALUE_TYPE_ZSET}, /* a score that is no number */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct container *container = NULL;
        CU_ASSERT_EQUAL(container_decode(bad[i].type, 1, bad[i].bytes, &container), RESULT_CORRUPT);
        CU_ASSERT_PTR_NULL(container);
    }
}
