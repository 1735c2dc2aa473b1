/* loop.c -- the clocks, and the begin and end of a turn. */
#include "net/loop.h"

#include <time.h>

#include "base/assert.h"

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    int failed = clock_gettime(clock, &now);
    ASSERT(failed == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void loop_wake(struct loop *loop)
{
    if (loop->is_awake) {
        return;
    }
    loop->is_awake = true;
    loop->woken_us = loop_monotonic_us();
    loop->now_ms = loop->woken_us / 1000;
    loop->wall_ms = loop_wall_us() / 1000;
    if (loop->replica != NULL) {
        replica_begin_turn(loop->replica, loop->now_ms, loop->wall_ms);
    }
}

void loop_sleep(struct loop *loop)
{
    loop->is_awake = false;
}

uint64_t loop_monotonic_us(void)
{
    return (uint64_t)clock_us(CLOCK_MONOTONIC);
}

int64_t loop_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}
