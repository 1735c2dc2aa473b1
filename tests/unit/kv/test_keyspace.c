/* test_keyspace.c -- the keyspace beside a plain model, and the same on nodes with other seeds. */
#include <string.h>

#include "base/mem.h"
#include "kv/keyspace_prefetch.h"
#include "lib/unit.h"
#include "unit/kv/keyspace_model.h"

UNIT_TEST(keyspace, behaves_as_the_plain_model)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct model *model = mem_alloc_zeroed(1, sizeof(*model));
        struct keyspace *keyspace = keyspace_create(seed * 77);
        struct prng prng;
        prng_init(&prng, seed);
        uint32_t differences = 0;
        for (int i = 0; i < 4000; i++) {
            model_step(model, keyspace, &prng);
            if (i % 16 == 0) {
                differences += model_count_differences(model, keyspace);
            }
        }
        CU_ASSERT_EQUAL(differences, 0);
        keyspace_destroy(keyspace);
        model_deinit(model);
        mem_free(model);
    }
}

UNIT_TEST(keyspace, other_hash_seeds_give_the_same_state_hash)
{
    struct keyspace *a = keyspace_create(1);
    struct keyspace *b = keyspace_create(0xfeedfacecafebeef);
    struct prng prng_a;
    struct prng prng_b;
    prng_init(&prng_a, 9);
    prng_init(&prng_b, 9);
    uint32_t differences = 0;
    for (int i = 0; i < 10000; i++) {
        model_step(NULL, a, &prng_a);
        model_step(NULL, b, &prng_b);
        /* One of them also reads: that must not matter. */
        (void)keyspace_lookup_read(b, 0, model_key((uint32_t)i % MODEL_KEYS), i);
        differences += keyspace_state_hash(a) != keyspace_state_hash(b);
    }
    CU_ASSERT_EQUAL(differences, 0);
    CU_ASSERT_EQUAL(keyspace_content_hash(a), keyspace_content_hash(b));
    struct value value = value_of_integer(1);
    keyspace_set(a, 0, SLICE_LITERAL("one more"), &value, KEYSPACE_NEVER);
    CU_ASSERT_NOT_EQUAL(keyspace_state_hash(a), keyspace_state_hash(b));
    CU_ASSERT_NOT_EQUAL(keyspace_content_hash(a), keyspace_content_hash(b));
    keyspace_destroy(a);
    keyspace_destroy(b);
}

/* Keys that are there and not, one that is too long, databases that do not exist, and too many. */
static void fetch_ahead(struct keyspace *keyspace, uint32_t first_key)
{
    static const uint8_t long_key[1000];
    struct keyspace_prefetch prefetch = {.count = 0};
    keyspace_prefetch_add(&prefetch, keyspace, 0, slice_of(long_key, sizeof(long_key)));
    keyspace_prefetch_add(&prefetch, keyspace, UINT32_MAX, SLICE_LITERAL("key"));
    CU_ASSERT_EQUAL(prefetch.count, 0);
    for (uint32_t i = 0; prefetch.count < KEYSPACE_PREFETCH_MAX; i++) {
        struct slice key = model_key((first_key + i) % MODEL_KEYS);
        keyspace_prefetch_add(&prefetch, keyspace, i % LIMIT_DATABASES, key);
    }
    keyspace_prefetch_add(&prefetch, keyspace, 0, SLICE_LITERAL("one too many"));
    CU_ASSERT_EQUAL(prefetch.count, KEYSPACE_PREFETCH_MAX);
    keyspace_prefetch_items(&prefetch, keyspace);
}

UNIT_TEST(keyspace, fetching_ahead_changes_nothing)
{
    struct keyspace *a = keyspace_create(1);
    struct keyspace *b = keyspace_create(1);
    struct prng prng_a;
    struct prng prng_b;
    prng_init(&prng_a, 3);
    prng_init(&prng_b, 3);
    for (uint32_t i = 0; i < 5000; i++) {
        fetch_ahead(b, i);
        model_step(NULL, a, &prng_a);
        model_step(NULL, b, &prng_b);
    }
    struct keyspace_stats stats_a, stats_b;
    keyspace_get_stats(a, &stats_a);
    keyspace_get_stats(b, &stats_b);
    CU_ASSERT_EQUAL(stats_a.hits, stats_b.hits);
    CU_ASSERT_EQUAL(stats_a.misses, stats_b.misses);
    CU_ASSERT_EQUAL(stats_a.mutations, stats_b.mutations);
    CU_ASSERT_EQUAL(keyspace_state_hash(a), keyspace_state_hash(b));
    CU_ASSERT_EQUAL(keyspace_content_hash(a), keyspace_content_hash(b));
    keyspace_destroy(a);
    keyspace_destroy(b);
}

/* The state hash after one SET, in a fresh keyspace. */
static uint64_t hash_after_set(uint32_t database, const char *key, const char *text,
                               int64_t expiry_ms)
{
    struct keyspace *keyspace = keyspace_create(1);
    struct value value = value_of_text(slice_of_string(text));
    keyspace_set(keyspace, database, slice_of_string(key), &value, expiry_ms);
    uint64_t hash = keyspace_state_hash(keyspace);
    keyspace_destroy(keyspace);
    return hash;
}

UNIT_TEST(keyspace, every_part_of_a_change_is_in_the_state_hash)
{
    uint64_t hash = hash_after_set(0, "key", "text", KEYSPACE_NEVER);
    CU_ASSERT_EQUAL(hash, hash_after_set(0, "key", "text", KEYSPACE_NEVER));
    CU_ASSERT_NOT_EQUAL(hash, hash_after_set(1, "key", "text", KEYSPACE_NEVER));
    CU_ASSERT_NOT_EQUAL(hash, hash_after_set(0, "kez", "text", KEYSPACE_NEVER));
    CU_ASSERT_NOT_EQUAL(hash, hash_after_set(0, "key", "texu", KEYSPACE_NEVER));
    CU_ASSERT_NOT_EQUAL(hash, hash_after_set(0, "key", "text", 5));
    CU_ASSERT_NOT_EQUAL(hash_after_set(0, "key", "7", KEYSPACE_NEVER),
                        hash_after_set(0, "key", "8", KEYSPACE_NEVER));
}

UNIT_TEST(keyspace, the_content_hash_forgets_history)
{
    struct keyspace *a = keyspace_create(1);
    struct keyspace *b = keyspace_create(2);
    struct value one = value_of_integer(1);
    struct value two = value_of_integer(2);
    keyspace_set(a, 0, SLICE_LITERAL("x"), &one, KEYSPACE_NEVER);
    keyspace_set(a, 0, SLICE_LITERAL("y"), &two, 99);
    keyspace_set(b, 0, SLICE_LITERAL("y"), &one, KEYSPACE_NEVER);
    keyspace_set(b, 0, SLICE_LITERAL("y"), &two, 99);
    keyspace_set(b, 0, SLICE_LITERAL("x"), &one, KEYSPACE_NEVER);
    CU_ASSERT_NOT_EQUAL(keyspace_state_hash(a), keyspace_state_hash(b));
    CU_ASSERT_EQUAL(keyspace_content_hash(a), keyspace_content_hash(b));
    keyspace_destroy(a);
    keyspace_destroy(b);
}

static void set(struct keyspace *keyspace, uint32_t database, const char *key, int64_t expiry_ms)
{
    struct value value = value_of_bytes(slice_of_string(key));
    keyspace_set(keyspace, database, slice_of_string(key), &value, expiry_ms);
}

static bool is_there(struct keyspace *keyspace, uint32_t database, const char *key)
{
    return keyspace_lookup_read(keyspace, database, slice_of_string(key), 0) != NULL;
}

UNIT_TEST(keyspace, a_due_key_is_gone_for_reads_and_removed_by_writes)
{
    struct keyspace *keyspace = keyspace_create(1);
    set(keyspace, 0, "key", 100);
    keyspace_set_clock(keyspace, 99);
    CU_ASSERT(is_there(keyspace, 0, "key"));
    keyspace_set_clock(keyspace, 100);
    uint64_t hash = keyspace_state_hash(keyspace);
    CU_ASSERT_FALSE(is_there(keyspace, 0, "key"));
    CU_ASSERT_EQUAL(keyspace_keys_count(keyspace, 0), 1);
    CU_ASSERT_EQUAL(keyspace_state_hash(keyspace), hash);
    CU_ASSERT_PTR_NULL(keyspace_lookup_write(keyspace, 0, SLICE_LITERAL("key")));
    CU_ASSERT_EQUAL(keyspace_keys_count(keyspace, 0), 0);
    CU_ASSERT_NOT_EQUAL(keyspace_state_hash(keyspace), hash);
    struct keyspace_stats stats;
    keyspace_get_stats(keyspace, &stats);
    CU_ASSERT_EQUAL(stats.expired_keys, 1);
    CU_ASSERT_EQUAL(stats.hits, 1);
    CU_ASSERT_EQUAL(stats.misses, 1);
    keyspace_destroy(keyspace);
}

UNIT_TEST(keyspace, the_clock_never_goes_back)
{
    struct keyspace *keyspace = keyspace_create(1);
    keyspace_set_clock(keyspace, 1000);
    keyspace_set_clock(keyspace, 999);
    CU_ASSERT_EQUAL(keyspace_clock(keyspace), 1000);
    keyspace_destroy(keyspace);
}

UNIT_TEST(keyspace, due_keys_go_by_time_then_database_then_key)
{
    struct keyspace *keyspace = keyspace_create(1);
    CU_ASSERT_EQUAL(keyspace_next_expiry(keyspace), KEYSPACE_NEVER);
    set(keyspace, 2, "a", 50);
    set(keyspace, 0, "b", 50);
    set(keyspace, 0, "a", 50);
    set(keyspace, 1, "z", 40);
    set(keyspace, 0, "later", 70);
    set(keyspace, 0, "never", KEYSPACE_NEVER);
    CU_ASSERT_EQUAL(keyspace_expiring_count(keyspace, 0), 3);
    keyspace_set_clock(keyspace, 60);
    static const struct {
        uint32_t database;
        const char *key;
    } order[] = {{1, "z"}, {0, "a"}, {0, "b"}, {2, "a"}};
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(keyspace_next_expiry(keyspace), i == 0 ? 40 : 50);
        uint64_t before = keyspace_keys_count(keyspace, order[i].database);
        CU_ASSERT_EQUAL(keyspace_remove_due(keyspace, 1), 1);
        CU_ASSERT_EQUAL(keyspace_keys_count(keyspace, order[i].database), before - 1);
    }
    CU_ASSERT_EQUAL(keyspace_remove_due(keyspace, 100), 0);
    CU_ASSERT_EQUAL(keyspace_next_expiry(keyspace), 70);
    CU_ASSERT(is_there(keyspace, 0, "never"));
    keyspace_destroy(keyspace);
}

UNIT_TEST(keyspace, changes_stamp_the_applied_index)
{
    struct keyspace *keyspace = keyspace_create(1);
    keyspace_set_applied_index(keyspace, 7);
    set(keyspace, 0, "a", KEYSPACE_NEVER);
    keyspace_set_applied_index(keyspace, 8);
    set(keyspace, 0, "b", KEYSPACE_NEVER);
    const struct item *a = keyspace_lookup_read(keyspace, 0, SLICE_LITERAL("a"), 0);
    CU_ASSERT_EQUAL(keyspace_item_modified_index(a), 7);
    keyspace_set_expiry(keyspace, 0, SLICE_LITERAL("a"), 1000);
    a = keyspace_lookup_read(keyspace, 0, SLICE_LITERAL("a"), 0);
    CU_ASSERT_EQUAL(keyspace_item_modified_index(a), 8);
    keyspace_destroy(keyspace);
}

UNIT_TEST(keyspace, reads_note_the_time_of_access)
{
    struct keyspace *keyspace = keyspace_create(1);
    keyspace_set_clock(keyspace, 10000);
    set(keyspace, 0, "a", KEYSPACE_NEVER);
    const struct item *a =
        keyspace_lookup_read(keyspace, 0, SLICE_LITERAL("a"), KEYSPACE_UNTOUCHED);
    CU_ASSERT_EQUAL(keyspace_item_idle_ms(a, 15000), 5000);
    (void)keyspace_lookup_read(keyspace, 0, SLICE_LITERAL("a"), 14000);
    CU_ASSERT_EQUAL(keyspace_item_idle_ms(a, 15000), 1000);
    keyspace_destroy(keyspace);
}

static void count_visit(const struct item *item, void *context)
{
    (void)item;
    *(uint32_t *)context += 1;
}

UNIT_TEST(keyspace, walks_and_random_picks_pass_over_due_keys)
{
    struct keyspace *keyspace = keyspace_create(1);
    struct prng prng;
    prng_init(&prng, 1);
    char key[] = "key0000";
    for (int i = 0; i < 2000; i++) {
        key[3] = (char)('0' + i / 1000);
        key[4] = (char)('0' + i / 100 % 10);
        key[5] = (char)('0' + i / 10 % 10);
        key[6] = (char)('0' + i % 10);
        set(keyspace, 0, key, i == 1234 ? KEYSPACE_NEVER : 10);
    }
    keyspace_set_clock(keyspace, 10);
    uint32_t visits = 0;
    keyspace_for_each(keyspace, 0, count_visit, &visits);
    CU_ASSERT_EQUAL(visits, 1);
    for (int i = 0; i < 20; i++) {
        const struct item *item = keyspace_random_item(keyspace, 0, &prng);
        CU_ASSERT_PTR_NOT_NULL_FATAL(item);
        CU_ASSERT(slice_equals(keyspace_item_key(item), SLICE_LITERAL("key1234")));
    }
    CU_ASSERT(keyspace_delete(keyspace, 0, SLICE_LITERAL("key1234")));
    CU_ASSERT_PTR_NULL(keyspace_random_item(keyspace, 0, &prng));
    keyspace_destroy(keyspace);
}
