/* test_dict.c -- the hash table: finding while it grows and shrinks, and what SCAN promises. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kv/dict.h"
#include "lib/unit.h"

enum { KEYS_MAX = 20000 };

struct fixture {
    struct dict dict;
    struct garbage garbage;
};

static void set_up(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    dict_init(&fixture->dict, 42, &fixture->garbage);
}

static void tear_down(struct fixture *fixture)
{
    dict_clear(&fixture->dict);
    garbage_deinit(&fixture->garbage);
}

static struct slice key_of(uint32_t number, char text[16])
{
    int size = snprintf(text, 16, "key:%u", number);
    return slice_of(text, (size_t)size);
}

static struct item **find(struct fixture *fixture, uint32_t number)
{
    char text[16];
    struct slice key = key_of(number, text);
    return dict_find(&fixture->dict, key, dict_hash(&fixture->dict, key));
}

static void insert(struct fixture *fixture, uint32_t number)
{
    char text[16];
    struct slice key = key_of(number, text);
    struct value value = value_of_integer(number);
    dict_insert(&fixture->dict, item_create(key, &value, false), dict_hash(&fixture->dict, key));
}

static void remove_key(struct fixture *fixture, uint32_t number)
{
    item_free(dict_remove(&fixture->dict, find(fixture, number)));
}

UNIT_TEST(dict, finds_every_key_at_every_size)
{
    struct fixture fixture;
    set_up(&fixture);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < KEYS_MAX; i++) {
        insert(&fixture, i);
        wrong += find(&fixture, i) == NULL;
        wrong += find(&fixture, i / 2) == NULL; /* one from before, wherever it moved */
        wrong += find(&fixture, i + 1) != NULL;
    }
    CU_ASSERT_EQUAL(fixture.dict.count, KEYS_MAX);
    for (uint32_t i = 0; i < KEYS_MAX; i++) {
        remove_key(&fixture, i);
        wrong += find(&fixture, i) != NULL;
        wrong += i + 1 < KEYS_MAX && find(&fixture, i + (KEYS_MAX - i) / 2) == NULL;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(fixture.dict.count, 0);
    CU_ASSERT(dict_memory(&fixture.dict) < 64 * 1024);
    tear_down(&fixture);
}

UNIT_TEST(dict, steps_finish_a_resize)
{
    struct fixture fixture;
    set_up(&fixture);
    uint32_t number = 0;
    while (!dict_is_resizing(&fixture.dict) || number < 5000) {
        insert(&fixture, number++);
    }
    uint32_t steps = 0;
    for (; dict_is_resizing(&fixture.dict) && steps < 10000; steps++) {
        dict_step(&fixture.dict, 16);
    }
    CU_ASSERT(steps > 1);
    CU_ASSERT_FALSE(dict_is_resizing(&fixture.dict));
    uint32_t missing = 0;
    for (uint32_t i = 0; i < number; i++) {
        missing += find(&fixture, i) == NULL;
    }
    CU_ASSERT_EQUAL(missing, 0);
    tear_down(&fixture);
}

UNIT_TEST(dict, steps_alone_shrink_a_table_that_is_much_too_large)
{
    struct fixture fixture;
    set_up(&fixture);
    for (uint32_t i = 0; i < KEYS_MAX; i++) {
        insert(&fixture, i);
    }
    for (uint32_t i = 10; i < KEYS_MAX; i++) {
        remove_key(&fixture, i);
    }
    for (uint32_t steps = 0; dict_is_resizing(&fixture.dict) && steps < 10000; steps++) {
        dict_step(&fixture.dict, 1024);
    }
    CU_ASSERT_FALSE(dict_is_resizing(&fixture.dict));
    CU_ASSERT(dict_memory(&fixture.dict) <= 64 * sizeof(struct item *));
    CU_ASSERT_PTR_NOT_NULL(find(&fixture, 9));
    tear_down(&fixture);
}

static uint8_t seen[2 * KEYS_MAX];
static uint32_t visits;

static void see(struct item *item, void *context)
{
    (void)context;
    struct value value = item_value(item);
    seen[value.integer] = 1;
    visits++;
}

static uint32_t count_unseen(uint32_t first, uint32_t end)
{
    uint32_t unseen = 0;
    for (uint32_t i = first; i < end; i++) {
        unseen += seen[i] == 0;
    }
    return unseen;
}

UNIT_TEST(dict, a_scan_of_a_table_at_rest_visits_each_key_once)
{
    struct fixture fixture;
    set_up(&fixture);
    memset(seen, 0, sizeof(seen));
    visits = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        insert(&fixture, i);
    }
    dict_step(&fixture.dict, UINT32_MAX / 16);
    CU_ASSERT_FALSE(dict_is_resizing(&fixture.dict));
    uint64_t cursor = 0;
    do {
        cursor = dict_scan(&fixture.dict, cursor, see, NULL);
    } while (cursor != 0);
    CU_ASSERT_EQUAL(visits, 1000);
    CU_ASSERT_EQUAL(count_unseen(0, 1000), 0);
    tear_down(&fixture);
}

/* Between two steps of the scan, insert or remove so many keys that come and go. */
static void scan_while_changing(uint32_t stable, uint32_t inserts, uint32_t removals)
{
    struct fixture fixture;
    set_up(&fixture);
    memset(seen, 0, sizeof(seen));
    uint32_t first = stable;
    uint32_t end = stable;
    for (uint32_t i = 0; i < stable; i++) {
        insert(&fixture, i);
    }
    for (; removals > inserts && end < KEYS_MAX; end++) {
        insert(&fixture, end);
    }
    uint64_t cursor = 0;
    uint32_t steps = 0;
    do {
        cursor = dict_scan(&fixture.dict, cursor, see, NULL);
        for (uint32_t i = 0; i < inserts && end < 2 * KEYS_MAX; i++) {
            insert(&fixture, end++);
        }
        for (uint32_t i = 0; i < removals && first < end; i++) {
            remove_key(&fixture, first++);
        }
        steps++;
    } while (cursor != 0 && steps < 1000000);
    CU_ASSERT_EQUAL(cursor, 0);
    CU_ASSERT_EQUAL(count_unseen(0, stable), 0);
    tear_down(&fixture);
}

UNIT_TEST(dict, a_scan_misses_no_stable_key_while_the_table_grows)
{
    scan_while_changing(10, 50, 0);
    scan_while_changing(300, 7, 0);
    scan_while_changing(1000, 3, 1);
}

UNIT_TEST(dict, a_scan_misses_no_stable_key_while_the_table_shrinks)
{
    scan_while_changing(10, 0, 40);
    scan_while_changing(300, 0, 7);
    scan_while_changing(1000, 1, 3);
}

UNIT_TEST(dict, a_cursor_goes_on_in_a_table_of_another_size)
{
    /* The same keys and seed, but one table is larger: it held more keys once. */
    struct fixture small;
    struct fixture large;
    set_up(&small);
    set_up(&large);
    memset(seen, 0, sizeof(seen));
    for (uint32_t i = 0; i < 500; i++) {
        insert(&small, i);
        insert(&large, i);
    }
    for (uint32_t i = 500; i < 3000; i++) {
        insert(&large, i);
    }
    CU_ASSERT(dict_memory(&large.dict) > dict_memory(&small.dict));
    uint64_t cursor = 0;
    uint32_t turn = 0;
    do {
        struct fixture *fixture = turn++ % 3 == 0 ? &small : &large;
        cursor = dict_scan(&fixture->dict, cursor, see, NULL);
    } while (cursor != 0 && turn < 100000);
    CU_ASSERT_EQUAL(cursor, 0);
    CU_ASSERT_EQUAL(count_unseen(0, 500), 0);
    tear_down(&small);
    tear_down(&large);
}

UNIT_TEST(dict, any_cursor_at_all_ends)
{
    struct fixture fixture;
    set_up(&fixture);
    struct prng prng;
    prng_init(&prng, 3);
    for (uint32_t i = 0; i < 100; i++) {
        insert(&fixture, i);
    }
    for (int i = 0; i < 1000; i++) {
        uint64_t cursor = prng_next(&prng);
        uint32_t steps = 0;
        while (cursor != 0 && steps < 300) {
            cursor = dict_scan(&fixture.dict, cursor, see, NULL);
            steps++;
        }
        CU_ASSERT(steps < 300);
    }
    tear_down(&fixture);
}

UNIT_TEST(dict, random_picks_reach_every_item)
{
    struct fixture fixture;
    set_up(&fixture);
    struct prng prng;
    prng_init(&prng, 1);
    CU_ASSERT_PTR_NULL(dict_random(&fixture.dict, &prng));
    memset(seen, 0, sizeof(seen));
    for (uint32_t i = 0; i < 50; i++) {
        insert(&fixture, i);
    }
    for (int i = 0; i < 5000; i++) {
        see(dict_random(&fixture.dict, &prng), NULL);
    }
    CU_ASSERT_EQUAL(count_unseen(0, 50), 0);
    tear_down(&fixture);
}
