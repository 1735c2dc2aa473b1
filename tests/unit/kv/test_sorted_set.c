/* test_sorted_set.c -- sorted sets, against a plain sorted array of the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "kv/sorted_set.h"
#include "lib/unit.h"

enum { MEMBERS_MAX = 1500 };

struct pair {
    char member[16];
    double score;
};

struct model {
    struct pair pairs[MEMBERS_MAX]; /* by score, then member */
    uint64_t count;
};

static int compare(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    if (left->score != right->score) {
        return left->score < right->score ? -1 : 1;
    }
    return strcmp(left->member, right->member);
}

static struct pair *model_find(struct model *model, const char *member)
{
    for (uint64_t i = 0; i < model->count; i++) {
        if (strcmp(model->pairs[i].member, member) == 0) {
            return &model->pairs[i];
        }
    }
    return NULL;
}

static uint64_t model_below(const struct model *model, double score, bool is_past)
{
    uint64_t below = 0;
    for (uint64_t i = 0; i < model->count; i++) {
        below += model->pairs[i].score < score || (is_past && model->pairs[i].score == score);
    }
    return below;
}

static void check_equal(const struct container *container, struct model *model)
{
    const struct sorted_set *set = sorted_set_of_const(container);
    const struct sorted_node *node = sorted_set_at(set, 0);
    const struct sorted_node *before = NULL;
    qsort(model->pairs, model->count, sizeof(model->pairs[0]), compare);
    CU_ASSERT_EQUAL_FATAL(container->count, model->count);
    for (uint64_t i = 0; i < model->count; i++) {
        struct slice member = slice_of_string(model->pairs[i].member);
        uint64_t rank = 0;
        double score = 0;
        CU_ASSERT_PTR_NOT_NULL_FATAL(node);
        CU_ASSERT_TRUE_FATAL(slice_equals(sorted_node_member(node), member));
        CU_ASSERT_TRUE_FATAL(sorted_node_score(node) == model->pairs[i].score);
        CU_ASSERT_PTR_EQUAL_FATAL(sorted_node_previous(node), before);
        CU_ASSERT_PTR_EQUAL_FATAL(sorted_set_at(set, i), node);
        CU_ASSERT_TRUE_FATAL(sorted_set_rank(set, member, &rank));
        CU_ASSERT_EQUAL_FATAL(rank, i);
        CU_ASSERT_TRUE_FATAL(sorted_set_score(set, member, &score));
        CU_ASSERT_TRUE_FATAL(score == model->pairs[i].score);
        before = node;
        node = sorted_node_next(node);
    }
    CU_ASSERT_PTR_NULL_FATAL(node);
    CU_ASSERT_PTR_NULL_FATAL(sorted_set_at(set, model->count));
    for (int i = -1; i <= 20; i++) {
        double score = i;
        CU_ASSERT_EQUAL_FATAL(sorted_set_below_score(set, score, false),
                              model_below(model, score, false));
        CU_ASSERT_EQUAL_FATAL(sorted_set_below_score(set, score, true),
                              model_below(model, score, true));
    }
}

static void change(struct container *container, struct model *model, struct prng *prng, bool grows)
{
    char member[16];
    (void)snprintf(member, sizeof(member), "m%u", (unsigned)prng_below(prng, MEMBERS_MAX));
    double score = (double)prng_below(prng, 20);
    struct sorted_set *set = sorted_set_of(container);
    struct pair *pair = model_find(model, member);
    if (prng_below(prng, 4) == 0 ? grows : !grows) {
        CU_ASSERT_EQUAL_FATAL(sorted_set_remove(set, slice_of_string(member)), pair != NULL);
        if (pair != NULL) {
            *pair = model->pairs[--model->count];
        }
        return;
    }
    CU_ASSERT_EQUAL_FATAL(sorted_set_put(set, slice_of_string(member), score), pair == NULL);
    if (pair == NULL) {
        pair = &model->pairs[model->count++];
        memcpy(pair->member, member, sizeof(member));
    }
    pair->score = score;
}

UNIT_TEST(sorted_set, equals_a_plain_sorted_array_while_it_grows_and_shrinks)
{
    static struct model model;
    struct container *container = container_create(VALUE_TYPE_ZSET, 17);
    struct prng prng;
    prng_init(&prng, 4);
    model.count = 0;
    for (int phase = 0; phase < 4; phase++) {
        for (int i = 0; i < 3000; i++) {
            change(container, &model, &prng, phase % 2 == 0);
            if (i % 500 == 0) {
                check_equal(container, &model);
            }
        }
        check_equal(container, &model);
    }
    struct container *copy = container_copy(container, 99);
    check_equal(copy, &model);
    container_free(copy);
    container_free(container);
}

UNIT_TEST(sorted_set, is_freed_in_steps)
{
    struct container *container = container_create(VALUE_TYPE_ZSET, 1);
    for (uint32_t i = 0; i < 1000; i++) {
        char member[16];
        int size = snprintf(member, sizeof(member), "m%u", i);
        (void)sorted_set_put(sorted_set_of(container), slice_of(member, (size_t)size), i);
    }
    uint64_t bytes = container->bytes;
    CU_ASSERT_FALSE(container_free_some(container, 400));
    CU_ASSERT(container->bytes < bytes);
    uint32_t steps = 1;
    while (!container_free_some(container, 400)) {
        steps++;
    }
    CU_ASSERT(steps >= 4);
}

UNIT_TEST(sorted_set, a_score_that_is_no_number_is_corrupt)
{
    static const uint8_t bytes[] = {
        VALUE_ENCODING_LISTPACK, 1, 1, 'a', 0, 0, 0, 0, 0, 0, 0xf8, 0x7f};
    struct container *container = NULL;
    CU_ASSERT_EQUAL(
        container_decode(VALUE_TYPE_ZSET, 1, slice_of(bytes, sizeof(bytes)), &container),
        RESULT_CORRUPT);
}
