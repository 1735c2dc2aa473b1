/* pauses.c -- a leader that stands still and goes on as if nothing had been; clients that leave. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/http_client.h"
#include "lib/redis_client.h"

enum {
    /* More than the event loop takes in one go, so that a whole turn of it can be over before the
     * node reads from its peers what has happened meanwhile. */
    READERS = 200,
    PIPELINED = 50,
};

/* Puts a command into many connections; replies are read later. */
static void send_all(const int *sockets, const char *command)
{
    for (int i = 0; i < READERS; i++) {
        raw_send(sockets[i], command, strlen(command));
    }
}

/* Every reader gets exactly this for its next replies. */
static void expect_reads(const int *sockets, const char *before, const char *value)
{
    char expected[64], got[64];
    size_t size = (size_t)snprintf(expected, sizeof(expected), "%s$%zu\r\n%s\r\n", before,
                                   strlen(value), value);
    for (int i = 0; i < READERS; i++) {
        raw_read(sockets[i], got, size);
        got[size] = '\0';
        if (strcmp(got, expected) != 0) {
            FAIL("reader %d, who asked after %s was acknowledged, is answered %s", i, value, got);
        }
    }
}

/* Rounds of reads are under way all the time up to the pause, so that acknowledgements of earlier
 * rounds lie in the paused node's buffers together with the reads that come later. */
static void keep_rounds_under_way(int socket, uint64_t ms)
{
    static const char get[] = "GET other\r\n";
    char replies[PIPELINED * 5];
    uint64_t end_ms = check_now_ms() + ms;
    while (check_now_ms() < end_ms) {
        for (int i = 0; i < PIPELINED; i++) {
            raw_send(socket, get, sizeof(get) - 1);
        }
        raw_read(socket, replies, sizeof(replies));
    }
    for (int i = 0; i < PIPELINED; i++) {
        raw_send(socket, get, sizeof(get) - 1);
    }
}

static void pause_once(struct cluster *cluster, uint32_t round, uint64_t pause_ms)
{
    char old[32], new[32], shown[40];
    int sockets[READERS];
    uint32_t leader = cluster_wait_leader(cluster);
    uint16_t port = cluster->nodes[leader].redis_port;
    (void)snprintf(old, sizeof(old), "old-%u", round);
    (void)snprintf(new, sizeof(new), "new-%u", round);
    (void)snprintf(shown, sizeof(shown), "\"%s\"", new);
    redisContext *direct = redis_client_open(port);
    expect(direct, "+OK", "SET paused %s", old);
    for (int i = 0; i < READERS; i++) {
        sockets[i] = raw_open(port);
    }
    send_all(sockets, "GET paused\r\n");
    expect_reads(sockets, "", old);
    int busy = raw_open(port);
    keep_rounds_under_way(busy, 50);
    uint64_t begun_ms = check_now_ms();
    cluster_pause(cluster, leader);
    /* These make the readers' sockets ready before any vote request comes, so that they are looked
     * at before the node can learn that it was deposed. */
    send_all(sockets, "PING\r\n");
    uint32_t next = cluster_wait_leader(cluster);
    redisContext *client = redis_client_open(cluster->nodes[next].redis_port);
    expect(client, "+OK", "SET paused %s", new);
    /* Now it is acknowledged: whoever asks from here on must hear of it. */
    send_all(sockets, "GET paused\r\n");
    uint64_t taken_ms = check_now_ms() - begun_ms;
    check_sleep_ms(taken_ms < pause_ms ? pause_ms - taken_ms : 0);
    cluster_resume(cluster, leader);
    expect_reads(sockets, "+PONG\r\n", new);
    expect(direct, shown, "GET paused");
    redisFree(direct);
    redisFree(client);
    (void)close(busy);
    for (int i = 0; i < READERS; i++) {
        (void)close(sockets[i]);
    }
}

void test_paused_leader(struct cluster *cluster)
{
    enum { SHORT_PAUSES = 4 };
    /* So that others elect a leader long before this one would doubt itself by the clock alone. */
    cluster_add_option(cluster, "--election-timeout-min=150");
    cluster_add_option(cluster, "--election-timeout-max=1500");
    cluster_start(cluster);
    pause_once(cluster, 0, 2000);
    for (uint32_t round = 1; round <= SHORT_PAUSES; round++) {
        pause_once(cluster, round, 0);
    }
    cluster_check_agreement(cluster);
}

/* ---- Clients that leave ---- */

/* While the leader stands still nothing on a follower is answered, so all that these clients sent
 * is under way when they leave; those who come then sit on the same descriptors. */
void test_disconnect_in_flight(struct cluster *cluster)
{
    enum { LEAVING = 30 };
    static const char text[] = "INCR left\r\nGET secret\r\nSET left:key x GET\r\nINCR left\r\n";
    cluster_start(cluster);
    uint32_t leader = cluster_wait_leader(cluster);
    uint16_t port = cluster->nodes[cluster_other(cluster, leader)].redis_port;
    redisContext *client = redis_client_open(port);
    expect(client, "+OK", "SET secret top-secret");
    cluster_pause(cluster, leader);
    int leaving[LEAVING];
    for (int i = 0; i < LEAVING; i++) {
        leaving[i] = raw_open(port);
        raw_send(leaving[i], text, sizeof(text) - 1);
    }
    expect(client, "+PONG", "PING");
    for (int i = 0; i < LEAVING; i++) {
        (void)close(leaving[i]);
    }
    redisContext *next[LEAVING];
    for (int i = 0; i < LEAVING; i++) {
        next[i] = redis_client_open(port);
        CHECK(redisAppendCommand(next[i], "SET own:%d %d", i, i) == REDIS_OK);
        CHECK(redisAppendCommand(next[i], "GET own:%d", i) == REDIS_OK);
        int is_sent = 0;
        while (is_sent == 0) {
            CHECK(redisBufferWrite(next[i], &is_sent) == REDIS_OK);
        }
    }
    cluster_resume(cluster, leader);
    for (int i = 0; i < LEAVING; i++) {
        void *reply = NULL;
        char own[16];
        CHECK(redisGetReply(next[i], &reply) == REDIS_OK);
        CHECK(((redisReply *)reply)->type == REDIS_REPLY_STATUS);
        freeReplyObject(reply);
        CHECK(redisGetReply(next[i], &reply) == REDIS_OK);
        (void)snprintf(own, sizeof(own), "\"%d\"", i);
        char *shown = redis_client_show(reply);
        if (strcmp(shown, own) != 0) {
            FAIL("client %d is answered %s", i, shown);
        }
        freeReplyObject(reply);
        redisFree(next[i]);
    }
    int64_t count = redis_client_integer(client, "INCR left") - 1;
    CHECK(count >= 0);
    CHECK(count <= 2 * LEAVING);
    redisFree(client);
    cluster_check_agreement(cluster);
}
