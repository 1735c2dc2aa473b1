/* test_state_row.c -- rows of a snapshot: fixed layout, round trips, hostile input. */
#include "base/prng.h"
#include "base/state_row.h"
#include "lib/unit.h"

static bool rows_equal(const struct state_row *a, const struct state_row *b)
{
    return a->slot == b->slot && a->type == b->type && a->expiry_ms == b->expiry_ms &&
           a->modified_index == b->modified_index && slice_equals(a->key, b->key) &&
           slice_equals(a->value, b->value);
}

UNIT_TEST(state_row, has_the_documented_layout)
{
    struct state_row row = {.slot = 300,
                            .type = STATE_ROW_STRING,
                            .expiry_ms = 0x0102030405060708,
                            .modified_index = 5,
                            .key = SLICE_LITERAL("ke"),
                            .value = SLICE_LITERAL("val")};
    static const uint8_t expected[] = {0xac, 0x02, 1,    2,    'k',  'e',  0x08, 0x07,
                                       0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 5,    3,
                                       'v',  'a',  'l',  7,    0,    1,    'x'};
    struct buf buf = {0};
    state_row_encode(&row, &buf);
    struct state_row removed = {.slot = 7, .type = STATE_ROW_REMOVED, .key = SLICE_LITERAL("x")};
    state_row_encode(&removed, &buf);
    CU_ASSERT(slice_equals(buf_slice(&buf), slice_of(expected, sizeof(expected))));
    buf_deinit(&buf);
}

/* A row with everything drawn by chance, its bytes borrowed from noise. */
static struct state_row random_row(struct prng *prng, const uint8_t noise[500])
{
    struct state_row row = {.slot = (uint32_t)prng_next(prng),
                            .type = (enum state_row_type)prng_below(prng, STATE_ROW_RAW + 1),
                            .key = slice_of(noise, prng_below(prng, 200))};
    if (row.type != STATE_ROW_REMOVED) {
        row.expiry_ms = prng_below(prng, 2) == 0 ? INT64_MAX : (int64_t)prng_next(prng);
        row.modified_index = prng_next(prng) >> prng_below(prng, 64);
        row.value = slice_of(noise + 200, prng_below(prng, 300));
    }
    return row;
}

UNIT_TEST(state_row, many_in_a_buffer_come_back)
{
    enum { ROWS = 500 };
    static uint8_t noise[500];
    static struct state_row rows[ROWS];
    struct prng prng;
    prng_init(&prng, 1);
    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = (uint8_t)prng_next(&prng);
    }
    struct buf buf = {0};
    for (int i = 0; i < ROWS; i++) {
        rows[i] = random_row(&prng, noise);
        state_row_encode(&rows[i], &buf);
    }
    struct bytes_reader reader = bytes_reader_of(buf_slice(&buf));
    uint32_t wrong = 0;
    for (int i = 0; i < ROWS; i++) {
        struct state_row row;
        wrong += state_row_decode(&reader, &row) != RESULT_OK || !rows_equal(&row, &rows[i]);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(bytes_left(&reader), 0);
    buf_deinit(&buf);
}

static enum result decode(const uint8_t *bytes, size_t size)
{
    struct bytes_reader reader = bytes_reader_of(slice_of(bytes, size));
    struct state_row row;
    enum result result = state_row_decode(&reader, &row);
    CU_ASSERT_EQUAL(reader.bad, result != RESULT_OK);
    return result;
}

UNIT_TEST(state_row, malformed_ones_are_corrupt)
{
    static const uint8_t good[] = {1, STATE_ROW_REMOVED, 1, 'k'};
    static const uint8_t unknown_type[] = {
        1, STATE_ROW_TYPE_MAX + 1, 1, 'k', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t slot_over_32_bits[] = {0x80, 0x80, 0x80, 0x80, 0x10, 0, 1, 'k'};
    static const uint8_t huge_key[] = {1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 'k'};
    CU_ASSERT_EQUAL(decode(good, sizeof(good)), RESULT_OK);
    CU_ASSERT_EQUAL(decode(unknown_type, sizeof(unknown_type)), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode(slot_over_32_bits, sizeof(slot_over_32_bits)), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decode(huge_key, sizeof(huge_key)), RESULT_CORRUPT);
}

UNIT_TEST(state_row, every_truncation_is_corrupt)
{
    struct state_row row = {.slot = 1,
                            .type = STATE_ROW_INTEGER,
                            .expiry_ms = INT64_MAX,
                            .modified_index = 1000,
                            .key = SLICE_LITERAL("key"),
                            .value = SLICE_LITERAL("8 bytes.")};
    struct buf buf = {0};
    state_row_encode(&row, &buf);
    for (size_t size = 0; size < buf_size(&buf); size++) {
        CU_ASSERT_EQUAL(decode(buf_slice(&buf).bytes, size), RESULT_CORRUPT);
    }
    CU_ASSERT_EQUAL(decode(buf_slice(&buf).bytes, buf_size(&buf)), RESULT_OK);
    buf_deinit(&buf);
}
