/* test_expiry_heap.c -- the heap of expiry times beside a plain search for the least. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/prng.h"
#include "kv/expiry_heap.h"
#include "lib/unit.h"

enum { ITEMS = 300 };

static struct item *item_named(uint32_t number)
{
    char key[16];
    int size = snprintf(key, sizeof(key), "%u", number);
    struct value value = value_of_integer(0);
    return item_create(slice_of(key, (size_t)size), &value, true);
}

/* The naive truth: the member that is least by (expiry, key), or -1. */
static int least_of(struct item **items, const bool *is_member)
{
    int least = -1;
    for (int i = 0; i < ITEMS; i++) {
        if (!is_member[i]) {
            continue;
        }
        if (least < 0) {
            least = i;
            continue;
        }
        int64_t a = item_volatile(items[i])->expiry_ms;
        int64_t b = item_volatile(items[least])->expiry_ms;
        if (a < b || (a == b && slice_compare(item_key(items[i]), item_key(items[least])) < 0)) {
            least = i;
        }
    }
    return least;
}

UNIT_TEST(expiry_heap, its_top_is_the_naive_least)
{
    struct expiry_heap heap = {NULL, 0, 0};
    struct garbage garbage = {0};
    struct item *items[ITEMS];
    bool is_member[ITEMS] = {false};
    struct prng prng;
    prng_init(&prng, 5);
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i] = item_named(i);
    }
    uint32_t wrong = 0;
    for (int round = 0; round < 20000; round++) {
        int i = (int)prng_below(&prng, ITEMS);
        int64_t expiry_ms = (int64_t)prng_below(&prng, 40); /* many ties */
        uint64_t what = prng_below(&prng, 4);
        if (!is_member[i]) {
            expiry_heap_add(&heap, items[i], expiry_ms);
            is_member[i] = true;
        } else if (what == 0) {
            expiry_heap_remove(&heap, items[i]);
            is_member[i] = false;
        } else if (what == 1) {
            struct item *other = item_remake(items[i], item_key(items[i]), true);
            expiry_heap_replace(&heap, items[i], other);
            item_free_shell(items[i]);
            items[i] = other;
        } else {
            expiry_heap_change(&heap, items[i], expiry_ms);
        }
        int least = least_of(items, is_member);
        wrong += (least < 0) != (heap.count == 0);
        wrong += least >= 0 && expiry_heap_top(&heap)->item != items[least];
        wrong += least >= 0 &&
                 expiry_heap_top(&heap)->expiry_ms != item_volatile(items[least])->expiry_ms;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    expiry_heap_clear(&heap, &garbage);
    CU_ASSERT_EQUAL(heap.count, 0);
    for (int i = 0; i < ITEMS; i++) {
        item_free(items[i]);
    }
}

UNIT_TEST(expiry_heap, gives_memory_back)
{
    struct expiry_heap heap = {NULL, 0, 0};
    struct garbage garbage = {0};
    struct item *items[ITEMS];
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i] = item_named(i);
        expiry_heap_add(&heap, items[i], i);
    }
    uint32_t capacity = heap.capacity;
    for (uint32_t i = 0; i < ITEMS; i++) {
        expiry_heap_remove(&heap, items[i]);
        item_free(items[i]);
    }
    CU_ASSERT(heap.capacity < capacity / 4);
    expiry_heap_clear(&heap, &garbage);
    garbage_deinit(&garbage);
}
