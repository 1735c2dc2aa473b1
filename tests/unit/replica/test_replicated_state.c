/* test_replicated_state.c -- replica_state of a snapshot: nothing of it gets lost, nothing
 * malformed gets in.
 */
#include <string.h>

#include "lib/unit.h"
#include "replica/replicated_state.h"

static struct replicated_state example(void)
{
    struct replicated_state state = {.hash_seed = 0x1122334455667788u};
    state.sequences.incarnation_floor = 77;
    state.sequences.count = 2;
    state.sequences.rows[0] = (struct sequence_row){3, 1000, 5};
    state.sequences.rows[1] = (struct sequence_row){9, 2000, UINT64_MAX};
    return state;
}

UNIT_TEST(replicated_state, comes_back_as_it_was)
{
    struct buf bytes = {0};
    struct replicated_state state = example();
    struct replicated_state decoded;
    replicated_state_encode(&state, &bytes);
    CU_ASSERT_EQUAL_FATAL(replicated_state_decode(buf_slice(&bytes), &decoded), RESULT_OK);
    CU_ASSERT_EQUAL(decoded.hash_seed, state.hash_seed);
    /* M12: a node that starts from a snapshot judges whoever is added later like all others. */
    CU_ASSERT_EQUAL(decoded.sequences.incarnation_floor, 77);
    CU_ASSERT_EQUAL_FATAL(decoded.sequences.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(decoded.sequences.rows[i].origin, state.sequences.rows[i].origin);
        CU_ASSERT_EQUAL(decoded.sequences.rows[i].incarnation, state.sequences.rows[i].incarnation);
        CU_ASSERT_EQUAL(decoded.sequences.rows[i].sequence, state.sequences.rows[i].sequence);
    }
    buf_deinit(&bytes);
}

UNIT_TEST(replicated_state, is_refused_when_a_byte_is_missing_or_too_many)
{
    struct buf bytes = {0};
    struct replicated_state state = example();
    struct replicated_state decoded = {.hash_seed = 1};
    replicated_state_encode(&state, &bytes);
    struct slice whole = buf_slice(&bytes);
    for (size_t size = 0; size < whole.size; size++) {
        CU_ASSERT_EQUAL(replicated_state_decode(slice_of(whole.bytes, size), &decoded),
                        RESULT_CORRUPT);
    }
    buf_append_byte(&bytes, 0);
    CU_ASSERT_EQUAL(replicated_state_decode(buf_slice(&bytes), &decoded), RESULT_CORRUPT);
    CU_ASSERT_EQUAL(decoded.hash_seed, 1);
    buf_deinit(&bytes);
}

UNIT_TEST(replicated_state, of_a_later_version_is_told_from_a_damaged_one)
{
    static const uint8_t later[] = {2, 0, 0};
    struct replicated_state decoded;
    CU_ASSERT_EQUAL(replicated_state_decode(slice_of(later, sizeof(later)), &decoded),
                    RESULT_VERSION);
}
