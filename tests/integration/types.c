/* types.c -- values with elements, and transactions, on three nodes: whatever one node is told, all
 * hold the same in the same order, picks by chance included.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/redis_client.h"

enum { NODES = 3, ROUNDS = 200 };

static void open_all(struct cluster *cluster, redisContext *clients[NODES])
{
    (void)cluster_wait_leader(cluster);
    for (uint32_t i = 0; i < NODES; i++) {
        clients[i] = redis_client_open(cluster->nodes[i].redis_port);
    }
}

static void close_all(redisContext *clients[NODES])
{
    for (uint32_t i = 0; i < NODES; i++) {
        redisFree(clients[i]);
    }
}

/* The text of a reply that every node gives alike; the caller frees it. */
static char *agreed(redisContext *clients[NODES], const char *command)
{
    char *first = NULL;
    for (uint32_t i = 0; i < NODES; i++) {
        redisReply *reply = redis_client_call(clients[i], command);
        char *text = redis_client_show(reply);
        freeReplyObject(reply);
        if (first == NULL) {
            first = text;
            continue;
        }
        if (strcmp(first, text) != 0) {
            FAIL("%s: node-1 answers %s and node-%u %s", command, first, i + 1, text);
        }
        free(text);
    }
    return first;
}

/* RedisRaft runs SPOP on each node by itself: after SPOP s 4, three nodes had lost three different
 * sets of members, without an error. */
void test_picks_are_the_same_everywhere(struct cluster *cluster)
{
    redisContext *clients[NODES];
    open_all(cluster, clients);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        redisContext *client = clients[round % NODES];
        expect(client, ":16", "SADD types:s a b c d e f g h i j k l m n o p");
        freeReplyObject(redis_client_call(client, "SPOP types:s 4"));
        freeReplyObject(redis_client_call(client, "SPOP types:s"));
        char *left = agreed(clients, "SMEMBERS types:s");
        free(left);
        expect(clients[(round + 1) % NODES], ":11", "SCARD types:s");
        expect(client, ":1", "DEL types:s");
    }
    close_all(clients);
}

void test_elements_are_the_same_everywhere(struct cluster *cluster)
{
    static const char *const commands[] = {
        "RPUSH types:l a b c d",
        "LPUSH types:l z",
        "LMOVE types:l types:m LEFT RIGHT",
        "LINSERT types:l BEFORE b x",
        "LREM types:l 1 c",
        "HSET types:h a 1 b 2 c 3",
        "HINCRBY types:h a 5",
        "HDEL types:h b",
        "HINCRBYFLOAT types:h c 0.5",
        "SADD types:t 1 2 3 x y",
        "SREM types:t 2",
        "SUNIONSTORE types:u types:t types:t",
        "ZADD types:z 1 a 2 b 3 c",
        "ZINCRBY types:z 5 a",
        "ZPOPMIN types:z",
        "ZADD types:z GT CH 9 c 7 d",
        "ZRANGESTORE types:y types:z 0 1",
        "COPY types:h types:g",
        "ZUNIONSTORE types:v 2 types:z types:t WEIGHTS 2 3",
    };
    static const char *const questions[] = {
        "LRANGE types:l 0 -1",
        "LRANGE types:m 0 -1",
        "HGETALL types:h",
        "HGETALL types:g",
        "SMEMBERS types:t",
        "SMEMBERS types:u",
        "ZRANGE types:z 0 -1 WITHSCORES",
        "ZRANGE types:y 0 -1 WITHSCORES",
        "ZRANGE types:v 0 -1 WITHSCORES",
        "HSCAN types:h 0",
        "SSCAN types:t 0",
    };
    redisContext *clients[NODES];
    open_all(cluster, clients);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        redisReply *reply = redis_client_call(clients[i % NODES], commands[i]);
        CHECK(reply->type != REDIS_REPLY_ERROR);
        freeReplyObject(reply);
    }
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        char *text = agreed(clients, questions[i]);
        CHECK(strcmp(text, "[]") != 0);
        free(text);
    }
    expect(clients[1], "[\"z\"]", "LRANGE types:m 0 -1");
    expect(clients[2], "[\"a\", \"6\", \"c\", \"3.5\"]", "HGETALL types:h");
    close_all(clients);
}

/* What is saved and loaded again has its elements in the same order, so picks stay the same. */
void test_elements_survive_a_restart(struct cluster *cluster)
{
    cluster_start(cluster);
    redisContext *clients[NODES];
    open_all(cluster, clients);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        freeReplyObject(redis_client_call(clients[0], "SADD types:s m%u", i * 7 % ROUNDS));
        freeReplyObject(redis_client_call(clients[1], "HSET types:h f%u v%u", i, i));
        freeReplyObject(redis_client_call(clients[2], "ZADD types:z %u m%u", i % 10, i));
        freeReplyObject(redis_client_call(clients[0], "LPUSH types:l e%u", i));
    }
    freeReplyObject(redis_client_call(clients[0], "SPOP types:s 20"));
    freeReplyObject(redis_client_call(clients[2], "SAVE"));
    close_all(clients);
    cluster_kill(cluster, 2);
    cluster_restart(cluster, 2);
    cluster_wait_served(cluster, 2);
    open_all(cluster, clients);
    for (uint32_t i = 0; i < 20; i++) {
        freeReplyObject(redis_client_call(clients[i % NODES], "SPOP types:s 3"));
        free(agreed(clients, "SMEMBERS types:s"));
    }
    free(agreed(clients, "HGETALL types:h"));
    free(agreed(clients, "ZRANGE types:z 0 -1 WITHSCORES"));
    free(agreed(clients, "LRANGE types:l 0 -1"));
    close_all(clients);
}

/* ---- Transactions ---- */

/* What is watched has a bound, and what goes beyond it is refused whole. */
static void check_watches_are_bounded(redisContext *client)
{
    enum { KEY_BYTES = 600000 };
    char *key = malloc(KEY_BYTES + 1);
    CHECK(key != NULL);
    memset(key, 'k', KEY_BYTES);
    key[KEY_BYTES] = '\0';
    expect(client, "+OK", "WATCH %s", key);
    expect_error(client, "ERR too many keys are watched", "WATCH tx:k %s", key);
    expect(client, "+OK", "MULTI");
    expect(client, "+QUEUED", "PING");
    expect(client, "[+PONG]", "EXEC");
    free(key);
}

void test_transactions_on_every_node(struct cluster *cluster)
{
    redisContext *clients[NODES];
    open_all(cluster, clients);
    check_watches_are_bounded(clients[1]);
    for (uint32_t i = 0; i < NODES; i++) {
        redisContext *own = clients[i];
        redisContext *other = clients[(i + 1) % NODES];
        expect(own, "+OK", "SET tx:k 1");
        expect(own, "+OK", "MULTI");
        expect(own, "+QUEUED", "INCR tx:k");
        expect(own, "+QUEUED", "LPUSH tx:k x");
        expect(own, "+QUEUED", "SET tx:other %u", i);
        expect(own, "+QUEUED", "PING");
        expect(own,
               "[:2, -WRONGTYPE Operation against a key holding the wrong kind of value, "
               "+OK, +PONG]",
               "EXEC");
        expect(other, "\"2\"", "GET tx:k");
        /* What changes on one node fails the transaction on another. */
        expect(own, "+OK", "WATCH tx:k tx:none");
        expect(other, ":3", "INCR tx:k");
        expect(own, "+OK", "MULTI");
        expect(own, "+QUEUED", "SET tx:k lost");
        expect(own, "(nil)", "EXEC");
        expect(own, "\"3\"", "GET tx:k");
        expect(own, "+OK", "WATCH tx:k tx:none");
        expect(own, "+OK", "MULTI");
        expect(own, "+QUEUED", "SET tx:k kept");
        expect(own, "[+OK]", "EXEC");
        expect(other, "\"kept\"", "GET tx:k");
        expect(own, "+OK", "WATCH tx:none");
        expect(other, "+OK", "SET tx:none 1");
        expect(own, "+OK", "MULTI");
        expect(own, "+QUEUED", "PING");
        expect(own, "(nil)", "EXEC");
        expect(other, ":1", "DEL tx:none");
        expect(own, "+OK", "UNWATCH");
        /* Errors as in Redis. */
        expect_error(own, "ERR EXEC without MULTI", "EXEC");
        expect_error(own, "ERR DISCARD without MULTI", "DISCARD");
        expect(own, "+OK", "MULTI");
        expect_error(own, "ERR MULTI calls can not be nested", "MULTI");
        expect_error(own, "ERR WATCH inside MULTI is not allowed", "WATCH a");
        expect_error(own, "ERR unknown command", "NOSUCH");
        expect_error(own, "EXECABORT Transaction discarded because of previous errors.", "EXEC");
        expect(own, "+OK", "MULTI");
        expect(own, "[]", "EXEC");
        expect(own, "+OK", "MULTI");
        expect(own, "+QUEUED", "SET tx:k discarded");
        expect(own, "+OK", "DISCARD");
        expect(own, "\"kept\"", "GET tx:k");
        expect(own, "+OK", "MULTI");
        expect(own, "+QUEUED", "SELECT 3");
        expect(own, "+QUEUED", "SET tx:three %u", i);
        expect(own, "[+OK, +OK]", "EXEC");
        expect(own, ":1", "DEL tx:three");
        expect(own, "+OK", "SELECT 0");
    }
    close_all(clients);
}

struct transfers {
    uint16_t port;
    uint32_t acknowledged;
};

/* Moves one from here to there, again and again, over a leader that is killed meanwhile. */
static void *transfer(void *context)
{
    struct transfers *transfers = context;
    redisContext *client = redis_client_open(transfers->port);
    for (uint32_t i = 0; i < 300; i++) {
        expect(client, "+OK", "MULTI");
        expect(client, "+QUEUED", "DECR tx:from");
        expect(client, "+QUEUED", "INCR tx:to");
        redisReply *reply = redis_client_call(client, "EXEC");
        transfers->acknowledged += reply->type == REDIS_REPLY_ARRAY;
        freeReplyObject(reply);
    }
    redisFree(client);
    return NULL;
}

void test_transactions_while_the_leader_is_killed(struct cluster *cluster)
{
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    pthread_t threads[NODES];
    struct transfers transfers[NODES];
    uint32_t started = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        if (i != leader) {
            transfers[started] = (struct transfers){cluster->nodes[i].redis_port, 0};
            CHECK(pthread_create(&threads[started], NULL, transfer, &transfers[started]) == 0);
            started++;
        }
    }
    uint32_t reader = leader == 0 ? 1 : 0;
    redisContext *client = redis_client_open(cluster->nodes[reader].redis_port);
    expect(client, "+OK", "SET tx:here 1");
    cluster_kill(cluster, leader);
    for (uint32_t i = 0; i < 100; i++) {
        expect(client, "+OK", "MULTI");
        expect(client, "+QUEUED", "INCRBY tx:from 0");
        expect(client, "+QUEUED", "INCRBY tx:to 0");
        redisReply *reply = redis_client_call(client, "EXEC");
        if (reply->type == REDIS_REPLY_ARRAY &&
            reply->element[0]->integer + reply->element[1]->integer != 0) {
            FAIL("half of a transfer is seen");
        }
        freeReplyObject(reply);
    }
    uint32_t acknowledged = 0;
    for (uint32_t i = 0; i < started; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        acknowledged += transfers[i].acknowledged;
    }
    int64_t there = redis_client_integer(client, "INCRBY tx:to 0");
    int64_t gone = redis_client_integer(client, "INCRBY tx:from 0");
    CHECK(there == -gone);
    CHECK(there >= acknowledged);
    redisFree(client);
}
