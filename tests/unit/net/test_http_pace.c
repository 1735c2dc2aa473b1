/* test_http_pace.c -- who is too slow (line H14 of the catalogue of faults). */
#include "lib/unit.h"
#include "net/http_pace.h"

enum { BEGIN = 5000, WINDOW = 10000 };

/* Whether it is too slow that long after the begin, when so much has moved since the last call. */
static bool is_too_slow(struct http_pace *pace, bool is_head, uint64_t after_ms, uint64_t bytes)
{
    http_pace_note(pace, bytes);
    return http_pace_is_too_slow(pace, is_head, BEGIN + after_ms, WINDOW);
}

UNIT_TEST(http_pace, h14_a_head_has_a_deadline_however_fast_it_drips)
{
    struct http_pace pace;
    http_pace_begin(&pace, BEGIN);
    CU_ASSERT_FALSE(is_too_slow(&pace, true, 1000, 0));
    CU_ASSERT_FALSE(is_too_slow(&pace, true, WINDOW, 1000000));
    CU_ASSERT_TRUE(is_too_slow(&pace, true, WINDOW + 1, 1000000));
}

UNIT_TEST(http_pace, h14_a_body_must_move_on_in_every_window)
{
    struct http_pace pace;
    http_pace_begin(&pace, BEGIN);
    CU_ASSERT_FALSE(is_too_slow(&pace, false, WINDOW - 1, 0));
    CU_ASSERT_FALSE(is_too_slow(&pace, false, WINDOW, 1000000));
    CU_ASSERT_FALSE(is_too_slow(&pace, false, 2 * WINDOW - 1, 0));
    CU_ASSERT_FALSE(is_too_slow(&pace, false, 2 * WINDOW, 10240));
    CU_ASSERT_FALSE(is_too_slow(&pace, false, 2 * WINDOW + 1, 0));
    CU_ASSERT_TRUE(is_too_slow(&pace, false, 3 * WINDOW, 10239));
    http_pace_begin(&pace, BEGIN);
    CU_ASSERT_TRUE(is_too_slow(&pace, false, WINDOW, 10239));
}

UNIT_TEST(http_pace, h14_there_is_an_end_to_everything)
{
    struct http_pace pace;
    http_pace_begin(&pace, BEGIN);
    for (uint64_t ms = 1000; ms <= 600000; ms += 1000) {
        CU_ASSERT_FALSE(is_too_slow(&pace, false, ms, 100000));
    }
    CU_ASSERT_TRUE(is_too_slow(&pace, false, 600001, 100000));
    http_pace_end(&pace);
    CU_ASSERT_FALSE(is_too_slow(&pace, false, 700000, 0));
}
