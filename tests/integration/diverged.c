/* diverged.c -- a node whose state is not that of the others: it notices by itself, stops, and
 * fetches theirs when it is started again (fault O7).
 */
#include <stdio.h>
#include <string.h>

#include "integration/load.h"
#include "integration/suite.h"
#include "integration/writers.h"
#include "lib/check.h"
#include "lib/redis_client.h"

enum { DIVERGED_STATUS = 75 };

static const struct load load = {"diverged", 1, 500, 100};

/* Changes a key on one node alone, behind Raft's back, and waits for what comes of it. */
static void diverge(struct cluster *cluster, struct writers *writers, uint32_t node)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    uint64_t begun_ms = check_now_ms();
    writers_expect_loss(writers, node);
    expect(client, "+OK", "DEBUG DIVERGE diverged:7");
    int status = cluster_wait_end(cluster, node);
    redisFree(client);
    CHECK(status == DIVERGED_STATUS);
    check_note("node-%u stopped %llu ms after it was changed", node + 1,
               (unsigned long long)(check_now_ms() - begun_ms));
    (void)cluster_wait_leader(cluster);
    load_check(cluster, cluster_other(cluster, node), &load);
    cluster_restart(cluster, node);
    cluster_wait_served(cluster, node);
    load_check(cluster, node, &load);
    writers_expect_service(writers, node);
    writers_wait_rounds(writers, 10);
}

void test_divergence(struct cluster *cluster)
{
    cluster_add_option(cluster, "--request-timeout=15000");
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    load_write(cluster, leader, &load);
    struct writers *writers = writers_start(cluster);
    writers_wait_rounds(writers, 10);
    diverge(cluster, writers, cluster_other(cluster, leader));
    diverge(cluster, writers, cluster_wait_leader(cluster));
    (void)writers_finish(writers);
    cluster_check_agreement(cluster);
    /* The mark is gone with the state that had it. */
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        cluster_kill(cluster, node);
        cluster_restart(cluster, node);
    }
    (void)cluster_wait_leader(cluster);
    cluster_check_agreement(cluster);
}
