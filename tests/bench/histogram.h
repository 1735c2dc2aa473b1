/* histogram.h -- how long things took: counts in buckets of at most 1.6 % width.
 */
#ifndef QUORUM_TESTS_BENCH_HISTOGRAM_H
#define QUORUM_TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = 40 * HISTOGRAM_STEPS };

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t max_us;
};

void histogram_add(struct histogram *histogram, uint64_t us);

/* The time that so many of a thousand took at most, in microseconds; 0 when nothing was counted. */
uint64_t histogram_permille_us(const struct histogram *histogram, double permille);

/* Adds what another one counted. */
void histogram_merge(struct histogram *into, const struct histogram *from);

#endif
