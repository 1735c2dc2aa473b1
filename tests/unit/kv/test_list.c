/* test_list.c -- lists in chunks, against a plain array of the same. */
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "kv/list.h"
#include "lib/unit.h"

enum { ELEMENTS_MAX = 3000 };

struct model {
    uint32_t numbers[ELEMENTS_MAX];
    uint64_t count;
};

/* Elements of many sizes: none at all, most short, some larger than a chunk. */
static struct slice element_of(uint32_t number, char text[8192])
{
    size_t size = (size_t)snprintf(text, 8192, "%u", number);
    if (number % 50 == 0) {
        size = 5000 + number % 1000;
        memset(text, 'a' + (int)(number % 26), size);
    } else if (number % 17 == 0) {
        size = 0;
    }
    return slice_of(text, size);
}

static void check_equal(const struct container *container, const struct model *model)
{
    static char text[8192];
    const struct list_value *list = list_value_of_const(container);
    struct list_walk walk;
    struct slice element;
    CU_ASSERT_EQUAL_FATAL(container->count, model->count);
    if (model->count == 0) {
        return;
    }
    list_walk_begin(&walk, list, 0, false);
    for (uint64_t i = 0; i < model->count; i++) {
        CU_ASSERT_TRUE_FATAL(list_walk_next(&walk, &element));
        CU_ASSERT_TRUE_FATAL(slice_equals(element, element_of(model->numbers[i], text)));
    }
    CU_ASSERT_FALSE_FATAL(list_walk_next(&walk, &element));
    list_walk_begin(&walk, list, model->count - 1, true);
    for (uint64_t i = model->count; i-- > 0;) {
        CU_ASSERT_TRUE_FATAL(list_walk_next(&walk, &element));
        CU_ASSERT_TRUE_FATAL(slice_equals(element, element_of(model->numbers[i], text)));
    }
    CU_ASSERT_FALSE_FATAL(list_walk_next(&walk, &element));
}

static void model_insert(struct model *model, uint64_t index, uint32_t number)
{
    memmove(&model->numbers[index + 1], &model->numbers[index],
            (model->count - index) * sizeof(model->numbers[0]));
    model->numbers[index] = number;
    model->count++;
}

static void model_remove(struct model *model, uint64_t index, uint64_t number)
{
    memmove(&model->numbers[index], &model->numbers[index + number],
            (model->count - index - number) * sizeof(model->numbers[0]));
    model->count -= number;
}

static void change(struct container *container, struct model *model, struct prng *prng)
{
    static char text[8192];
    struct list_value *list = list_value_of(container);
    uint32_t number = (uint32_t)prng_below(prng, 1000);
    uint64_t index = model->count == 0 ? 0 : prng_below(prng, model->count);
    switch (prng_below(prng, model->count < ELEMENTS_MAX - 1 ? 8 : 2)) {
    case 0:
    case 1:
        if (model->count > 0) {
            uint64_t left = model->count - index;
            uint64_t many = prng_below(prng, 10) == 0 ? prng_below(prng, left) + 1 : 1;
            list_value_remove(list, index, many);
            model_remove(model, index, many);
        }
        break;
    case 2:
        if (model->count > 0) {
            list_value_set(list, index, element_of(number, text));
            model->numbers[index] = number;
        }
        break;
    case 3:
    case 4:
        list_value_insert(list, index, element_of(number, text));
        model_insert(model, index, number);
        break;
    case 5:
        list_value_push(list, true, element_of(number, text));
        model_insert(model, 0, number);
        break;
    default:
        list_value_push(list, false, element_of(number, text));
        model_insert(model, model->count, number);
        break;
    }
}

UNIT_TEST(list, equals_a_plain_array_whatever_is_done_to_it)
{
    static struct model model;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct container *container = container_create(VALUE_TYPE_LIST, 0);
        struct prng prng;
        prng_init(&prng, seed);
        model.count = 0;
        for (int i = 0; i < 4000; i++) {
            change(container, &model, &prng);
            if (i % 400 == 0) {
                check_equal(container, &model);
            }
        }
        check_equal(container, &model);
        CU_ASSERT_EQUAL(container->changes > 3000, true);
        container_free(container);
    }
}

UNIT_TEST(list, small_elements_cost_little)
{
    struct container *container = container_create(VALUE_TYPE_LIST, 0);
    for (int i = 0; i < 100000; i++) {
        list_value_push(list_value_of(container), i % 2 == 0, SLICE_LITERAL("element:10"));
    }
    CU_ASSERT((double)container->bytes / 100000 < 20);
    uint64_t steps = 1;
    while (!container_free_some(container, 1000)) {
        steps++;
    }
    CU_ASSERT(steps >= 80);
}

UNIT_TEST(list, a_copy_through_its_bytes_is_equal)
{
    static struct model model;
    static char text[8192];
    struct container *container = container_create(VALUE_TYPE_LIST, 0);
    model.count = 0;
    for (uint32_t i = 0; i < 500; i++) {
        list_value_push(list_value_of(container), i % 3 == 0, element_of(i, text));
        model_insert(&model, i % 3 == 0 ? 0 : model.count, i);
    }
    struct container *copy = container_copy(container, 0);
    check_equal(copy, &model);
    container_free(copy);
    container_free(container);
}
