/* test_dense_table.c -- the table behind hashes and sets, against a plain array of the same. */
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "kv/dense_table.h"
#include "lib/unit.h"

enum { NAMES = 2000 };

/* What must be there: names in the dense order, with the number of each one's value. */
struct model {
    uint32_t names[NAMES];
    uint32_t values[NAMES];
    uint32_t count;
};

static struct slice name_of(uint32_t number, char text[16])
{
    return slice_of(text, (size_t)snprintf(text, 16, "m%u", number));
}

/* Values of several sizes, none among them. */
static struct slice value_of(uint32_t number, char text[32])
{
    memset(text, 'a' + (int)(number % 26), 32);
    return slice_of(text, number % 20);
}

static uint32_t model_find(const struct model *model, uint32_t name)
{
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->names[i] == name) {
            return i;
        }
    }
    return DENSE_TABLE_NOWHERE;
}

static void check_equal(const struct dense_table *table, const struct model *model)
{
    char name[16];
    char value[32];
    CU_ASSERT_EQUAL_FATAL(table->count, model->count);
    for (uint32_t i = 0; i < model->count; i++) {
        struct slice member = name_of(model->names[i], name);
        CU_ASSERT_FATAL(slice_equals(dense_entry_member(table->entries[i]), member));
        CU_ASSERT_FATAL(
            slice_equals(dense_entry_value(table->entries[i]), value_of(model->values[i], value)));
        CU_ASSERT_EQUAL_FATAL(dense_table_find(table, member), i);
    }
}

static void change(struct dense_table *table, struct model *model, struct prng *prng, bool grows)
{
    char name[16];
    char value[32];
    uint32_t number = (uint32_t)prng_below(prng, NAMES);
    uint32_t fresh = (uint32_t)prng_below(prng, 1000);
    uint32_t position = model_find(model, number);
    CU_ASSERT_EQUAL_FATAL(dense_table_find(table, name_of(number, name)), position);
    if (position == DENSE_TABLE_NOWHERE && (grows || prng_below(prng, 4) == 0)) {
        dense_table_add(table, name_of(number, name), value_of(fresh, value));
        model->names[model->count] = number;
        model->values[model->count++] = fresh;
    } else if (position != DENSE_TABLE_NOWHERE && (!grows || prng_below(prng, 4) == 0)) {
        dense_table_remove(table, position);
        model->count--;
        model->names[position] = model->names[model->count];
        model->values[position] = model->values[model->count];
    } else if (position != DENSE_TABLE_NOWHERE) {
        dense_table_set_value(table, position, value_of(fresh, value));
        model->values[position] = fresh;
    }
}

static const struct container owner;

UNIT_TEST(dense_table, equals_a_plain_array_while_it_grows_and_shrinks)
{
    static struct model model;
    struct dense_table table;
    struct prng prng;
    prng_init(&prng, 7);
    dense_table_init(&table, 99, &owner);
    memset(&model, 0, sizeof(model));
    for (int phase = 0; phase < 6; phase++) {
        for (int i = 0; i < 6000; i++) {
            change(&table, &model, &prng, phase % 2 == 0);
            if (i % 500 == 0) {
                check_equal(&table, &model);
            }
        }
    }
    while (model.count > 0) {
        dense_table_remove(&table, 0);
        model.names[0] = model.names[--model.count];
        model.values[0] = model.values[model.count];
    }
    check_equal(&table, &model);
    CU_ASSERT_TRUE(dense_table_free_some(&table, 1));
    CU_ASSERT_EQUAL(table.bytes, 0);
}

UNIT_TEST(dense_table, is_freed_in_steps)
{
    struct dense_table table;
    char name[16];
    dense_table_init(&table, 1, &owner);
    for (uint32_t i = 0; i < 100; i++) {
        dense_table_add(&table, name_of(i, name), slice_of(NULL, 0));
    }
    CU_ASSERT_FALSE(dense_table_free_some(&table, 60));
    CU_ASSERT_EQUAL(table.count, 40);
    CU_ASSERT_TRUE(dense_table_free_some(&table, 60));
    CU_ASSERT_EQUAL(table.bytes, 0);
}

/* One that is there all the time is met, whatever else comes and goes between the calls. */
UNIT_TEST(dense_table, a_walk_meets_all_that_stay)
{
    struct prng prng;
    prng_init(&prng, 3);
    for (int round = 0; round < 200; round++) {
        struct dense_table table;
        bool met[50] = {false};
        char name[16];
        dense_table_init(&table, 1, &owner);
        for (uint32_t i = 0; i < 200; i++) {
            dense_table_add(&table, name_of(i, name), slice_of(NULL, 0));
        }
        uint64_t cursor = 0;
        do {
            uint32_t first = 0;
            uint32_t end = 0;
            cursor = dense_table_scan(&table, cursor, 7, &first, &end);
            for (uint32_t i = first; i < end; i++) {
                unsigned number = 0;
                struct slice member = dense_entry_member(table.entries[i]);
                memcpy(name, member.bytes, member.size);
                name[member.size] = '\0';
                CU_ASSERT_EQUAL_FATAL(sscanf(name, "m%u", &number), 1);
                if (number < 50) {
                    met[number] = true;
                }
            }
            for (int i = 0; i < 3; i++) {
                uint32_t number = 50 + (uint32_t)prng_below(&prng, 300);
                uint32_t position = dense_table_find(&table, name_of(number, name));
                if (position != DENSE_TABLE_NOWHERE) {
                    dense_table_remove(&table, position);
                } else {
                    dense_table_add(&table, name_of(number, name), slice_of(NULL, 0));
                }
            }
        } while (cursor != 0);
        for (int i = 0; i < 50; i++) {
            CU_ASSERT_TRUE_FATAL(met[i]);
        }
        (void)dense_table_free_some(&table, UINT32_MAX);
    }
}
