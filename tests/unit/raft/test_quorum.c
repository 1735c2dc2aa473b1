/* test_quorum.c -- the quorum value against the obvious definition, over every vector (C18). */
#include "lib/unit.h"
#include "raft/raft_internal.h"

enum { VALUES = 6 }; /* 0 .. 5 at each place */

/* The highest candidate that at least a majority reaches. */
static uint64_t obvious(const uint64_t *values, uint32_t count)
{
    uint64_t best = 0;
    for (uint64_t candidate = 0; candidate < VALUES; candidate++) {
        uint32_t reached = 0;
        for (uint32_t i = 0; i < count; i++) {
            reached += values[i] >= candidate ? 1 : 0;
        }
        if (2 * reached > count) {
            best = candidate;
        }
    }
    return best;
}

static uint32_t check_all(uint32_t count)
{
    uint64_t values[LIMIT_MEMBERS] = {0};
    uint32_t checked = 0;
    for (;;) {
        if (raft_quorum_value(values, count) != obvious(values, count)) {
            CU_FAIL("quorum value differs");
            return checked;
        }
        checked++;
        uint32_t at = 0;
        while (at < count && ++values[at] == VALUES) {
            values[at++] = 0;
        }
        if (at == count) {
            return checked;
        }
    }
}

UNIT_TEST(raft_quorum, agrees_with_the_definition_for_every_vector)
{
    CU_ASSERT_EQUAL(check_all(1), 6);
    CU_ASSERT_EQUAL(check_all(2), 36);
    CU_ASSERT_EQUAL(check_all(3), 216);
    CU_ASSERT_EQUAL(check_all(4), 1296);
    CU_ASSERT_EQUAL(check_all(5), 7776);
    CU_ASSERT_EQUAL(check_all(7), 279936);
}

UNIT_TEST(raft_quorum, of_nobody_is_nothing)
{
    CU_ASSERT_EQUAL(raft_quorum_value(NULL, 0), 0);
}
