/* kills.c -- kill -9 of the leader, again and again, under writers on all nodes. */
#include <stdlib.h>

#include "integration/suite.h"
#include "integration/writers.h"
#include "lib/check.h"

enum { KILLS_DEFAULT = 5, KILLS_MAX = 100000 };

static int compare_times(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

uint32_t kills_wanted(uint32_t otherwise)
{
    const char *text = getenv("KILLS");
    long wanted = text == NULL ? otherwise : strtol(text, NULL, 10);
    CHECK(wanted > 0 && wanted <= KILLS_MAX);
    return (uint32_t)wanted;
}

void test_leader_killed_under_writers(struct cluster *cluster)
{
    uint32_t kills = kills_wanted(KILLS_DEFAULT);
    uint64_t *times = calloc(kills, sizeof(times[0]));
    cluster_start(cluster);
    struct writers *writers = writers_start(cluster);
    for (uint32_t i = 0; i < kills; i++) {
        writers_wait_rounds(writers, 20);
        uint32_t leader = cluster_wait_leader(cluster);
        uint64_t begun_ms = check_now_ms();
        writers_expect_loss(writers, leader);
        cluster_kill(cluster, leader);
        times[i] = writers_wait_acknowledged(writers) - begun_ms;
        cluster_restart(cluster, leader);
        writers_expect_service(writers, leader);
    }
    writers_wait_rounds(writers, 20);
    uint64_t acknowledged = writers_finish(writers);
    cluster_check_agreement(cluster);
    qsort(times, kills, sizeof(times[0]), compare_times);
    check_note("%u kills, %llu writes acknowledged, writing again after %llu ms (median), %llu ms "
               "(longest)",
               kills, (unsigned long long)acknowledged, (unsigned long long)times[kills / 2],
               (unsigned long long)times[kills - 1]);
    free(times);
}
