/* failover.c -- how long writes stand still when the leader dies.
 *
 * A client writes at the leader, the leader is killed, and the client tries its next write at one
 * node after the other until it is acknowledged. Timers are the defaults.
 */
#include <stdbool.h>
#include <stdio.h>

#include "bench/bench.h"
#include "bench/histogram.h"
#include "integration/membership.h"
#include "lib/check.h"
#include "lib/cluster.h"
#include "lib/redis_client.h"

enum { NODES = 3, RETRY_MS = 1, TIMEOUT_MS = 10000, REST_MS = 300 };

/* One try; false when it is not acknowledged, for whatever reason. */
static bool try_write(const struct cluster *cluster, uint32_t node, uint32_t value)
{
    redisContext *client = redis_client_try(cluster->nodes[node].redis_port);
    if (client == NULL) {
        return false;
    }
    redisReply *reply = redisCommand(client, "SET failover %u", value);
    bool is_done = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    redisFree(client);
    return is_done;
}

static uint64_t fail_over_ms(struct cluster *cluster, uint32_t value)
{
    uint32_t leader = cluster_wait_leader(cluster);
    CHECK(try_write(cluster, leader, value));
    uint64_t begun_ms = check_now_ms();
    cluster_kill(cluster, leader);
    for (uint32_t node = leader; !try_write(cluster, node, value + 1);) {
        node = (node + 1) % NODES;
        check_sleep_ms(RETRY_MS);
        CHECK(check_now_ms() < begun_ms + TIMEOUT_MS);
    }
    uint64_t ms = check_now_ms() - begun_ms;
    cluster_restart(cluster, leader);
    member_wait_acknowledged(cluster, cluster_wait_leader(cluster));
    check_sleep_ms(REST_MS);
    return ms;
}

void bench_failover(const char *binary, const char *directory)
{
    static struct cluster cluster;
    static struct histogram histogram;
    uint32_t kills_count = bench_number("KILLS", 100);
    cluster_init(&cluster, binary, directory, NODES);
    cluster_start(&cluster);
    for (uint32_t i = 0; i < kills_count; i++) {
        histogram_add(&histogram, fail_over_ms(&cluster, 2 * i));
    }
    cluster_check_agreement(&cluster);
    cluster_kill_all(&cluster);
    printf("kills,%u,times\n", kills_count);
    printf("failover p50,%llu,ms\n", (unsigned long long)histogram_permille_us(&histogram, 500));
    printf("failover p99,%llu,ms\n", (unsigned long long)histogram_permille_us(&histogram, 990));
    printf("failover max,%llu,ms\n", (unsigned long long)histogram.max_us);
}
