/* majority.c -- one node of three left: it says so, serves what it may, and lies about nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/http_client.h"
#include "lib/redis_client.h"

enum { REQUEST_TIMEOUT_MS = 500, ANSWER_MS_MAX = REQUEST_TIMEOUT_MS + 3000 };

struct outcome {
    int64_t at_least, at_most; /* what the counter may be */
};

/* A write that cannot be done: which class does its error name? */
static void count_in_vain(redisContext *client, struct outcome *outcome)
{
    uint64_t begun_ms = check_now_ms();
    redisReply *reply = redis_client_call(client, "INCR majority:counter");
    if (reply->type != REDIS_REPLY_ERROR) {
        FAIL("a write without a majority is answered %s", redis_client_show(reply));
    }
    CHECK(check_now_ms() - begun_ms < ANSWER_MS_MAX);
    if (strncmp(reply->str, "UNKNOWN ", 8) == 0) {
        outcome->at_most++;
    } else if (strncmp(reply->str, "CLUSTERDOWN ", 12) != 0) {
        FAIL("a write without a majority is answered -%s", reply->str);
    }
    freeReplyObject(reply);
}

static void put_in_vain(uint16_t port)
{
    struct http_answer answer = http_call(port, "POST /put", "Content-Type: application/json\r\n",
                                          "{\"key\":\"majority:http\",\"value\":\"new\"}");
    const char *word = answer.status == 503 ? "CLUSTERDOWN" : "UNKNOWN";
    bool is_right = (answer.status == 503 || answer.status == 504) &&
                    strstr(answer.body, "{\"ok\":false,\"error\":\"") != NULL &&
                    strstr(answer.body, word) != NULL;
    if (!is_right) {
        FAIL("a put without a majority is answered %d %s", answer.status, answer.body);
    }
    http_answer_free(&answer);
}

static void check_lonely(struct cluster *cluster, uint32_t node, struct outcome *outcome)
{
    uint16_t http = cluster->nodes[node].http_port;
    redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
    redisContext *local = redis_client_open(cluster->nodes[node].redis_port);
    count_in_vain(client, outcome);
    count_in_vain(client, outcome);
    put_in_vain(http);
    uint64_t begun_ms = check_now_ms();
    expect_error(client, "CLUSTERDOWN", "GET majority:key");
    CHECK(check_now_ms() - begun_ms < ANSWER_MS_MAX);
    expect_get_like(http, "/get?key=majority:key", 503, "{\"ok\":false,\"error\":\"CLUSTERDOWN");
    expect(client, "+PONG", "PING");
    expect(local, "+OK", "READONLY");
    expect(local, "\"value\"", "GET majority:key");
    expect(local, "+OK", "READWRITE");
    expect_error(local, "CLUSTERDOWN", "GET majority:key");
    expect_get(http, "/get?key=majority:key&local=true", 200, "{\"ok\":true,\"value\":\"value\"}");
    expect_get(http, "/health", 200, "{\"ok\":true}");
    expect_get_like(http, "/status", 200, "\"isLeader\":false,\"leader\":\"\"");
    redisFree(client);
    redisFree(local);
}

/* All but one are killed at once; then one comes back. */
static void lose_majority(struct cluster *cluster, uint32_t survivor, int64_t *counter)
{
    struct outcome outcome = {*counter, *counter};
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        if (i != survivor) {
            cluster_kill(cluster, i);
        }
    }
    check_lonely(cluster, survivor, &outcome);
    uint32_t back = (survivor + 1) % cluster->nodes_count;
    cluster_restart(cluster, back);
    (void)cluster_wait_leader(cluster);
    redisContext *client = redis_client_open(cluster->nodes[back].redis_port);
    expect(client, "\"value\"", "GET majority:key");
    int64_t value = redis_client_integer(client, "INCR majority:counter") - 1;
    if (value < outcome.at_least || value > outcome.at_most) {
        FAIL("the counter is %lld, and may be %lld to %lld", (long long)value,
             (long long)outcome.at_least, (long long)outcome.at_most);
    }
    *counter = value + 1;
    redisFree(client);
    cluster_restart(cluster, (survivor + 2) % cluster->nodes_count);
    (void)cluster_wait_leader(cluster);
    cluster_check_agreement(cluster);
}

void test_majority_lost(struct cluster *cluster)
{
    cluster_add_option(cluster, "--request-timeout=500");
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    redisContext *client = redis_client_open(cluster->nodes[leader].redis_port);
    expect(client, "+OK", "SET majority:key value");
    int64_t counter = redis_client_integer(client, "INCR majority:counter");
    redisFree(client);
    lose_majority(cluster, leader, &counter);
    leader = cluster_wait_leader(cluster);
    lose_majority(cluster, cluster_other(cluster, leader), &counter);
}
