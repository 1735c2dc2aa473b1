/* http.c -- the HTTP API on every node: its documented examples, its errors, and RESP beside it. */
#include <stdio.h>
#include <string.h>

#include "integration/suite.h"
#include "lib/check.h"
#include "lib/http_client.h"
#include "lib/redis_client.h"

static void expect_status(struct cluster *cluster, uint32_t node, uint32_t leader)
{
    char part[256];
    uint16_t port = cluster->nodes[node].http_port;
    (void)snprintf(part, sizeof(part),
                   "{\"nodeId\":\"node-%u\",\"isLeader\":%s,\"leader\":\"node-%u\"", node + 1,
                   node == leader ? "true" : "false", leader + 1);
    expect_get_like(port, "/status", 200, part);
    (void)snprintf(part, sizeof(part), "\"state\":\"%s\",\"peers\":[",
                   node == leader ? "Leader" : "Follower");
    expect_get_like(port, "/status", 200, part);
}

/* A follower names a redirect to the leader, and a leader does as it is asked. */
static void expect_redirect(struct cluster *cluster, uint32_t node, uint32_t leader)
{
    char line[128], location[128];
    struct http_answer answer =
        http_call(cluster->nodes[node].http_port, "GET /get?key=hello&redirect=true", "", NULL);
    if (node == leader) {
        CHECK(answer.status == 200 || answer.status == 404);
    } else {
        CHECK(answer.status == 307);
        CHECK(strstr(answer.body, "{\"ok\":false,\"error\":\"not leader\",\"leader\":\"node-") !=
              NULL);
        CHECK(strstr(answer.body, "\"redirect\":\"http://") != NULL);
        (void)snprintf(location, sizeof(location), ":%u/get?key=hello",
                       cluster->nodes[leader].http_port);
        (void)snprintf(line, sizeof(line), "\r\nLocation: http://");
        CHECK(strstr(answer.headers, line) != NULL);
        CHECK(strstr(answer.headers, location) != NULL);
    }
    http_answer_free(&answer);
}

static void try_examples(struct cluster *cluster, uint32_t node, uint32_t leader)
{
    uint16_t port = cluster->nodes[node].http_port;
    uint16_t next = cluster->nodes[(node + 1) % cluster->nodes_count].http_port;
    expect_status(cluster, node, leader);
    expect_post(port, "/put", "{\"key\": \"hello\", \"value\": \"world\"}", 200, "{\"ok\":true}");
    expect_get(next, "/get?key=hello", 200, "{\"ok\":true,\"value\":\"world\"}");
    expect_get(port, "/get?key=hello&local=true", 200, "{\"ok\":true,\"value\":\"world\"}");
    expect_redirect(cluster, node, leader);
    expect_post(port, "/delete?key=hello", NULL, 200, "{\"ok\":true}");
    expect_get(next, "/get?key=hello", 404, "{\"ok\":false,\"error\":\"key not found\"}");
    expect_post(port, "/delete?key=hello", NULL, 200, "{\"ok\":true}");
    expect_get(port, "/health", 200, "{\"ok\":true}");
    expect_get_like(port, "/cluster/members", 200, "],\"details\":[{\"id\":\"node-");
}

void test_http_examples(struct cluster *cluster)
{
    uint32_t leader = cluster_wait_leader(cluster);
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        try_examples(cluster, node, leader);
    }
}

static void try_bad_requests(uint16_t port)
{
    expect_get(port, "/nothing", 404, "{\"ok\":false,\"error\":\"not found\"}");
    expect_get(port, "/put", 405, "{\"ok\":false,\"error\":\"use POST\"}");
    expect_get(port, "/delete?key=k", 405, "{\"ok\":false,\"error\":\"use POST\"}");
    expect_post(port, "/get?key=k", "{}", 405, "{\"ok\":false,\"error\":\"use GET\"}");
    expect_post_like(port, "/put", "{\"key\":", 400, "{\"ok\":false,\"error\":\"invalid JSON");
    expect_post(port, "/put", "{\"value\":\"v\"}", 400, "{\"ok\":false,\"error\":\"missing key\"}");
    expect_get(port, "/get", 400, "{\"ok\":false,\"error\":\"missing key\"}");
    expect_post(port, "/delete", NULL, 400, "{\"ok\":false,\"error\":\"missing key\"}");
    expect_get_like(port, "/get?key=a&key=b", 400, "{\"ok\":false,\"error\":\"");
    expect_post_like(port, "/cluster/add", "{\"nodeId\": 4, \"raftAddr\": \"localhost:9004\"}", 400,
                     "{\"ok\":false,\"error\":\"invalid JSON");
    expect_post_like(port, "/cluster/remove", "{\"nodeId\": \"node-4\"}", 404,
                     "{\"ok\":false,\"error\":\"NOMEMBER ");
    expect_post(port, "/cluster/add", "{\"nodeId\": \"node-4\"}", 400,
                "{\"ok\":false,\"error\":\"nodeId and raftAddr required\"}");
    expect_post(port, "/cluster/remove", "{}", 400, "{\"ok\":false,\"error\":\"nodeId required\"}");
    struct http_answer answer = http_call(port, "GET /put", "", NULL);
    CHECK(strstr(answer.headers, "\r\nAllow: POST") != NULL);
    http_answer_free(&answer);
    /* H17: a page of another site, which a browser announces. */
    answer = http_call(port, "POST /put", "Origin: http://example.org\r\n",
                       "{\"key\":\"http:csrf\",\"value\":\"v\"}");
    CHECK(answer.status == 403);
    http_answer_free(&answer);
}

void test_http_errors(struct cluster *cluster)
{
    (void)cluster_wait_leader(cluster);
    for (uint32_t node = 0; node < cluster->nodes_count; node++) {
        try_bad_requests(cluster->nodes[node].http_port);
        redisContext *client = redis_client_open(cluster->nodes[node].redis_port);
        expect(client, "(nil)", "GET http:csrf");
        redisFree(client);
    }
}

/* What one node was told over one protocol, all nodes say over both. */
void test_every_node_answers_and_agrees(struct cluster *cluster)
{
    (void)cluster_wait_leader(cluster);
    for (uint32_t writer = 0; writer < cluster->nodes_count; writer++) {
        redisContext *client = redis_client_open(cluster->nodes[writer].redis_port);
        char json[128];
        expect(client, "+OK", "SET agree:resp value-%u", writer);
        (void)snprintf(json, sizeof(json), "{\"key\":\"agree:http\",\"value\":\"%c-%u\"}", 'v',
                       writer);
        expect_post(cluster->nodes[writer].http_port, "/put", json, 200, "{\"ok\":true}");
        redisFree(client);
        for (uint32_t reader = 0; reader < cluster->nodes_count; reader++) {
            char over_resp[64], over_http[64];
            uint16_t port = cluster->nodes[reader].http_port;
            (void)snprintf(over_resp, sizeof(over_resp), "\"v-%u\"", writer);
            (void)snprintf(over_http, sizeof(over_http), "{\"ok\":true,\"value\":\"value-%u\"}",
                           writer);
            client = redis_client_open(cluster->nodes[reader].redis_port);
            expect(client, over_resp, "GET agree:http");
            expect_get(port, "/get?key=agree%3Aresp", 200, over_http);
            redisFree(client);
        }
    }
    cluster_check_agreement(cluster);
}
