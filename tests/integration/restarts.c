/* restarts.c -- nodes that end, in order or not, and come back with all they had acknowledged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/suite.h"
#include "integration/writers.h"
#include "lib/check.h"
#include "lib/http_client.h"
#include "lib/redis_client.h"

enum { KEYS = 200 };

/* Writes KEYS keys of a generation, through all nodes in turn. */
static void write_keys(struct cluster *cluster, const char *generation)
{
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
        for (uint32_t i = node; i < KEYS; i += cluster->nodes_count) {
            expect(client, "+OK", "SET restart:%s:%u %s-%u", generation, i, generation, i);
        }
        redisFree(client);
    }
}

static void check_keys(struct cluster *cluster, const char *generation)
{
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
        for (uint32_t i = 0; i < KEYS; i++) {
            char value[64];
            (void)snprintf(value, sizeof(value), "\"%s-%u\"", generation, i);
            expect(client, value, "GET restart:%s:%u", generation, i);
        }
        redisFree(client);
    }
}

/* All generations so far, on all nodes. */
static void check_all(struct cluster *cluster, const char *const *generations, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        check_keys(cluster, generations[i]);
    }
    cluster_check_agreement(cluster);
}

void test_restart_of_one_two_all(struct cluster *cluster)
{
    static const char *const generations[] = {"first", "second", "third", "fourth"};
    cluster_start(cluster);
    write_keys(cluster, generations[0]);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t follower = cluster_other(cluster, leader);

    cluster_kill(cluster, follower);
    cluster_restart(cluster, follower);
    write_keys(cluster, generations[1]);
    check_all(cluster, generations, 2);

    cluster_kill(cluster, follower);
    cluster_kill(cluster, leader);
    cluster_launch(cluster, leader);
    cluster_launch(cluster, follower);
    (void)cluster_wait_leader(cluster);
    write_keys(cluster, generations[2]);
    check_all(cluster, generations, 3);

    cluster_kill_all(cluster);
    cluster_start(cluster);
    check_all(cluster, generations, 3);
    write_keys(cluster, generations[3]);

    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        cluster_stop(cluster, i);
    }
    cluster_start(cluster);
    check_all(cluster, generations, 4);
}

/* Each node once, the leader too; clients of the others notice nothing. */
void test_rolling_restart_under_load(struct cluster *cluster)
{
    cluster_start(cluster);
    struct writers *writers = writers_start(cluster);
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        writers_wait_rounds(writers, 20);
        writers_expect_loss(writers, node);
        cluster_stop(cluster, node);
        cluster_restart(cluster, node);
        writers_expect_service(writers, node);
    }
    writers_wait_rounds(writers, 20);
    uint64_t acknowledged = writers_finish(writers);
    cluster_check_agreement(cluster);
    check_note("%llu writes acknowledged", (unsigned long long)acknowledged);
}

/* With timeouts this long a new leader that is there at once was asked to be. */
void test_stop_hands_leadership_over(struct cluster *cluster)
{
    enum { TIMEOUT_MS_MIN = 4000 };
    cluster_add_option(cluster, "--election-timeout-min=4000");
    cluster_add_option(cluster, "--election-timeout-max=5000");
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    redisContext *client =
        redis_client_open(cluster->nodes[cluster_other(cluster, leader)].redis_port);
    expect(client, ":1", "INCR handed");
    uint64_t begun_ms = check_now_ms();
    cluster_ask_to_stop(cluster, leader);
    expect(client, ":2", "INCR handed");
    CHECK(cluster_wait_end(cluster, leader) == 0);
    expect(client, ":3", "INCR handed");
    uint64_t taken_ms = check_now_ms() - begun_ms;
    if (taken_ms >= TIMEOUT_MS_MIN) {
        FAIL("it took %llu ms: an election timeout, not a hand-over", (unsigned long long)taken_ms);
    }
    redisFree(client);
}

void test_cluster_of_one(struct cluster *cluster)
{
    cluster->nodes_count = 1;
    cluster->peers[0] = '\0';
    cluster_start(cluster);
    redisContext *client = redis_client_open(cluster->nodes[0].redis_port);
    expect(client, "+OK", "SET one 1");
    expect(client, ":2", "INCR one");
    redisFree(client);
    cluster_kill(cluster, 0);
    cluster_start(cluster);
    client = redis_client_open(cluster->nodes[0].redis_port);
    expect(client, "\"2\"", "GET one");
    redisFree(client);
    cluster_stop(cluster, 0);
}

/* As in the original: --peers of host:port. Who is who is learned once; later starts ask nobody,
 * and take their members from the log, not from --peers. */
void test_members_by_address_alone(struct cluster *cluster)
{
    size_t used = 0;
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        used += (size_t)snprintf(cluster->peers + used, sizeof(cluster->peers) - used,
                                 "%slocalhost:%u", i == 0 ? "" : ",", cluster->nodes[i].raft_port);
    }
    cluster_launch(cluster, 0);
    cluster_wait_for_log(cluster, 0, "first start: waiting for 2 peer(s)");
    cluster_launch(cluster, 1);
    cluster_launch(cluster, 2);
    (void)cluster_wait_leader(cluster);
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        expect_get_like(cluster->nodes[i].http_port, "/cluster/members", 200, "\"node-1\"");
        expect_get_like(cluster->nodes[i].http_port, "/cluster/members", 200, "\"node-2\"");
        expect_get_like(cluster->nodes[i].http_port, "/cluster/members", 200, "\"node-3\"");
    }
    write_keys(cluster, "address");
    cluster_kill_all(cluster);
    (void)snprintf(cluster->peers, sizeof(cluster->peers), "node-1=localhost:%u,other=localhost:%u",
                   cluster->nodes[0].raft_port, cluster_free_port());
    cluster_launch(cluster, 0);
    cluster->peers[0] = '\0';
    cluster_launch(cluster, 2);
    uint32_t leader = cluster_wait_leader(cluster);
    expect_get_like(cluster->nodes[leader].http_port, "/cluster/members", 200, "\"node-2\"");
    cluster_restart(cluster, 1);
    check_keys(cluster, "address");
}
