/* open_loop.h -- SETs or GETs at a rate that does not wait for anybody.
 *
 * Each request has a time at which it is due, whatever became of those before it, and its latency
 * counts from then: a server that stops for a second makes all requests of that second late, as its
 * users would see it.
 */
#ifndef QUORUM_TESTS_BENCH_OPEN_LOOP_H
#define QUORUM_TESTS_BENCH_OPEN_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/histogram.h"

struct open_loop_options {
    uint16_t port;
    uint32_t connections_count;
    uint32_t keys_count; /* of bench_load, of which one at random is used */
    uint32_t value_bytes;
    uint32_t rate; /* a second; 0: as many as are answered, 16 a connection under way */
    uint32_t seconds;
    bool is_reading;
    const atomic_bool *is_marked; /* what is due while it is set is counted apart; NULL: nothing */
};

struct open_loop_result {
    struct histogram plain, marked;
    uint64_t errors;
    double answered_per_second;
};

/* Runs it to the end, until the last reply. Fails the process when a connection breaks, or when
 * nothing is answered for ten seconds. */
void open_loop_run(const struct open_loop_options *options, struct open_loop_result *out);

#endif
