/* log_clock.c -- the log's clock. */
#include "replica/log_clock.h"

enum {
    SLEW_DIVISOR = 2000, /* 500 parts in a million, what adjtime(3) does at most */
    SLEW_STEP_MS = 20,   /* slewed in steps of at least this, or each would round to nothing */
};

void log_clock_saw_stamp(struct log_clock *clock, int64_t stamp_ms)
{
    if (stamp_ms > clock->stamp_ms) {
        clock->stamp_ms = stamp_ms;
    }
}

void log_clock_heard(struct log_clock *clock, uint64_t now_ms, int64_t leader_clock_ms)
{
    clock->value_us = leader_clock_ms * 1000;
    clock->as_of_ms = now_ms;
    clock->is_known = true;
}

void log_clock_lead(struct log_clock *clock, uint64_t now_ms, int64_t wall_ms)
{
    int64_t start_ms = clock->is_known ? log_clock_estimate(clock, now_ms) : wall_ms;
    if (start_ms < clock->stamp_ms) {
        start_ms = clock->stamp_ms;
    }
    log_clock_heard(clock, now_ms, start_ms);
}

int64_t log_clock_stamp(struct log_clock *clock, uint64_t now_ms, int64_t wall_ms)
{
    int64_t elapsed_us = (int64_t)(now_ms - clock->as_of_ms) * 1000;
    int64_t value_us = clock->value_us + elapsed_us;
    if (elapsed_us < SLEW_STEP_MS * 1000) {
        log_clock_saw_stamp(clock, value_us / 1000);
        return clock->stamp_ms;
    }
    int64_t error_us = wall_ms * 1000 - value_us;
    int64_t slew_us_max = elapsed_us / SLEW_DIVISOR;
    if (error_us > slew_us_max) {
        error_us = slew_us_max;
    } else if (error_us < -slew_us_max) {
        error_us = -slew_us_max;
    }
    clock->value_us = value_us + error_us;
    clock->as_of_ms = now_ms;
    log_clock_saw_stamp(clock, clock->value_us / 1000);
    return clock->stamp_ms;
}

int64_t log_clock_estimate(const struct log_clock *clock, uint64_t now_ms)
{
    int64_t value_ms = clock->stamp_ms;
    if (clock->is_known) {
        int64_t elapsed_ms = now_ms > clock->as_of_ms ? (int64_t)(now_ms - clock->as_of_ms) : 0;
        int64_t running_ms = clock->value_us / 1000 + elapsed_ms;
        value_ms = running_ms > value_ms ? running_ms : value_ms;
    }
    return value_ms;
}
