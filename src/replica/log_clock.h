/* log_clock.h -- private: the clock that the log carries, in Unix milliseconds.
 *
 * The leader stamps every entry; the stamps never fall. Inside the state machine the stamp of the
 * entry being applied is the only "now", so every node agrees on what is expired.
 *
 * A leader's clock runs by its monotonic clock. It starts where the cluster's clock is: at what the
 * last leader said plus the time since, or, when this node has heard of none since it started, at
 * its wall clock; never below the last stamp in the log. From there it is slewed towards the wall
 * clock by at most one part in SLEW_DIVISOR. So neither a stepped wall clock nor a change of
 * leader between nodes whose wall clocks differ moves a TTL by more than that.
 * (After LogCabin's ClusterClock; starting from the former leader's clock instead of the own wall
 * clock is ours.)
 */
#ifndef QUORUM_REPLICA_LOG_CLOCK_H
#define QUORUM_REPLICA_LOG_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct log_clock {
    int64_t value_us;  /* microseconds, so that slewing does not round away */
    uint64_t as_of_ms; /* monotonic time value_us was true at */
    bool is_known;     /* a leader's clock was heard, or this node has led */
    int64_t stamp_ms;  /* highest stamp seen in the log; the clock never falls below it */
};

/* A stamp that is in the log (appended, restored or applied). */
void log_clock_saw_stamp(struct log_clock *clock, int64_t stamp_ms);

/* A leader's clock came with a message just now. */
void log_clock_heard(struct log_clock *clock, uint64_t now_ms, int64_t leader_clock_ms);

/* This node became leader. */
void log_clock_lead(struct log_clock *clock, uint64_t now_ms, int64_t wall_ms);

/* A leader's next stamp: moves the clock on to now_ms, slewing it towards wall_ms. */
int64_t log_clock_stamp(struct log_clock *clock, uint64_t now_ms, int64_t wall_ms);

/* Where the clock probably is now, on any node; at least the highest stamp. */
int64_t log_clock_estimate(const struct log_clock *clock, uint64_t now_ms);

#endif
