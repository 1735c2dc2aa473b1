/* test_hyperloglog.c -- bytes and estimates are those of Redis, from the first element to far
 * behind the change of form; damaged bytes are noticed.
 */
#include <stdio.h>

#include "command/hyperloglog.h"
#include "lib/unit.h"

/* FNV-1a. */
static uint64_t fingerprint(struct slice bytes)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ bytes.bytes[i]) * 0x100000001b3;
    }
    return hash;
}

static uint64_t estimate(struct slice bytes)
{
    uint8_t registers[HYPERLOGLOG_REGISTERS] = {0};
    CU_ASSERT_EQUAL(hyperloglog_merge(bytes, registers), RESULT_OK);
    return hyperloglog_estimate(registers);
}

UNIT_TEST(hyperloglog, has_the_bytes_and_estimates_of_redis)
{
    /* What redis-server 7.0.15 has after PFADD of the numbers below count, with a PFCOUNT after
     * each row. */
    static const struct {
        uint32_t count;
        uint32_t estimate;
        uint32_t size;
        uint64_t fingerprint;
    } rows[] = {
        {10, 10, 48, 0x9d80bd346ef07c36},           {100, 100, 287, 0x7f9622e5ee34a522},
        {1000, 1001, 1923, 0xe0a7aef8b838588a},     {1400, 1411, 2604, 0x2829a3ed8d34bbf9},
        {2000, 2007, 12304, 0xec5d0fe8e7c20ea4},    {5000, 4985, 12304, 0x2382440bbb808c26},
        {100000, 99565, 12304, 0x2ce99a0ddadc19f2},
    };
    struct buf bytes = {0};
    hyperloglog_init(&bytes);
    uint32_t added = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (; added < rows[i].count; added++) {
            char text[16];
            int size = snprintf(text, sizeof(text), "%u", added);
            bool grew = false;
            CU_ASSERT_EQUAL(hyperloglog_add(&bytes, slice_of(text, (size_t)size), &grew),
                            RESULT_OK);
        }
        CU_ASSERT_TRUE(hyperloglog_is_valid(buf_slice(&bytes)));
        CU_ASSERT_EQUAL(buf_size(&bytes), rows[i].size);
        CU_ASSERT_EQUAL(fingerprint(buf_slice(&bytes)), rows[i].fingerprint);
        CU_ASSERT_EQUAL(estimate(buf_slice(&bytes)), rows[i].estimate);
        hyperloglog_note(&bytes, rows[i].estimate);
    }
    buf_deinit(&bytes);
}

UNIT_TEST(hyperloglog, is_dense_for_a_value_that_no_run_holds)
{
    struct buf bytes = {0};
    bool changed = false;
    hyperloglog_init(&bytes);
    CU_ASSERT_EQUAL(hyperloglog_raise(&bytes, 16383, 32, &changed), RESULT_OK);
    CU_ASSERT_TRUE(changed);
    CU_ASSERT_FALSE(hyperloglog_is_dense(buf_slice(&bytes)));
    CU_ASSERT_EQUAL(hyperloglog_raise(&bytes, 0, 33, &changed), RESULT_OK);
    CU_ASSERT_TRUE(changed);
    CU_ASSERT_TRUE(hyperloglog_is_dense(buf_slice(&bytes)));
    CU_ASSERT_EQUAL(hyperloglog_raise(&bytes, 0, 33, &changed), RESULT_OK);
    CU_ASSERT_FALSE(changed);
    uint8_t registers[HYPERLOGLOG_REGISTERS] = {0};
    CU_ASSERT_EQUAL(hyperloglog_merge(buf_slice(&bytes), registers), RESULT_OK);
    CU_ASSERT_EQUAL(registers[0], 33);
    CU_ASSERT_EQUAL(registers[1], 0);
    CU_ASSERT_EQUAL(registers[16383], 32);
    buf_deinit(&bytes);
}

/* Takes the header of an empty one and runs of its own. */
static void make_sparse(struct buf *bytes, struct slice runs)
{
    hyperloglog_init(bytes);
    buf_truncate(bytes, buf_size(bytes) - 2);
    buf_append_slice(bytes, runs);
}

UNIT_TEST(hyperloglog, refuses_runs_that_are_too_few_or_too_many)
{
    static const struct {
        const char *runs;
        size_t size;
    } rows[] = {{"", 0},
                {"\x7f\xfe", 2},
                {"\x7f\xff\x00", 3},
                {"\x7f\xfe\x81", 3},
                {"\x7f\xff\x7f\xff", 4}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf bytes = {0};
        uint8_t registers[HYPERLOGLOG_REGISTERS] = {0};
        make_sparse(&bytes, slice_of(rows[i].runs, rows[i].size));
        CU_ASSERT_TRUE(hyperloglog_is_valid(buf_slice(&bytes)));
        CU_ASSERT_EQUAL(hyperloglog_merge(buf_slice(&bytes), registers), RESULT_CORRUPT);
        CU_ASSERT_EQUAL(hyperloglog_make_dense(&bytes), RESULT_CORRUPT);
        CU_ASSERT_EQUAL(buf_size(&bytes), 16 + rows[i].size);
        buf_deinit(&bytes);
    }
}
