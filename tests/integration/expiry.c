/* expiry.c -- TTLs are the same on all nodes, whoever leads, sleeps, restarts or has a wrong clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/redis_client.h"
#include "lib/wall_clock.h"

enum {
    LONG_MS = 600000,
    /* How far a TTL may be from what this process's own clock says: what a command takes, and the
     * little by which the log's clock is slewed. */
    TOLERANCE_MS = 2000,
};

/* PTTL of a key that was given LONG_MS then, and its deadline; the same on every node. */
static void check_ttl(struct cluster *cluster, uint64_t given_ms, int64_t deadline)
{
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        if (!cluster_is_serving(cluster, i)) {
            continue;
        }
        redisContext *client = redis_client_open(cluster->nodes[i].redis_port);
        int64_t exact = redis_client_integer(client, "PEXPIRETIME expiry:long");
        if (exact != deadline) {
            FAIL("node-%u has deadline %lld, not %lld", i + 1, (long long)exact,
                 (long long)deadline);
        }
        int64_t left = redis_client_integer(client, "PTTL expiry:long");
        int64_t expected = LONG_MS - (int64_t)(check_now_ms() - given_ms);
        if (llabs(left - expected) > TOLERANCE_MS) {
            FAIL("node-%u gives it %lld ms more, not %lld", i + 1, (long long)left,
                 (long long)expected);
        }
        redisFree(client);
    }
}

static void check_gone(struct cluster *cluster, const char *key)
{
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        redisContext *client = redis_client_open(cluster->nodes[i].redis_port);
        int64_t left = redis_client_integer(client, "PTTL %s", key);
        if (left != -2) {
            FAIL("node-%u gives %s %lld ms more, and it should be gone", i + 1, key,
                 (long long)left);
        }
        expect(client, ":0", "EXISTS %s", key);
        expect(client, "(nil)", "GET %s", key);
        redisFree(client);
    }
}

/* A key that is due goes with the next entry of the log, a moment later; from the first reply
 * that says so on, every node says so. */
static void wait_gone(struct cluster *cluster, const char *key)
{
    uint64_t end_ms = check_now_ms() + CLUSTER_PATIENCE_MS;
    redisContext *client = redis_client_open(cluster->nodes[0].redis_port);
    while (redis_client_integer(client, "EXISTS %s", key) == 1) {
        if (check_now_ms() > end_ms) {
            FAIL("%s does not expire", key);
        }
        check_sleep_ms(5);
    }
    redisFree(client);
    check_gone(cluster, key);
}

/* The number of keys in the node's own state, not asking the others: what expires is removed
 * everywhere, and not only hidden. */
static void check_sizes(struct cluster *cluster, const char *size)
{
    cluster_check_agreement(cluster);
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        redisContext *client = redis_client_open(cluster->nodes[i].redis_port);
        expect(client, "+OK", "READONLY");
        expect(client, size, "DBSIZE");
        redisFree(client);
    }
}

void test_expiry_is_the_same_everywhere(struct cluster *cluster)
{
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t follower = cluster_other(cluster, leader);
    redisContext *client = redis_client_open(cluster->nodes[follower].redis_port);
    uint64_t given_ms = check_now_ms();
    expect(client, "+OK", "SET expiry:long v PX %d", LONG_MS);
    int64_t deadline = redis_client_integer(client, "PEXPIRETIME expiry:long");
    check_ttl(cluster, given_ms, deadline);
    expect(client, "+OK", "SET expiry:short v PX 1500");
    expect(client, ":1", "EXISTS expiry:short");

    /* Another leader, within the life of the short one. */
    cluster_kill(cluster, leader);
    (void)cluster_wait_leader(cluster);
    check_ttl(cluster, given_ms, deadline);
    cluster_restart(cluster, leader);
    wait_gone(cluster, "expiry:short");
    CHECK(check_now_ms() >= given_ms + 1500);
    check_sizes(cluster, ":1");

    /* Down while a key falls due: it is gone when they are back. */
    expect(client, "+OK", "SET expiry:short v PX 1000");
    redisFree(client);
    cluster_kill_all(cluster);
    check_sleep_ms(1000);
    cluster_start(cluster);
    wait_gone(cluster, "expiry:short");
    check_ttl(cluster, given_ms, deadline);
    check_sizes(cluster, ":1");
}

/* The divergence of RedisRaft: a counter falls due while a follower sleeps over its last INCR. */
void test_expiry_while_a_follower_sleeps(struct cluster *cluster)
{
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t sleeper = cluster_other(cluster, leader);
    redisContext *client = redis_client_open(cluster->nodes[leader].redis_port);
    uint64_t begun_ms = check_now_ms();
    expect(client, "+OK", "SET expiry:counter 5 PX 2000");
    check_sleep_ms(900);
    cluster_pause(cluster, sleeper);
    expect(client, ":6", "INCR expiry:counter");
    CHECK(check_now_ms() < begun_ms + 2000);
    check_sleep_ms(begun_ms + 2500 - check_now_ms());
    cluster_resume(cluster, sleeper);
    wait_gone(cluster, "expiry:counter");
    check_sizes(cluster, ":0");
    redisFree(client);
}

/* ---- A wall clock that jumps ---- */

void test_stepped_wall_clock(struct cluster *cluster)
{
    wall_clock_prepare(cluster);
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    redisContext *client = redis_client_open(cluster->nodes[leader].redis_port);
    uint64_t given_ms = check_now_ms();
    expect(client, "+OK", "SET expiry:long v PX %d", LONG_MS);
    int64_t deadline = redis_client_integer(client, "PEXPIRETIME expiry:long");
    static const int64_t steps[] = {3600, -7200};
    for (int i = 0; i < 2; i++) {
        redisReply *before = redis_client_call(client, "TIME");
        wall_clock_set(cluster, steps[i]);
        redisReply *after = redis_client_call(client, "TIME");
        CHECK(llabs(atoll(after->element[0]->str) - atoll(before->element[0]->str)) > 3000);
        freeReplyObject(before);
        freeReplyObject(after);
        expect(client, "+OK", "SET expiry:any v");
        check_ttl(cluster, given_ms, deadline);
        redisFree(client);
        cluster_kill(cluster, leader);
        uint32_t next = cluster_wait_leader(cluster);
        check_ttl(cluster, given_ms, deadline);
        cluster_restart(cluster, leader);
        check_ttl(cluster, given_ms, deadline);
        leader = next;
        client = redis_client_open(cluster->nodes[leader].redis_port);
    }
    redisFree(client);
    cluster_check_agreement(cluster);
}
