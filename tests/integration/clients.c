/* clients.c -- what a client says about its connection, local reads, big values, passwords, limits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/http_client.h"
#include "lib/redis_client.h"

static redisContext *open_follower(struct cluster *cluster)
{
    uint32_t follower = cluster_other(cluster, cluster_wait_leader(cluster));
    return redis_client_open(cluster->nodes[follower].redis_port);
}

void test_local_reads(struct cluster *cluster)
{
    redisContext *client = open_follower(cluster);
    expect(client, "+OK", "SET local:key value");
    expect(client, "+OK", "READONLY");
    /* What this client wrote on this node was applied on it before it was acknowledged. */
    expect(client, "\"value\"", "GET local:key");
    expect(client, ":1", "INCR local:counter");
    expect(client, "\"1\"", "GET local:counter");
    expect(client, "+OK", "READWRITE");
    expect(client, "\"1\"", "GET local:counter");
    redisFree(client);
}

void test_connection_commands(struct cluster *cluster)
{
    redisContext *client = open_follower(cluster);
    expect(client, "+PONG", "PING");
    expect(client, "+OK", "CLIENT SETNAME tester");
    expect(client, "\"tester\"", "CLIENT GETNAME");
    expect(client, "+OK", "SELECT 3");
    expect(client, "+OK", "SET connection:key v");
    expect(client, ":1", "EXISTS connection:key");
    expect(client, "+RESET", "RESET");
    expect(client, "(nil)", "CLIENT GETNAME");
    expect(client, ":0", "EXISTS connection:key");
    expect_error(client, "ERR DB index is out of range", "SELECT 16");
    expect_error(client, "ERR unknown command 'NOSUCH'", "NOSUCH");
    expect_error(client, "ERR wrong number of arguments for 'get' command", "GET");
    /* Acknowledged means: on a majority of three, so on one other node at least. */
    expect(client, "+OK", "SET connection:key v");
    CHECK(redis_client_integer(client, "WAIT 1 5000") >= 1);
    redisFree(client);
    /* HELLO 3 changes the protocol: a map, and from then on another nil. */
    uint32_t leader = cluster_wait_leader(cluster);
    int socket = raw_open(cluster->nodes[leader].redis_port);
    char bytes[4096];
    static const char commands[] = "HELLO 3 SETNAME raw\r\nGET connection:none\r\nQUIT\r\n";
    raw_send(socket, commands, sizeof(commands) - 1);
    size_t size = raw_read_all(socket, bytes, sizeof(bytes) - 1);
    (void)close(socket);
    bytes[size] = '\0';
    CHECK(bytes[0] == '%');
    CHECK(strstr(bytes, "$5\r\nproto\r\n:3\r\n") != NULL);
    CHECK(size > 8 && strcmp(bytes + size - 8, "_\r\n+OK\r\n") == 0);
}

void test_client_kill(struct cluster *cluster)
{
    redisContext *client = open_follower(cluster);
    uint16_t port = (uint16_t)client->tcp.port;
    redisContext *victim = redis_client_open(port);
    redisContext *bystander = redis_client_open(port);
    int64_t id = redis_client_integer(victim, "CLIENT ID");
    expect(client, ":1", "CLIENT KILL ID %lld", (long long)id);
    redisReply *reply = redisCommand(victim, "PING");
    CHECK(reply == NULL);
    expect(bystander, "+PONG", "PING");
    expect(client, ":0", "CLIENT KILL ID %lld", (long long)id);
    redisFree(victim);
    redisFree(bystander);
    redisFree(client);
}

/* ---- Sizes ---- */

enum { BIG_BYTES = 10 * 1024 * 1024, MANY_KEYS = 10000 };

static void check_big(redisContext *writer, redisContext *reader)
{
    char *big = malloc(BIG_BYTES);
    uint64_t random = 1;
    for (size_t i = 0; i < BIG_BYTES; i++) {
        big[i] = (char)check_random(&random, 256);
    }
    expect(writer, "+OK", "SET size:big %b", big, (size_t)BIG_BYTES);
    redisReply *reply = redis_client_call(reader, "GET size:big");
    CHECK(reply->type == REDIS_REPLY_STRING);
    CHECK((size_t)reply->len == BIG_BYTES && memcmp(reply->str, big, BIG_BYTES) == 0);
    freeReplyObject(reply);
    expect(reader, ":1", "DEL size:big");
    free(big);
}

static void check_many(redisContext *writer, redisContext *reader)
{
    static const char *arguments[1 + 2 * MANY_KEYS];
    static char texts[MANY_KEYS][24];
    arguments[0] = "MSET";
    for (uint32_t i = 0; i < MANY_KEYS; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "size:many:%u", i);
        arguments[1 + 2 * i] = texts[i];
        arguments[2 + 2 * i] = texts[i] + 10; /* the number */
    }
    redisReply *reply = redisCommandArgv(writer, 1 + 2 * MANY_KEYS, arguments, NULL);
    CHECK(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    arguments[0] = "MGET";
    for (uint32_t i = 0; i < MANY_KEYS; i++) {
        arguments[1 + i] = texts[i];
    }
    reply = redisCommandArgv(reader, 1 + MANY_KEYS, arguments, NULL);
    CHECK(reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == MANY_KEYS);
    for (uint32_t i = 0; i < MANY_KEYS; i++) {
        CHECK(strcmp(reply->element[i]->str, texts[i] + 10) == 0);
    }
    freeReplyObject(reply);
    arguments[0] = "DEL";
    reply = redisCommandArgv(writer, 1 + MANY_KEYS, arguments, NULL);
    CHECK(reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == MANY_KEYS);
    freeReplyObject(reply);
}

void test_big_and_binary(struct cluster *cluster)
{
    uint32_t leader = cluster_wait_leader(cluster);
    redisContext *follower = open_follower(cluster);
    redisContext *direct = redis_client_open(cluster->nodes[leader].redis_port);
    expect(follower, "+OK", "SET %b %b", "size\0key\r\n", (size_t)10, "\0\xff\"\n", (size_t)4);
    expect(direct, "\"\\x00\\xff\\x22\\x0a\"", "GET %b", "size\0key\r\n", (size_t)10);
    expect_get(cluster->nodes[leader].http_port, "/get?key=size%00key%0D%0A", 200,
               "{\"ok\":true,\"value\":\"AP8iCg==\",\"encoding\":\"base64\"}");
    expect(follower, ":1", "DEL %b", "size\0key\r\n", (size_t)10);
    check_big(follower, direct);
    check_big(direct, follower);
    check_many(follower, direct);
    redisFree(follower);
    redisFree(direct);
    cluster_check_agreement(cluster);
}

/* ---- A cluster with a password and narrow limits ---- */

static void check_http_password(uint16_t port)
{
    static const struct {
        const char *header;
        int status;
    } cases[] = {
        {"", 401},
        {"Authorization: Bearer wrong\r\n", 401},
        {"Authorization: Basic dXNlcjp3cm9uZw==\r\n", 401}, /* user:wrong */
        {"Authorization: Bearer secret\r\n", 404},
        {"Authorization: Basic dXNlcjpzZWNyZXQ=\r\n", 404}, /* user:secret */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_answer answer =
            http_call(port, "GET /get?key=password:none", cases[i].header, NULL);
        if (answer.status != cases[i].status) {
            FAIL("'%s' is answered %d", cases[i].header, answer.status);
        }
        http_answer_free(&answer);
    }
    expect_get(port, "/health", 200, "{\"ok\":true}");
    expect_post(port, "/put", "{\"key\":\"password:key\",\"value\":\"http\"}", 401,
                "{\"ok\":false,\"error\":\"authentication required\"}");
}

static void check_resp_password(uint16_t port)
{
    redisContext *client = redis_client_open(port);
    expect_error(client, "NOAUTH", "GET password:key");
    expect_error(client, "NOAUTH", "SET password:key resp");
    expect_error(client, "WRONGPASS", "AUTH wrong");
    expect(client, "+OK", "AUTH secret");
    expect(client, "(nil)", "GET password:key");
    redisFree(client);
    client = redis_client_open(port);
    expect(client, "+OK", "AUTH default secret");
    expect(client, "+PONG", "PING");
    redisFree(client);
}

void test_password(struct cluster *cluster)
{
    cluster_add_option(cluster, "--requirepass=secret");
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        cluster_launch(cluster, i);
    }
    for (uint32_t i = 0; i < cluster->nodes_count; i++) {
        cluster_wait_for_log(cluster, i, "ready in");
        check_resp_password(cluster->nodes[i].redis_port);
        check_http_password(cluster->nodes[i].http_port);
    }
}

/* The server answers an error that begins so, and closes. */
static void expect_refusal(uint16_t port, const char *commands, size_t size, const char *error)
{
    char bytes[1024];
    int socket = raw_open(port);
    (void)send(socket, commands, size, MSG_NOSIGNAL);
    size_t have = raw_read_all(socket, bytes, sizeof(bytes) - 1);
    bytes[have] = '\0';
    (void)close(socket);
    if (strncmp(bytes, error, strlen(error)) != 0) {
        FAIL("'%.40s' is answered '%s'", commands, bytes);
    }
}

void test_limits(struct cluster *cluster)
{
    enum { CLIENTS = 8 };
    cluster_add_option(cluster, "--maxclients=8");
    cluster_start(cluster);
    uint16_t port = cluster->nodes[0].redis_port;
    redisContext *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = redis_client_open(port);
        expect(clients[i], "+PONG", "PING");
    }
    expect_refusal(port, "PING\r\n", 6, "-ERR max number of clients reached");
    /* The limit is of clients: HTTP and the other nodes are not shut out. */
    expect_post(cluster->nodes[0].http_port, "/put", "{\"key\":\"k\",\"value\":\"v\"}", 200,
                "{\"ok\":true}");
    /* P5: a browser's request must end the connection before what stands behind it is run. P2, P3:
     * nothing is allocated from what is announced; before AUTH only little is listened to. */
    expect(clients[0], "+OK", "CONFIG SET maxclients 100");
    static const char post[] = "POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k evil\r\n";
    expect_refusal(port, post, sizeof(post) - 1, "");
    expect(clients[0], "\"v\"", "GET k");
    expect_refusal(port, "*1\r\n$x\r\n", 8, "-ERR Protocol error: invalid bulk length");
    expect_refusal(port, "*2147483647\r\n", 13, "-ERR Protocol error: invalid multibulk length");
    expect(clients[0], "+OK", "CONFIG SET requirepass secret");
    expect_refusal(port, "*11\r\n", 5, "-ERR Protocol error: unauthenticated multibulk length");
    expect_refusal(port, "*2\r\n$16385\r\n", 12,
                   "-ERR Protocol error: unauthenticated bulk length");
    for (int i = 0; i < CLIENTS; i++) {
        redisFree(clients[i]);
    }
}
