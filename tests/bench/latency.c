/* latency.c -- the latency of requests that come at a fixed rate, whatever became of those before.
 *
 * PORT, RATE a second (5000; 0: as many as are answered), SECONDS (10), CONNECTIONS (50), KEYS
 * (100000), BYTES (32), READ (0: SET, 1: GET) in the environment.
 */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/open_loop.h"
#include "lib/check.h"

static void put_ms(const char *name, uint64_t us)
{
    printf("%s,%.3f,ms\n", name, (double)us / 1000);
}

void bench_latency(void)
{
    static struct open_loop_result result;
    struct open_loop_options options = {
        .port = (uint16_t)bench_number("PORT", 6379),
        .connections_count = bench_number("CONNECTIONS", 50),
        .keys_count = bench_number("KEYS", 100000),
        .value_bytes = bench_number("BYTES", 32),
        .rate = bench_number("RATE", 5000),
        .seconds = bench_number("SECONDS", 10),
        .is_reading = bench_number("READ", 0) != 0,
    };
    open_loop_run(&options, &result);
    put_ms("p50", histogram_permille_us(&result.plain, 500));
    put_ms("p99", histogram_permille_us(&result.plain, 990));
    put_ms("p99.9", histogram_permille_us(&result.plain, 999));
    put_ms("max", result.plain.max_us);
    printf("answered,%.0f,/s\n", result.answered_per_second);
    printf("errors,%llu,replies\n", (unsigned long long)result.errors);
}
