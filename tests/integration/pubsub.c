/* pubsub.c -- messages on real nodes: one order for all, also over a killed leader, and no memory
 * for who does not read.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/redis_client.h"

enum { NODES = 3, MESSAGES = 300, CUT_OFF_MESSAGES = 4000, MESSAGE_BYTES = 64 * 1024 };

static redisContext *subscribe(const struct cluster *cluster, uint32_t node, const char *channel)
{
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    redisReply *reply = redis_client_call(client, "SUBSCRIBE %s", channel);
    CHECK(reply->type == REDIS_REPLY_ARRAY && strcmp(reply->element[0]->str, "subscribe") == 0);
    freeReplyObject(reply);
    return client;
}

/* The text of the next message. */
static char *next_message(redisContext *client)
{
    redisReply *reply = NULL;
    CHECK(redisGetReply(client, (void **)&reply) == REDIS_OK);
    CHECK(reply->type == REDIS_REPLY_ARRAY && reply->elements == 3);
    char *text = strdup(reply->element[2]->str);
    CHECK(text != NULL);
    freeReplyObject(reply);
    return text;
}

/* Publishes from all nodes in turn. */
static void publish_some(const struct cluster *cluster, const char *channel, const char *prefix)
{
    redisContext *publishers[NODES];
    for (uint32_t i = 0; i < NODES; i++) {
        publishers[i] = redis_client_open(cluster->nodes[i].redis_port);
    }
    for (uint32_t i = 0; i < MESSAGES; i++) {
        expect(publishers[i % NODES], ":1", "PUBLISH %s %s-%u", channel, prefix, i);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        redisFree(publishers[i]);
    }
}

void test_messages_come_in_one_order_everywhere(struct cluster *cluster)
{
    redisContext *listeners[NODES];
    (void)cluster_wait_leader(cluster);
    for (uint32_t i = 0; i < NODES; i++) {
        listeners[i] = subscribe(cluster, i, "pubsub:a");
    }
    publish_some(cluster, "pubsub:a", "m");
    for (uint32_t i = 0; i < MESSAGES; i++) {
        char *first = next_message(listeners[0]);
        for (uint32_t other = 1; other < NODES; other++) {
            char *same = next_message(listeners[other]);
            CHECK(strcmp(first, same) == 0);
            free(same);
        }
        free(first);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        redisFree(listeners[i]);
    }
}

/* What was acknowledged after the leader was killed is heard on the nodes that live. */
void test_messages_outlast_the_leader(struct cluster *cluster)
{
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint32_t nodes[2] = {(leader + 1) % NODES, (leader + 2) % NODES};
    redisContext *listeners[2];
    for (uint32_t i = 0; i < 2; i++) {
        listeners[i] = subscribe(cluster, nodes[i], "c");
    }
    redisContext *publisher = redis_client_open(cluster->nodes[nodes[0]].redis_port);
    expect(publisher, ":1", "PUBLISH c before");
    cluster_kill(cluster, leader);
    expect(publisher, ":1", "PUBLISH c after");
    for (uint32_t i = 0; i < 2; i++) {
        char *before = next_message(listeners[i]);
        char *after = next_message(listeners[i]);
        CHECK(strcmp(before, "before") == 0 && strcmp(after, "after") == 0);
        free(before);
        free(after);
        redisFree(listeners[i]);
    }
    redisFree(publisher);
    cluster_restart(cluster, leader);
    cluster_check_agreement(cluster);
}

/* Closed when it is over the limit of its class, and others hear on. */
void test_a_subscriber_that_does_not_read_is_cut_off(struct cluster *cluster)
{
    (void)cluster_wait_leader(cluster);
    redisContext *deaf = subscribe(cluster, 1, "pubsub:b");
    redisContext *asker = redis_client_open(cluster->nodes[1].redis_port);
    expect(asker, "+OK", "CONFIG SET client-output-buffer-limit %s", "pubsub 1mb 0 0");
    static char text[MESSAGE_BYTES + 1];
    memset(text, 'm', MESSAGE_BYTES);
    bool is_cut_off = false;
    for (uint32_t i = 0; i < CUT_OFF_MESSAGES && !is_cut_off; i++) {
        redisReply *reply = redis_client_call(asker, "PUBLISH pubsub:b %s", text);
        CHECK(reply->type == REDIS_REPLY_INTEGER);
        is_cut_off = reply->integer == 0;
        freeReplyObject(reply);
    }
    CHECK(is_cut_off);
    expect(asker, "+OK", "CONFIG SET client-output-buffer-limit %s", "pubsub 32mb 8mb 60");
    redisFree(deaf);
    redisFree(asker);
}
