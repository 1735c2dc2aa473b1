/* test_replicated_state.c -- the opaque part of a snapshot: exactly what was written is read, and
 * nothing else. */
#include "lib/unit.h"
#include "replica/replicated_state.h"

static struct replicated_state example(uint32_t rows)
{
    struct replicated_state state = {.hash_seed = 0x0123456789abcdef};
    state.sequences.count = rows;
    state.sequences.incarnation_floor = 77;
    for (uint32_t i = 0; i < rows; i++) {
        state.sequences.rows[i] = (struct sequence_row){10 + i, 1000 + i, UINT64_MAX - i};
    }
    return state;
}

static enum result decode(struct slice bytes)
{
    struct replicated_state state;
    return replicated_state_decode(bytes, &state);
}

UNIT_TEST(replica_replicated_state, comes_back_as_it_was)
{
    for (uint32_t rows = 0; rows <= LIMIT_MEMBERS; rows++) {
        struct replicated_state state = example(rows);
        struct replicated_state read = {0};
        struct buf bytes = {0};
        replicated_state_encode(&state, &bytes);
        CU_ASSERT_EQUAL(replicated_state_decode(buf_slice(&bytes), &read), RESULT_OK);
        CU_ASSERT_EQUAL(read.hash_seed, state.hash_seed);
        CU_ASSERT_EQUAL(read.sequences.incarnation_floor, 77);
        CU_ASSERT_EQUAL(read.sequences.count, rows);
        for (uint32_t i = 0; i < rows; i++) {
            CU_ASSERT_EQUAL(read.sequences.rows[i].origin, 10 + i);
            CU_ASSERT_EQUAL(read.sequences.rows[i].incarnation, 1000 + i);
            CU_ASSERT_EQUAL(read.sequences.rows[i].sequence, UINT64_MAX - i);
        }
        buf_deinit(&bytes);
    }
}

UNIT_TEST(replica_replicated_state, takes_nothing_cut_off_or_added)
{
    struct replicated_state state = example(3);
    struct buf bytes = {0};
    replicated_state_encode(&state, &bytes);
    struct slice whole = buf_slice(&bytes);
    for (size_t size = 0; size < whole.size; size++) {
        CU_ASSERT_EQUAL(decode(slice_of(whole.bytes, size)), RESULT_CORRUPT);
    }
    buf_append_byte(&bytes, 0);
    CU_ASSERT_EQUAL(decode(buf_slice(&bytes)), RESULT_CORRUPT);
    buf_deinit(&bytes);
}

UNIT_TEST(replica_replicated_state, takes_no_disorder_and_no_other_version)
{
    struct replicated_state state = example(2);
    struct buf bytes = {0};
    state.sequences.rows[1].origin = state.sequences.rows[0].origin;
    replicated_state_encode(&state, &bytes);
    CU_ASSERT_EQUAL(decode(buf_slice(&bytes)), RESULT_CORRUPT);
    buf_clear(&bytes);
    state.sequences.rows[0].origin = 0;
    replicated_state_encode(&state, &bytes);
    CU_ASSERT_EQUAL(decode(buf_slice(&bytes)), RESULT_CORRUPT);
    buf_clear(&bytes);
    state = example(LIMIT_MEMBERS);
    replicated_state_encode(&state, &bytes);
    enum { COUNT_AT = 17 };
    bytes.bytes[bytes.head + COUNT_AT]++;
    CU_ASSERT_EQUAL(decode(buf_slice(&bytes)), RESULT_CORRUPT);
    bytes.bytes[bytes.head + COUNT_AT]--;
    CU_ASSERT_EQUAL(decode(buf_slice(&bytes)), RESULT_OK);
    bytes.bytes[bytes.head] = 2;
    CU_ASSERT_EQUAL(decode(buf_slice(&bytes)), RESULT_VERSION);
    bytes.bytes[bytes.head] = 0;
    CU_ASSERT_EQUAL(decode(buf_slice(&bytes)), RESULT_CORRUPT);
    buf_deinit(&bytes);
}
