/* test_log_clock.c -- the log's clock: neither a stepped wall clock nor a new leader moves it. */
#include "lib/unit.h"
#include "replica/log_clock.h"

#define HOUR_MS INT64_C(3600000)

UNIT_TEST(replica_log_clock, begins_at_the_wall_clock_of_the_first_leader)
{
    struct log_clock clock = {0};
    log_clock_lead(&clock, 500, 10000);
    CU_ASSERT_EQUAL(log_clock_stamp(&clock, 500, 10000), 10000);
    CU_ASSERT_EQUAL(log_clock_stamp(&clock, 700, 10200), 10200);
}

UNIT_TEST(replica_log_clock, never_falls_below_a_stamp_in_the_log)
{
    struct log_clock clock = {0};
    log_clock_saw_stamp(&clock, 50000);
    log_clock_saw_stamp(&clock, 40000);
    CU_ASSERT_EQUAL(log_clock_estimate(&clock, 500), 50000);
    log_clock_lead(&clock, 500, 10000);
    CU_ASSERT_EQUAL(log_clock_stamp(&clock, 500, 10000), 50000);
}

UNIT_TEST(replica_log_clock, runs_by_monotonic_time_when_the_wall_clock_is_stepped)
{
    struct log_clock clock = {0};
    log_clock_lead(&clock, 0, 100 * HOUR_MS);
    /* An hour ahead, then an hour behind: in ten seconds each moves it by 5 ms at most. */
    int64_t stamp_ms = 0;
    for (uint64_t now_ms = 0; now_ms <= 10000; now_ms += 10) {
        stamp_ms = log_clock_stamp(&clock, now_ms, 101 * HOUR_MS + (int64_t)now_ms);
    }
    CU_ASSERT_TRUE(stamp_ms >= 100 * HOUR_MS + 10000);
    CU_ASSERT_TRUE(stamp_ms <= 100 * HOUR_MS + 10005);
    int64_t before_ms = stamp_ms;
    for (uint64_t now_ms = 10010; now_ms <= 20000; now_ms += 10) {
        int64_t next_ms = log_clock_stamp(&clock, now_ms, 99 * HOUR_MS + (int64_t)now_ms);
        CU_ASSERT_TRUE(next_ms >= stamp_ms);
        stamp_ms = next_ms;
    }
    CU_ASSERT_TRUE(stamp_ms - before_ms >= 9994);
    CU_ASSERT_TRUE(stamp_ms - before_ms <= 10000);
}

UNIT_TEST(replica_log_clock, is_slewed_however_often_it_is_asked)
{
    for (uint64_t step_ms = 1; step_ms <= 1000; step_ms *= 10) {
        struct log_clock clock = {0};
        log_clock_lead(&clock, 0, 100000);
        int64_t stamp_ms = 0;
        for (uint64_t now_ms = step_ms; now_ms <= 100000; now_ms += step_ms) {
            stamp_ms = log_clock_stamp(&clock, now_ms, 101000 + (int64_t)now_ms);
        }
        /* One part in 2,000 of 100 s. */
        CU_ASSERT_TRUE(stamp_ms >= 200049);
        CU_ASSERT_TRUE(stamp_ms <= 200050);
    }
}

UNIT_TEST(replica_log_clock, stops_at_the_wall_clock_when_it_gets_there)
{
    struct log_clock clock = {0};
    log_clock_lead(&clock, 0, 100000);
    for (uint64_t now_ms = 0; now_ms <= 60000; now_ms += 50) {
        (void)log_clock_stamp(&clock, now_ms, 100010 + (int64_t)now_ms);
    }
    CU_ASSERT_EQUAL(log_clock_stamp(&clock, 60050, 160060), 160060);
}

UNIT_TEST(replica_log_clock, goes_on_from_the_former_leaders_clock)
{
    struct log_clock clock = {0};
    log_clock_heard(&clock, 1000, 500000);
    CU_ASSERT_EQUAL(log_clock_estimate(&clock, 1250), 500250);
    CU_ASSERT_EQUAL(log_clock_estimate(&clock, 900), 500000);
    /* The new leader's own wall clock is two hours ahead. */
    log_clock_lead(&clock, 1500, 500500 + 2 * HOUR_MS);
    CU_ASSERT_EQUAL(log_clock_stamp(&clock, 1500, 500500 + 2 * HOUR_MS), 500500);
}
