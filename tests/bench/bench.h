/* bench.h -- the parts of the own bench (main.c), and what they share.
 *
 * Figures leave as lines "name,value,unit", which run.py reads; bench_snapshots prints tables of
 * its own. Choices come from the environment, with a default each. What goes wrong ends the process
 * (lib/check.h).
 */
#ifndef QUORUM_TESTS_BENCH_BENCH_H
#define QUORUM_TESTS_BENCH_BENCH_H

#include <stdint.h>

/* The keys of redis-benchmark, 16 bytes. */
#define BENCH_KEY_FORMAT "key:%012u"

/* A number in the environment. */
uint32_t bench_number(const char *name, uint32_t otherwise);

/* Sets the keys 0 to keys_count - 1, through one connection; every reply must be +OK. */
void bench_load(uint16_t port, uint32_t keys_count, uint32_t value_bytes);

/* What a server at PORT, Quorum or Redis, takes for requests at a fixed rate (open_loop.h). */
void bench_latency(void);

/* From kill -9 of the leader to the next acknowledged write, KILLS times. */
void bench_failover(const char *binary, const char *directory);

/* What snapshots and membership changes cost. */
void bench_snapshots(const char *binary, const char *directory);

#endif
