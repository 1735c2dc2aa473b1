/* latency.h -- LATENCY: the times when something took longer than latency-monitor-threshold, and
 * how the times of each command are distributed. Of this node alone.
 *
 * Events as in Redis: command, fast-command (a command's execution); and one of our own: loop-turn,
 * a turn of the event loop, which is what every client and peer of the node waits for.
 *
 * Source:
 * https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/latency-monitor/
 */
#ifndef QUORUM_REPLICA_LATENCY_H
#define QUORUM_REPLICA_LATENCY_H

#include <stdint.h>

#include "command/command.h"

struct executor;

/* Samples kept of an event: one a second at most, the longest of it. */
enum { LATENCY_SAMPLES = 160, LATENCY_BUCKETS = 24 };

enum latency_event { LATENCY_COMMAND, LATENCY_FAST_COMMAND, LATENCY_LOOP_TURN, LATENCY_EVENTS };

struct latency_sample {
    int64_t time_s;
    uint64_t ms;
};

struct latency_series {
    struct latency_sample samples[LATENCY_SAMPLES]; /* a ring */
    uint32_t next;
    uint32_t count;
    uint64_t max_ms;
};

struct latency {
    uint64_t threshold_ms; /* 0: nothing is noted */
    struct latency_series series[LATENCY_EVENTS];
    uint64_t turns;
    uint64_t turns_over_5ms;
    uint64_t longest_turn_us;
};

/* Commands by their time: bucket n counts those of up to 2^n * 1.024 microseconds, about. */
struct latency_histogram {
    uint64_t buckets[LATENCY_BUCKETS];
};

/* A command took so long. */
void latency_note_command(struct executor *executor, const struct command *command, uint64_t us);

/* A turn of the loop took so long. */
void latency_note_turn(struct executor *executor, uint64_t us);

#endif
