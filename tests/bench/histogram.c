/* histogram.c -- see histogram.h. Below 64 us a bucket is a microsecond; above, each power of two
 * has 64 of them. */
#include "bench/histogram.h"

static uint32_t bucket_of(uint64_t us)
{
    uint32_t power = 0;
    while (us >= 2 * HISTOGRAM_STEPS) {
        us /= 2;
        power++;
    }
    uint32_t bucket = us < HISTOGRAM_STEPS ? (uint32_t)us : power * HISTOGRAM_STEPS + (uint32_t)us;
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t end_of(uint32_t bucket)
{
    if (bucket < HISTOGRAM_STEPS) {
        return bucket;
    }
    uint32_t power = (bucket - HISTOGRAM_STEPS) / HISTOGRAM_STEPS;
    uint64_t step = bucket - power * HISTOGRAM_STEPS;
    return ((step + 1) << power) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t us)
{
    histogram->counts[bucket_of(us)]++;
    histogram->count++;
    histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
}

uint64_t histogram_permille_us(const struct histogram *histogram, double permille)
{
    double wanted = (double)histogram->count * permille / 1000;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen > 0 && (double)seen >= wanted) {
            return end_of(i) < histogram->max_us ? end_of(i) : histogram->max_us;
        }
    }
    return histogram->max_us;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        into->counts[i] += from->counts[i];
    }
    into->count += from->count;
    into->max_us = from->max_us > into->max_us ? from->max_us : into->max_us;
}
