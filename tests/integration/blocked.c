/* blocked.c -- clients that wait for elements on real nodes: served once each, over a change of
 * leader, and never after they left.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/redis_client.h"

enum { NODES = 3, ROUNDS = 60, WAIT_MS = 10 * 1000 };

/* Sends a command whose reply comes later. */
static void begin(redisContext *client, const char *command)
{
    int done = 0;
    CHECK(redisAppendCommand(client, command) == REDIS_OK);
    while (done == 0) {
        CHECK(redisBufferWrite(client, &done) == REDIS_OK);
    }
}

static void expect_late(redisContext *client, const char *text)
{
    redisReply *reply = NULL;
    CHECK(redisGetReply(client, (void **)&reply) == REDIS_OK);
    char *shown = redis_client_show(reply);
    if (strcmp(shown, text) != 0) {
        FAIL("expected %s, got %s", text, shown);
    }
    free(shown);
    freeReplyObject(reply);
}

/* Waits until so many clients of a node wait for elements. */
static void wait_for_blocked(const struct cluster *cluster, uint32_t node, uint32_t count)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "\r\nblocked_clients:%u\r\n", count);
    bool is_so = false;
    for (int tries = 0; tries < WAIT_MS / 10 && !is_so; tries++) {
        redisReply *reply = redis_client_call(client, "INFO clients");
        is_so = strstr(reply->str, wanted) != NULL;
        freeReplyObject(reply);
        check_sleep_ms(10);
    }
    CHECK(is_so);
    redisFree(client);
}

/* The client of those that has a reply. */
static uint32_t wait_for_reply(redisContext *clients[NODES])
{
    struct pollfd fds[NODES];
    for (uint32_t i = 0; i < NODES; i++) {
        fds[i] = (struct pollfd){.fd = clients[i]->fd, .events = POLLIN};
    }
    CHECK(poll(fds, NODES, WAIT_MS) == 1);
    uint32_t served = 0;
    while (fds[served].revents == 0) {
        served++;
    }
    return served;
}

/* One client waits on each node, and whatever node an element is pushed on, one of them gets it. */
void test_waiters_on_every_node_get_each_element_once(struct cluster *cluster)
{
    redisContext *waiters[NODES];
    redisContext *pushers[NODES];
    (void)cluster_wait_leader(cluster);
    for (uint32_t i = 0; i < NODES; i++) {
        waiters[i] = redis_client_open(cluster->nodes[i].redis_port);
        pushers[i] = redis_client_open(cluster->nodes[i].redis_port);
        begin(waiters[i], "BLPOP blocked:none blocked:a 0");
        wait_for_blocked(cluster, i, 1);
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        expect(pushers[i % NODES], ":1", "RPUSH blocked:a %u", i);
        uint32_t served = wait_for_reply(waiters);
        char text[64];
        (void)snprintf(text, sizeof(text), "[\"blocked:a\", \"%u\"]", i);
        expect_late(waiters[served], text);
        begin(waiters[served], "BLPOP blocked:none blocked:a 0");
    }
    for (uint32_t i = 0; i < NODES; i++) {
        expect(pushers[i], ":0", "EXISTS blocked:a");
        redisFree(waiters[i]);
        redisFree(pushers[i]);
    }
}

/* Who left while it waited gets nothing, also when it had sent more behind. */
void test_nothing_is_popped_for_who_left(struct cluster *cluster)
{
    (void)cluster_wait_leader(cluster);
    for (uint32_t node = 0; node < NODES; node++) {
        redisContext *pusher = redis_client_open(cluster->nodes[(node + 1) % NODES].redis_port);
        redisContext *gone = redis_client_open(cluster->nodes[node].redis_port);
        redisContext *pipelining = redis_client_open(cluster->nodes[node].redis_port);
        begin(gone, "BLPOP blocked:b 0");
        begin(pipelining, "BLPOP blocked:b 0");
        begin(pipelining, "LPOP blocked:b");
        wait_for_blocked(cluster, node, 2);
        redisFree(gone);
        redisFree(pipelining);
        wait_for_blocked(cluster, node, 0);
        expect(pusher, ":1", "RPUSH blocked:b x");
        check_sleep_ms(100);
        expect(pusher, "[\"x\"]", "LRANGE blocked:b 0 -1");
        expect(pusher, ":1", "DEL blocked:b");
        redisFree(pusher);
    }
}

/* The leader is killed under a follower's waiting clients; the next one serves them. */
void test_a_wait_outlasts_the_leader(struct cluster *cluster)
{
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t node = cluster_other(cluster, leader);
    redisContext *first = redis_client_open(cluster->nodes[node].redis_port);
    redisContext *second = redis_client_open(cluster->nodes[node].redis_port);
    begin(first, "BLPOP k 0");
    wait_for_blocked(cluster, node, 1);
    begin(second, "BRPOP k 0");
    wait_for_blocked(cluster, node, 2);
    cluster_kill(cluster, leader);
    (void)cluster_wait_leader(cluster);
    redisContext *pusher = redis_client_open(cluster->nodes[node].redis_port);
    expect(pusher, ":3", "RPUSH k 1 2 3");
    expect_late(first, "[\"k\", \"1\"]");
    expect_late(second, "[\"k\", \"3\"]");
    expect(pusher, "[\"2\"]", "LRANGE k 0 -1");
    cluster_restart(cluster, leader);
    redisFree(first);
    redisFree(second);
    redisFree(pusher);
    cluster_check_agreement(cluster);
}
