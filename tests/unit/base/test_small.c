/* test_small.c -- the small things of base: slices, blobs, lists, random numbers, hashes. */
#include "base/blob.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/prng.h"
#include "base/slice.h"
#include "lib/unit.h"

UNIT_TEST(slice, orders_by_bytes_then_by_length)
{
    CU_ASSERT(slice_compare(SLICE_LITERAL("a"), SLICE_LITERAL("b")) < 0);
    CU_ASSERT(slice_compare(SLICE_LITERAL("ab"), SLICE_LITERAL("a")) > 0);
    CU_ASSERT(slice_compare(SLICE_LITERAL(""), SLICE_LITERAL("a")) < 0);
    CU_ASSERT(slice_compare(SLICE_LITERAL("\xff"), SLICE_LITERAL("a")) > 0);
    CU_ASSERT_EQUAL(slice_compare(SLICE_LITERAL("ab"), SLICE_LITERAL("ab")), 0);
}

UNIT_TEST(slice, compares_words_in_any_case_and_whole)
{
    CU_ASSERT_TRUE(slice_is_word(SLICE_LITERAL("SeT"), "set"));
    CU_ASSERT_FALSE(slice_is_word(SLICE_LITERAL("se"), "set"));
    CU_ASSERT_FALSE(slice_is_word(SLICE_LITERAL("sett"), "set"));
    CU_ASSERT_FALSE(slice_is_word(SLICE_LITERAL("set\0"), "set"));
    CU_ASSERT_FALSE(slice_is_word(SLICE_LITERAL("[et"), "{et"));
}

UNIT_TEST(blob, is_freed_with_its_last_reference)
{
    struct blob *blob = blob_copy(SLICE_LITERAL("shared"));
    CU_ASSERT_PTR_EQUAL(blob_retain(blob), blob);
    blob_release(blob);
    CU_ASSERT(slice_equals(blob_slice(blob), SLICE_LITERAL("shared")));
    blob_release(blob); /* a leak or a second free is for the sanitizer to see */
    CU_ASSERT_PTR_NULL(blob_retain(NULL));
    blob_release(NULL);
    CU_ASSERT_EQUAL(blob_slice(NULL).size, 0);
}

struct member {
    struct list link;
    int number;
};

UNIT_TEST(list, keeps_order_through_removal)
{
    struct list list;
    struct member members[4];
    list_init(&list);
    for (int i = 0; i < 4; i++) {
        members[i].number = i;
        list_push_back(&list, &members[i].link);
    }
    list_remove(&members[1].link);
    list_remove(&members[1].link); /* harmless */
    static const int expected[] = {0, 2, 3};
    for (int i = 0; i < 3; i++) {
        struct list *link = list_pop_front(&list);
        CU_ASSERT_PTR_NOT_NULL_FATAL(link);
        CU_ASSERT_EQUAL(LIST_MEMBER(link, struct member, link)->number, expected[i]);
    }
    CU_ASSERT_TRUE(list_is_empty(&list));
    CU_ASSERT_PTR_NULL(list_pop_front(&list));
}

UNIT_TEST(prng, same_seed_gives_the_same_numbers)
{
    struct prng a;
    struct prng b;
    struct prng c;
    prng_init(&a, 1);
    prng_init(&b, 1);
    prng_init(&c, 2);
    int differences = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t number = prng_next(&a);
        CU_ASSERT_EQUAL(number, prng_next(&b));
        differences += number != prng_next(&c);
    }
    CU_ASSERT(differences > 95);
}

UNIT_TEST(prng, numbers_below_a_bound_reach_all_of_it_evenly)
{
    struct prng prng;
    prng_init(&prng, 9);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t number = prng_below(&prng, 7);
        CU_ASSERT_FATAL(number < 7);
        counts[number]++;
    }
    for (int i = 0; i < 7; i++) {
        CU_ASSERT(counts[i] > 9500);
        CU_ASSERT(counts[i] < 10500);
    }
}

/* Rows, frames and the state hash rest on these numbers: they must never change. */
UNIT_TEST(hash, is_the_same_on_every_machine_for_ever)
{
    CU_ASSERT_EQUAL(hash_bytes(0, SLICE_LITERAL("")), 0x2d06800538d394c2);
    CU_ASSERT_NOT_EQUAL(hash_bytes(0, SLICE_LITERAL("a")), hash_bytes(1, SLICE_LITERAL("a")));
    CU_ASSERT_NOT_EQUAL(hash_mix(1, 2), hash_mix(2, 1));
}
