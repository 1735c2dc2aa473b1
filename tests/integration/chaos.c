/* chaos.c -- everything at once: nodes are killed, paused, wiped and asked to hand over, wires are
 * cut, slowed down and spoilt, state is saved, and the writers notice nothing but time passing.
 *
 * One node at a time is out of order, so that there is always a majority; what is done to wires
 * comes on top of that. CHAOS_SECONDS in the environment makes it longer.
 */
#include <stdlib.h>

#include "integration/membership.h"
#include "integration/suite.h"
#include "integration/writers.h"
#include "lib/check.h"
#include "lib/files.h"
#include "lib/redis_client.h"
#include "lib/tcp_proxy.h"

enum {
    SECONDS_DEFAULT = 12,
    PAUSE_MS_MAX = 1200,
    REST_MS_MAX = 120,
    WIRE_MS_MAX = 400,
    SLOW_RATE = 1024 * 1024,
};

struct chaos {
    struct cluster *cluster;
    struct writers *writers;
    struct tcp_proxy *proxies[CLUSTER_NODES_MAX];
    uint64_t random;
};

static void settle(struct chaos *chaos, uint32_t node)
{
    cluster_wait_served(chaos->cluster, node);
    member_wait_voter(chaos->cluster, cluster_wait_leader(chaos->cluster), node);
    writers_expect_service(chaos->writers, node);
}

/* ---- What is done to a node ---- */

static void kill_it(struct chaos *chaos, uint32_t node)
{
    writers_expect_loss(chaos->writers, node);
    cluster_kill(chaos->cluster, node);
    check_sleep_ms(check_random(&chaos->random, REST_MS_MAX));
    cluster_restart(chaos->cluster, node);
    settle(chaos, node);
}

static void stop_it(struct chaos *chaos, uint32_t node)
{
    writers_expect_loss(chaos->writers, node);
    cluster_stop(chaos->cluster, node);
    cluster_restart(chaos->cluster, node);
    settle(chaos, node);
}

static void wipe_it(struct chaos *chaos, uint32_t node)
{
    /* All that it acknowledged must be on the two that are left. */
    member_wait_acknowledged(chaos->cluster, cluster_wait_leader(chaos->cluster));
    writers_expect_loss(chaos->writers, node);
    cluster_kill(chaos->cluster, node);
    files_remove_tree(chaos->cluster->nodes[node].data);
    cluster_restart(chaos->cluster, node);
    settle(chaos, node);
}

static void pause_it(struct chaos *chaos, uint32_t node)
{
    cluster_pause(chaos->cluster, node);
    check_sleep_ms(check_random(&chaos->random, PAUSE_MS_MAX));
    cluster_resume(chaos->cluster, node);
}

static void save_it(struct chaos *chaos, uint32_t node)
{
    redisContext *client = redis_client_open(chaos->cluster->nodes[node].redis_port);
    freeReplyObject(redis_client_call(client, "BGSAVE"));
    redisFree(client);
}

static void make_it_lead(struct chaos *chaos, uint32_t node)
{
    redisContext *client = redis_client_open(chaos->cluster->nodes[node].redis_port);
    freeReplyObject(
        redis_client_call(client, "QUORUM TRANSFER %s", chaos->cluster->nodes[node].name));
    redisFree(client);
}

/* ---- What is done to its wires ---- */

static void cut_its_wires(struct chaos *chaos, uint32_t node)
{
    tcp_proxy_cut(chaos->proxies[node]);
}

static void spoil_its_wires(struct chaos *chaos, uint32_t node)
{
    tcp_proxy_spoil(chaos->proxies[node], 1 + check_random(&chaos->random, 4000));
}

static void slow_its_wires(struct chaos *chaos, uint32_t node)
{
    tcp_proxy_set_rate(chaos->proxies[node], SLOW_RATE);
    check_sleep_ms(check_random(&chaos->random, WIRE_MS_MAX));
    tcp_proxy_set_rate(chaos->proxies[node], 0);
}

/* ---- All of it ---- */

static void (*const actions[])(struct chaos *chaos, uint32_t node) = {
    kill_it,      stop_it,       wipe_it,         pause_it,      save_it,
    make_it_lead, cut_its_wires, spoil_its_wires, slow_its_wires};

void test_chaos(struct cluster *cluster)
{
    enum { ACTIONS_COUNT = sizeof(actions) / sizeof(actions[0]) };
    const char *seconds = getenv("CHAOS_SECONDS");
    uint32_t counts[ACTIONS_COUNT] = {0};
    struct chaos chaos = {.cluster = cluster, .random = check_now_ms()};
    cluster_add_option(cluster, "--snapshot-entries=200");
    cluster_add_option(cluster, "--snapshot-trailing-bytes=20000");
    cluster_add_option(cluster, "--request-timeout=15000");
    tcp_proxy_start_all(cluster, chaos.proxies);
    cluster_start(cluster);
    chaos.writers = writers_start(cluster);
    uint64_t end_ms = check_now_ms() + 1000 * (seconds == NULL ? (uint64_t)SECONDS_DEFAULT
                                                               : strtoull(seconds, NULL, 10));
    while (check_now_ms() < end_ms) {
        uint32_t action = check_random(&chaos.random, ACTIONS_COUNT);
        actions[action](&chaos, check_random(&chaos.random, cluster->nodes_count));
        counts[action]++;
        check_sleep_ms(check_random(&chaos.random, REST_MS_MAX));
    }
    writers_wait_rounds(chaos.writers, 10);
    uint64_t acknowledged = writers_finish(chaos.writers);
    cluster_check_agreement(cluster);
    check_note("%u kill -9, %u stops, %u wipes, %u pauses, %u hand-overs; %llu writes acknowledged",
               counts[0], counts[1], counts[2], counts[3], counts[5],
               (unsigned long long)acknowledged);
}
